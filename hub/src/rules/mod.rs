//! The rules engine: decides which alerts begin, fire and end. PURE: it reads no clock and does no I/O.
//!
//! ```text
//!   prepare(catalog, batches)          learn which rules watch the series of this group (memory only, no decision)
//!   recalls_before(now, batches, ..)   what their windows are to be filled with first, see `recall`
//!   evaluate(now, batches)   ─▶ Proposed ─▶ store.commit(transitions) ─▶ apply(proposed)
//!   handle_timeout(now)      ─▶ Proposed ─▶          "                ─▶      "           at poll_timeout()
//!   set_rules(now, ..)       ─▶ Proposed ─▶          "                ─▶      "
//!   examine(now, vitals)     ─▶ Proposed ─▶          "                ─▶      "           what ails the hub itself
//!   look_for(now, looked)    ─▶ Proposed ─▶          "                ─▶      "           how devices are
//!   reviewed(now, ..)        ─▶ Proposed ─▶          "                ─▶      "           what late readings say
//! ```
//!
//! Promises:
//!
//! - A proposal changes nothing until [`Engine::apply`]; a failed commit drops it, and memory and disk agree. One proposal
//!   is made and applied (or dropped) before the next is asked for. One without transitions needs no commit but is applied.
//! - Within a group, readings are taken in order and later ones see what earlier ones did: a group gives exactly what its
//!   readings give one by one.
//! - A device may upload an hour at once. Such an upload is judged like live readings if its newest reading is recent for that
//!   device: no older than twice the interval (at least 60 s) and its usual delay (see `rhythm`, `upload`). An alert still open at
//!   the end is told at once, with the time it began; one that is over is listed, and told as past, once a rule and device. Readings
//!   later than that are checked once they have settled (see `review`). What is imported decides nothing.
//! - A reading from the future counts as taken when it came: it hides nothing that comes after it. What is more than 5 min
//!   ahead decides nothing, unless an agent sends it whose clock is known to run so far ahead. What an agent measures whose
//!   clock is known to be slow is judged by the hub's clock as well; as long as a clock is not known its readings wait.
//! - A `for` is held by readings (see `instance`): one followed by silence fires nothing, nor does a restart.
//! - Silence means that nothing comes, whatever the clock of the device says: it is measured by when the hub received. A
//!   series never heard is not silent. After a start it counts from there: nobody is missed before `after` has passed anew,
//!   at least 60 s and one and a half of the series' intervals.
//! - A rule may look at other sensors of a device beside its own: readings of one moment count together (see `together`). What comes
//!   late of them is not looked at again.
//! - A resolved alert is over; the next one has the next id.
//! - Whatever looks back needs the readings before. They are not saved: they follow from what is stored, so a [`Recall`]
//!   reads them again, after a start and for a new rule, while readings go on.
//!
//! Cost: a reading of a series that no rule watches takes two loads. A rate keeps at most 0.5 kB a series, an increase 3 kB,
//! a deviation 2.3 kB, twice that while readings are strange, an average, a minimum, a maximum and what is stuck 2.3 kB, a season 5.3 kB,
//! a forecast 1.5 kB (see `window`, `deviation`, `summary`, `season`, `trend`). Patterns are matched once a series. A reading does not move
//! a deadline: one that comes too early looks again and is queued anew.

mod ailing;
pub mod backtest;
mod beside;
mod bounds;
pub mod compare;
mod condition;
mod count;
mod deviation;
mod devices;
mod draft;
mod edits;
mod engine;
mod example;
mod instance;
mod late;
mod look;
pub mod made;
mod matching;
pub mod notify;
mod quiet;
mod recall;
mod recount;
mod renumbered;
mod review;
mod rhythm;
mod season;
mod skim;
mod slot;
mod sources;
mod spread;
mod strip;
mod summary;
mod sums;
pub mod tally;
#[cfg(test)]
mod tests;
mod together;
mod track;
mod trend;
mod unknown;
mod upload;
mod watching;
mod window;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use self::bounds::Lately;
use self::condition::Compiled;
use self::count::Count;
use self::devices::open::Devices;
use self::draft::Draft;
use self::engine::Rebuilt;
pub use self::engine::{Engine, Proposed, Watching};
use self::instance::{Instance, end};
use self::late::Backlog;
use self::matching::Matching;
pub use self::recall::Recall;
pub use self::review::{Review, Reviewed};
use self::slot::Slot;
use self::sources::Sources;
use self::track::{Room, Track, Watch};
use self::upload::{FUTURE_MS, Upload};
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertId, AlertState, Subject};
use crate::model::catalog::Catalog;
use crate::model::device::DeviceNo;
use crate::model::reading::{Batch, Point, SeriesId, Stretch};
use crate::model::rule::{Rule, RuleId};

impl Engine {
    /// An engine with these rules, the alerts that were open when the hub stopped, and the id of the next one.
    /// At a start call [`Engine::resume`] next.
    #[must_use]
    pub fn new(rules: Vec<Rule>, open: Vec<Alert>, next_alert: u64) -> Self {
        let (mut resuming, mut ailing, mut devices) = (HashMap::new(), BTreeMap::new(), Devices::default());
        let mut selections = BTreeMap::new();
        for alert in open.into_iter().filter(|alert| alert.state != AlertState::Resolved) {
            match alert.about {
                Subject::Series { series, .. } => drop(resuming.insert((alert.rule, series), Arc::new(alert))),
                Subject::Device(device) => drop(devices.open.insert((alert.rule, device), Arc::new(alert))),
                Subject::Selection => drop(selections.insert(alert.rule, Arc::new(alert))),
                Subject::Hub(ailment) => drop(ailing.insert(ailment, Arc::new(alert))),
            }
        }
        let rules: Vec<_> = rules.into_iter().map(Compiled::new).collect();
        let counts = count::all(&rules, UnixMillis(i64::MIN), |rule| selections.remove(&rule));
        Self {
            matching: Matching::new(&rules),
            rules,
            counts,
            lost: selections.into_values().collect(),
            watched: Vec::new(),
            tracks: Vec::new(),
            unread: Vec::new(),
            deadlines: BTreeSet::new(),
            forgetful: VecDeque::new(),
            sources: Sources::default(),
            backlog: Backlog::default(),
            resuming,
            ailing,
            devices,
            next_alert,
            room: Room::default(),
            clocks: HashMap::new(),
            started: UnixMillis(i64::MIN),
            past: BTreeMap::new(),
        }
    }

    /// Takes up where the hub stopped: open alerts go on, silence begins at each series' `latest` point and is not told
    /// before as much time has passed since this start. Proposes the end of open alerts whose rule is gone.
    pub fn resume(
        &mut self,
        now: UnixMillis,
        catalog: &Catalog,
        latest: impl IntoIterator<Item = (SeriesId, Point)>,
    ) -> Proposed {
        self.started = now;
        self.counts.values_mut().for_each(|count| count.since = now);
        self.recall(now, catalog, latest);
        let mut series: Vec<_> = self.resuming.keys().map(|(_, series)| *series).collect();
        series.sort_unstable();
        series.into_iter().for_each(|id| self.meet(catalog, id));

        let mut draft = Draft::new(self, now);
        let known = |(_, series): &(RuleId, SeriesId)| catalog.series(*series).is_some();
        let mut orphans: Vec<_> = self.resuming.iter().filter(|(key, _)| known(key)).map(|(_, alert)| alert).collect();
        orphans.sort_unstable_by_key(|alert| alert.id);
        for alert in orphans {
            draft.emit(end(alert, now), (alert.id, alert.device()), &[]);
        }
        let devices = self.leave_devices(&mut draft, catalog, &self.rules, now);
        for alert in &self.lost {
            draft.emit(end(alert, now), (alert.id, None), &[]);
        }
        let proposed = Proposed { devices, ..draft.finish() };
        // Should the commit fail, the rows stay open on disk and the next start proposes their end again.
        self.resuming.clear();
        self.lost.clear();
        proposed
    }

    /// Tells the engine of each series' last stored point, so that silence can be noticed of series that say nothing any
    /// more: part of [`Engine::resume`], and useful after rules were applied.
    pub fn recall(&mut self, now: UnixMillis, catalog: &Catalog, latest: impl IntoIterator<Item = (SeriesId, Point)>) {
        for (series, point) in latest {
            self.meet(catalog, series);
            let Some(slot) = self.slot(series) else { continue };
            let Some(track) = self.tracks.get_mut(slot as usize) else { continue };
            for window in track.watches.iter_mut().filter_map(|watch| watch.window.as_mut()?.back_mut()) {
                window.begin_in_the_middle();
            }
            // Not of this start, whatever its clock says.
            track.heard = track.heard.max(Some(point.at.min(now.plus(-1))));
            if track.recent.is_empty() && point.at <= now.plus(FUTURE_MS) {
                track.last = track.last.max(Some(point.at.min(now)));
                track.rhythm.remember_last(point.at.min(now));
                track.recent.push_back(point);
            }
            self.queue(slot, false);
        }
        self.fill(None);
        self.recount();
    }

    /// Tells the engine when each series was last heard, by the hub's clock; what [`Engine::recall`] cannot know.
    pub fn hear(&mut self, heard: impl IntoIterator<Item = (SeriesId, UnixMillis)>) {
        for (series, at) in heard {
            let track = self.slot(series).and_then(|slot| self.tracks.get_mut(slot as usize));
            if let Some(track) = track {
                track.heard = track.heard.max(Some(at));
                if let Some(last) = track.rhythm.last() {
                    track.rhythm.remember_delay(at, at.since(last));
                }
            }
        }
    }

    /// Takes up the late readings that waited to be looked at when the hub stopped; after [`Engine::resume`].
    pub fn remember_late(&mut self, now: UnixMillis, late: impl IntoIterator<Item = (SeriesId, Stretch)>) {
        for (series, stretch) in late {
            self.backlog.remember(now, series, stretch);
        }
    }

    /// Tells the engine the clocks of devices minus the hub's, in milliseconds, where they are known: what agents among them
    /// measure now is judged now, and what is found late of any of them happened that much earlier.
    pub fn set_clocks(&mut self, clocks: HashMap<DeviceNo, i64>) {
        self.clocks = clocks;
    }

    /// The rules in force.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().map(|compiled| &compiled.rule)
    }

    /// Finds out who watches the series of a group; [`Engine::evaluate`] passes over a series never prepared.
    /// Decides nothing, so it needs no commit.
    pub fn prepare(&mut self, catalog: &Catalog, batches: &[Batch]) {
        for &series in batches.iter().flat_map(|batch| &batch.series) {
            self.meet(catalog, series);
        }
    }

    /// Decides what a group of readings means.
    #[must_use]
    pub fn evaluate(&mut self, now: UnixMillis, batches: &[Batch]) -> Proposed {
        let mut room = std::mem::take(&mut self.room);
        let unknown = self.tracks.iter().skip(room.bounds.len());
        room.bounds.extend(unknown.map(|track| track.bounds(&self.rules)));
        let mut draft = Draft::within(self, now, room);
        let (mut rest, mut rows) = (batches, Vec::new());
        while let Some((many, upload)) = Upload::first(now, rest, &self.clocks, |series| self.slot(series), &mut rows) {
            draft.upload(&upload, &mut rows);
            rest = rest.get(many..).unwrap_or_default();
        }
        draft.finish()
    }

    /// When [`Engine::handle_timeout`] wants to be called. May be early; then that call queues the moment anew.
    ///
    /// If the commit of a proposal failed, this lies in the past: wait a little before asking again.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<UnixMillis> {
        let counts = self.counts.iter().filter_map(|(place, count)| count.wake(self.rules.get(*place)?));
        self.deadlines.first().map(|&(at, _)| at).into_iter().chain(counts).min()
    }

    /// Decides what the passing of time means: holds that ran out, series gone silent.
    #[must_use]
    pub fn handle_timeout(&self, now: UnixMillis) -> Proposed {
        let mut draft = Draft::new(self, now);
        let due = self.deadlines.iter().take_while(|&&(at, _)| at <= now).map(|&(_, slot)| slot);
        let is_due = |(place, count): &(&usize, &Count)| {
            self.rules.get(**place).and_then(|rule| count.wake(rule)).is_some_and(|at| at <= now)
        };
        draft.pass(due, self.counts.iter().filter(is_due).map(|(place, _)| *place));
        draft.finish()
    }

    /// Makes a proposal true. Only after its transitions are on disk.
    pub fn apply(&mut self, proposed: Proposed) {
        // A proposal that was never drafted knows no next id.
        self.next_alert = self.next_alert.max(proposed.next_alert);
        for (ailment, alert) in proposed.ailing {
            match alert {
                Some(alert) => drop(self.ailing.insert(ailment, alert)),
                None => drop(self.ailing.remove(&ailment)),
            }
        }
        self.devices.apply(proposed.devices);
        self.counts.extend(proposed.counts);
        let (now, late) = proposed.late;
        self.past.retain(|_, at| now.since(*at) < draft::ONCE_MS);
        self.past.extend(proposed.told.into_iter().map(|told| (told, now)));
        for (slot, stretches) in late {
            if let Some(track) = self.tracks.get(slot as usize) {
                self.backlog.note(now, track.series, &stretches, track.late_ms);
            }
        }
        let Room { mut changes, touched, bounds, mut noted } = proposed.room;
        if self.room.bounds.is_empty() {
            self.room.bounds = bounds;
        }
        for change in changes.drain(..) {
            let (slot, due) = (change.slot, change.due);
            if let Some(track) = self.tracks.get_mut(slot as usize) {
                track.apply(change);
                self.queue(slot, due);
            }
        }
        for one in noted.drain(..) {
            let Some(slot) = one.slot.map(|slot| slot as usize) else { continue };
            if let (Some(track), Some(bounds)) = (self.tracks.get_mut(slot), self.room.bounds.get_mut(slot)) {
                track.enter(&one);
                bounds.lately = Lately::Nothing;
            }
        }
        if changes.capacity() > self.room.changes.capacity() {
            (self.room.changes, self.room.touched) = (changes, touched);
        }
        if noted.capacity() > self.room.noted.capacity() {
            self.room.noted = noted;
        }
        if let Some(rebuilt) = proposed.rebuilt {
            self.rebuild(rebuilt);
        }
    }

    fn rebuild(&mut self, rebuilt: Rebuilt) {
        self.matching = rebuilt.matching;
        self.rules = rebuilt.rules;
        self.counts = rebuilt.counts;
        self.watched.clear();
        self.tracks.clear();
        self.unread.clear();
        self.deadlines.clear();
        self.forgetful.clear();
        self.sources = Sources::default();
        for track in rebuilt.tracks {
            self.add(track);
        }
        self.fill(None);
        self.recount();
    }

    /// A track is otherwise: queues its deadline, and finds its bounds anew.
    fn queue(&mut self, slot: Slot, due: bool) {
        self.queue_deadline(slot, due);
        let track = self.tracks.get(slot as usize);
        if let Some((bounds, track)) = self.room.bounds.get_mut(slot as usize).zip(track) {
            *bounds = track.bounds(&self.rules);
        }
    }

    /// Queues a track's deadline: anew when it was `due`, else only if it wants an earlier moment than it has.
    fn queue_deadline(&mut self, slot: Slot, due: bool) {
        let Some(track) = self.tracks.get(slot as usize) else { return };
        let is_timed = |watch: &&Watch| {
            // A value that nothing is open of waits for nothing.
            watch.open.is_some() || self.rules.get(watch.rule).is_some_and(|rule| rule.of_series().is_silence())
        };
        let wants = track
            .watches
            .iter()
            .filter(is_timed)
            .filter_map(|watch| {
                self.instance(track, watch.rule, watch.open.as_ref(), 0)?.wake(track.pulse(watch, self.started))
            })
            .min();
        let keeps = track.queued.filter(|&at| !due && wants.is_none_or(|wants| at <= wants));
        if keeps.is_some() {
            return;
        }
        if let Some(at) = track.queued {
            self.deadlines.remove(&(at, slot));
        }
        if let Some(at) = wants {
            self.deadlines.insert((at, slot));
        }
        if let Some(track) = self.tracks.get_mut(slot as usize) {
            track.queued = wants;
        }
    }

    fn instance<'a>(
        &'a self,
        track: &Track,
        rule: usize,
        open: Option<&'a Arc<Alert>>,
        next: u64,
    ) -> Option<Instance<'a>> {
        let rule = self.rules.get(rule)?.of_series();
        let about = Subject::Series { device: track.device, series: track.series };
        Some(Instance { rule, about, open, next: AlertId(next) })
    }
}

//! A proposal in the making: the engine as it is, overlaid with the changes of the group so far.

mod past;
mod weighing;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::bounds::{Bounds, Lately, Noted};
use super::condition::Verdict;
use super::count::Count;
use super::engine::{Engine, Proposed};
use super::instance::{Instance, Step, is_written, spoke};
use super::late::Stretches;
use super::look::Look;
use super::slot::{BySlot, Slot};
use super::track::{Change, Room, Track, Watch};
use super::upload::Upload;
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertId, AlertState, Transition};
use crate::model::device::DeviceNo;
use crate::model::reading::{Point, Stretch};

/// Of one rule and device, at most one notification about alerts that were already over is sent in this time, in
/// milliseconds.
pub(super) const ONCE_MS: i64 = 10 * 60_000;

pub(super) struct Draft<'a> {
    engine: &'a Engine,
    now: UnixMillis,
    next_alert: u64,
    transitions: Vec<Transition>,
    changes: Vec<Change>,
    /// Place of each touched track in `changes`.
    touched: BySlot<usize>,
    /// By track, what readings of a group have to be so that they decide nothing, and those that did not.
    bounds: Vec<Bounds>,
    noted: Vec<Noted>,
    /// Readings that came too late to decide anything.
    late: BySlot<Stretches>,
    /// Alerts that old readings of the upload made fire: told when it has ended, if they still do.
    held: Vec<Held>,
    /// How many devices are in the state of a rule, by its place, where that changed.
    counts: BTreeMap<usize, Count>,
    /// While an upload, or what time means for several series, is decided: rules that count, and when a device turned last.
    turned: BTreeMap<usize, UnixMillis>,
    /// Alerts that were over when the hub learned of them, to be told.
    past: Vec<(Alert, Vec<Point>)>,
}

/// A reading that is judged: whose, where its change is, with the time it was taken at.
struct Arrived<'a> {
    track: &'a Track,
    at: usize,
    point: Point,
    /// Whether it goes on where the last one left off.
    holds: bool,
    /// Whether it is history by itself.
    is_old: bool,
}

/// An alert that fires as far as the upload has been read.
struct Held {
    /// Place of the track's change, and of the watch.
    watch: (usize, usize),
    alert: Arc<Alert>,
    at: UnixMillis,
    points: Vec<Point>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(engine: &'a Engine, now: UnixMillis) -> Self {
        Self::within(engine, now, Room::default())
    }

    /// In some room, which is empty.
    pub(super) fn within(engine: &'a Engine, now: UnixMillis, room: Room) -> Self {
        Self {
            engine,
            now,
            next_alert: engine.next_alert,
            transitions: Vec::new(),
            changes: room.changes,
            touched: room.touched,
            bounds: room.bounds,
            noted: room.noted,
            late: BySlot::default(),
            held: Vec::new(),
            counts: BTreeMap::new(),
            turned: BTreeMap::new(),
            past: Vec::new(),
        }
    }

    pub(super) fn finish(mut self) -> Proposed {
        self.weigh_turned();
        let told = self.tell_past();
        let Self { engine, transitions, changes, mut touched, bounds, noted, next_alert, now, late, counts, .. } = self;
        touched.clear();
        let room = Room { changes, touched, bounds, noted };
        let mut late: Vec<_> = late.into_iter().collect();
        late.sort_unstable_by_key(|(slot, _)| *slot);
        let waiting = late.iter().filter_map(|(slot, came)| {
            let series = engine.tracks.get(*slot as usize)?.series;
            Some((series, Some(engine.backlog.with(series, came)?)))
        });
        let waiting = waiting.collect();
        Proposed { transitions, room, next_alert, waiting, late: (now, late), told, counts, ..Proposed::default() }
    }

    /// Readings that came together, those that are watched.
    pub(super) fn upload(&mut self, upload: &Upload, rows: &mut [(Slot, Point)]) {
        // They may be said in any order; what happened has one.
        if !rows.is_sorted_by_key(|(_, point)| point.at) {
            rows.sort_by_key(|(_, point)| point.at);
        }
        // Of devices that are counted the upload says how they are now: what lay between happened while others were otherwise.
        if self.engine.sources.is_empty() {
            rows.iter().for_each(|(slot, point)| self.reading(*slot, upload, *point));
        } else {
            rows.chunk_by(|one, next| one.1.at == next.1.at).for_each(|rows| self.moment(upload, rows));
        }
        for held in std::mem::take(&mut self.held) {
            self.put(&held.alert, held.at, held.points);
        }
        self.weigh_turned();
    }

    /// The readings of one moment: what looks at several of them sees all before it decides.
    fn moment(&mut self, upload: &Upload, rows: &[(Slot, Point)]) {
        let arrived = rows.iter().filter_map(|(slot, point)| self.arrive(*slot, upload, *point));
        let arrived: Vec<_> = arrived.collect();
        let mut fed = Vec::new();
        for one in &arrived {
            for &(rule, part) in &one.track.feeds {
                for &(slot, watch) in self.engine.sources.watches((rule, one.track.device)) {
                    let Some(track) = self.engine.tracks.get(slot as usize) else { continue };
                    let at = self.touch(slot, track);
                    let look = self.changes[at].look_mut(track, watch);
                    if let Some(together) = look.and_then(|look| look.beside_mut()) {
                        together.feed(part, one.track.kind, one.point, upload.came);
                        fed.push((track, at, watch, one.point.at, one.is_old));
                    }
                }
            }
        }
        arrived.iter().for_each(|one| self.decide(upload, one));
        for (track, at, watch, taken, is_old) in fed {
            let together = self.changes[at].look_mut(track, watch).and_then(|look| look.beside_mut());
            let Some(judged) = together.and_then(|together| together.judge(taken)) else { continue };
            let holds = self.changes[at].holds(track, watch).unwrap_or(true);
            self.step(track, at, watch, is_old, |instance, _| instance.on_reading(taken, judged, holds));
        }
    }

    /// A reading of a watched series.
    fn reading(&mut self, slot: Slot, upload: &Upload, point: Point) {
        let bounds = self.bounds.get_mut(slot as usize);
        if bounds.is_some_and(|bounds| bounds.note(slot, upload, point, &mut self.noted)) {
            return;
        }
        if let Some(arrived) = self.arrive(slot, upload, point) {
            self.decide(upload, &arrived);
        }
    }

    /// A reading comes: what it is to be judged by, if it is.
    fn arrive(&mut self, slot: Slot, upload: &Upload, point: Point) -> Option<Arrived<'a>> {
        let track = self.engine.tracks.get(slot as usize)?;
        let at = self.touch(slot, track);
        let change = &mut self.changes[at];
        let strictly = !upload.is_pushed && !spoke(change.heard, self.engine.started);
        if !upload.is_imported {
            change.heard = change.heard.max(Some(upload.came));
        }
        let taken = upload.taken(slot, point.at);
        let timely = taken.filter(|taken| change.is_timely(track, upload, slot, *taken));
        let Some(taken) = timely else {
            self.late(track, slot, upload, point.at);
            self.heard(track, at, upload);
            return None;
        };
        if upload.is_pushed {
            change.rhythm.suppose_gap(upload.spacing_ms(slot));
        }
        let holds = change.rhythm.holds(taken, strictly);
        let is_old = upload.came.since(taken) > change.patience_ms(track);
        change.last = Some(taken.min(upload.came));
        change.rhythm.beat(taken);
        change.push(point);
        Some(Arrived { track, at, point: Point { at: taken, ..point }, holds, is_old })
    }

    /// What the rules of its series make of a reading.
    fn decide(&mut self, upload: &Upload, arrived: &Arrived<'a>) {
        let Arrived { track, at, point, holds, is_old } = *arrived;
        for watch in 0..track.watches.len() {
            let Some(rule) = self.engine.rules.get(track.watches[watch].rule) else { continue };
            let condition = &rule.of_series().rule.spec.condition;
            let judged = self.changes[at].measure(track, condition, watch, point);
            // Nothing is open and nothing begins: so it is with nearly every reading.
            if self.changes[at].open(track, watch).is_none()
                && judged.is_none_or(|judged| judged.verdict != Verdict::Bad)
            {
                continue;
            }
            let holds = self.changes[at].holds(track, watch).unwrap_or(holds);
            self.step(track, at, watch, is_old, |instance, change| {
                // A rule is about values or about silence: one of the two always stays.
                match (instance.on_heard(upload.came), judged) {
                    (Step::Stay, Some(judged)) if change.is_new_normal(watch) => {
                        instance.on_new_normal(point.at, judged.measured)
                    }
                    (Step::Stay, judged) => instance.on_reading(point.at, judged, holds),
                    (heard, _) => heard,
                }
            });
        }
    }

    /// Something came of a series that says nothing of this moment.
    fn heard(&mut self, track: &'a Track, at: usize, upload: &Upload) {
        if upload.is_imported {
            return;
        }
        for watch in 0..track.watches.len() {
            self.step(track, at, watch, false, |instance, _| instance.on_heard(upload.came));
        }
    }

    /// A reading of a watched series that is not judged as it comes. Of what is imported nothing is entered: a backtest says what a
    /// rule would have found in it.
    fn late(&mut self, track: &Track, slot: Slot, upload: &Upload, at: UnixMillis) {
        if track.judged && upload.may_be_reviewed(at) {
            self.late.entry(slot).or_default().add(Stretch::at(at), track.late_ms);
        }
    }

    /// A track's deadline came.
    pub(super) fn due(&mut self, slot: Slot) {
        let Some(track) = self.engine.tracks.get(slot as usize) else { return };
        let (now, started) = (self.now, self.engine.started);
        let at = self.touch(slot, track);
        self.changes[at].due = true;
        for watch in 0..track.watches.len() {
            self.step(track, at, watch, false, |instance, change| {
                instance.on_timeout(now, change.pulse(track, watch, started))
            });
        }
    }

    /// Writes down a change of an alert, about this device, that no track holds (any more).
    pub(super) fn emit<'p>(
        &mut self,
        step: Step,
        (alert, of): (AlertId, Option<DeviceNo>),
        points: impl IntoIterator<Item = &'p Point>,
    ) {
        match step {
            Step::Stay | Step::Worsen(_) => {}
            Step::Cancel => self.transitions.push(Transition::Cancel(alert, of)),
            Step::Become(alert, at) => self.put(&alert, at, points.into_iter().copied().collect()),
        }
    }

    /// Writes down an alert that goes on in another watch, with other numbers.
    pub(super) fn amend(&mut self, alert: &Arc<Alert>, watch: &mut Watch) {
        self.amended(alert);
        watch.open = Some(Arc::clone(alert));
    }

    /// Writes down an alert that goes on as it is now.
    pub(super) fn amended(&mut self, alert: &Alert) {
        self.transitions.push(Transition::Amend(alert.clone()));
    }

    /// Place of a track's change in the list, made when first needed.
    fn touch(&mut self, slot: Slot, track: &Track) -> usize {
        let at = self.changes.len();
        let change = || Change::of(slot, track);
        let place = u32::try_from(at).ok();
        let Some((bounds, place)) = self.bounds.get_mut(slot as usize).zip(place) else {
            let changes = &mut self.changes;
            return *self.touched.entry(slot).or_insert_with(|| {
                changes.push(change());
                at
            });
        };
        if let Lately::Changed(at) = bounds.lately {
            return at as usize;
        }
        let mut change = change();
        bounds.take_noted(&mut self.noted).iter().for_each(|noted| change.enter(noted));
        bounds.lately = Lately::Changed(place);
        self.changes.push(change);
        at
    }

    /// Makes one instance decide, and shows its decision to later ones. `is_old`: by a reading that is history by itself.
    fn step(
        &mut self,
        track: &'a Track,
        at: usize,
        watch: usize,
        is_old: bool,
        decide: impl FnOnce(&Instance<'_>, &Change) -> Step,
    ) {
        let change = &self.changes[at];
        let open = change.open(track, watch);
        let Some(instance) = self.engine.instance(track, track.watches[watch].rule, open, self.next_alert) else {
            return;
        };
        let was = open.cloned();
        let step = decide(&instance, change);
        if self.engine.counts.contains_key(&track.watches[watch].rule) {
            return self.turn(track, at, watch, step);
        }
        match step {
            Step::Stay => {}
            Step::Worsen(alert) => {
                match self.held.iter_mut().find(|held| held.watch == (at, watch)) {
                    Some(held) => held.alert = Arc::clone(&alert),
                    None if was.is_some_and(|was| is_written(&was, &alert)) => {
                        self.amended(&alert);
                    }
                    None => {}
                }
                self.changes[at].set_open(watch, Some(alert));
            }
            Step::Cancel => {
                self.transitions.extend(was.map(|alert| Transition::Cancel(alert.id, alert.device())));
                self.changes[at].set_open(watch, None);
                if let Some(together) = self.changes[at].look_mut(track, watch).and_then(Look::beside_mut) {
                    together.let_go();
                }
            }
            Step::Become(mut alert, when) => {
                let points = change.recent(track);
                // Of what began and ended in one upload what fired it is of interest, of others what they ended by.
                let is_held = self.held.iter().any(|held| held.watch == (at, watch));
                if alert.state != AlertState::Resolved || !is_held {
                    let mut parts = change.parts(track, watch);
                    if !parts.is_empty() {
                        let rule = track.watches[watch].rule;
                        for (place, part) in parts.iter_mut().enumerate() {
                            part.unit = self.engine.unit_of_part(track, rule, place).to_owned();
                        }
                        Arc::make_mut(&mut alert).parts = parts.into();
                    }
                    if let Some(usual) = change.usual(track, watch) {
                        Arc::make_mut(&mut alert).usual = Some(usual);
                    }
                }
                self.next_alert += u64::from(was.is_none());
                let held = self.held.iter().position(|held| held.watch == (at, watch));
                let open = Some(Arc::clone(&alert)).filter(|alert| alert.state != AlertState::Resolved);
                self.changes[at].set_open(watch, open);
                match (alert.state, held) {
                    (AlertState::Firing, None) if is_old => {
                        self.held.push(Held { watch: (at, watch), alert, at: when, points });
                    }
                    // It began and ended before anybody could be told.
                    (AlertState::Resolved, Some(held)) => {
                        let Held { points, at, .. } = self.held.swap_remove(held);
                        let over =
                            Alert { state: AlertState::Historical, learned_at: self.now, ..Alert::clone(&alert) };
                        self.put(&over, at, Vec::new());
                        self.past.push((over, points));
                    }
                    _ => self.put(&alert, when, points),
                }
            }
        }
    }

    fn put(&mut self, alert: &Alert, occurred_at: UnixMillis, points: Vec<Point>) {
        let alert = Alert { learned_at: self.now, ..alert.clone() };
        self.transitions.push(Transition::Put { alert, occurred_at, points });
    }
}

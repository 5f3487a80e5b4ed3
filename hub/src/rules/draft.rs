//! A proposal in the making: the engine as it is, and over it what the group has changed so far.

use super::instance::{Instance, Step};
use super::late::Stretches;
use super::track::{BySlot, Change, Slot, Track};
use super::{Engine, FUTURE_MS, Proposed};
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertId, AlertState, Transition};
use crate::model::reading::{Point, Stretch};

pub(super) struct Draft<'a> {
    engine: &'a Engine,
    now: UnixMillis,
    next_alert: u64,
    transitions: Vec<Transition>,
    changes: Vec<Change>,
    /// Place of each touched track in `changes`.
    touched: BySlot<usize>,
    /// Readings that came too late to decide anything.
    late: BySlot<Stretches>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(engine: &'a Engine, now: UnixMillis) -> Self {
        Self {
            engine,
            now,
            next_alert: engine.next_alert,
            transitions: Vec::new(),
            changes: Vec::new(),
            touched: BySlot::default(),
            late: BySlot::default(),
        }
    }

    pub(super) fn finish(self) -> Proposed {
        let Self { engine, transitions, changes, next_alert, now, late, .. } = self;
        let mut late: Vec<_> = late.into_iter().collect();
        late.sort_unstable_by_key(|(slot, _)| *slot);
        let waiting = late.iter().filter_map(|(slot, came)| {
            let series = engine.tracks.get(*slot as usize)?.series;
            Some((series, Some(engine.backlog.with(series, came)?)))
        });
        let waiting = waiting.collect();
        Proposed { transitions, changes, next_alert, waiting, late: (now, late), ..Proposed::default() }
    }

    /// A live reading of a watched series, received at `heard`.
    pub(super) fn reading(&mut self, slot: Slot, heard: UnixMillis, point: Point) {
        let Some(track) = self.engine.tracks.get(slot as usize) else { return };
        let at = self.touch(slot, track);
        let change = &mut self.changes[at];
        change.heard = change.heard.max(Some(heard));
        let age = self.now.since(point.at);
        let timely = age <= track.late_ms && age >= -FUTURE_MS;
        let counts = timely && change.last.is_none_or(|last| point.at >= last);
        if counts {
            change.last = Some(point.at);
            change.push(point);
        } else {
            self.late(slot, point.at);
        }
        for watch in 0..track.watches.len() {
            let measured = if counts { self.changes[at].measure(track, watch, point) } else { None };
            self.step(track, at, watch, |instance, _| {
                // A rule is about values or about silence: one of the two always stays.
                match (instance.on_heard(heard), measured) {
                    (Step::Stay, Some(measured)) => instance.on_reading(point.at, measured),
                    (heard, _) => heard,
                }
            });
        }
    }

    /// A reading of a watched series that is not judged as it comes.
    pub(super) fn late(&mut self, slot: Slot, at: UnixMillis) {
        let Some(track) = self.engine.tracks.get(slot as usize).filter(|track| track.judged) else { return };
        if self.now.since(at) >= -FUTURE_MS {
            self.late.entry(slot).or_default().add(Stretch::at(at), track.late_ms);
        }
    }

    /// A track's deadline came.
    pub(super) fn due(&mut self, slot: Slot) {
        let Some(track) = self.engine.tracks.get(slot as usize) else { return };
        let (now, grace) = (self.now, self.engine.grace);
        let at = self.touch(slot, track);
        self.changes[at].due = true;
        for watch in 0..track.watches.len() {
            self.step(track, at, watch, |instance, change| {
                instance.on_timeout(now, change.heard, change.last_measured(track, watch), grace)
            });
        }
    }

    /// Writes down a change of an alert that no track holds (any more).
    pub(super) fn emit(&mut self, step: Step, alert: AlertId, points: &[Point]) {
        match step {
            Step::Stay => {}
            Step::Cancel => self.transitions.push(Transition::Cancel(alert)),
            Step::Become(alert, at) => self.put(&alert, at, points.to_vec()),
        }
    }

    /// Place of a track's change in the list, made when first needed.
    fn touch(&mut self, slot: Slot, track: &Track) -> usize {
        *self.touched.entry(slot).or_insert_with(|| {
            self.changes.push(Change::of(slot, track));
            self.changes.len() - 1
        })
    }

    /// Lets one instance decide, and makes later ones see what it decided.
    fn step(&mut self, track: &'a Track, at: usize, watch: usize, decide: impl FnOnce(&Instance<'_>, &Change) -> Step) {
        let change = &self.changes[at];
        let open = change.open(track, watch);
        let Some(instance) = self.engine.instance(track, track.watches[watch].rule, open, self.next_alert) else {
            return;
        };
        let was = open.map(|alert| alert.id);
        match decide(&instance, change) {
            Step::Stay => {}
            Step::Cancel => {
                self.transitions.extend(was.map(Transition::Cancel));
                self.changes[at].set_open(watch, None);
            }
            Step::Become(alert, when) => {
                let points = change.recent(track);
                self.put(&alert, when, points);
                self.next_alert += u64::from(was.is_none());
                let open = Some(alert).filter(|alert| alert.state != AlertState::Resolved);
                self.changes[at].set_open(watch, open);
            }
        }
    }

    fn put(&mut self, alert: &Alert, occurred_at: UnixMillis, points: Vec<Point>) {
        let alert = Alert { learned_at: self.now, ..alert.clone() };
        self.transitions.push(Transition::Put { alert, occurred_at, points });
    }
}

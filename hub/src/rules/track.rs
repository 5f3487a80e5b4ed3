//! What the engine remembers of one watched series, and a proposed change to it.

use std::collections::VecDeque;
use std::sync::Arc;

use super::bounds::{Bounds, Noted};
use super::condition::{Compiled, Judged};
use super::instance::Pulse;
use super::look::Look;
use super::rhythm::Rhythm;
use super::slot::{BySlot, Slot};
use super::together::Together;
use super::upload::Upload;
use crate::model::alert::{self, Alert, Usual};
use crate::model::device::DeviceNo;
use crate::model::reading::{Point, SeriesId};
use crate::model::rule::Condition;
use crate::model::{SensorKind, UnixMillis};

/// Points kept of a watched series: what a webhook body shows of the minutes before an alert.
pub(super) const RECENT: usize = 30;

/// What a window holds of the readings before the first that its rule judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Past {
    /// The store is to be asked.
    Unasked,
    /// It was asked.
    Asked,
    /// They are there, by a clock that is supposed to be so many milliseconds ahead of the hub's.
    Supposed(i64),
    /// They are there, by the clock of the readings that came since; `is_sure` once nothing more will be learned of it.
    Fits { ahead_ms: i64, is_sure: bool },
}

/// One rule watching one series.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    /// Place of the rule in the engine.
    pub(super) rule: usize,
    /// The pending or firing alert.
    pub(super) open: Option<Arc<Alert>>,
    /// What a condition remembers that is about more than the last value.
    pub(super) window: Option<Look>,
    /// What it holds of what came before.
    pub(super) past: Past,
}

impl Watch {
    /// Goes on as another watch did, of a rule that means the same.
    pub(super) fn go_on(&mut self, was: &Self) {
        self.open.clone_from(&was.open);
        let kind = |watch: &Self| watch.window.as_ref().map(|window| window.kind());
        if kind(self) == kind(was) {
            self.window.clone_from(&was.window);
            self.past = was.past;
        }
    }
}

/// One series that at least one rule watches.
#[derive(Debug, Clone)]
pub(super) struct Track {
    pub(super) series: SeriesId,
    pub(super) device: DeviceNo,
    /// As it is called: for those who are told of several.
    pub(super) device_name: Box<str>,
    pub(super) kind: SensorKind,
    pub(super) unit: Box<str>,
    /// A reading older than this when the hub learns of it is not evaluated.
    pub(super) late_ms: i64,
    /// Whether a rule is about its values, not only about its silence: then late readings are looked at later.
    pub(super) judged: bool,
    /// Readings from before this were overtaken: time of the last evaluated one, never ahead of the hub's clock.
    pub(super) last: Option<UnixMillis>,
    /// When the series was last heard, by the hub's clock.
    pub(super) heard: Option<UnixMillis>,
    pub(super) rhythm: Rhythm,
    /// Evaluated points, oldest first, at most [`RECENT`].
    pub(super) recent: VecDeque<Point>,
    pub(super) watches: Vec<Watch>,
    /// Rules that look at it beside another series of the device, by their place and the part it is.
    pub(super) feeds: Vec<(usize, usize)>,
    /// Its entry in the engine's deadlines; never later than the first moment it needs.
    pub(super) queued: Option<UnixMillis>,
}

/// A track as it would be: the differences only, so that an unchanged alert costs nothing.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) slot: Slot,
    pub(super) last: Option<UnixMillis>,
    pub(super) heard: Option<UnixMillis>,
    pub(super) rhythm: Rhythm,
    /// The newest point evaluated, of most series the only one of a group.
    pub(super) newest: Option<Point>,
    /// Points evaluated before it, oldest first; at least the newest [`RECENT`] of them.
    pub(super) fresh: Vec<Point>,
    /// Alerts that changed, by place of the watch.
    pub(super) open: Vec<(usize, Option<Arc<Alert>>)>,
    /// Windows that took readings, by place of the watch. Copied at the group's first reading: some 400 bytes each, which share what
    /// did not change with the window they will replace (see `strip`).
    pub(super) windows: Windows,
    /// Its deadline came: it is queued anew.
    pub(super) due: bool,
}

/// Windows that took readings, by place of the watch: of most series a single one.
#[derive(Debug, Clone, Default)]
pub(super) struct Windows {
    first: Option<(usize, Look)>,
    others: Vec<(usize, Look)>,
}

impl Windows {
    fn get(&self, watch: usize) -> Option<&Look> {
        self.first.iter().chain(&self.others).find(|(at, _)| *at == watch).map(|(_, look)| look)
    }

    fn get_mut(&mut self, watch: usize) -> Option<&mut Look> {
        self.first.iter_mut().chain(&mut self.others).find(|(at, _)| *at == watch).map(|(_, look)| look)
    }

    fn add(&mut self, watch: usize, look: Look) {
        if self.first.is_none() {
            self.first = Some((watch, look));
        } else {
            self.others.push((watch, look));
        }
    }
}

/// Room for what a group changes. It is used again for the next one: of ten thousand series it is megabytes, which cost more to ask the
/// system for than what is written into them.
#[derive(Debug, Default)]
pub(super) struct Room {
    pub(super) changes: Vec<Change>,
    pub(super) touched: BySlot<usize>,
    /// By track, as far as they are known; only while a group of readings is decided.
    pub(super) bounds: Vec<Bounds>,
    /// Readings that decide nothing.
    pub(super) noted: Vec<Noted>,
}

impl Change {
    pub(super) fn of(slot: Slot, track: &Track) -> Self {
        Self {
            slot,
            last: track.last,
            heard: track.heard,
            rhythm: track.rhythm,
            newest: None,
            fresh: Vec::new(),
            open: Vec::new(),
            windows: Windows::default(),
            due: false,
        }
    }

    /// How the series is heard, as far as the group goes, and what a watch makes of it.
    pub(super) fn pulse(&self, track: &Track, watch: usize, started: UnixMillis) -> Pulse<'_> {
        let beside = self.look(track, watch).and_then(Look::beside).and_then(Together::heard);
        let measured = self.measured(track, watch);
        Pulse { heard: self.heard.max(beside), rhythm: &self.rhythm, started, measured }
    }

    /// How old the newest reading of an upload may be, so that it tells of this moment.
    pub(super) const fn patience_ms(&self, track: &Track) -> i64 {
        track.late_ms + self.rhythm.usual_delay_ms()
    }

    /// Whether a reading is judged as it comes: it was not overtaken, and what came with it tells of this moment.
    pub(super) fn is_timely(&mut self, track: &Track, upload: &Upload, slot: Slot, taken: UnixMillis) -> bool {
        if upload.is_imported || upload.is_backlog {
            return false;
        }
        let age = upload.age_ms(slot, taken);
        if self.rhythm.last().is_none_or(|last| taken >= last) {
            self.rhythm.arrive(upload.came, age);
        }
        // Of a series that nothing is known of yet, how far apart they lie says how old the newest may be.
        let is_unknown = track.rhythm.last().is_none();
        let spacing_ms = if is_unknown { upload.spacing_ms(slot) } else { 0 };
        let patience = self.patience_ms(track).max(spacing_ms.saturating_mul(2));
        age <= patience && self.last.is_none_or(|last| taken >= last)
    }

    pub(super) fn open<'a>(&'a self, track: &'a Track, watch: usize) -> Option<&'a Arc<Alert>> {
        match self.open.iter().find(|(at, _)| *at == watch) {
            Some((_, open)) => open.as_ref(),
            None => track.watches.get(watch)?.open.as_ref(),
        }
    }

    pub(super) fn set_open(&mut self, watch: usize, open: Option<Arc<Alert>>) {
        match self.open.iter_mut().find(|(at, _)| *at == watch) {
            Some((_, was)) => *was = open,
            None => self.open.push((watch, open)),
        }
    }

    /// What a reading measures for one watch, which learns from it; `None` when nothing can be said.
    pub(super) fn measure(
        &mut self,
        track: &Track,
        condition: &Condition,
        watch: usize,
        point: Point,
    ) -> Option<Judged> {
        if track.watches.get(watch)?.window.is_none() {
            return Some(Judged::of(condition, point.value));
        }
        self.look_mut(track, watch)?.take(point)
    }

    /// Whether the last reading made a level that stayed the usual one of a watch.
    pub(super) fn is_new_normal(&self, watch: usize) -> bool {
        self.windows.get(watch).is_some_and(Look::is_new_normal)
    }

    /// What a watch remembers by now.
    fn look<'a>(&'a self, track: &'a Track, watch: usize) -> Option<&'a Look> {
        self.windows.get(watch).or_else(|| track.watches.get(watch)?.window.as_ref())
    }

    /// The same, to change it.
    pub(super) fn look_mut<'a>(&'a mut self, track: &Track, watch: usize) -> Option<&'a mut Look> {
        if self.windows.get(watch).is_none() {
            self.windows.add(watch, track.watches.get(watch)?.window.clone()?);
        }
        self.windows.get_mut(watch)
    }

    /// Whether what was judged last goes on where it had left off, where a watch is about several series.
    pub(super) fn holds(&self, track: &Track, watch: usize) -> Option<bool> {
        Some(self.look(track, watch)?.beside()?.holds())
    }

    /// What each of the conditions measured that a watch joins; nothing where it joins none.
    pub(super) fn parts(&self, track: &Track, watch: usize) -> Vec<alert::Part> {
        self.look(track, watch).and_then(Look::beside).map(Together::told).unwrap_or_default()
    }

    /// What is usual beside what the last reading measured for a watch.
    pub(super) fn usual(&self, track: &Track, watch: usize) -> Option<Usual> {
        self.look(track, watch).and_then(Look::usual)
    }

    /// What the last reading measured for a watch.
    fn measured(&self, track: &Track, watch: usize) -> Option<f64> {
        match self.look(track, watch) {
            Some(look) => look.measured(),
            None => self.newest.as_ref().or_else(|| track.recent.back()).map(|point| point.value),
        }
    }

    pub(super) fn push(&mut self, point: Point) {
        let Some(before) = self.newest.replace(point) else { return };
        if self.fresh.len() >= 2 * RECENT {
            self.fresh.drain(..RECENT);
        }
        self.fresh.push(before);
    }

    /// A reading that decided nothing.
    pub(super) fn enter(&mut self, noted: &Noted) {
        let Noted { is_pushed, came, taken, point, .. } = *noted;
        self.heard = self.heard.max(Some(came));
        self.rhythm.enter(came, taken, is_pushed);
        self.last = Some(taken.min(came));
        self.push(point);
    }

    /// The newest points, oldest first.
    pub(super) fn recent(&self, track: &Track) -> Vec<Point> {
        let all = track.recent.len() + self.fresh.len() + usize::from(self.newest.is_some());
        let points = track.recent.iter().chain(&self.fresh).chain(&self.newest);
        points.skip(all.saturating_sub(RECENT)).copied().collect()
    }
}

impl Track {
    /// Whether a rule looks back at it by a window.
    pub(super) fn looks_back(&self) -> bool {
        self.watches.iter().any(|watch| watch.window.as_ref().is_some_and(|look| look.back().is_some()))
    }

    /// How it is heard, and what a watch makes of it.
    pub(super) fn pulse(&self, watch: &Watch, started: UnixMillis) -> Pulse<'_> {
        let measured = match &watch.window {
            Some(window) => window.measured(),
            None => self.recent.back().map(|point| point.value),
        };
        let beside = watch.window.as_ref().and_then(|look| look.beside()).and_then(Together::heard);
        Pulse { heard: self.heard.max(beside), rhythm: &self.rhythm, started, measured }
    }

    pub(super) fn apply(&mut self, change: Change) {
        self.last = change.last;
        self.heard = change.heard;
        self.rhythm = change.rhythm;
        change.fresh.into_iter().chain(change.newest).for_each(|point| self.push(point));
        for (watch, open) in change.open {
            if let Some(watch) = self.watches.get_mut(watch) {
                watch.open = open;
            }
        }
        for (watch, window) in change.windows.first.into_iter().chain(change.windows.others) {
            if let Some(watch) = self.watches.get_mut(watch) {
                watch.window = Some(window);
            }
        }
    }

    /// What a reading has to be so that these rules decide nothing.
    pub(super) fn bounds(&self, rules: &[Compiled]) -> Bounds {
        let last = self.last.filter(|_| self.heard.is_some() && self.feeds.is_empty());
        let bounds = last.and_then(|last| {
            self.watches.iter().try_fold(Bounds::behind(last), |bounds, watch| {
                let is_plain = watch.open.is_none() && watch.window.is_none();
                let rule = rules.get(watch.rule).filter(|_| is_plain)?;
                bounds.under(&rule.of_series().rule.spec.condition, self.queued.is_some())
            })
        });
        bounds.unwrap_or(Bounds::NONE)
    }

    /// A reading that decided nothing.
    pub(super) fn enter(&mut self, noted: &Noted) {
        let Noted { is_pushed, came, taken, point, .. } = *noted;
        self.heard = self.heard.max(Some(came));
        self.rhythm.enter(came, taken, is_pushed);
        self.last = Some(taken.min(came));
        self.push(point);
    }

    fn push(&mut self, point: Point) {
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(point);
    }
}

//! Reads again from the store what a rule that looks back has to remember: after a start, and for a new rule.
//!
//! A window follows from stored readings. Saving it as well would be a second truth that costs a write a step, and
//! without the past a new rule over a day would know nothing until tomorrow. It is read at two moments:
//!
//! - **Ahead of time**, one series at a time while the hub works ([`Engine::next_recall`]): what lies before the last
//!   stored reading. Until then the rule knows only the readings that came since, and decides nothing as long as they
//!   are too few.
//! - **Before the first reading is judged** ([`Engine::recalls_before`]), if nothing was read yet or what was read does
//!   not fit that reading. Only it tells by which clock the stored ones were taken: whose clock runs ahead, whose is
//!   slow. What claims to be later than it is left out. The clock of an agent is known some seconds after its first
//!   readings; then it is done once more.

use super::engine::Engine;
use super::season;
use super::slot::{BySlot, Slot};
use super::track::{Change, Past, Track, Watch};
use super::upload::{SAME_MS, Upload};
use super::window::Window;
use crate::counter::Lead;
use crate::model::UnixMillis;
use crate::model::reading::{Batch, Point, SeriesId};
use crate::model::rule::RuleId;

/// A window to be filled: tell it what lies before `from` if it wants that ([`Recall::begin_behind`]), read the series' points with
/// `from <= at < to`, oldest first, hand them to [`Recall::take`], and it to [`Engine::recalled`].
#[derive(Debug)]
pub struct Recall {
    pub series: SeriesId,
    /// Start, included.
    pub from: UnixMillis,
    /// End, not included.
    pub to: UnixMillis,
    rule: RuleId,
    /// The series whose rule it is, and of several series that it looks at which one this is.
    target: (SeriesId, Option<usize>),
    window: Box<Window>,
    /// The device's clock minus the hub's, in milliseconds, as far as it is known.
    ahead_ms: i64,
    /// Whether a reading told the clock, and whether for good.
    fits: Option<bool>,
}

impl Recall {
    /// Whether it wants to know what lies before.
    #[must_use]
    pub const fn wants_lead(&self) -> bool {
        self.window.wants_lead()
    }

    /// Begins behind what lies before.
    pub fn begin_behind(&mut self, lead: &Lead) {
        self.window.begin_behind(lead);
    }

    /// The time of which the means of the hours say enough, whole hours, oldest first; to be told by [`Recall::take_hours`] before
    /// any point. What cannot be told is read point by point.
    #[must_use]
    pub fn wants_hours(&self) -> Option<(UnixMillis, UnixMillis)> {
        self.window.wants_hours((self.from, self.to))
    }

    /// Takes the means of these hours, none where there was no reading; points are wanted from behind them.
    pub fn take_hours(&mut self, (from, to): (UnixMillis, UnixMillis), means: &[Option<f64>]) {
        for (hour, mean) in (0..).zip(means) {
            if let Some(mean) = mean {
                // The hour that most of it lies in, by the hub's clock.
                let middle = from.plus(hour * season::HOUR_MS + season::HOUR_MS / 2 - self.ahead_ms);
                self.window.learn_hour(middle, *mean);
            }
        }
        self.from = to;
    }

    /// Takes some of the points, in order.
    pub fn take(&mut self, points: &[Point]) {
        for point in points {
            self.window.take(Point { at: point.at.plus(-self.ahead_ms), ..*point });
        }
    }
}

impl Watch {
    /// Whether a reading is to be held against what was read for it.
    fn is_unfit(&self, knows_clock: bool) -> bool {
        self.window.as_ref().is_some_and(|look| look.back().is_some())
            && match self.past {
                Past::Unasked | Past::Asked | Past::Supposed(_) => true,
                Past::Fits { is_sure, .. } => !is_sure && knows_clock,
            }
    }

    /// Holds a reading of a clock so far ahead against what was read; whether that is to be read again.
    fn refuses(&mut self, taken: UnixMillis, ahead_ms: i64, is_sure: bool) -> bool {
        let Some(window) = self.window.as_ref().and_then(|look| look.back()) else { return false };
        let was_ms = match self.past {
            Past::Supposed(was_ms) if window.began().is_some() && window.last().is_none_or(|last| last < taken) => {
                was_ms
            }
            Past::Fits { ahead_ms, .. } => ahead_ms,
            Past::Unasked | Past::Asked | Past::Supposed(_) => return true,
        };
        if was_ms.abs_diff(ahead_ms) > SAME_MS.unsigned_abs() {
            return true;
        }
        self.past = Past::Fits { ahead_ms: was_ms, is_sure };
        false
    }
}

impl Engine {
    /// The next window that the store may know more of; each is asked for once.
    pub fn next_recall(&mut self, now: UnixMillis) -> Option<Recall> {
        loop {
            let (slot, rule, part) = self.forgetful.pop_front()?;
            let recall = match part {
                None => self.recall_of(now, slot, rule),
                Some(part) => self.recall_part(now, slot, rule, part),
            };
            if recall.is_some() {
                return recall;
            }
        }
    }

    fn recall_of(&mut self, now: UnixMillis, slot: Slot, place: usize) -> Option<Recall> {
        let track = self.tracks.get_mut(slot as usize)?;
        let ahead_ms = self.clocks.get(&track.device).copied().unwrap_or(0);
        let last = track.last_by(now.plus(ahead_ms));
        let watch = track.watches.iter_mut().find(|watch| watch.rule == place)?;
        let window = watch.window.as_ref()?.back()?;
        if watch.past != Past::Unasked {
            return None;
        }
        watch.past = Past::Asked;
        let empty = Window::new(window.condition(), window.kind())?;
        Some(Recall {
            series: track.series,
            from: last.plus(-empty.reach_ms()),
            to: last.plus(1),
            rule: self.rules.get(place)?.rule.id,
            target: (track.series, None),
            window: Box::new(empty),
            ahead_ms,
            fits: None,
        })
    }

    /// A part of what is joined may look back as well: at this series, or at one beside it.
    fn recall_part(&self, now: UnixMillis, slot: Slot, place: usize, part: usize) -> Option<Recall> {
        let (track, rule) = (self.tracks.get(slot as usize)?, self.rules.get(place)?);
        let watch = track.watches.iter().find(|watch| watch.rule == place)?;
        let condition = watch.window.as_ref()?.beside()?.condition(part)?;
        let is_own = !rule.sources.iter().any(|(of, _)| *of == part);
        let from = if is_own { Some(slot) } else { self.sources.feed((place, track.device), part) };
        let of = self.tracks.get(from? as usize)?;
        let ahead_ms = self.clocks.get(&track.device).copied().unwrap_or(0);
        let last = of.last_by(now.plus(ahead_ms));
        let empty = Window::new(condition, of.kind)?;
        Some(Recall {
            series: of.series,
            from: last.plus(-empty.reach_ms()),
            to: last.plus(1),
            rule: rule.rule.id,
            target: (track.series, Some(part)),
            window: Box::new(empty),
            ahead_ms,
            fits: None,
        })
    }

    /// What is to be read before a group is judged; after [`Engine::prepare`]. What cannot be read in time may be left out: it
    /// is asked for again with the next group. Of a series of which nothing `is_stored` there is nothing to read.
    pub fn recalls_before(
        &mut self,
        now: UnixMillis,
        batches: &[Batch],
        is_stored: impl Fn(SeriesId) -> bool,
    ) -> Vec<Recall> {
        let mut recalls = Vec::new();
        if !batches.iter().flat_map(|batch| &batch.series).any(|series| self.unfit(*series)) {
            return recalls;
        }
        let (mut rest, mut rows) = (batches, Vec::new());
        while let Some((many, upload)) = Upload::first(now, rest, &self.clocks, |series| self.slot(series), &mut rows) {
            rest = rest.get(many..).unwrap_or_default();
            rows.retain(|(slot, _)| self.is_unfit(*slot));
            rows.sort_by_key(|(_, point)| point.at);
            let mut seen = BySlot::<()>::default();
            for (slot, point) in &rows {
                if !seen.contains_key(slot) && self.hold_against(*slot, &upload, point.at, (&mut recalls, &is_stored)) {
                    seen.insert(*slot, ());
                }
            }
        }
        recalls
    }

    /// Whether a rule looks back at a series, and what it knows does not fit its readings; learns where that is over for good.
    fn unfit(&mut self, series: SeriesId) -> bool {
        let Some(slot) = self.slot(series).filter(|slot| self.unread.get(*slot as usize) == Some(&true)) else {
            return false;
        };
        let is_read = self.tracks.get(slot as usize).is_some_and(|track| {
            let is_sure = |watch: &Watch| !watch.is_unfit(true);
            track.watches.iter().all(is_sure)
        });
        if is_read && let Some(unread) = self.unread.get_mut(slot as usize) {
            *unread = false;
        }
        !is_read && self.is_unfit(slot)
    }

    fn is_unfit(&self, slot: Slot) -> bool {
        let track = self.tracks.get(slot as usize).filter(|_| self.unread.get(slot as usize) == Some(&true));
        let knows_clock = track.is_some_and(|track| self.clocks.contains_key(&track.device));
        track.is_some_and(|track| track.watches.iter().any(|watch| watch.is_unfit(knows_clock)))
    }

    /// Holds a reading against what was read of its series; `false` when it will not be judged.
    fn hold_against(
        &mut self,
        slot: Slot,
        upload: &Upload,
        at: UnixMillis,
        (recalls, is_stored): (&mut Vec<Recall>, &impl Fn(SeriesId) -> bool),
    ) -> bool {
        let Some(track) = self.tracks.get_mut(slot as usize) else { return false };
        let taken = upload.taken(slot, at);
        let timely = taken.filter(|taken| Change::of(slot, track).is_timely(track, upload, slot, *taken));
        let Some(taken) = timely else {
            track.has_more(upload);
            return false;
        };
        let ahead_ms = at.since(taken);
        let is_sure = upload.is_pushed || self.clocks.contains_key(&track.device);
        for watch in &mut track.watches {
            if !watch.is_unfit(is_sure) || !watch.refuses(taken, ahead_ms, is_sure) {
                continue;
            }
            let window = watch.window.as_ref().and_then(|look| look.back());
            let (Some(rule), Some(window)) = (self.rules.get(watch.rule), window) else { continue };
            if !is_stored(track.series) {
                // A clock so far ahead may be this one reading's alone.
                if ahead_ms <= SAME_MS {
                    watch.past = Past::Fits { ahead_ms, is_sure };
                }
                continue;
            }
            let Some(empty) = Window::new(window.condition(), window.kind()) else { continue };
            recalls.push(Recall {
                series: track.series,
                from: at.plus(-empty.reach_ms()),
                to: at,
                rule: rule.rule.id,
                target: (track.series, None),
                window: Box::new(empty),
                ahead_ms,
                fits: Some(is_sure),
            });
        }
        true
    }

    /// Puts a filled window where it belongs, if its rule still is what it was. What was read ahead of time takes the place of what
    /// reaches back less far; the few readings since it was read are not in it.
    pub fn recalled(&mut self, recall: Recall) {
        let (target, part) = recall.target;
        let Some(slot) = self.slot(target) else { return };
        let Some(track) = self.tracks.get_mut(slot as usize) else { return };
        for watch in &mut track.watches {
            let is_it = self.rules.get(watch.rule).is_some_and(|rule| rule.rule.id == recall.rule);
            let Some(look) = watch.window.as_mut().filter(|_| is_it) else { continue };
            if let Some((together, part)) = look.beside_mut().zip(part) {
                return together.recalled(part, recall.window);
            }
            let Some(window) = look.back_mut() else { continue };
            if window.condition() != recall.window.condition() || window.kind() != recall.window.kind() {
                continue;
            }
            let (began, ahead_ms) = (recall.window.began(), recall.ahead_ms);
            match recall.fits {
                None if watch.past == Past::Asked => {
                    if began.is_some_and(|began| window.began().is_none_or(|has| began < has)) {
                        *window = *recall.window;
                    }
                    watch.past = Past::Supposed(ahead_ms);
                }
                None => {}
                // Nothing was stored of a clock so far ahead: it may be this one reading's alone.
                Some(_) if began.is_none() && ahead_ms > SAME_MS => *window = *recall.window,
                Some(is_sure) => {
                    *window = *recall.window;
                    watch.past = Past::Fits { ahead_ms, is_sure };
                }
            }
            return;
        }
    }
}

impl Track {
    /// When its last reading was, as far as that is not after the present: a logger may have paused for longer than a rule looks
    /// back.
    fn last_by(&self, present: UnixMillis) -> UnixMillis {
        self.recent.back().map_or(present, |last| last.at.min(present))
    }

    /// What a device kept while the hub was away came after its windows were read: they are read again.
    fn has_more(&mut self, upload: &Upload) {
        for watch in self.watches.iter_mut().filter(|_| upload.is_backlog) {
            if let Past::Supposed(_) = watch.past {
                watch.past = Past::Asked;
            }
        }
    }
}

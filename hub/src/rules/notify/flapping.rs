//! Tells once that an alert flaps, instead of each time that it fires and is over. PURE.
//!
//! ```text
//!   fires, over, fires, over: four changes in ten minutes ──▶ told once: it flaps ──▶ its changes are not told
//!                                                no change for ten minutes ──▶ told how it is: over, or firing
//! ```
//!
//! A rule on one series (or device) is followed across its alerts: each time it fires is an alert of its own. When it
//! is calm one message says how it is; what keeps incidents is also told of the end of the alert that flapped, because it closes what
//! it opened. The changes are counted in event time, the calm by the hub's clock. What a person causes, by a change of the rule or the
//! device, is no such change: from there on everything begins anew.
//!
//! Programs that may switch something by an alert hear of each change all the same ([`Hearers`]).
//!
//! Whether something flaps is on disk ([`Mark::Flapping`]); what led to it follows after a restart from the alerts that are stored.

use std::collections::{BTreeMap, HashMap};

use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertState, Measure, Subject};
use crate::model::notice::{Flaps, Hearers, Mark, Notice};
use crate::model::reading::Point;
use crate::model::rule::RuleId;

/// So many changes ...
const CHANGES: usize = 4;
/// ... in so many milliseconds are flapping, and so long without any is calm.
const WINDOW_MS: i64 = 10 * 60_000;
/// What would be told under a silence is looked at again after so many milliseconds.
const LATER_MS: i64 = 60_000;

/// A rule on what it is about.
type Key = (RuleId, Subject);

/// What changed lately.
#[derive(Debug, Default)]
pub(super) struct Flapping {
    courses: HashMap<Key, Course>,
    /// When the first flapping may end.
    due: Option<UnixMillis>,
}

/// What is told, and how each course goes on.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Calmed {
    pub(super) notices: Vec<Notice>,
    pub(super) marks: Vec<Mark>,
    now: UnixMillis,
    courses: BTreeMap<Key, Course>,
}

impl Calmed {
    /// Whether nothing is told and nothing goes on otherwise than it did.
    pub(super) fn is_nothing(&self) -> bool {
        self.notices.is_empty() && self.marks.is_empty() && self.courses.is_empty()
    }
}

/// What one rule said of one thing in the last ten minutes.
#[derive(Debug, Clone, PartialEq, Default)]
struct Course {
    /// Event times of its changes, oldest first, at most [`CHANGES`].
    changes: Vec<UnixMillis>,
    /// The lowest and highest value since the first of them.
    seen: Option<(f64, f64)>,
    /// The same of values that ended an alert; of deviations without their sign.
    good: Option<(f64, f64)>,
    flap: Option<Flap>,
}

/// It flaps.
#[derive(Debug, Clone, PartialEq)]
struct Flap {
    /// The alert that people were told of.
    told: Alert,
    /// When the last change was learned of.
    last: UnixMillis,
    /// The alert that fires at the moment.
    firing: Option<Alert>,
    /// The one that was over last.
    over: Option<Alert>,
}

impl Flapping {
    /// What flapped when the hub stopped, as people were told, the alerts that are open, and those of late.
    pub(super) fn new(now: UnixMillis, told: Vec<Alert>, open: &[Alert], recent: &[Alert]) -> Self {
        let mut courses = HashMap::<_, Course>::new();
        for alert in recent {
            let changes = alert.fired_at.into_iter().chain(alert.resolved_at);
            courses.entry((alert.rule, alert.about)).or_default().changes.extend(changes);
        }
        for course in courses.values_mut() {
            course.changes.retain(|at| now.since(*at) < WINDOW_MS);
            course.changes.sort_unstable();
            // The next one is to be told as flapping, not the one before the start.
            let surplus = course.changes.len().saturating_sub(CHANGES - 1);
            course.changes.drain(..surplus);
        }
        courses.retain(|_, course| !course.changes.is_empty());
        let flapping = told.into_iter().map(|told| {
            let key = (told.rule, told.about);
            let is_same = |alert: &&Alert| (alert.rule, alert.about) == key && alert.state == AlertState::Firing;
            let firing = open.iter().find(is_same).cloned();
            let over = (told.state == AlertState::Resolved).then(|| told.clone());
            (key, Course { flap: Some(Flap { told, last: now, firing, over }), ..Course::default() })
        });
        let flapping: Vec<_> = flapping.collect();
        let due = (!flapping.is_empty()).then(|| now.plus(WINDOW_MS));
        courses.extend(flapping);
        Self { courses, due }
    }

    /// What is told of these notices, and noted of alerts that were `amended`. What flaps of a rule that `is_gone` ends now.
    pub(super) fn calm(
        &self,
        now: UnixMillis,
        notices: &[Notice],
        amended: &[&Alert],
        is_gone: impl Fn(RuleId) -> bool,
    ) -> Calmed {
        let mut calmed = Calmed { now, ..Calmed::default() };
        self.follow(&mut calmed, notices);
        self.note_unknown(&mut calmed, amended);
        let gone: Vec<Key> =
            self.courses.keys().chain(calmed.courses.keys()).copied().filter(|key| is_gone(key.0)).collect();
        for key in gone {
            self.end(&mut calmed, key);
        }
        calmed
    }

    /// What is told of these notices, which a person caused by a change of a rule or a device: each begins anew from there on, and so does
    /// what a rule said that `is_gone` or asks something else. What flaps of it ends now.
    pub(super) fn restart(&self, now: UnixMillis, notices: &[Notice], is_gone: impl Fn(RuleId) -> bool) -> Calmed {
        let mut calmed = Calmed { now, ..Calmed::default() };
        for notice in notices {
            let key = (notice.alert().rule, notice.alert().about);
            if self.course(&mut calmed, key).flap.is_some() {
                self.follow(&mut calmed, std::slice::from_ref(notice));
                self.end(&mut calmed, key);
            } else {
                calmed.notices.push(notice.clone());
            }
            calmed.courses.insert(key, Course::default());
        }
        let gone: Vec<Key> = self.courses.keys().copied().filter(|key| is_gone(key.0)).collect();
        for key in gone {
            self.end(&mut calmed, key);
            calmed.courses.insert(key, Course::default());
        }
        calmed
    }

    /// What is told of what has been calm for long enough, unless it `is_silenced`; beside these notices.
    pub(super) fn over(&self, now: UnixMillis, notices: &[Notice], is_silenced: impl Fn(&Alert) -> bool) -> Calmed {
        let mut calmed = Calmed { now, ..Calmed::default() };
        self.follow(&mut calmed, notices);
        if self.due.is_none_or(|due| due > now) {
            return calmed;
        }
        let is_calm = |flap: &Flap| now.since(flap.last) >= WINDOW_MS;
        let calm = self.courses.iter().filter_map(|(key, course)| Some((*key, course.flap.as_ref()?)));
        let mut calm: Vec<_> = calm.filter(|(_, flap)| is_calm(flap)).collect();
        calm.sort_unstable_by_key(|(_, flap)| flap.told.id);
        for (key, flap) in calm {
            if is_silenced(&flap.told) {
                let last = now.plus(LATER_MS - WINDOW_MS);
                self.course(&mut calmed, key).flap = Some(Flap { last, ..flap.clone() });
            } else {
                self.end(&mut calmed, key);
            }
        }
        calmed
    }

    /// Takes note of what nobody knows any more of alerts that flap, or knows again.
    fn note_unknown(&self, calmed: &mut Calmed, amended: &[&Alert]) {
        for alert in amended {
            let key = (alert.rule, alert.about);
            let flap =
                calmed.courses.get(&key).or_else(|| self.courses.get(&key)).and_then(|course| course.flap.as_ref());
            let firing = flap.and_then(|flap| flap.firing.as_ref()).filter(|firing| firing.id == alert.id);
            if firing.is_none_or(|firing| firing.unknown_since == alert.unknown_since) {
                continue;
            }
            if let Some(firing) = self.course(calmed, key).flap.as_mut().and_then(|flap| flap.firing.as_mut()) {
                firing.unknown_since = alert.unknown_since;
            }
        }
    }

    /// Takes note of acknowledgements: they are told with what fires in the end.
    pub(super) fn acknowledged(&mut self, acked: &[Alert]) {
        for alert in acked {
            let course = self.courses.get_mut(&(alert.rule, alert.about));
            let firing = course.and_then(|course| course.flap.as_mut()).and_then(|flap| flap.firing.as_mut());
            if let Some(firing) = firing.filter(|firing| firing.id == alert.id) {
                firing.acked.clone_from(&alert.acked);
            }
        }
    }

    /// Whether what an alert is about flaps, so that people are not told of it.
    pub(super) fn flaps(&self, alert: &Alert) -> bool {
        self.courses.get(&(alert.rule, alert.about)).is_some_and(|course| course.flap.is_some())
    }

    /// When [`Flapping::over`] may have something to tell.
    pub(super) const fn poll_timeout(&self) -> Option<UnixMillis> {
        self.due
    }

    /// Makes a proposal true.
    pub(super) fn apply(&mut self, calmed: Calmed) {
        if calmed.courses.is_empty() {
            return;
        }
        let now = calmed.now;
        self.courses.extend(calmed.courses);
        self.courses.retain(|_, course| course.flap.is_some() || course.is_fresh(now));
        let flaps = self.courses.values().filter_map(|course| course.flap.as_ref());
        self.due = flaps.map(|flap| flap.last.plus(WINDOW_MS)).min();
    }

    /// Follows changes, and passes on what is told of them.
    fn follow(&self, calmed: &mut Calmed, notices: &[Notice]) {
        let now = calmed.now;
        for notice in notices {
            let Notice::Changed { alert, occurred_at, points, .. } = notice else {
                calmed.notices.push(notice.clone());
                continue;
            };
            let course = self.course(calmed, (alert.rule, alert.about));
            course.take(*occurred_at, alert, points);
            let (alert, occurred_at, points) = (alert.clone(), *occurred_at, points.clone());
            let each =
                Notice::Changed { alert: alert.clone(), occurred_at, points: points.clone(), to: Hearers::EachChange };
            if let Some(flap) = &mut course.flap {
                flap.take(now, &alert);
                calmed.notices.push(each);
                continue;
            }
            if course.changes.len() < CHANGES {
                calmed.notices.push(notice.clone());
                continue;
            }
            let flaps = course.flaps(&alert);
            let mut flap = Flap { told: alert.clone(), last: now, firing: None, over: None };
            flap.take(now, &alert);
            course.flap = Some(flap);
            calmed.marks.push(Mark::Flapping(alert.id, true));
            calmed.notices.push(each);
            calmed.notices.push(Notice::Flapping { alert, occurred_at, points, flaps });
        }
    }

    /// A course as far as the proposal goes.
    fn course<'a>(&self, calmed: &'a mut Calmed, key: Key) -> &'a mut Course {
        calmed.courses.entry(key).or_insert_with(|| self.courses.get(&key).cloned().unwrap_or_default())
    }

    /// It flaps no longer: whoever was told that it does is told how it is, in one message. Only what keeps incidents is also told of
    /// the end of the alert that flapped, where another one fires, and that this one is acknowledged.
    fn end(&self, calmed: &mut Calmed, key: Key) {
        let now = calmed.now;
        let Some(Flap { told, firing, over, .. }) = self.course(calmed, key).flap.take() else { return };
        calmed.marks.push(Mark::Flapping(told.id, false));
        let is_told = firing.as_ref().is_some_and(|alert| alert.id == told.id);
        if !is_told {
            let ended = over.as_ref().and_then(|over| over.resolved_at).or(told.resolved_at).unwrap_or(now);
            let last = over.map_or(told.last, |over| over.last);
            let alert = Alert {
                state: AlertState::Resolved,
                resolved_at: Some(told.resolved_at.unwrap_or(ended).max(ended)),
                last,
                learned_at: now,
                ..told
            };
            let to = if firing.is_some() { Hearers::Incidents } else { Hearers::Calmed };
            calmed.notices.push(Notice::Changed { alert, occurred_at: ended, points: Vec::new(), to });
        }
        if let Some(alert) = firing {
            let occurred_at = alert.fired_at.unwrap_or(alert.started_at);
            let alert = Alert { learned_at: now, ..alert };
            // Of the one that was told of they heard when it was acknowledged.
            let acked = (alert.acked.is_some() && !is_told)
                .then(|| Notice::Acknowledged { alert: alert.clone(), to: Hearers::Incidents });
            calmed.notices.push(Notice::Changed { alert, occurred_at, points: Vec::new(), to: Hearers::Calmed });
            calmed.notices.extend(acked);
        }
    }
}

impl Flap {
    fn take(&mut self, now: UnixMillis, alert: &Alert) {
        self.last = now;
        let fires = alert.state == AlertState::Firing;
        self.firing = fires.then(|| alert.clone());
        if !fires {
            self.over = Some(alert.clone());
        }
    }
}

impl Course {
    fn is_fresh(&self, now: UnixMillis) -> bool {
        self.changes.last().is_some_and(|last| now.since(*last) < WINDOW_MS)
    }

    fn take(&mut self, at: UnixMillis, alert: &Alert, points: &[Point]) {
        self.changes.retain(|before| at.since(*before) < WINDOW_MS);
        if self.changes.is_empty() {
            (self.seen, self.good) = (None, None);
        }
        if self.changes.len() == CHANGES {
            self.changes.remove(0);
        }
        self.changes.push(at);
        let first = self.changes[0];
        let ended = alert.last.filter(|_| alert.state == AlertState::Resolved);
        let fired = alert.value.filter(|_| alert.state == AlertState::Firing);
        self.seen = [fired, ended].into_iter().flatten().fold(self.seen, widened);
        let far = |value: f64| if alert.measure == Measure::Sigmas { value.abs() } else { value };
        self.good = ended.map(far).into_iter().fold(self.good, widened);
        // Where it is the reading itself that is held against the limit, those between the changes count too.
        if alert.measure == Measure::Value && points.last().map(|point| point.value) == ended.or(fired) {
            let lately = points.iter().filter(|point| point.at >= first).map(|point| point.value);
            self.seen = lately.fold(self.seen, widened);
        }
    }

    /// What the alert did that flaps by its last change.
    fn flaps(&self, alert: &Alert) -> Flaps {
        let within_ms = self.changes.last().zip(self.changes.first()).map_or(0, |(last, first)| last.since(*first));
        let changes = u32::try_from(self.changes.len()).unwrap_or(u32::MAX);
        let between =
            self.seen.filter(|_| matches!(alert.measure, Measure::Value | Measure::Rate { .. } | Measure::Sigmas));
        Flaps { changes, within_ms, between, clear: self.clear(alert) }
    }

    /// A clear value on the far side of all that was seen on the good side: with it the alert would have stayed.
    fn clear(&self, alert: &Alert) -> Option<f64> {
        let ((lowest, highest), (good_low, good_high), limit) = (self.seen?, self.good?, alert.threshold);
        let is_upper = good_low < limit || (good_high <= limit && highest > limit);
        match alert.measure {
            Measure::Silence
            | Measure::Stuck
            | Measure::Parts
            | Measure::Devices
            | Measure::Forecast
            | Measure::Sources
            | Measure::Clock => None,
            // Far from the mean is what fires, on either side of it.
            Measure::Sigmas => beyond(limit, good_low, false).filter(|clear| *clear >= 0.0),
            Measure::Value | Measure::Rate { .. } if is_upper => beyond(limit, lowest, false),
            Measure::Value | Measure::Rate { .. } => beyond(limit, highest, true),
        }
    }
}

fn widened(range: Option<(f64, f64)>, value: f64) -> Option<(f64, f64)> {
    Some(range.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
}

/// A short number just beyond `reached`, seen from the limit; `None` where it lies on the limit's other side.
fn beyond(limit: f64, reached: f64, is_above: bool) -> Option<f64> {
    let gap = if is_above { reached - limit } else { limit - reached };
    let scale = if gap > 0.0 { gap } else { limit.abs() / 10.0 };
    if gap < 0.0 || scale <= 0.0 || !scale.is_finite() {
        return None;
    }
    // A tenth of the way between them, in as few digits as that takes.
    let place = scale.log10().floor() as i32 - 1;
    let step = 10_f64.powi(place);
    let digits = usize::try_from(-place).unwrap_or(0);
    let (first, away) = if is_above { ((reached / step).floor(), 1.0) } else { ((reached / step).ceil(), -1.0) };
    // Dividing may have rounded across a step: the first or the second one further is beyond.
    let candidates = [1.0, 2.0].map(|further| format!("{:.digits$}", (first + away * further) * step).parse::<f64>());
    let is_beyond = |clear: &f64| if is_above { *clear > reached } else { *clear < reached };
    candidates.into_iter().flatten().find(is_beyond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clear_value_is_a_short_number_beyond_what_was_reached() {
        assert_eq!(beyond(90.0, 89.0, false), Some(88.9));
        assert_eq!(beyond(90.0, 86.3, false), Some(86.2));
        assert_eq!(beyond(5.0, 6.0, true), Some(6.1));
        assert_eq!(beyond(90.0, 90.0, false), Some(89.9), "a value on the limit is good");
        assert_eq!(beyond(1_000.0, 400.0, false), Some(390.0));
        assert_eq!(beyond(0.0, -0.02, false), Some(-0.021));
        assert_eq!(beyond(90.0, 91.0, false), None);
        assert_eq!(beyond(0.0, 0.0, false), None);
    }
}

//! How many devices of a rule are in a state: its condition holds that number against a limit. PURE.
//!
//! ```text
//!   a reading, a silence ──▶ the state of a series (an instance without a hold, of which nobody is told)
//!                                └──▶ devices with a series in it ──▶ one instance of the rule, about all of them
//! ```
//!
//! A device is in the state as long as one of its series is, and stays so until it says otherwise: only a silence is about
//! what is not said. So a `for` and a `clear_for` are held by time.
//!
//! After a start, and of a new rule, states become known one by one, and none is known that is not so: that *at least* so many are in it may be
//! said at once, that no more are only after a while ([`Count::is_known`]). A rule that watches nothing says nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::condition::{Compiled, Judged, Verdict, millis, threshold};
use super::instance::{GRACE_MS, Instance, Step};
use crate::model::UnixMillis;
use crate::model::alert::{self, Alert, AlertId, AlertState, Subject};
use crate::model::device::DeviceNo;
use crate::model::rule::{Condition, Op, RuleId};

/// Devices that a message names.
const NAMED: usize = 3;

/// The devices of a rule that are in its state.
#[derive(Debug, Clone, Default)]
pub(super) struct Count {
    /// How many series of each are, and its name.
    devices: BTreeMap<DeviceNo, (u32, Arc<str>)>,
    pub(super) open: Option<Arc<Alert>>,
    /// When it was weighed last: time does not go back.
    at: Option<UnixMillis>,
    /// Since when states are learned.
    pub(super) since: UnixMillis,
    /// Devices that it watches: a copy shares them.
    watched: Arc<BTreeSet<DeviceNo>>,
    /// Unit of what it watches.
    unit: Arc<str>,
    /// Longest interval of what it watches, in milliseconds.
    longest_ms: i64,
}

/// Those of all rules that count, by their place.
pub(super) fn all(
    rules: &[Compiled],
    since: UnixMillis,
    mut open: impl FnMut(RuleId) -> Option<Arc<Alert>>,
) -> BTreeMap<usize, Count> {
    let counting = rules.iter().enumerate().filter(|(_, rule)| rule.inner.is_some() && rule.rule.spec.enabled);
    counting.map(|(place, rule)| (place, Count { open: open(rule.rule.id), since, ..Count::default() })).collect()
}

impl Count {
    /// Counts anew from here on.
    pub(super) fn clear(&mut self) {
        self.devices.clear();
    }

    /// Goes on as a rule did that means the same; `is_known`: it watches what that did.
    pub(super) fn go_on(&mut self, was: &Self, is_known: bool) {
        self.open.clone_from(&was.open);
        self.at = was.at;
        if is_known {
            self.since = was.since;
        }
    }

    /// A series that it watches.
    pub(super) fn meet(&mut self, device: DeviceNo, unit: &str, interval_ms: i64) {
        if self.watched.is_empty() {
            self.unit = unit.into();
        }
        if !self.watched.contains(&device) {
            Arc::make_mut(&mut self.watched).insert(device);
        }
        self.longest_ms = self.longest_ms.max(interval_ms);
    }

    /// A series of a device comes into the state, or leaves it.
    pub(super) fn turn(&mut self, device: DeviceNo, name: &str, is_in: bool) {
        let (series, _) = self.devices.entry(device).or_insert_with(|| (0, name.into()));
        *series = if is_in { *series + 1 } else { series.saturating_sub(1) };
        if *series == 0 {
            self.devices.remove(&device);
        }
    }

    fn judged(&self, rule: &Compiled) -> Judged {
        Judged::of(&rule.rule.spec.condition, self.devices.len() as f64)
    }

    /// Whether what the number says is so, whatever states are not known yet.
    pub(super) fn is_known(&self, rule: &Compiled, now: UnixMillis) -> bool {
        !self.watched.is_empty() && now >= self.known_at(rule)
    }

    fn known_at(&self, rule: &Compiled) -> UnixMillis {
        let is_bad = self.judged(rule).verdict == Verdict::Bad;
        let is_about_many = matches!(rule.rule.spec.condition, Condition::Count { op: Op::Above | Op::AtLeast, .. });
        let is_sure = is_bad == is_about_many;
        if is_sure { UnixMillis(i64::MIN) } else { self.all_known_at(rule) }
    }

    /// From when on the states of all that it watches are known.
    pub(super) fn all_known_at(&self, rule: &Compiled) -> UnixMillis {
        let needs = rule.rule.spec.condition.needs().map_or(0, |needs| millis(needs.span));
        let of = &rule.of_series().rule.spec.condition;
        let silence = if let Condition::Silence { after } = of { millis(*after) } else { 0 };
        self.since.plus(GRACE_MS.max(needs).max(silence).max(self.longest_ms.saturating_mul(3) / 2))
    }

    /// What the number means at a moment.
    pub(super) fn weigh(&mut self, rule: &Compiled, at: UnixMillis, next: AlertId) -> Step {
        let at = self.at.map_or(at, |last| last.max(at));
        self.at = Some(at);
        let judged = self.judged(rule);
        let instance = Instance { rule, about: Subject::Selection, open: self.open.as_ref(), next };
        instance.on_reading(at, Some(judged), true)
    }

    /// When it is to be weighed though nothing comes.
    pub(super) fn wake(&self, rule: &Compiled) -> Option<UnixMillis> {
        if self.watched.is_empty() {
            return None;
        }
        let verdict = self.judged(rule).verdict;
        let last = self.at.unwrap_or(self.since);
        let state = self.open.as_ref().map(|alert| (alert, alert.state));
        let at = match (state, verdict) {
            (None, Verdict::Bad) => Some(last),
            (Some((alert, AlertState::Pending)), Verdict::Bad) => Some(alert.started_at.plus(rule.hold_ms)),
            (Some((_, AlertState::Pending)), Verdict::Between | Verdict::Good) => Some(last),
            (Some((alert, AlertState::Firing)), Verdict::Good) => {
                Some(alert.well_since.map_or(last, |since| since.plus(rule.clear_for_ms)))
            }
            (Some((alert, AlertState::Firing)), Verdict::Between | Verdict::Bad) => {
                alert.well_since.is_some().then_some(last)
            }
            (None | Some(_), _) => None,
        };
        at.map(|at| at.max(self.known_at(rule)))
    }

    /// Some of the devices that are in the state, and the state, as an alert has them.
    pub(super) fn named(&self, rule: &Compiled) -> Arc<[alert::Part]> {
        let devices = self.devices.values().take(NAMED).map(|(_, name)| name.as_ref());
        parts(rule, devices, &self.unit, self.watched.len())
    }
}

/// Devices that are in the state of a rule by their names, and the state that so many devices are held against.
pub(super) fn parts<'a>(
    rule: &Compiled,
    devices: impl Iterator<Item = &'a str>,
    unit: &str,
    watched: usize,
) -> Arc<[alert::Part]> {
    let condition = &rule.of_series().rule.spec.condition;
    let part = |name: &str| alert::Part {
        sensor: name.to_owned(),
        unit: String::new(),
        measure: condition.measure(),
        value: None,
        threshold: threshold(condition),
        is_true: true,
        usual: None,
    };
    let state = alert::Part {
        unit: unit.to_owned(),
        value: Some(watched as f64),
        is_true: false,
        ..part(&rule.rule.spec.sensor)
    };
    devices.map(part).chain([state]).collect()
}

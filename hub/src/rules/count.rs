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

use std::collections::BTreeMap;
use std::sync::Arc;

use super::backtest::{Outcome, SPANS, Span, Trial};
use super::condition::{Compiled, Judged, Verdict, millis, threshold};
use super::engine::Engine;
use super::instance::{GRACE_MS, Instance, Step};
use crate::model::UnixMillis;
use crate::model::alert::{self, Alert, AlertId, AlertState, Subject};
use crate::model::catalog::Series;
use crate::model::device::DeviceNo;
use crate::model::rule::{Condition, Op, RuleId};

/// Devices that a message names.
const NAMED: usize = 3;
/// Times that one series may come into the state in a backtest.
pub const CHANGES: usize = 10_000;

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
    /// Whether it watches anything.
    is_watching: bool,
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

impl Engine {
    /// Counts anew by the states of all series.
    pub(super) fn recount(&mut self) {
        self.counts.values_mut().for_each(|count| count.devices.clear());
        for track in &mut self.tracks {
            let (device, series) = (track.device, track.series);
            for watch in &mut track.watches {
                let (Some(count), Some(rule)) = (self.counts.get_mut(&watch.rule), self.rules.get(watch.rule)) else {
                    continue;
                };
                let rule = rule.of_series();
                let condition = &rule.rule.spec.condition;
                // What was said last before a start, or before there was the rule, is said still.
                if watch.open.is_none()
                    && matches!(condition, Condition::Threshold { .. })
                    && let Some(last) = track.recent.last()
                {
                    let about = Subject::Series { device, series };
                    let instance = Instance { rule, about, open: None, next: AlertId(0) };
                    if let Step::Become(alert, _) =
                        instance.on_reading(last.at, Some(Judged::of(condition, last.value)), true)
                    {
                        watch.open = Some(alert);
                    }
                }
                if watch.open.is_some() {
                    count.turn(device, &track.device_name, true);
                }
            }
        }
    }
}

impl Count {
    /// Goes on as a rule did that means the same; `is_known`: it watches what that did.
    pub(super) fn go_on(&mut self, was: &Self, is_known: bool) {
        self.open.clone_from(&was.open);
        self.at = was.at;
        if is_known {
            self.since = was.since;
        }
    }

    /// A series that it watches.
    pub(super) fn meet(&mut self, interval_ms: i64) {
        self.is_watching = true;
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
        self.is_watching && now >= self.known_at(rule)
    }

    fn known_at(&self, rule: &Compiled) -> UnixMillis {
        let is_bad = self.judged(rule).verdict == Verdict::Bad;
        let is_about_many = matches!(rule.rule.spec.condition, Condition::Count { op: Op::Above | Op::AtLeast, .. });
        let is_sure = is_bad == is_about_many;
        if is_sure {
            return UnixMillis(i64::MIN);
        }
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
        if !self.is_watching {
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

    /// Some of the devices that are in the state, as an alert has them.
    pub(super) fn named(&self, rule: &Compiled) -> Arc<[alert::Part]> {
        let condition = &rule.of_series().rule.spec.condition;
        let part = |name: &Arc<str>| alert::Part {
            sensor: name.as_ref().to_owned(),
            unit: String::new(),
            measure: condition.measure(),
            value: None,
            threshold: threshold(condition),
            is_true: true,
        };
        self.devices.values().take(NAMED).map(|(_, name)| part(name)).collect()
    }
}

/// What a rule that counts devices would have done, by what the rule about the state of each series would have ([`Trial::counted`]).
#[must_use]
pub fn tried(trial: &Trial, states: &[(&Series, &Outcome)], (from, to): (UnixMillis, UnixMillis)) -> Outcome {
    let rule = trial.compiled();
    let mut changes: Vec<(UnixMillis, bool, DeviceNo)> = Vec::new();
    let mut outcome = Outcome::default();
    for (series, state) in states {
        outcome.readings += state.readings;
        outcome.judged += state.judged;
        for span in &state.spans {
            changes.push((span.from, true, series.device));
            changes.extend(span.to.map(|end| (end, false, series.device)));
        }
    }
    changes.sort_unstable_by_key(|(at, is_in, _)| (*at, *is_in));
    let mut count = Count { is_watching: !states.is_empty(), ..Count::default() };
    let mut tally = Tally { from, outcome };
    if !states.is_empty() && changes.first().is_none_or(|(at, ..)| *at > from) {
        let step = count.weigh(rule, from, AlertId(0));
        tally.follow(&mut count, step);
    }
    for moment in changes.chunk_by(|one, next| one.0 == next.0) {
        let Some(&(at, ..)) = moment.first() else { continue };
        tally.pass_time(&mut count, rule, at);
        moment.iter().for_each(|(_, is_in, device)| count.turn(*device, "", *is_in));
        let step = count.weigh(rule, at, AlertId(0));
        tally.follow(&mut count, step);
    }
    tally.pass_time(&mut count, rule, to);
    if let Some(fired) = count.open.as_ref().and_then(|alert| alert.fired_at) {
        tally.outcome.firing_ms += to.since(fired.max(from)).max(0);
    }
    tally.outcome
}

struct Tally {
    from: UnixMillis,
    outcome: Outcome,
}

impl Tally {
    fn pass_time(&mut self, count: &mut Count, rule: &Compiled, until: UnixMillis) {
        while let Some(at) = self.wake(count, rule).filter(|at| *at < until) {
            let step = count.weigh(rule, at, AlertId(0));
            if step == Step::Stay {
                return;
            }
            self.follow(count, step);
        }
    }

    /// The states of a past are known.
    fn wake(&self, count: &Count, rule: &Compiled) -> Option<UnixMillis> {
        let known = Count { since: UnixMillis(i64::MIN / 2), ..count.clone() };
        known.wake(rule)
    }

    fn follow(&mut self, count: &mut Count, step: Step) {
        match step {
            Step::Stay => {}
            Step::Cancel => count.open = None,
            Step::Worsen(alert) => count.open = Some(alert),
            Step::Become(alert, at) => {
                match (alert.state, alert.fired_at) {
                    (AlertState::Firing, _) => {
                        self.outcome.fires += 1;
                        let Alert { value, worst, .. } = *alert;
                        if self.outcome.spans.len() < SPANS {
                            self.outcome.spans.push(Span { from: at, to: None, value, worst, last: None });
                        }
                    }
                    (AlertState::Resolved, Some(fired)) => self.resolved(&alert, (fired, at)),
                    _ => {}
                }
                count.open = Some(alert).filter(|alert| alert.state != AlertState::Resolved);
            }
        }
    }

    fn resolved(&mut self, alert: &Alert, (fired, at): (UnixMillis, UnixMillis)) {
        let is_listed = |span: &&mut Span| span.from == fired && span.to.is_none();
        if at <= self.from {
            // It was over before the range began.
            self.outcome.fires -= 1;
            self.outcome.spans.pop_if(|span| span.from == fired);
            return;
        }
        self.outcome.firing_ms += at.since(fired.max(self.from)).max(0);
        if let Some(span) = self.outcome.spans.last_mut().filter(is_listed) {
            *span = Span { to: Some(at), worst: alert.worst, last: alert.last, ..*span };
        }
    }
}

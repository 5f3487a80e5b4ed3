//! A rule that counts devices, run over what is stored: by what each series was and when. PURE.

use super::backtest::{Outcome, SPANS, Span, Trial};
use super::condition::Compiled;
use super::count::Count;
use super::instance::Step;
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertId, AlertState};
use crate::model::catalog::Series;
use crate::model::device::DeviceNo;

/// Times that one series may come into the state in a backtest.
pub const CHANGES: usize = 10_000;

/// What a rule that counts devices would have done, by what the rule about the state of each series would have ([`Trial::counted`]), and
/// since when something is known of it: nothing is said of the number before that, as nothing is after a start.
#[must_use]
pub fn tried(
    trial: &Trial,
    states: &[(&Series, &Outcome, Option<UnixMillis>)],
    (from, to): (UnixMillis, UnixMillis),
) -> Outcome {
    let rule = trial.compiled();
    let mut changes: Vec<(UnixMillis, bool, DeviceNo)> = Vec::new();
    let (mut outcome, mut count) = (Outcome::default(), Count::default());
    // A silence may be known of what has not been heard since.
    let known =
        states.iter().filter_map(|(_, state, first)| (*first).or_else(|| Some(state.spans.first()?.from))).min();
    count.since = known.unwrap_or(to);
    for (series, state, _) in states {
        count.meet(series.device, &series.unit, series.interval_ms.into());
        outcome.readings += state.readings;
        outcome.judged += state.judged;
        for span in &state.spans {
            changes.push((span.from, true, series.device));
            changes.extend(span.to.map(|end| (end, false, series.device)));
        }
    }
    changes.sort_unstable_by_key(|(at, is_in, _)| (*at, *is_in));
    let mut tally = Tally { from, outcome };
    if changes.first().is_none_or(|(at, ..)| *at > from) {
        tally.weigh(&mut count, rule, from);
    }
    for moment in changes.chunk_by(|one, next| one.0 == next.0) {
        let Some(&(at, ..)) = moment.first() else { continue };
        tally.pass_time(&mut count, rule, at);
        moment.iter().for_each(|(_, is_in, device)| count.turn(*device, "", *is_in));
        tally.weigh(&mut count, rule, at);
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
    fn weigh(&mut self, count: &mut Count, rule: &Compiled, at: UnixMillis) {
        if count.is_known(rule, at) {
            let step = count.weigh(rule, at, AlertId(0));
            self.follow(count, step);
        }
    }

    fn pass_time(&mut self, count: &mut Count, rule: &Compiled, until: UnixMillis) {
        while let Some(at) = count.wake(rule).filter(|at| *at < until) {
            let step = count.weigh(rule, at, AlertId(0));
            if step == Step::Stay {
                return;
            }
            self.follow(count, step);
        }
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
                            self.outcome.spans.push(Span { from: at, to: None, value, worst, last: None, usual: None });
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

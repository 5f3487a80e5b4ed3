//! Readings that change nothing of a rule that is tried are passed over: a year has few that do. PURE.
//!
//! Of a limit: while there is no alert, what is not beyond it; while one fires, what is not good and not worse than the worst. By
//! the smallest and the largest of some readings that is known of all of them, because all of it goes by the order of values. Of
//! a silence: what comes in time. What looks back is another matter (see `skim`, and `window/calm`).
//!
//! What is passed over leaves one thing behind that differs: how often the series reports, which the last three readings tell. Nobody asks
//! while nothing is pending, and before anything can be, three readings are taken one by one ([`SHORT`]).

use super::backtest::Replay;
use super::condition::{Judged, Verdict, beyond, judge, millis};
use super::look::Look;
use super::skim::MOST_KEPT;
use super::window::Taken;
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertState};
use crate::model::reading::Point;
use crate::model::rule::{Condition, Op};
use crate::model::run::{Run, SHORT, Takes};

/// Readings that change nothing.
#[derive(Clone, Copy)]
pub(super) enum Quiet<'a> {
    /// Not beyond a limit.
    Well { op: Op, limit: f64 },
    /// Not good, and not worse than the worst of an alert that fires.
    Bad { op: Op, limit: f64, clear: Option<f64>, alert: &'a Alert },
    /// No later than so many milliseconds after the one before.
    Soon(i64),
}

impl<'a> Quiet<'a> {
    /// Those of a condition as it stands; `None` where each reading may change something.
    pub(super) fn of(condition: &Condition, open: Option<&'a Alert>) -> Option<Self> {
        match (condition, open) {
            (&Condition::Threshold { op, value: limit, .. }, None) => Some(Self::Well { op, limit }),
            (&Condition::Threshold { op, value: limit, clear }, Some(alert)) => {
                let is_steady = alert.state == AlertState::Firing && alert.well_since.is_none();
                is_steady.then_some(Self::Bad { op, limit, clear, alert })
            }
            (&Condition::Silence { after }, None) => Some(Self::Soon(millis(after))),
            _ => None,
        }
    }

    fn is_quiet(self, value: f64) -> bool {
        match self {
            Self::Well { op, limit } => !beyond(op, limit, value),
            Self::Bad { op, limit, clear, alert } => match judge(op, limit, clear, value) {
                Verdict::Good => false,
                Verdict::Between => true,
                Verdict::Bad => alert.worst.is_some_and(|worst| alert.beyond_by(value) <= alert.beyond_by(worst)),
            },
            Self::Soon(_) => true,
        }
    }

    /// How many of some readings from the first on change nothing; `heard`: when the one before was taken.
    fn lead(self, at: &[i64], value: &[f64], heard: Option<UnixMillis>) -> usize {
        let first = |loud: Option<usize>, all: usize| loud.unwrap_or(all);
        let limit_of =
            |of: Op, limit: f64| first(value.iter().position(|value| beyond(of, limit, *value)), value.len());
        match self {
            // Each with an operator of its own in its loop.
            Self::Well { op: Op::Above, limit } => limit_of(Op::Above, limit),
            Self::Well { op: Op::AtLeast, limit } => limit_of(Op::AtLeast, limit),
            Self::Well { op: Op::Below, limit } => limit_of(Op::Below, limit),
            Self::Well { op: Op::AtMost, limit } => limit_of(Op::AtMost, limit),
            Self::Bad { .. } => first(value.iter().position(|value| !self.is_quiet(*value)), value.len()),
            Self::Soon(after) => {
                let mut last = heard.map_or(i64::MAX, |heard| heard.0);
                let late = |at: &i64| {
                    let is_late = at.saturating_sub(last) > after;
                    last = *at;
                    is_late
                };
                first(at.iter().position(late), at.len())
            }
        }
    }
}

impl Replay<'_> {
    fn quiet(&self) -> Option<Quiet<'_>> {
        Quiet::of(self.condition(), self.open().map(AsRef::as_ref))
    }
}

impl Takes for Replay<'_> {
    fn may_pass(&self) -> bool {
        self.quiet().is_some_and(|quiet| !matches!(quiet, Quiet::Soon(_)))
    }

    fn stays(&self, run: &Run) -> bool {
        let is_quiet = |quiet: Quiet<'_>| match quiet {
            Quiet::Well { .. } | Quiet::Bad { .. } => quiet.is_quiet(run.min) && quiet.is_quiet(run.max),
            Quiet::Soon(_) => false,
        };
        run.count >= SHORT && self.is_in_range(run.from) && self.quiet().is_some_and(is_quiet)
    }

    fn pass(&mut self, run: &Run) {
        self.met(run.from);
        self.passed(run.count as u64, run.to, run.last);
    }

    fn wants_values(&self) -> bool {
        !matches!(self.condition(), Condition::Silence { .. })
    }

    fn take_columns(&mut self, at: &[i64], value: &[f64]) {
        if self.window.is_some() {
            return self.skim_columns(at, value);
        }
        let (mut at, mut value) = (at, value);
        while !at.is_empty() {
            let lead = self.quiet().map_or(0, |quiet| quiet.lead(at, value, self.heard()));
            let passed = lead.saturating_sub(SHORT);
            if passed > 0 {
                self.met(UnixMillis(at[0]));
                let before = at[..passed].partition_point(|at| !self.is_in_range(UnixMillis(*at)));
                self.passed((passed - before) as u64, UnixMillis(at[passed - 1]), value[passed - 1]);
            }
            let end = (lead + 1).min(at.len());
            for (&at, &value) in at[passed..end].iter().zip(&value[passed..end]) {
                self.take_one(Point { at: UnixMillis(at), value });
            }
            (at, value) = (&at[end..], &value[end..]);
        }
    }
}

impl Replay<'_> {
    /// Takes readings, and passes over those by which nothing changes.
    pub(super) fn skim_columns(&mut self, at: &[i64], value: &[f64]) {
        let (mut at, mut value) = (at, value);
        while !at.is_empty() {
            let Some(skim) = &mut self.skim else { break };
            let length = skim.length(at);
            let ((some, rest), (values, others)) = (at.split_at(length), value.split_at(length));
            let settles = skim.settles(some, values);
            if settles && self.open().is_none() {
                self.pass_over(some, values);
            } else {
                self.catch_up(length);
                self.take_all(some, values);
            }
            if let Some(skim) = &mut self.skim {
                skim.forget();
            }
            (at, value) = (rest, others);
        }
        self.take_all(at, value);
    }

    /// Readings that change nothing are left to the window for later.
    fn pass_over(&mut self, at: &[i64], value: &[f64]) {
        let (Some(&to), Some(&last)) = (at.last(), value.last()) else { return };
        let before = at.partition_point(|at| !self.is_in_range(UnixMillis(*at)));
        self.passed((at.len() - before) as u64, UnixMillis(to), last);
        if let Some(skim) = &mut self.skim {
            skim.missed += at.len();
            #[cfg(test)]
            {
                skim.passed += at.len();
            }
        }
    }

    /// Brings the window up to what lies before the last `newest` readings kept. Where too many are kept none is passed over any more.
    pub(super) fn catch_up(&mut self, newest: usize) {
        let Some(mut skim) = self.skim.take() else { return };
        let end = skim.at.len().saturating_sub(newest);
        let missed = end.saturating_sub(std::mem::take(&mut skim.missed));
        if missed < end {
            // As it was at the last one missed: behind a long gap what was known before it still counts.
            let begin = skim.at.get(end - 1).map(|last| skim.begin(*last));
            let anew = begin.map_or(0, |begin| skim.at.partition_point(|at| *at < begin));
            if anew > missed {
                self.window = self.window.as_ref().and_then(|window| Look::new(self.condition(), window.kind()));
            }
            for point in skim.points(anew.max(missed), end) {
                self.window.as_mut().map(|window| window.take(point));
            }
            // The last three readings tell how often the series reports.
            skim.points(end.saturating_sub(SHORT).max(missed), end).for_each(|point| self.rhythm.beat(point.at));
        }
        self.skim = (skim.at.len() <= MOST_KEPT).then_some(skim);
    }

    /// How many readings the window was spared since the last question.
    #[cfg(test)]
    pub(super) fn skimmed(&mut self) -> usize {
        self.skim.as_mut().map_or(0, |skim| std::mem::take(&mut skim.passed))
    }

    /// Takes readings by themselves; those of which it is plain that nothing begins by them at little cost.
    fn take_all(&mut self, at: &[i64], value: &[f64]) {
        let point = |n: usize| Point { at: UnixMillis(at[n]), value: value[n] };
        let mut n = 0;
        while n < at.len() {
            let (calm, judged) = self.take_calm(&at[n..], &value[n..]);
            n += calm;
            match judged {
                Some(judged) => self.judge(point(n), judged),
                None if n < at.len() => self.take_one(point(n)),
                None => {}
            }
            n += 1;
        }
    }

    /// How many readings from the first on change nothing, each of which measured something; and what the next one measured, where that
    /// was taken as well.
    fn take_calm(&mut self, at: &[i64], value: &[f64]) -> (usize, Option<Option<Judged>>) {
        let is_open = self.open().is_some();
        let Some(window) = self.window.as_mut().filter(|_| !is_open).and_then(Look::back_mut) else { return (0, None) };
        let (mut calm, mut next) = (0, None);
        for (&at, &value) in at.iter().zip(value) {
            match window.take_calmly(Point { at: UnixMillis(at), value }) {
                Taken::Calm => calm += 1,
                Taken::Judged(judged) => {
                    next = Some(judged);
                    break;
                }
            }
        }
        if let (Some(&to), Some(&last)) = (at[..calm].last(), value[..calm].last()) {
            let before = at[..calm].partition_point(|at| !self.is_in_range(UnixMillis(*at)));
            self.passed((calm - before) as u64, UnixMillis(to), last);
            at[calm.saturating_sub(SHORT)..calm].iter().for_each(|at| self.rhythm.beat(UnixMillis(*at)));
        }
        #[cfg(test)]
        {
            self.calm += calm;
        }
        (calm, next)
    }
}

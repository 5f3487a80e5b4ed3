//! What a condition about several sensors of a device remembers: the other one of a difference, or the parts of what is joined. PURE.
//!
//! ```text
//!   reading of another sensor ─▶ feed(part)          ┐ readings of one moment are all fed before anything is judged
//!   reading of the rule's own ─▶ take: own parts     ┘
//!                                     judge: all, any, or the difference
//! ```
//!
//! - **A part that is older than `within` is unknown**, as is one that measures nothing yet: it neither fires nor resolves.
//!   `all` is bad when all parts are bad and good when one is good, whatever is unknown beside it. `any` is bad when one is bad,
//!   and good when one is good and none is bad: a part that is unknown holds an alert open only if it was bad while it was known.
//! - A difference is judged at the readings of the rule's sensor; what is joined at the readings of each sensor.
//! - A `for` is held as long as no two moments at which it was judged are further apart than `within`.
//! - Counters among the parts begin in the middle of their history.
//!
//! 100 bytes a part, and its window (see [`super::window`]) where it looks back.

use super::condition::{Judged, Verdict, judge, millis, threshold};
use super::window::Window;
use crate::model::alert;
use crate::model::reading::Point;
use crate::model::rule::{Condition, Join, Op};
use crate::model::{SensorKind, UnixMillis};

/// The memory of one condition about several sensors.
#[derive(Debug, Clone)]
pub(super) struct Together {
    within_ms: i64,
    kind: Kind,
    parts: Vec<Part>,
    /// When it was last judged.
    judged_at: Option<UnixMillis>,
    /// Whether it went on then where it had left off.
    holds: bool,
    /// When one of the other sensors was last heard, by the hub's clock.
    heard: Option<UnixMillis>,
    /// What was measured when it was last judged.
    measured: Option<f64>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Difference { op: Op, value: f64, clear: Option<f64> },
    Joined(Join),
}

#[derive(Debug, Clone)]
struct Part {
    /// Name of another sensor.
    sensor: Option<String>,
    /// None of the other one of a difference: its value is all that is wanted.
    condition: Option<Condition>,
    window: Option<Box<Window>>,
    last: Option<Point>,
    judged: Option<Judged>,
    /// It was bad when what is joined was judged, and has not been good since.
    raised: bool,
}

impl Part {
    fn take(&mut self, kind: SensorKind, point: Point) {
        if self.last.is_some_and(|last| point.at <= last.at) {
            return;
        }
        self.last = Some(point);
        let Some(condition) = &self.condition else { return };
        if self.window.is_none() {
            self.window = Window::new(condition, kind).map(|mut window| {
                window.begin_in_the_middle();
                Box::new(window)
            });
        }
        self.judged = match &mut self.window {
            Some(window) => window.take(point),
            None => Some(Judged::of(condition, point.value)),
        };
    }

    fn is_fresh(&self, at: UnixMillis, within_ms: i64) -> bool {
        self.last.is_some_and(|last| at.since(last.at).abs() <= within_ms)
    }
}

impl Together {
    /// An empty one; `None` for a condition about one sensor.
    pub(super) fn new(condition: &Condition) -> Option<Self> {
        let part =
            |sensor, condition| Part { sensor, condition, window: None, last: None, judged: None, raised: false };
        let (kind, within, parts) = match condition {
            Condition::Difference { other, within, op, value, clear } => {
                let kind = Kind::Difference { op: *op, value: *value, clear: *clear };
                (kind, *within, vec![part(Some(other.clone()), None)])
            }
            Condition::Joined { join, parts, within } => {
                let parts = parts.iter().map(|of| part(of.sensor.clone(), Some(of.condition.clone())));
                (Kind::Joined(*join), *within, parts.collect())
            }
            Condition::Threshold { .. }
            | Condition::Rate { .. }
            | Condition::Increase { .. }
            | Condition::Deviation { .. }
            | Condition::Figure { .. }
            | Condition::Stuck { .. }
            | Condition::Seasonal { .. }
            | Condition::Count { .. }
            | Condition::Forecast { .. }
            | Condition::Silence { .. }
            | Condition::Device(_) => return None,
        };
        Some(Self { within_ms: millis(within), kind, parts, judged_at: None, holds: true, heard: None, measured: None })
    }

    /// How far back readings matter.
    pub(super) fn reach_ms(&self) -> i64 {
        let of_part = |part: &Part| {
            let window = part.condition.as_ref().and_then(|condition| Window::new(condition, SensorKind::Counter));
            window.map_or(0, |window| window.reach_ms())
        };
        self.within_ms.saturating_add(self.parts.iter().map(of_part).max().unwrap_or(0))
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let windows = self.parts.iter().filter_map(|part| part.window.as_ref()).map(|window| window.bytes());
        self.parts.capacity() * size_of::<Part>() + windows.sum::<usize>()
    }

    pub(super) const fn measured(&self) -> Option<f64> {
        self.measured
    }

    /// Whether what was judged last goes on where it had left off.
    pub(super) const fn holds(&self) -> bool {
        self.holds
    }

    pub(super) const fn heard(&self) -> Option<UnixMillis> {
        self.heard
    }

    /// A reading of another sensor came at `came`: what it says is remembered, and nothing judged.
    pub(super) fn feed(&mut self, part: usize, kind: SensorKind, point: Point, came: UnixMillis) {
        self.heard = self.heard.max(Some(came));
        if let Some(part) = self.parts.get_mut(part) {
            part.take(kind, point);
        }
    }

    /// What the rule's own sensor said last, before anything is judged.
    pub(super) fn remember(&mut self, kind: SensorKind, point: Point) {
        self.parts.iter_mut().filter(|part| part.sensor.is_none()).for_each(|part| part.take(kind, point));
    }

    /// Takes a reading of the rule's own sensor, and judges.
    pub(super) fn take(&mut self, kind: SensorKind, point: Point) -> Option<Judged> {
        let judged = self.took(kind, point);
        self.measured = judged.map(|judged| judged.measured);
        judged
    }

    fn took(&mut self, kind: SensorKind, point: Point) -> Option<Judged> {
        self.remember(kind, point);
        match self.kind {
            Kind::Difference { op, value, clear } => {
                let other = self.parts.first().filter(|part| part.is_fresh(point.at, self.within_ms))?.last?;
                self.hold(point.at);
                let measured = point.value - other.value;
                Some(Judged { measured, verdict: judge(op, value, clear, measured) })
            }
            Kind::Joined(join) => self.joined(join, point.at),
        }
    }

    /// What is joined is judged again, where it was not yet at this moment.
    pub(super) fn judge(&mut self, at: UnixMillis) -> Option<Option<Judged>> {
        let Kind::Joined(join) = self.kind else { return None };
        if self.judged_at.is_some_and(|last| at <= last) {
            return None;
        }
        let judged = self.joined(join, at);
        self.measured = judged.map(|judged| judged.measured);
        Some(judged)
    }

    fn hold(&mut self, at: UnixMillis) {
        self.holds = self.judged_at.is_none_or(|last| at.since(last) <= self.within_ms);
        self.judged_at = Some(at);
    }

    fn joined(&mut self, join: Join, at: UnixMillis) -> Option<Judged> {
        self.hold(at);
        let (mut bad, mut good, mut unknown, mut holding) = (0_usize, 0_usize, 0_usize, 0_usize);
        for part in &mut self.parts {
            match part.judged.filter(|_| part.is_fresh(at, self.within_ms)).map(|judged| judged.verdict) {
                Some(Verdict::Bad) => {
                    part.raised = true;
                    bad += 1;
                }
                Some(Verdict::Good) => {
                    part.raised = false;
                    good += 1;
                }
                Some(Verdict::Between) => {}
                None => {
                    unknown += 1;
                    holding += usize::from(part.raised);
                }
            }
        }
        let (is_bad, is_good) = match join {
            Join::All => (bad == self.parts.len(), good > 0),
            Join::Any => (bad > 0, good > 0 && holding == 0 && good + unknown == self.parts.len()),
        };
        let verdict = match (is_bad, is_good) {
            (true, _) => Verdict::Bad,
            (false, true) => Verdict::Good,
            (false, false) if unknown > 0 => return None,
            (false, false) => Verdict::Between,
        };
        Some(Judged { measured: bad as f64, verdict })
    }

    /// The same memory for other numbers; whether each part's is what these ask for; and what the last moment says by them.
    pub(super) fn renumbered(&self, condition: &Condition) -> (Option<Self>, bool, Option<Judged>) {
        let Some(mut is) = Self::new(condition) else { return (None, false, None) };
        (is.judged_at, is.heard) = (self.judged_at, self.heard);
        let mut is_whole = true;
        for (part, was) in is.parts.iter_mut().zip(&self.parts) {
            (part.last, part.raised) = (was.last, was.raised);
            let Some(condition) = &part.condition else { continue };
            if let Some(window) = &was.window {
                let (memory, judged) = window.renumbered(condition);
                is_whole &= memory.is_some();
                (part.window, part.judged) = (memory.map(Box::new), judged);
            } else if Window::new(condition, SensorKind::Gauge).is_none() {
                part.judged = was.last.map(|last| Judged::of(condition, last.value));
            }
        }
        let judged = match is.kind {
            Kind::Difference { op, value, clear } => self.measured.map(|measured| {
                let verdict = judge(op, value, clear, measured);
                Judged { measured, verdict }
            }),
            Kind::Joined(join) => self.judged_at.and_then(|at| is.joined(join, at)),
        };
        (is.measured, is.holds) = (judged.map(|judged| judged.measured), self.holds);
        (Some(is), is_whole, judged)
    }

    /// Nothing is open any more that a part could hold open.
    pub(super) fn let_go(&mut self) {
        self.parts.iter_mut().for_each(|part| part.raised = false);
    }

    /// Takes up an alert that was open when the hub stopped, with what its parts said when it began.
    pub(super) fn resume(&mut self, said: &[alert::Part]) {
        for (part, said) in self.parts.iter_mut().zip(said) {
            part.raised = said.is_true;
        }
    }

    /// What each part says by the moment that was judged last, without its unit; nothing of a difference.
    pub(super) fn told(&self) -> Vec<alert::Part> {
        let told = self.parts.iter().filter_map(|part| {
            let condition = part.condition.as_ref()?;
            let is_fresh = self.judged_at.is_some_and(|at| part.is_fresh(at, self.within_ms));
            let judged = part.judged.filter(|_| is_fresh);
            let usual = part.window.as_ref().filter(|_| judged.is_some()).and_then(|window| window.usual());
            Some(alert::Part {
                sensor: part.sensor.clone().unwrap_or_default(),
                unit: String::new(),
                measure: condition.measure(),
                value: judged.map(|judged| judged.measured),
                threshold: threshold(condition),
                is_true: judged.is_some_and(|judged| judged.verdict == Verdict::Bad),
                usual,
            })
        });
        told.collect()
    }

    /// The condition of a part.
    pub(super) fn condition(&self, part: usize) -> Option<&Condition> {
        self.parts.get(part)?.condition.as_ref()
    }

    /// How many parts there are.
    pub(super) const fn parts(&self) -> usize {
        self.parts.len()
    }

    /// A part's window that was read from the store takes the place of what reaches back less far.
    pub(super) fn recalled(&mut self, part: usize, window: Box<Window>) {
        let Some(part) = self.parts.get_mut(part) else { return };
        let Some(began) = window.began() else { return };
        if part.window.as_ref().is_some_and(|has| has.began().is_some_and(|has| has <= began)) {
            return;
        }
        part.window = Some(window);
    }
}

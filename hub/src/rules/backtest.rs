//! Runs a rule over stored readings of one series: when it would have fired, and for how long. PURE.
//!
//! It is the live engine's own [`Instance`], fed with stored readings in the order they were taken, each as if it had
//! arrived at once; so a backtest and a hub that had the rule at the time agree, except about readings that came late.
//! No notification is sent and nothing is stored.

mod queue;
mod trial;

use std::sync::Arc;

use self::queue::Queue;
pub use self::trial::{Seen, Trial};
use super::condition::{Judged, Verdict};
use super::instance::{Instance, Pulse, Step};
use super::look::Look;
use super::rhythm::Rhythm;
use super::skim::Skim;
use super::together::Together;
use crate::counter::Lead;
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertId, AlertState, Subject, Usual};
use crate::model::catalog::Series;
use crate::model::reading::Point;
use crate::model::rule::Condition;

/// Firings that are listed; further ones are only counted.
pub const SPANS: usize = 100;

/// One firing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// When it would have fired; before the range if it fired already when that began.
    pub from: UnixMillis,
    /// When it would have resolved; `None` if it still fired at the end.
    pub to: Option<UnixMillis>,
    /// What was measured when it fired; `None` for silence.
    pub value: Option<f64>,
    /// What lay farthest beyond the limit while it lasted; `None` for silence.
    pub worst: Option<f64>,
    /// What was measured when it resolved; `None` for silence, and while it fires.
    pub last: Option<f64>,
    /// What was usual when it fired, of what is about that.
    pub usual: Option<Usual>,
}

/// What the rule would have done on one series.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// Readings it was shown, of this series and of those it looks at beside.
    pub readings: u64,
    /// Moments at which they measured something: a rate and a deviation need some history first.
    pub judged: u64,
    /// How often it would have fired.
    pub fires: u64,
    /// Milliseconds for which it would have been firing.
    pub firing_ms: i64,
    /// The first [`SPANS`] firings.
    pub spans: Vec<Span>,
}

/// The replay of one series.
#[derive(Debug)]
pub struct Replay<'a> {
    trial: &'a Trial,
    series: Series,
    pub(super) window: Option<Look>,
    /// What the window need not take of readings given in columns, where there is such.
    pub(super) skim: Option<Box<Skim>>,
    /// Readings of this series and of those beside it that wait until it is known what came first; empty where there is none
    /// beside it.
    queues: Vec<Queue>,
    open: Option<Arc<Alert>>,
    first: Option<UnixMillis>,
    heard: Option<UnixMillis>,
    pub(super) rhythm: Rhythm,
    /// What the last reading measured, by its window.
    measured: Option<f64>,
    /// Only firings from here on count, and what fires then if that is asked for.
    from: UnixMillis,
    lists_open: bool,
    /// Firings that are listed.
    most: usize,
    outcome: Outcome,
    /// Readings that were not judged because it was plain that nothing begins by them.
    #[cfg(test)]
    pub(super) calm: usize,
}

impl<'a> Replay<'a> {
    /// Begins. Readings before `from` fill the memory of the rule, and count for nothing else.
    #[must_use]
    pub fn new(trial: &'a Trial, series: &Series, from: UnixMillis) -> Self {
        let window = Look::new(&trial.0.rule.spec.condition, series.kind);
        let (series, rhythm) = (series.clone(), Rhythm::new(series.interval_ms));
        let skim = window.as_ref().and_then(|window| Skim::new(&trial.0.rule.spec.condition, window.kind()));
        Self {
            trial,
            series,
            skim: skim.map(Box::new),
            window,
            queues: Vec::new(),
            open: None,
            first: None,
            heard: None,
            rhythm,
            measured: None,
            from,
            lists_open: false,
            most: SPANS,
            outcome: Outcome::default(),
            #[cfg(test)]
            calm: 0,
        }
    }

    /// What fires already at the beginning of the range counts as well, with the time it began.
    #[must_use]
    pub fn listing_open(self) -> Self {
        Self { lists_open: true, ..self }
    }

    /// Lists so many firings.
    #[must_use]
    pub fn listing(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// Looks at these beside its own, see [`Trial::beside`]. Readings are given by [`Replay::take_of`] then.
    #[must_use]
    pub fn looking_beside(mut self, beside: &[Series]) -> Self {
        let parts = |one: &Series| {
            let parts = self.trial.0.sources.iter().filter(|(_, sensor)| *sensor == one.sensor);
            parts.map(|(part, _)| *part).collect()
        };
        let queues = beside.iter().map(|one| Queue { beside: Some((one.kind, parts(one))), ..Queue::default() });
        self.queues = std::iter::once(Queue::default()).chain(queues).collect();
        self
    }

    /// Whose readings it wants next: 0 for its own series, from 1 on of those beside it.
    #[must_use]
    pub fn wants(&self) -> Option<usize> {
        self.queues.iter().position(|queue| queue.next().is_none() && !queue.is_over)
    }

    /// Takes the next readings of one of them, oldest first; `more`: there are others.
    pub fn take_of(&mut self, which: usize, points: &[Point], more: bool) {
        let is_alone = self.queues.len() == 1;
        let Some(queue) = self.queues.get_mut(which) else { return };
        queue.is_over = !more;
        if is_alone {
            return self.take(points);
        }
        queue.points.drain(..queue.taken);
        queue.taken = 0;
        queue.points.extend(points);
        while let Some(at) = self.next_moment() {
            self.moment(at);
        }
    }

    /// When the next reading was taken, if it is known of all of them.
    fn next_moment(&self) -> Option<UnixMillis> {
        let mut first = None;
        for queue in &self.queues {
            match queue.next() {
                Some(point) => first = Some(first.map_or(point.at, |first: UnixMillis| first.min(point.at))),
                None if queue.is_over => {}
                None => return None,
            }
        }
        first
    }

    /// The readings of one moment: those beside its own are seen before it decides.
    fn moment(&mut self, at: UnixMillis) {
        self.pass_time(at);
        let mut own = None;
        for queue in &mut self.queues {
            while let Some(point) = queue.take(at) {
                let Some((kind, parts)) = &queue.beside else {
                    own = Some(point);
                    continue;
                };
                self.outcome.readings += u64::from(at >= self.from);
                let together = self.window.as_mut().and_then(Look::beside_mut);
                if let Some(together) = together {
                    parts.iter().for_each(|part| together.feed(*part, *kind, point, at));
                }
            }
        }
        if let Some(point) = own {
            self.take_one(point);
        }
        let together = self.window.as_mut().and_then(Look::beside_mut);
        if let Some((judged, holds)) = together.and_then(|together| Some((together.judge(at)?, together.holds()))) {
            self.outcome.judged += u64::from(at >= self.from && judged.is_some());
            self.measured = judged.map(|judged| judged.measured);
            if self.stays(judged) {
                return;
            }
            let step = self.instance().on_reading(at, judged, holds);
            self.follow(step);
        }
    }

    /// Nothing is open and nothing begins: so it is with nearly every reading.
    fn stays(&self, judged: Option<Judged>) -> bool {
        self.open.is_none() && judged.is_none_or(|judged| judged.verdict != Verdict::Bad)
    }

    /// Begins behind what the series showed before its first reading to come.
    pub fn begin_behind(&mut self, lead: &Lead) {
        lead.before.iter().for_each(|point| self.met(point.at));
        match &mut self.window {
            Some(Look::Back(window)) => window.begin_behind(lead),
            Some(Look::Beside(..)) => {}
            // What was beyond a limit by the last reading of before is so still; and a silence begins with it.
            None if self.lists_open => lead.before.iter().for_each(|point| self.take_one(*point)),
            None => {}
        }
    }

    /// Takes the next readings, oldest first, each by itself: from then on none is passed over.
    pub fn take(&mut self, points: &[Point]) {
        self.catch_up(0);
        self.skim = None;
        points.iter().for_each(|point| self.take_one(*point));
    }

    /// Takes the next reading.
    pub(super) fn take_one(&mut self, point: Point) {
        self.pass_time(point.at);
        let judged = match &mut self.window {
            Some(window) => window.take(point),
            None => Some(Judged::of(&self.trial.0.rule.spec.condition, point.value)),
        };
        self.judge(point, judged);
    }

    /// What a reading measured is held against the rule.
    pub(super) fn judge(&mut self, point: Point, judged: Option<Judged>) {
        self.met(point.at);
        self.heard = self.heard.max(Some(point.at));
        self.measured = judged.map(|judged| judged.measured);
        let counts = point.at >= self.from;
        self.outcome.readings += u64::from(counts);
        self.outcome.judged += u64::from(counts && judged.is_some());
        if self.stays(judged) {
            return self.rhythm.beat(point.at);
        }
        let beside = self.window.as_ref().and_then(Look::beside);
        let holds = beside.map_or_else(|| self.rhythm.holds(point.at, false), Together::holds);
        self.rhythm.beat(point.at);
        let is_new_normal = self.window.as_ref().is_some_and(Look::is_new_normal);
        let step = match (self.instance().on_heard(point.at), judged) {
            (Step::Stay, Some(judged)) if is_new_normal => self.instance().on_new_normal(point.at, judged.measured),
            (Step::Stay, judged) => self.instance().on_reading(point.at, judged, holds),
            (heard, _) => heard,
        };
        self.follow(step);
    }

    pub(super) const fn condition(&self) -> &Condition {
        &self.trial.0.rule.spec.condition
    }

    /// Something was taken at this moment.
    pub(super) fn met(&mut self, at: UnixMillis) {
        self.first.get_or_insert(at);
    }

    /// How its series reported until now.
    #[must_use]
    pub fn seen(&self) -> Seen {
        Seen { first: self.first, every_ms: self.rhythm.every_ms() }
    }

    /// When the last reading was taken.
    pub(super) const fn heard(&self) -> Option<UnixMillis> {
        self.heard
    }

    /// Whether what is at a moment counts.
    pub(super) fn is_in_range(&self, at: UnixMillis) -> bool {
        at >= self.from
    }

    /// Readings that changed nothing: how many of them count, when the last was taken, and what it said.
    pub(super) fn passed(&mut self, counted: u64, to: UnixMillis, last: f64) {
        (self.heard, self.measured) = (self.heard.max(Some(to)), Some(last));
        self.outcome.readings += counted;
        self.outcome.judged += counted;
    }

    /// The alert, if the rule is true at the last reading taken, or fires still.
    pub(super) const fn open(&self) -> Option<&Arc<Alert>> {
        self.open.as_ref()
    }

    /// Ends at `to`.
    #[must_use]
    pub fn finish(mut self, to: UnixMillis) -> Outcome {
        self.pass_time(to);
        if let Some((alert, fired)) = self.open.as_ref().and_then(|alert| Some((alert, alert.fired_at?))) {
            self.outcome.firing_ms += to.since(fired.max(self.from)).max(0);
            if let Some(span) = self.outcome.spans.last_mut().filter(|span| span.to.is_none()) {
                span.worst = alert.worst;
            }
        }
        self.outcome
    }

    /// What timeouts do until a moment.
    fn pass_time(&mut self, until: UnixMillis) {
        // Nothing begins by time but a silence, which remembers nothing.
        if self.open.is_none() && self.window.is_some() {
            return;
        }
        // A silence becomes pending, then fires: two steps at most.
        while let Some(at) = self.instance().wake(self.pulse()).filter(|at| *at < until) {
            let step = self.instance().on_timeout(at, self.pulse());
            if step == Step::Stay {
                return;
            }
            self.follow(step);
        }
    }

    fn pulse(&self) -> Pulse<'_> {
        let beside = self.window.as_ref().and_then(Look::beside).and_then(Together::heard);
        let (heard, rhythm, measured) = (self.heard.max(beside), &self.rhythm, self.measured);
        Pulse { heard, rhythm, started: UnixMillis(i64::MIN), measured }
    }

    fn instance(&self) -> Instance<'_> {
        let about = Subject::Series { device: self.series.device, series: self.series.id };
        Instance { rule: &self.trial.0, about, open: self.open.as_ref(), next: AlertId(0) }
    }

    fn follow(&mut self, step: Step) {
        match step {
            Step::Stay => {}
            Step::Cancel => {
                self.open = None;
                if let Some(together) = self.window.as_mut().and_then(Look::beside_mut) {
                    together.let_go();
                }
            }
            Step::Worsen(alert) => self.open = Some(alert),
            Step::Become(mut alert, at) => {
                if let Some(usual) = self.window.as_ref().and_then(Look::usual) {
                    Arc::make_mut(&mut alert).usual = Some(usual);
                }
                match alert.state {
                    AlertState::Pending => {}
                    AlertState::Firing => self.fired(at, &alert),
                    AlertState::Resolved | AlertState::Historical => self.resolved(&alert, at),
                }
                self.open = Some(alert).filter(|alert| alert.state != AlertState::Resolved);
            }
        }
    }

    fn fired(&mut self, at: UnixMillis, alert: &Alert) {
        if at < self.from && !self.lists_open {
            return;
        }
        self.outcome.fires += 1;
        if self.outcome.spans.len() < self.most {
            let Alert { value, worst, usual, .. } = *alert;
            self.outcome.spans.push(Span { from: at, to: None, value, worst, last: None, usual });
        }
    }

    fn resolved(&mut self, alert: &Alert, at: UnixMillis) {
        let Some(fired) = alert.fired_at else { return };
        self.outcome.firing_ms += at.since(fired.max(self.from)).max(0);
        let of_this = |span: &&mut Span| span.from == fired && span.to.is_none();
        if self.lists_open && at <= self.from && fired < self.from {
            // It was over before the range began.
            self.outcome.fires -= 1;
            self.outcome.spans.pop();
            return;
        }
        if let Some(span) = self.outcome.spans.last_mut().filter(of_this) {
            *span = Span { to: Some(at), worst: alert.worst, last: alert.last, ..*span };
        }
    }
}

//! What a condition about the last while remembers of one series: its readings, in at most 32 steps, or as a line of at most 128
//! marks.
//!
//! ```text
//!            over                          A window moves in steps of a thirtieth of `over`. Of each step a rate keeps
//!   ├──┬──┬──┬─ ... ─┬──┬──┤               the first reading, a deviation what `deviation` says. A step leaves once its
//!   oldest              reading            first reading is older than `over`. 16 bytes a step of a rate.
//! ```
//!
//! - It says nothing before its oldest reading is half of `over` old: after a start, a long gap, or for a sensor that
//!   reports too seldom, nothing is known, and nothing is decided.
//! - Time is that of the readings. One that is not newer than the last is a repeat: it measures nothing, teaches nothing.
//! - **Rate**: the change from the oldest reading in the window to this one, by the time between them; of a counter its
//!   growth, and nothing until it is known (see [`crate::counter`]): a reading that fell waits for the next ones.
//! - **Increase**: what a query says of the time from `over` ago until this reading: the line between the two readings around
//!   its begin goes straight (see [`crate::counter::Lately`]). Too much is told as soon as it is; too little, or that it is
//!   not too much any more, only once the whole of it is known.
//! - What a counter did depends on where it stood before: a window begins behind what the store has of that ([`Lead`]), and
//!   where it begins in the middle of the history its first reading is nothing special.
//! - **Deviation**: how many standard deviations (of a sample, n - 1) this reading is from the mean of the usual readings
//!   before it, see `deviation`. Of a counter, what deviates is its growth a second.
//! - **Average, minimum, maximum**: what a query gives for the while, and **stuck**: whether all of them lie in a band, see `summary`.
//!   Both are about what a counter shows, not about what it counted.
//! - **Forecast**: when the line through the while reaches the limit, see `trend`; of a counter what it shows.
//! - **Seasonal**: how far the mean of the last hour is from that hour of the last 14 days, see `season`.

mod calm;
mod numbers;
mod reach;

use std::sync::Arc;
use std::time::Duration;

pub(super) use self::calm::Taken;
use self::calm::stays_within;
use super::condition::{Judged, Verdict, beyond, millis, per_ms};
use super::deviation::History;
use super::season::{self, Found, Season};
use super::spread::{Reading, Scale, place};
use super::strip::Strip;
use super::summary::{Standstill, Summary};
use super::sums::STEPS;
use super::trend::Trend;
use crate::counter::{Amount, Lately, Lead, Machine};
use crate::model::alert::Usual;
use crate::model::reading::Point;
use crate::model::rule::{Condition, Figure, Op};
use crate::model::{SensorKind, UnixMillis};

/// The memory of one rule about the last while on one series.
#[derive(Debug, Clone)]
pub(super) struct Window {
    condition: Arc<Condition>,
    kind: SensorKind,
    over_ms: i64,
    /// Whether the first reading it took is the first there ever was: nothing is missing before it.
    is_begin: bool,
    /// What a counter did, where it is one.
    counter: Option<Box<Machine>>,
    /// When the last reading taken was measured.
    last: Option<UnixMillis>,
    /// What the counter had counted when that was last known.
    counted: Option<Point>,
    /// The smallest step of what a counter shows, as far as it was seen, and the usual time between its readings, ms.
    step: f64,
    pace_ms: f64,
    /// What the last reading measured.
    measured: Option<f64>,
    /// Whether by the last reading what was strange became the usual.
    is_new_normal: bool,
    memory: Memory,
}

#[derive(Debug, Clone)]
enum Memory {
    Rate {
        /// First reading of each step: when, and the value (of a counter: what it counted since the window was made).
        marks: Strip<(UnixMillis, f64)>,
    },
    Increase(Lately),
    Deviation(History),
    Figure(Figure, Summary),
    Stuck(Standstill),
    Seasonal(Season),
    Forecast(Trend),
}

impl Window {
    /// An empty window; `None` for a condition that needs none.
    pub(super) fn new(condition: &Condition, kind: SensorKind) -> Option<Self> {
        let (over, memory) = match *condition {
            Condition::Rate { over, .. } => (over, Memory::Rate { marks: Strip::default() }),
            Condition::Increase { over, .. } => (over, Memory::Increase(Lately::default())),
            Condition::Deviation { sigmas, over, least, .. } => {
                (over, Memory::Deviation(History::new(millis(over), Scale { sigmas, least })))
            }
            Condition::Figure { figure, over, .. } => (over, Memory::Figure(figure, Summary::new(millis(over)))),
            Condition::Stuck { least, after } => (after, Memory::Stuck(Standstill::new(millis(after), least))),
            Condition::Forecast { over, .. } => (over, Memory::Forecast(Trend::new(millis(over)))),
            Condition::Seasonal { sigmas, least, .. } => {
                let season = Season::new(Scale { sigmas, least });
                (Duration::from_millis(season::HOUR_MS.unsigned_abs()), Memory::Seasonal(season))
            }
            Condition::Threshold { .. }
            | Condition::Difference { .. }
            | Condition::Joined { .. }
            | Condition::Count { .. }
            | Condition::Silence { .. }
            | Condition::Device(_) => return None,
        };
        let counts = match memory {
            Memory::Rate { .. } | Memory::Increase(_) | Memory::Deviation(_) => kind == SensorKind::Counter,
            Memory::Figure(..) | Memory::Stuck(_) | Memory::Seasonal(_) | Memory::Forecast(_) => false,
        };
        Some(Self {
            condition: Arc::new(condition.clone()),
            kind,
            over_ms: millis(over),
            is_begin: true,
            counter: counts.then(|| Box::new(Machine::new(true))),
            last: None,
            counted: None,
            step: f64::INFINITY,
            pace_ms: 0.0,
            measured: None,
            is_new_normal: false,
            memory,
        })
    }

    /// What the series is, to the window.
    pub(super) const fn kind(&self) -> SensorKind {
        self.kind
    }

    /// What it is for.
    pub(super) fn condition(&self) -> &Condition {
        &self.condition
    }

    /// Whether what it says depends on what lies before the readings that it is shown.
    pub(super) const fn wants_lead(&self) -> bool {
        match self.memory {
            Memory::Increase(_) => true,
            Memory::Rate { .. }
            | Memory::Deviation(_)
            | Memory::Figure(..)
            | Memory::Stuck(_)
            | Memory::Seasonal(_)
            | Memory::Forecast(_) => self.counter.is_some(),
        }
    }

    /// Begins behind what the series showed before. Without it an empty window takes its first reading for the first ever.
    pub(super) fn begin_behind(&mut self, lead: &Lead) {
        if !self.wants_lead() {
            return;
        }
        self.is_begin = lead.is_begin;
        if let Some(counter) = &mut self.counter {
            **counter = Machine::new(lead.is_begin);
        }
        for point in &lead.before {
            self.take(*point);
        }
    }

    /// Learns that there are readings before those that it will be shown.
    pub(super) fn begin_in_the_middle(&mut self) {
        if self.last.is_some() {
            return;
        }
        self.is_begin = false;
        if let Some(counter) = &mut self.counter {
            **counter = Machine::new(false);
        }
    }

    /// The oldest moment it remembers.
    pub(super) fn began(&self) -> Option<UnixMillis> {
        match &self.memory {
            Memory::Rate { marks } => marks.front().map(|&(at, _)| at),
            Memory::Increase(lately) => {
                let open_end = self.counter.as_ref().and_then(|counter| counter.open_end().next());
                lately.began().or_else(|| Some(open_end?.at))
            }
            Memory::Deviation(history) => history.began(),
            Memory::Figure(_, summary) => summary.began(),
            Memory::Stuck(standstill) => standstill.began(),
            Memory::Seasonal(season) => season.began(),
            Memory::Forecast(trend) => trend.began(),
        }
    }

    /// When the last reading was taken.
    pub(super) const fn last(&self) -> Option<UnixMillis> {
        self.last
    }

    /// What it takes in memory.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let steps = match &self.memory {
            Memory::Rate { marks } => marks.bytes(),
            Memory::Increase(lately) => lately.bytes(),
            Memory::Deviation(history) => history.bytes(),
            Memory::Figure(_, summary) => summary.bytes(),
            Memory::Stuck(standstill) => standstill.bytes(),
            Memory::Seasonal(season) => season.bytes(),
            Memory::Forecast(trend) => trend.bytes(),
        };
        size_of::<Self>() + steps + self.counter.as_ref().map_or(0, |_| size_of::<Machine>())
    }

    /// What the last reading measured; `None` when it measured nothing.
    pub(super) const fn measured(&self) -> Option<f64> {
        self.measured
    }

    /// What is usual beside what the last reading measured, where it is about what is unusual.
    pub(super) fn usual(&self) -> Option<Usual> {
        let usual = match &self.memory {
            Memory::Deviation(history) => history.usual(),
            Memory::Seasonal(season) => season.usual(),
            Memory::Rate { .. } | Memory::Increase(_) | Memory::Figure(..) | Memory::Stuck(_) | Memory::Forecast(_) => {
                None
            }
        };
        usual.filter(|_| self.measured.is_some())
    }

    /// Whether by the last reading a level that stayed became the usual: what it measures is no alert's any more.
    pub(super) const fn is_new_normal(&self) -> bool {
        self.is_new_normal
    }

    /// Takes the next reading: what it measures by those before it, `None` when they say too little.
    pub(super) fn take(&mut self, point: Point) -> Option<Judged> {
        match self.took(point, false) {
            Taken::Calm => None,
            Taken::Judged(judged) => judged,
        }
    }

    /// The same, but where it is plain that what it measures is not beyond the limit nothing more is said of it.
    pub(super) fn take_calmly(&mut self, point: Point) -> Taken {
        self.took(point, true)
    }

    /// Something was measured that is not beyond the limit, and not worked out: the value stands for it.
    const fn is_calm(&mut self, value: f64) -> Taken {
        self.measured = Some(value);
        Taken::Calm
    }

    fn took(&mut self, point: Point, calmly: bool) -> Taken {
        if self.last.is_some_and(|last| point.at <= last) {
            return Taken::NOTHING;
        }
        self.is_new_normal = false;
        self.measured = None;
        self.last = Some(point.at);
        // Of a counter: what it has counted, if the readings so far tell.
        let (value, before) = match &mut self.counter {
            None => (point.value, None),
            Some(counter) => {
                let memory = &mut self.memory;
                counter.take(point, |mark| {
                    if let Memory::Increase(lately) = memory {
                        lately.push(mark.at, mark.total.value());
                    }
                });
                if counter.is_undecided() {
                    return Taken::NOTHING;
                }
                let value = counter.total().value();
                (value, Some(self.counted.replace(Point { value, ..point })))
            }
        };
        let (oldest, half) = (point.at.plus(-self.over_ms), self.over_ms / 2);
        let step_of = |at: UnixMillis| at.0.div_euclid((self.over_ms / STEPS).max(1));
        let measured = match &mut self.memory {
            Memory::Rate { marks } => {
                while marks.front().is_some_and(|(at, _)| *at < oldest) {
                    marks.pop_front();
                }
                if before.is_some() {
                    // A counter never falls: what it had counted beyond this was a slip, which it takes back.
                    while marks.back().is_some_and(|(_, was)| *was > value) {
                        marks.pop_back();
                    }
                }
                let front = marks.front().copied().filter(|(from, _)| point.at.since(*from) >= half);
                let per_ms = per_ms(&self.condition);
                let is_calm = calmly
                    && front.is_some_and(|(from, was)| {
                        let (time, off) = (point.at.since(from) as f64, (value.abs() + was.abs()) * 1e-9 + 1e-11);
                        let (low, high) = (value - was - off, value - was + off);
                        stays_within(&self.condition, low / time * per_ms, high / time * per_ms)
                    });
                let rate = front.filter(|_| !is_calm).map(|(from, was)| {
                    let change = (Amount::of(value) - Amount::of(was)).value();
                    change / point.at.since(from) as f64 * per_ms
                });
                if marks.back().is_none_or(|&(at, _)| step_of(at) != step_of(point.at)) {
                    marks.push((point.at, value));
                }
                if is_calm {
                    return self.is_calm(value);
                }
                rate
            }
            Memory::Increase(lately) => {
                let (counter, now) = (self.counter.as_deref(), Amount::of(value));
                if counter.is_none() {
                    lately.push(point.at, value);
                }
                lately.forget(oldest);
                let about = lately.about(oldest).filter(|_| calmly);
                if about.is_some_and(|(was, off)| {
                    let off = off + value.abs() * 1e-8;
                    off.is_finite() && stays_within(&self.condition, value - was - off, value - was + off)
                }) {
                    return self.is_calm(value);
                }
                let open_end = counter.into_iter().flat_map(Machine::open_end);
                let shown = counter.map_or(now, Machine::shown);
                let from = lately.at(oldest, open_end, shown).filter(|from| from.at < point.at);
                from.and_then(|from| {
                    let (change, is_whole) = ((now - from.total).value(), from.at <= oldest);
                    match *self.condition {
                        // What is known already is enough to be too much, and no proof of anything else: before the store was
                        // read nobody knows what it had grown by.
                        Condition::Increase { op: op @ (Op::Above | Op::AtLeast), value: limit, .. } => {
                            (is_whole || self.is_begin || beyond(op, limit, change)).then_some(change)
                        }
                        Condition::Increase { .. }
                        | Condition::Rate { .. }
                        | Condition::Threshold { .. }
                        | Condition::Deviation { .. }
                        | Condition::Figure { .. }
                        | Condition::Stuck { .. }
                        | Condition::Seasonal { .. }
                        | Condition::Difference { .. }
                        | Condition::Joined { .. }
                        | Condition::Count { .. }
                        | Condition::Forecast { .. }
                        | Condition::Silence { .. }
                        | Condition::Device(_) => is_whole.then_some(change),
                    }
                })
            }
            Memory::Deviation(history) => {
                let reading = match before {
                    None if calmly && history.take_usual(point.at, value) => return self.is_calm(value),
                    None => Reading { value, step: None },
                    Some(None) => return Taken::NOTHING,
                    Some(Some(before)) => {
                        // Where it stood then, as it is known now: it may have taken a slip back.
                        let open_end = self.counter.iter().flat_map(|counter| counter.open_end());
                        let was = Lately::default().at(before.at, open_end, Amount::ZERO);
                        let was = was.filter(|was| was.at == before.at).map_or(before.value, |was| was.total.value());
                        let gap_ms = point.at.since(before.at) as f64;
                        self.pace_ms = if self.pace_ms > 0.0 { self.pace_ms * 0.9 + gap_ms * 0.1 } else { gap_ms };
                        self.step = self.step.min(place(point.value));
                        let step = self.step / gap_ms.min(self.pace_ms) * 1_000.0;
                        Reading { value: (value - was).max(0.0) / (gap_ms / 1_000.0), step: Some(step) }
                    }
                };
                let judged = history.take(point.at, reading);
                self.is_new_normal = judged.is_new_normal;
                judged.sigmas
            }
            Memory::Figure(figure, summary) => {
                summary.take(point);
                summary.figure(*figure, point.at)
            }
            Memory::Stuck(standstill) => {
                let verdict = |is_still| if is_still { Verdict::Bad } else { Verdict::Good };
                let judged = standstill.take(point).map(|is| Judged { measured: point.value, verdict: verdict(is) });
                self.measured = judged.map(|judged| judged.measured);
                return Taken::Judged(judged);
            }
            Memory::Seasonal(season) if self.kind == SensorKind::Gauge && calmly => match season.take_usual(point) {
                Found::Usual => return self.is_calm(value),
                Found::Away(away) => away,
            },
            Memory::Seasonal(season) if self.kind == SensorKind::Gauge => season.take(point),
            Memory::Seasonal(_) => None,
            Memory::Forecast(trend) => {
                let judged = trend.take(point).and_then(|line| line.judged(&self.condition));
                self.measured = judged.map(|judged| judged.measured);
                return Taken::Judged(judged);
            }
        };
        self.measured = measured;
        Taken::Judged(measured.map(|measured| Judged::of(&self.condition, measured)))
    }
}

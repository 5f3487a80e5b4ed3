//! Decides, reading by reading, what a counter really did. The rules are in the table of the module's header.

mod steps;

use self::steps::{Level, Steps};
use super::amount::Amount;
use crate::model::UnixMillis;
use crate::model::reading::Point;

/// A fall by at most this part of the value is a jitter.
const JITTER: f64 = 0.01;
/// A jump more than this many times as high as what is left of it was a blip; so much faster than usual is not from zero.
const STRANGE: f64 = 10.0;
/// A step is explained by growth if it is at most this many times the growth that was seen.
const GROWN: f64 = 3.0;
/// A first rise this many times as fast as the next one was not real, if the reading before it stood alone.
const FIRST: f64 = 1_000.0;
/// Readings from the low on that decide for a restart.
const ENOUGH: usize = 3;
/// Where counters wrap.
const WRAPS: [f64; 11] = [
    10_000.0,
    65_536.0,
    100_000.0,
    1_000_000.0,
    10_000_000.0,
    16_777_216.0,
    100_000_000.0,
    1_000_000_000.0,
    4_294_967_296.0,
    281_474_976_710_656.0,
    18_446_744_073_709_551_616.0,
];

/// A point of the line that never falls: what was counted by then, from wherever the machine began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub at: UnixMillis,
    pub total: Amount,
    /// What the reading showed there.
    pub shown: Amount,
}

/// What a counter showed since it fell, until it is known why.
#[derive(Debug, Clone, Copy, Default)]
struct Fall {
    steps: Steps,
    readings: usize,
}

impl Fall {
    const fn low(&self) -> Option<Level> {
        self.steps.levels[0]
    }
}

/// A jump that may turn out to be a blip.
#[derive(Debug, Clone, Copy)]
struct Jump {
    /// How many of the newest levels are not there if it is one.
    levels: usize,
    /// How many more readings that bear it out it waits for.
    wants: usize,
}

/// Readings in, in the order of time; marks out, when no later reading can change them.
#[derive(Debug, Clone)]
pub struct Machine {
    steps: Steps,
    /// What was counted less what was shown: the same for all levels. Without any: what was counted.
    origin: Amount,
    fall: Option<Fall>,
    /// Whether the oldest of the levels is the first reading of all.
    is_first: bool,
    /// The newest levels, while nobody knows whether they were there: a jump as never before.
    jump: Option<Jump>,
}

impl Machine {
    /// A counter of which nothing is known. `is_begin`: the first reading it will take is the first there ever was.
    #[must_use]
    pub fn new(is_begin: bool) -> Self {
        Self { steps: Steps::default(), origin: Amount::ZERO, fall: None, is_first: is_begin, jump: None }
    }

    /// What was counted, as far as it is decided; less than before where a blip upwards was found out.
    #[must_use]
    pub fn total(&self) -> Amount {
        self.steps.at(0).map_or(self.origin, |newest| self.origin + Amount::of(newest.value))
    }

    /// The line behind what was settled, as far as it is decided: what the next readings may still take back.
    pub fn open_end(&self) -> impl Iterator<Item = Mark> + '_ {
        self.steps.levels.iter().flatten().flat_map(move |level| {
            let shown = Amount::of(level.value);
            let mark = |at| Mark { at, total: self.origin + shown, shown };
            [mark(level.from)].into_iter().chain((level.from < level.to).then(|| mark(level.to)))
        })
    }

    /// What it shows, as far as that is decided.
    #[must_use]
    pub fn shown(&self) -> Amount {
        self.steps.at(0).map_or(Amount::ZERO, |newest| Amount::of(newest.value))
    }

    /// Whether the next readings will tell what the last one means: it fell, or it jumped as never before.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        self.fall.is_some() || self.jump.is_some()
    }

    /// Takes the next reading; those at no later time than the last are left out.
    pub fn take(&mut self, point: Point, mut settled: impl FnMut(Mark)) {
        if !point.value.is_finite() {
            return;
        }
        match self.fall {
            None => self.go_on(point, &mut settled),
            Some(fall) => self.after_fall(fall, point, &mut settled),
        }
    }

    /// Ends: what is decided so far is settled. What fell last counts for nothing, nor does a jump of which nobody knows yet; but
    /// of two readings in all what lies between them.
    pub fn finish(mut self, mut settled: impl FnMut(Mark)) {
        let levels = self.jump.filter(|_| !self.is_first_alone()).map_or(0, |jump| jump.levels);
        for _ in 0..levels.min(self.steps.count.saturating_sub(1)) {
            self.steps.pop();
        }
        while self.settle_oldest(&mut settled) {}
    }

    fn go_on(&mut self, point: Point, settled: &mut impl FnMut(Mark)) {
        let Some(top) = self.steps.top() else {
            // Counting begins with it.
            self.origin = self.origin - Amount::of(point.value);
            self.steps.push(Level::of(point));
            return;
        };
        if point.value > top.value {
            self.rise(Level::of(point), settled);
        } else if point.value == top.value {
            top.to = point.at;
            self.bear_out(0);
        } else if !self.was_blip_up(point) {
            self.fall_to(point);
        } else {
            self.go_on(point, settled);
        }
    }

    fn rise(&mut self, level: Level, settled: &mut impl FnMut(Mark)) {
        if self.steps.count == self.steps.levels.len() {
            self.settle_oldest(settled);
        }
        self.steps.push(level);
        let wants = self.wants();
        match wants {
            0 => self.bear_out(1),
            wants => self.jump = Some(Jump { levels: self.jump.map_or(0, |jump| jump.levels) + 1, wants }),
        }
        if self.is_first && self.steps.count == self.steps.levels.len() {
            let [first, second] = self.steps.speeds();
            if self.is_first_alone() && first > FIRST * second {
                // It never was there: counting begins with what came next.
                if let Some((never, next)) = self.steps.shift().zip(self.steps.levels[0]) {
                    self.origin = self.origin + Amount::of(never.value) - Amount::of(next.value);
                }
                self.jump = None;
            } else if wants == 0 {
                self.jump = None;
            }
            self.is_first = false;
        }
    }

    /// How many readings have to bear out that the newest level is no blip: none where it rises as ever; two where a counter that
    /// showed something shows more than twice as much all at once, as with a digit too many or a number that is none.
    fn wants(&self) -> usize {
        let (Some(newest), Some(before)) = (self.steps.at(0), self.steps.at(1)) else { return 0 };
        let (jump, size) = (newest.value - before.value, before.value.abs());
        let is_strange = match self.steps.at(2) {
            Some(earlier) => jump > STRANGE * (before.value - earlier.value),
            // Whether the first reading of all was a blip, the second rise tells.
            None => jump > size && (size > 0.0 || self.is_first_alone()),
        };
        match is_strange {
            false => 0,
            true if size > 0.0 && jump > size => 2,
            true => 1,
        }
    }

    /// Another reading that is no lower, on so many levels more.
    fn bear_out(&mut self, levels: usize) {
        let still = |jump: Jump| Jump { levels: jump.levels + levels, wants: jump.wants - 1 };
        self.jump = self.jump.map(still).filter(|jump| jump.wants > 0);
    }

    /// Whether the oldest level is the first reading of all, and none beside it said the same: where a counter rested for two
    /// readings it stood, and what it counts next is real, however much it is.
    fn is_first_alone(&self) -> bool {
        self.is_first && self.steps.levels[0].is_some_and(|first| first.from == first.to)
    }

    /// A lower value: a jitter, or the begin of something.
    fn fall_to(&mut self, point: Point) {
        if let Some(top) = self.steps.top() {
            if top.value - point.value <= JITTER * top.value.abs() {
                top.to = point.at;
                self.bear_out(0);
            } else {
                let mut fall = Fall::default();
                fall.steps.push(Level::of(point));
                fall.readings = 1;
                self.fall = Some(fall);
            }
        }
    }

    /// Forgets the newest level, or the newest two, if a lower value shows that they were blips.
    fn was_blip_up(&mut self, point: Point) -> bool {
        let blips = (1..=2).find(|&blips| {
            let (Some(before), Some(jumped)) = (self.steps.at(blips), self.steps.at(blips - 1)) else { return false };
            let (jump, left) = (jumped.value - before.value, (point.value - before.value).max(0.0));
            let is_back = before.value - point.value <= JITTER * before.value.abs() && before.value != 0.0;
            // Two of them are of one kind: near each other, far from what was before.
            let apart = self.steps.at(0).map_or(0.0, |newest| newest.value - jumped.value);
            is_back && jump > STRANGE * left.max(apart)
        });
        for _ in 0..blips.unwrap_or(0) {
            self.steps.pop();
            self.jump = None;
        }
        blips.is_some()
    }

    fn after_fall(&mut self, mut fall: Fall, point: Point, settled: &mut impl FnMut(Mark)) {
        let (Some(before), Some(low)) = (self.steps.at(0), fall.steps.top()) else { return };
        if before.value - point.value <= JITTER * before.value.abs() {
            let step = point.value - low.value;
            let grown = match fall.steps.largest_rise() {
                rise if rise > 0.0 => rise,
                _ if fall.readings >= ENOUGH => self.steps.largest_rise(),
                _ => 0.0,
            };
            if step <= GROWN * grown {
                self.restart(&fall, settled);
            }
            self.fall = None;
            return self.go_on(point, settled);
        }
        if point.value > low.value {
            fall.steps.push(Level::of(point));
        } else if low.value - point.value <= JITTER * low.value.abs() {
            low.to = point.at;
        } else {
            fall = Fall::default();
            fall.steps.push(Level::of(point));
        }
        fall.readings += 1;
        let is_enough = fall.readings >= ENOUGH || self.over_the_end(&fall).is_some();
        let is_decided = is_enough && fall.steps.count > 1;
        self.fall = Some(fall);
        if is_decided {
            self.restart(&fall, settled);
        }
    }

    /// It goes on from the low.
    fn restart(&mut self, fall: &Fall, settled: &mut impl FnMut(Mark)) {
        self.fall = None;
        let (Some(before), Some(low)) = (self.steps.at(0), fall.low()) else { return };
        let step = if let Some(end) = self.over_the_end(fall) {
            Amount::of(end) - Amount::of(before.value) + Amount::of(low.value)
        } else if let Some(earlier) = self.steps.at(1).filter(|it| 0.0 < it.value && it.value <= low.value) {
            // It is not below what was there before the last rise: that was the blip.
            self.steps.pop();
            Amount::of(low.value) - Amount::of(earlier.value)
        } else if 0.0 < low.value && low.value <= STRANGE * self.usual(fall) {
            Amount::of(low.value)
        } else {
            Amount::ZERO
        };
        let total = self.total() + step;
        while self.settle_oldest(settled) {}
        self.steps = fall.steps;
        self.origin = total - Amount::of(low.value);
        self.is_first = false;
        self.jump = None;
    }

    /// What it usually grows by in the time of a fall.
    fn usual(&self, fall: &Fall) -> f64 {
        let time = self.steps.at(0).zip(fall.low()).map_or(0, |(before, low)| low.from.since(before.to));
        self.steps.fastest().max(fall.steps.fastest()) * time as f64
    }

    /// The end it wrapped at, if it was that near to one.
    fn over_the_end(&self, fall: &Fall) -> Option<f64> {
        let (before, low) = (self.steps.at(0)?, fall.low().filter(|low| low.value >= 0.0)?);
        let near = GROWN * self.usual(fall);
        WRAPS.into_iter().find(|end| before.value < *end && end - before.value + low.value <= near)
    }

    /// Hands the oldest level out; the next one is the oldest then.
    fn settle_oldest(&mut self, settled: &mut impl FnMut(Mark)) -> bool {
        let Some(oldest) = self.steps.shift() else { return false };
        let shown = Amount::of(oldest.value);
        let total = self.origin + shown;
        settled(Mark { at: oldest.from, total, shown });
        if oldest.to > oldest.from {
            settled(Mark { at: oldest.to, total, shown });
        }
        self.is_first = false;
        true
    }
}

#[cfg(test)]
mod tests;

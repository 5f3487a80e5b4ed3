//! What a rule about the last while says by a memory that keeps everything and computes it anew each time.

use super::*;

/// Every reading that counts, for ever; each number computed from all of them.
pub(super) struct Reference {
    condition: Condition,
    hold_ms: i64,
    counter: Option<Machine>,
    last: Option<i64>,
    /// Of a counter: what it had counted, where that is known.
    taken: Vec<(i64, f64)>,
    /// As they came.
    raw: Vec<Point>,
    /// Times of readings that were judged, each once.
    beats: Vec<i64>,
    measured: Option<f64>,
    pending: Option<i64>,
    firing: bool,
    next: u64,
    pub(super) told: Vec<Told>,
    /// A number so close to a limit that rounding decides: from here on nothing can be compared.
    pub(super) on_the_edge: bool,
}

impl Reference {
    pub(super) fn new(spec: &RuleSpec, counter: bool) -> Self {
        Self {
            condition: spec.condition.clone(),
            hold_ms: spec.hold.as_millis() as i64,
            counter: counter.then(|| Machine::new(true)),
            last: None,
            taken: vec![],
            raw: vec![],
            beats: vec![],
            measured: None,
            pending: None,
            firing: false,
            next: 1,
            told: vec![],
            on_the_edge: false,
        }
    }

    pub(super) fn reading(&mut self, at: UnixMillis, value: f64) {
        if self.last.is_some_and(|last| at.0 <= last) {
            return;
        }
        self.last = Some(at.0);
        let holds = self.holds(at.0);
        self.raw.push(Point { at, value });
        let value = match &mut self.counter {
            None => value,
            Some(counter) => {
                counter.take(Point { at, value }, |_| {});
                if counter.is_undecided() {
                    return self.nothing(holds);
                }
                counter.total().value()
            }
        };
        let (measured, bad, good) = match self.condition {
            Condition::Rate { op, value: limit, per, over, clear } => {
                if self.counter.is_some() {
                    // A slip that is taken back.
                    self.taken.retain(|(_, was)| *was <= value);
                }
                self.taken.push((at.0, value));
                let Some(rate) = self.rate(over.as_millis() as i64, per.as_millis() as f64) else {
                    return self.nothing(holds);
                };
                let (bad, good) = (self.beyond(op, rate, limit), !self.beyond(op, rate, clear.unwrap_or(limit)));
                (rate, bad, good)
            }
            Condition::Increase { op, value: limit, over, clear } => {
                let Some(grown) = self.increase(op, over.as_millis() as i64) else { return self.nothing(holds) };
                (grown, self.beyond(op, grown, limit), !self.beyond(op, grown, clear.unwrap_or(limit)))
            }
            Condition::Deviation { .. }
            | Condition::Figure { .. }
            | Condition::Stuck { .. }
            | Condition::Seasonal { .. }
            | Condition::Difference { .. }
            | Condition::Joined { .. }
            | Condition::Threshold { .. }
            | Condition::Count { .. }
            | Condition::Forecast { .. }
            | Condition::Silence { .. }
            | Condition::Device(_) => unreachable!(),
        };
        self.measured = Some(measured);
        match (self.firing, self.pending) {
            (true, _) if good => {
                self.firing = false;
                let at = at.max(UnixMillis(self.pending.unwrap() + self.hold_ms));
                self.told.push((self.next - 1, "resolved", at, measured));
            }
            (false, None) if bad => {
                self.pending = Some(at.0);
                self.next += 1;
                if self.hold_ms > 0 {
                    self.told.push((self.next - 1, "pending", at, measured));
                }
                self.fire_at(at.0);
            }
            (false, Some(_)) if bad && !holds => {
                self.pending = Some(at.0);
                self.told.push((self.next - 1, "pending", at, measured));
            }
            (false, Some(_)) if bad => self.fire_at(at.0),
            (false, Some(_)) => self.told.push((self.next - 1, "cancelled", START, 0.0)),
            _ => {}
        }
        if !self.firing && !bad {
            self.pending = None;
        }
    }

    /// A reading that measured nothing: behind a gap, what was pending is not known to have gone on.
    pub(super) fn nothing(&mut self, holds: bool) {
        self.measured = None;
        if !holds && !self.firing && self.pending.take().is_some() {
            self.told.push((self.next - 1, "cancelled", START, 0.0));
        }
    }

    /// Time alone: pending alerts are given up five minutes after the last reading, or what is usual by three times.
    pub(super) fn timeout(&mut self, now: UnixMillis) {
        let Some(pending) = self.pending.filter(|_| !self.firing) else { return };
        let last = self.beats.last().copied().unwrap_or(0);
        if self.measured.is_some() && pending + self.hold_ms <= last + 1_000 {
            self.fire_at(now.0);
        }
    }

    /// Whether a reading goes on where the last one left off.
    pub(super) fn holds(&mut self, at: i64) -> bool {
        let gaps: Vec<i64> = self.beats.windows(2).rev().take(2).map(|pair| pair[1] - pair[0]).collect();
        let near = gaps.into_iter().chain([1_000]).max().unwrap_or(0) * 3;
        let holds = self.beats.last().is_none_or(|last| at - last <= near.max(60_000));
        self.beats.push(at);
        holds
    }

    pub(super) fn fire_at(&mut self, now: i64) {
        let due = self.pending.unwrap() + self.hold_ms;
        if now >= due {
            self.firing = true;
            self.told.push((self.next - 1, "firing", UnixMillis(due), self.measured.unwrap()));
        }
    }

    pub(super) fn beyond(&mut self, op: Op, number: f64, limit: f64) -> bool {
        self.on_the_edge |= (number - limit).abs() < 1e-6;
        if matches!(op, Op::Above) { number > limit } else { number < limit }
    }

    pub(super) fn growth(&self, from: usize, to: usize) -> f64 {
        let change = self.taken[to].1 - self.taken[from].1;
        if self.counter.is_some() { change.max(0.0) } else { change }
    }

    /// Readings that are the first of their thirtieth of the window, and not older than it.
    pub(super) fn firsts(readings: &[(i64, f64)], now: i64, over: i64) -> Vec<usize> {
        let step = |index: usize| readings[index].0.div_euclid(over / 30);
        (0..readings.len())
            .filter(|&index| index == 0 || step(index) != step(index - 1))
            .filter(|&index| readings[index].0 >= now - over)
            .collect()
    }

    pub(super) fn rate(&self, over: i64, per: f64) -> Option<f64> {
        let newest = self.taken.len() - 1;
        let now = self.taken[newest].0;
        let from = *Self::firsts(&self.taken[..newest], now, over).first()?;
        let time = now - self.taken[from].0;
        (time * 2 >= over).then(|| self.growth(from, newest) / time as f64 * per)
    }

    /// What a query says of the time from `over` ago until now.
    pub(super) fn increase(&self, op: Op, over: i64) -> Option<f64> {
        let now = self.raw.last()?.at;
        let edges = [now.plus(-over), now];
        let mut shares = Shares::new(&edges);
        if self.counter.is_some() {
            let mut machine = Machine::new(true);
            self.raw.iter().for_each(|point| machine.take(*point, |mark| shares.take(mark)));
            machine.finish(|mark| shares.take(mark));
        } else {
            let mark =
                |point: &Point| Mark { at: point.at, total: Amount::of(point.value), shown: Amount::of(point.value) };
            self.raw.iter().for_each(|point| shares.take(mark(point)));
        }
        let share = shares.finish()[0];
        share.increase().filter(|_| matches!(op, Op::Above) || share.covered_ms == over)
    }
}

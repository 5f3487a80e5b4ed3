//! What was taken between steps of the clock, until the hub's clock tells which of it is wrong. Pure.
//!
//! ```text
//!   batches   0 ───────── 40 ───────── 55 ─────── 60 ──▶      the hub was away; now it says how far ahead the clock is
//!   clock       + 2 h     │   + 1 h    │  right          at 60 the first stretch has fallen behind by 2 h, the second by 1 h
//! ```
//!
//! Each stretch is judged by itself: what it was off by is what the clock is off by now, less all the steps since. It is moved
//! if the clock is nearer to the hub's now than it was then; a clock that was set wrong repairs nothing.

use wire::BatchSeq;

/// Stretches that wait for a judgement. A clock is set a few times while a hub is away: by its battery, a person, the network.
/// One that is set all the time is set by little, so that joining two stretches costs little.
const MOST: usize = 16;

/// Batches that were taken between two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    from: BatchSeq,
    until: BatchSeq,
    /// By how many milliseconds the clock was set since, in all.
    ms: i64,
}

/// All that waits for a judgement, oldest first.
#[derive(Debug, Default)]
pub(super) struct Stretches(Vec<Stretch>);

impl Stretches {
    /// The clock was set by `ms`; batches from `from` on, before `until`, were taken since it was set before.
    pub(super) fn stepped(&mut self, from: BatchSeq, until: BatchSeq, ms: i64) {
        if from < until {
            self.0.push(Stretch { from, until, ms: 0 });
        }
        for stretch in &mut self.0 {
            stretch.ms = stretch.ms.saturating_add(ms);
        }
        if self.0.len() > MOST {
            self.join();
        }
    }

    /// The clock is ahead of the hub's by `ahead` milliseconds now. Returns which batches to move by how much.
    pub(super) fn judged(&mut self, ahead: i64) -> Vec<(BatchSeq, BatchSeq, i64)> {
        let is_wrong = |stretch: &Stretch| ahead.abs() < ahead.saturating_sub(stretch.ms).saturating_abs();
        let wrong = std::mem::take(&mut self.0).into_iter().filter(is_wrong);
        wrong.map(|Stretch { from, until, ms }| (from, until, ms)).collect()
    }

    /// Makes one of the two neighbours between which the clock was set by the least; it is moved as the longer of them.
    fn join(&mut self) {
        let apart = |at: &usize| match self.0.get(*at..*at + 2) {
            Some([one, next]) => one.ms.abs_diff(next.ms),
            _ => u64::MAX,
        };
        let Some(at) = (0..self.0.len().saturating_sub(1)).min_by_key(apart) else { return };
        let next = self.0.remove(at + 1);
        if let Some(one) = self.0.get_mut(at) {
            let is_longer = next.until.0 - next.from.0 > one.until.0 - one.from.0;
            (one.until, one.ms) = (next.until, if is_longer { next.ms } else { one.ms });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    /// What is moved when the clock was set by these after so many batches each, and is `ahead` then.
    fn moved(steps: &[(u64, i64)], ahead: i64) -> Vec<(u64, u64, i64)> {
        let (mut stretches, mut from) = (Stretches::default(), 0);
        for (batches, ms) in steps {
            stretches.stepped(BatchSeq(from), BatchSeq(from + batches), *ms);
            from += batches;
        }
        let moves = stretches.judged(ahead);
        assert_eq!(stretches.judged(ahead), [], "once");
        moves.into_iter().map(|(from, until, ms)| (from.0, until.0, ms)).collect()
    }

    #[test]
    fn each_stretch_is_moved_by_all_the_steps_since_if_it_was_further_off() {
        assert_eq!(moved(&[(40, -2 * HOUR)], 20), [(0, 40, -2 * HOUR)]);
        assert_eq!(moved(&[(40, -HOUR), (15, -HOUR)], -20), [(0, 40, -2 * HOUR), (40, 55, -HOUR)]);
        // Set wrong, and right again: what was taken before is right as it is.
        assert_eq!(moved(&[(40, HOUR), (15, -HOUR)], 20), [(40, 55, -HOUR)]);
        assert_eq!(moved(&[(40, -HOUR)], -HOUR), []);
        // Two in a row that nothing was taken between.
        assert_eq!(moved(&[(40, HOUR), (0, -3 * HOUR)], 0), [(0, 40, -2 * HOUR)]);
        // Not right yet, but nearer.
        assert_eq!(moved(&[(40, -2 * HOUR)], 60_000), [(0, 40, -2 * HOUR)]);
    }

    #[test]
    fn a_clock_that_is_set_all_the_time_loses_what_it_was_set_by_least() {
        let steps: Vec<(u64, i64)> = (0..40).map(|at| (10, if at == 5 { -2 * HOUR } else { -2_000 })).collect();
        let moves = moved(&steps, 0);
        assert_eq!(moves.len(), MOST);
        assert_eq!((moves.first().map(|first| first.0), moves.last().map(|last| last.1)), (Some(0), Some(400)));
        for (from, until, ms) in moves {
            // What every batch in it should be moved by.
            for at in from / 10..until / 10 {
                let right: i64 = steps[at as usize..].iter().map(|(_, ms)| ms).sum();
                assert!((right - ms).abs() <= 60_000, "batches {from} to {until}: {ms} for {right}");
            }
        }
    }
}

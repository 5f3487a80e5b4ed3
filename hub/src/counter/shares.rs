//! How much of a line lies in each bucket of time.

use super::amount::Amount;
use super::machine::Mark;
use crate::model::UnixMillis;

/// What of a line lies in one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Share {
    /// How much it rises in it.
    pub increase: Amount,
    /// The same, not cut to the digits that add up.
    change: f64,
    /// Milliseconds of it that lie between two marks; of none there is nothing to say.
    pub covered_ms: i64,
}

impl Share {
    /// The increase, if there is one.
    #[must_use]
    pub fn increase(&self) -> Option<f64> {
        (self.covered_ms > 0).then(|| self.increase.value())
    }

    /// How much it rises a second, if that is known.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        (self.covered_ms > 0).then(|| self.change / (self.covered_ms as f64 / 1e3))
    }
}

/// How much a line rises from one mark until a moment before the next: the same from whichever bucket it is looked at.
pub(super) fn between(last: Mark, next: Mark, moment: UnixMillis) -> Amount {
    let rise = next.total - last.total;
    match moment {
        moment if moment <= last.at => Amount::ZERO,
        moment if moment >= next.at => rise,
        moment => rise.share(moment.since(last.at), next.at.since(last.at), last.shown.max(next.shown)),
    }
}

/// Cuts a line at the edges of buckets, mark by mark.
#[derive(Debug)]
pub struct Shares<'a> {
    edges: &'a [UnixMillis],
    shares: Vec<Share>,
    /// The bucket that is being filled.
    bucket: usize,
    last: Option<Mark>,
}

impl<'a> Shares<'a> {
    /// Bucket `n` is `[edges[n], edges[n + 1])`.
    #[must_use]
    pub fn new(edges: &'a [UnixMillis]) -> Self {
        Self { edges, shares: vec![Share::default(); edges.len().saturating_sub(1)], bucket: 0, last: None }
    }

    /// Takes the next mark of the line.
    pub fn take(&mut self, mark: Mark) {
        let Some(last) = self.last.replace(mark) else { return };
        if mark.at <= last.at {
            return;
        }
        let rise = mark.total - last.total;
        let at = |moment: UnixMillis| between(last, mark, moment);
        while let Some(&[from, to]) = self.edges.get(self.bucket..self.bucket + 2) {
            if let Some(share) = self.shares.get_mut(self.bucket).filter(|_| from < mark.at && last.at < to) {
                let covered_ms = to.min(mark.at).since(from.max(last.at));
                share.increase += at(to) - at(from);
                share.change += rise.value() * (covered_ms as f64 / mark.at.since(last.at) as f64);
                share.covered_ms += covered_ms;
            }
            if mark.at < to {
                break;
            }
            self.bucket += 1;
        }
    }

    /// One share a bucket.
    #[must_use]
    pub fn finish(self) -> Vec<Share> {
        self.shares
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shares(edges: &[i64], line: &[(i64, f64)]) -> Vec<Option<f64>> {
        let edges: Vec<UnixMillis> = edges.iter().copied().map(UnixMillis).collect();
        let mut shares = Shares::new(&edges);
        line.iter().for_each(|&(at, total)| {
            let total = Amount::of(total);
            shares.take(Mark { at: UnixMillis(at), total, shown: total });
        });
        shares.finish().iter().map(Share::increase).collect()
    }

    #[test]
    fn what_lies_across_an_edge_is_shared_and_what_nobody_saw_is_not_said() {
        let line = [(500, 10.0), (1_500, 20.0), (2_500, 24.0)];
        assert_eq!(shares(&[0, 1_000, 2_000, 3_000, 4_000], &line), [Some(5.0), Some(7.0), Some(2.0), None]);
        assert_eq!(shares(&[600, 700], &line), [Some(1.0)]);
        assert_eq!(shares(&[0, 4_000], &line), [Some(14.0)]);
        assert_eq!(shares(&[0, 4_000], &line[..1]), [None]);
        assert_eq!(shares(&[0], &line), []);
    }

    proptest! {
        /// Whatever the edges, neighbours add up to what lies between the outer ones, and so do the decimals they are
        /// written as.
        #[test]
        fn neighbours_add_up(
            steps in prop::collection::vec((1_i64..9_000_000, 0_u32..100_000), 2..40),
            edges in prop::collection::btree_set(0_i64..200_000_000, 2..20),
            scale in prop::sample::select(vec![1.0, 10.0, 1_000.0]),
            begin in prop::sample::select(vec![0, 3_737_123, 12_345_678_901, 99_999_999_999_999]),
        ) {
            let (mut at, mut total) = (0, begin);
            let line: Vec<(i64, f64)> = steps.iter().map(|&(step, more)| {
                (at, total) = (at + step, total + i64::from(more));
                (at, total as f64 / scale)
            }).collect();
            let edges: Vec<i64> = edges.into_iter().collect();
            let parts = shares(&edges, &line);
            let whole = shares(&[edges[0], edges[edges.len() - 1]], &line)[0];
            let sum = parts.iter().flatten().fold(Amount::ZERO, |sum, part| sum + Amount::of(*part));
            prop_assert_eq!(parts.iter().flatten().count() > 0, whole.is_some());
            prop_assert_eq!(sum.value(), whole.unwrap_or_default());
        }
    }
}

//! PURE. Readings behind the fold: what of them is new, and what is in figures already, because it came before.
//!
//! ```text
//!   figures of a bucket     first ●─ ─ ─ ─ ? ─ ─ ─ ─● last        a count, and the times of two readings
//!   raw readings of it   ○ before    ○ within           ○ behind
//! ```
//!
//! Raw readings that lie in a bucket with figures came after those were made. They are late, or they were sent again under
//! another number: an import that is repeated, a push that is retried. Times are what tells, and a bucket knows two:
//!
//! - Readings before its first or behind its last count beside it, always.
//! - Of one reading or two it knows all there is: what has the same time takes its place.
//! - With neither the time of its first nor that of its last among them, all are late and count beside it.
//! - With both, and as many in between as it stands for, all of it came again: they take its place, with their values.
//! - With one, or too few, those from its first to its last came again in part: the figures stand for them.
//!
//! So whatever is sent again and reaches an end of each bucket counts once: a whole day, a file, any run of readings that
//! is longer than a bucket. What was sent again from strictly inside of one bucket cannot be told from late readings, which
//! are far more common, and counts twice. A bucket is a minute as long as minutes are kept, then an hour.

use std::ops::RangeInclusive;

use crate::model::reading::Point;
use crate::store::pack::bucket::Bucket;
use crate::store::pack::rollup::Rolled;
use crate::store::samples::Sample;
use crate::store::tier::MINUTES;

/// The figures of an hour of one series.
#[derive(Debug, Default)]
pub(in crate::store) struct Hour {
    pub(in crate::store) whole: Bucket,
    /// Its minutes; none where they are kept no longer. Those that count for nothing any longer have a count of 0.
    pub(in crate::store) minutes: Rolled,
}

impl Hour {
    /// Makes each reading count once. `raw`, in order of time, keeps the readings that count in addition to the figures; the figures
    /// keep what the other readings do not replace.
    pub(in crate::store) fn settle(&mut self, raw: &mut Vec<Sample>) {
        let told: u64 = self.minutes.values().map(|minute| minute.count).sum();
        if told == 0 || told != self.whole.count {
            // Minutes that do not add up were damaged: the hour is all that can be asked.
            let judged = judge(&self.whole, raw);
            raw.retain(|sample| judged.counts(sample));
            if judged.kept.count == 0 {
                self.minutes.values_mut().for_each(|minute| *minute = Bucket::default());
            }
            self.whole = judged.kept;
            return;
        }
        let mut counted = Vec::with_capacity(raw.len());
        for of_minute in raw.chunk_by(|one, next| MINUTES.start(one.at.0) == MINUTES.start(next.at.0)) {
            let minute = of_minute.first().and_then(|sample| self.minutes.get_mut(&MINUTES.start(sample.at.0)));
            let Some(minute) = minute else {
                counted.extend_from_slice(of_minute);
                continue;
            };
            let judged = judge(minute, of_minute);
            counted.extend(of_minute.iter().filter(|sample| judged.counts(sample)));
            *minute = judged.kept;
        }
        *raw = counted;
        if self.minutes.values().map(|minute| minute.count).sum::<u64>() != told {
            self.whole = Bucket::default();
            let left = self.minutes.values().filter(|minute| minute.count > 0);
            left.for_each(|minute| self.whole.merge(minute));
        }
    }
}

/// What counts of a bucket and of raw readings in it.
struct Judged {
    kept: Bucket,
    /// Times of readings that the figures stand for.
    again: Option<RangeInclusive<i64>>,
}

impl Judged {
    fn counts(&self, sample: &Sample) -> bool {
        self.again.as_ref().is_none_or(|again| !again.contains(&sample.at.0))
    }
}

fn judge(figures: &Bucket, raw: &[Sample]) -> Judged {
    let (first, last) = (figures.first, figures.last);
    let came = |point: Point| raw.binary_search_by_key(&point.at, |sample| sample.at).is_ok();
    let unchanged = Judged { kept: *figures, again: None };
    if figures.count == 0 || !came(first) && !came(last) {
        return unchanged;
    }
    if figures.count <= 2 {
        let mut kept = Bucket::default();
        [first, last].into_iter().filter(|point| !came(*point)).for_each(|point| kept.add(point));
        return Judged { kept, again: None };
    }
    let begin = raw.partition_point(|sample| sample.at < first.at);
    let end = raw.partition_point(|sample| sample.at <= last.at);
    if came(first) && came(last) && (end - begin) as u64 >= figures.count {
        return Judged { kept: Bucket::default(), again: None };
    }
    Judged { again: Some(first.at.0..=last.at.0), ..unchanged }
}

/// Adds the figures that another file has of a bucket. Where both begin or both end at the same moment they stand for the
/// same readings, as far as they go, and those that stand for more count.
pub(in crate::store) fn join(here: &mut Bucket, other: &Bucket) {
    let is_same = here.count > 0 && (here.first.at == other.first.at || here.last.at == other.last.at);
    match is_same {
        true if other.count > here.count => *here = *other,
        true => {}
        false => here.merge(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UnixMillis;

    fn sample(at: i64) -> Sample {
        Sample { at: UnixMillis(at), rank: 0, value: at as f64 }
    }

    fn bucket(times: &[i64]) -> Bucket {
        let mut bucket = Bucket::default();
        times.iter().for_each(|at| bucket.add(sample(*at).point()));
        bucket
    }

    /// How many count of the figures of some times, and which raw readings beside them.
    fn counted(figures: &[i64], raw: &[i64]) -> (u64, Vec<i64>) {
        let raw: Vec<Sample> = raw.iter().copied().map(sample).collect();
        let judged = judge(&bucket(figures), &raw);
        (judged.kept.count, raw.iter().filter(|sample| judged.counts(sample)).map(|sample| sample.at.0).collect())
    }

    #[test]
    fn late_readings_count_beside_the_figures() {
        assert_eq!(counted(&[], &[3]), (0, vec![3]));
        assert_eq!(counted(&[10, 20, 30], &[5, 15, 25, 35]), (3, vec![5, 15, 25, 35]));
    }

    #[test]
    fn what_came_again_as_a_whole_takes_the_place_of_its_figures() {
        assert_eq!(counted(&[10, 20, 30], &[10, 20, 30]), (0, vec![10, 20, 30]));
        assert_eq!(counted(&[10, 20, 30], &[5, 10, 15, 20, 30]), (0, vec![5, 10, 15, 20, 30]));
    }

    #[test]
    fn what_came_again_in_part_counts_by_the_figures() {
        assert_eq!(counted(&[10, 20, 30, 40], &[5, 10, 20]), (4, vec![5]));
        assert_eq!(counted(&[10, 20, 30, 40], &[30, 40, 50]), (4, vec![50]));
        assert_eq!(counted(&[10, 20, 30, 40], &[10, 40]), (4, vec![]));
    }

    #[test]
    fn one_reading_or_two_are_known_by_their_times() {
        assert_eq!(counted(&[10], &[10, 11]), (0, vec![10, 11]));
        assert_eq!(counted(&[10, 20], &[15, 20]), (1, vec![15, 20]));
        assert_eq!(counted(&[10, 20], &[15]), (2, vec![15]));
    }

    #[test]
    fn an_hour_goes_by_its_minutes_as_long_as_they_add_up() {
        let minute = MINUTES.bucket;
        let times: Vec<i64> = [[0, 10, 20], [minute, minute + 10, minute + 20]].concat();
        let minutes = Rolled::from([(0, bucket(&times[..3])), (minute, bucket(&times[3..]))]);
        let mut hour = Hour { whole: bucket(&times), minutes };
        let mut raw: Vec<Sample> = [minute, minute + 10, minute + 20].map(sample).to_vec();
        hour.settle(&mut raw);
        assert_eq!((hour.whole.count, hour.whole.last.at.0, raw.len()), (3, 20, 3));
        // Without minutes the same is a part of an hour.
        let mut hour = Hour { whole: bucket(&times), minutes: Rolled::new() };
        hour.settle(&mut raw);
        assert_eq!((hour.whole.count, raw.len()), (6, 0));
    }

    #[test]
    fn figures_of_the_same_readings_are_not_added() {
        let joined = |here: &[i64], other: &[i64]| {
            let mut all = bucket(here);
            join(&mut all, &bucket(other));
            all.count
        };
        assert_eq!(joined(&[], &[1, 2]), 2);
        assert_eq!(joined(&[1, 2, 3], &[1, 2, 3]), 3);
        assert_eq!(joined(&[1, 2], &[1, 2, 3]), 3);
        assert_eq!(joined(&[1, 2], &[3, 4]), 4);
    }
}

//! Chooses which readings of a counter are kept when the rest is replaced by summaries of a minute or an hour.
//!
//! As long as a counter only grows, the first and the last reading of a bucket say everything. Around a fall the
//! machine looks at the levels before it and at what comes next, so these readings are kept. So are the ends of each
//! run that is folded at once, because their neighbours are not known yet.

use crate::model::reading::Point;

/// Rises on each side of a fall that are kept.
const RISES: usize = 3;
/// Readings that are searched for those rises.
const FAR: usize = 256;
/// Readings that are kept at each end of a run.
const ENDS: usize = 4;
/// Readings that are kept of one bucket at most.
const MOST: usize = 64;
/// Falls by no more than this part of the value are dropped first when there are too many.
const JITTER: f64 = 0.01;

/// Those of a run of readings, in the order of time, that stay; of one bucket at most 64.
#[must_use]
pub fn knots(run: &[Point], bucket_ms: i64) -> Vec<Point> {
    let mut knots = Vec::new();
    let bucket = |point: &Point| point.at.0.div_euclid(bucket_ms);
    let (all, deep) = (around_falls(run, 0.0), around_falls(run, JITTER));
    let mut begin = 0;
    for of_bucket in run.chunk_by(|one, next| bucket(one) == bucket(next)) {
        let range = begin..begin + of_bucket.len();
        begin = range.end;
        let staying = |stays: &[bool]| range.clone().filter(|n| stays.get(*n) == Some(&true)).collect::<Vec<_>>();
        let mut some = staying(&all);
        if some.len() > MOST {
            some = staying(&deep);
            some.truncate(MOST);
        }
        knots.extend(some.into_iter().filter_map(|n| run.get(n)));
    }
    knots
}

fn around_falls(run: &[Point], more_than: f64) -> Vec<bool> {
    let mut stays = vec![false; run.len()];
    for n in (0..run.len()).filter(|n| *n < ENDS || run.len() - n <= ENDS) {
        stays[n] = true;
    }
    for (n, pair) in run.windows(2).enumerate() {
        let fell = pair[0].value - pair[1].value;
        if fell > more_than * pair[0].value.abs() {
            keep(&mut stays, run, (0..=n).rev());
            keep(&mut stays, run, n + 1..run.len());
        }
    }
    stays
}

/// Keeps the readings on one side of a fall: the next ones, and those between which the value changes.
fn keep(stays: &mut [bool], run: &[Point], side: impl Iterator<Item = usize>) {
    let (mut before, mut changes) = (None, 0);
    for (far, n) in side.take(FAR).enumerate() {
        let Some(value) = run.get(n).map(|point| point.value) else { return };
        let changed = before.is_some_and(|(_, was)| was != value);
        for n in before.filter(|_| changed).map(|(n, _)| n).into_iter().chain((changed || far < RISES).then_some(n)) {
            stays[n] = true;
        }
        changes += usize::from(changed);
        if changes > RISES {
            return;
        }
        before = Some((n, value));
    }
}

/// Whether a machine that begins with these readings comes out where one does that knew all before them.
#[must_use]
pub fn is_firm(run: &[Point]) -> bool {
    let rises = |run: &[Point]| run.windows(2).filter(|pair| pair[0].value < pair[1].value).count();
    run.chunk_by(|one, next| one.value <= next.value).any(|growing| rises(growing) >= RISES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counter::{Machine, Mark};
    use crate::model::UnixMillis;

    fn run(values: &[f64]) -> Vec<Point> {
        values.iter().zip(0..).map(|(&value, n)| Point { at: UnixMillis(n * 1_000), value }).collect()
    }

    fn total(run: &[Point]) -> Option<Mark> {
        let (mut machine, mut last) = (Machine::new(true), None);
        run.iter().for_each(|point| machine.take(*point, |_| {}));
        machine.finish(|mark| last = Some(mark));
        last
    }

    #[test]
    fn of_one_that_only_grows_the_ends_stay() {
        let growing = run(&(0..1_000).map(f64::from).collect::<Vec<_>>());
        assert_eq!(knots(&growing, 3_600_000).len(), 2 * ENDS);
    }

    #[test]
    fn what_stays_around_a_fall_says_what_all_did() {
        let mut values: Vec<f64> = (0..1_000).map(|n| 3_000.0 + f64::from(n / 7) / 2.0).collect();
        (values[200], values[201], values[450], values[800]) = (0.0, 0.0, 9e9, 373.7);
        let restarted: Vec<f64> = (0..500).map(|n| f64::from(n / 7) / 2.0).collect();
        let all = run(&[values, restarted].concat());
        let some = knots(&all, 60_000);
        assert!(some.len() < 100, "{}", some.len());
        assert_eq!(total(&some), total(&all));
    }

    #[test]
    fn of_much_noise_no_more_stays_than_a_bucket_may_hold() {
        let noisy = run(&(0..5_000).map(|n| 1_000.0 + f64::from(n % 3)).collect::<Vec<_>>());
        assert!(knots(&noisy, 60_000).chunk_by(|a, b| a.at.0 / 60_000 == b.at.0 / 60_000).all(|of| of.len() <= MOST));
    }
}

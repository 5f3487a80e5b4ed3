//! Keeps readings of one sensor apart by their times, because the hub stores one reading a sensor and millisecond.
//! Pure.
//!
//! A reading without a time of its own gets the moment at which it arrived. If another one of its sensor has that
//! millisecond already, it gets the millisecond after the last one, so that a burst is kept whole and in order. If
//! readings come faster than one a millisecond for [`MOST_AHEAD_MS`], the rest is reported as too much. A reading that
//! brings its own time keeps it: of several with one time the last counts.

use std::collections::{BTreeMap, VecDeque};

use wire::{BatchSeq, Epoch, Reading, SensorNo, UnixMillis};

/// How far after its arrival a reading may be placed, in milliseconds.
const MOST_AHEAD_MS: i64 = 5_000;
/// Batches with overwritten readings that are counted separately while none is acknowledged; later ones count with the
/// last.
const MOST_ON_THE_WAY: usize = 64;

/// The last moment of each sensor; as many as there are numbers.
#[derive(Debug, Default)]
pub(super) struct Moments {
    last: BTreeMap<SensorNo, Last>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Last {
    /// Given to a reading without a time of its own.
    placed: Option<UnixMillis>,
    /// Brought along by a reading.
    own: Option<UnixMillis>,
}

impl Moments {
    /// The moment of a reading that arrived at `arrived`; nothing if there are too many for one a millisecond.
    pub(super) fn place(&mut self, sensor: SensorNo, arrived: UnixMillis) -> Option<UnixMillis> {
        let last = self.last.entry(sensor).or_default();
        let ahead = last.placed.map(|placed| placed.since(arrived));
        let mut at = match ahead {
            Some(ahead @ 0..MOST_AHEAD_MS) => arrived.plus(ahead + 1),
            Some(ahead) if (MOST_AHEAD_MS..2 * MOST_AHEAD_MS).contains(&ahead) => return None,
            // Later than the last; or the clock was set back, and what was before it counts no more.
            Some(_) | None => arrived,
        };
        if last.own == Some(at) {
            at = at.plus(1);
        }
        last.placed = Some(at);
        Some(at)
    }

    /// Notes a reading that brought its time along; says whether it takes the place of the one before it.
    pub(super) fn own(&mut self, sensor: SensorNo, at: UnixMillis) -> bool {
        let last = self.last.entry(sensor).or_default();
        last.own.replace(at) == Some(at) || last.placed == Some(at)
    }

    /// The clock was set.
    pub(super) fn forget(&mut self) {
        self.last.clear();
    }

    /// Another sensor has this number by now.
    pub(super) fn forget_one(&mut self, sensor: SensorNo) {
        self.last.remove(&sensor);
    }
}

/// Readings whose place another one of their time took after they were in the spool: of the two the hub keeps one.
#[derive(Debug, Default)]
pub(super) struct Overwritten {
    all: u64,
    stored: u64,
    /// Those of which the hub may have no more than the first: how many, and the last batch that speaks of them.
    on_the_way: VecDeque<((Epoch, BatchSeq), u64)>,
}

impl Overwritten {
    /// So many more; `batch` is being filled, with the last of what took their places.
    pub(super) fn add(&mut self, many: u64, batch: (Epoch, BatchSeq)) {
        if many == 0 {
            return;
        }
        self.all += many;
        let is_full = self.on_the_way.len() >= MOST_ON_THE_WAY;
        let last = self.on_the_way.back().filter(|(last, _)| is_full || *last == batch).map_or(0, |(_, many)| *many);
        if last > 0 {
            self.on_the_way.pop_back();
        }
        self.on_the_way.push_back((batch, last + many));
    }

    /// Batches before `oldest` are acknowledged.
    pub(super) fn settle(&mut self, oldest: (Epoch, BatchSeq)) {
        self.stored = self.counts(oldest).1;
        self.on_the_way.retain(|(batch, _)| *batch >= oldest);
    }

    /// All of them, and those among the readings that the hub acknowledged, now that batches before `oldest` are.
    pub(super) fn counts(&self, oldest: (Epoch, BatchSeq)) -> (u64, u64) {
        let stored = self.on_the_way.iter().take_while(|(batch, _)| *batch < oldest).map(|(_, many)| many);
        (self.all, self.stored + stored.sum::<u64>())
    }
}

/// Readings with times of their own that wait for the end of a round: who has the time of one that waits takes its place.
#[derive(Debug, Default)]
pub(super) struct Held {
    readings: BTreeMap<SensorNo, Reading>,
}

/// What became of a reading that is to be held.
#[derive(Debug, PartialEq)]
pub(super) enum Holding {
    /// It waits, in the place of one with its time.
    Replaced,
    /// It waits; the one before it need not any longer.
    Next(Option<Reading>),
}

impl Held {
    pub(super) fn hold(&mut self, reading: Reading) -> Holding {
        match self.readings.insert(reading.sensor, reading) {
            Some(before) if before.at == reading.at => Holding::Replaced,
            before => Holding::Next(before),
        }
    }

    /// What waits of a sensor.
    pub(super) fn take(&mut self, sensor: SensorNo) -> Option<Reading> {
        self.readings.remove(&sensor)
    }

    /// All that wait.
    pub(super) fn all(self) -> impl Iterator<Item = Reading> {
        self.readings.into_values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: SensorNo = SensorNo(1);

    fn place(moments: &mut Moments, arrived: i64) -> Option<i64> {
        moments.place(ONE, UnixMillis(arrived)).map(|at| at.0)
    }

    #[test]
    fn what_arrives_in_one_millisecond_is_told_apart_in_its_order() {
        let mut moments = Moments::default();
        let placed: Vec<_> = [10, 10, 10, 11, 12, 20, 20].map(|at| place(&mut moments, at)).into();
        assert_eq!(placed, [10, 11, 12, 13, 14, 20, 21].map(Some));
        assert_eq!(moments.place(SensorNo(2), UnixMillis(20)), Some(UnixMillis(20)));
    }

    #[test]
    fn what_is_too_much_is_said_and_room_comes_back_with_time() {
        let mut moments = Moments::default();
        let kept = (0..6_000).filter_map(|_| place(&mut moments, 1_000)).collect::<Vec<_>>();
        assert_eq!((kept.len(), kept.last()), (5_001, Some(&6_000)));
        assert_eq!((place(&mut moments, 1_001), place(&mut moments, 1_001)), (Some(6_001), None));
        assert_eq!(place(&mut moments, 20_000), Some(20_000));
        // A clock that is set back far is no burst.
        assert_eq!(place(&mut moments, 1_000), Some(1_000));
    }

    #[test]
    fn a_time_that_is_brought_along_is_kept_and_the_last_of_one_time_counts() {
        let mut moments = Moments::default();
        let replaces: Vec<_> = [5, 5, 6, 5].map(|at| moments.own(ONE, UnixMillis(at))).into();
        assert_eq!(replaces, [false, true, false, false]);
        assert_eq!(place(&mut moments, 5), Some(6));
        assert!(moments.own(ONE, UnixMillis(6)));
        moments.forget_one(SensorNo(2));
        assert!(moments.own(ONE, UnixMillis(6)));
        moments.forget_one(ONE);
        assert!(!moments.own(ONE, UnixMillis(6)));
        moments.forget();
        assert!(!moments.own(ONE, UnixMillis(6)));

        let reading = |at, value| Reading { sensor: ONE, at: UnixMillis(at), value };
        let mut held = Held::default();
        assert_eq!(held.hold(reading(1, 1.0)), Holding::Next(None));
        assert_eq!(held.hold(reading(1, 2.0)), Holding::Replaced);
        assert_eq!(held.hold(reading(2, 3.0)), Holding::Next(Some(reading(1, 2.0))));
        assert_eq!((held.take(ONE), held.all().count()), (Some(reading(2, 3.0)), 0));
    }

    #[test]
    fn what_was_overwritten_is_missing_at_the_hub_once_it_has_both() {
        let (mut overwritten, batch) = (Overwritten::default(), |seq| (Epoch(7), BatchSeq(seq)));
        overwritten.add(3, batch(5));
        overwritten.add(0, batch(6));
        overwritten.add(2, batch(6));
        assert_eq!([5, 6, 7].map(|oldest| overwritten.counts(batch(oldest))), [(5, 0), (5, 3), (5, 5)]);
        overwritten.settle(batch(6));
        assert_eq!(overwritten.counts(batch(0)), (5, 3));
        for seq in 7..1_000 {
            overwritten.add(1, batch(seq));
        }
        assert!(overwritten.on_the_way.len() <= MOST_ON_THE_WAY);
        assert_eq!([999, 1_000].map(|oldest| overwritten.counts(batch(oldest)).1), [67, 998]);
    }
}

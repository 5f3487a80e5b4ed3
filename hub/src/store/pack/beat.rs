//! PURE. Columns of times, packed by how far they lie beside an even beat.
//!
//! ```text
//!   times ──▶ beside a beat that ends with them, beside one of whole milliseconds, or as they are ──▶ data │ CRC32C
//! ```
//!
//! Most devices sample on a beat, a little early or late: then how far each time lies beside the beat takes fewer bits than
//! how far it lies behind the one before, which may be early as well. The shortest is kept. Lossless for any times.

use super::packed;
use crate::store::error::Result;

/// In front of times that are packed as how far they lie beside a beat.
const BEATS: [u8; 2] = [1, 2];
/// In front of times that are packed as they are, unless they begin like [`packed::STANDALONE`].
const NO_BEAT: u8 = 3;

/// Packs a column of sorted times, sealed under the number of its row.
pub(in crate::store) fn pack_times(times: &[i64], key: i64) -> Result<Vec<u8>> {
    let mut data = [&[NO_BEAT], &packed::pack_whole(times)?[..]].concat();
    if let (Some(&first), Some(&last)) = (times.first(), times.last()) {
        let beside = |kind: u8| -> (u8, Vec<i64>) {
            let beat = Beat::new(kind, (first, last), times.len());
            (kind, times.iter().zip(beat).map(|(at, beat)| at.wrapping_sub(beat)).collect())
        };
        let width = |(_, beside): &(u8, Vec<i64>)| {
            let (least, most) = (beside.iter().min().copied(), beside.iter().max().copied());
            most.unwrap_or_default().abs_diff(least.unwrap_or_default())
        };
        if let Some((kind, beside)) = BEATS.map(beside).into_iter().min_by_key(width) {
            let beside = packed::pack_whole(&beside)?;
            if beside.len() + 1 < data.len() {
                data = [&[kind], &beside[..]].concat();
            }
        }
    }
    packed::seal(&mut data, key, &[]);
    Ok(data)
}

/// Unpacks `count` times from the first to the last.
pub(in crate::store) fn unpack_times(data: &[u8], count: usize, key: i64, ends: (i64, i64)) -> Result<Vec<i64>> {
    let data = packed::open(data, key, &[])?;
    let Some((&kind, rest)) = data.split_first().filter(|_| !data.starts_with(packed::STANDALONE)) else {
        return packed::unpack_whole(data, count);
    };
    let mut times = packed::unpack_whole(rest, count)?;
    if kind == NO_BEAT {
        return Ok(times);
    }
    times.iter_mut().zip(Beat::new(kind, ends, count)).for_each(|(at, beat)| *at = at.wrapping_add(beat));
    Ok(times)
}

/// Moments at equal distances from the first time on.
struct Beat {
    next: i64,
    step: i64,
    /// What the steps fall short of, over `parts`.
    short: u64,
    rest: u64,
    parts: u64,
}

impl Beat {
    /// The first kind ends at the last time, however long its steps are; those of the second are whole milliseconds, which
    /// is what a device was told.
    fn new(kind: u8, (first, last): (i64, i64), count: usize) -> Self {
        let parts = count.saturating_sub(1).max(1) as u64;
        let length = last.wrapping_sub(first).max(0).cast_unsigned();
        let (step, short) = (length / parts, length % parts);
        let (step, short) = if kind == BEATS[0] { (step, short) } else { (step + u64::from(short > parts / 2), 0) };
        Self { next: first, step: step.cast_signed(), short, rest: 0, parts }
    }
}

impl Iterator for Beat {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        let now = self.next;
        self.rest += self.short;
        let more = self.rest >= self.parts;
        self.rest -= if more { self.parts } else { 0 };
        self.next = now.wrapping_add(self.step).wrapping_add(i64::from(more));
        Some(now)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_a_little_beside_a_beat_take_what_the_little_takes() {
        let mut noise = 7_u64;
        let mut early = || {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (noise >> 33) as i64 % 10
        };
        let times: Vec<i64> = (0..4_000).map(|n| 1_700_000_000_000 + n * 10_000 + early()).collect();
        let data = pack_times(&times, 7).unwrap();
        // One of ten is 3.32 bits; the distance between two of them 4.1.
        assert!(data.len() * 8 < 4_000 * 36 / 10, "{}", data.len());
        assert!(packed::pack_whole(&times).unwrap().len() * 8 > 4_000 * 4);
    }

    #[test]
    fn times_of_before_are_read() {
        let times = vec![3_i64, 5, 9, 14];
        let mut data = pco::standalone::simple_compress(&times, &pco::ChunkConfig::default()).unwrap();
        packed::seal(&mut data, 7, &[]);
        assert_eq!(unpack_times(&data, 4, 7, (3, 14)).unwrap(), times);
    }

    proptest! {
        #[test]
        fn any_times_come_back(times in prop::collection::vec(any::<i64>(), 1..300)) {
            let ends = (times[0], times[times.len() - 1]);
            let data = pack_times(&times, 3).unwrap();
            prop_assert_eq!(unpack_times(&data, times.len(), 3, ends).unwrap(), times);
        }

        #[test]
        fn times_beside_a_beat_come_back(early in prop::collection::vec(0_i64..10, 1..500), step in 1_i64..100_000) {
            let times: Vec<i64> = (0..).zip(&early).map(|(n, early)| n * (step + 10) + early).collect();
            let ends = (times[0], times[times.len() - 1]);
            let data = pack_times(&times, 3).unwrap();
            prop_assert_eq!(unpack_times(&data, times.len(), 3, ends).unwrap(), times);
        }
    }
}

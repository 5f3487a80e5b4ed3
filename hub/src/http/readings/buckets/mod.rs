//! Edges of buckets in time. PURE.
//!
//! By number, buckets have equal length and begin at `from`; long ones begin at round times nearby, for which figures are
//! kept, so that a year is not read reading by reading. By length, they are whole and begin at round times on the wall clock
//! of a time zone, so that two queries of the same data agree: the first may begin before `from`, the last may end after
//! `to`. Those longer than a change of the clock follow it: a day may have 23 or 25 hours, six hours may be five or seven.

mod refused;
mod wall_clock;

use jiff::tz::TimeZone;

use crate::http::error::ApiError;
use crate::model::{UnixMillis, when};
pub(in crate::http) use refused::MOST;
use wall_clock::{DAY, Grid};

/// Longest bucket that is no number of months: a thousand weeks.
const LONGEST: i64 = 7_000 * DAY;

/// Length of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Every {
    /// So many milliseconds on a clock that is not changed. Whole days are calendar days, whichever way they are written.
    Length(i64),
    /// Calendar months.
    Months(i32),
}

impl Every {
    /// Reads `10s`, `6h`, `1d`, `2w`, `1mo`.
    pub(in crate::http) fn parse(text: &str) -> Result<Self, ApiError> {
        let wrong = |detail: String| ApiError::invalid("every", detail);
        if let Some(months) = text.strip_suffix("mo") {
            let months = months.parse().ok().filter(|months| (1..=1_000).contains(months));
            return months
                .map(Self::Months)
                .ok_or_else(|| wrong(format!("`{text}` is out of range: write 1mo to 1000mo")));
        }
        let length = when::duration(text)
            .map_err(|_| wrong(format!("`{text}` is not a length of time: write 10s, 5m, 1h, 6h, 1d, 1w, 1mo")))?;
        let length = i64::try_from(length.as_millis()).ok().filter(|length| *length <= LONGEST);
        match length {
            Some(0) => Err(wrong("`every` must be at least 1ms".to_owned())),
            Some(length) => Ok(Self::Length(length)),
            None => Err(wrong("`every` must be at most 1000w, or 1000mo".to_owned())),
        }
    }
}

/// From which length on edges lie on which round times: the edge moves by a twelfth of a bucket at most.
const ROUND: [(i64, i64); 2] = [(12 * 3_600_000, 3_600_000), (3_600_000, 300_000)];

/// Edges of `points` buckets of equal length.
pub(in crate::http) fn by_number(from: UnixMillis, to: UnixMillis, points: usize) -> Result<Vec<UnixMillis>, ApiError> {
    if !(1..=MOST).contains(&points) {
        return Err(ApiError::invalid("points", format!("`points` must be between 1 and {MOST}, not {points}")));
    }
    let length = i128::from(to.since(from));
    let count = i128::try_from(points).unwrap_or(1).min(length);
    let round = ROUND.into_iter().find(|(long, _)| length / count >= i128::from(*long)).map_or(1, |(_, round)| round);
    let edge = |index: i128| {
        let edge = from.0.saturating_add((length * index / count) as i64);
        // Downwards, but the end upwards: nothing of the range is left out.
        let up = if index == count { round - 1 } else { 0 };
        UnixMillis(edge.saturating_add(up).div_euclid(round) * round)
    };
    Ok((0..=count).map(edge).collect())
}

/// Edges of whole buckets of a length, from the one that holds `from` to the one that holds the last moment before `to`.
pub(in crate::http) fn by_length(
    from: UnixMillis,
    to: UnixMillis,
    every: Every,
    tz: &TimeZone,
) -> Result<Vec<UnixMillis>, ApiError> {
    let grid = match every {
        Every::Length(length) => Grid::Length(length),
        Every::Months(months) => Grid::Months(months),
    };
    wall_clock::edges(from, to, grid, tz)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_buckets_covers_the_range_exactly() {
        let edges = by_number(UnixMillis(0), UnixMillis(10), 3).unwrap();
        assert_eq!(edges, [0, 3, 6, 10].map(UnixMillis));
        assert_eq!(by_number(UnixMillis(0), UnixMillis(2), 100).unwrap().len(), 3);
        let year = by_number(UnixMillis(7), UnixMillis(7 + 365 * 86_400_000), 500).unwrap();
        assert_eq!((year.len(), year[0], year[1]), (501, UnixMillis(0), UnixMillis(17 * 3_600_000)));
        assert!(year.is_sorted() && year.iter().all(|edge| edge.0 % 3_600_000 == 0));
        assert_eq!(year[500], UnixMillis(365 * 86_400_000 + 3_600_000));
        let month = by_number(UnixMillis(7), UnixMillis(7 + 30 * 86_400_000), 500).unwrap();
        assert!(month.iter().all(|edge| edge.0 % 300_000 == 0));
        assert!(by_number(UnixMillis(0), UnixMillis(2), 0).is_err());
        assert!(by_number(UnixMillis(0), UnixMillis(2), MOST + 1).is_err());
    }

    #[test]
    fn lengths_are_read() {
        for (text, every) in [
            ("10s", Every::Length(10_000)),
            ("1h30m", Every::Length(5_400_000)),
            ("24h", Every::Length(DAY)),
            ("1d", Every::Length(DAY)),
            ("2w", Every::Length(14 * DAY)),
            ("1000w", Every::Length(LONGEST)),
            ("3mo", Every::Months(3)),
        ] {
            assert_eq!(Every::parse(text), Ok(every), "{text}");
        }
        for text in ["", "0s", "5", "1y", "-1d", "0d", "0mo", "1001mo", "mo", "1001w", "-1mo", "1.5h", "584942417355y"]
        {
            assert!(Every::parse(text).is_err(), "{text}");
        }
    }
}

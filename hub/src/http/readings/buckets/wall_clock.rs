//! Edges of buckets on the wall clock of a time zone. PURE.
//!
//! ```text
//!   wall clock   00:00       06:00       12:00        edges of 6h: the times of day at which buckets begin
//!   Berlin, 25 Oct 2026  ├── 7 hours ──┤── 6 ──┤      02:00 to 03:00 is shown twice and lies in one bucket
//! ```
//!
//! A bucket begins when the clock first shows its time or a later one: a time that is left out is reached when the clock
//! jumps over it, one that is shown twice the first time. Where a clock is set back by a bucket's length or more, what it
//! shows twice is two times as many buckets. So edges depend on the zone and the length alone, and never on the range that
//! is asked for. They are those of InfluxDB 1.6.7, which at a change that begins on an edge shows an empty bucket besides.

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::refused::{MOST, out_of_range, too_many};
use crate::http::error::ApiError;
use crate::model::UnixMillis;

/// What a wall clock shows, as milliseconds since it showed 1970-01-01 00:00.
type Shown = i64;

/// A day.
pub(super) const DAY: i64 = 86_400_000;
/// Longer than any change of a clock ever was, so no change matters further away.
const CHANGE: i64 = 2 * DAY;
/// Midnight of a Monday, 1970-01-05: weeks begin on one.
const MONDAY: Shown = 4 * DAY;

/// What the clock shows at edges.
#[derive(Debug, Clone, Copy)]
pub(super) enum Grid {
    /// Multiples of a length in milliseconds.
    Length(i64),
    /// The first of every so manieth month, counted from January of the year 0.
    Months(i32),
}

impl Grid {
    /// Longest distance of two edges, without changes of the clock.
    fn longest(self) -> i64 {
        match self {
            Self::Length(length) => length,
            Self::Months(months) => i64::from(months) * 31 * DAY,
        }
    }

    /// The first edge at or after what is shown.
    fn at_or_after(self, shown: Shown) -> Result<Shown, ApiError> {
        match self {
            Self::Length(length) => {
                // Where days are whole, so are weeks, and those begin on a Monday.
                let origin = if length % DAY == 0 { MONDAY } else { 0 };
                Ok(origin - (origin - shown).div_euclid(length) * length)
            }
            Self::Months(months) => {
                let date = TimeZone::UTC.to_datetime(timestamp(shown)?).date();
                let month = i32::from(date.year()) * 12 + i32::from(date.month()) - 1;
                let begin = month.div_euclid(months) * months;
                match first_of(begin)? {
                    first if first == shown => Ok(first),
                    _ => first_of(begin + months),
                }
            }
        }
    }
}

/// Midnight of the first of a month, counted from January of the year 0.
fn first_of(month: i32) -> Result<Shown, ApiError> {
    let year = i16::try_from(month.div_euclid(12)).map_err(|_| out_of_range())?;
    let date = Date::new(year, (month.rem_euclid(12) + 1) as i8, 1).map_err(|_| out_of_range())?;
    let midnight = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).map_err(|_| out_of_range())?;
    Ok(midnight.as_millisecond())
}

pub(super) fn timestamp(at: i64) -> Result<Timestamp, ApiError> {
    Timestamp::from_millisecond(at).map_err(|_| out_of_range())
}

/// All edges from the last one at or before `from` to the first one at or after `to`.
pub(super) fn edges(from: UnixMillis, to: UnixMillis, grid: Grid, tz: &TimeZone) -> Result<Vec<UnixMillis>, ApiError> {
    timestamp(to.0)?;
    // A clock that is set back makes a bucket longer, though not twice as long.
    let start = from.0.saturating_sub(2 * grid.longest());
    let context = timestamp(start.saturating_sub(CHANGE))?;
    let mut changes = tz.following(context);
    let mut ahead = milliseconds(tz.to_offset(context).seconds());
    // Since when the clock is as far ahead, and what it has shown before.
    let (mut since, mut passed) = (i64::MIN, Shown::MIN);
    let mut edges = Vec::new();
    loop {
        let change = changes.next();
        let until = change.as_ref().map_or(i64::MAX, |change| change.timestamp().as_millisecond());
        let mut next = grid.at_or_after(if since < start { passed.max(start + ahead) } else { passed })?;
        // A time that the clock jumped over begins with the jump.
        loop {
            let edge = (next - ahead).max(since);
            if edge >= until {
                break;
            }
            if edge <= from.0 {
                edges.clear();
            } else if edges.len() > MOST {
                return Err(too_many());
            }
            edges.push(UnixMillis(edge));
            if edge >= to.0 {
                // Nothing begins at or before `from` where the calendar begins.
                return if edges.first().is_some_and(|first| *first <= from) { Ok(edges) } else { Err(out_of_range()) };
            }
            next = grid.at_or_after(next.max(edge + ahead) + 1)?;
        }
        let Some(change) = change else { return Err(out_of_range()) };
        let reached = until + ahead;
        ahead = milliseconds(change.offset().seconds());
        let set_back = reached - (until + ahead);
        let repeats = matches!(grid, Grid::Length(length) if set_back >= length);
        passed = if repeats { until + ahead } else { passed.max(reached) };
        since = until;
    }
}

const fn milliseconds(seconds: i32) -> i64 {
    seconds as i64 * 1_000
}

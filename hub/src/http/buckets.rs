//! Edges of buckets in time. PURE.
//!
//! By number, buckets have equal length and begin at `from`; long ones begin at round times nearby, for which figures are
//! kept, so that a year is not read reading by reading. By length, they are whole and begin at round times, so that
//! two queries of the same data agree: the first may begin before `from`, the last may end after `to`. Days, weeks (from
//! Monday) and months are those of a time zone and may have 23 or 25 hours; shorter ones have their length always.

use std::time::Duration;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::dto::text;
use super::error::ApiError;
use crate::model::UnixMillis;

/// Buckets of one series at most: a screen has a few thousand pixels.
pub(super) const MOST: usize = 10_000;

/// Length of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Every {
    /// Always the same.
    Fixed(Duration),
    /// Calendar days.
    Days(i32),
    /// Calendar months.
    Months(i32),
}

impl Every {
    /// Reads `10s`, `1d`, `2w`, `1mo`.
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        let wrong = |detail: String| ApiError::invalid("every", detail);
        let whole =
            |suffix: &str| text.strip_suffix(suffix).and_then(|n| n.parse().ok()).filter(|n| (1..=1_000).contains(n));
        if let Some(months) = whole("mo") {
            return Ok(Self::Months(months));
        }
        if let Some(days) = whole("d") {
            return Ok(Self::Days(days));
        }
        if let Some(weeks) = whole("w") {
            return Ok(Self::Days(weeks * 7));
        }
        let length = text::duration(text)
            .map_err(|_| wrong(format!("`{text}` is no length: write 10s, 5m, 1h, 1d, 1w, 1mo")))?;
        if length.is_zero() {
            return Err(wrong("a bucket lasts at least 1ms".to_owned()));
        }
        Ok(Self::Fixed(length))
    }
}

/// The time zone of this name.
pub(super) fn zone(name: Option<&str>) -> Result<TimeZone, ApiError> {
    let Some(name) = name else { return Ok(TimeZone::UTC) };
    TimeZone::get(name)
        .map_err(|_| ApiError::invalid("tz", format!("`{name}` is no time zone here: write Europe/Berlin or UTC")))
}

/// From which length on edges lie on which round times: the edge moves by a twelfth of a bucket at most.
const ROUND: [(i64, i64); 2] = [(12 * 3_600_000, 3_600_000), (3_600_000, 300_000)];

/// Edges of `points` buckets of equal length.
pub(super) fn by_number(from: UnixMillis, to: UnixMillis, points: usize) -> Result<Vec<UnixMillis>, ApiError> {
    if !(1..=MOST).contains(&points) {
        return Err(ApiError::invalid("points", format!("`points` is between 1 and {MOST}")));
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
pub(super) fn by_length(
    from: UnixMillis,
    to: UnixMillis,
    every: Every,
    tz: &TimeZone,
) -> Result<Vec<UnixMillis>, ApiError> {
    let edges = match every {
        Every::Fixed(length) => fixed(from, to, length, tz)?,
        Every::Days(_) | Every::Months(_) => calendar(from, to, every, tz)?,
    };
    Ok(edges)
}

fn too_many() -> ApiError {
    ApiError::invalid("every", format!("that makes more than {MOST} buckets: take a longer `every` or a shorter range"))
}

fn out_of_range() -> ApiError {
    ApiError::invalid("from", "the range leaves the calendar: years are between -9998 and 9999")
}

fn timestamp(at: UnixMillis) -> Result<Timestamp, ApiError> {
    Timestamp::from_millisecond(at.0).map_err(|_| out_of_range())
}

fn fixed(from: UnixMillis, to: UnixMillis, length: Duration, tz: &TimeZone) -> Result<Vec<UnixMillis>, ApiError> {
    let length = i64::try_from(length.as_millis()).map_err(|_| ApiError::invalid("every", "that is too long"))?;
    // Local midnight is a round time: shift by the zone's offset at the start.
    let offset = i64::from(tz.to_offset(timestamp(from)?).seconds()) * 1000;
    let start = (from.0 + offset).div_euclid(length) * length - offset;
    if (to.0 - start) / length >= MOST as i64 {
        return Err(too_many());
    }
    let mut edges = vec![UnixMillis(start)];
    let mut edge = start;
    while edge < to.0 {
        edge = edge.saturating_add(length);
        edges.push(UnixMillis(edge));
    }
    Ok(edges)
}

/// A Monday, so that weeks begin on one.
const DAY_ZERO: Date = date(1970, 1, 5);

fn calendar(from: UnixMillis, to: UnixMillis, every: Every, tz: &TimeZone) -> Result<Vec<UnixMillis>, ApiError> {
    let lost = |_| out_of_range();
    let first = tz.to_datetime(timestamp(from)?).date();
    let (start, step) = match every {
        Every::Months(months) => {
            let index = (i32::from(first.year()) * 12 + i32::from(first.month()) - 1).div_euclid(months) * months;
            let year = i16::try_from(index.div_euclid(12)).map_err(|_| out_of_range())?;
            let month = (index.rem_euclid(12) + 1) as i8;
            (Date::new(year, month, 1).map_err(lost)?, Span::new().months(months))
        }
        Every::Days(days) => {
            let since = DAY_ZERO.until(first).map_err(lost)?.get_days();
            let start = DAY_ZERO.checked_add(Span::new().days(since.div_euclid(days) * days)).map_err(lost)?;
            (start, Span::new().days(days))
        }
        Every::Fixed(_) => return Err(ApiError::internal("a fixed length is no calendar length")),
    };
    let mut edges = Vec::new();
    for index in 0.. {
        let day = start.checked_add(step.checked_mul(index).map_err(lost)?).map_err(lost)?;
        let edge = day.to_zoned(tz.clone()).map_err(lost)?.timestamp().as_millisecond();
        // A day that a zone left out, to change sides of the date line, has no length and is no bucket.
        if edges.last() != Some(&UnixMillis(edge)) {
            edges.push(UnixMillis(edge));
        }
        if edge >= to.0 {
            break;
        }
        if edges.len() > MOST {
            return Err(too_many());
        }
    }
    Ok(edges)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> UnixMillis {
        text::time(text, UnixMillis(0)).unwrap()
    }

    fn texts(edges: &[UnixMillis]) -> Vec<String> {
        edges.iter().map(|edge| text::moment(*edge)).collect()
    }

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
    fn fixed_buckets_begin_at_round_times_of_the_zone() {
        let every = Every::parse("6h").unwrap();
        let (from, to) = (at("2026-11-22T11:40:00Z"), at("2026-11-22T13:00:00Z"));
        let utc = by_length(from, to, every, &TimeZone::UTC).unwrap();
        assert_eq!(texts(&utc), ["2026-11-22T06:00:00.000Z", "2026-11-22T12:00:00.000Z", "2026-11-22T18:00:00.000Z"]);
        let india = by_length(
            from,
            to,
            every,
            &TimeZone::fixed(jiff::tz::offset(5).saturating_add(jiff::SignedDuration::from_mins(30))),
        )
        .unwrap();
        assert_eq!(texts(&india)[0], "2026-11-22T06:30:00.000Z");
    }

    #[test]
    fn days_of_a_zone_follow_its_clock_changes() {
        let tz = zone(Some("Europe/Berlin")).unwrap();
        let edges = by_length(at("2026-10-24T12:00:00Z"), at("2026-10-26T12:00:00Z"), Every::Days(1), &tz).unwrap();
        assert_eq!(
            texts(&edges),
            [
                "2026-10-23T22:00:00.000Z",
                "2026-10-24T22:00:00.000Z",
                "2026-10-25T23:00:00.000Z",
                "2026-10-26T23:00:00.000Z",
            ]
        );
        let weeks = by_length(
            at("2026-11-22T00:00:00Z"),
            at("2026-11-22T01:00:00Z"),
            Every::parse("1w").unwrap(),
            &TimeZone::UTC,
        )
        .unwrap();
        assert_eq!(texts(&weeks), ["2026-11-16T00:00:00.000Z", "2026-11-23T00:00:00.000Z"]);
        let months = by_length(
            at("2026-11-22T00:00:00Z"),
            at("2026-12-01T00:00:00Z"),
            Every::parse("1mo").unwrap(),
            &TimeZone::UTC,
        )
        .unwrap();
        assert_eq!(texts(&months), ["2026-11-01T00:00:00.000Z", "2026-12-01T00:00:00.000Z"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

        /// Days and months begin where a walk over the clock sees the date change, whatever the zone does to it.
        #[test]
        fn calendar_buckets_are_those_of_a_walk_over_the_clock(
            name in prop::sample::select(vec![
                "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo",
                "Africa/Casablanca", "Pacific/Apia", "UTC",
            ]),
            start in prop_oneof![1_300_000_000_i64..1_800_000_000, Just(1_324_900_000), Just(1_792_700_000)],
            hours in 1_i64..2_000,
            months in any::<bool>(),
        ) {
            const STEP: i64 = 900_000;
            let tz = zone(Some(name)).unwrap();
            let (from, to) = (UnixMillis(start * 1_000), UnixMillis(start * 1_000 + hours * 3_600_000));
            let every = if months { Every::Months(1) } else { Every::Days(1) };
            let edges = by_length(from, to, every, &tz).unwrap();
            let bucket = |at: i64| {
                let date = tz.to_datetime(Timestamp::from_millisecond(at).unwrap()).date();
                if months { date.first_of_month() } else { date }
            };
            let first = from.0.div_euclid(STEP) * STEP - 40 * 96 * STEP;
            let walk: Vec<i64> = (0..).map(|n| first + n * STEP).take_while(|at| *at < to.0 + 40 * 96 * STEP).collect();
            let changes = walk.windows(2).filter(|pair| bucket(pair[0]) != bucket(pair[1])).map(|pair| pair[1]);
            let begins = changes.clone().filter(|at| *at <= from.0).max();
            let ends = changes.clone().filter(|at| *at >= to.0).min();
            let naive = changes.filter(|at| begins.is_some_and(|b| b <= *at) && ends.is_some_and(|e| *at <= e));
            prop_assert_eq!(edges, naive.map(UnixMillis).collect::<Vec<_>>());
        }
    }

    #[test]
    fn impossible_buckets_are_refused() {
        for text in ["", "0s", "5", "1y", "-1d", "0d"] {
            assert!(Every::parse(text).is_err(), "{text}");
        }
        assert!(zone(Some("Mars/Olympus")).is_err());
        let (from, to) = (UnixMillis(0), at("2026-11-22T00:00:00Z"));
        assert!(by_length(from, to, Every::parse("1s").unwrap(), &TimeZone::UTC).is_err());
        assert!(by_length(from, to, Every::Days(1), &TimeZone::UTC).is_err());
    }
}

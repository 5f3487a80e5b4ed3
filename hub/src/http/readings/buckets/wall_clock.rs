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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http::readings::buckets::{Every, by_length};
    use crate::model::when;
    use crate::zones;

    const STEP: i64 = 300_000;

    fn at(text: &str) -> UnixMillis {
        when::time(text, UnixMillis(0)).unwrap()
    }

    fn edges_of(tz: &str, every: &str, from: &str, to: &str) -> Vec<UnixMillis> {
        by_length(at(from), at(to), Every::parse(every).unwrap(), &zones::named(tz).unwrap()).unwrap()
    }

    /// What the clock shows at the edges, day and time.
    fn shown(tz: &str, every: &str, from: &str, to: &str) -> Vec<String> {
        let zone = zones::named(tz).unwrap();
        let text = |edge: &UnixMillis| zone.to_datetime(timestamp(edge.0).unwrap()).strftime("%d %H:%M").to_string();
        edges_of(tz, every, from, to).iter().map(text).collect()
    }

    fn hours(edges: &[UnixMillis]) -> Vec<f64> {
        edges.windows(2).map(|pair| pair[1].since(pair[0]) as f64 / 3_600_000.0).collect()
    }

    #[test]
    fn buckets_of_hours_begin_at_the_same_times_of_day_before_and_after_a_change_of_the_clock() {
        let (from, to) = ("2026-10-24T22:00:00Z", "2026-10-26T11:00:00Z");
        let berlin = edges_of("Europe/Berlin", "6h", from, to);
        assert_eq!(
            shown("Europe/Berlin", "6h", from, to),
            ["25 00:00", "25 06:00", "25 12:00", "25 18:00", "26 00:00", "26 06:00", "26 12:00"]
        );
        assert_eq!(hours(&berlin), [7.0, 6.0, 6.0, 6.0, 6.0, 6.0]);
        let spring = edges_of("Europe/Berlin", "6h", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z");
        assert_eq!(hours(&spring), [5.0, 6.0, 6.0, 6.0]);
        let two = edges_of("Europe/Berlin", "2h", "2026-10-24T22:00:00Z", "2026-10-25T05:00:00Z");
        assert_eq!(hours(&two), [2.0, 3.0, 2.0]);
        // An hour that is shown twice is two buckets of an hour, and four of half an hour.
        let one = edges_of("Europe/Berlin", "1h", "2026-10-25T00:00:00Z", "2026-10-25T03:00:00Z");
        assert_eq!(hours(&one), [1.0; 3]);
        assert_eq!(shown("Europe/Berlin", "30m", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z").len(), 3);
    }

    #[test]
    fn zones_that_change_by_half_an_hour_or_lie_off_the_hour_have_round_times_of_their_own() {
        let (from, to) = ("2024-04-06T14:00:00Z", "2024-04-06T17:00:00Z");
        assert_eq!(shown("Australia/Lord_Howe", "1h", from, to), ["07 01:00", "07 02:00", "07 03:00", "07 04:00"]);
        assert_eq!(hours(&edges_of("Australia/Lord_Howe", "1h", from, to)), [1.5, 1.0, 1.0]);
        assert_eq!(hours(&edges_of("Australia/Lord_Howe", "30m", from, to)), [0.5; 6]);
        let spring = edges_of("Australia/Lord_Howe", "1h", "2024-10-05T14:30:00Z", "2024-10-05T17:00:00Z");
        assert_eq!(hours(&spring), [1.0, 0.5, 1.0]);
        let kathmandu = shown("Asia/Kathmandu", "6h", "2024-05-01T00:00:00Z", "2024-05-01T12:00:00Z");
        assert_eq!(kathmandu, ["01 00:00", "01 06:00", "01 12:00", "01 18:00"]);
        assert_eq!(
            shown("+05:30", "6h", "2024-05-01T00:00:00Z", "2024-05-01T06:00:00Z"),
            ["01 00:00", "01 06:00", "01 12:00"]
        );
    }

    #[test]
    fn a_day_begins_when_the_clock_first_shows_it() {
        // Midnight is left out: the day begins at 01:00. Or shown twice: the first counts. Or the clock is set back at
        // midnight: the day before has another hour.
        for (tz, from, expected, length) in [
            ("Africa/Cairo", "2024-04-25T12:00:00Z", ["25 00:00", "26 01:00", "27 00:00"], [24.0, 23.0]),
            ("Africa/Cairo", "2024-10-31T12:00:00Z", ["31 00:00", "01 00:00", "02 00:00"], [25.0, 24.0]),
            ("America/Havana", "2025-03-08T12:00:00Z", ["08 00:00", "09 01:00", "10 00:00"], [24.0, 23.0]),
            ("America/Havana", "2025-11-01T12:00:00Z", ["01 00:00", "02 00:00", "03 00:00"], [24.0, 25.0]),
            ("America/Santiago", "2024-09-07T12:00:00Z", ["07 00:00", "08 01:00", "09 00:00"], [24.0, 23.0]),
            ("America/Santiago", "2024-04-06T12:00:00Z", ["06 00:00", "07 00:00", "08 00:00"], [25.0, 24.0]),
            ("Asia/Beirut", "2024-03-30T12:00:00Z", ["30 00:00", "31 01:00", "01 00:00"], [24.0, 23.0]),
            // The 30th was left out when Samoa went to the other side of the date line.
            ("Pacific/Apia", "2011-12-29T12:00:00Z", ["29 00:00", "31 00:00", "01 00:00"], [24.0, 24.0]),
            // From 23:30 to 00:30.
            ("America/Toronto", "1919-03-30T12:00:00Z", ["30 00:00", "31 00:30", "01 00:00"], [23.5, 23.5]),
        ] {
            let to = when::moment(at(from).plus(DAY));
            let edges = edges_of(tz, "1d", from, &to);
            assert_eq!(shown(tz, "1d", from, &to), expected, "{tz} {from}");
            assert_eq!(hours(&edges), length, "{tz} {from}");
            assert_eq!(edges, edges_of(tz, "24h", from, &to));
        }
    }

    #[test]
    fn weeks_begin_on_a_monday_and_months_on_their_first() {
        let from = "2026-11-22T00:00:00Z";
        let of = |every, to| edges_of("UTC", every, from, to).into_iter().map(when::moment).collect::<Vec<_>>();
        assert_eq!(of("1w", "2026-11-22T01:00:00Z"), ["2026-11-16T00:00:00.000Z", "2026-11-23T00:00:00.000Z"]);
        assert_eq!(of("168h", "2026-11-22T01:00:00Z"), of("1w", "2026-11-22T01:00:00Z"));
        assert_eq!(of("1mo", "2026-12-01T00:00:00Z"), ["2026-11-01T00:00:00.000Z", "2026-12-01T00:00:00.000Z"]);
        assert_eq!(of("3mo", "2026-12-01T00:00:00Z"), ["2026-10-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"]);
        let longest = by_length(UnixMillis(0), at(from), Every::Months(1_000), &TimeZone::UTC).unwrap();
        assert_eq!(
            longest.into_iter().map(when::moment).collect::<Vec<_>>(),
            ["1916-09-01T00:00:00.000Z", "2000-01-01T00:00:00.000Z", "2083-05-01T00:00:00.000Z"]
        );
    }

    #[test]
    fn impossible_ranges_are_refused() {
        let every = |text| Every::parse(text).unwrap();
        let (from, to) = (UnixMillis(0), at("2026-11-22T00:00:00Z"));
        for (from, to, length) in [
            (from, to, "1s"),
            (from, to, "1d"),
            (UnixMillis(i64::MIN), to, "1mo"),
            (UnixMillis(-377_705_023_201_000), to, "1000mo"),
            (from, UnixMillis(i64::MAX), "1000mo"),
            (UnixMillis(253_402_207_200_000), UnixMillis(253_402_207_200_999), "1000mo"),
        ] {
            assert!(by_length(from, to, every(length), &TimeZone::UTC).is_err(), "{from:?} {to:?} {length}");
        }
        let exactly = UnixMillis(MOST as i64);
        assert_eq!(by_length(from, exactly, every("1ms"), &TimeZone::UTC).unwrap().len(), MOST + 1);
        assert!(by_length(from, exactly.plus(1), every("1ms"), &TimeZone::UTC).is_err());
    }

    const ZONES: [&str; 22] = [
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "America/Sao_Paulo",
        "Africa/Casablanca",
        "Pacific/Apia",
        "UTC",
        "Africa/Cairo",
        "America/Havana",
        "America/Santiago",
        "Asia/Beirut",
        "Pacific/Chatham",
        "Atlantic/Azores",
        "Asia/Pyongyang",
        "America/Caracas",
        "Antarctica/Troll",
        "Asia/Gaza",
        "America/Scoresbysund",
        "Europe/Volgograd",
        "Pacific/Kwajalein",
        "Asia/Kolkata",
    ];
    /// Moments near which some of them change: Samoa's lost day, Kwajalein's, Pyongyang's half hours, Caracas, autumns, springs.
    const NEAR: [i64; 9] = [
        1_325_239_200,
        745_934_400,
        1_439_564_400,
        1_525_446_000,
        1_197_183_600,
        1_792_886_400,
        1_774_746_000,
        1_712_412_000,
        1_762_059_600,
    ];

    /// Which bucket each moment lies in, by watching the clock: when it began, and how far the clock has been.
    fn walk(tz: &TimeZone, every: Every, from: i64, to: i64) -> Vec<i64> {
        let shows = |at: i64| at + i64::from(tz.to_offset(timestamp(at).unwrap()).seconds()) * 1_000;
        let bucket = |shown: i64| match every {
            Every::Length(length) if length % DAY == 0 => (shown - MONDAY).div_euclid(length),
            Every::Length(length) => shown.div_euclid(length),
            Every::Months(months) => {
                let date = TimeZone::UTC.to_datetime(timestamp(shown).unwrap()).date();
                (i64::from(date.year()) * 12 + i64::from(date.month()) - 1).div_euclid(i64::from(months))
            }
        };
        let mut edges = Vec::new();
        let (mut furthest, mut before) = (shows(from), shows(from));
        let mut current = bucket(furthest);
        for at in (from + STEP..=to).step_by(STEP as usize) {
            let now = shows(at);
            // Set back by a bucket or more: what comes is shown a second time, in buckets of its own.
            let again = matches!(every, Every::Length(length) if before + STEP - now >= length);
            furthest = if again { now } else { furthest.max(now) };
            let begins = match every {
                Every::Length(_) if again => now == furthest && bucket(now - 1) != bucket(now),
                Every::Length(_) | Every::Months(_) => bucket(furthest) != current,
            };
            if begins {
                edges.push(at);
            }
            current = bucket(furthest);
            before = now;
        }
        edges
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

        #[test]
        fn edges_are_those_of_somebody_who_watches_the_clock_whatever_the_range_begins_with(
            name in prop::sample::select(ZONES.to_vec()),
            start in prop_oneof![1_300_000_000_i64..1_900_000_000, prop::sample::select(NEAR.to_vec())],
            away in -40_i64..40,
            hours in 1_i64..200,
            later in 0_i64..100,
            every in prop::sample::select(vec![
                "5m", "15m", "20m", "30m", "1h", "90m", "2h", "3h", "4h", "6h", "7h", "8h", "12h", "24h", "1d", "2d", "36h",
                "1w", "1mo", "2mo",
            ]),
        ) {
            let tz = zones::named(name).unwrap();
            let every = Every::parse(every).unwrap();
            let from = UnixMillis((start.div_euclid(3_600) + away) * 3_600_000);
            let to = from.plus(hours * 3_600_000);
            let edges = by_length(from, to, every, &tz).unwrap();
            prop_assert!(edges.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(edges[0] <= from && edges[1] > from && edges[edges.len() - 1] >= to && edges[edges.len() - 2] < to);
            let (first, last) = (edges[0].0, edges[edges.len() - 1].0);
            // Long enough before for a clock that was set back to have passed where it was.
            let walked = walk(&tz, every, first.div_euclid(STEP) * STEP - 3 * DAY, last);
            let walked = walked.into_iter().filter(|edge| *edge >= first).map(UnixMillis).collect::<Vec<_>>();
            prop_assert_eq!(&edges, &walked);
            // Another beginning, the same edges.
            let begin = UnixMillis((from.0 + later * to.since(from) / 100).min(to.0 - 1));
            let part = by_length(begin, to, every, &tz).unwrap();
            prop_assert_eq!(&part[..], &edges[edges.len() - part.len()..]);
        }
    }
}

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

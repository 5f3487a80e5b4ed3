//! Counts and times as people read them on a terminal, in local time; names and values are in [`crate::model::shown`].
//! PURE but for the time zone. `--json` prints everything as the hub sent it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::UnixMillis;
pub(super) use crate::model::shown::{Scale, alike, digits, length, name, sign, value};

/// A count: `1 234 567`.
pub(super) fn count(number: u64) -> String {
    let plain = number.to_string();
    let groups: Vec<&str> =
        plain.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(" ")
}

/// A noun with its number: `1 device`, `2 devices`, `3 batches`, `4 summaries`.
pub(super) fn of(number: u64, noun: &str) -> String {
    format!("{} {}", count(number), crate::model::shown::noun(number, noun))
}

/// How long ago that was.
pub(super) fn ago(at: UnixMillis, now: UnixMillis) -> String {
    let seconds = now.since(at) / 1_000;
    if seconds < 2 { "just now".to_owned() } else { format!("{} ago", length(seconds)) }
}

/// RFC 3339 to a moment.
pub(super) fn read(text: &str) -> Option<UnixMillis> {
    Some(UnixMillis(text.parse::<Timestamp>().ok()?.as_millisecond()))
}

/// A moment in this computer's time zone, to the second.
pub(super) fn moment(at: UnixMillis) -> String {
    moment_in(at, &TimeZone::system())
}

/// A moment in a time zone; with the offset where the clock shows this time twice.
pub(super) fn moment_in(at: UnixMillis, zone: &TimeZone) -> String {
    let Ok(at) = Timestamp::from_millisecond(at.0) else { return "-".to_owned() };
    let at = at.to_zoned(zone.clone());
    let is_twice = zone.to_ambiguous_timestamp(at.datetime()).is_ambiguous();
    at.strftime(if is_twice { "%Y-%m-%d %H:%M:%S %:z" } else { "%Y-%m-%d %H:%M:%S" }).to_string()
}

/// The time of day in this computer's time zone.
pub(super) fn time_of_day(at: UnixMillis) -> String {
    Timestamp::from_millisecond(at.0)
        .map_or_else(|_| "-".to_owned(), |at| at.to_zoned(TimeZone::system()).strftime("%H:%M:%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_grouped_and_has_its_noun() {
        assert_eq!((count(7), count(1_234_567)), ("7".to_owned(), "1 234 567".to_owned()));
        assert_eq!((of(1, "device"), of(0, "device")), ("1 device".to_owned(), "0 devices".to_owned()));
    }

    #[test]
    fn a_moment_is_told_where_the_reader_is() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        assert_eq!(moment_in(UnixMillis(1_700_000_000_000), &berlin), "2023-11-14 23:13:20");
        assert_eq!(moment_in(UnixMillis(1_792_890_000_000), &berlin), "2026-10-25 02:00:00 +01:00");
    }
}

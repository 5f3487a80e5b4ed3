//! Guesses what a time was meant to be that is not in epoch milliseconds. PURE.
//!
//! A time in another unit is a valid time, some fifty years off, and nothing else shows the mistake: epoch seconds read as
//! milliseconds are in 1970-01, and so is a date without its dashes. Between the years 2000 and 2100 the units do not overlap.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::written::moment;
use crate::model::UnixMillis;

/// 2000-01-01 and 2100-01-01, in milliseconds.
const FROM: i64 = 946_684_800_000;
const TO: i64 = 4_102_444_800_000;
/// A day.
const DAY: f64 = 86_400_000.0;
/// 1970-01-01 as spreadsheets count days.
const EPOCH_DAY: f64 = 25_569.0;

/// A better reading of a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guess {
    what: &'static str,
    at: UnixMillis,
}

impl fmt::Display for Guess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "looks like {}: write {} or {}", self.what, self.at.0, moment(self.at))
    }
}

/// What a number looks like, if it is no epoch milliseconds: seconds, microseconds, nanoseconds, or the digits of a date.
#[must_use]
pub fn of(text: &str) -> Option<Guess> {
    let number: f64 = text.trim().parse().ok().filter(|number: &f64| number.is_finite())?;
    let in_unit = |what, millis: f64| {
        let at = millis.floor() as i64;
        (FROM..TO).contains(&at).then_some(Guess { what, at: UnixMillis(at) })
    };
    in_unit("epoch seconds", number * 1e3)
        .or_else(|| in_unit("epoch microseconds", number / 1e3))
        .or_else(|| in_unit("epoch nanoseconds", number / 1e6))
        .or_else(|| date(text.trim()))
}

/// Whether the text has less digits than the number has in front of its point: `1.71E+12` is what a spreadsheet makes of
/// a moment, with a day of it left.
#[must_use]
pub fn is_rounded(text: &str) -> bool {
    let Some((digits, exponent)) = text.trim().split_once(['e', 'E']) else { return false };
    let behind_the_point = digits.split_once('.').map_or(0, |(_, digits)| digits.len());
    exponent.parse::<i64>().is_ok_and(|exponent| exponent > behind_the_point as i64)
}

/// The day that a spreadsheet means by a number.
#[must_use]
pub fn day(number: f64) -> Option<Guess> {
    let millis = (number - EPOCH_DAY) * DAY;
    let at = millis.round() as i64;
    (FROM..TO).contains(&at).then_some(Guess { what: "a spreadsheet's number of a day", at: UnixMillis(at) })
}

/// `20240309`, `202403091600`, `20240309160000`.
fn date(digits: &str) -> Option<Guess> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || ![8, 12, 14].contains(&digits.len()) {
        return None;
    }
    let part = |from: usize, to: usize| digits.get(from..to).map_or(Ok(0), str::parse::<i8>).ok();
    let year = digits.get(..4)?.parse().ok().filter(|year| (1900..2100).contains(year))?;
    let time = DateTime::new(year, part(4, 6)?, part(6, 8)?, part(8, 10)?, part(10, 12)?, part(12, 14)?, 0).ok()?;
    let at: Timestamp = TimeZone::UTC.to_timestamp(time).ok()?;
    Some(Guess { what: "a date without its dashes", at: UnixMillis(at.as_millisecond()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_told_apart_and_milliseconds_are_left_alone() {
        let meant = "2024-03-09T16:00:00.000Z";
        for (text, what, at) in [
            ("1710000000", "epoch seconds", meant),
            ("1710000000.25", "epoch seconds", "2024-03-09T16:00:00.250Z"),
            ("1710000000000000", "epoch microseconds", meant),
            ("1710000000000000000", "epoch nanoseconds", meant),
            ("1.71e9", "epoch seconds", meant),
            ("20240309", "a date without its dashes", "2024-03-09T00:00:00.000Z"),
            ("202403091600", "a date without its dashes", meant),
            ("20240309160000", "a date without its dashes", meant),
        ] {
            let guess = of(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((guess.what, moment(guess.at).as_str()), (what, at), "{text}");
            assert!(guess.to_string().ends_with(at), "{guess}");
        }
        for text in
            ["1710000000000", "0", "-5", "946684800000", "4102444799999", "60000", "20241309", "2024", "x", "", "inf"]
        {
            assert_eq!(of(text), None, "{text}");
        }
        assert_eq!(moment(day(45_360.5).unwrap().at), "2024-03-09T12:00:00.000Z");
        assert_eq!(day(1.0), None);
    }

    #[test]
    fn a_number_that_was_rounded_for_show_is_told_by_its_digits() {
        for text in ["1.71E+12", "1.7095E12", "1e12", " 1.71e12", "1.E3"] {
            assert!(is_rounded(text), "{text}");
        }
        for text in
            ["1710000000000", "1710000000000.0", "1.710000000000e12", "1.7100000000000E+12", "17.0e-1", "x", "east"]
        {
            assert!(!is_rounded(text), "{text}");
        }
    }
}

//! Moments and lengths of time as people and programs write them, in files, flags, query strings and bodies. PURE.

pub mod guess;
mod written;

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;

use crate::model::UnixMillis;
use crate::model::reading::is_time;
use written::UNITS;
pub use written::{moment, span};

/// A moment as people and programs write it: RFC 3339, epoch milliseconds, `now`, `now-6h`.
///
/// # Errors
/// A sentence for the person who wrote it; where it is a time in another unit, or without its zone, how to write that.
pub fn time(text: &str, now: UnixMillis) -> Result<UnixMillis, String> {
    const FORMS: &str = "2026-11-22T11:40:00Z, epoch milliseconds, or now-6h";
    let Some(offset) = text.strip_prefix("now") else { return absolute(text, FORMS) };
    if offset.is_empty() {
        return Ok(now);
    }
    let wrong = || format!("`{text}` is not a time: write {FORMS}");
    let (sign, span) = match offset.split_at_checked(1) {
        Some(("-", span)) => (-1, span),
        // In a query string an unescaped plus arrives as a space.
        Some(("+" | " ", span)) => (1, span),
        _ => return Err(wrong()),
    };
    let span = duration(span).map_err(|_| wrong())?;
    Ok(now.plus(sign * i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
}

/// A moment as files have it, which means the same whenever it is read.
///
/// # Errors
/// As [`time`].
pub fn moment_in_file(text: &str) -> Result<UnixMillis, String> {
    const FORMS: &str = "2026-11-22T11:40:00Z, or epoch milliseconds";
    if text.starts_with("now") {
        return Err(format!("`{text}` is relative to the present, which a file cannot use: write {FORMS}"));
    }
    absolute(text, FORMS)
}

/// A moment that does not depend on the present; `forms` is how to write what is none.
fn absolute(text: &str, forms: &str) -> Result<UnixMillis, String> {
    let wrong = || format!("`{text}` is not a time: write {forms}");
    if guess::is_rounded(text) {
        return Err(format!(
            "`{text}` is not a time: so few digits were rounded, by a spreadsheet for example; write {forms}"
        ));
    }
    if let Some(guess) = guess::of(text) {
        return Err(format!("`{text}` is not epoch milliseconds, it {guess}"));
    }
    if let Ok(number) = text.parse::<f64>() {
        // Programs that know numbers with a point only write whole ones with it too.
        return match text.parse().or_else(|_| whole(number).ok_or(())) {
            Ok(millis) => Some(UnixMillis(millis)).filter(|at| is_time(*at)).ok_or_else(wrong),
            Err(()) => Err(match guess::day(number) {
                Some(guess) => format!("`{text}` is not epoch milliseconds, it {guess}"),
                None => format!("`{text}` is not a time: epoch milliseconds are a whole number"),
            }),
        };
    }
    let at: Timestamp = text.replace(' ', "+").parse().or_else(|_| text.parse()).map_err(|_| {
        let is_local = text.parse::<DateTime>().is_ok();
        if is_local { format!("`{text}` has no time zone: write 2026-11-22T11:40:00Z or +01:00") } else { wrong() }
    })?;
    Ok(UnixMillis(at.as_millisecond()))
}

/// A number without a part behind the point, as far as `f64` tells.
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < (1_u64 << 53) as f64).then_some(number as i64)
}

/// A duration as people write it: `60s`, `5m`, `1h30m`, `250ms`, `7d`.
///
/// # Errors
/// A sentence for the person who wrote it.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration: write 60s, 5m, 1h30m, 7d");
    let (mut rest, mut millis) = (text, 0_u64);
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        millis = number.checked_mul(*factor).and_then(|part| millis.checked_add(part)).ok_or_else(wrong)?;
        rest = after;
    }
    Ok(Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_795_347_600_123);

    #[test]
    fn times_are_read_in_every_form_and_written_in_one() {
        assert_eq!(moment(NOW), "2026-11-22T11:40:00.123Z");
        for (text, ms) in [
            ("now", NOW.0),
            ("now-6h", NOW.0 - 21_600_000),
            ("now+1m30s", NOW.0 + 90_000),
            ("now 1s", NOW.0 + 1_000),
            ("1795347600123", NOW.0),
            ("1795347600123.0", NOW.0),
            ("1.795347600123e12", NOW.0),
            ("-5", -5),
            ("2026-11-22T11:40:00.123Z", NOW.0),
            ("2026-11-22T12:40:00.123+01:00", NOW.0),
            ("2026-11-22T12:40:00.123 01:00", NOW.0),
        ] {
            assert_eq!(time(text, NOW), Ok(UnixMillis(ms)), "{text}");
        }
        for text in [
            "",
            "1710000000",
            "20240309",
            "1710000000000000",
            "1710000000.5",
            "1.7095E12",
            "1e12",
            "yesterday",
            "now-",
            "now*3h",
            "2026-11-22",
            "2026-11-22T11:40:00",
            "99999999999999999",
            "nowé",
        ] {
            assert!(time(text, NOW).is_err(), "{text}");
        }
        let why = |text| time(text, NOW).unwrap_err();
        assert!(why("09.03.2024 12:30").contains("now-6h"));
        let in_file = |text| moment_in_file(text).unwrap_err();
        assert!(!in_file("09.03.2024 12:30").contains("now") && in_file("now-6h").contains("which a file cannot use"));
        assert!(why("45360.5").contains("a spreadsheet's number of a day"), "{}", why("45360.5"));
        assert!(why("1.7095E12").contains("rounded, by a spreadsheet"), "{}", why("1.7095E12"));
        assert!(why("1795347600123.5").contains("a whole number"), "{}", why("1795347600123.5"));
        assert_eq!(moment(UnixMillis(i64::MAX)), "9999-12-30T22:00:00.999Z");
    }

    #[test]
    fn durations_go_there_and_back() {
        for (text, ms, back) in [
            ("60s", 60_000, "60s"),
            ("1m", 60_000, "60s"),
            ("5m", 300_000, "5m"),
            ("1h30m", 5_400_000, "1h30m"),
            ("250ms", 250, "250ms"),
            ("2w", 1_209_600_000, "14d"),
            ("0s", 0, "0s"),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
            assert_eq!(span(Duration::from_millis(ms)), back);
        }
        for text in ["", "5", "m", "5x", "-5s", "1.5h", "5 m", "99999999999999999999s", "18446744073709551615w"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}

//! Ages, intervals and sizes as people write them, in files, flags and requests alike: `14d`, `20ms`, `2GB`.

use std::time::Duration;

const HOUR: u64 = 3_600;
/// Largest first; a year is that of the calendar on average.
const AGES: [(&str, u64); 4] = [("y", 31_557_600), ("w", 168 * HOUR), ("d", 24 * HOUR), ("h", HOUR)];
const INTERVALS: [(&str, u64); 2] = [("ms", 1), ("s", 1_000)];
const PAUSES: [(&str, u64); 3] = [("h", HOUR), ("m", 60), ("s", 1)];
const SIZES: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];
/// Longest interval: a device gives up a hub that says nothing for seven seconds.
const MOST_INTERVAL: Duration = Duration::from_secs(5);
/// Tiers are let go by the day.
const LEAST_AGE: Duration = Duration::from_hours(24);

/// How long something is kept, at least a day: `36h`, `14d`, `6w`, `5y`; `forever` is `None`.
///
/// # Errors
/// A sentence for the person who wrote it.
pub fn age(text: &str) -> Result<Option<Duration>, String> {
    if text == "forever" {
        return Ok(None);
    }
    let age = number_of(text, &AGES).map(Duration::from_secs).filter(|age| *age >= LEAST_AGE);
    age.map(Some).ok_or_else(|| format!("`{text}` is not a duration: write 14d, 6w, 5y (at least 1d), or forever"))
}

/// An age in the largest unit that divides it.
#[must_use]
pub fn age_text(age: Option<Duration>) -> String {
    let Some(seconds) = age.map(|age| age.as_secs()) else { return "forever".to_owned() };
    let unit = AGES.iter().find(|(_, unit)| seconds % unit == 0);
    unit.map_or_else(|| format!("{}h", seconds / HOUR), |(name, unit)| format!("{}{name}", seconds / unit))
}

/// A short time between two things, at most five seconds: `20ms`, `1s`.
///
/// # Errors
/// A sentence for the person who wrote it.
pub fn interval(text: &str) -> Result<Duration, String> {
    let interval = number_of(text, &INTERVALS).map(Duration::from_millis).filter(|interval| *interval <= MOST_INTERVAL);
    interval.ok_or_else(|| format!("`{text}` is not an interval: write 20ms, 1s (at most 5s)"))
}

/// A pause between two things that a program does, from a second to a day: `5s`, `1m`, `2h`.
///
/// # Errors
/// A sentence for the person who wrote it.
pub fn pause(text: &str) -> Result<Duration, String> {
    let pause = number_of(text, &PAUSES).map(Duration::from_secs);
    let pause = pause.filter(|pause| (Duration::from_secs(1)..=Duration::from_hours(24)).contains(pause));
    pause.ok_or_else(|| format!("`{text}` is not a pause: write 5s, 1m, 2h (at least 1s, at most 24h)"))
}

/// A number of bytes: `500MB`, `2GB`, `1GiB`.
///
/// # Errors
/// A sentence for the person who wrote it.
pub fn bytes(text: &str) -> Result<u64, String> {
    number_of(text, &SIZES).ok_or_else(|| format!("`{text}` is not a size: write 500MB, 2GB, 1GiB"))
}

/// A size for people, in three digits.
#[must_use]
pub fn bytes_text(bytes: u64) -> String {
    let unit = SIZES.iter().skip(4).find(|(_, unit)| bytes >= *unit).unwrap_or(&("B", 1));
    let number = bytes as f64 / unit.1 as f64;
    let digits = if unit.1 == 1 || number >= 100.0 { 0 } else { usize::from(number < 10.0) + 1 };
    format!("{number:.digits$} {}", unit.0)
}

/// A whole number and a unit.
fn number_of(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|symbol: char| !symbol.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_back_as_they_were_written() {
        for text in ["36h", "14d", "6w", "5y", "forever"] {
            let age = age(text).unwrap();
            assert_eq!(super::age(&age_text(age)), Ok(age), "{text}");
        }
        assert_eq!(age_text(Some(Duration::from_hours(48))), "2d");
        for wrong in ["", "d", "14", "1h", "0d", "-3d", "14 days", "99999999999999999999d", "9999999999999y"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn intervals_are_short() {
        assert_eq!((interval("20ms"), interval("5s")), (Ok(Duration::from_millis(20)), Ok(Duration::from_secs(5))));
        assert!(["", "5", "6s", "1m", "-1s", "1.5s"].iter().all(|wrong| interval(wrong).is_err()));
    }

    #[test]
    fn sizes_are_whole_numbers_with_a_unit() {
        assert_eq!((bytes("2GB"), bytes("64 MiB")), (Ok(2_000_000_000), Ok(64 << 20)));
        assert!(bytes("2G").is_err() && bytes("1.5GB").is_err() && bytes("99999999TiB").is_err());
        assert_eq!(
            (bytes_text(210_400_000), bytes_text(1_234), bytes_text(7)),
            ("210 MB".into(), "1.23 kB".into(), "7 B".into())
        );
    }
}

//! Quantities as people write them: `1s`, `5%`, `60x`, `1/h`.

use std::time::Duration;

/// A noun with its number: `1 reading`, `2 batches`.
#[must_use]
pub fn of(number: u64, noun: &str) -> String {
    let end = match noun {
        _ if number == 1 => "",
        noun if noun.ends_with("ch") => "es",
        _ => "s",
    };
    format!("{number} {noun}{end}")
}

const UNITS: [(&str, f64); 6] =
    [("ms", 0.001), ("us", 0.000_001), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0)];

/// A length of time with its unit: `500ms`, `1s`, `1.5m`, `1h`, `7d`.
///
/// # Errors
/// A text that says what was expected.
pub fn duration(text: &str) -> Result<Duration, String> {
    let expected = || format!("'{text}' is not a time such as 500ms, 1s, 5m or 1h");
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(expected)?;
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| expected())?;
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(expected)?;
    Duration::try_from_secs_f64(number * factor).map_err(|_| expected())
}

/// A share between 0 and 1: `5%` or `0.05`.
///
/// # Errors
/// A text that says what was expected.
pub fn share(text: &str) -> Result<f64, String> {
    let parsed = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.parse(),
    };
    parsed
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| format!("'{text}' is not a share: write 5% or 0.05"))
}

/// How often something happens, per second: `1/h`, `2/m`, `0/h`.
///
/// # Errors
/// A text that says what was expected.
pub fn rate(text: &str) -> Result<f64, String> {
    let expected = || format!("'{text}' is not a rate such as 1/h or 2/m");
    let (count, unit) = text.split_once('/').ok_or_else(expected)?;
    let count: f64 =
        count.parse().ok().filter(|count: &f64| count.is_finite() && *count >= 0.0).ok_or_else(expected)?;
    let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(expected)?;
    Ok(count / seconds)
}

/// A time factor, `60x`; `max` is as fast as it goes (`None`).
///
/// # Errors
/// A text that says what was expected.
pub fn speed(text: &str) -> Result<Option<f64>, String> {
    if text == "max" {
        return Ok(None);
    }
    text.strip_suffix('x')
        .and_then(|factor| factor.parse().ok())
        .filter(|factor: &f64| factor.is_finite() && *factor > 0.0)
        .map(Some)
        .ok_or_else(|| format!("'{text}' is not a speed such as 60x or max"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_people_write_them() {
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(share("5%"), Ok(0.05));
        assert_eq!(rate("1/h"), Ok(1.0 / 3600.0));
        assert_eq!((speed("60x"), speed("max")), (Ok(Some(60.0)), Ok(None)));
    }

    #[test]
    fn nonsense_is_refused_with_an_example() {
        for text in ["", "1", "s", "-1s", "1 fortnight", "1e999d"] {
            assert!(duration(text).is_err_and(|error| error.contains("1s")), "{text}");
        }
        for text in ["", "101%", "-1%", "NaN", "x"] {
            assert!(share(text).is_err(), "{text}");
        }
        assert!(rate("1").is_err() && rate("x/h").is_err() && speed("0x").is_err() && speed("60").is_err());
    }
}

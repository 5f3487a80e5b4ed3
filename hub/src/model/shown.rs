//! Names, values and lengths of time as people read them: three or four digits, signs for units.
//!
//! A name is what a device says of itself, so it is hostile: [`name`] lets nothing through that moves a cursor or turns a text
//! around.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Longest name that is shown.
const LONGEST: usize = 64;

/// A name without what would move the cursor or turn the direction of the text.
#[must_use]
pub fn name(text: &str) -> String {
    let seen: String = text.chars().filter(|c| !wire::text::is_unseen(*c)).take(LONGEST).collect();
    if seen.is_empty() { "-".to_owned() } else { seen }
}

/// A value and its unit: `21.5 °C`, `1.48 GiB`, `3.2 d`.
#[must_use]
pub fn value(value: f64, unit: &str) -> String {
    let scale = Scale::of(unit, value);
    scale.value(value)
}

/// A value and another that it is compared with, each with its unit, in as many digits as tell them apart: `4.996 °C`, `5 °C`.
#[must_use]
pub fn compared(one: f64, other: f64, unit: &str) -> (String, String) {
    let texts = (value(one, unit), value(other, unit));
    if one == other || texts.0 != texts.1 {
        return texts;
    }
    let scale = Scale::of(unit, other);
    let finer = |decimals: usize| {
        let text = |value: f64| trimmed(&format!("{:.decimals$}", value / scale.divisor));
        (text(one), text(other))
    };
    let finest = || ((one / scale.divisor).to_string(), (other / scale.divisor).to_string());
    let (one, other) = (1..=12).map(finer).find(|(one, other)| one != other).unwrap_or_else(finest);
    (scale.with_unit(one), scale.with_unit(other))
}

/// Two values in one unit, that of the larger: `0.88 GiB`, `44.25 GiB`. Where these would read the same, as [`compared`].
#[must_use]
pub fn alike(one: f64, other: f64, unit: &str) -> (String, String) {
    let scale = Scale::of(unit, one.abs().max(other.abs()));
    let texts = (scale.value(one), scale.value(other));
    if one == other || texts.0 != texts.1 { texts } else { compared(one, other, unit) }
}

/// One unit for a column of values.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    divisor: f64,
    unit: String,
}

impl Scale {
    /// The unit in which the largest of some values is read best.
    #[must_use]
    pub fn of(unit: &str, largest: f64) -> Self {
        let sign = sign(unit);
        let size = largest.abs();
        if sign == "s" {
            let long =
                [("d", 86_400.0), ("h", 3_600.0), ("min", 60.0)].into_iter().find(|(_, length)| size >= 2.0 * length);
            let (unit, divisor) = long.unwrap_or(("s", 1.0));
            return Self { divisor, unit: unit.to_owned() };
        }
        let (step, prefixes): (f64, [&str; 5]) = match sign.as_str() {
            "B" | "B/s" => (1024.0, ["", "Ki", "Mi", "Gi", "Ti"]),
            "Hz" | "W" | "Wh" | "VA" | "J" | "bit" | "bit/s" | "Pa" => (1000.0, ["", "k", "M", "G", "T"]),
            _ => return Self { divisor: 1.0, unit: sign },
        };
        let (mut divisor, mut prefix) = (1.0, "");
        for larger in prefixes.into_iter().skip(1) {
            if size < divisor * step {
                break;
            }
            (divisor, prefix) = (divisor * step, larger);
        }
        Self { divisor, unit: format!("{prefix}{sign}") }
    }

    /// The unit alone, for the head of a column.
    #[must_use]
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// By what a value is divided to be one in this unit.
    #[must_use]
    pub const fn divisor(&self) -> f64 {
        self.divisor
    }

    /// A number of it alone.
    #[must_use]
    pub fn number(&self, value: f64) -> String {
        digits(value / self.divisor)
    }

    fn value(&self, value: f64) -> String {
        self.with_unit(self.number(value))
    }

    fn with_unit(&self, number: String) -> String {
        if self.unit.is_empty() { number } else { format!("{number} {}", self.unit) }
    }
}

/// Units as devices send them and their signs, a row each. The page's own copy is made of the same file.
static SIGNS: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    let rows = include_str!("signs.txt").lines().filter(|line| !line.starts_with('#'));
    rows.map(|row| row.split_once(' ').map_or((row, ""), |(unit, sign)| (unit, sign.trim()))).collect()
});

/// The sign of a unit: devices send codes of UCUM, people read `°C`. Empty for a mere number.
#[must_use]
pub fn sign(unit: &str) -> String {
    if let Some(sign) = known(unit) {
        return if sign.is_empty() { String::new() } else { name(sign) };
    }
    let rate = unit.rsplit_once('/').and_then(|(head, per)| Some(format!("{}/{per}", known(head)?)));
    let text = rate.unwrap_or_else(|| unit.to_owned());
    if text.is_empty() { text } else { name(&text) }
}

fn known(unit: &str) -> Option<&str> {
    SIGNS.get(unit).copied().or_else(|| bare(unit))
}

/// A unit that is nothing but one in brackets or braces, without them.
fn bare(unit: &str) -> Option<&str> {
    let inner = |open, close| unit.strip_prefix(open)?.strip_suffix(close);
    inner('[', ']').or_else(|| inner('{', '}')).filter(|inner| !inner.contains(['[', ']', '{', '}']))
}

/// A noun behind its number: `1` device, `2` devices, `3` batches, `4` summaries.
#[must_use]
pub fn noun(number: u64, one: &str) -> String {
    match one.strip_suffix('y') {
        _ if number == 1 => one.to_owned(),
        Some(stem) if !stem.ends_with(['a', 'e', 'o']) => format!("{stem}ies"),
        None if one.ends_with("ch") => format!("{one}es"),
        _ => format!("{one}s"),
    }
}

/// `a, b and 7 more`: some of so many things, which are named; `a, b and c` where they are all. `None` where none is named.
#[must_use]
pub fn some_of(named: &[String], all: usize) -> Option<String> {
    match (named, all.saturating_sub(named.len())) {
        ([], _) => None,
        ([one], 0) => Some(one.clone()),
        ([many @ .., last], 0) => Some(format!("{} and {last}", many.join(", "))),
        (many, more) => Some(format!("{} and {more} more", many.join(", "))),
    }
}

/// `a; b; and 7 more`: the same of titles, which may have commas of their own.
#[must_use]
pub fn titles(named: &[impl AsRef<str>], all: usize) -> Option<String> {
    let mut parts: Vec<String> = named.iter().map(|title| title.as_ref().to_owned()).collect();
    let more = all.saturating_sub(parts.len());
    (!parts.is_empty()).then(|| {
        parts.extend((more > 0).then(|| format!("and {more} more")));
        parts.join("; ")
    })
}

/// A number with three to four digits that matter: `21.5`, `1013`, `0.0123`.
#[must_use]
pub fn digits(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "-".to_owned();
    }
    if size >= 1e15 || (size > 0.0 && size < 1e-4) {
        return format!("{value:.2e}");
    }
    let decimals = match size {
        1000.0.. => 0,
        100.0.. => 1,
        1.0.. => 2,
        0.01.. => 3,
        _ => 5,
    };
    trimmed(&format!("{value:.decimals$}"))
}

/// Decimals without the zeros at their end.
fn trimmed(text: &str) -> String {
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    // What is rounded to nothing has no sign.
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A length of time: `38 s`, `3 h 20 min`, `4 d 2 h`.
#[must_use]
pub fn length(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{minutes} min"),
        3_600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_and_its_limit_are_of_one_unit() {
        let told = |one: f64, other: f64| alike(one * 1024.0 * 1024.0, other * 1024.0 * 1024.0, "By");
        assert_eq!(told(512.0, 45_312.0), ("0.5 GiB".to_owned(), "44.25 GiB".to_owned()));
        assert_eq!(alike(20.0, 28.5, "Cel"), ("20 °C".to_owned(), "28.5 °C".to_owned()));
        assert_eq!(alike(4.999_999_9, 5.0, "Cel"), ("4.9999999 °C".to_owned(), "5 °C".to_owned()));
    }

    #[test]
    fn a_unit_is_written_as_people_write_it() {
        for (unit, sign) in [
            ("1", ""),
            ("Cel", "°C"),
            ("Cel/min", "°C/min"),
            ("[ppm]", "ppm"),
            ("[ppm]/min", "ppm/min"),
            ("{count}", "count"),
            ("%{RH}", "%"),
            ("dB[mW]", "dBm"),
            ("[a]b[c]", "[a]b[c]"),
            ("[", "["),
            ("kPa", "kPa"),
            ("", ""),
        ] {
            assert_eq!(super::sign(unit), sign, "{unit}");
        }
    }

    #[test]
    fn some_are_named_and_the_others_counted() {
        let named = |names: &str, all| some_of(&names.chars().map(String::from).collect::<Vec<_>>(), all);
        let said = ["a", "a and b", "a, b and c", "a, b and 2 more", "a and 1 more"].map(|said| Some(said.to_owned()));
        assert_eq!([named("a", 1), named("ab", 2), named("abc", 3), named("ab", 4), named("a", 2)], said);
        assert_eq!(named("", 7), None);
    }

    #[test]
    fn a_noun_agrees_with_its_number() {
        let nouns = [
            noun(1, "device"),
            noun(0, "device"),
            noun(2, "batch"),
            noun(2, "day"),
            noun(1, "summary"),
            noun(2, "summary"),
        ];
        assert_eq!(nouns, ["device", "devices", "batches", "days", "summary", "summaries"]);
    }

    #[test]
    fn a_value_has_a_few_digits_and_a_sign() {
        for (number, unit, shown) in [
            (63.131_313_131, "%", "63.13 %"),
            (21.5, "Cel", "21.5 °C"),
            (2.318e10, "By", "21.59 GiB"),
            (1023.0, "By/s", "1023 B/s"),
            (0.012_345, "V", "0.012 V"),
            (-0.000_001, "1", "-1.00e-6"),
            (-0.001_2, "m", "-0.0012 m"),
            (2.4e9, "Hz", "2.4 GHz"),
            (278_000.0, "s", "3.22 d"),
            (1.0, "1", "1"),
            (0.5, "Cel/min", "0.5 °C/min"),
            (f64::NAN, "Cel", "- °C"),
            (101_325.0, "Pa", "101.3 kPa"),
        ] {
            assert_eq!(value(number, unit), shown);
        }
    }

    #[test]
    fn what_is_compared_is_told_apart() {
        for (one, other, unit, shown) in [
            (31.5, 30.0, "Cel", ("31.5 °C", "30 °C")),
            (30.0, 30.0, "Cel", ("30 °C", "30 °C")),
            (4.996, 5.0, "kW.h", ("4.996 kW.h", "5 kW.h")),
            (29.999_999, 30.0, "", ("29.999999", "30")),
            (1_000.4, 1_000.0, "V", ("1000.4 V", "1000 V")),
            (5_000_400.0, 5_000_000.0, "W", ("5.0004 MW", "5 MW")),
            (999.99, 1_000.0, "W", ("1000 W", "1 kW")),
            (-0.001, 0.0, "m", ("-0.001 m", "0 m")),
            (0.1 + 0.2, 0.3, "", ("0.30000000000000004", "0.3")),
        ] {
            assert_eq!(compared(one, other, unit), (shown.0.to_owned(), shown.1.to_owned()));
        }
    }

    #[test]
    fn a_hostile_name_moves_no_cursor() {
        assert_eq!(name("at\u{1b}[2Jtic\r\n\u{202e}x"), "at[2Jticx");
        assert_eq!((name(""), name("\u{7}")), ("-".to_owned(), "-".to_owned()));
    }

    #[test]
    fn a_length_has_one_or_two_units() {
        assert_eq!(
            (length(38), length(12_000), length(352_800)),
            ("38 s".into(), "3 h 20 min".into(), "4 d 2 h".into())
        );
    }
}

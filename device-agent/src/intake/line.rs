//! Influx line protocol, one line at a time. Pure.
//!
//! ```text
//!   weather,room=attic,probe=2 temperature=21.5,humidity=40i 1700000000000000000
//! ```
//!
//! gives `weather.attic.2.temperature` and `weather.attic.2.humidity`: measurement, tag values in their order, field. A
//! field called `value` adds nothing to the name. Texts are left out; `true` and `false` are states. The protocol has
//! neither units nor counters: `[[sensor]]` tables of the configuration add them.

use wire::{SensorKind, UnixMillis};

use super::measured::Measured;
use super::text::{MOST_SHOWN, shown};

/// Default unit of timestamps, in nanoseconds.
pub const NANOSECONDS: i64 = 1;

/// 2000-01-01 and 2100-01-01: between them the units that a timestamp may be in do not overlap.
const EARLIEST: i64 = 946_684_800_000;
const LATEST: i64 = 4_102_444_800_000;

/// Why a line was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line protocol: {why} in '{line}'")]
pub struct Refused {
    why: &'static str,
    line: String,
}

/// Adds a line's readings, named below `prefix`; all of them or none.
///
/// # Errors
/// [`Refused`] says what is wrong and shows the line.
pub fn read(line: &str, prefix: &str, precision: i64, readings: &mut Vec<Measured>) -> Result<(), Refused> {
    let whole = readings.len();
    let outcome = parse(line.trim(), prefix, precision, readings);
    outcome.map_err(|why| {
        readings.truncate(whole);
        Refused { why, line: shown(line, MOST_SHOWN) }
    })
}

fn parse(line: &str, prefix: &str, precision: i64, readings: &mut Vec<Measured>) -> Result<(), &'static str> {
    let (series, rest) = cut(line, ' ', false).ok_or("no field")?;
    let (fields, time) = cut(rest.trim_start(), ' ', true).unwrap_or_else(|| (rest.trim_start(), ""));
    let at = match time.trim() {
        "" => None,
        digits => {
            let ticks: i64 = digits.parse().map_err(|_| "the timestamp is not a number")?;
            let nanoseconds = i128::from(ticks) * i128::from(precision);
            let at = i64::try_from(nanoseconds.div_euclid(1_000_000)).map_err(|_| "a timestamp out of range")?;
            // In another unit it is a time all the same, and a wrong one.
            match at {
                ..EARLIEST => return Err("a timestamp before the year 2000: is `precision` its unit?"),
                LATEST.. => return Err("a timestamp after the year 2099: is `precision` its unit?"),
                at => Some(UnixMillis(at)),
            }
        }
    };
    let mut base = String::from(prefix);
    let mut parts = split(series, ',', false);
    append(&mut base, &plain(parts.next().filter(|name| !name.is_empty()).ok_or("no measurement")?));
    for tag in parts {
        let (key, value) = cut(tag, '=', false).ok_or("a tag without a value")?;
        if key.is_empty() {
            return Err("a tag without a name");
        }
        if value.is_empty() {
            return Err("a tag without a value");
        }
        append(&mut base, &plain(value));
    }
    for field in split(fields, ',', true) {
        let (key, value) = cut(field, '=', false).ok_or("a field without a value")?;
        if key.is_empty() {
            return Err("a field without a name");
        }
        let Some((kind, value)) = number(value)? else { continue };
        let mut name = base.clone();
        if key != "value" {
            append(&mut name, &plain(key));
        }
        readings.push(Measured { name, unit: String::new(), kind, at, value });
    }
    Ok(())
}

/// Kind and value of a field; `None` for a text.
fn number(value: &str) -> Result<Option<(SensorKind, f64)>, &'static str> {
    if value.starts_with('"') {
        return if value.len() > 1 && value.ends_with('"') {
            Ok(None)
        } else {
            Err("a text without its closing quote")
        };
    }
    match value {
        "t" | "T" | "true" | "True" | "TRUE" => return Ok(Some((SensorKind::State, 1.0))),
        "f" | "F" | "false" | "False" | "FALSE" => return Ok(Some((SensorKind::State, 0.0))),
        _ => {}
    }
    let number = if let Some(digits) = value.strip_suffix('i') {
        digits.parse::<i64>().map_err(|_| "not an integer before the i")? as f64
    } else if let Some(digits) = value.strip_suffix('u') {
        digits.parse::<u64>().map_err(|_| "not an unsigned integer before the u")? as f64
    } else {
        value.parse().map_err(|_| "the value is not a number")?
    };
    if number.is_finite() { Ok(Some((SensorKind::Gauge, number))) } else { Err("the value is not a number") }
}

fn append(name: &mut String, part: &str) {
    if !name.is_empty() {
        name.push('.');
    }
    name.push_str(part);
}

/// Takes the backslashes out of `a\ b\,c`.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => plain.extend(rest.next()),
            c => plain.push(c),
        }
    }
    plain
}

/// Cuts at the first `at` that is neither escaped nor, if `quotes`, within a text.
fn cut(text: &str, at: char, quotes: bool) -> Option<(&str, &str)> {
    let (mut escaped, mut quoted) = (false, false);
    for (position, c) in text.char_indices() {
        if !escaped && !quoted && c == at {
            return Some((text.get(..position)?, text.get(position + c.len_utf8()..)?));
        }
        quoted ^= quotes && c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
    }
    None
}

fn split(text: &str, at: char, quotes: bool) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        match cut(text, at, quotes) {
            Some((first, others)) => {
                rest = Some(others);
                Some(first)
            }
            None => rest.take(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(line: &str) -> Result<Vec<(String, f64)>, Refused> {
        let mut readings = Vec::new();
        read(line, "", NANOSECONDS, &mut readings)?;
        Ok(readings.into_iter().map(|reading| (reading.name, reading.value)).collect())
    }

    #[test]
    fn measurement_tags_and_field_make_the_name() {
        let line =
            "weather,room=attic\\ 2,probe=b temperature=21.5,humidity=40i,note=\"a, b=c d\",open=t 1700000000123456789";
        let mut readings = Vec::new();
        read(line, "lab", NANOSECONDS, &mut readings).unwrap();
        let names: Vec<_> = readings.iter().map(|reading| (&*reading.name, reading.value)).collect();
        assert_eq!(
            names,
            [
                ("lab.weather.attic 2.b.temperature", 21.5),
                ("lab.weather.attic 2.b.humidity", 40.0),
                ("lab.weather.attic 2.b.open", 1.0)
            ]
        );
        assert!(readings.iter().all(|reading| reading.at == Some(UnixMillis(1_700_000_000_123))));
        assert_eq!(readings[2].kind, SensorKind::State);
    }

    #[test]
    fn a_field_called_value_adds_nothing_and_a_time_is_optional() {
        assert_eq!(all("tank value=3"), Ok(vec![("tank".to_owned(), 3.0)]));
    }

    #[test]
    fn a_line_is_taken_whole_or_refused_with_its_reason() {
        for (line, why) in [
            ("", "no field"),
            ("tank", "no field"),
            (",a=b v=1", "no measurement"),
            ("tank,room v=1", "tag"),
            ("tank v", "field without a value"),
            ("tank,=x v=5", "tag without a name"),
            ("tank,a=b,=x v=5", "tag without a name"),
            ("tank,a= v=5", "tag without a value"),
            ("tank =5", "field without a name"),
            ("tank v=5,=6", "field without a name"),
            ("tank a=1,b=warm", "not a number"),
            ("tank a=NaN", "not a number"),
            ("tank a=\"x", "without its closing quote"),
            ("tank a=12.5i", "integer before the i"),
            ("tank a=1e3i", "integer before the i"),
            ("tank a=9223372036854775808i", "integer before the i"),
            ("tank a=-5u", "unsigned integer before the u"),
            ("tank a=5.0u", "unsigned integer before the u"),
            ("tank a=i", "integer before the i"),
            ("tank a=1 soon", "timestamp"),
            ("tank a=1 1700000000", "2000: is `precision`"),
            ("tank a=1 99999999999999999999", "timestamp"),
        ] {
            assert!(all(line).is_err_and(|refused| refused.to_string().contains(why)), "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_never_a_panic(text in ".{0,80}") {
            let mut readings = Vec::new();
            let refused = read(&text, "p", 1_000_000_000, &mut readings).is_err();
            prop_assert!(!refused || readings.is_empty());
        }
    }
}

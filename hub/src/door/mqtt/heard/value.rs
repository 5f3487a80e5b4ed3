//! Numbers in payloads: as numbers, as texts, as words for the two states of a thing. PURE.

use serde_json::{Map, Value};

use crate::model::{SensorKind, UnixMillis};

/// A number and, where it was a word, that it is a state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Number {
    pub(super) value: f64,
    pub(super) is_state: bool,
}

impl Number {
    const fn state(is_on: bool) -> Self {
        Self { value: if is_on { 1.0 } else { 0.0 }, is_state: true }
    }

    /// The kind that it shows by itself.
    pub(super) const fn kind(self) -> Option<SensorKind> {
        if self.is_state { Some(SensorKind::State) } else { None }
    }
}

/// The number that a value of JSON is.
pub(super) fn of(value: &Value) -> Option<Number> {
    match value {
        Value::Bool(is_on) => Some(Number::state(*is_on)),
        Value::Number(number) => finite(number.as_f64()?),
        Value::String(text) => of_text(text),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The number that a text is.
pub(super) fn of_text(text: &str) -> Option<Number> {
    let text = text.trim();
    let begins = text.as_bytes().first()?;
    if begins.is_ascii_digit() || matches!(begins, b'-' | b'+' | b'.') {
        return finite(text.parse().ok()?);
    }
    word(text).map(Number::state)
}

fn finite(value: f64) -> Option<Number> {
    value.is_finite().then_some(Number { value, is_state: false })
}

/// Words for the two states of a thing.
const WORDS: [(&str, &str); 8] = [
    ("on", "off"),
    ("true", "false"),
    ("open", "closed"),
    ("opened", "close"),
    ("online", "offline"),
    ("yes", "no"),
    ("connected", "disconnected"),
    ("unlocked", "locked"),
];

fn word(text: &str) -> Option<bool> {
    WORDS.iter().find_map(|(on, off)| {
        if text.eq_ignore_ascii_case(on) { Some(true) } else { text.eq_ignore_ascii_case(off).then_some(false) }
    })
}

/// Every number in an object, by its path with dots: at most `most`, no deeper than [`DEEP`]; `None` where there are more.
pub(super) fn numbers(object: &Map<String, Value>, most: usize) -> Option<Vec<(String, Number)>> {
    let mut found = Vec::new();
    walk(object.iter().map(|(name, value)| (name.clone(), value)), most, 1, &mut found).then_some(found)
}

/// Levels of objects in which numbers are looked for.
const DEEP: usize = 6;

fn walk<'v>(
    parts: impl Iterator<Item = (String, &'v Value)>,
    most: usize,
    level: usize,
    found: &mut Vec<(String, Number)>,
) -> bool {
    for (path, value) in parts {
        let is_whole = match value {
            Value::Object(object) if level < DEEP => {
                let parts = object.iter().map(|(name, value)| (format!("{path}.{name}"), value));
                // Not by this function's own type: each level would be another one.
                walk(Box::new(parts) as Box<dyn Iterator<Item = _>>, most, level + 1, found)
            }
            Value::Array(items) if level < DEEP => {
                let parts = (1..).zip(items).map(|(number, value)| (format!("{path}.{number}"), value));
                walk(Box::new(parts) as Box<dyn Iterator<Item = _>>, most, level + 1, found)
            }
            value @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_)) => {
                found.extend(of(value).map(|number| (path, number)));
                found.len() <= most
            }
        };
        if !is_whole {
            return false;
        }
    }
    true
}

/// Names of members that say when, not what.
const TIMES: [&str; 8] = ["time", "timestamp", "ts", "last_seen", "datetime", "date", "unixtime", "epoch"];

/// Whether a member says when.
pub(super) fn is_time(name: &str) -> bool {
    TIMES.iter().any(|time| name.eq_ignore_ascii_case(time))
}

/// Seconds of a hundred years after 1970, and the same in milliseconds: between 2001 and then a number is one or the other.
const SECONDS: std::ops::Range<f64> = 1e9..4.1e9;

/// When an object says it was made, if it says so in a way that is sure: with a zone, or counted from 1970.
pub(super) fn moment(object: &Map<String, Value>) -> Option<UnixMillis> {
    object.iter().filter(|(name, _)| is_time(name)).find_map(|(_, value)| match value {
        Value::Number(number) => {
            let number = number.as_f64()?;
            let seconds = if SECONDS.contains(&number) { number } else { number / 1e3 };
            SECONDS.contains(&seconds).then_some(UnixMillis((seconds * 1e3) as i64))
        }
        Value::String(text) => {
            let moment: jiff::Timestamp = text.parse().ok()?;
            Some(UnixMillis(moment.as_millisecond()))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_come_as_numbers_texts_and_words() {
        for (value, number) in [
            (json!(21.5), Some((21.5, false))),
            (json!("21.5"), Some((21.5, false))),
            (json!(" -3 "), Some((-3.0, false))),
            (json!(".5"), Some((0.5, false))),
            (json!(true), Some((1.0, true))),
            (json!("OFF"), Some((0.0, true))),
            (json!("Open"), Some((1.0, true))),
            (json!("close"), Some((0.0, true))),
            (json!("21.5 °C"), None),
            (json!("nan"), None),
            (json!("inf"), None),
            (json!("1e999"), None),
            (json!(""), None),
            (json!(null), None),
            (json!([1]), None),
        ] {
            assert_eq!(of(&value).map(|number| (number.value, number.is_state)), number, "{value}");
        }
    }

    #[test]
    fn each_number_has_its_path() {
        let value = json!({"a": {"b": [1, {"c": "on"}]}, "d": "text", "e": 2});
        let found = numbers(value.as_object().unwrap(), 10).unwrap();
        let paths: Vec<_> = found.iter().map(|(path, number)| (path.as_str(), number.value)).collect();
        assert_eq!(paths, [("a.b.1", 1.0), ("a.b.2.c", 1.0), ("e", 2.0)]);
        assert_eq!(numbers(value.as_object().unwrap(), 2), None);
        let deep = json!({"a": {"a": {"a": {"a": {"a": {"a": {"a": 1}}}}}}});
        assert_eq!(numbers(deep.as_object().unwrap(), 2), Some(Vec::new()));
    }

    #[test]
    fn a_moment_is_one_only_where_it_is_sure() {
        let at = |value: Value| moment(value.as_object().unwrap()).map(|at| at.0);
        assert_eq!(at(json!({"last_seen": "2026-11-30T17:00:00+01:00"})), Some(1_796_054_400_000));
        assert_eq!(at(json!({"ts": 1_796_054_400})), Some(1_796_054_400_000));
        assert_eq!(at(json!({"time": 1_796_054_400_123_u64})), Some(1_796_054_400_123));
        assert_eq!(at(json!({"Time": "2026-11-30T17:00:00"})), None, "of which zone?");
        assert_eq!(at(json!({"time": 12, "value": 1_796_054_400})), None);
    }
}

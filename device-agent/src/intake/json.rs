//! Reads the numbers in a JSON text. Pure.

use std::collections::HashSet;

use serde_json::Value;
use wire::SensorKind;

use super::measured::{Measured, Naming};
use super::number;

/// Numbers taken from one document: a device may have no more sensors.
const MOST: usize = 256;

/// The number at `pointer` (RFC 6901), or every number below it in the alphabetical order of the keys by which it is called; and
/// what of it is left out: those behind the first 256, and a number that is called like one before it (`{"a":{"b":1},"a.b":3}`).
/// Of two members with the same key, which JSON leaves undefined, the last is there.
///
/// `true` and `false` are 1 and 0. Texts that are numbers count as numbers at the pointer itself only.
///
/// # Errors
/// A text that says what is missing.
pub fn numbers(text: &str, pointer: &str, naming: &Naming) -> Result<(Vec<Measured>, Option<String>), String> {
    let document: Value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
    let value = document.pointer(pointer).ok_or_else(|| format!("there is nothing at '{pointer}'"))?;
    if let Some(text) = value.as_str() {
        let number = number::first(text).map_err(|why| format!("at '{pointer}': {why}"))?;
        return Ok((vec![naming.measured("", number)], None));
    }
    let mut readings = Vec::new();
    gather(value, &mut String::new(), naming, &mut readings);
    let many = readings.len() > MOST;
    readings.truncate(MOST);
    let (mut names, mut twice) = (HashSet::new(), None);
    readings.retain(|reading| {
        let is_first = names.insert(reading.name.clone());
        if !is_first {
            twice.get_or_insert_with(|| reading.name.clone());
        }
        is_first
    });
    if readings.is_empty() {
        return Err(format!("there is no number at '{pointer}'"));
    }
    let left_out = match twice {
        Some(name) => Some(format!("two numbers are called {name}: the first is used; set a pointer to choose one")),
        None => many.then(|| format!("more than {MOST} numbers: the others are left out")),
    };
    Ok((readings, left_out))
}

/// Stops one behind the most: enough to know that there are more.
fn gather(value: &Value, path: &mut String, naming: &Naming, readings: &mut Vec<Measured>) {
    if readings.len() > MOST {
        return;
    }
    let whole = path.len();
    let within = |key: &str, value: &Value, path: &mut String, readings: &mut Vec<Measured>| {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
        gather(value, path, naming, readings);
        path.truncate(whole);
    };
    match value {
        Value::Number(number) => readings.extend(number.as_f64().map(|number| naming.measured(path, number))),
        Value::Bool(truth) => {
            let measured = naming.measured(path, 0.0);
            readings.push(Measured { kind: SensorKind::State, value: f64::from(*truth), ..measured });
        }
        Value::Object(members) => members.iter().for_each(|(key, value)| within(key, value, path, readings)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| within(&at.to_string(), value, path, readings));
        }
        Value::Null | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Naming {
        Naming { name: name.to_owned(), unit: "Cel".to_owned(), kind: SensorKind::Gauge, scale: 1.0 }
    }

    fn read(text: &str, pointer: &str) -> Result<Vec<(String, f64)>, String> {
        let (readings, _) = numbers(text, pointer, &named("box"))?;
        Ok(readings.into_iter().map(|reading| (reading.name, reading.value)).collect())
    }

    #[test]
    fn a_pointer_picks_one_number_and_none_takes_all_by_their_keys() {
        let text = r#"{"a": {"t": 21.5, "open": true, "who": "me"}, "list": [1, 2], "text": " 7.5 "}"#;
        assert_eq!(read(text, "/a/t"), Ok(vec![("box".to_owned(), 21.5)]));
        assert_eq!(read(text, "/text"), Ok(vec![("box".to_owned(), 7.5)]));
        let all = read(text, "").unwrap();
        assert!(
            all.contains(&("box.a.t".to_owned(), 21.5)) && all.contains(&("box.list.1".to_owned(), 2.0)),
            "{all:?}"
        );
        assert!(all.contains(&("box.a.open".to_owned(), 1.0)) && all.len() == 4, "{all:?}");
    }

    #[test]
    fn of_more_numbers_than_a_device_may_have_the_first_are_taken_and_that_is_said() {
        let list = |length: usize| format!("[{}]", vec!["1"; length].join(","));
        for (length, taken) in [(MOST, (MOST, false)), (MOST + 1, (MOST, true)), (9 * MOST, (MOST, true))] {
            let (readings, left_out) = numbers(&list(length), "", &named("box")).unwrap();
            assert_eq!((readings.len(), left_out.is_some()), taken);
        }
    }

    #[test]
    fn of_two_numbers_of_one_name_the_first_is_taken_and_that_is_said() {
        let (readings, left_out) = numbers(r#"{"a": {"b": 1}, "a.b": 3, "c": 5}"#, "", &named("box")).unwrap();
        let names: Vec<(&str, f64)> = readings.iter().map(|reading| (&*reading.name, reading.value)).collect();
        assert_eq!(names, [("box.a.b", 1.0), ("box.c", 5.0)]);
        assert!(left_out.is_some_and(|why| why.starts_with("two numbers are called box.a.b")));
    }

    #[test]
    fn what_is_missing_is_named() {
        assert!(read("{", "").unwrap_err().contains("not JSON"));
        assert!(read("{}", "/a").unwrap_err().contains("'/a'"));
        assert!(read(r#"{"a": "warm"}"#, "/a").unwrap_err().contains("not a number"));
    }
}

//! The fields of a line: names as they are written, and values.

use std::borrow::Cow;

use super::ends::{brief, plain_end};
use super::names::unescaped;

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'a> {
    /// A number, also a whole one; always finite.
    Number(f64),
    /// True or false.
    Switch(bool),
    /// What stands between the quotes, as it is written.
    Text(&'a str),
}

/// The fields of a line. It ends at the first error: the byte of the fields where it is, and what is wrong.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Fields<'a> {
    pub(super) const fn of(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The name of a field without escapes.
    #[must_use]
    pub(crate) fn name(written: &str) -> Cow<'_, str> {
        unescaped(written, b",= ")
    }

    fn read(&mut self) -> Result<(&'a str, Value<'a>), (usize, String)> {
        let begin = self.at;
        let rest = &self.text[begin..];
        let name_end = plain_end(rest, b"=,");
        let name = &rest[..name_end];
        if name.is_empty() || !rest[name_end..].starts_with('=') {
            return Err((begin, format!("`{}` is not a field: write name=1.5", brief(name))));
        }
        let at = begin + name_end + 1;
        let rest = &self.text[at..];
        let (value, length) = if let Some(quoted) = rest.strip_prefix('"') {
            let end = plain_end(quoted, b"\"");
            if end >= quoted.len() {
                return Err((at, "a quoted text has no closing quote".to_owned()));
            }
            (Value::Text(&quoted[..end]), end + 2)
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            (number(&rest[..end]).map_err(|what| (at, what))?, end)
        };
        self.at = at + length;
        match self.text.as_bytes().get(self.at) {
            None => {}
            Some(b',') if self.at + 1 < self.text.len() => self.at += 1,
            Some(_) => return Err((self.at, "a comma and another field, or a space and the time".to_owned())),
        }
        Ok((name, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(&'a str, Value<'a>), (usize, String)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.text.len() {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            self.at = self.text.len();
        }
        Some(read)
    }
}

fn number<'a>(text: &str) -> Result<Value<'a>, String> {
    let wrong = || format!("`{}` is not a value: write 1.5, 40i, true, or a quoted text", brief(text));
    match text.as_bytes() {
        b"t" | b"T" | b"true" | b"True" | b"TRUE" => Ok(Value::Switch(true)),
        b"f" | b"F" | b"false" | b"False" | b"FALSE" => Ok(Value::Switch(false)),
        [digits @ .., b'i'] if !digits.is_empty() => {
            text[..digits.len()].parse::<i64>().map(|whole| Value::Number(whole as f64)).map_err(|_| wrong())
        }
        [digits @ .., b'u'] if !digits.is_empty() => {
            text[..digits.len()].parse::<u64>().map(|whole| Value::Number(whole as f64)).map_err(|_| wrong())
        }
        // What else Rust takes for numbers, `nan` and `infinity`, is none here.
        [b'0'..=b'9' | b'.' | b'-' | b'+', ..] => {
            let value: f64 = text.parse().map_err(|_| wrong())?;
            if value.is_finite() { Ok(Value::Number(value)) } else { Err(wrong()) }
        }
        _ => Err(wrong()),
    }
}

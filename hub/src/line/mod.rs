//! Reads InfluxDB's line protocol, which Telegraf and many small programs send. PURE: text in, lines out.
//!
//! ```text
//!   weather,host=roof,side=north temperature=21.5,humidity=40i 1700000000000000000
//!   └ measurement └ tags         └ fields                      └ timestamp, may be left out
//! ```
//!
//! The rules are those of its documentation: commas, spaces and equals signs in names are escaped by a backslash; texts are in
//! quotes and may contain line ends; `#` begins a comment. A line is parsed only as far as needed: [`Line::key`] is nearly always
//! the same text for the same series, so a caller who knows the key does not parse the names. What is wrong is told with its line
//! and column, and reading goes on with the next line: one mistake costs no other line.

mod ends;
mod fields;
mod names;
#[cfg(test)]
mod tests;

use ends::{brief, fields_end, leading_spaces, plain_end};
pub(crate) use fields::{Fields, Value};
pub(crate) use names::Series;

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub(crate) struct Error {
    /// Line, from 1.
    pub line: usize,
    /// Byte of the line, from 1.
    pub column: usize,
    /// What is wrong there, and what would be right.
    pub what: String,
}

/// One point: a series, its fields, a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// Its number, from 1.
    pub number: usize,
    /// Measurement and tags as they are written.
    pub key: &'a str,
    fields: &'a str,
    /// Where the timestamp stands.
    time: usize,
    /// From its first byte to the end of the text.
    all: &'a str,
    /// In the unit that the request names.
    pub timestamp: Option<i64>,
}

/// The lines of a text. Behind one that is wrong comes the next.
#[derive(Debug, Clone)]
pub(crate) struct Lines<'a> {
    rest: &'a str,
    number: usize,
}

impl<'a> Lines<'a> {
    /// Begins with the first line.
    #[must_use]
    pub(crate) const fn of(text: &'a str) -> Self {
        Self { rest: text, number: 0 }
    }

    fn read(&mut self) -> Option<Result<Line<'a>, Error>> {
        loop {
            self.number += 1;
            if self.rest.is_empty() {
                return None;
            }
            let text = self.rest.trim_start_matches([' ', '\t']);
            if text.is_empty() || text.starts_with(['#', '\n', '\r']) {
                self.rest = behind(text);
                continue;
            }
            let read = self.line(text);
            if read.is_err() {
                self.rest = behind(text);
            }
            return Some(read);
        }
    }

    /// Goes on behind the first line end of a line that turned out to be wrong: a quote too many makes the lines behind it part of
    /// a text, and those may be good.
    pub(crate) fn leave(&mut self, line: &Line<'a>) {
        (self.rest, self.number) = (behind(line.all), line.number);
    }

    fn line(&mut self, text: &'a str) -> Result<Line<'a>, Error> {
        let number = self.number;
        let wrong = |at: usize, what: &str| Err(Error { line: number, column: at + 1, what: what.to_owned() });
        let key_end = plain_end(text, b" \n");
        if !text[key_end..].starts_with(' ') {
            return wrong(key_end, "there are no fields: write measurement,tag=value field=1.5");
        }
        let key = &text[..key_end];
        if key.starts_with(',') {
            return wrong(0, "the measurement has no name");
        }
        let begin = key_end + leading_spaces(&text[key_end..]);
        let Some(length) = fields_end(&text[begin..]) else {
            return wrong(begin, "a quoted text has no closing quote");
        };
        let end = begin + length;
        let fields = text[begin..end].trim_end_matches('\r');
        if fields.is_empty() {
            return wrong(begin, "there are no fields: write measurement,tag=value field=1.5");
        }
        let tail_end = text[end..].find('\n').map_or(text.len(), |at| end + at);
        let tail = text[end..tail_end].trim();
        let timestamp = if tail.is_empty() { None } else { tail.parse().ok() };
        let time = end + leading_spaces(&text[end..]);
        if timestamp.is_none() && !tail.is_empty() {
            return wrong(time, &format!("`{}` is not a timestamp: a whole number", brief(tail)));
        }
        // Texts may hold line ends, and people count those.
        self.number += text[begin..end].bytes().filter(|byte| *byte == b'\n').count();
        self.rest = text.get(tail_end + 1..).unwrap_or_default();
        Ok(Line { number, key, fields, time, all: text, timestamp })
    }
}

/// What is behind the first line end.
fn behind(text: &str) -> &str {
    text.split_once('\n').map_or("", |(_, rest)| rest)
}

impl<'a> Iterator for Lines<'a> {
    type Item = Result<Line<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read()
    }
}

impl<'a> Line<'a> {
    /// The names of its series.
    ///
    /// # Errors
    /// A tag without name or value, or twice.
    pub(crate) fn series(&self) -> Result<Series<'a>, Error> {
        Series::of(self.key).map_err(|(at, what)| self.error(at, what))
    }

    /// Its fields, in order.
    #[must_use]
    pub(crate) const fn fields(&self) -> Fields<'a> {
        Fields::of(self.fields)
    }

    /// An error in this line, at a byte of it.
    #[must_use]
    pub(crate) fn error(&self, at: usize, what: impl Into<String>) -> Error {
        Error { line: self.number, column: at + 1, what: what.into() }
    }

    /// The same, at the timestamp.
    #[must_use]
    pub(crate) fn error_in_timestamp(&self, what: impl Into<String>) -> Error {
        self.error(self.time, what)
    }

    /// The same, at a byte of the fields.
    #[must_use]
    pub(crate) fn error_in_fields(&self, at: usize, what: impl Into<String>) -> Error {
        // What is between is spaces; one of them is what people write.
        self.error(self.key.len() + 1 + at, what)
    }
}

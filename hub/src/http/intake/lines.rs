//! What is wrong with the lines of a request, told in one sentence.

use std::fmt::Write as _;

use crate::http::error::ApiError;
use crate::ingest::gather::lines::Read;
use crate::line::Error;
use crate::model::shown::noun;

/// Flaws that one sentence tells; the others are counted.
const IN_A_SENTENCE: usize = 3;
/// Characters that are told of a line.
const ORIGINAL: usize = 120;

/// Why not all lines of a request are stored.
#[derive(Debug)]
pub(super) struct Flaws {
    lines: usize,
    left_out: usize,
    /// The first of them, and how they begin.
    errors: Vec<(Error, String)>,
    /// Readings of lines that are right and are not taken, and why.
    not_taken: Vec<(ApiError, usize)>,
    is_partial: bool,
}

impl Flaws {
    /// Those of a text that was read; none when all lines are right.
    pub(super) fn of(body: &[u8], read: &Read) -> Option<Self> {
        if read.left_out == 0 {
            return None;
        }
        let mut lines = (1..).zip(body.split(|byte| *byte == b'\n'));
        let mut original = |number| {
            let line = lines.find(|(at, _)| *at == number).map_or(&b""[..], |(_, line)| line);
            // No character has more bytes than four.
            let line = line.get(..4 * ORIGINAL).unwrap_or(line);
            String::from_utf8_lossy(line).chars().take(ORIGINAL).collect()
        };
        let errors = read.errors.iter().map(|error| (error.clone(), original(error.line))).collect();
        Some(Self { lines: read.lines, left_out: read.left_out, errors, not_taken: Vec::new(), is_partial: false })
    }

    /// The rest is stored, except for these.
    pub(super) fn but_the_rest(this: Option<Self>, lines: usize, not_taken: Vec<(ApiError, usize)>) -> Option<Self> {
        match this {
            Some(flaws) => Some(Self { not_taken, is_partial: true, ..flaws }),
            None if not_taken.is_empty() => None,
            None => Some(Self { lines, left_out: 0, errors: Vec::new(), not_taken, is_partial: true }),
        }
    }

    /// Whether the rest is stored.
    pub(super) const fn is_partial(&self) -> bool {
        self.is_partial
    }

    /// Lines that are wrong.
    pub(super) const fn left_out(&self) -> usize {
        self.left_out
    }

    /// Readings that are not taken.
    pub(super) fn readings(&self) -> usize {
        self.not_taken.iter().map(|(_, readings)| readings).sum()
    }

    /// The first lines that are wrong, and how they begin.
    pub(super) fn lines(&self) -> impl Iterator<Item = (&Error, &str)> {
        self.errors.iter().map(|(error, original)| (error, &**original))
    }

    /// Why readings are not taken, and how many.
    pub(super) fn not_taken(&self) -> impl Iterator<Item = String> {
        self.not_taken.iter().map(|(why, readings)| format!("{} ({})", why.detail(), named(*readings, "reading")))
    }

    /// What to correct first.
    pub(super) fn field(&self) -> Option<String> {
        let line = self.errors.first().map(|(error, _)| format!("line {}", error.line));
        line.or_else(|| self.not_taken.first()?.0.named().map(str::to_owned))
    }

    /// How many are not stored.
    pub(super) fn count(&self) -> String {
        let Self { lines, left_out, .. } = self;
        let readings = self.readings();
        let mut text = match (left_out, readings) {
            (0, readings) => format!("left out {}", named(readings, "reading")),
            (left_out, 0) => format!("left out {left_out} of {}", named(*lines, "line")),
            (left_out, readings) => {
                format!("left out {left_out} of {} and {}", named(*lines, "line"), named(readings, "reading"))
            }
        };
        text.push_str(match (self.is_partial, left_out == lines) {
            (true, _) => ", the others are stored",
            (false, true) => ", nothing is stored",
            (false, false) => ": all or nothing was asked for, and nothing is stored",
        });
        text
    }

    /// The first line that is wrong and how many are, where nothing is stored for another reason.
    pub(super) fn beside(&self) -> String {
        let first = self.errors.first().map(|(error, _)| error.to_string()).unwrap_or_default();
        format!("{} of {} cannot be read: {first}", self.left_out, named(self.lines, "line"))
    }

    /// All of it, as versions 1 and 2 of InfluxDB begin it: their clients know by the first words that sending it again is no use.
    pub(super) fn text(&self) -> String {
        let mut text = if self.is_partial { "partial write: " } else { "unable to parse: " }.to_owned();
        let lines = self.errors.iter().map(|(error, _)| error.to_string());
        for told in lines.take(IN_A_SENTENCE).chain(self.not_taken().take(IN_A_SENTENCE)) {
            // Writing to a text does not fail.
            let _ = write!(text, "{told}; ");
        }
        let untold = self.left_out.saturating_sub(IN_A_SENTENCE) + self.not_taken.len().saturating_sub(IN_A_SENTENCE);
        if untold > 0 {
            let _ = write!(text, "and {untold} more; ");
        }
        text + &self.count()
    }
}

/// `1 line`, `2 lines`.
fn named(count: usize, what: &str) -> String {
    format!("{count} {}", noun(count as u64, what))
}

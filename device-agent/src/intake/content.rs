//! Reads numbers from the content of a file or the output of a command. Pure.
//!
//! At most [`MOST_BYTES`] are read. Longer content is never cut in the middle of a value: a JSON text is refused, an
//! incomplete line of line protocol is left out and counted, and a number that reaches the end of what was read is
//! refused.

use super::lost::Lost;
use super::measured::{Format, Measured, Naming};
use super::text::MOST_BYTES;
use super::{json, line, number};

/// Bytes of a source, the first ones if there are more than are read.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    /// There were more.
    pub(super) is_cut: bool,
}

/// What a source gave this time.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) readings: Vec<Measured>,
    /// What is wrong with the source as a whole.
    pub(super) trouble: Option<String>,
    /// What of it was no reading.
    pub(super) lost: Lost,
    /// What is to be known of the source though it does not fail.
    pub(super) remark: Option<String>,
}

impl Taken {
    /// Nothing, for a reason.
    pub(super) fn nothing(why: String) -> Self {
        Self { trouble: Some(why), ..Self::default() }
    }
}

/// Bytes as text: without the mark that some editors put at the start, and without what pads it at the end.
pub(super) fn text_of(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    // Zeros pad a buffer of fixed size; some programs end the line behind them.
    let end = bytes.iter().rposition(|byte| !b"\0\r\n".contains(byte)).map_or(0, |last| last + 1);
    let behind = bytes.get(end..).unwrap_or_default();
    let padded = behind.iter().position(|byte| *byte == 0).unwrap_or(behind.len());
    String::from_utf8_lossy(bytes.get(..end + padded).unwrap_or_default())
}

impl Content {
    /// Reads it in one of the formats.
    pub(super) fn numbers(&self, format: &Format, naming: &Naming) -> Taken {
        let text = text_of(&self.bytes);
        let taken = match format {
            Format::Number if self.is_cut && !ends_a_word(&text) => Err(too_long()),
            Format::Number => number::first(&text).map(|value| taken(vec![naming.measured("", value)])),
            Format::Json(_) if self.is_cut => Err(too_long()),
            Format::Json(pointer) => {
                json::numbers(&text, pointer, naming).map(|(readings, trouble)| Taken { trouble, ..taken(readings) })
            }
            Format::Influx => Ok(lines(&text, self.is_cut, &naming.name, line::NANOSECONDS)),
        };
        let mut taken = taken.unwrap_or_else(Taken::nothing);
        if !taken.readings.iter().all(|reading| reading.value.is_finite()) {
            taken.readings.retain(|reading| reading.value.is_finite());
            taken.trouble = Some("a number too large for any".to_owned());
        }
        taken
    }
}

fn taken(readings: Vec<Measured>) -> Taken {
    Taken { readings, ..Taken::default() }
}

fn too_long() -> String {
    format!("longer than {} KiB", MOST_BYTES >> 10)
}

/// Whether the first word ends within the text.
fn ends_a_word(text: &str) -> bool {
    text.trim_ascii_start().contains(|c: char| c.is_ascii_whitespace())
}

/// The readings of lines of line protocol. Each line is taken or refused by itself; of a text that was cut, the last line
/// has no end, and is neither.
pub(super) fn lines(text: &str, is_cut: bool, prefix: &str, precision: i64) -> Taken {
    let mut taken = Taken::default();
    let whole = if is_cut { text.rfind('\n').map_or("", |end| text.get(..end).unwrap_or_default()) } else { text };
    if is_cut {
        taken.lost.cut();
    }
    for line in whole.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        if let Err(refused) = line::read(line, prefix, precision, &mut taken.readings) {
            taken.lost.refused(&refused);
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use wire::SensorKind;

    use super::*;

    fn read(bytes: &[u8], is_cut: bool, format: &Format) -> Taken {
        let naming = Naming { name: "box".to_owned(), unit: String::new(), kind: SensorKind::Gauge, scale: 10.0 };
        Content { bytes: bytes.to_vec(), is_cut }.numbers(format, &naming)
    }

    #[test]
    fn marks_and_padding_around_a_number_are_no_part_of_it() {
        for text in ["\u{feff}21.5\r\n", "21.5\n\0", "21.5\0\0", "21.5\0\0\n", "21.5\0\r\n"] {
            assert_eq!(read(text.as_bytes(), false, &Format::Number).readings[0].value, 215.0, "{text:?}");
        }
        assert!(read(b"2\x001.5", false, &Format::Number).readings.is_empty());
        assert!(read(b"1\xa0234,5", false, &Format::Number).readings.is_empty());
        assert_eq!(read(b"1e308", false, &Format::Number).trouble.as_deref(), Some("a number too large for any"));
    }

    #[test]
    fn what_is_cut_gives_no_half_of_anything() {
        assert_eq!(read(b"7 then much", true, &Format::Number).readings[0].value, 70.0);
        assert!(read(b"1234567", true, &Format::Number).trouble.is_some_and(|why| why.starts_with("longer than")));
        assert!(read(b"[1, 2]", true, &Format::Json(String::new())).trouble.is_some());
        let taken = read(b"a v=1\nb v=123", true, &Format::Influx);
        assert_eq!((taken.readings.len(), taken.lost.to_string()), (1, "1 cut at 256 KiB".to_owned()));
        assert!(read(b"b v=123", true, &Format::Influx).readings.is_empty());
    }

    #[test]
    fn a_line_that_is_none_costs_no_other() {
        let taken = read(b"a v=1\r\nnonsense\n# a comment\n\nb v=2\n", false, &Format::Influx);
        assert_eq!((taken.readings.len(), taken.trouble), (2, None));
        assert!(taken.lost.to_string().starts_with("1 line refused, the last: line protocol"), "{}", taken.lost);
    }
}

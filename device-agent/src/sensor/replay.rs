//! A recorded series from a CSV file: one column of times, one of values.
//!
//! The whole file is checked before the first reading is sent, and every complaint names file and line. Times are RFC 3339
//! or `2015-09-01 13:45:00`, taken as UTC unless they say otherwise, or a number of seconds or milliseconds since 1970,
//! between the years 2000 and 2100, where the two cannot be mistaken for each other or for a date without its dashes.
//! An empty value is a gap and skipped.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use wire::UnixMillis;

/// 2000-01-01 and 2100-01-01, in seconds.
const YEARS: std::ops::Range<f64> = 946_684_800.0..4_102_444_800.0;

/// Reads a series, in the order of the file.
///
/// # Errors
/// A text that names the file and, if it is about a line, the line.
pub fn read(path: &Path, timestamps: &str, values: &str) -> Result<Vec<(UnixMillis, f64)>, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    parse(&text, timestamps, values).map_err(|(line, why)| format!("{}:{line}: {why}", path.display()))
}

/// Reads a series from CSV text; an error is the line, counted from 1, and the reason.
///
/// # Errors
/// The first line that cannot be used.
pub fn parse(text: &str, timestamps: &str, values: &str) -> Result<Vec<(UnixMillis, f64)>, (usize, String)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    let (first, header) = lines.next().ok_or_else(|| (1, "the file is empty".to_owned()))?;
    let header = cells(header);
    let column = |name: &str| {
        let found = header.iter().position(|cell| cell.trim() == name);
        found.ok_or_else(|| (first, format!("no column '{name}'; there are: {}", header.join(", "))))
    };
    let (time_column, value_column) = (column(timestamps)?, column(values)?);

    let mut series = Vec::new();
    for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let cells = cells(line);
        let cell = |column: usize, name: &str| {
            cells.get(column).map(|cell| cell.trim()).ok_or_else(|| (number, format!("column '{name}' is missing")))
        };
        let (time, value) = (cell(time_column, timestamps)?, cell(value_column, values)?);
        let at = moment(time).map_err(|why| (number, format!("column '{timestamps}': '{time}' {why}")))?;
        if value.is_empty() {
            continue;
        }
        let value: f64 = value.parse().map_err(|_| (number, format!("'{value}' is not a number")))?;
        if !value.is_finite() {
            return Err((number, format!("'{value}' is not a finite number")));
        }
        series.push((at, value));
    }
    if series.is_empty() { Err((first, "it has no readings".to_owned())) } else { Ok(series) }
}

fn moment(text: &str) -> Result<UnixMillis, &'static str> {
    if let Ok(number) = text.parse::<f64>() {
        return match number {
            seconds if YEARS.contains(&seconds) => Ok(UnixMillis((seconds * 1000.0) as i64)),
            millis if YEARS.contains(&(millis / 1e3)) => Ok(UnixMillis(millis as i64)),
            micros if YEARS.contains(&(micros / 1e6)) => Err("looks like microseconds since 1970: write milliseconds"),
            nanos if YEARS.contains(&(nanos / 1e9)) => Err("looks like nanoseconds since 1970: write milliseconds"),
            _ => Err(
                "is neither seconds nor milliseconds since 1970, in the years 2000 to 2099: write 2015-09-01 13:45:00",
            ),
        };
    }
    let absolute = text.parse::<Timestamp>().ok();
    let stamp = absolute.or_else(|| Some(text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp()));
    let stamp = stamp.ok_or("is not a time: write 2015-09-01 13:45:00, or 2015-09-01T13:45:00+02:00")?;
    Ok(UnixMillis(stamp.as_millisecond()))
}

/// Splits a line at its commas; quotes hold a cell together, doubled ones stand for one.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                push(&mut cells, '"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            other => push(&mut cells, other),
        }
    }
    cells
}

fn push(cells: &mut [String], c: char) {
    if let Some(cell) = cells.last_mut() {
        cell.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_unless_they_say_otherwise() {
        let text = "timestamp,value\n2015-09-01 13:45:00,3.06\n2015-09-01T13:45:00Z,1\n2015-09-01T15:45:00+02:00,2\n\
                    1441115100,3\n1441115100000,4\n2015-09-01 13:45:00,\n\n";
        let series = parse(text, "timestamp", "value").unwrap();
        assert_eq!(series.iter().map(|(_, value)| *value).collect::<Vec<_>>(), [3.06, 1.0, 2.0, 3.0, 4.0]);
        assert!(series.iter().all(|(at, _)| *at == UnixMillis(1_441_115_100_000)), "{series:?}");
    }

    #[test]
    fn columns_are_found_by_name_and_quotes_are_understood() {
        let text = "\u{feff}note,\"when\",temp\n\"a, \"\"b\"\"\",2020-01-01 00:00:00,-1.5e1\n";
        assert_eq!(parse(text, "when", "temp"), Ok(vec![(UnixMillis(1_577_836_800_000), -15.0)]));
    }

    #[test]
    fn complaints_name_the_line() {
        for (text, line, word) in [
            ("", 1, "empty"),
            ("time,value\n", 1, "'timestamp'"),
            ("timestamp,value\n", 1, "no reading"),
            ("timestamp,value\n2020-01-01 00:00:00,1\nyesterday,2\n", 3, "yesterday"),
            ("timestamp,value\n20240309,1\n", 2, "column 'timestamp': '20240309' is neither"),
            ("timestamp,value\n1441115100000000,1\n", 2, "microseconds"),
            ("timestamp,value\n1441115100000000000,1\n", 2, "nanoseconds"),
            ("timestamp,value\n42248.5,1\n", 2, "neither"),
            ("timestamp,value\nnow-6h,1\n", 2, "not a time"),
            ("timestamp,value\n2020-01-01 00:00:00,warm\n", 2, "warm"),
            ("timestamp,value\n2020-01-01 00:00:00,NaN\n", 2, "NaN"),
            ("timestamp,value\n\n2020-01-01 00:00:00\n", 3, "missing"),
        ] {
            let (found, why) = parse(text, "timestamp", "value").unwrap_err();
            assert!(found == line && why.contains(word), "{text:?}: {found}: {why}");
        }
    }
}

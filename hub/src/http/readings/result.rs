//! Queries over buckets of time.
//!
//! An answer of many series is millions of numbers, so its text is written by hand, series by series, as each is computed:
//! [`SeriesColumns`] and [`QueryResult`] say what is written, for the contract. Times are half of the text and the same for
//! all: they are written once and sent many times.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::devices::kind::Kind;
use crate::http::request::number;
use crate::http::request::time::Time;
use crate::store::Columns;

/// One query of several in a request; the fields are those of `GET /query`.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewQuery {
    /// Globs over device id and name; all when left out.
    #[serde(default)]
    pub device: Vec<String>,
    /// Globs over sensor names; all when left out.
    #[serde(default)]
    pub sensor: Vec<String>,
    /// Start, included; an hour before `to` when left out.
    pub from: Option<Time>,
    /// End, not included; now when left out.
    pub to: Option<Time>,
    /// Number of buckets of equal length.
    pub points: Option<usize>,
    /// Length of a bucket: `10s`, `5m`, `1h`, `6h`, `1d`, `1w`, `1mo`. Buckets are whole and begin at round times on the wall
    /// clock of `tz`, weeks on Mondays.
    pub every: Option<String>,
    /// Time zone of `every`: a name such as `Europe/Berlin`, or `+05:30`; UTC when left out.
    pub tz: Option<String>,
    /// Values of each bucket: `count`, `min`, `max`, `avg`, `first`, `last`, `increase`, `rate`, or percentiles such as
    /// `p95`; the first six when left out.
    #[serde(default)]
    pub agg: Vec<String>,
    /// What `increase` and `rate` take the series for; what each of them is when left out.
    pub kind: Option<Kind>,
    /// Labels a device must have, each `key=value`.
    #[serde(default)]
    pub label: Vec<String>,
    /// Whether every series stands alone.
    pub group: Option<Group>,
    /// Whether buckets without readings are written.
    pub empty: Option<Empty>,
    /// Maximum number of series; required when more than 1,000 match.
    pub limit: Option<usize>,
    /// `next` of the previous answer.
    pub cursor: Option<String>,
}

/// Whether every series stands alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Group {
    /// One result a series.
    #[default]
    None,
    /// One result of all series together.
    All,
}

/// What becomes of buckets without readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Empty {
    /// They are written, with count 0 and nulls: the columns of all series are equally long.
    #[default]
    Keep,
    /// They are left out: each series has times of its own.
    Omit,
}

/// Several queries in one request.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueriesRequest {
    /// At most 50.
    pub queries: Vec<NewQuery>,
}

/// The results, in the order of the queries.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct QueryResults {
    /// One a query.
    pub results: Vec<QueryResult>,
}

/// What a query found.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct QueryResult {
    /// One per series, or one for all.
    pub series: Vec<SeriesColumns>,
    /// What it was computed from.
    pub source: Source,
    /// Whether there are more series than `limit`.
    pub truncated: bool,
    /// What to send as `cursor` to get them; null at the end.
    pub next: Option<String>,
    /// What somebody who reads the numbers should know; mostly null. Said where percentiles and rates are null because not all
    /// readings are there any longer, and where a summary by the minute or the hour is cut by the edge of a bucket.
    pub note: Option<String>,
}

/// Note in an answer: percentiles were asked for, and not all readings are stored any longer.
pub(crate) const NEED_READINGS: &str = "percentiles need every reading: they are null in buckets whose readings have been replaced \
    by one-minute or hourly summaries (see `source`, and GET /api/v1/retention)";

/// Note in an answer: a bucket's edge cuts summaries.
pub(crate) const CUT: &str = "some buckets begin or end within a minute or an hour of which only a summary is left (see `source`): it \
    is counted as a whole in the bucket of its first reading, and increase and rate are spread evenly over it, so these buckets \
    may contain up to an hour of their neighbours; edges on full hours UTC are exact, as are those on full minutes where \
    GET /api/v1/retention still keeps minutes, which go by the time of the readings";

/// What a result was computed from: the coarsest of what was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) enum Source {
    /// Every reading.
    #[serde(rename = "raw")]
    Raw,
    /// Rollups of a minute.
    #[serde(rename = "1m")]
    Minute,
    /// Rollups of an hour.
    #[serde(rename = "1h")]
    Hour,
}

/// Columns of one series: those asked for are as long as there are buckets, the others empty. A bucket without readings
/// has count 0 and nulls. What is computed, `avg` and `rate`, is rounded to twelve digits; further ones would depend on
/// the order of summing. What was read is written in full.
///
/// What else was asked for has the name it was asked by:
///
/// - `increase`, how much was added in the bucket, and `rate`, the same a second. The change between two readings is
///   spread evenly over the time between them, however long that is, so neighbouring buckets add up to the whole, to 15
///   significant digits; a bucket that does not lie between two readings has null. Of a counter it is what was counted,
///   never negative: a reading that falls waits for the next ones, which tell a restart from a slip. With `group=all`
///   it is the sum of all.
/// - percentiles such as `p95`, exact over the readings, between two of them in proportion. They are null in buckets of which
///   rollups hold a part: then the result has a `note`.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct SeriesColumns {
    /// Id of the device; `*` for all together.
    pub device: String,
    /// Sensor; `*` when several are together.
    pub sensor: String,
    /// Unit code; empty when several with different units are together.
    pub unit: String,
    /// Start of each bucket, epoch milliseconds; with `empty=omit` only of those that hold readings.
    pub t: Vec<i64>,
    /// Readings.
    pub count: Vec<u64>,
    /// Smallest value.
    pub min: Vec<Option<f64>>,
    /// Largest value.
    pub max: Vec<Option<f64>>,
    /// Mean of the values.
    pub avg: Vec<Option<f64>>,
    /// Oldest value.
    pub first: Vec<Option<f64>>,
    /// Newest value.
    pub last: Vec<Option<f64>>,
    /// `increase`, `rate` and percentiles, where they are asked for, each by its name.
    #[serde(flatten)]
    #[schema(ignore)]
    pub more: BTreeMap<String, Vec<Option<f64>>>,
}

/// What a series is called in the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    /// Id of the device, or `*`.
    pub device: String,
    /// Sensor, or `*`.
    pub sensor: String,
    /// Unit code.
    pub unit: String,
}

/// [`SeriesColumns`] of one series, written: what stands before its times, which all series share, and what behind.
#[derive(Debug, Default)]
pub(crate) struct Text {
    before: Vec<u8>,
    behind: Vec<u8>,
}

impl Text {
    /// Bytes.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.before.len() + self.behind.len()
    }
}

/// Writes [`SeriesColumns`] but for `t`; `percentiles` are the names of those columns.
#[must_use]
pub(crate) fn series(name: &Name, columns: &Columns, percentiles: &[String]) -> Text {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let (device, sensor, unit) = (quoted(&name.device), quoted(&name.sensor), quoted(&name.unit));
    let before = format!(r#"{{"device":{device},"sensor":{sensor},"unit":{unit},"t":"#);

    let read: Write = number::write;
    let computed: Write = number::write_rounded;
    let usual = [
        ("min", &columns.min, read),
        ("max", &columns.max, read),
        ("avg", &columns.avg, computed),
        ("first", &columns.first, read),
        ("last", &columns.last, read),
    ];
    let lines = [("increase", &columns.increase, read), ("rate", &columns.rate, computed)];
    let lines = lines.into_iter().filter(|(_, column, _)| !column.is_empty());
    let percentiles = percentiles.iter().zip(&columns.percentiles).map(|(name, column)| (name.as_str(), column, read));
    let floats: Vec<_> = usual.into_iter().chain(lines).chain(percentiles).collect();

    let numbers: usize = floats.iter().map(|(_, column, _)| column.len()).sum();
    // Room for what will stand behind as well: the beginning of the next.
    let mut text = String::with_capacity(200 + before.len() + columns.count.len() * 4 + numbers * 16);
    text.push_str(",\"count\":[");
    let mut digits = itoa::Buffer::new();
    for (n, count) in columns.count.iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        text.push_str(digits.format(*count));
    }
    text.push(']');
    for (key, column, write) in floats {
        write_column(&mut text, key, column, write);
    }
    text.push('}');
    // What waits to be sent takes no more than it is.
    text.shrink_to(text.len() + 200);
    Text { before: before.into_bytes(), behind: text.into_bytes() }
}

/// The same without buckets that hold nothing, each series with its own times among all `t`: then nothing stands between
/// what is before and behind.
#[must_use]
pub(crate) fn sparse(name: &Name, columns: &Columns, percentiles: &[String], t: &[i64]) -> Text {
    let lines = [&columns.increase, &columns.rate];
    let floats = [&columns.min, &columns.max, &columns.avg, &columns.first, &columns.last].into_iter().chain(lines);
    let holds = |n: usize| {
        columns.count.get(n).is_some_and(|count| *count > 0)
            || floats.clone().chain(&columns.percentiles).any(|column| column.get(n).is_some_and(Option::is_some))
    };
    let kept: Vec<usize> = (0..t.len()).filter(|n| holds(*n)).collect();
    let some = |column: &Vec<Option<f64>>| kept.iter().filter_map(|n| column.get(*n).copied()).collect();
    let left = Columns {
        count: kept.iter().filter_map(|n| columns.count.get(*n).copied()).collect(),
        min: some(&columns.min),
        max: some(&columns.max),
        avg: some(&columns.avg),
        first: some(&columns.first),
        last: some(&columns.last),
        increase: some(&columns.increase),
        rate: some(&columns.rate),
        percentiles: columns.percentiles.iter().map(some).collect(),
    };
    let mut text = series(name, &left, percentiles);
    let own: Vec<i64> = kept.iter().filter_map(|n| t.get(*n).copied()).collect();
    text.before.extend(times(&own).into_bytes());
    text
}

type Write = fn(&mut String, f64);

fn write_column(text: &mut String, key: &str, column: &[Option<f64>], write: Write) {
    let _ = write!(text, ",\"{key}\":[");
    for (n, value) in column.iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        match value {
            // A sum of finite values may not be one: JSON has no word for it.
            Some(value) if value.is_finite() => write(text, *value),
            _ => text.push_str("null"),
        }
    }
    text.push(']');
}

/// The text of a column of times.
#[must_use]
pub(crate) fn times(t: &[i64]) -> String {
    let mut digits = itoa::Buffer::new();
    let mut text = String::with_capacity(2 + t.len() * 14);
    for (n, at) in t.iter().enumerate() {
        text.push(if n == 0 { '[' } else { ',' });
        text.push_str(digits.format(*at));
    }
    text.push_str(if t.is_empty() { "[]" } else { "]" });
    text
}

/// Writes [`QueryResult`] around its series, each written by [`series`], with the text of their times: pieces to be sent one
/// after the other. `next` is base64url, which needs no
/// escapes; neither does `note`.
#[must_use]
pub(crate) fn result(
    series: Vec<Text>,
    times: String,
    source: Source,
    next: Option<&str>,
    note: Option<&str>,
) -> Vec<Bytes> {
    let times = Bytes::from(times);
    let mut pieces = Vec::with_capacity(2 * series.len() + 1);
    // What stands between the times of one and of the next is one piece.
    let mut piece = br#"{"series":["#.to_vec();
    for (n, Text { before, behind }) in series.into_iter().enumerate() {
        if n > 0 {
            piece.push(b',');
        }
        piece.extend(before);
        pieces.extend([Bytes::from(piece), times.clone()]);
        piece = behind;
    }
    let source = match source {
        Source::Raw => "raw",
        Source::Minute => "1m",
        Source::Hour => "1h",
    };
    let truncated = next.is_some();
    let next = next.map_or_else(|| "null".to_owned(), |next| format!("\"{next}\""));
    let note = note.map_or_else(|| "null".to_owned(), |note| format!("\"{note}\""));
    piece
        .extend(format!(r#"],"source":"{source}","truncated":{truncated},"next":{next},"note":{note}}}"#).into_bytes());
    pieces.push(Bytes::from(piece));
    pieces
}

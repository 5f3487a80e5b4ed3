//! Answers as Prometheus writes them.

use std::fmt::Write as _;

use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;

use crate::promql::{Grid, Labels, Row, Value, number};

/// An answer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Answered<T> {
    /// Always `success`.
    status: &'static str,
    /// What was asked for.
    data: T,
}

impl<T> Answered<T> {
    pub(super) const fn of(data: T) -> Self {
        Self { status: "success", data }
    }
}

/// What a question is worth, for the contract.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Worth {
    /// `vector`, `matrix`, `scalar` or `string`.
    result_type: String,
    /// Series with `metric`, and `value` (`[seconds, "number"]`) or `values`; of a scalar or string the pair itself.
    result: serde_json::Value,
}

/// The text of an answer, in pieces of one series each.
pub(super) fn text(value: &Value, grid: Grid, is_range: bool) -> Vec<Bytes> {
    let (kind, items) = match value {
        Value::Vector(rows) => {
            let series = |row: &Row| if is_range { over_time(&row.labels, row, grid) } else { at_once(row, grid) };
            (if is_range { "matrix" } else { "vector" }, rows.iter().map(series).collect())
        }
        Value::Scalar(numbers) if is_range => {
            let row = Row { labels: Labels::default(), values: numbers.iter().copied().map(Some).collect() };
            ("matrix", vec![over_time(&row.labels, &row, grid)])
        }
        Value::Matrix(readings) => {
            let series = readings.iter().map(|(labels, points)| of_points(labels, points.iter().copied()));
            ("matrix", series.collect())
        }
        Value::Scalar(numbers) => {
            let value = numbers.first().copied().unwrap_or(f64::NAN);
            return whole("scalar", &pair(grid.start, &number(value)));
        }
        Value::Text(text) => {
            let text = serde_json::Value::from(text.as_str());
            return whole("string", &format!("[{},{text}]", seconds(grid.start)));
        }
    };
    let items: Vec<String> = items;
    let mut pieces = vec![Bytes::from(begin(kind) + "[")];
    for (n, item) in items.into_iter().enumerate() {
        pieces.push(Bytes::from(if n == 0 { item } else { format!(",{item}") }));
    }
    pieces.push(Bytes::from_static(b"]}}"));
    pieces
}

fn begin(kind: &str) -> String {
    format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":"#)
}

fn whole(kind: &str, result: &str) -> Vec<Bytes> {
    vec![Bytes::from(format!("{}{result}}}}}", begin(kind)))]
}

fn at_once(row: &Row, grid: Grid) -> String {
    let value = row.values.first().copied().flatten().unwrap_or(f64::NAN);
    format!(r#"{{"metric":{},"value":{}}}"#, labels(&row.labels), pair(grid.start, &number(value)))
}

fn over_time(labels: &Labels, row: &Row, grid: Grid) -> String {
    of_points(labels, grid.moments().zip(&row.values).filter_map(|(at, value)| Some((at, (*value)?))))
}

fn of_points(of: &Labels, points: impl Iterator<Item = (i64, f64)>) -> String {
    let mut text = format!(r#"{{"metric":{},"values":["#, labels(of));
    for (n, (at, value)) in points.enumerate() {
        // Writing to a text does not fail.
        let _ = write!(text, "{}{}", if n == 0 { "" } else { "," }, pair(at, &number(value)));
    }
    text.push_str("]}");
    text
}

/// As an object.
fn labels(labels: &Labels) -> String {
    let pairs: serde_json::Map<_, _> = labels.iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    serde_json::Value::from(pairs).to_string()
}

fn pair(at: i64, value: &str) -> String {
    format!(r#"[{},"{value}"]"#, seconds(at))
}

/// Milliseconds as seconds, with as many digits as they need.
fn seconds(at: i64) -> String {
    (at as f64 / 1e3).to_string()
}

//! Queries over buckets of time.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One query of several in a request; the fields are those of `GET /query`.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewQuery {
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
    /// Length of a bucket: `10s`, `5m`, `1h`, `1d`, `1w`, `1mo`. Buckets are whole and begin at round times.
    pub every: Option<String>,
    /// Time zone of days, weeks and months, such as `Europe/Berlin`; UTC when left out.
    pub tz: Option<String>,
    /// Whether every series stands alone.
    pub group: Option<Group>,
    /// Series at most; 1,000 when left out.
    pub limit: Option<usize>,
}

/// A moment in a body: a text as in a query string, or a number of epoch milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Time {
    /// Epoch milliseconds.
    Millis(i64),
    /// RFC 3339, or `now-6h`.
    Text(String),
}

/// Whether every series stands alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// One result a series.
    #[default]
    None,
    /// One result of all series together.
    All,
}

/// Several queries in one request.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QueriesRequest {
    /// At most 50.
    pub queries: Vec<NewQuery>,
}

/// The results, in the order of the queries.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub struct QueryResults {
    /// One a query.
    pub results: Vec<QueryResult>,
}

/// What a query found.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub struct QueryResult {
    /// One a series, or one of all.
    pub series: Vec<SeriesColumns>,
    /// What it was computed from.
    pub source: Source,
    /// Whether there were more series than `limit`.
    pub truncated: bool,
}

/// What a result was computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub enum Source {
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

/// Columns of one series, as long as there are buckets. A bucket without readings has count 0 and nulls.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub struct SeriesColumns {
    /// Id of the device; `*` for all together.
    pub device: String,
    /// Sensor; `*` when several are together.
    pub sensor: String,
    /// Unit code; empty when several with different units are together.
    pub unit: String,
    /// Start of each bucket, epoch milliseconds.
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
}

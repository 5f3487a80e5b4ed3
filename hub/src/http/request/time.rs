//! A moment in a body.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::model::{UnixMillis, when};

/// A moment in a body: a text as in a query string, or a number of epoch milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Time {
    /// Epoch milliseconds.
    Millis(i64),
    /// RFC 3339, or `now-6h`.
    Text(String),
}

/// Reads it; `field` is what an error names.
pub(in crate::http) fn time(field: &str, time: Option<Time>, now: UnixMillis) -> Result<Option<UnixMillis>, ApiError> {
    match time {
        None => Ok(None),
        Some(Time::Millis(millis)) => when::time(&millis.to_string(), now).map(Some),
        Some(Time::Text(text)) => when::time(&text, now).map(Some),
    }
    .map_err(|detail| ApiError::invalid(field, detail))
}

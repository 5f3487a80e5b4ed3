//! Refusals in the words of InfluxDB, on the paths that its clients write to.
//!
//! Each version looks elsewhere for what went wrong: the first and the third for `error`, the second for `message`, and all of
//! them only in `application/json`. None is told when to come again: npm's client of version 2 takes the seconds of `Retry-After`
//! for milliseconds, and has used up its tries before a hub that is busy has room. Without it each waits by its own rule.

use axum::Json;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::lines::Flaws;
use crate::http::error::{Told, retold};

/// Paths that clients of InfluxDB know.
const PATHS: [&str; 4] = ["/write", "/api/v2/write", "/api/v3/write_lp", "/query"];

/// Why a request was refused, or not all of it stored.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct NotWritten {
    /// What is wrong, for programs; `partial` when the rest is stored.
    code: String,
    /// What is wrong and what to do, for people: where version 2 of InfluxDB has it.
    message: String,
    /// The same, where version 1 has it.
    error: String,
    /// The line, field or parameter to correct.
    field: Option<String>,
}

/// Which lines are not stored, as version 3 of InfluxDB tells it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct LinesNotWritten {
    /// Whether the others are stored, and how many are not.
    error: String,
    /// The first hundred of those, in order.
    data: Vec<LineNotWritten>,
}

/// A line that is not stored.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct LineNotWritten {
    /// What is wrong with it.
    error_message: String,
    /// Its number, from 1; `null` where readings of several lines are not taken.
    line_number: Option<usize>,
    /// How it begins.
    original_line: String,
}

impl NotWritten {
    /// Of a request with flaws.
    pub(super) fn of(flaws: &Flaws) -> Self {
        let text = flaws.text();
        let code = if flaws.is_partial() { "partial" } else { "invalid" };
        Self { code: code.to_owned(), message: text.clone(), error: text, field: flaws.field() }
    }
}

impl LinesNotWritten {
    /// Of a request with flaws.
    pub(super) fn of(flaws: &Flaws) -> Self {
        let begin = if flaws.is_partial() {
            "partial write of line protocol occurred"
        } else {
            "parsing failed for write_lp endpoint"
        };
        let lines = flaws.lines().map(|(error, original)| LineNotWritten {
            error_message: format!("column {}: {}", error.column, error.what),
            line_number: Some(error.line),
            original_line: original.to_owned(),
        });
        let others = flaws.not_taken().map(|text| LineNotWritten {
            error_message: text,
            line_number: None,
            original_line: String::new(),
        });
        Self { error: format!("{begin}: {}", flaws.count()), data: lines.chain(others).collect() }
    }
}

/// Says refusals on the paths of InfluxDB in its words.
pub(in crate::http) async fn in_their_words(request: Request, next: Next) -> Response {
    let is_theirs = PATHS.contains(&request.uri().path());
    let response = next.run(request).await;
    if !is_theirs {
        return response;
    }
    retold(response, |status, Told { detail, code, field }| {
        (status, Json(NotWritten { code: code.to_owned(), message: detail.clone(), error: detail, field }))
            .into_response()
    })
}

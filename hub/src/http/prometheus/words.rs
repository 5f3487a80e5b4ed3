//! Refusals as Prometheus words them.

use axum::Json;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::error::{ApiError, Told, retold};
use crate::promql;

/// Where its paths begin.
const PREFIX: &str = "/prometheus/";
/// What could not be worked out, for programs.
const EXECUTION: &str = "execution";

/// Why a question is not answered.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NotAnswered {
    /// Always `error`.
    status: String,
    /// What is wrong, for programs: `bad_data`, `execution`, `unavailable` and others.
    error_type: String,
    /// What is wrong and what to do, for people.
    error: String,
}

impl From<promql::Error> for ApiError {
    fn from(error: promql::Error) -> Self {
        let detail = error.to_string();
        match error {
            promql::Error::Parse(_) | promql::Error::Bad(_) => Self::new(StatusCode::BAD_REQUEST, "bad_data", detail),
            promql::Error::Unsupported(_) | promql::Error::Execution(_) | promql::Error::TooMuch => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, EXECUTION, detail)
            }
            promql::Error::Source => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail),
        }
    }
}

/// Says refusals on the paths of Prometheus in its words.
pub(in crate::http) async fn in_their_words(request: Request, next: Next) -> Response {
    let is_theirs = request.uri().path().starts_with(PREFIX);
    let response = next.run(request).await;
    if !is_theirs {
        return response;
    }
    let wait = response.headers().get(header::RETRY_AFTER).cloned();
    let mut retold = retold(response, |status, Told { detail, code, .. }| {
        let kind = match status {
            StatusCode::BAD_REQUEST => "bad_data",
            StatusCode::SERVICE_UNAVAILABLE => "unavailable",
            _ => code,
        };
        let told = NotAnswered { status: "error".to_owned(), error_type: kind.to_owned(), error: detail };
        (status, Json(told)).into_response()
    });
    if let Some(wait) = wait {
        retold.headers_mut().insert(header::RETRY_AFTER, wait);
    }
    retold
}

//! Refusals in the words of OpenTelemetry: `google.rpc.Status`, in the encoding of the request.
//!
//! A client sends again what was answered with 429, 502, 503 or 504, and nothing else; and it gives up at once where it is told to
//! wait for longer than ten seconds or so.

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::kind::Kind;
use crate::door::otlp;
use crate::http::error::{Told, retold};

/// The path that its clients know.
const PATH: &str = "/v1/metrics";
/// Longest wait that they are told, in seconds.
const LONGEST_WAIT: u32 = 10;

/// Why a request was refused: `google.rpc.Status`.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct RpcStatus {
    /// What is wrong, as gRPC counts it: 3 invalid, 7 not allowed, 8 too much, 14 try again, 16 nobody is signed in.
    code: i32,
    /// What is wrong and what to do, for people.
    message: String,
    /// The same for programs; in JSON alone.
    details: [RpcErrorInfo; 1],
}

/// What is wrong, for programs: `google.rpc.ErrorInfo`.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct RpcErrorInfo {
    /// Always `type.googleapis.com/google.rpc.ErrorInfo`.
    #[serde(rename = "@type")]
    kind: String,
    /// The hub's code of it, as other paths have it.
    reason: String,
    /// Always `telemetry-hub`.
    domain: String,
    /// What to correct.
    metadata: RpcErrorAbout,
}

/// What an error is about.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct RpcErrorAbout {
    /// The field or parameter to correct; empty where there is none.
    field: String,
}

impl RpcErrorInfo {
    fn of(told: &Told) -> Self {
        Self {
            kind: "type.googleapis.com/google.rpc.ErrorInfo".to_owned(),
            reason: told.code.to_owned(),
            domain: "telemetry-hub".to_owned(),
            metadata: RpcErrorAbout { field: told.field.clone().unwrap_or_default() },
        }
    }
}

/// Says refusals on the path of OpenTelemetry in its words.
pub(in crate::http) async fn in_their_words(request: Request, next: Next) -> Response {
    let kind = (request.uri().path() == PATH).then(|| Kind::of(request.headers()).unwrap_or(Kind::Json));
    let response = next.run(request).await;
    let Some(kind) = kind else { return response };
    let wait = response.headers().get(header::RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.parse::<u32>().ok());
    retold(response, |status, told| {
        let (status, code) = status_of(status);
        let mut said = said(kind, status, code, told);
        let is_again = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&status);
        if let Some(wait) = wait.or_else(|| is_again.then_some(1)) {
            said.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.min(LONGEST_WAIT)));
        }
        said
    })
}

fn said(kind: Kind, status: StatusCode, code: i32, told: Told) -> Response {
    match kind {
        Kind::Protobuf => {
            (status, [(header::CONTENT_TYPE, kind.name())], otlp::refused(code, &told.detail)).into_response()
        }
        Kind::Json => {
            let details = [RpcErrorInfo::of(&told)];
            (status, Json(RpcStatus { code, message: told.detail, details })).into_response()
        }
    }
}

/// What is answered, and its code: a body that stalled and a full disk may be better the next time.
fn status_of(status: StatusCode) -> (StatusCode, i32) {
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::INSUFFICIENT_STORAGE | StatusCode::SERVICE_UNAVAILABLE => {
            (StatusCode::SERVICE_UNAVAILABLE, 14)
        }
        StatusCode::UNAUTHORIZED => (status, 16),
        StatusCode::FORBIDDEN => (status, 7),
        StatusCode::NOT_FOUND => (status, 5),
        StatusCode::CONFLICT => (status, 9),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::PAYLOAD_TOO_LARGE => (status, 8),
        status if status.is_client_error() => (status, 3),
        status => (status, 13),
    }
}

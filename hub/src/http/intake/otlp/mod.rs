//! `POST /v1/metrics`: what programs with OpenTelemetry measure, in protobuf or in JSON.
//!
//! Its clients send a request again only when they are told so, and drop it else; what `partial_success` says they tell nobody.
//! So a request of which nothing is stored is refused, which they log.

mod kind;
pub(in crate::http) mod words;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use self::kind::Kind;
use self::words::RpcStatus;
use super::inlet::Inlet;
use super::receive::{keep, receive, sends};
use super::unpack::text;
use crate::door::otlp;
use crate::http::error::ApiError;
use crate::http::gate::auth::MayIngestSome;
use crate::http::gate::peer::Peer;
use crate::http::request::params::no_params;
use crate::http::state::Routes;

/// The path.
pub(super) fn routes() -> Routes {
    Routes::new().routes(routes!(metrics))
}

/// What became of metrics: `ExportMetricsServiceResponse`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MetricsTaken {
    /// What is not stored; nothing when all is.
    partial_success: Option<MetricsLeftOut>,
}

/// Data points that are not stored.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MetricsLeftOut {
    /// How many, in digits: whole numbers of 64 bits are texts in the JSON of protobuf.
    rejected_data_points: String,
    /// Why the first of them is not.
    error_message: String,
}

/// Stores metrics of OpenTelemetry (OTLP); when it answers, they are on disk. The body is an `ExportMetricsServiceRequest`
/// in protobuf, or in JSON with `application/json`; the answer is of the same type. The device is the resource's
/// `device.id`, `host.name`, `k8s.pod.name` or `service.name`, the sensor is the metric with its attributes. Points that are
/// wrong are left out and the others stored: `partial_success` counts them.
#[utoipa::path(post, path = "/v1/metrics", tag = "readings",
    request_body(content = Vec<u8>, content_type = "application/x-protobuf"),
    responses((status = 200, body = MetricsTaken),
        (status = 400, description = "It is no such request, or no point of it can be stored", body = RpcStatus),
        (status = 401, description = "There is no valid token", body = RpcStatus),
        (status = 403, description = "The token may not", body = RpcStatus),
        (status = 404, description = "There is no such thing", body = RpcStatus),
        (status = 409, description = "None of its readings is taken", body = RpcStatus),
        (status = 413, description = "The body is too large", body = RpcStatus),
        (status = 415, description = "The body is neither protobuf nor JSON", body = RpcStatus),
        (status = 429, description = "Too many new devices or series; `Retry-After` says when to try again", body = RpcStatus),
        (status = 503, description = "The hub is busy, stops, or its disk is full; `Retry-After` says when to try again", body = RpcStatus)))]
pub(super) async fn metrics(
    State(inlet): State<Inlet>,
    MayIngestSome(view): MayIngestSome,
    peer: Peer,
    request: Request,
) -> Result<Response, ApiError> {
    no_params(request.uri())?;
    let kind = Kind::of(request.headers()).ok_or_else(other_type)?;
    let sends = sends(&request, view, true);
    let now = inlet.clock.wall();
    let (gathered, read) = receive(&inlet, request, move |body, gathered| {
        let read = match kind {
            Kind::Protobuf => otlp::gather(body, gathered, now).map_err(|broken| broken.to_string()),
            Kind::Json => otlp::gather_json(text(body)?, gathered, now).map_err(|broken| broken.to_string()),
        };
        let read = read.map_err(|broken| ApiError::invalid("body", broken))?;
        match &read.first {
            Some(why) if gathered.is_empty() => {
                let detail =
                    format!("{why}; left out {} of {} data points, nothing is stored", read.rejected, read.points);
                Err(ApiError::invalid("dataPoints", detail))
            }
            _ => Ok(read),
        }
    })
    .await?;
    let kept = keep(&inlet, gathered, &sends, peer, now).await?;
    let not_taken = kept.left_out.iter().map(|(_, readings)| readings).sum();
    inlet.desk.counters.left_out(read.rejected, not_taken);
    let why = read.first.or_else(|| kept.left_out.first().map(|(error, _)| error.detail().to_owned()));
    // Readings that are not taken may be parts of one point.
    let points = (read.rejected + not_taken).min(read.points);
    Ok(kind.answer(why.map(|why| (points, why))))
}

fn other_type() -> ApiError {
    ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "not_otlp",
        "set the format: `Content-Type: application/x-protobuf`, or `application/json`",
    )
}

impl Kind {
    fn answer(self, left_out: Option<(usize, String)>) -> Response {
        match self {
            Self::Protobuf => {
                let left_out = left_out.as_ref().map(|(points, why)| (*points, &**why));
                ([(header::CONTENT_TYPE, self.name())], otlp::taken(left_out)).into_response()
            }
            Self::Json => {
                let partial = |(points, error_message): (usize, String)| MetricsLeftOut {
                    rejected_data_points: points.to_string(),
                    error_message,
                };
                Json(MetricsTaken { partial_success: left_out.map(partial) }).into_response()
            }
        }
    }
}

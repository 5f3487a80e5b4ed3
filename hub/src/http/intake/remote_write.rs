//! `POST /api/v1/write`: what Prometheus and programs like it send by remote write.
//!
//! They drop what is answered with 4xx, and send again what is answered with 5xx (429 only where they are told to), so what may
//! find room later is 503.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::routes;

use super::inlet::Inlet;
use super::receive::{keep, receive, sends};
use crate::door::prometheus::{Read, Said, gather, gather_v2};
use crate::http::error::{ApiError, Problem, nobody};
use crate::http::gate::auth::MayIngestSome;
use crate::http::gate::peer::Peer;
use crate::http::request::params::no_params;
use crate::http::shares::asker::Asker;
use crate::http::state::Routes;
use crate::model::shown::noun;

/// Headers of the answer, which senders of version 2 look for.
const SAMPLES: HeaderName = HeaderName::from_static("x-prometheus-remote-write-samples-written");
const HISTOGRAMS: HeaderName = HeaderName::from_static("x-prometheus-remote-write-histograms-written");
const EXEMPLARS: HeaderName = HeaderName::from_static("x-prometheus-remote-write-exemplars-written");
/// The message of version 2, as the type of the body names it.
const V2: &str = "io.prometheus.write.v2.Request";
/// And of version 1.
const V1: &str = "prometheus.WriteRequest";

/// The path.
pub(super) fn routes() -> Routes {
    Routes::new().routes(routes!(remote_write))
}

/// Stores what Prometheus sends by remote write, version 1 or 2; when it answers, it is on disk. The device is `job/instance`,
/// the sensor is the metric with its other labels. Samples of a wrong time are left out and the others stored, which is told by
/// status 400 and code `partial`. Markers of staleness, and numbers that are none, are taken and not stored.
#[utoipa::path(post, path = "/api/v1/write", tag = "readings",
    request_body(content = Vec<u8>, content_type = "application/x-protobuf"),
    responses((status = 204), (status = 400, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem),
        (status = 415, body = Problem), (status = 503, body = Problem), (status = 507, body = Problem)))]
pub(super) async fn remote_write(
    State(inlet): State<Inlet>,
    State(said): State<Arc<Said>>,
    MayIngestSome(view): MayIngestSome,
    peer: Peer,
    request: Request,
) -> Result<Response, ApiError> {
    no_params(request.uri())?;
    let is_v2 = is_v2(request.headers())?;
    let by = request.extensions().get::<Asker>().and_then(Asker::who).ok_or_else(nobody)?.by.into();
    let sends = sends(&request, view, true);
    let (now, known) = (inlet.clock.wall(), said.by(by));
    let (gathered, mut read) = receive(&inlet, request, move |body, gathered| {
        let gather = if is_v2 { gather_v2 } else { gather };
        gather(body, gathered, now, &known).map_err(|broken| ApiError::invalid("body", broken.to_string()))
    })
    .await?;
    said.learn(by, std::mem::take(&mut read.families));
    let mut not_taken = Vec::new();
    if gathered.is_empty() {
        if read.rejected > 0 {
            inlet.desk.counters.invalid();
        }
    } else {
        let kept = keep(&inlet, gathered, &sends, peer, now).await.map_err(again)?;
        not_taken = kept.left_out;
    }
    let left_out: usize = not_taken.iter().map(|(_, readings)| readings).sum();
    inlet.desk.counters.left_out(read.rejected, left_out);
    let why = read.first.clone().or_else(|| not_taken.first().map(|(error, _)| error.detail().to_owned()));
    let mut answer = match why {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(why) => partial(&read, left_out, &why).into_response(),
    };
    let samples = read.samples.saturating_sub(left_out);
    for (name, count) in [(SAMPLES, samples), (HISTOGRAMS, read.histograms), (EXEMPLARS, 0)] {
        answer.headers_mut().insert(name, HeaderValue::from(count));
    }
    Ok(answer)
}

/// Whether a body is of version 2.
fn is_v2(headers: &HeaderMap) -> Result<bool, ApiError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let mut parts = kind.split(';').map(str::trim);
    let is_protobuf = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/x-protobuf"));
    let message = parts.find_map(|part| part.strip_prefix("proto=")).unwrap_or(V1).trim_matches('"');
    match (is_protobuf, message) {
        (true, V1) => Ok(false),
        (true, V2) => Ok(true),
        _ => Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not_remote_write",
            format!("set the format: `Content-Type: application/x-protobuf`, with `;proto={V2}` for version 2"),
        )),
    }
}

/// Where a sender is to come again it is told so by a status that all of them follow.
fn again(error: ApiError) -> ApiError {
    if error.status() == StatusCode::TOO_MANY_REQUESTS {
        error.with_status(StatusCode::SERVICE_UNAVAILABLE)
    } else {
        error
    }
}

/// What is told where not all is stored.
fn partial(read: &Read, not_taken: usize, why: &str) -> ApiError {
    let count = read.rejected + not_taken;
    let detail = format!("{why}; left out {count} {}, the others are stored", noun(count as u64, "sample"));
    ApiError::new(StatusCode::BAD_REQUEST, "partial", detail)
}

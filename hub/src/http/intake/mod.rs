//! `POST /readings`, `/write`, `/api/v2/write`: readings that programs push.
//!
//! ```text
//!   body ──▶ unpack ──▶ gather (all of it is read before anything is done) ──▶ names become numbers ──▶ room ──▶ desk
//!                                                                     answer ◀── on disk ◀── commit ◀── the pipeline
//! ```
//!
//! The answer is sent after the readings are on disk, like an acknowledgement to a device. A request with anything wrong in it is
//! refused as a whole, with the line or field. A client that got no answer sends the request again: readings of the same sensor
//! and moment are stored once, and the last one counts.

pub(super) mod commit;
pub(super) mod inlet;
pub(super) mod json;
pub(super) mod line;
#[cfg(test)]
mod tests;
pub(super) mod unpack;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::{MayIngestSome, MayIngestSomeWithQuery};
use crate::http::gate::peer::Peer;
use crate::http::request::params::{Asked, FromParams, Params};
use crate::http::shares::asker::Asker;
use crate::http::state::Routes;
use crate::ingest::gather::Gathered;
use crate::model::UnixMillis;
use crate::model::access::Scope;
use crate::model::view::View;
use crate::store::Origin;
use commit::{Sends, store};
use inlet::Inlet;
use json::{NewReadings, Pushed, gather_json, gather_ndjson};
use line::Precision;
use unpack::Body;
use utoipa_axum::routes;

/// Readings that come in.
pub(super) fn routes() -> Routes {
    Routes::new().routes(routes!(readings)).routes(routes!(write_v2)).routes(routes!(write))
}

/// Readings of one request: a third of what the queue to the disk holds.
const MOST: usize = 200_000;
/// Bodies up to this size are read on the calling thread: another one would take longer to wake up.
const SMALL: usize = 16 << 10;
/// Headers of the answer: readings on disk, and values that were skipped because they are not readings.
const STORED: HeaderName = HeaderName::from_static("x-readings-stored");
const PASSED_OVER: HeaderName = HeaderName::from_static("x-values-skipped");

/// Stores readings; when it answers, they are on disk. One object, an array of them, or with `application/x-ndjson` one
/// object per line, also `{"device","sensor","value","at"?,"unit"?}`. An unknown device is created. A request is stored
/// as a whole or not at all; sending it again changes nothing.
#[utoipa::path(post, path = "/api/v1/readings", tag = "readings", request_body = NewReadings,
    responses((status = 200, body = Pushed), (status = 400, body = Problem), (status = 409, body = Problem),
        (status = 413, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem),
        (status = 507, body = Problem)))]
pub(super) async fn readings(
    State(inlet): State<Inlet>,
    MayIngestSome(view): MayIngestSome,
    peer: Peer,
    request: Request,
) -> Result<Json<Pushed>, ApiError> {
    let is_ndjson = is_ndjson(&request)?;
    let done = take(&inlet, view, peer, request, move |body, gathered, now| {
        let gather = if is_ndjson { gather_ndjson } else { gather_json };
        gather(body, gathered, now).map(|()| 0)
    });
    let done = done.await?;
    Ok(Json(Pushed { stored: done.readings, devices: done.devices }))
}

fn is_ndjson(request: &Request) -> Result<bool, ApiError> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    match kind.split(';').next().unwrap_or_default().trim() {
        "application/json" => Ok(false),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Ok(true),
        _ => Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not_json",
            "set the format: `Content-Type: application/json`, or `application/x-ndjson` for one object per line",
        )),
    }
}

/// How a client of InfluxDB writes.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AskWrite {
    /// Unit of the timestamps: `ns`, `us`, `ms` or `s`; `ns` when left out.
    #[param(value_type = String, required = false)]
    precision: Precision,
}

impl FromParams for AskWrite {
    fn from_params(params: &mut Params) -> Result<Self, ApiError> {
        // There is one place for readings, and one way to keep them: where they are to go does not matter.
        for ignored in ["org", "orgID", "bucket", "bucketID", "db", "rp", "consistency", "u"] {
            params.all(ignored);
        }
        if !params.all("p").is_empty() {
            let detail = "do not put a token into the URL, where logs keep it: send it as `Authorization: Token ...`";
            return Err(ApiError::invalid("p", detail));
        }
        let precision = match params.one("precision")? {
            None => Precision::NANOS,
            Some(name) => Precision::named(&name)
                .ok_or_else(|| ApiError::invalid("precision", format!("`{name}` is not one of ns, us, ms, s")))?,
        };
        Ok(Self { precision })
    }
}

/// Stores readings written in InfluxDB's line protocol; when it answers, they are on disk. The device is the tag
/// `host`, else the tag `device`, else the measurement; the sensor is measurement and field, with the other tags.
/// `org`, `bucket`, `db` and `rp` do not matter. String values are skipped; the answer's `x-values-skipped` counts
/// them.
#[utoipa::path(post, path = "/api/v2/write", tag = "readings", params(AskWrite),
    request_body(content = String, content_type = "text/plain"),
    responses((status = 204), (status = 400, body = Problem), (status = 409, body = Problem),
        (status = 413, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem),
        (status = 507, body = Problem)))]
pub(super) async fn write_v2(
    inlet: State<Inlet>,
    pusher: MayIngestSomeWithQuery,
    peer: Peer,
    asked: Asked<AskWrite>,
    request: Request,
) -> Result<Response, ApiError> {
    write(inlet, pusher, peer, asked, request).await
}

/// The same, where version 1 of InfluxDB has it; the token is then the password.
#[utoipa::path(post, path = "/write", tag = "readings", params(AskWrite),
    request_body(content = String, content_type = "text/plain"),
    responses((status = 204), (status = 400, body = Problem), (status = 409, body = Problem),
        (status = 413, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem),
        (status = 507, body = Problem)))]
pub(super) async fn write(
    State(inlet): State<Inlet>,
    MayIngestSomeWithQuery(view): MayIngestSomeWithQuery,
    peer: Peer,
    Asked(asked): Asked<AskWrite>,
    request: Request,
) -> Result<Response, ApiError> {
    let gather = move |body: &str, gathered: &mut Gathered, now| line::gather(body, asked.precision, gathered, now);
    let done = take(&inlet, view, peer, request, gather).await.map_err(ApiError::for_influx)?;
    let headers = [(STORED, HeaderValue::from(done.readings)), (PASSED_OVER, HeaderValue::from(done.passed_over))];
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}

/// What a request brought.
struct Done {
    readings: usize,
    devices: usize,
    passed_over: usize,
}

/// Takes a request to the disk.
async fn take(
    inlet: &Inlet,
    view: View,
    Peer(address): Peer,
    request: Request,
    gather: impl FnOnce(&str, &mut Gathered, UnixMillis) -> Result<usize, ApiError> + Send + 'static,
) -> Result<Done, ApiError> {
    let now = inlet.clock.wall();
    let who = request.extensions().get::<Asker>().and_then(Asker::who);
    let sends = Sends { by: who.filter(|who| !who.scope.includes(Scope::Admin)).map(|who| who.by), view };
    let read = read(inlet, request, gather, now).await;
    let (mut gathered, passed_over) = read.inspect_err(|error| {
        if error.is_the_clients() {
            inlet.desk.counters.invalid();
        }
    })?;
    let readings = gathered.len();
    let devices = store(inlet, &mut gathered, &sends, now).await?;
    inlet.presence.pushed(gathered.newest(), address, inlet.clock.wall());
    Ok(Done { readings, devices: devices.len(), passed_over })
}

async fn read(
    inlet: &Inlet,
    request: Request,
    gather: impl FnOnce(&str, &mut Gathered, UnixMillis) -> Result<usize, ApiError> + Send + 'static,
    now: UnixMillis,
) -> Result<(Gathered, usize), ApiError> {
    let body = Body::read(inlet, request).await?;
    let is_small = body.is_at_most(SMALL);
    let read = move || {
        let (text, _room) = body.text()?;
        let mut gathered = Gathered::new(Origin::Pushed);
        let passed_over = gather(&text, &mut gathered, now)?;
        if gathered.len() > MOST {
            let detail = format!("{} readings in one request: send at most {MOST} at once", gathered.len());
            return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail));
        }
        Ok((gathered, passed_over))
    };
    if is_small {
        return read();
    }
    let _place = inlet.rooms.reading.acquire().await.map_err(|_| ApiError::stopping())?;
    tokio::task::spawn_blocking(read).await.map_err(ApiError::internal)?
}

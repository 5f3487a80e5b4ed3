//! `POST /api/v1/readings`: readings as JSON, one body or one object a line.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use utoipa_axum::routes;

use super::inlet::Inlet;
use super::json::{NewReadings, Partly, Pushed, gather_json, gather_ndjson};
use super::receive::{keep, receive, sends};
use super::unpack::text;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::MayIngestSome;
use crate::http::gate::peer::Peer;
use crate::http::request::params::{Asked, FromParams, Params};
use crate::http::state::Routes;

/// The path.
pub(super) fn routes() -> Routes {
    Routes::new().routes(routes!(readings))
}

/// How a program pushes.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AskPush {
    /// `true`: where some readings are wrong, store the others, and say what is wrong with those. Else all is stored, or
    /// nothing.
    #[param(value_type = bool, required = false)]
    partial: bool,
}

impl FromParams for AskPush {
    fn from_params(params: &mut Params) -> Result<Self, ApiError> {
        Ok(Self { partial: params.parsed("partial", "true or false")?.unwrap_or(false) })
    }
}

/// Stores readings; when it answers, they are on disk. One object, an array of them, or with `application/x-ndjson` one
/// object per line, also `{"device","sensor","value","at"?,"unit"?}`. An unknown device is created. A request is stored
/// as a whole or not at all, unless `partial` is asked for; sending it again changes nothing.
#[utoipa::path(post, path = "/api/v1/readings", tag = "readings", request_body = NewReadings, params(AskPush),
    responses((status = 200, body = Pushed), (status = 400, body = Problem), (status = 409, body = Problem),
        (status = 413, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem),
        (status = 507, body = Problem)))]
pub(super) async fn readings(
    State(inlet): State<Inlet>,
    MayIngestSome(view): MayIngestSome,
    peer: Peer,
    Asked(asked): Asked<AskPush>,
    request: Request,
) -> Result<Json<Pushed>, ApiError> {
    let is_ndjson = is_ndjson(&request)?;
    let sends = sends(&request, view, asked.partial);
    let now = inlet.clock.wall();
    let (gathered, partly) = receive(&inlet, request, move |body, gathered| {
        let gather = if is_ndjson { gather_ndjson } else { gather_json };
        let mut partly = Partly::new(asked.partial);
        gather(text(body)?, gathered, now, &mut partly)?;
        if gathered.is_empty() { partly.all_is_wrong().map(|()| partly) } else { Ok(partly) }
    })
    .await?;
    let kept = keep(&inlet, gathered, &sends, peer, now).await?;
    inlet.desk.counters.left_out(partly.count(), kept.left_out.iter().map(|(_, readings)| readings).sum());
    Ok(Json(partly.pushed(kept)))
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

//! The paths that clients of InfluxDB write to: `/write` (version 1), `/api/v2/write`, `/api/v3/write_lp`; and `/query`, where
//! those of version 1 ask for their database before they write.
//!
//! Good lines are stored whatever stands beside them, as InfluxDB does it: a client that is refused a batch sends it again with
//! the same line in it, and drops all of it in the end. The answer is then 400 and tells which lines are missing, and why.

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::inlet::Inlet;
use super::lines::Flaws;
use super::receive::{keep, receive, sends};
use super::words::{LinesNotWritten, NotWritten};
use crate::http::error::ApiError;
use crate::http::gate::auth::MayIngestSome;
use crate::http::gate::peer::Peer;
use crate::http::request::params::{Asked, FromParams, Params, form};
use crate::http::state::Routes;
use crate::ingest::gather::lines::gather;
use crate::ingest::gather::precision::Precision;

/// Headers of the answer: readings on disk, and values that were skipped because they are not readings.
const STORED: HeaderName = HeaderName::from_static("x-readings-stored");
const PASSED_OVER: HeaderName = HeaderName::from_static("x-values-skipped");
/// Longest body of a query, in bytes.
const QUERY_BYTES: usize = 4 << 10;

/// The paths.
pub(super) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(write_v2))
        .routes(routes!(write))
        .routes(routes!(write_lp))
        .routes(routes!(query, query_by_get))
}

/// How a client of InfluxDB 1 or 2 writes.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AskWrite {
    /// Unit of the timestamps: `ns`, `us`, `ms` or `s`; `ns` when left out.
    #[param(value_type = String, required = false)]
    precision: Precision,
}

/// How a client of InfluxDB 3 writes.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AskWriteLp {
    /// Unit of the timestamps: `nanosecond`, `microsecond`, `millisecond`, `second`, or `auto`, which is meant when it is
    /// left out: by the size of each number.
    #[param(value_type = String, required = false)]
    precision: Precision,
    /// `false`: store all lines or none.
    #[param(value_type = bool, required = false)]
    accept_partial: bool,
}

impl FromParams for AskWrite {
    fn from_params(params: &mut Params) -> Result<Self, ApiError> {
        elsewhere(params)?;
        Ok(Self { precision: precision(params)?.unwrap_or(Precision::NANOS) })
    }
}

impl FromParams for AskWriteLp {
    fn from_params(params: &mut Params) -> Result<Self, ApiError> {
        elsewhere(params)?;
        // Answered is on disk here, whatever is asked: to wait for less would gain a few milliseconds.
        params.parsed::<bool>("no_sync", "true or false")?;
        Ok(Self {
            precision: precision(params)?.unwrap_or(Precision::AUTO),
            accept_partial: params.parsed("accept_partial", "true or false")?.unwrap_or(true),
        })
    }
}

/// Takes what does not matter: there is one place for readings, and one way to keep them.
fn elsewhere(params: &mut Params) -> Result<(), ApiError> {
    for ignored in ["org", "orgID", "bucket", "bucketID", "db", "rp", "consistency", "u"] {
        params.all(ignored);
    }
    if params.all("p").is_empty() {
        return Ok(());
    }
    let detail = "do not put a token into the URL, where logs keep it: send it as `Authorization: Token ...`";
    Err(ApiError::invalid("p", detail))
}

fn precision(params: &mut Params) -> Result<Option<Precision>, ApiError> {
    let Some(name) = params.one("precision")? else { return Ok(None) };
    let wrong = || {
        let detail =
            format!("`{name}` is not one of ns, us, ms, s, or nanosecond, microsecond, millisecond, second, auto");
        ApiError::invalid("precision", detail)
    };
    Precision::named(&name).map(Some).ok_or_else(wrong)
}

/// Stores readings written in InfluxDB's line protocol; when it answers, they are on disk. The device is the tag
/// `host`, else the tag `device`, else the measurement; the sensor is measurement and field, with the other tags.
/// `org`, `bucket`, `db` and `rp` do not matter. String values are skipped; the answer's `x-values-skipped` counts
/// them. Lines that are wrong are left out and the others stored: that is told by status 400 and code `partial`.
#[utoipa::path(post, path = "/api/v2/write", tag = "readings", params(AskWrite),
    request_body(content = String, content_type = "text/plain"),
    responses((status = 204), (status = 400, body = NotWritten), (status = 409, body = NotWritten),
        (status = 413, body = NotWritten), (status = 429, body = NotWritten), (status = 503, body = NotWritten),
        (status = 507, body = NotWritten)))]
pub(super) async fn write_v2(
    inlet: State<Inlet>,
    pusher: MayIngestSome,
    peer: Peer,
    asked: Result<Asked<AskWrite>, ApiError>,
    request: Request,
) -> Result<Response, ApiError> {
    write(inlet, pusher, peer, asked, request).await
}

/// The same, where version 1 of InfluxDB has it; the token is then the password.
#[utoipa::path(post, path = "/write", tag = "readings", params(AskWrite),
    request_body(content = String, content_type = "text/plain"),
    responses((status = 204), (status = 400, body = NotWritten), (status = 409, body = NotWritten),
        (status = 413, body = NotWritten), (status = 429, body = NotWritten), (status = 503, body = NotWritten),
        (status = 507, body = NotWritten)))]
pub(super) async fn write(
    State(inlet): State<Inlet>,
    pusher: MayIngestSome,
    peer: Peer,
    asked: Result<Asked<AskWrite>, ApiError>,
    request: Request,
) -> Result<Response, ApiError> {
    let Asked(asked) = asked.inspect_err(|_| inlet.desk.counters.invalid())?;
    let written = store_lines(&inlet, pusher, peer, request, asked.precision, true).await?;
    Ok(written.answer(|flaws| Json(NotWritten::of(flaws)).into_response()))
}

/// The same, where version 3 of InfluxDB has it. `no_sync` does not matter: what is answered is on disk.
#[utoipa::path(post, path = "/api/v3/write_lp", tag = "readings", params(AskWriteLp),
    request_body(content = String, content_type = "text/plain"),
    responses((status = 204), (status = 400, body = LinesNotWritten), (status = 409, body = NotWritten),
        (status = 413, body = NotWritten), (status = 429, body = NotWritten), (status = 503, body = NotWritten),
        (status = 507, body = NotWritten)))]
pub(super) async fn write_lp(
    State(inlet): State<Inlet>,
    pusher: MayIngestSome,
    peer: Peer,
    asked: Result<Asked<AskWriteLp>, ApiError>,
    request: Request,
) -> Result<Response, ApiError> {
    let Asked(asked) = asked.inspect_err(|_| inlet.desk.counters.invalid())?;
    let written = store_lines(&inlet, pusher, peer, request, asked.precision, asked.accept_partial).await?;
    Ok(written.answer(|flaws| Json(LinesNotWritten::of(flaws)).into_response()))
}

/// What came of lines.
struct Written {
    readings: usize,
    passed_over: usize,
    flaws: Option<Flaws>,
}

impl Written {
    fn answer(self, tell: impl FnOnce(&Flaws) -> Response) -> Response {
        let headers = [(STORED, HeaderValue::from(self.readings)), (PASSED_OVER, HeaderValue::from(self.passed_over))];
        match self.flaws {
            None => (StatusCode::NO_CONTENT, headers).into_response(),
            Some(flaws) => (StatusCode::BAD_REQUEST, headers, tell(&flaws)).into_response(),
        }
    }
}

async fn store_lines(
    inlet: &Inlet,
    MayIngestSome(view): MayIngestSome,
    peer: Peer,
    request: Request,
    precision: Precision,
    partial: bool,
) -> Result<Written, ApiError> {
    let sends = sends(&request, view, partial);
    let now = inlet.clock.wall();
    let (gathered, (read, flaws)) = receive(inlet, request, move |body, gathered| {
        let read = gather(body, precision, gathered, now);
        let flaws = Flaws::of(body, &read);
        Ok((read, flaws))
    })
    .await?;
    if flaws.is_some() && (!partial || gathered.is_empty()) {
        inlet.desk.counters.invalid();
        inlet.desk.counters.left_out(read.left_out, 0);
        return Ok(Written { readings: 0, passed_over: read.passed_over, flaws });
    }
    let kept = keep(inlet, gathered, &sends, peer, now).await.map_err(|error| match &flaws {
        // Else all of it comes again, and is told then.
        Some(flaws) if error.is_for_ever() => error.and(&flaws.beside()),
        _ => error,
    })?;
    let flaws = Flaws::but_the_rest(flaws, read.lines, kept.left_out);
    if let Some(flaws) = &flaws {
        inlet.desk.counters.left_out(flaws.left_out(), flaws.readings());
    }
    Ok(Written { readings: kept.readings, passed_over: read.passed_over, flaws })
}

/// What a client of InfluxDB 1 asks before it writes.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AskQuery {
    /// `CREATE DATABASE name` or `SHOW DATABASES`; it may be in the body instead, as a form.
    #[param(value_type = String, required = false)]
    q: Option<String>,
}

impl FromParams for AskQuery {
    fn from_params(params: &mut Params) -> Result<Self, ApiError> {
        elsewhere(params)?;
        for ignored in ["epoch", "pretty", "chunked", "precision"] {
            params.all(ignored);
        }
        Ok(Self { q: params.one("q")? })
    }
}

/// What version 1 of InfluxDB answers to statements.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Results {
    /// One of each statement.
    results: Vec<StatementResult>,
}

/// What came of a statement.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StatementResult {
    /// Which, from 0.
    statement_id: u32,
    /// What was asked for.
    series: Vec<Listed>,
}

/// A list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Listed {
    name: String,
    columns: Vec<String>,
    values: Vec<Vec<String>>,
}

/// Answers the first question of clients of InfluxDB 1: the database that they ask for is there, whatever its name. There is
/// one place for readings.
#[utoipa::path(post, path = "/query", tag = "readings", params(AskQuery),
    responses((status = 200, body = Results), (status = 400, body = NotWritten)))]
pub(super) async fn query(
    _: MayIngestSome,
    Asked(asked): Asked<AskQuery>,
    request: Request,
) -> Result<Json<Results>, ApiError> {
    let is_post = request.method() == Method::POST;
    let statement = match asked.q {
        Some(statement) => statement,
        None if is_post => {
            let body = to_bytes(request.into_body(), QUERY_BYTES).await;
            let body =
                body.map_err(|_| ApiError::invalid("q", format!("a statement has at most {QUERY_BYTES} bytes")))?;
            let statement = form(&body).into_iter().flatten().find(|(name, _)| name == "q");
            statement.map(|(_, statement)| statement).unwrap_or_default()
        }
        None => String::new(),
    };
    answer_to(&statement)
}

/// The same by GET, which InfluxDB has for what changes nothing.
#[utoipa::path(get, path = "/query", tag = "readings", params(AskQuery),
    responses((status = 200, body = Results), (status = 400, body = NotWritten)))]
pub(super) async fn query_by_get(
    pusher: MayIngestSome,
    asked: Asked<AskQuery>,
    request: Request,
) -> Result<Json<Results>, ApiError> {
    query(pusher, asked, request).await
}

fn answer_to(statement: &str) -> Result<Json<Results>, ApiError> {
    let mut words = statement.split_whitespace().map(str::to_ascii_uppercase);
    let series = match (
        words.next().as_deref(),
        words.next().map(|word| word.trim_end_matches(';').to_owned()).as_deref(),
    ) {
        (Some("CREATE"), Some("DATABASE")) => Vec::new(),
        (Some("SHOW"), Some("DATABASES")) => {
            let (name, columns) = ("databases".to_owned(), vec!["name".to_owned()]);
            vec![Listed { name, columns, values: vec![vec!["telemetry-hub".to_owned()]] }]
        }
        _ => {
            let detail = "only CREATE DATABASE and SHOW DATABASES are answered here: readings are asked for at /api/v1/query; see /api/docs";
            return Err(ApiError::invalid("q", detail));
        }
    };
    Ok(Json(Results { results: vec![StatementResult { statement_id: 0, series }] }))
}

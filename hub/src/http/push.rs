//! `POST /readings`, `/write`, `/api/v2/write`: readings that programs push.
//!
//! ```text
//!   body ──▶ unpack ──▶ gather (all of it is read before anything is done) ──▶ names become numbers ──▶ room ──▶ desk
//!                                                                     answer ◀── on disk ◀── commit ◀── the pipeline
//! ```
//!
//! The answer comes after the readings are on disk, as an acknowledgement to a device does. A request with anything wrong in
//! it is refused as a whole, with the line or field. Who got no answer sends it again: a reading of the same sensor and moment
//! is stored once, the last one counts.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use super::AppState;
use super::auth::{By, Peer, Pusher, Sender};
use super::dto::Problem;
use super::dto::line::{self, Precision};
use super::dto::push::{NewReadings, Pushed, gather_json, gather_ndjson};
use super::error::ApiError;
use super::newcomers::{Refusal as NoNewcomer, Wanted};
use super::params::{Asked, FromParams, Params};
use super::shares::Asker;
use super::unpack::{Body, ROOM_WITHIN, busy};
use crate::ingest::desk::Verdict;
use crate::ingest::gather::{Gathered, Part, Refusal, Refused};
use crate::live::Update;
use crate::model::UnixMillis;
use crate::model::access::Scope;
use crate::model::device::DeviceNo;
use crate::model::view::View;
use crate::store::{Origin, Wish};

/// Readings of one request: a third of the way to the disk.
const MOST: usize = 200_000;
/// Bodies read at once, a core each: others wait with theirs in memory.
pub(super) const AT_ONCE: usize = 2;
/// A body up to here is read where it is, in less time than another thread takes to wake.
const SMALL: usize = 16 << 10;
/// How often devices and sensors are made for one request: a deletion beside it may undo it once.
const TRIES: usize = 3;
/// Readings on disk, and values that are no readings.
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
    State(app): State<AppState>,
    Sender(view): Sender,
    peer: Peer,
    request: Request,
) -> Result<Json<Pushed>, ApiError> {
    let is_ndjson = is_ndjson(&request)?;
    let done = take(&app, view, peer, request, move |body, gathered, now| {
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
    app: State<AppState>,
    pusher: Pusher,
    peer: Peer,
    asked: Asked<AskWrite>,
    request: Request,
) -> Result<Response, ApiError> {
    write(app, pusher, peer, asked, request).await
}

/// The same, where version 1 of InfluxDB has it; the token is then the password.
#[utoipa::path(post, path = "/write", tag = "readings", params(AskWrite),
    request_body(content = String, content_type = "text/plain"),
    responses((status = 204), (status = 400, body = Problem), (status = 409, body = Problem),
        (status = 413, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem),
        (status = 507, body = Problem)))]
pub(super) async fn write(
    State(app): State<AppState>,
    Pusher(view): Pusher,
    peer: Peer,
    Asked(asked): Asked<AskWrite>,
    request: Request,
) -> Result<Response, ApiError> {
    let gather = move |body: &str, gathered: &mut Gathered, now| line::gather(body, asked.precision, gathered, now);
    let done = take(&app, view, peer, request, gather).await.map_err(ApiError::for_influx)?;
    let headers = [(STORED, HeaderValue::from(done.readings)), (PASSED_OVER, HeaderValue::from(done.passed_over))];
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}

/// What a request brought.
struct Done {
    readings: usize,
    devices: usize,
    passed_over: usize,
}

/// What whoever sends may do besides sending.
#[derive(Debug)]
pub(super) struct Sends {
    /// Who may make so many devices and series only; nobody where any number is right.
    by: Option<By>,
    /// Devices that their readings may be of.
    view: View,
}

impl Sends {
    /// Any number of any devices.
    pub(super) const ANYTHING: Self = Self { by: None, view: View::ALL };
}

/// Takes a request to the disk.
async fn take(
    app: &AppState,
    view: View,
    Peer(address): Peer,
    request: Request,
    gather: impl FnOnce(&str, &mut Gathered, UnixMillis) -> Result<usize, ApiError> + Send + 'static,
) -> Result<Done, ApiError> {
    let now = app.clock.wall();
    let who = request.extensions().get::<Asker>().and_then(Asker::who);
    let sends = Sends { by: who.filter(|who| !who.scope.includes(Scope::Admin)).map(|who| who.by), view };
    let read = read(app, request, gather, now).await;
    let (mut gathered, passed_over) = read.inspect_err(|error| {
        if error.is_the_clients() {
            app.intake.desk.counters.invalid();
        }
    })?;
    let readings = gathered.len();
    let devices = store(app, &mut gathered, &sends, now).await?;
    app.presence.pushed(gathered.newest(), address, app.clock.wall());
    Ok(Done { readings, devices: devices.len(), passed_over })
}

async fn read(
    app: &AppState,
    request: Request,
    gather: impl FnOnce(&str, &mut Gathered, UnixMillis) -> Result<usize, ApiError> + Send + 'static,
    now: UnixMillis,
) -> Result<(Gathered, usize), ApiError> {
    let body = Body::read(app, request).await?;
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
    let _place = app.reading.acquire().await.map_err(|_| ApiError::stopping())?;
    tokio::task::spawn_blocking(read).await.map_err(ApiError::internal)?
}

/// Makes what is missing, and waits until all readings are on disk; the devices they are of.
pub(super) async fn store(
    app: &AppState,
    gathered: &mut Gathered,
    sends: &Sends,
    now: UnixMillis,
) -> Result<Vec<DeviceNo>, ApiError> {
    make(app, gathered, sends, now).await?;
    let mut batches = gathered.batches(now);
    let entrance = &app.intake.entrance;
    while !batches.is_empty() {
        let fit = entrance.fit(&batches);
        let rest = batches.split_off(fit.max(1).min(batches.len()));
        // What is pushed is taken as a whole; history in as many steps as it takes.
        if !rest.is_empty() && gathered.origin() == Origin::Pushed {
            let detail = "these are more readings than the hub can queue (`--ingest-queue`): send them in parts";
            return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail));
        }
        let room = timeout(ROOM_WITHIN, entrance.reserve_for(&batches)).await.map_err(|_| busy(app))?;
        let told = app.intake.desk.hand_in(entrance, room.ok_or_else(ApiError::stopping)?, batches);
        match told.await {
            Ok(Verdict::Stored) => batches = rest,
            Ok(Verdict::Refused) => return Err(crate::store::Error::Full.into()),
            Err(_) => return Err(ApiError::stopping()),
        }
    }
    Ok(gathered.devices().collect())
}

async fn make(app: &AppState, gathered: &mut Gathered, sends: &Sends, now: UnixMillis) -> Result<(), ApiError> {
    for _ in 0..TRIES {
        let wishes = gathered.resolve(&app.store.catalog(), &sends.view)?;
        if wishes.is_empty() {
            return Ok(());
        }
        sends.by.map_or(Ok(()), |by| admit(app, by, &wishes))?;
        let made: Vec<_> = wishes.iter().map(|wish| wish.id).collect();
        let says_kinds = wishes.iter().flat_map(|wish| &wish.sensors).any(|(_, said)| said.kind.is_some());
        app.store.give_numbers(wishes, gathered.origin(), now).await?;
        if says_kinds {
            // A rate of a counter is not that of a gauge.
            app.rules_changed.notify_one();
        }
        for id in made {
            app.bus.publish(std::sync::Arc::new(Update::Device(id)));
        }
    }
    let detail = "a device was deleted while its readings arrived: send them again";
    Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(1))
}

/// Whether somebody may make these now.
fn admit(app: &AppState, by: By, wishes: &[Wish]) -> Result<(), ApiError> {
    let (wanted, there) = {
        let catalog = app.store.catalog();
        let devices = wishes.iter().filter(|wish| catalog.device_by_id(wish.id).is_none()).count();
        // One that is there and is said to be something else counts as well: that is as much work.
        let series = wishes.iter().map(|wish| wish.sensors.len()).sum();
        let there = Wanted { devices: catalog.device_count(), series: catalog.series_count() };
        (Wanted { devices, series }, there)
    };
    app.newcomers.admit(app.clock.now(), by, wanted, there, app.store.limits()).map_err(|refusal| {
        app.intake.desk.counters.newcomers();
        refusal.into()
    })
}

impl From<NoNewcomer> for ApiError {
    fn from(refusal: NoNewcomer) -> Self {
        const BY_ADMIN: &str = "a token with scope `admin`, and `telemetry-hub import`, may make more";
        match refusal {
            NoNewcomer::TooMany { what, at_once, a_minute } => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_many_new",
                format!(
                    "one token may make {at_once} {what} at once and {a_minute} a minute after that: send fewer; {BY_ADMIN}"
                ),
            ),
            NoNewcomer::TooFast { what, a_minute, seconds } => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_new",
                format!("one token may make {a_minute} {what} a minute: send this again in {seconds} s; {BY_ADMIN}"),
            )
            .retry_after(seconds),
            NoNewcomer::NoPlace { what } => Self::new(
                StatusCode::CONFLICT,
                "limit",
                format!("the hub takes no new {what} from a token: {BY_ADMIN}, as does a higher `--max-{what}`"),
            ),
        }
    }
}

impl From<Refused> for ApiError {
    fn from(Refused { why, part }: Refused) -> Self {
        let error = Self::from(why);
        match part {
            None => error,
            Some(Part::Line(number)) => error.in_line(number),
            Some(Part::Item(index)) => error.within(&format!("[{index}]")),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Outside { device, view } => {
                let detail =
                    format!("`{device}` is not one of the devices with {view}, and this token is only for those");
                Self::forbidden("scope", detail).field("device")
            }
            Refusal::LikeAnId(device) => {
                let detail = format!("there is no device with the id `{device}`, and a new one needs another name");
                Self::invalid("device", detail)
            }
            Refusal::Blocked(device) => Self::conflict("device", format!("{device} is blocked")),
            Refusal::Own { device, sensor } => Self::conflict(
                "sensor",
                format!("{sensor} of {device} is sent by the device's own agent: use another sensor name"),
            ),
        }
    }
}

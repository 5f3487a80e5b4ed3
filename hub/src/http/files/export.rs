//! `/export`: every reading of many series, as a file.
//!
//! ```text
//!   store ── a page ──▶ task ── pieces of text, two at most ──▶ body ──▶ client
//! ```
//!
//! An export of any length needs the memory of one page and a few pieces: the task continues only when the client has read what
//! was written, and a slow client occupies only its own place. It holds no snapshot: readings that arrive for a time that is
//! already written are not in the file. While the hub is too loaded for queries the export pauses. Nothing is cut silently: the
//! transfer ends properly only after the last row, otherwise it fails, and NDJSON ends with a line `{"error":"..."}` as well. For
//! clients that accept gzip it is compressed on the way.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{Stream, stream};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::rows::{ExportRow, Format, Rows};
use crate::http::error::nobody;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::MayReadSome;
use crate::http::gate::credentials;
use crate::http::gate::history::History;
use crate::http::keys::Keys;
use crate::http::limits::{EXPORTS, EXPORTS_OF_ONE};
use crate::http::principal::Principal;
use crate::http::request::params::{Asked, FromParams, Params, range};
use crate::http::request::select::{Selector, SelectorParams};
use crate::http::shares::PLACE;
use crate::http::shares::asker::Asker;
use crate::http::shares::rooms::Rooms;
use crate::http::state::Ongoing;
use crate::model::reading::SeriesId;
use crate::model::view::View;
use crate::model::{UnixMillis, when};
use crate::store::{self, Page, Store};

/// Readings of one page: half a megabyte, some milliseconds of work between two turns of others.
const PAGE: usize = 20_000;
/// Bytes of one piece of text.
const PIECE: usize = 64 << 10;
/// Pieces that are ready before the client reads them: one on its way, and the next one.
const AHEAD: usize = 2;
/// How long a client may read nothing before its place goes to another one.
const STUCK: Duration = Duration::from_secs(60);
/// How long a client may take to read the line with the reason: a hub that stops has a few seconds.
const LAST_WORD: Duration = Duration::from_secs(2);
/// How long an export waits for an overloaded hub before it is cut: a burst of readings is over by then.
const PAUSE: Duration = Duration::from_secs(60);
/// Pause between two checks whether the load is over.
const LOOK: Duration = Duration::from_secs(1);

/// The parameters, for the contract: they are read into an [`AskExport`].
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters")]
struct ExportParams {
    /// Format; `csv` when left out.
    #[param(value_type = Format, required = false, inline)]
    format: (),
    /// Start, included: RFC 3339, epoch milliseconds, or `now-6h`; an hour before `to` when left out.
    #[param(value_type = String, required = false)]
    from: (),
    /// End, not included; now when left out.
    #[param(value_type = String, required = false)]
    to: (),
}

/// The parts of the hub that an export reads by.
#[derive(Clone)]
pub(in crate::http) struct Exports {
    pub(in crate::http) store: Store,
    pub(in crate::http) history: History,
    pub(in crate::http) rooms: Arc<Rooms>,
    /// To check that the caller still has access.
    pub(in crate::http) keys: Arc<Keys>,
}

/// What is asked.
#[derive(Debug)]
pub(in crate::http) struct AskExport {
    format: Format,
    selector: Selector,
    range: (UnixMillis, UnixMillis),
}

impl FromParams for AskExport {
    fn from_params(params: &mut Params) -> Result<Self, ApiError> {
        let format = match params.one("format")?.as_deref() {
            None => Format::Csv,
            Some(name) => Format::named(name)
                .ok_or_else(|| ApiError::invalid("format", format!("`{name}` is not a format: write csv or ndjson")))?,
        };
        Ok(Self { format, selector: Selector::of(params)?, range: range(params)? })
    }
}

/// Every stored reading of every matching series, by device name, sensor and time, as a file. A device or sensor that
/// is named without a wildcard must exist. A transfer that ends early fails; in NDJSON its last line is
/// `{"error":"..."}`. In CSV a name that begins as a formula does (`=`, `+`, `-`, `@`) has an apostrophe before it.
#[utoipa::path(get, path = "/api/v1/export", tag = "readings", params(SelectorParams, ExportParams),
    responses((status = 200, content((String = "text/csv"), (ExportRow = "application/x-ndjson"))),
        (status = 400, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem)))]
pub(in crate::http) async fn download(
    State(parts): State<Exports>,
    State(ongoing): State<Ongoing>,
    MayReadSome(view): MayReadSome,
    Extension(asker): Extension<Asker>,
    Asked(asked): Asked<AskExport>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    parts.history.admits()?;
    let is_gzip = takes_gzip(&headers);
    let (series, name) = {
        let catalog = parts.store.catalog();
        let found = asked.selector.series(&catalog, &view);
        asked.selector.all_there(&catalog, &view, &found)?;
        let first = found.first().map(|(device, _)| *device);
        let only = first.filter(|first| found.iter().all(|(device, _)| device.no == first.no));
        let name = attachment(&asked, only.map(|device| device.name.as_str()));
        // Numbers alone: names of a hundred thousand series would be most of the memory.
        (found.iter().map(|(_, series)| series.id).collect(), name)
    };
    let who = asker.who().ok_or_else(nobody)?.clone();
    let place = parts.rooms.exports.of(who.by).try_take(PLACE).ok_or_else(|| {
        let detail = format!(
            "{EXPORTS_OF_ONE} exports of yours, or {EXPORTS} of all, are under way: try again when one has ended"
        );
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(10)
    })?;
    let (pieces, body) = mpsc::channel(AHEAD);
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asked.format.media_type()));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::try_from(name).map_err(ApiError::internal)?);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if is_gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    let packer = is_gzip.then(|| GzEncoder::new(Vec::new(), Compression::fast()));
    let task = ExportTask {
        parts,
        closing: ongoing.closing,
        who,
        view,
        format: asked.format,
        series,
        range: asked.range,
        packer,
        pieces,
    };
    ongoing.tasks.spawn(async move {
        task.run().await;
        drop(place);
    });
    Ok((headers, Body::from_stream(whole(body))).into_response())
}

/// What the file is called: in plain letters, and where the device's name has others in its own as well (RFC 6266, 8187).
fn attachment(asked: &AskExport, device: Option<&str>) -> String {
    const KEPT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');
    let plain = file_name(asked, device, |c| c.is_ascii_alphanumeric());
    let own = file_name(asked, device, char::is_alphanumeric);
    if own == plain {
        return format!("attachment; filename=\"{plain}\"");
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(&own, &KEPT))
}

/// `attic_20261124T100000Z_20261124T110000Z.csv` of one device, `readings_...` of several: sorts by time, and no file system
/// minds it.
fn file_name(asked: &AskExport, device: Option<&str>, is_kept: impl Fn(char) -> bool) -> String {
    let kept = |c: char| if is_kept(c) || c == '-' { c } else { '_' };
    let of: String = device.unwrap_or_default().chars().map(kept).collect();
    let of = of.trim_matches('_');
    let of = if of.is_empty() { "readings" } else { of };
    let short = |at| {
        let moment = when::moment(at);
        let second = moment.split_once('.').map_or(moment.as_str(), |(second, _)| second);
        second.replace(['-', ':'], "")
    };
    let (from, to) = asked.range;
    format!("{of}_{}Z_{}Z.{}", short(from), short(to), asked.format.ending())
}

/// Whether a client takes gzip: it is named, or everything is, and not refused by a weight of 0.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let all = headers.get_all(header::ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    let mut best = None;
    for coding in all.flat_map(|line| line.split(',')) {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok()).unwrap_or(1.0);
        match name.trim() {
            "gzip" | "x-gzip" => return weight > 0.0,
            "*" => best = Some(weight > 0.0),
            _ => {}
        }
    }
    best.unwrap_or(false)
}

/// A part of the file, or the word that nothing more comes: a channel that closes without it was cut.
#[derive(Debug)]
enum Piece {
    Part(Bytes),
    End,
}

/// The export ended before its last row.
#[derive(Debug, thiserror::Error)]
#[error("the export was cut")]
struct Truncated;

fn whole(pieces: mpsc::Receiver<Piece>) -> impl Stream<Item = Result<Bytes, Truncated>> {
    stream::unfold(Some(pieces), |pieces| async {
        let mut pieces = pieces?;
        match pieces.recv().await {
            Some(Piece::Part(part)) => Some((Ok(part), Some(pieces))),
            Some(Piece::End) => None,
            None => Some((Err(Truncated), None)),
        }
    })
}

/// Writes one export.
struct ExportTask {
    parts: Exports,
    /// Cancelled when the hub stops.
    closing: CancellationToken,
    /// The caller, whose access may end during the export.
    who: Principal,
    /// What they may see; a device may leave it under way.
    view: View,
    format: Format,
    series: Vec<SeriesId>,
    range: (UnixMillis, UnixMillis),
    /// What packs it, where the client takes that.
    packer: Option<GzEncoder<Vec<u8>>>,
    pieces: mpsc::Sender<Piece>,
}

impl ExportTask {
    /// Until the last row, the client hangs up, or the hub stops.
    async fn run(mut self) {
        let (pieces, closing) = (self.pieces.clone(), self.closing.clone());
        let outcome = tokio::select! {
            biased;
            () = pieces.closed() => return,
            () = closing.cancelled() => Err(ApiError::stopping()),
            outcome = self.write() => outcome,
        };
        if let Err(error) = outcome {
            // A client that took the first lines and hung up wanted no more.
            if self.pieces.is_closed() {
                return;
            }
            warn!(%error, "an export was cut: {error}");
            if let Some(line) = self.format.cut(error.detail()) {
                // A client that does not take this line sees by the broken transfer that the file was cut.
                let word = async {
                    self.part(line).await?;
                    self.flush().await
                };
                let _ = timeout(LAST_WORD, word).await;
            }
        }
    }

    async fn write(&mut self) -> Result<(), ApiError> {
        let mut text = String::with_capacity(PIECE + 1_024);
        text.push_str(self.format.head());
        let (mut from, to) = self.range;
        for series in std::mem::take(&mut self.series) {
            loop {
                if !credentials::still_holds(&self.parts.keys, &self.who).await {
                    return Err(ApiError::unauthenticated("access ended while this was exported"));
                }
                let rows = self.rows(series)?;
                let page = self.page(series, from, to).await?;
                for point in &page.points {
                    rows.write(*point, &mut text);
                    if text.len() >= PIECE {
                        let full = std::mem::replace(&mut text, String::with_capacity(PIECE + 1_024));
                        self.part(full).await?;
                    }
                }
                let Some(last) = page.points.last().filter(|_| page.more) else { break };
                // One point a millisecond, so the next page begins a millisecond behind the last point.
                from = last.at.plus(1);
            }
            from = self.range.0;
        }
        self.part(text).await?;
        self.flush().await?;
        self.send(Piece::End).await
    }

    /// Sends a part of the text, packed if need be: then it may be sent later, with others.
    async fn part(&mut self, text: String) -> Result<(), ApiError> {
        let Some(packer) = &mut self.packer else { return self.send(Piece::Part(Bytes::from(text))).await };
        packer.write_all(text.as_bytes()).map_err(ApiError::internal)?;
        if packer.get_ref().len() < PIECE {
            return Ok(());
        }
        let packed = std::mem::take(packer.get_mut());
        self.send(Piece::Part(Bytes::from(packed))).await
    }

    /// Sends what is still being packed.
    async fn flush(&mut self) -> Result<(), ApiError> {
        let Some(packer) = self.packer.take() else { return Ok(()) };
        let packed = packer.finish().map_err(ApiError::internal)?;
        self.send(Piece::Part(Bytes::from(packed))).await
    }

    /// How the rows of a series begin and end.
    fn rows(&self, series: SeriesId) -> Result<Rows, ApiError> {
        let catalog = self.parts.store.catalog();
        let series = catalog.series(series).and_then(|series| Some((catalog.device(series.device)?, series)));
        let series = series.filter(|(device, _)| self.view.has(device));
        let gone = || ApiError::not_found("a device was removed while it was exported");
        series.map(|(device, series)| Rows::of(self.format, device, series)).ok_or_else(gone)
    }

    /// The next readings of a series, once there is time for them.
    async fn page(&self, series: SeriesId, from: UnixMillis, to: UnixMillis) -> Result<Page, ApiError> {
        let page = async {
            loop {
                if self.parts.history.admits().is_ok() {
                    let _turn = self.parts.rooms.export_pages.acquire().await.map_err(|_| ApiError::stopping())?;
                    match self.parts.store.readings(series, from, to, PAGE).await {
                        Err(store::Error::Busy(_)) => {}
                        page => return page.map_err(ApiError::from),
                    }
                }
                sleep(LOOK).await;
            }
        };
        let overloaded = |_| {
            ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "overloaded",
                "the hub was overloaded for too long: try again",
            )
        };
        timeout(PAUSE, page).await.map_err(overloaded)?
    }

    async fn send(&self, piece: Piece) -> Result<(), ApiError> {
        let sent = timeout(STUCK, self.pieces.send(piece)).await;
        let gone = || ApiError::new(StatusCode::REQUEST_TIMEOUT, "stuck", "the client read nothing for a minute");
        sent.ok().and_then(Result::ok).ok_or_else(gone)
    }
}

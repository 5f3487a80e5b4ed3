//! `POST /import`: stores the readings of a file of any length, in the memory of a few parts.
//!
//! ```text
//!   body ──▶ inflated ──▶ parts of whole lines ──▶ read ──▶ the pipeline, lane of what was kept ──▶ on disk ──▶ next part
//! ```
//!
//! A part is read completely before any of it is stored, and stored before the next is read. An import that ends early says how
//! far it was stored, and the same file may be sent again: a reading of one sensor and moment is stored once. Imported readings
//! raise no live alert. Devices take precedence: while the hub is loaded, the import waits.

use std::io::Write as _;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use flate2::write::MultiGzDecoder;
use futures_util::StreamExt as _;
use tokio::time::{sleep, timeout};

use super::lines::{Imported, LineReader};
use super::rows::Format;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::MayAdminWithQuery;
use crate::http::intake::inlet::Inlet;
use crate::http::intake::unpack::is_gzip;
use crate::http::limits::ROOM_WITHIN;
use crate::http::request::params::{Asked, FromParams, Params};
use crate::http::state::Ongoing;
use crate::ingest::gather::Gathered;
use crate::ingest::way::{Sends, Stored};
use crate::model::view::View;
use crate::model::{UnixMillis, when};
use crate::pressure::Shed;
use crate::store::Origin;

/// Bytes of one part: some ten thousand readings, so that a commit for each part costs little.
const PART: usize = 4 << 20;
/// Longest line, in bytes: a row has a few hundred.
const LINE: usize = 64 << 10;
/// How long a client may send nothing before its place goes to another one.
const STUCK: Duration = Duration::from_secs(60);
/// How long an import waits for an overloaded hub before it ends.
const PAUSE: Duration = Duration::from_secs(60);
/// Pause between two checks whether the load is over.
const LOOK: Duration = Duration::from_millis(200);

/// What is asked.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct AskImport {
    /// Format of the file; that of `Content-Type` when left out.
    #[param(value_type = Format, required = false, inline)]
    format: Option<Format>,
    /// Number of the first line, where the file is sent in parts; 1 when left out.
    #[param(value_type = u64, required = false)]
    first_line: u64,
    /// `true`: check it, say what would be imported and which lines are wrong, and store nothing.
    #[param(value_type = bool, required = false)]
    dry_run: bool,
    /// `true`: accept times before the year 2000 and in the future too, where they are written as RFC 3339: what a
    /// device with a wrong clock reported, from an export.
    #[param(value_type = bool, required = false)]
    any_time: bool,
}

impl FromParams for AskImport {
    fn from_params(params: &mut Params) -> Result<Self, ApiError> {
        let format = params.one("format")?.map(|name| {
            let detail = || format!("`{name}` is not a format: write csv or ndjson");
            Format::named(&name).ok_or_else(|| ApiError::invalid("format", detail()))
        });
        Ok(Self {
            format: format.transpose()?,
            first_line: params.parsed("first_line", "the number of a line")?.unwrap_or(1),
            dry_run: params.parsed("dry_run", "true or false")?.unwrap_or(false),
            any_time: params.parsed("any_time", "true or false")?.unwrap_or(false),
        })
    }
}

/// Imports history: CSV or NDJSON as `/export` writes it, gzip or not, of any length. Unknown devices appear under the
/// id they had. Nothing of it raises a live alert. It ends at the first wrong line and says how far it was stored; the
/// same file may be sent again.
#[utoipa::path(post, path = "/api/v1/import", tag = "readings", params(AskImport),
    request_body(content((String = "text/csv"), (String = "application/x-ndjson"))),
    responses((status = 200, body = Imported), (status = 400, body = Problem), (status = 409, body = Problem),
        (status = 503, body = Problem), (status = 507, body = Problem)))]
pub(in crate::http) async fn upload(
    State(inlet): State<Inlet>,
    State(ongoing): State<Ongoing>,
    MayAdminWithQuery(actor): MayAdminWithQuery,
    Asked(asked): Asked<AskImport>,
    request: Request,
) -> Result<Json<Imported>, ApiError> {
    let format = asked.format.or_else(|| named_by_type(&request)).ok_or_else(|| {
        let detail = "set the format: `Content-Type: text/csv` or `application/x-ndjson`, or `format=`";
        ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "format", detail)
    })?;
    let is_gzip = is_gzip(request.headers())?;
    let place = inlet.rooms.imports.clone().try_acquire_owned().map_err(|_| {
        let detail = "another import is under way; try again in a moment";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(5)
    })?;
    // One note a file: a file that is sent in parts is noted with its first part.
    if !asked.dry_run && asked.first_line == 1 {
        inlet.store.note_of(actor, "import.began", format.ending().to_owned()).await?;
    }
    let import = Import {
        now: inlet.clock.wall(),
        inlet,
        reader: LineReader::new(format, asked.any_time, asked.first_line),
        done: Imported { dry_run: asked.dry_run, ..Imported::default() },
    };
    let outcome = tokio::select! {
        biased;
        () = ongoing.closing.cancelled() => Err(ApiError::stopping()),
        outcome = import.run(request.into_body(), is_gzip) => outcome,
    };
    drop(place);
    outcome.map(Json)
}

fn named_by_type(request: &Request) -> Option<Format> {
    let kind = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    match kind.split(';').next()?.trim() {
        "text/csv" => Some(Format::Csv),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Some(Format::Ndjson),
        _ => None,
    }
}

struct Import {
    inlet: Inlet,
    reader: LineReader,
    done: Imported,
    now: UnixMillis,
}

impl Import {
    async fn run(mut self, body: Body, is_gzip: bool) -> Result<Imported, ApiError> {
        let mut body = body.into_data_stream();
        let mut plain = Plain::new(is_gzip);
        loop {
            let next = timeout(STUCK, body.next()).await.map_err(|_| self.cut("nothing arrived for a minute"))?;
            let Some(bytes) = next else { break };
            let bytes = bytes.map_err(|error| self.cut(&format!("the transfer ended early ({error})")))?;
            // Bounds how much is unpacked at once: a small body may become a large one.
            for some in bytes.chunks(plain.at_once()) {
                plain.write(some).map_err(|error| self.cut(&error))?;
                while let Some(part) = plain.part(PART).map_err(|error| self.cut(&error))? {
                    self.take(part).await?;
                }
            }
        }
        let rest = plain.finish().map_err(|error| self.cut(&error))?;
        if !rest.is_empty() {
            self.take(rest).await?;
        }
        let Self { reader, mut done, .. } = self;
        done.lines = reader.read;
        done.from = reader.span.map(|(from, _)| when::moment(from));
        done.to = reader.span.map(|(_, to)| when::moment(to));
        Ok(done)
    }

    /// Takes a part to the disk.
    async fn take(&mut self, part: Vec<u8>) -> Result<(), ApiError> {
        let before = self.reader.lines;
        let part = String::from_utf8(part).map_err(|_| {
            self.stopped(before, ApiError::new(StatusCode::BAD_REQUEST, "not_text", "this is not UTF-8"))
        })?;
        let (now, dry_run) = (self.now, self.done.dry_run);
        let mut reader = std::mem::replace(&mut self.reader, LineReader::new(Format::Csv, false, 1));
        let read = tokio::task::spawn_blocking(move || {
            let mut gathered = Gathered::new(Origin::Imported);
            let mut wrong = Vec::new();
            reader.read(&part, &mut gathered, now, |line, error| {
                wrong.push((line, error));
                dry_run
            });
            (reader, gathered, wrong)
        });
        let (reader, mut gathered, wrong) = read.await.map_err(ApiError::internal)?;
        self.reader = reader;
        for (line, error) in wrong {
            if !dry_run {
                return Err(self.stopped(before, error.in_line(line)));
            }
            self.done.wrong(line, &error);
        }
        let found = gathered.resolve(&self.inlet.store.catalog(), &View::ALL);
        found.map_err(|refused| self.stopped(before, refused.into()))?;
        self.done.note_devices(&gathered);
        if !dry_run {
            self.calm().await.map_err(|error| self.stopped(before, error))?;
            let (sends, mut stored) = (Sends::history(ROOM_WITHIN), Stored::default());
            let ended = self.inlet.store(&mut gathered, &sends, now, &mut stored).await;
            ended.map_err(|error| self.stopped(before, error.into()))?;
        }
        self.done.readings += gathered.len() as u64;
        Ok(())
    }

    /// Waits while an overloaded hub takes no readings that a sender kept for later.
    async fn calm(&self) -> Result<(), ApiError> {
        let calm = async {
            while self.inlet.pressure.sheds(Shed::Backfill) {
                sleep(LOOK).await;
            }
        };
        timeout(PAUSE, calm).await.map_err(|_| {
            let detail = "the hub was overloaded for too long";
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail).retry_after(5)
        })
    }

    fn cut(&self, why: &str) -> ApiError {
        self.stopped(self.reader.lines, ApiError::new(StatusCode::BAD_REQUEST, "cut", why))
    }

    /// An error, and how far the file is stored.
    fn stopped(&self, lines: u64, error: ApiError) -> ApiError {
        match self.done.dry_run {
            true => error,
            false if lines == 0 => error.and("nothing of it is stored"),
            false => error.and(&format!("stored up to line {lines}; importing those lines again changes nothing")),
        }
    }
}

/// A file on its way: inflated if need be, in parts of whole lines.
struct Plain {
    held: Held,
}

enum Held {
    Plain(Vec<u8>),
    Packed(Box<MultiGzDecoder<Vec<u8>>>),
}

impl Plain {
    fn new(is_gzip: bool) -> Self {
        let held =
            if is_gzip { Held::Packed(Box::new(MultiGzDecoder::new(Vec::new()))) } else { Held::Plain(Vec::new()) };
        Self { held }
    }

    /// Bytes to be written at once: gzip makes at most a thousand of one.
    const fn at_once(&self) -> usize {
        match self.held {
            Held::Plain(_) => usize::MAX,
            Held::Packed(_) => PART / 1_024,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        match &mut self.held {
            Held::Plain(held) => held.extend_from_slice(bytes),
            Held::Packed(decoder) => {
                let written = decoder.write_all(bytes).and_then(|()| decoder.flush());
                written.map_err(|error| format!("the body is not gzip: {error}"))?;
            }
        }
        Ok(())
    }

    /// Whole lines, once there are `most` bytes.
    fn part(&mut self, most: usize) -> Result<Option<Vec<u8>>, String> {
        let held = match &mut self.held {
            Held::Plain(held) => held,
            Held::Packed(decoder) => decoder.get_mut(),
        };
        let Some(full) = held.get(..most) else { return Ok(None) };
        let Some(end) = full.iter().rposition(|byte| *byte == b'\n').filter(|end| full.len() - end <= LINE) else {
            return Err(format!("a line is longer than {} KiB", LINE >> 10));
        };
        let rest = held.split_off(end + 1);
        Ok(Some(std::mem::replace(held, rest)))
    }

    /// What is left.
    fn finish(self) -> Result<Vec<u8>, String> {
        match self.held {
            Held::Plain(held) => Ok(held),
            Held::Packed(decoder) => {
                decoder.finish().map_err(|error| format!("the body is an incomplete gzip file: {error}"))
            }
        }
    }
}

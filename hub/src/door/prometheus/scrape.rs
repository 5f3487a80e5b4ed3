//! Asks targets for their metrics, as Prometheus does it. The owner of the hub wrote down which: nothing else is asked, and where an
//! answer leads elsewhere, that is not followed.
//!
//! ```text
//!   pause ──▶ GET (bounded in time and bytes) ──▶ text (PURE) ──▶ gather ──▶ on disk, with `up` 1 or 0
//! ```
//!
//! A target that answered is a device that was heard, one that did not was not. What one shows is stored once: who was not asked
//! in time is asked at the next.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION, USER_AGENT};
use axum::http::{HeaderValue, Request, StatusCode, Uri};
use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{HttpConnector, HttpInfo};
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::text::{Format, gather_text};
use crate::door::called::Labels;
use crate::door::tally::{Dropped, Tally};
use crate::ingest::gather::Gathered;
use crate::ingest::newcomers::Maker;
use crate::ingest::way::{Sends, Stored, Way};
use crate::model::unsaid::without_secrets;
use crate::model::view::View;
use crate::model::{SensorKind, UnixMillis};
use crate::store::Origin;

/// Largest page, in bytes: that of a large database has one.
const PAGE: usize = 4 << 20;
/// Pages that are read at once.
const READ_AT_ONCE: usize = 4;
/// How long readings wait for room on the way to the disk.
const ROOM_WITHIN: Duration = Duration::from_secs(5);
/// Largest file with a token, in bytes.
const TOKEN: usize = 4 << 10;
/// What is understood, the best first.
const ACCEPTED: &str = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/// A page of metrics.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub url: Uri,
    pub interval: Duration,
    /// How long it may take to answer.
    pub timeout: Duration,
    pub device: String,
    /// Labels of all its series.
    pub labels: Labels,
    pub bearer_token_file: Option<PathBuf>,
}

/// Asks all targets, each in its turn, until `stop`.
pub(crate) async fn run(
    way: Way,
    tally: Arc<Tally>,
    targets: Vec<Target>,
    trust: Arc<ClientConfig>,
    stop: CancellationToken,
) -> Result<(), Infallible> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    let client = Client::builder(TokioExecutor::new()).build(HttpsConnector::from((http, trust)));
    let scraper = Scraper { way, tally, client, reading: Semaphore::new(READ_AT_ONCE) };
    let count = u32::try_from(targets.len()).unwrap_or(u32::MAX);
    // Not all at once: each begins its own part of an interval later.
    let turns = (0..).zip(&targets).map(|(place, target)| {
        let first = target.interval / count.max(1) * place;
        scraper.keep_asking(target, first)
    });
    tokio::select! {
        () = stop.cancelled() => {}
        _ = join_all(turns) => stop.cancelled().await,
    }
    scraper.tally.say_the_rest(true);
    Ok(())
}

struct Scraper {
    way: Way,
    tally: Arc<Tally>,
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    reading: Semaphore,
}

/// What a target shows.
struct Page {
    bytes: Bytes,
    format: Format,
    from: Option<SocketAddr>,
}

impl Scraper {
    async fn keep_asking(&self, target: &Target, first: Duration) {
        let mut due = self.way.clock.now() + first;
        loop {
            sleep(due.saturating_duration_since(self.way.clock.now())).await;
            self.ask(target).await;
            self.tally.say_the_rest(false);
            let now = self.way.clock.now();
            while due <= now {
                due += target.interval;
            }
        }
    }

    /// Asks a target once, and stores what it shows.
    async fn ask(&self, target: &Target) {
        let (at, began) = (self.way.clock.wall(), self.way.clock.now());
        let page = timeout(target.timeout, self.page(target)).await;
        let took = self.way.clock.now().saturating_duration_since(began);
        let page = page.unwrap_or_else(|_| Err(format!("no whole answer within {} s", target.timeout.as_secs_f64())));
        let (page, up) = match page {
            Ok(page) => (Some(page), 1.0),
            Err(why) => {
                self.tally.dropped(Dropped::Unreachable, 1, || {
                    format!("{}: {why}", without_secrets(&target.url.to_string()))
                });
                (None, 0.0)
            }
        };
        let from = page.as_ref().and_then(|page| page.from);
        let Ok(mut gathered) = self.gathered(target, page, at).await else { return };
        let device = gathered.device(&target.device);
        for (name, unit, value) in [("up", None, up), ("scrape_duration_seconds", Some("s"), took.as_secs_f64())] {
            let name = crate::door::called::sensor(name, &target.labels, None);
            let slot = gathered.sensor(device, &name, unit, Some(SensorKind::Gauge));
            gathered.push(slot, at, value);
        }
        if self.store(&mut gathered).await
            && let Some(from) = from
        {
            self.way.heard(&gathered, from);
        }
    }

    /// The page of a target.
    async fn page(&self, target: &Target) -> Result<Page, String> {
        let mut request = Request::get(target.url.clone()).header(ACCEPT, ACCEPTED).header(USER_AGENT, "telemetry-hub");
        if let Some(file) = &target.bearer_token_file {
            let token =
                tokio::fs::read_to_string(file).await.map_err(|error| format!("{}: {error}", file.display()))?;
            let token = HeaderValue::from_str(&format!("Bearer {}", token.trim())).ok();
            let mut token = token
                .filter(|token| token.len() <= TOKEN)
                .ok_or_else(|| format!("{}: this is no token", file.display()))?;
            token.set_sensitive(true);
            request = request.header(AUTHORIZATION, token);
        }
        let request = request.body(Empty::new()).map_err(|error| error.to_string())?;
        let response = self.client.request(request).await.map_err(|error| told(&error))?;
        if response.status() != StatusCode::OK {
            let elsewhere = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            let elsewhere = elsewhere
                .map(|to| format!(", and leads to {}, which is not followed", without_secrets(to)))
                .unwrap_or_default();
            return Err(format!("it answers {}{elsewhere}", response.status()));
        }
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let is_open = kind.trim_start().starts_with("application/openmetrics-text");
        let format = if is_open { Format::OpenMetrics } else { Format::Text };
        let from = response.extensions().get::<HttpInfo>().map(HttpInfo::remote_addr);
        let _place = self.reading.acquire().await.map_err(|error| error.to_string())?;
        let body = Limited::new(response.into_body(), PAGE).collect().await;
        let body = body.map_err(|error| format!("{error} (a page may have {} MiB)", PAGE >> 20))?;
        Ok(Page { bytes: body.to_bytes(), format, from })
    }

    /// The readings of a page; none where there is no page.
    async fn gathered(&self, target: &Target, page: Option<Page>, at: UnixMillis) -> Result<Gathered, ()> {
        let mut gathered = Gathered::new(Origin::Pushed);
        let Some(Page { bytes, format, .. }) = page else { return Ok(gathered) };
        let (device, labels) = (target.device.clone(), target.labels.clone());
        let read = tokio::task::spawn_blocking(move || {
            let text = String::from_utf8_lossy(&bytes);
            let read = gather_text(&text, format, &device, &labels, &mut gathered, at);
            (gathered, read)
        });
        let (gathered, read) = read.await.map_err(|_| ())?;
        self.tally.came(read.samples + read.rejected);
        if read.rejected > 0 {
            let why = read.first.unwrap_or_default();
            self.tally.dropped(Dropped::Invalid, read.rejected, || {
                format!("{}: {why}", without_secrets(&target.url.to_string()))
            });
        }
        Ok(gathered)
    }

    /// Takes readings to the disk; whether they are there.
    async fn store(&self, gathered: &mut Gathered) -> bool {
        let sends = Sends {
            by: Some(Maker::Door("scrape")),
            view: View::ALL,
            partial: true,
            whole: false,
            room_within: ROOM_WITHIN,
            once: true,
        };
        let mut stored = Stored::default();
        let now = self.way.clock.wall();
        let ended = self.way.store(gathered, &sends, now, &mut stored).await;
        if stored.replaced > 0 {
            let say = || "another reading of the same sensor and moment came behind".to_owned();
            self.tally.dropped(Dropped::Replaced, stored.replaced, say);
        }
        for (why, readings) in stored.left_out {
            self.tally.dropped(Dropped::NotTaken, readings, || why.to_string());
        }
        match &ended {
            Ok(()) => self.tally.stored(gathered.len()),
            Err(error) => self.tally.dropped(Dropped::of(error), gathered.len(), || error.to_string()),
        }
        ended.is_ok()
    }
}

/// An error with what caused it, which says more.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

//! `/healthz`, `/readyz`, `/health` and `/metrics`: whether the hub is alive, whether it can do its work, and what it counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::http::error::ApiError;
use crate::http::gate::auth;
use crate::http::gate::credentials;
use crate::http::gate::peer::Peer;
use crate::http::keys::Keys;
use crate::http::shares::sockets::Sockets;
use crate::http::state::Snapshot;
use crate::model::access::Scope;
use crate::observe::Exposition;
use crate::settings;
use crate::store::{Store, Trouble};
use crate::tls::Tls;

/// The process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// The process answers, as clients of InfluxDB 1 ask before they write: some of them fail where no version is told.
pub(super) async fn ping() -> impl IntoResponse {
    (StatusCode::NO_CONTENT, [("x-influxdb-version", env!("CARGO_PKG_VERSION"))])
}

/// The same as [`ready`], as clients of InfluxDB 2 ask for it.
pub(super) async fn influx(State(store): State<Store>) -> (StatusCode, Json<Health>) {
    let (status, word, message) = match is_ready(&store).await {
        Ok(()) => (StatusCode::OK, "pass", "ready for writes".to_owned()),
        Err(error) => (error.status(), "fail", error.detail().to_owned()),
    };
    let checks = Vec::new();
    let health =
        Health { name: "influxdb", status: word, message, checks, version: env!("CARGO_PKG_VERSION"), commit: "" };
    (status, Json(health))
}

/// How the hub is, as InfluxDB 2 says it.
#[derive(Serialize)]
pub(super) struct Health {
    /// What clients expect to talk to.
    name: &'static str,
    /// `pass` or `fail`.
    status: &'static str,
    message: String,
    /// Of parts; there are none.
    checks: Vec<String>,
    /// The hub's own.
    version: &'static str,
    commit: &'static str,
}

/// The store answers, and takes writes.
pub(super) async fn ready(State(store): State<Store>) -> Result<&'static str, ApiError> {
    is_ready(&store).await.map(|()| "ok\n")
}

async fn is_ready(store: &Store) -> Result<(), ApiError> {
    let not_ready = |code, detail: String| ApiError::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(1);
    settings::saved_policy(store)
        .await
        .map_err(|error| not_ready("store", format!("the store does not answer: {error}")))?;
    if store.is_full() {
        return Err(not_ready("disk_full", Trouble::DiskFull.to_string()));
    }
    Ok(())
}

/// What `/metrics` is written from, besides the figures of the other rooms.
#[derive(Clone)]
pub(super) struct Counts {
    pub(super) keys: Arc<Keys>,
    pub(super) sockets: Arc<Sockets>,
    /// Connections that found no place.
    pub(super) refused: Arc<AtomicU64>,
    /// Connections of strangers that gave way to others.
    pub(super) gave_way: Arc<AtomicU64>,
    pub(super) tls: Option<Arc<Tls>>,
    /// The text of the other rooms.
    pub(super) metrics: Snapshot<String>,
}

/// Prometheus' text. Open to this machine by its loopback names; others need `read`.
pub(super) async fn metrics(
    State(counts): State<Counts>,
    peer: Peer,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if !peer.is_local(&uri, &headers) {
        let needed = || ApiError::unauthenticated("metrics need an API token with the scope `read`");
        let principal = credentials::identify(&counts.keys, peer, &headers).await?.ok_or_else(needed)?;
        auth::is_for_all(&principal)?;
        if !principal.scope.includes(Scope::Read) {
            return Err(auth::lacks(&principal, Scope::Read));
        }
    }
    let mut own = Exposition::default();
    own.value("gauge", "hub_live_clients", "Open live connections.", counts.sockets.count()).value(
        "counter",
        "hub_live_too_slow_total",
        "Live connections closed because they did not read what was sent.",
        counts.sockets.too_slow.load(Ordering::Relaxed),
    );
    own.value(
        "counter",
        "hub_http_connections_refused_total",
        "Connections closed because there were too many, in total or from one address.",
        counts.refused.load(Ordering::Relaxed),
    )
    .value(
        "counter",
        "hub_http_connections_gave_way_total",
        "Connections without a session or token closed because others came and there were too many.",
        counts.gave_way.load(Ordering::Relaxed),
    );
    if let Some(tls) = &counts.tls {
        let failed = ("counter", "hub_tls_handshakes_failed_total", "TLS handshakes that came to nothing.");
        own.family(failed, "reason", tls.failed.counts()).value(
            "gauge",
            "hub_tls_certificate_expires_timestamp_seconds",
            "When the certificate in use expires.",
            tls.expires_at().0 / 1_000,
        );
    }
    let text = (counts.metrics)() + &own.finish();
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

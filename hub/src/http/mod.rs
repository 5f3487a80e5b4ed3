//! The HTTP shell: REST, the live WebSocket, the page, health and metrics.
//!
//! ```text
//!   accept (serve, places) → by TLS, by HTTP/2? (connection) → through a proxy? (front) → the hub's own name? in time? (guard)
//!     → TLS where it is needed? (plain) → own page? (origin) → handler: who? (auth) what? (params, body)
//!     → store, presence, commands → dto
//! ```
//!
//! Each resource has a folder, with its JSON shapes (`dto`) beside its handlers. The arguments of a handler say who may call it and
//! what it reads of the request; it returns JSON or an [`ApiError`]. All keys of an answer are always present, `null` if there is
//! no value. Unknown keys of a request are refused. Shapes whose names begin with `New`, or end in `Patch` or `Request`, are
//! requests; all others are answers. Everything that a client may rely on is in `/api/openapi.json`, which is committed with the
//! code and compared by a test.

mod access;
mod alerts;
mod assets;
pub(crate) mod config;
mod devices;
mod doors;
mod error;
mod files;
mod gate;
mod health;
mod hub;
mod install;
mod intake;
mod keys;
mod limits;
mod live;
mod names;
mod openapi;
mod parts;
mod principal;
mod prometheus;
mod readings;
mod request;
pub(crate) mod rules;
mod serve;
mod shares;
pub(crate) mod state;
mod tried;
mod webhooks;

#[cfg(test)]
mod tests;

use axum::Router;
use axum::extract::{FromRef as _, Request};
use axum::http::{StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use error::ApiError;
use gate::{actor, guard, origin, patience, plain};
use intake::{otlp, words};
use request::answers;
use serve::Reception;
use state::{AppState, Routes};

/// Shorter answers are not compressed: they fit into one packet either way.
const LEAST_PACKED: u64 = 860;

/// Every route of the API, with its description.
fn api() -> Routes {
    let resources = [
        devices::routes(),
        readings::routes(),
        prometheus::routes(),
        intake::routes(),
        doors::routes(),
        files::routes(),
        live::routes(),
        rules::routes(),
        alerts::routes(),
        webhooks::routes(),
        access::routes(),
        hub::routes(),
        install::routes(),
        Routes::new().routes(routes!(plain::authority)),
    ];
    resources.into_iter().fold(OpenApiRouter::with_openapi(openapi::document()), OpenApiRouter::merge)
}

/// Serves all of it until `stop`, then finishes what runs.
///
/// # Errors
/// Those of [`serve::run`].
pub(crate) async fn serve(listener: TcpListener, state: AppState, stop: CancellationToken) -> std::io::Result<()> {
    let reception = Reception::from_ref(&state);
    serve::run(listener, reception, router(state), stop).await
}

/// The whole HTTP surface over one state.
pub(crate) fn router(state: AppState) -> Router {
    let (api, document) = openapi::split(api());
    let json = Bytes::from(document.to_json().unwrap_or_default());
    let page = Bytes::from(openapi::page(&document));
    api.route("/api/openapi.json", get(move || async move { fixed("application/json", json) }))
        .route("/api/docs", get(move || async move { fixed("text/html; charset=utf-8", page) }))
        .route("/api/docs.css", get(openapi::docs_css))
        .route("/healthz", get(health::alive))
        .route("/ping", get(health::ping))
        .route("/health", get(health::influx))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(elsewhere)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn(actor::with_actor))
        .layer(from_fn_with_state(state.clone(), answers::counted))
        .layer(packed())
        .layer(from_fn_with_state(state.clone(), origin::own_page))
        .layer(from_fn(patience::patience))
        .layer(from_fn_with_state(state.clone(), plain::encrypted))
        .layer(from_fn_with_state(state.clone(), guard::host))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(install::for_a_shell))
        .layer(from_fn(words::in_their_words))
        .layer(from_fn(prometheus::in_their_words))
        .layer(from_fn(otlp::words::in_their_words))
        .layer(from_fn(guard::headers))
        .with_state(state)
}

/// Packs answers as the client asks. What is small gains nothing, and programs and images are packed already.
fn packed() -> CompressionLayer<impl Predicate> {
    let text = SizeAbove::new(LEAST_PACKED)
        .and(NotForContentType::IMAGES)
        .and(NotForContentType::const_new("application/octet-stream"));
    CompressionLayer::new().compress_when(text)
}

fn fixed(kind: &'static str, body: Bytes) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind)], body)
}

async fn elsewhere(request: Request) -> Response {
    let path = request.uri().path();
    if path == "/api" || path.starts_with("/api/") || path.starts_with("/prometheus/") {
        return ApiError::not_found(format!("there is nothing at {path}; see /api/docs")).into_response();
    }
    assets::serve(request.method(), path, request.headers())
}

async fn wrong_method(request: Request) -> ApiError {
    let detail = format!("{} does not take {}; see /api/docs", request.uri().path(), request.method());
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method", detail)
}

#[expect(clippy::needless_pass_by_value, reason = "the layer's signature")]
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    ApiError::internal(format_args!("a handler panicked: {}", text.unwrap_or("?"))).into_response()
}

//! The HTTP shell: REST, the live WebSocket, the page, health and metrics.
//!
//! ```text
//!   accept (serve, places) → by TLS, by HTTP/2? (connection) → through a proxy? (front) → own name, in time? (guard) → not in clear? (plain)
//!                                                             → own page? (origin) → handler: who? (auth) what? (params, body)
//!                                                                             → store, presence, commands → dto
//! ```
//!
//! One file a resource; a handler takes who may call it, what is asked, and returns JSON or an [`error::ApiError`].
//! Everything a client may rely on is in `/api/openapi.json`, which is committed beside the code and compared by a test.

mod account;
mod alerts;
mod answers;
mod assets;
mod audit;
pub mod auth;
mod backtest;
mod body;
mod browser;
mod buckets;
mod connection;
mod deliveries;
mod devices;
pub mod dto;
mod error;
mod export;
mod flow;
mod front;
mod guard;
mod health;
pub mod hub;
mod import;
mod install;
pub mod invitation;
pub mod join_tokens;
mod ledger;
pub mod links;
mod live;
mod newcomers;
mod openapi;
mod origin;
mod pace;
mod page;
mod params;
mod password;
mod path;
mod pieces;
mod places;
mod plain;
mod push;
mod qr;
mod query;
mod readings;
mod replace;
pub mod retention;
mod rules;
mod second_factor;
mod select;
mod sensors;
mod serve;
mod session;
mod sessions;
mod setup;
mod shares;
mod silences;
pub mod state;
mod strangers;
mod throttle;
mod tokens;
mod totp;
mod tries;
mod unpack;
mod users;
mod webhooks;

#[cfg(test)]
mod tests;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use error::ApiError;
pub use serve::serve;
pub use state::{AppState, Config, Figures, HubInfo, Intake, Join, JoinState, Snapshot, Wiring};

/// Shorter answers go as they are: they fit into one packet either way.
const LEAST_PACKED: u64 = 860;

/// Every route of the API, with its description.
fn api() -> OpenApiRouter<AppState> {
    let parts = [of_devices(), of_readings(), of_alerts(), of_programs(), of_people()];
    parts.into_iter().fold(OpenApiRouter::with_openapi(openapi::document()), OpenApiRouter::merge)
}

/// Devices, their sensors, and the hub itself.
fn of_devices() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(hub::show, hub::change))
        .routes(routes!(retention::show, retention::replace))
        .routes(routes!(retention::preview))
        .routes(routes!(devices::list))
        .routes(routes!(devices::show, devices::change, devices::delete))
        .routes(routes!(devices::adopt))
        .routes(routes!(devices::block))
        .routes(routes!(devices::forget))
        .routes(routes!(replace::replace))
        .routes(routes!(replace::swaps))
        .routes(routes!(sensors::list))
        .routes(routes!(sensors::change))
        .routes(routes!(ledger::show))
}

/// Readings, in and out.
fn of_readings() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(readings::latest))
        .routes(routes!(readings::list, push::readings))
        .routes(routes!(push::write_v2))
        .routes(routes!(push::write))
        .routes(routes!(query::one, query::several))
        .routes(routes!(export::download))
        .routes(routes!(import::upload))
        .routes(routes!(live::connect))
}

/// Rules and what follows from them.
fn of_alerts() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(rules::list, rules::create))
        .routes(routes!(rules::show, rules::replace, rules::delete))
        .routes(routes!(backtest::run))
        .routes(routes!(alerts::list))
        .routes(routes!(alerts::ack))
        .routes(routes!(alerts::ack_many))
        .routes(routes!(silences::list, silences::create))
        .routes(routes!(silences::delete))
        .routes(routes!(webhooks::list, webhooks::create))
        .routes(routes!(webhooks::show, webhooks::replace, webhooks::change, webhooks::delete))
        .routes(routes!(webhooks::preview))
        .routes(routes!(webhooks::test))
        .routes(routes!(webhooks::add_to_rules))
        .routes(routes!(webhooks::rotate_secret))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::show))
        .routes(routes!(deliveries::replay))
}

/// Tokens of programs and devices, and what a device gets with one.
fn of_programs() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(join_tokens::list, join_tokens::create))
        .routes(routes!(join_tokens::revoke))
        .routes(routes!(plain::authority))
        .routes(routes!(install::script))
        .routes(routes!(install::agent))
        .routes(routes!(install::bundle))
}

/// People, how they sign in, and what they changed.
fn of_people() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(session::show, session::sign_in, session::sign_out))
        .routes(routes!(sessions::list, sessions::end_others))
        .routes(routes!(sessions::end))
        .routes(routes!(audit::list))
        .routes(routes!(setup::setup_state, setup::setup))
        .routes(routes!(account::change_password))
        .routes(routes!(second_factor::prepare, second_factor::turn_on))
        .routes(routes!(second_factor::turn_off))
        .routes(routes!(second_factor::renew))
        .routes(routes!(invitation::look, invitation::accept))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::change, users::delete))
        .routes(routes!(users::reset))
        .routes(routes!(users::drop_second_factor))
}

/// The whole HTTP surface over one state.
pub fn router(state: AppState) -> Router {
    let (api, document) = openapi::split(api());
    let json = Bytes::from(document.to_json().unwrap_or_default());
    let page = Bytes::from(openapi::page(&document));
    api.route("/api/openapi.json", get(move || async move { fixed("application/json", json) }))
        .route("/api/docs", get(move || async move { fixed("text/html; charset=utf-8", page) }))
        .route("/api/docs.css", get(openapi::docs_css))
        .route("/healthz", get(health::alive))
        .route("/ping", get(health::ping))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(elsewhere)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn(audit::with_actor))
        .layer(from_fn_with_state(state.clone(), answers::counted))
        .layer(packed())
        .layer(from_fn_with_state(state.clone(), origin::own_page))
        .layer(from_fn(guard::patience))
        .layer(from_fn_with_state(state.clone(), plain::encrypted))
        .layer(from_fn_with_state(state.clone(), guard::host))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(install::for_a_shell))
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
    if path == "/api" || path.starts_with("/api/") {
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

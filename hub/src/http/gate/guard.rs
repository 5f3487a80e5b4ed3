//! Checks before every handler: the host name of the request; and the headers of its answer.
//!
//! DNS rebinding: a page of an attacker has the attacker's name in both `Origin` and `Host`, so `Origin` does not tell
//! it apart. Therefore only requests by one of the hub's own names are answered. A refusal gives the name and the
//! setting, in the answer and in the log.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::host::{host_of, is_own_host, name_of};
use crate::http::error::ApiError;
use crate::http::names::Names;

/// Answers only to the hub's own names.
pub(in crate::http) async fn host(State(names): State<Arc<Names>>, request: Request, next: Next) -> Response {
    match own_name(&names, request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => {
            names.note(&refusal);
            if is_of_a_browser(request.headers()) { for_people(refusal) } else { refusal.into_response() }
        }
    }
}

/// Whether somebody opens the page, and no program asks.
fn is_of_a_browser(headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT).and_then(|accepts| accepts.to_str().ok());
    accepts.is_some_and(|accepts| accepts.contains("text/html"))
}

/// The sentence alone, as text: the name in it is whatever somebody sent.
fn for_people(refusal: ApiError) -> Response {
    let text = format!("{}\n", refusal.detail());
    let mut response = refusal.into_response();
    *response.body_mut() = text.into();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn own_name(names: &Names, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
    let name = name_of(uri, headers)?;
    if is_own_host(names, &name) {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::MISDIRECTED_REQUEST,
        "unknown_host",
        format!(
            "this hub does not answer to the name `{name}`: open it by its IP address, or add the name to the setting \
             `hosts` (flag `--hosts {name}`)"
        ),
    ))
}

/// The URL the operator gave, where a request came by its name.
pub(in crate::http) fn public_url<'a>(names: &'a Names, host: &str) -> Option<&'a str> {
    let url = names.url.as_deref()?;
    let named: Uri = url.parse().ok()?;
    (host_of(named.authority()?.as_str())? == host_of(host)?).then_some(url)
}

/// Headers of every answer: nothing from elsewhere, nothing framed, no type guessed.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
             font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// Puts the headers of every answer.
pub(in crate::http) async fn headers(request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/api/");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    if is_api {
        // Readings and secrets are nobody else's, also not a cache's.
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    response
}

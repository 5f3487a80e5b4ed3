//! What is still answered by plain HTTP once the hub has TLS: only what people need before they can use TLS, and
//! nothing secret.
//!
//! Pages are redirected. A request with a token, a password or a session is refused with a sentence, because its secret
//! has already been sent unencrypted. Programs on this machine may continue by loopback, where nobody can listen, and
//! so may a proxy on it. The hub's certificate authority, the install script (a shell follows no redirect) and the
//! agent, whose SHA-256 is in the script, are open to all.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::front::Encrypted;
use super::guard::public_url;
use super::host::{called, has_port};
use super::peer;
use super::peer::Peer;
use crate::access::sha256;
use crate::http::error::ApiError;
use crate::http::keys::Keys;
use crate::http::names::Names;
use crate::reach;
use crate::tls::Tls;

/// How long browsers use only TLS for a public name: a year.
const STRICT: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// What becomes of a request by plain HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Serve,
    Redirect(String),
    Refuse(&'static str),
}

/// Where the hub has TLS: keeps secrets off plain HTTP, and has browsers stay with TLS where the operator gave a public name.
pub(in crate::http) async fn encrypted(
    State(tls): State<Option<Arc<Tls>>>,
    State(names): State<Arc<Names>>,
    State(keys): State<Arc<Keys>>,
    request: Request,
    next: Next,
) -> Response {
    if tls.is_none() {
        return next.run(request).await;
    }
    let is_encrypted = request.extensions().get::<Encrypted>().is_some_and(|Encrypted(encrypted)| *encrypted);
    let own = called(request.uri(), request.headers()).and_then(|host| public_url(&names, host));
    if is_encrypted {
        let is_public = own.is_some_and(|url| url.starts_with("https://"));
        let mut response = next.run(request).await;
        if is_public {
            response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, STRICT);
        }
        return response;
    }
    match verdict(&names, &keys, &request) {
        Verdict::Serve => next.run(request).await,
        Verdict::Redirect(to) => redirect(&to),
        Verdict::Refuse(more) => {
            let base = base(&names, request.uri(), request.headers()).unwrap_or_else(|| "https://...".to_owned());
            let detail = format!("this hub is asked by https only: use {base}{more}");
            ApiError::forbidden("plain_http", detail).into_response()
        }
    }
}

fn verdict(names: &Names, keys: &Keys, request: &Request) -> Verdict {
    let (uri, headers, path) = (request.uri(), request.headers(), request.uri().path());
    let peer = request.extensions().get::<Peer>().copied();
    let is_here = peer.is_some_and(|peer| peer.ip().is_loopback());
    let is_for_all =
        matches!(path, "/ca.crt" | "/install.sh" | "/healthz" | "/readyz" | "/ping") || path.starts_with("/agent/");
    let is_for_programs = ["/api/v1", "/api/v2", "/bundle/"].iter().any(|start| path.starts_with(start))
        || matches!(path, "/metrics" | "/write");
    let is_proxied = is_here && peer::is_proxied(headers);
    if is_for_all
        || is_proxied
        || (is_here && is_for_programs)
        || peer.is_some_and(|peer| is_own_command(keys, peer, headers))
    {
        return Verdict::Serve;
    }
    if headers.contains_key(header::AUTHORIZATION) {
        return Verdict::Refuse(
            "; the token in this request was sent unencrypted, and whoever listened has it: revoke it and create another",
        );
    }
    let is_page = matches!(*request.method(), Method::GET | Method::HEAD) && !is_for_programs;
    let to = base(names, uri, headers).filter(|_| is_page);
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    match to {
        Some(base) => Verdict::Redirect(format!("{base}{path}{query}")),
        None if is_page => Verdict::Refuse(""),
        None => Verdict::Refuse(
            "; what this request held was sent unencrypted: if that was a password or a token, change it",
        ),
    }
}

/// Whether this is a command of this machine, which came by an address of it that is not loopback because the hub has no other.
fn is_own_command(keys: &Keys, peer: Peer, headers: &HeaderMap) -> bool {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let is_key = token.is_some_and(|token| keys.local_key == Some(sha256(token.as_bytes())));
    is_key && reach::is_own(peer.ip())
}

/// The page by TLS: where the operator says it is, else on the same port.
fn base(names: &Names, uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let host = called(uri, headers)?;
    if let Some(url) = public_url(names, host).filter(|url| url.starts_with("https://")) {
        return Some(url.to_owned());
    }
    // A browser leaves the port out that plain HTTP has by itself.
    Some(format!("https://{host}{}", if has_port(host) { "" } else { ":80" }))
}

/// Not kept by the browser: TLS may be switched off again.
fn redirect(to: &str) -> Response {
    match HeaderValue::from_str(to) {
        Ok(to) => {
            let kept = HeaderValue::from_static("no-store");
            (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, to), (header::CACHE_CONTROL, kept)]).into_response()
        }
        Err(_) => ApiError::invalid("path", "this path cannot be redirected").into_response(),
    }
}

/// The certificate of the hub's own authority, to be installed where the hub shall be trusted. Compare its SHA-256 with the one
/// that the hub's terminal and its page show.
#[utoipa::path(get, path = "/ca.crt", tag = "hub",
    responses((status = 200, body = String, content_type = "application/x-x509-ca-cert"), (status = 404, body = crate::http::error::Problem)),
    security(()))]
pub(in crate::http) async fn authority(
    State(tls): State<Option<Arc<Tls>>>,
    _: crate::http::request::params::Asked<crate::http::request::params::Nothing>,
) -> Result<Response, ApiError> {
    let authority = tls.as_ref().and_then(|tls| tls.authority());
    let authority = authority.ok_or_else(|| {
        ApiError::not_found("this hub has no certificate authority of its own: it has one with `--tls auto`")
    })?;
    let headers = [
        (header::CONTENT_TYPE, "application/x-x509-ca-cert"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"telemetry-hub-ca.crt\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, authority.pem).into_response())
}

//! What stands before every handler: the name the hub is called by, the time a request may take, the headers of an answer.
//!
//! Against DNS rebinding a page cannot be told apart by `Origin`, which is the attacker's name like `Host`; so only names
//! that are the hub's own are answered. Cross-site writes are refused by `tower_http`'s CSRF layer, which lets every GET
//! pass; the WebSocket therefore asks [`same_origin`] itself.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::error::ApiError;
use super::state::Config;

/// Longest a request may take; the store gives up earlier.
const PATIENCE: Duration = Duration::from_secs(30);

/// Answers only to the hub's own names.
pub(super) async fn host(State(app): State<AppState>, request: Request, next: Next) -> Response {
    match own_name(&app.config, request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) if is_of_a_browser(request.headers()) => for_people(refusal),
        Err(refusal) => refusal.into_response(),
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

fn own_name(config: &Config, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
    let refused = |detail| ApiError::new(StatusCode::BAD_REQUEST, "no_host", detail);
    let mut named = headers.get_all(header::HOST).iter();
    let (first, second) = (named.next(), named.next());
    if second.is_some() {
        return Err(refused("the request has more than one `Host`"));
    }
    let first = first.map(|host| host.to_str().unwrap_or_default());
    let called = uri.authority().map(axum::http::uri::Authority::as_str);
    // Whoever sends both and means two names wants to be taken for somebody else.
    if let (Some(first), Some(called)) = (first, called)
        && !first.eq_ignore_ascii_case(called)
    {
        return Err(refused("the request names one host in its first line and another in `Host`"));
    }
    let name = called.or(first).ok_or_else(|| refused("the request has no `Host`"))?;
    let name = host_of(name).ok_or_else(|| refused("`Host` is not a name or an address, with or without a port"))?;
    if is_own(config, &name) {
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

fn is_own(config: &Config, name: &str) -> bool {
    let is = |own: &str| own.trim_end_matches('.').eq_ignore_ascii_case(name);
    let hostname = config.hostname.as_deref().filter(|own| !own.is_empty());
    name.parse::<IpAddr>().is_ok()
        || is("localhost")
        || hostname.is_some_and(|own| is(own) || is(&format!("{own}.local")))
        || config.allowed_hosts.iter().any(|own| is(own))
}

/// Name or address without port, brackets, trailing dot, capitals; `None` for what no browser and no program writes there, even
/// where RFC 9110 (7.2) and RFC 3986 would let it pass: `name:`, `name..`, `%6c`, `[v1.x]`, a zone.
fn host_of(authority: &str) -> Option<String> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (v6, port) = rest.split_once(']')?;
            v6.parse::<Ipv6Addr>().ok()?;
            (v6, port)
        }
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
    let is_host = authority.starts_with('[') || is_name(host.strip_suffix('.').unwrap_or(host));
    (is_port && is_host).then(|| host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase())
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// Whether this is a name of a host, or an IPv4 address: letters, digits, `-` and `_` between single dots.
fn is_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.len() <= 253 && text.split('.').all(|label| !label.is_empty() && label.bytes().all(is_letter))
}

/// Whether a browser's request comes from the hub's own page: its `Origin` names the authority of `Host`.
/// Programs send no `Origin` and pass.
#[must_use]
pub(super) fn same_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    matches!((origin, host), (Some(("http" | "https", authority)), Some(host)) if authority.eq_ignore_ascii_case(host))
}

/// Ends a request that takes too long. How long a file may be on its way, only its import can say.
pub(super) async fn patience(request: Request, next: Next) -> Response {
    if request.uri().path() == super::import::PATH {
        return next.run(request).await;
    }
    match tokio::time::timeout(PATIENCE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", "this took too long: ask for less")
            .retry_after(1)
            .into_response(),
    }
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
pub(super) async fn headers(request: Request, next: Next) -> Response {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_names_are_answered() {
        let config = Config {
            hostname: Some("Pi".to_owned()),
            allowed_hosts: vec!["hub.example".to_owned()],
            ..Config::default()
        };
        let ask = |host: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static(host));
            own_name(&config, &Uri::from_static("/"), &headers)
        };
        for host in [
            "127.0.0.1:8080",
            "[::1]:8080",
            "[fe80::1]",
            "localhost",
            "LOCALHOST:1",
            "pi",
            "pi.local:8080",
            "hub.example.",
        ] {
            assert_eq!(ask(host), Ok(()), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil",
            "pi.evil",
            "",
            "[::1",
            "user@localhost",
            "[::1].evil.example",
            "[::1]evil.example:80",
            "[pi]",
            "127.0.0.1:evil.example",
            "localhost:80:evil.example",
            "::1",
            "localhost:",
            "localhost:x",
            "localhost:+80",
            "localhost:65536",
            "localhost:080080",
            "localhost..",
            ".localhost",
            "pi..local",
            "[::1].",
            "[::1]:",
            "[::1]:80:80",
            "[fe80::1%25eth0]",
            "[v1.fe80]",
            "[127.0.0.1]",
            "0x7f.1",
            "2130706433",
            "0177.0.0.1",
            "127.1",
            "%6cocalhost",
            "local host",
            "localhost, evil.example",
            "localhost\t",
            "localhost#evil.example",
            "localhost?evil.example",
            "localhost\\evil.example",
            "localhost@",
            "http://localhost",
            "127.0.0.1/",
        ] {
            assert!(ask(host).is_err(), "{host}");
        }
        assert!(ask("evil.example").unwrap_err().detail().contains("`hosts`"));
        assert!(own_name(&config, &Uri::from_static("http://evil.example/"), &HeaderMap::new()).is_err());
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("pi"));
        assert_eq!(own_name(&config, &Uri::from_static("http://Pi/"), &headers), Ok(()));
        assert!(own_name(&config, &Uri::from_static("http://localhost/"), &headers).is_err(), "two names");
        headers.append(header::HOST, HeaderValue::from_static("pi"));
        assert!(own_name(&config, &Uri::from_static("/"), &headers).is_err(), "twice");
    }

    #[test]
    fn an_origin_has_to_be_the_host() {
        let check = |origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("hub.local:8080"));
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            same_origin(&headers)
        };
        assert!(check(None));
        assert!(check(Some("http://hub.local:8080")));
        for origin in
            ["null", "", "http://hub.local", "http://evil", "http://hub.local:8080.evil", "file://hub.local:8080"]
        {
            assert!(!check(Some(origin)), "{origin}");
        }
    }
}

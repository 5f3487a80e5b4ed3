//! Refuses requests that other sites make with a user's browser (cross-site request forgery).
//!
//! Requests that change something, and the WebSocket, are refused to pages that are not the hub's own. `Sec-Fetch-Site`
//! decides if the browser sends it, otherwise `Origin` compared with `Host`. A reverse proxy may have changed `Host`,
//! so a page whose name the operator lists is an own one, whatever its port and scheme. `tower_http`'s layer is not
//! used: it compares origins only literally, and its refusal cannot say what it compared. Here every refusal gives both
//! names and the setting, in the answer and in the log.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::host::{called, host_of, is_listed};
use crate::http::error::ApiError;
use crate::http::names::Names;

/// Refuses what would change something when a browser sends it from a page that is not the hub's.
pub(in crate::http) async fn own_page(State(names): State<Arc<Names>>, request: Request, next: Next) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
        && let Err(refusal) = from_own_page(&names, request.uri(), request.headers())
    {
        return refusal.into_response();
    }
    next.run(request).await
}

/// Whether a request comes from the hub's own page, or from a program: those send no `Origin`.
///
/// # Errors
/// 403, with both names and what to do.
pub(in crate::http) fn from_own_page(names: &Names, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
    if is_own_page(names, uri, headers) {
        return Ok(());
    }
    let origin = headers.get(header::ORIGIN).map_or(Cow::Borrowed("an unknown page"), shown);
    let host = called(uri, headers).unwrap_or("no name");
    let name = origin.split_once("://").and_then(|(_, authority)| host_of(authority));
    let remedy = name.map_or_else(String::new, |name| {
        format!(
            "; if that is the hub's page behind a proxy, add its name to the setting `hosts` (flag `--hosts {name}`), or \
             have the proxy pass `Host` on as it is"
        )
    });
    let detail = format!(
        "this came from {origin}, and the hub was called by {host}: only the hub's own page may do this{remedy}"
    );
    let refusal = ApiError::forbidden("cross_site", detail);
    names.note(&refusal);
    Err(refusal)
}

/// An origin for a sentence.
fn shown(origin: &HeaderValue) -> Cow<'_, str> {
    let cut = &origin.as_bytes()[..origin.len().min(200)];
    String::from_utf8_lossy(cut)
}

fn is_own_page(names: &Names, uri: &Uri, headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or("?"));
    let origin = text(header::ORIGIN).filter(|origin| !origin.is_empty());
    let authority = origin
        .and_then(|origin| origin.split_once("://"))
        .and_then(|(scheme, authority)| matches!(scheme, "http" | "https").then_some(authority));
    let is_listed = || authority.and_then(host_of).is_some_and(|name| is_listed(names, &name));
    match text(HeaderName::from_static("sec-fetch-site")) {
        Some("same-origin" | "none") => true,
        Some(_) => is_listed(),
        None if origin.is_none() => true,
        None => {
            let host = called(uri, headers);
            let is_same = authority.is_some_and(|from| host.is_some_and(|host| from.eq_ignore_ascii_case(host)));
            is_same || is_listed()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

    fn is_own(sent: &[(HeaderName, &'static str)]) -> bool {
        let names = Names { listed: ["hub.example", "example.org"].map(str::to_owned).to_vec(), ..Names::default() };
        let headers: HeaderMap =
            sent.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        is_own_page(&names, &Uri::from_static("/"), &headers)
    }

    #[test]
    fn an_origin_has_to_be_the_host_or_a_name_the_operator_lists() {
        let host = (header::HOST, "hub.local:8080");
        let is = |origin: &'static str| is_own(&[host.clone(), (header::ORIGIN, origin)]);
        assert!(is_own(std::slice::from_ref(&host)), "a program");
        for origin in [
            "http://hub.local:8080",
            "http://hub.example",
            "https://hub.example:8443",
            "https://HUB.example.",
            "https://example.org",
            "http://example.org:81",
        ] {
            assert!(is(origin), "{origin}");
        }
        for origin in [
            "null",
            "http://hub.local",
            "http://evil",
            "http://hub.local:8080.evil",
            "file://hub.local:8080",
            "https://hub.example.evil",
            "https://hub.example:443.evil",
            "https://evil@hub.example",
            "ftp://hub.example",
        ] {
            assert!(!is(origin), "{origin}");
        }
    }

    #[test]
    fn what_the_browser_says_of_the_page_decides_before_its_name() {
        let host = (header::HOST, "127.0.0.1:8080");
        let is =
            |site: &'static str, origin: &'static str| is_own(&[host.clone(), (SITE, site), (header::ORIGIN, origin)]);
        assert!(is("same-origin", "https://hub.elsewhere"), "a proxy changed the host");
        assert!(is("none", "null"));
        assert!(is("same-site", "https://hub.example:8443"));
        for site in ["cross-site", "same-site", "?"] {
            assert!(!is(site, "http://127.0.0.1:8080") && !is(site, "https://evil.example"), "{site}");
            assert!(!is_own(&[host.clone(), (SITE, site)]));
        }
    }
}

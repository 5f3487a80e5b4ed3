//! The page, embedded in the program if `web/dist` existed at build time.
//!
//! Files with a hash in their name never change and are cached for ever; all others are requested each time. The paths of the
//! page's own views get `index.html`, whose addresses are relative to that path, because a proxy may serve the page below another
//! one. So does a browser that opens any other path, with status 404: the page says that there is nothing. A program is told the
//! same without the page, which it would take for the answer it asked for. Clients that accept it get the `.br` or `.gz` beside a
//! file. A program that was built without the page says how to build it.

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::http::error::ApiError;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../web/dist"]
#[allow_missing = true]
struct Dist;

const INDEX: &str = "index.html";

const NOT_BUILT: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Telemetry hub</title>\
<h1>The hub runs. Its page was not built.</h1>\
<p>Run <code>make web</code>, then build the hub again. The API works without it: see <a href=\"./api/docs\">/api/docs</a>.";

/// Serves the file at a path, or the page.
pub(super) fn serve(method: &Method, path: &str, headers: &HeaderMap) -> Response {
    if method != Method::GET && method != Method::HEAD {
        let detail = format!("{path} does not take {method}");
        return ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method", detail).into_response();
    }
    let name = path.trim_start_matches('/');
    let is_page = name == INDEX;
    if let Some(response) = file(name, headers).filter(|_| !is_page) {
        return response;
    }
    if name.starts_with("assets/") {
        return ApiError::not_found(format!("there is no {path}")).into_response();
    }
    if is_view(name) {
        return page(path, headers);
    }
    let accepts = headers.get(header::ACCEPT).and_then(|accepts| accepts.to_str().ok());
    if !accepts.is_some_and(|accepts| accepts.contains("text/html")) {
        return ApiError::not_found(format!("there is nothing at {path}; see /api/docs")).into_response();
    }
    let mut response = page(path, &HeaderMap::new());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// The first parts of the paths of the page's views (`web/src/route.ts`).
const VIEWS: [&str; 4] = ["d", "a", "w", "h"];

/// Whether a path may be that of a view.
fn is_view(name: &str) -> bool {
    let first = name.split('/').next().unwrap_or_default();
    name.is_empty() || name == INDEX || VIEWS.contains(&first)
}

/// The page, as it finds its files from a path.
fn page(path: &str, headers: &HeaderMap) -> Response {
    let plain = Dist::get(INDEX);
    let text = plain.as_ref().and_then(|file| std::str::from_utf8(&file.data).ok()).unwrap_or(NOT_BUILT);
    let up = path.matches('/').count().saturating_sub(1);
    let tag = plain.as_ref().map_or_else(|| "\"none\"".to_owned(), |file| etag(file, Some(&up.to_string())));
    let mut response = if is_known(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else if up == 0 {
        Html(text.to_owned()).into_response()
    } else {
        Html(text.replace("=\"./", &format!("=\"{}", "../".repeat(up)))).into_response()
    };
    let out = response.headers_mut();
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        out.insert(header::ETAG, tag);
    }
    response
}

fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    // What is packed on the way gets a weak tag.
    let known = headers.get(header::IF_NONE_MATCH).map(|known| known.as_bytes());
    known.is_some_and(|known| known.strip_prefix(b"W/").unwrap_or(known) == tag.as_bytes())
}

fn file(name: &str, headers: &HeaderMap) -> Option<Response> {
    let plain = Dist::get(name)?;
    let accepts = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // The best first; what was packed once need not be packed for each.
    let packed = [("br", "br"), ("gzip", "gz")].into_iter().find_map(|(coding, ending)| {
        let file = accepts_coding(accepts, coding).then(|| Dist::get(&format!("{name}.{ending}"))).flatten()?;
        Some((coding, file))
    });
    let tag = etag(&plain, packed.as_ref().map(|(coding, _)| *coding));
    let mut response = if is_known(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        packed.as_ref().map_or(&plain, |(_, file)| file).data.clone().into_owned().into_response()
    };
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(name)));
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let keep = if is_hashed(name) { "public, max-age=31536000, immutable" } else { "no-cache" };
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    out.insert(header::ETAG, HeaderValue::from_str(&tag).ok()?);
    if let Some((coding, _)) = packed {
        out.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    Some(response)
}

fn accepts_coding(accepts: &str, wanted: &str) -> bool {
    accepts.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim() == wanted && !matches!(weight.trim(), "q=0" | "q=0.0")
    })
}

fn etag(file: &EmbeddedFile, coding: Option<&str>) -> String {
    let hash = crate::access::hex(&file.metadata.sha256_hash()[..10]);
    coding.map_or_else(|| format!("\"{hash}\""), |coding| format!("\"{hash}-{coding}\""))
}

/// Vite puts a hash into the names of everything below `assets/`.
fn is_hashed(name: &str) -> bool {
    name.starts_with("assets/")
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_views_get_the_page_and_others_are_told_that_there_is_nothing() {
        let response = serve(&Method::GET, "/d/some", &HeaderMap::new());
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
        let kind = |headers: &HeaderMap| {
            let response = serve(&Method::GET, "/api2/write", headers);
            assert_eq!(response.status(), StatusCode::NOT_FOUND);
            response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned()
        };
        assert_eq!(kind(&HeaderMap::new()), "application/problem+json");
        let browser = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static("text/html,*/*;q=0.8"))]);
        assert!(kind(&browser).starts_with("text/html"));
        // The page decides which views there are.
        let routes = include_str!("../../../web/src/route.ts");
        let views: std::collections::BTreeSet<_> =
            routes.split("first === \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(views.into_iter().filter(|view| !view.is_empty()).collect::<Vec<_>>(), ["a", "d", "h", "w"]);
        assert!(["", "a", "d/x", "h/", "w"].into_iter().all(is_view) && !["ab", "write"].into_iter().any(is_view));
        let tag = |path| serve(&Method::GET, path, &HeaderMap::new()).headers()[header::ETAG].clone();
        assert_eq!(tag("/"), tag("/a"), "as deep");
        let same = HeaderMap::from_iter([(header::IF_NONE_MATCH, tag("/a"))]);
        assert_eq!(serve(&Method::GET, "/", &same).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(serve(&Method::POST, "/", &HeaderMap::new()).status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(serve(&Method::GET, "/assets/gone.js", &HeaderMap::new()).status(), StatusCode::NOT_FOUND);
        let accepts_gzip = |accepts| accepts_coding(accepts, "gzip");
        assert!(accepts_gzip("br, gzip;q=0.5") && !accepts_gzip("gzip;q=0") && !accepts_gzip("br"));
    }
}

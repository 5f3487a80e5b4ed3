//! The contract as a page, without scripts and without files from elsewhere, because a hub often has no internet.

use std::fmt::Write as _;

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::openapi::{OpenApi as Document, RefOr};

/// Style sheet of the page.
pub(in crate::http) async fn docs_css() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("docs.css"))
}

/// The contract as a page.
pub(in crate::http) fn page(document: &Document) -> String {
    let mut html = String::from(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
         <title>Telemetry hub: API</title><link rel=stylesheet href=docs.css><h1>Telemetry hub: API</h1>",
    );
    let about = document.info.description.as_deref().unwrap_or_default();
    let _ = write!(html, "<p>{}<p>For programs: <a href=openapi.json>openapi.json</a>", prose(about));
    for tag in document.tags.iter().flatten() {
        let about = tag.description.as_deref().unwrap_or_default();
        let _ = write!(html, "<h2 id='{0}'>{0}</h2><p>{1}", escape(&tag.name), prose(about));
        for (path, item) in &document.paths.paths {
            let operations = [
                ("GET", &item.get),
                ("POST", &item.post),
                ("PUT", &item.put),
                ("PATCH", &item.patch),
                ("DELETE", &item.delete),
            ];
            for (method, operation) in operations {
                let Some(operation) = operation else { continue };
                if operation.tags.as_ref().is_some_and(|tags| tags.contains(&tag.name)) {
                    write_operation(&mut html, method, path, operation);
                }
            }
        }
    }
    html.push_str("<h2 id=schemas>schemas</h2>");
    for (name, schema) in document.components.iter().flat_map(|components| &components.schemas) {
        let json = serde_json::to_string_pretty(schema).unwrap_or_default();
        let _ = write!(
            html,
            "<details id='{0}'><summary>{0}</summary><pre>{1}</pre></details>",
            escape(name),
            escape(&json)
        );
    }
    html
}

fn write_operation(html: &mut String, method: &str, path: &str, operation: &utoipa::openapi::path::Operation) {
    let _ = write!(html, "<h3><code>{method} {}</code></h3>", escape(path));
    let says = [&operation.summary, &operation.description];
    let _ = write!(
        html,
        "<p>{}",
        prose(says.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ").trim())
    );
    let parameters = operation.parameters.iter().flatten();
    let items: String = parameters
        .filter_map(|parameter| match parameter {
            RefOr::T(parameter) => Some(parameter),
            RefOr::Ref(_) => None,
        })
        .map(|parameter| {
            let about = parameter.description.as_deref().unwrap_or_default();
            format!("<li><code>{}</code> {}", escape(&parameter.name), prose(about))
        })
        .collect();
    if !items.is_empty() {
        let _ = write!(html, "<ul>{items}</ul>");
    }
    let body = operation.request_body.as_ref().map(|body| serde_json::to_string(body).unwrap_or_default());
    if let Some(name) = body.as_deref().and_then(referenced) {
        let _ = write!(html, "<p>Body: <a href='#{0}'>{0}</a>", escape(name));
    }
    let answers = serde_json::to_string(&operation.responses).unwrap_or_default();
    if let Some(name) = referenced(&answers) {
        let _ = write!(html, "<p>Answer: <a href='#{0}'>{0}</a>", escape(name));
    }
}

/// The first schema a piece of the document refers to.
fn referenced(json: &str) -> Option<&str> {
    json.split("#/components/schemas/").nth(1)?.split('"').next()
}

/// A text of the contract: what stands between backticks there is code here.
fn prose(text: &str) -> String {
    let pieces = text.split('`').collect::<Vec<_>>();
    // A backtick without its pair stays as it is.
    if pieces.len().is_multiple_of(2) {
        return escape(text);
    }
    let piece = |(n, piece): (usize, &&str)| {
        let piece = escape(piece);
        if n % 2 == 1 { format!("<code>{piece}</code>") } else { piece }
    };
    pieces.iter().enumerate().map(piece).collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&#39;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openapi_page_lists_every_operation_and_loads_nothing_from_elsewhere() {
        let (_, document) = crate::http::openapi::split(crate::http::api());
        let html = page(&document);
        for path in document.paths.paths.keys() {
            assert!(html.contains(&escape(path)), "{path} is missing");
        }
        assert!(html.contains("<code>now-6h</code>"));
        assert_eq!(prose("`a<b` of one` "), "`a&lt;b` of one` ");
        assert!(!html.contains("<script") && !html.contains("https://"));
    }
}

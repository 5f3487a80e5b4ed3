//! The contract of the API: `/api/openapi.json`, and a readable page of it.
//!
//! The document is made from the handlers, committed as `hub/docs/openapi.json`, and compared by a test. The page is made
//! here, without scripts and without files from elsewhere, because the hub often has no internet.

use std::fmt::Write as _;

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use utoipa::OpenApi;
use utoipa::openapi::schema::{AllOf, Schema, SchemaType, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, RefOr, SecurityRequirement};
use utoipa_axum::router::OpenApiRouter;

use crate::http::live::dto::{ClientRequest, ServerMessage};

#[derive(OpenApi)]
#[openapi(
    info(title = "Telemetry hub", description = "Devices, readings, alerts and webhooks of one hub. Times in: RFC 3339, epoch \
milliseconds, or `now-6h`. Times out: RFC 3339 in objects, epoch milliseconds in point arrays. Errors are \
`application/problem+json` and name the field. Lists have `limit` and `cursor`; unknown parameters and keys are refused.",
        license(name = "MIT OR Apache-2.0")),
    components(schemas(ClientRequest, ServerMessage)),
    tags(
        (name = "hub", description = "The hub itself"),
        (name = "devices", description = "Devices and their sensors"),
        (name = "readings", description = "What they measure"),
        (name = "rules", description = "Conditions that raise alerts"),
        (name = "alerts", description = "Alerts"),
        (name = "webhooks", description = "Receivers of alerts, and how delivery went"),
        (name = "access", description = "Users, sessions, second factors, tokens"),
        (name = "install", description = "Downloads of the agent"),
        (name = "live", description = "The WebSocket: send `ClientRequest`, receive `ServerMessage`, as JSON texts"),
    )
)]
struct Contract;

/// The document before the routes are added.
pub(super) fn document() -> Document {
    let mut document = Contract::openapi();
    // The version of the API, not of the program: the document must not change with every release.
    document.info.version = "1".to_owned();
    let components = document.components.get_or_insert_default();
    let bearer =
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("thp_...").build());
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(crate::http::gate::credentials::COOKIE)));
    components.add_security_scheme("token", bearer);
    components.add_security_scheme("session", cookie);
    document.security = Some(["token", "session"].map(|name| SecurityRequirement::new(name, [""; 0])).to_vec());
    document
}

/// The routes, and the finished document.
pub(super) fn split<S: Clone + Send + Sync + 'static>(api: OpenApiRouter<S>) -> (Router<S>, Document) {
    let (router, mut document) = api.split_for_parts();
    for (path, item) in &mut document.paths.paths {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            operation.operation_id = operation.operation_id.take().map(|handler| operation_id(path, &handler));
        }
    }
    if let Some(components) = &mut document.components {
        for (name, schema) in &mut components.schemas {
            let comes_in = name.starts_with("New") || name.ends_with("Patch") || name.ends_with("Request");
            let comes_in = comes_in || name == "ReplayDeliveries";
            if let (false, RefOr::T(schema)) = (comes_in || name == "Problem", schema) {
                every_key_is_present(schema);
            }
        }
    }
    (router, document)
}

/// A name for generated clients, unique in the document: the nouns of the path, then what the handler does with them.
fn operation_id(path: &str, handler: &str) -> String {
    let nouns =
        path.trim_start_matches("/api/v1/").split('/').filter(|part| !part.is_empty() && !part.starts_with('{'));
    let mut words: Vec<String> = nouns.map(|noun| noun.replace('-', "_")).collect();
    if words.last().is_none_or(|last| last != handler) {
        words.push(handler.to_owned());
    }
    words.join("_")
}

/// Marks every key of an answer as required: a key without a value is null.
fn every_key_is_present(schema: &mut Schema) {
    if let Schema::Object(object) = schema
        && object.schema_type == SchemaType::Type(Type::Object)
    {
        object.required = object.properties.keys().cloned().collect();
    } else if let Schema::AllOf(AllOf { items, .. }) = schema {
        for item in items {
            if let RefOr::T(schema) = item {
                every_key_is_present(schema);
            }
        }
    }
}

/// Style sheet of the page.
pub(super) async fn docs_css() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("docs.css"))
}

/// The contract as a page.
pub(super) fn page(document: &Document) -> String {
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
    use std::path::Path;

    use super::*;

    #[test]
    fn openapi_json_is_up_to_date() {
        let (_, document) = split(crate::http::api());
        let fresh = document.to_pretty_json().unwrap() + "\n";
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &fresh).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == fresh,
            "{} is stale: the API changed. If that is meant: UPDATE_OPENAPI=1 cargo test --workspace --lib openapi, \
            then `npm run gen` in web",
            path.display()
        );
    }

    #[test]
    fn openapi_page_lists_every_operation_and_loads_nothing_from_elsewhere() {
        let (_, document) = split(crate::http::api());
        let html = page(&document);
        for path in document.paths.paths.keys() {
            assert!(html.contains(&escape(path)), "{path} is missing");
        }
        assert!(html.contains("<code>now-6h</code>"));
        assert_eq!(prose("`a<b` of one` "), "`a&lt;b` of one` ");
        assert!(!html.contains("<script") && !html.contains("https://"));
    }
}

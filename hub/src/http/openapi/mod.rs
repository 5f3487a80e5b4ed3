//! The contract of the API: `/api/openapi.json`, and a readable page of it.
//!
//! The document is made from the handlers, committed as `hub/docs/openapi.json`, and compared by a test. What is the same for
//! every operation of a kind is added here: [`refusals`], names for generated clients, keys that every answer has.

use axum::Router;
use utoipa::OpenApi;
use utoipa::openapi::schema::{AllOf, Schema, SchemaType, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, RefOr, SecurityRequirement};
use utoipa_axum::router::OpenApiRouter;

use crate::http::live::dto::{ClientRequest, ServerMessage};

mod page;
mod refusals;

pub(super) use page::{docs_css, page};

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
        (name = "prometheus", description = "Readings as Prometheus has them, for Grafana: errors are as there"),
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
            refusals::complete(path, operation);
        }
    }
    if let Some(components) = &mut document.components {
        components.responses.extend(refusals::shared().map(|(name, answer)| (name, RefOr::T(answer))));
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
}

//! Request bodies: JSON within a size, and an error that names the field.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequest, Request};
use axum::http::{StatusCode, header};
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::params::no_params;
use crate::http::error::ApiError;
use crate::http::shares::Growing;
use crate::http::shares::asker::Asker;
use crate::http::shares::rooms::Rooms;

/// Largest body: a rule or a query of a few hundred globs is far below.
pub(in crate::http) const BODY_LIMIT: usize = 1 << 20;
/// Largest body of a caller without valid credentials: a password is far smaller.
const STRANGERS_LIMIT: usize = 4 << 10;

/// A JSON body. An empty one is `{}`, so that `curl -X POST` works where everything is optional.
#[derive(Debug)]
pub(crate) struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T>
where
    Arc<Rooms>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        no_params(request.uri())?;
        let is_json = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.split(';').next().is_some_and(|kind| kind.trim() == "application/json"));
        let (bytes, _room) = read(&Arc::from_ref(state), request).await?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return parse(b"{}").map(Self);
        }
        if !is_json {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not_json",
                "send the body as JSON, with `Content-Type: application/json`",
            ));
        }
        parse(&bytes).map(Self)
    }
}

/// The bytes of a body, and the room that is taken for them.
async fn read(rooms: &Rooms, request: Request) -> Result<(Vec<u8>, Option<Growing>), ApiError> {
    let by = request.extensions().get::<Asker>().and_then(Asker::known);
    let limit = if by.is_some() { BODY_LIMIT } else { STRANGERS_LIMIT };
    let too_large = || {
        let detail = format!("the body is larger than {} KiB", limit / 1024);
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
    };
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > limit as u64) {
        return Err(too_large());
    }
    let mut room = by.map(|by| Growing::new(rooms.bodies.of(by), STRANGERS_LIMIT));
    let mut body = request.into_body().into_data_stream();
    let mut bytes = Vec::new();
    while let Some(more) = body.next().await {
        let more = more.map_err(|_| ApiError::new(StatusCode::BAD_REQUEST, "cut", "the body did not arrive whole"))?;
        if bytes.len() + more.len() > limit {
            return Err(too_large());
        }
        if room.as_mut().is_some_and(|room| !room.grow(more.len())) {
            let detail = "too many large requests are on their way: send this again";
            return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(1));
        }
        bytes.extend_from_slice(&more);
    }
    Ok((bytes, room))
}

pub(in crate::http) fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, ApiError> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        explain(&path, error.inner())
    })?;
    json.end().map_err(|error| explain(".", &error))?;
    Ok(value)
}

fn explain(path: &str, error: &serde_json::Error) -> ApiError {
    let detail = error.to_string();
    match error.classify() {
        Category::Io | Category::Syntax | Category::Eof => {
            ApiError::new(StatusCode::BAD_REQUEST, "bad_json", format!("this is not JSON: {detail}"))
        }
        Category::Data => match field(path, &detail) {
            Some(field) => {
                let detail = plain(&field, &detail);
                ApiError::invalid(field, detail)
            }
            None => ApiError::new(StatusCode::BAD_REQUEST, "invalid", plain("", &detail)),
        },
    }
}

/// Fields that are a length of time, written as text.
const TIMES: [&str; 7] = ["for", "clear_for", "over", "per", "after", "within", "every"];

/// What is wrong and what to write instead, in words that need no knowledge of the types of this program.
fn plain(field: &str, detail: &str) -> String {
    let detail = detail.rsplit_once(" at line ").map_or(detail, |(detail, _)| detail);
    let what = if field.is_empty() { "the body".to_owned() } else { format!("`{field}`") };
    if detail.starts_with("invalid length ") {
        return format!("{what} must be an object, as {{\"field\": value}}, not a list");
    }
    if let Some(name) = detail.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return format!("`{name}` is missing");
    }
    if let Some((given, known)) =
        detail.strip_prefix("unknown variant `").and_then(|rest| rest.split_once("`, expected "))
    {
        return format!("{what}: there is no `{given}`, only {}", known.trim_start_matches("one of "));
    }
    let mistyped = detail.strip_prefix("invalid type: ").and_then(|rest| rest.rsplit_once(", expected "));
    let Some((given, wanted)) = mistyped else { return detail.to_owned() };
    let last = field.rsplit('.').next().unwrap_or(field);
    let wanted = match wanted {
        "f64" | "f32" => "a number, for example 21.5",
        "u8" | "u16" | "u32" | "u64" | "usize" | "i64" => "a whole number",
        "a boolean" => "true or false",
        "a string" if TIMES.contains(&last) => "a time as text, for example \"5m\"",
        "a string" => "a text in quotes",
        "a sequence" => "a list, as [\"one\", \"two\"]",
        wanted if wanted == "a map" || wanted.starts_with("struct ") => "an object, as {\"field\": value}",
        wanted => wanted,
    };
    format!("{what} must be {wanted}, not {given}")
}

/// The field's path; a missing field is not on the path yet, so its name is taken from the message.
fn field(path: &str, detail: &str) -> Option<String> {
    let named = ["missing field `", "unknown field `"]
        .into_iter()
        .find_map(|start| detail.strip_prefix(start)?.split('`').next());
    match (path, named) {
        (".", named) => named.map(str::to_owned),
        (path, Some(name)) if path != name && !path.ends_with(&format!(".{name}")) => Some(format!("{path}.{name}")),
        (path, _) => Some(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Outer {
        name: String,
        inner: Option<Inner>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Inner {
        value: f64,
    }

    #[test]
    fn an_error_says_what_to_write() {
        let cases = [
            (
                r#"{"name":"a","inner":{"value":"x"}}"#,
                r#"`inner.value` must be a number, for example 21.5, not string "x""#,
            ),
            (r#"{"name":5}"#, "`name` must be a text in quotes, not integer `5`"),
            (r#"["a"]"#, r#"the body must be an object, as {"field": value}, not a list"#),
            (r#"5"#, r#"the body must be an object, as {"field": value}, not integer `5`"#),
            (r#"{}"#, "`name` is missing"),
        ];
        for (body, detail) in cases {
            assert!(parse::<Outer>(body.as_bytes()).unwrap_err().detail().contains(detail), "{body}");
        }
        let kind = "unknown variant `nosuch`, expected one of `a`, `b`, `c` at line 1 column 9";
        assert_eq!(plain("condition.type", kind), "`condition.type`: there is no `nosuch`, only `a`, `b`, `c`");
        let time = "invalid type: integer `5`, expected a string at line 1 column 9";
        assert_eq!(
            plain("clear_for", time),
            r#"`clear_for` must be a time as text, for example "5m", not integer `5`"#
        );
    }

    #[test]
    fn an_error_names_the_field() {
        let cases = [
            (r#"{}"#, Some("name")),
            (r#"{"name":1}"#, Some("name")),
            (r#"{"name":"a","nmae":1}"#, Some("nmae")),
            (r#"{"name":"a","inner":{}}"#, Some("inner.value")),
            (r#"{"name":"a","inner":{"value":"x"}}"#, Some("inner.value")),
            (r#"{"name":"a","inner":{"value":1,"unit":1}}"#, Some("inner.unit")),
            (r#"{"name":"#, None),
            (r#"{"name":"a"} x"#, None),
        ];
        for (body, field) in cases {
            let error = parse::<Outer>(body.as_bytes()).unwrap_err();
            let expected = match field {
                Some(field) => ApiError::invalid(field, error.detail()),
                None => ApiError::new(StatusCode::BAD_REQUEST, "bad_json", error.detail()),
            };
            assert_eq!(error, expected, "{body}");
        }
    }
}

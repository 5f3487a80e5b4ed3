//! How a request may be refused, as far as its kind alone decides it: every handler sits behind the same gate, reads bodies by
//! the same rules, and gives up in the same ways. What only one operation refuses stands at its handler. PURE.

use axum::http::StatusCode;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{Content, ContentBuilder, Ref, RefOr, SecurityRequirement};

/// What every refusal is (RFC 9457).
const PROBLEM: &str = "application/problem+json";

/// What refusals are in the words of somebody else, and every other answer.
const JSON: &str = "application/json";

/// A status, the name of the shared answer, and when it is given.
type Refusal = (&'static str, &'static str, &'static str);

const INVALID: Refusal = ("400", "Invalid", "A parameter or a field is wrong, or not one of this operation");
const TOO_MANY: Refusal = ("429", "TooMany", "Too many attempts; `Retry-After` says when to try again");
const BUSY: Refusal = ("503", "Busy", "The hub is busy or stops; `Retry-After` says when to try again");
const UNKNOWN: Refusal = ("401", "Unauthenticated", "Nobody is signed in, and there is no valid token");
const FORBIDDEN: Refusal = ("403", "Forbidden", "The role or the token may not");
const MISSING: Refusal = ("404", "NotFound", "What the path, a parameter or the body names is not there");
const STALLED: Refusal = ("408", "Stalled", "The body stopped coming");
const TOO_LARGE: Refusal = ("413", "TooLarge", "The body is too large");
const OTHER_TYPE: Refusal = ("415", "OtherType", "The body is of another type");
const FULL: Refusal = ("507", "Full", "The disk is full");
const ALL: [Refusal; 10] = [INVALID, TOO_MANY, BUSY, UNKNOWN, FORBIDDEN, MISSING, STALLED, TOO_LARGE, OTHER_TYPE, FULL];

/// The answers that operations share.
pub(super) fn shared() -> impl Iterator<Item = (String, Response)> {
    ALL.into_iter().map(|(_, name, about)| (name.to_owned(), problem(about)))
}

/// Adds what may be refused to what the handler says of itself, and the type that all of it has. Where it is said in the words of
/// somebody else, all that may be refused is said in those.
pub(super) fn complete(path: &str, operation: &mut Operation) {
    let own = in_other_words(operation);
    for (status, name, about) in of_its_kind(path, operation) {
        let answers = &mut operation.responses.responses;
        let says_more = answers.get(status).is_some_and(|answer| {
            matches!(answer, RefOr::T(answer)
                if !answer.description.is_empty() || answer.content.is_empty() || other_words(answer).is_some())
        });
        if says_more {
            continue;
        }
        let answer = match &own {
            None => RefOr::Ref(Ref::from_response_name(name)),
            Some(words) => RefOr::T(ResponseBuilder::new().description(about).content(JSON, words.clone()).build()),
        };
        answers.insert(status.to_owned(), answer);
    }
    for (status, answer) in &mut operation.responses.responses {
        let RefOr::T(answer) = answer else { continue };
        // OpenAPI wants a description of each.
        if answer.description.is_empty() {
            answer.description = status.parse().ok().and_then(reason).unwrap_or("Done").to_owned();
        }
        let is_problem = matches!(answer.content.get(JSON),
            Some(RefOr::T(content)) if content.schema == Some(schema_of_problems()));
        if is_problem && let Some(content) = answer.content.shift_remove(JSON) {
            answer.content.insert(PROBLEM.to_owned(), content);
        }
    }
}

/// How an operation says its refusals, if not as problems: what the last of them is, since the first may tell more than the others.
fn in_other_words(operation: &Operation) -> Option<Content> {
    let mut refusals: Vec<_> =
        operation.responses.responses.iter().filter(|(status, _)| status.as_str() >= "4").collect();
    refusals.sort_by_key(|(status, _)| status.as_str());
    refusals.into_iter().rev().find_map(|(_, answer)| match answer {
        RefOr::T(answer) => other_words(answer).cloned(),
        RefOr::Ref(_) => None,
    })
}

/// What an answer is, if it is JSON and no problem.
fn other_words(answer: &Response) -> Option<&Content> {
    match answer.content.get(JSON) {
        Some(RefOr::T(content)) if content.schema != Some(schema_of_problems()) => Some(content),
        _ => None,
    }
}

/// What a status says by itself (RFC 9110).
fn reason(status: u16) -> Option<&'static str> {
    StatusCode::from_u16(status).ok()?.canonical_reason()
}

fn of_its_kind(path: &str, operation: &Operation) -> Vec<Refusal> {
    let mut refusals = vec![INVALID, TOO_MANY, BUSY];
    let is_open = operation.security.as_ref().is_some_and(|ways| ways.contains(&SecurityRequirement::default()));
    if !is_open {
        refusals.extend([UNKNOWN, FORBIDDEN]);
    }
    let names_something = |parameter: &RefOr<Parameter>| {
        matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query
            && ["device", "sensor", "rule", "webhook"].contains(&parameter.name.as_str()))
    };
    let has_body = operation.request_body.is_some();
    if path.contains('{') || has_body || operation.parameters.iter().flatten().any(names_something) {
        refusals.push(MISSING);
    }
    if has_body {
        refusals.extend([STALLED, TOO_LARGE, OTHER_TYPE, FULL]);
    }
    refusals
}

fn schema_of_problems() -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name("Problem"))
}

fn problem(about: &str) -> Response {
    ResponseBuilder::new()
        .description(about)
        .content(PROBLEM, ContentBuilder::new().schema(Some(schema_of_problems())).build())
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_an_operation_refuses_is_a_problem_and_what_it_says_of_itself_stays() {
        let (_, document) = crate::http::openapi::split(crate::http::api());
        let json = serde_json::to_value(&document).unwrap();
        let mut seen = 0;
        for (path, item) in json["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                for (status, answer) in operation["responses"].as_object().unwrap() {
                    let shared = answer["$ref"].as_str().and_then(|name| name.rsplit('/').next());
                    let answer = shared.map_or(answer, |name| &json["components"]["responses"][name]);
                    assert!(answer["description"].is_string(), "{method} {path} {status}: {answer}");
                    for (kind, content) in answer["content"].as_object().into_iter().flatten() {
                        let is_problem = content["schema"]["$ref"] == "#/components/schemas/Problem";
                        assert_eq!(is_problem, kind == PROBLEM, "{method} {path} {status}");
                        seen += usize::from(is_problem);
                    }
                }
                let responses = &operation["responses"];
                assert!(!responses["400"].is_null() && !responses["503"].is_null(), "{method} {path}");
                assert_eq!(responses["415"].is_null(), operation["requestBody"].is_null(), "{method} {path}");
            }
        }
        assert!(seen > 300, "{seen}");
        let words = |path: &str, status: &str| {
            let responses = &json["paths"][path]["post"]["responses"];
            responses[status]["content"][JSON]["schema"]["$ref"]
                .as_str()
                .and_then(|name| name.rsplit('/').next())
                .unwrap_or("")
        };
        for (path, says) in [
            ("/write", "NotWritten"),
            ("/api/v3/write_lp", "NotWritten"),
            ("/query", "NotWritten"),
            ("/v1/metrics", "RpcStatus"),
            ("/prometheus/api/v1/query", "NotAnswered"),
        ] {
            assert_eq!((words(path, "401"), words(path, "503")), (says, says), "{path}");
        }
        assert_eq!(words("/api/v3/write_lp", "400"), "LinesNotWritten", "the handler's own stays");
        let second_factor = &json["paths"]["/api/v1/second-factor/off"]["post"]["responses"]["403"];
        assert!(second_factor["$ref"].is_null(), "{second_factor}");
    }
}

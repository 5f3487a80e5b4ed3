//! The one error type of the HTTP shell: what the caller is told, as RFC 9457 `application/problem+json`.
//!
//! `detail` is for the person who sent the request and says how to correct it; `field` names the wrong field; `code` is for
//! programs and never changes. Internal causes are logged here, once, and never sent.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tracing::{error, warn};
use utoipa::ToSchema;

use crate::model::text::Unfit;
use crate::random::NoRandomness;
use crate::store;
use crate::{links, password, settings};

/// Why a request was refused or failed (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Always `about:blank`: `code` says more.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong and what to do, for people.
    pub detail: String,
    /// The field or parameter to correct.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is wrong, for programs.
    pub code: String,
}

/// A refused or failed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    detail: String,
    field: Option<String>,
    retry_after_s: Option<u32>,
}

impl ApiError {
    /// Any status with its code.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), field: None, retry_after_s: None }
    }

    /// 400: this field or parameter cannot be used, and why.
    pub fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", detail).field(field)
    }

    /// 401: nobody is signed in.
    pub fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail)
    }

    /// 403: somebody is, but may not.
    pub fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// 404: there is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// 409: it contradicts what is there.
    pub fn conflict(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", detail).field(field)
    }

    /// 503: the hub is stopping.
    pub fn stopping() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "the hub is stopping")
    }

    /// 500: a fault of the hub; the cause goes to the log.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        error!(%cause, "request failed: {cause}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the hub failed; see its log for the reason")
    }

    /// Names the field to correct.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Says when to try again.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Puts what contains the field in front of it: `condition` and `op` make `condition.op`.
    #[must_use]
    pub fn within(mut self, outer: &str) -> Self {
        self.field = Some(match self.field {
            Some(inner) => format!("{outer}.{inner}"),
            None => outer.to_owned(),
        });
        self
    }

    /// The field to correct.
    #[must_use]
    pub fn named(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// Says more behind it.
    #[must_use]
    pub fn and(mut self, more: &str) -> Self {
        self.detail = format!("{}; {more}", self.detail);
        self
    }

    /// The same with another status, for clients who understand that one only.
    #[must_use]
    pub const fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Says which line of the body it is about.
    #[must_use]
    pub fn in_line(mut self, number: u64) -> Self {
        self.detail = format!("line {number}: {}", self.detail);
        self.within(&format!("line {number}"))
    }

    /// The status it is answered with.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// Whether the request is to blame.
    #[must_use]
    pub fn is_the_clients(&self) -> bool {
        self.status.is_client_error()
    }

    /// Whether the same request has the same end at any time, as far as the hub can know.
    #[must_use]
    pub fn is_for_ever(&self) -> bool {
        self.is_the_clients() && self.retry_after_s.is_none()
    }

    /// What the person is told.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl From<store::Error> for ApiError {
    fn from(error: store::Error) -> Self {
        use store::Error as E;
        match error {
            E::NotFound { what } => Self::not_found(format!("there is no such {what}")),
            E::Conflict { field, detail } => Self::conflict(field, detail),
            E::Limit { .. } => Self::new(StatusCode::CONFLICT, "limit", error.to_string()),
            E::Full => {
                warn!("a write was refused: the disk is full");
                Self::new(
                    StatusCode::INSUFFICIENT_STORAGE,
                    "disk_full",
                    "the hub's disk is full: nothing was changed; free some space and try again",
                )
            }
            E::Busy(why) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", format!("{why}; try again, or ask for less"))
                    .retry_after(1)
            }
            E::TooLarge { .. } => {
                let detail = format!("{error}: ask for a shorter range, fewer series, or leave out percentiles");
                Self::new(StatusCode::BAD_REQUEST, "too_large", detail).field("from")
            }
            E::Closed => Self::stopping(),
            other @ (E::Newer { .. }
            | E::Locked(_)
            | E::Corrupt { .. }
            | E::File { .. }
            | E::BadFile { .. }
            | E::Sealed { .. }
            | E::Fatal(_)
            | E::Engine { .. }) => Self::internal(other),
        }
    }
}

/// Says a refusal in another form, which keeps what clients and caches go by.
pub(in crate::http) fn retold(response: Response, say: impl FnOnce(StatusCode, Told) -> Response) -> Response {
    let Some(told) = response.extensions().get::<Told>().cloned() else { return response };
    let mut retold = say(response.status(), told);
    for name in [header::WWW_AUTHENTICATE, header::CACHE_CONTROL, header::ALLOW] {
        if let Some(value) = response.headers().get(&name) {
            retold.headers_mut().insert(name, value.clone());
        }
    }
    retold
}

/// What the person was told, left with the answer for whoever has to say it in another form.
#[derive(Debug, Clone)]
pub(in crate::http) struct Told {
    /// What is wrong and what to do, for people.
    pub(in crate::http) detail: String,
    /// The same for programs.
    pub(in crate::http) code: &'static str,
    /// What to correct.
    pub(in crate::http) field: Option<String>,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let told = Told { detail: self.detail.clone(), code: self.code, field: self.field.clone() };
        let problem = Problem {
            kind: "about:blank".to_owned(),
            title: self.status.canonical_reason().unwrap_or("error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            field: self.field,
            code: self.code.to_owned(),
        };
        let mut response = (self.status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(told);
        response
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for ApiError {}

/// 401: without credentials.
pub(in crate::http) fn nobody() -> ApiError {
    ApiError::unauthenticated("sign in, or send an API token as `Authorization: Bearer thp_...`")
}

impl From<Unfit> for ApiError {
    fn from(Unfit { field, detail }: Unfit) -> Self {
        Self::invalid(field, detail)
    }
}

impl From<settings::Error> for ApiError {
    fn from(error: settings::Error) -> Self {
        match error {
            settings::Error::Store(error) => error.into(),
            settings::Error::Retention(error) => Self::internal(error),
        }
    }
}

impl From<links::Error> for ApiError {
    fn from(error: links::Error) -> Self {
        match error {
            links::Error::Store(error) => error.into(),
            links::Error::NoRandomness(error) => error.into(),
            links::Error::Password(error) => error.into(),
        }
    }
}

impl From<password::Failed> for ApiError {
    fn from(error: password::Failed) -> Self {
        Self::internal(error)
    }
}

impl From<NoRandomness> for ApiError {
    fn from(error: NoRandomness) -> Self {
        Self::internal(error)
    }
}

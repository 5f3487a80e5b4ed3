//! Query strings: read by name, and refused as a whole when a name is left over.
//!
//! A misspelt parameter that is silently ignored answers another question than the one asked, so nothing is ignored.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Query};
use axum::http::Uri;
use axum::http::request::Parts;

use super::AppState;
use super::dto::text;
use super::error::ApiError;
use super::page::Paging;
use crate::model::UnixMillis;

/// What may be asked in a query string.
pub trait FromParams: Sized {
    /// Takes every parameter it knows.
    ///
    /// # Errors
    /// [`ApiError::invalid`] naming the parameter.
    fn from_params(params: &mut Params) -> Result<Self, ApiError>;
}

/// The parameters of a request that were not taken yet.
#[derive(Debug)]
pub struct Params {
    pairs: Vec<(String, String)>,
    now: UnixMillis,
}

impl Params {
    /// The moment of the request, which `now-6h` counts from.
    #[must_use]
    pub const fn now(&self) -> UnixMillis {
        self.now
    }

    /// Every value of a parameter that may repeat.
    pub fn all(&mut self, name: &str) -> Vec<String> {
        self.pairs.extract_if(.., |(key, _)| key == name).map(|(_, value)| value).collect()
    }

    /// A parameter that is given at most once. An empty value is as good as none.
    pub fn one(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        let mut values = self.all(name);
        match values.len() {
            0 | 1 => Ok(values.pop().filter(|value| !value.is_empty())),
            _ => Err(ApiError::invalid(name, format!("`{name}` is given {} times, once is enough", values.len()))),
        }
    }

    /// A parameter of some type.
    pub fn parsed<T: FromStr>(&mut self, name: &str, expected: &str) -> Result<Option<T>, ApiError> {
        let Some(value) = self.one(name)? else { return Ok(None) };
        let parsed = value.parse().map_err(|_| ApiError::invalid(name, format!("`{value}` is not {expected}")))?;
        Ok(Some(parsed))
    }

    /// A parameter that has to be there.
    pub fn required<T>(name: &str, value: Option<T>) -> Result<T, ApiError> {
        value.ok_or_else(|| ApiError::invalid(name, format!("`{name}` is missing")))
    }

    /// A moment.
    pub fn time(&mut self, name: &str) -> Result<Option<UnixMillis>, ApiError> {
        let Some(value) = self.one(name)? else { return Ok(None) };
        Ok(Some(text::time(&value, self.now).map_err(|detail| ApiError::invalid(name, detail))?))
    }

    /// `limit` and `cursor`.
    pub fn paging(&mut self, usual: usize, most: usize) -> Result<Paging, ApiError> {
        let limit = self.parsed("limit", "a number")?.unwrap_or(usual);
        if !(1..=most).contains(&limit) {
            return Err(ApiError::invalid("limit", format!("`limit` must be between 1 and {most}, not {limit}")));
        }
        Paging::new(limit, self.one("cursor")?.as_deref())
    }

    fn finish(&self) -> Result<(), ApiError> {
        let Some((name, _)) = self.pairs.first() else { return Ok(()) };
        Err(ApiError::invalid(name, format!("there is no parameter `{name}` here; see /api/docs")))
    }
}

/// The query string as `T`, and nothing besides.
#[derive(Debug)]
pub struct Asked<T>(pub T);

impl<T: FromParams> FromRequestParts<AppState> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let Query(pairs) = Query::try_from_uri(&parts.uri)
            .map_err(|error| ApiError::invalid("query", format!("the query string cannot be read: {error}")))?;
        let mut params = Params { pairs, now: app.clock.wall() };
        let asked = T::from_params(&mut params)?;
        params.finish()?;
        Ok(Self(asked))
    }
}

/// Refuses every parameter.
pub(super) fn no_params(uri: &Uri) -> Result<(), ApiError> {
    let Some(name) = uri.query().and_then(|query| query.split(['=', '&']).next()).filter(|name| !name.is_empty())
    else {
        return Ok(());
    };
    Err(ApiError::invalid(name, format!("there is no parameter `{name}` here; see /api/docs")))
}

/// No parameters at all.
#[derive(Debug)]
pub struct Nothing;

impl FromParams for Nothing {
    fn from_params(_: &mut Params) -> Result<Self, ApiError> {
        Ok(Self)
    }
}

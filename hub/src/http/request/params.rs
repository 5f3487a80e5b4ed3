//! Query strings: read by name, and refused as a whole when a name is left over.
//!
//! A misspelt parameter that is silently ignored answers another question than the one asked, so nothing is ignored.

use std::str::FromStr;

use axum::extract::{FromRef, FromRequestParts, Query};
use axum::http::Uri;
use axum::http::request::Parts;

use crate::clock::Clock;
use crate::http::error::ApiError;
use crate::model::{UnixMillis, when};

/// What may be asked in a query string.
pub(crate) trait FromParams: Sized {
    /// Takes every parameter it knows.
    ///
    /// # Errors
    /// [`ApiError::invalid`] naming the parameter.
    fn from_params(params: &mut Params) -> Result<Self, ApiError>;
}

/// The parameters of a request that were not taken yet.
#[derive(Debug)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    now: UnixMillis,
}

impl Params {
    /// Of these names and values.
    pub(in crate::http) const fn of(pairs: Vec<(String, String)>, now: UnixMillis) -> Self {
        Self { pairs, now }
    }

    /// The moment of the request, which `now-6h` counts from.
    #[must_use]
    pub(crate) const fn now(&self) -> UnixMillis {
        self.now
    }

    /// Every value of a parameter that may repeat.
    pub(crate) fn all(&mut self, name: &str) -> Vec<String> {
        self.pairs.extract_if(.., |(key, _)| key == name).map(|(_, value)| value).collect()
    }

    /// A parameter that is given at most once. An empty value is as good as none.
    pub(crate) fn one(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        let mut values = self.all(name);
        match values.len() {
            0 | 1 => Ok(values.pop().filter(|value| !value.is_empty())),
            _ => Err(ApiError::invalid(name, format!("`{name}` is given {} times, once is enough", values.len()))),
        }
    }

    /// A parameter of some type.
    pub(crate) fn parsed<T: FromStr>(&mut self, name: &str, expected: &str) -> Result<Option<T>, ApiError> {
        let Some(value) = self.one(name)? else { return Ok(None) };
        let parsed = value.parse().map_err(|_| ApiError::invalid(name, format!("`{value}` is not {expected}")))?;
        Ok(Some(parsed))
    }

    /// A parameter that has to be there.
    pub(crate) fn required<T>(name: &str, value: Option<T>) -> Result<T, ApiError> {
        value.ok_or_else(|| ApiError::invalid(name, format!("`{name}` is missing")))
    }

    /// A moment.
    pub(crate) fn time(&mut self, name: &str) -> Result<Option<UnixMillis>, ApiError> {
        let Some(value) = self.one(name)? else { return Ok(None) };
        Ok(Some(when::time(&value, self.now).map_err(|detail| ApiError::invalid(name, detail))?))
    }

    fn finish(&self) -> Result<(), ApiError> {
        let Some((name, _)) = self.pairs.first() else { return Ok(()) };
        Err(ApiError::invalid(name, format!("there is no parameter `{name}` here; see /api/docs")))
    }
}

/// The query string as `T`, and nothing besides.
#[derive(Debug)]
pub(crate) struct Asked<T>(pub T);

impl<T: FromParams, S: Send + Sync> FromRequestParts<S> for Asked<T>
where
    Clock: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let mut params = Params::of(pairs(&parts.uri)?, Clock::from_ref(state).wall());
        let asked = T::from_params(&mut params)?;
        params.finish()?;
        Ok(Self(asked))
    }
}

/// Names and values of a query string.
///
/// # Errors
/// [`ApiError::invalid`] naming `query`.
pub(in crate::http) fn pairs(uri: &Uri) -> Result<Vec<(String, String)>, ApiError> {
    let Query(pairs) = Query::try_from_uri(uri)
        .map_err(|error| ApiError::invalid("query", format!("the query string cannot be read: {error}")))?;
    Ok(pairs)
}

/// Names and values of a form, which is written as a query string is; none of what is no form.
pub(in crate::http) fn form(body: &[u8]) -> Option<Vec<(String, String)>> {
    let uri = format!("/?{}", std::str::from_utf8(body).ok()?.trim()).parse().ok()?;
    pairs(&uri).ok()
}

/// `from` and `to`, in this order; the last hour when left out.
pub(in crate::http) fn range(params: &mut Params) -> Result<(UnixMillis, UnixMillis), ApiError> {
    let to = params.time("to")?.unwrap_or_else(|| params.now().plus(1));
    let from = params.time("from")?.unwrap_or_else(|| to.plus(-3_600_000));
    in_order(from, to)
}

/// A range that holds at least a millisecond.
pub(in crate::http) fn in_order(from: UnixMillis, to: UnixMillis) -> Result<(UnixMillis, UnixMillis), ApiError> {
    if from >= to {
        return Err(ApiError::invalid("from", "`from` must be before `to`"));
    }
    Ok((from, to))
}

/// Refuses every parameter.
pub(in crate::http) fn no_params(uri: &Uri) -> Result<(), ApiError> {
    let Some(name) = uri.query().and_then(|query| query.split(['=', '&']).next()).filter(|name| !name.is_empty())
    else {
        return Ok(());
    };
    Err(ApiError::invalid(name, format!("there is no parameter `{name}` here; see /api/docs")))
}

/// No parameters at all.
#[derive(Debug)]
pub(crate) struct Nothing;

impl FromParams for Nothing {
    fn from_params(_: &mut Params) -> Result<Self, ApiError> {
        Ok(Self)
    }
}

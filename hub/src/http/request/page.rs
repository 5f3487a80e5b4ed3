//! Lists in pages: `limit` items, and a cursor to go on behind the last.
//!
//! A cursor is the sort key of the last item, so a page stays right when items come and go between two requests. It is
//! opaque to clients: base64url of the key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

use super::params::{FromParams, Params};
use crate::http::error::ApiError;

/// Part of a list.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// What to send as `cursor` to go on; null at the end.
    pub next: Option<String>,
}

/// A list without other parameters.
#[derive(Debug)]
pub(in crate::http) struct AskPage(pub Paging);

impl FromParams for AskPage {
    fn from_params(params: &mut Params) -> Result<Self, ApiError> {
        params.paging(100, 1_000).map(Self)
    }
}

/// How much to return, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Paging {
    pub limit: usize,
    /// Sort key of the last item of the page before.
    pub after: Option<String>,
}

impl Params {
    /// `limit` and `cursor`.
    pub(crate) fn paging(&mut self, usual: usize, most: usize) -> Result<Paging, ApiError> {
        let limit = self.parsed("limit", "a number")?.unwrap_or(usual);
        if !(1..=most).contains(&limit) {
            return Err(ApiError::invalid("limit", format!("`limit` must be between 1 and {most}, not {limit}")));
        }
        Paging::new(limit, self.one("cursor")?.as_deref())
    }
}

/// The two parameters of a list that gives so many items at most, for the contract.
pub(in crate::http) struct UpTo<const MOST: usize>;

/// Of most lists.
pub(in crate::http) type Pages = UpTo<1_000>;
/// Of what is small and of which there is a lot.
pub(in crate::http) type LongPages = UpTo<10_000>;
/// Of readings.
pub(in crate::http) type ReadingPages = UpTo<50_000>;

impl<const MOST: usize> utoipa::IntoParams for UpTo<MOST> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(MOST));
        let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[A-Za-z0-9_-]*$"));
        [
            ("limit", "Maximum number of items.", Schema::from(number)),
            ("cursor", "`next` of the previous page.", Schema::from(text)),
        ]
        .map(|(name, about, schema)| {
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Query)
                .required(Required::False)
                .description(Some(about))
                .schema(Some(schema))
                .build()
        })
        .to_vec()
    }
}

impl Paging {
    /// Reads a cursor.
    ///
    /// # Errors
    /// [`ApiError::invalid`] for a cursor that never came from here.
    pub(crate) fn new(limit: usize, cursor: Option<&str>) -> Result<Self, ApiError> {
        let foreign = || {
            ApiError::invalid(
                "cursor",
                "not a valid cursor: send `next` of the previous page, or leave it out to start over",
            )
        };
        let after = match cursor {
            None => None,
            Some(cursor) => {
                let key = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| foreign())?;
                Some(String::from_utf8(key).map_err(|_| foreign())?)
            }
        };
        Ok(Self { limit, after })
    }

    /// The sort key of a number.
    #[must_use]
    pub(crate) fn key(number: u64) -> String {
        format!("{number:020}")
    }

    /// The cursor as a number, for lists in the order of theirs.
    ///
    /// # Errors
    /// [`ApiError::invalid`] for a cursor of another list.
    pub(crate) fn number<T: std::str::FromStr>(&self) -> Result<Option<T>, ApiError> {
        let Some(key) = &self.after else { return Ok(None) };
        let number = key.parse().map_err(|_| ApiError::invalid("cursor", "this cursor belongs to another list"))?;
        Ok(Some(number))
    }

    /// One page of all `items`, in the order of their keys.
    pub(crate) fn cut<T, U>(&self, mut items: Vec<T>, key: impl Fn(&T) -> String, show: impl Fn(T) -> U) -> Page<U> {
        items.sort_by_cached_key(&key);
        let start = self.after.as_ref().map_or(0, |after| items.partition_point(|item| key(item) <= *after));
        let mut rest = items.split_off(start);
        let more = rest.len() > self.limit;
        rest.truncate(self.limit);
        let next = if more { rest.last().map(|last| cursor(&key(last))) } else { None };
        Page { items: rest.into_iter().map(show).collect(), next }
    }

    /// One page of items fetched in order with `limit + 1`.
    pub(crate) fn fetched<T, U>(
        &self,
        mut items: Vec<T>,
        key: impl Fn(&T) -> String,
        show: impl Fn(T) -> U,
    ) -> Page<U> {
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        let next = if more { items.last().map(|last| cursor(&key(last))) } else { None };
        Page { items: items.into_iter().map(show).collect(), next }
    }
}

/// The text of a cursor.
#[must_use]
pub(in crate::http) fn cursor(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_a_list_once_even_when_items_vanish() {
        let all: Vec<u32> = (0..25).collect();
        let key = |n: &u32| format!("{n:04}");
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let paging = Paging::new(10, cursor.as_deref()).unwrap();
            let page = paging.cut(all.iter().copied().filter(|n| *n != 9 || seen.is_empty()).collect(), key, |n| n);
            seen.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, all);
        assert!(Paging::new(1, Some("%%")).is_err());
    }
}

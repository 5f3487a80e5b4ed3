//! The JSON of the API, one file a noun: what goes out is made with `From` or `of`, what comes in is checked in `TryFrom`.
//!
//! Every key is always present, `null` when there is nothing to say. Unknown keys of a request are refused. A type whose
//! name begins with `New`, or ends in `Patch` or `Request`, comes in; all others go out.

pub mod access;
pub mod alert;
pub mod audit;
pub mod backtest;
pub mod device;
pub mod export;
pub mod guess;
pub mod hub;
pub mod import;
pub mod ledger;
pub mod line;
pub mod live;
mod number;
pub mod push;
pub mod query;
pub mod reading;
pub mod retention;
pub mod rule;
pub mod silence;
pub mod text;
pub mod user;
pub mod webhook;
pub mod webhook_draft;
pub mod webhook_preview;

pub(super) use super::body::parse;
use serde::Serialize;
use utoipa::ToSchema;

/// Part of a list.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// What to send as `cursor` to go on; null at the end.
    pub next: Option<String>,
}

/// Why a request was refused or failed (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: `code` says more.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong and what to do, for people.
    pub detail: String,
    /// The same, where clients of InfluxDB look for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The field or parameter to correct.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is wrong, for programs.
    pub code: String,
}

//! How a moment and a length of time are written. PURE.

use jiff::tz::TimeZone;

use crate::model::{UnixMillis, shown};

/// A moment in the hub's zone.
pub(in crate::delivery) fn written(at: UnixMillis, zone: &TimeZone, form: &str) -> String {
    let at = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.to_zoned(zone.clone()).strftime(form).to_string()
}

/// A length of time; one of whole minutes and hours without the rest.
pub(in crate::delivery) fn length(seconds: f64) -> String {
    let text = shown::length(seconds.round() as i64);
    text.strip_suffix(" 0 min").or_else(|| text.strip_suffix(" 0 h")).map_or_else(|| text.clone(), str::to_owned)
}

//! How moments and lengths of time are written. PURE.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::UnixMillis;

/// RFC 3339 in UTC with milliseconds.
#[must_use]
pub fn moment(at: UnixMillis) -> String {
    let at = Timestamp::from_millisecond(at.0).unwrap_or(if at.0 < 0 { Timestamp::MIN } else { Timestamp::MAX });
    format!("{at:.3}")
}

/// Units of a length of time in milliseconds, largest first.
pub(super) const UNITS: [(&str, u64); 6] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A duration in the largest units that fit; a minute stays `60s`, as everybody writes it.
#[must_use]
pub fn span(duration: Duration) -> String {
    let mut millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 {
        return "0s".to_owned();
    }
    if millis == 60_000 {
        return "60s".to_owned();
    }
    let mut text = String::new();
    for (unit, factor) in UNITS.into_iter().skip(1) {
        if millis >= factor {
            text += &format!("{}{unit}", millis / factor);
            millis %= factor;
        }
    }
    text
}

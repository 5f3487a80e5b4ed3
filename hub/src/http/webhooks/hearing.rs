//! What a webhook hears of, and when, as people write it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::http::request::weekly::Weekly;
use crate::model::hearing::{self, LONGEST_REPEAT, SHORTEST_REPEAT};
use crate::model::{UnixMillis, webhook, when};
use crate::zones;

/// Hours of the week in which nothing is sent. Messages wait until they end; what began and was over in them is not sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuietHours {
    /// Days on which they begin: `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`.
    days: Vec<String>,
    /// Time of the day at which they begin: `22:00`.
    from: String,
    /// Time at which they end; on the next day where that is not later than `from`.
    until: String,
    /// Time zone of both, such as `Europe/Berlin` or `+05:30`; the hub's when left out.
    zone: Option<String>,
    /// Whether critical alerts are sent all the same; true when left out.
    #[serde(default = "yes")]
    critical_passes: bool,
}

const fn yes() -> bool {
    true
}

impl From<hearing::QuietHours> for QuietHours {
    fn from(quiet: hearing::QuietHours) -> Self {
        let Weekly { days, from, until, zone } = quiet.weekly.into();
        Self { days, from, until, zone, critical_passes: quiet.critical_passes }
    }
}

impl QuietHours {
    /// # Errors
    /// [`ApiError::invalid`] naming the field.
    pub(crate) fn check(self) -> Result<hearing::QuietHours, ApiError> {
        let Self { days, from, until, zone, critical_passes } = self;
        let weekly = Weekly { days, from, until, zone }.check().map_err(|error| error.within("quiet_hours"))?;
        Ok(hearing::QuietHours { weekly, critical_passes })
    }
}

/// Quiet hours that last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct QuietNow {
    /// When they end.
    pub until: String,
    /// Messages that wait for it.
    pub waiting: usize,
}

impl QuietNow {
    /// The quiet hours of a webhook, where they last.
    #[must_use]
    pub(crate) fn of(webhook: &webhook::Webhook, now: UnixMillis) -> Option<Self> {
        let quiet = webhook.spec.quiet.as_ref().filter(|_| webhook.works())?;
        let lull = zones::lull(webhook.id, quiet, now).filter(|lull| lull.has(now))?;
        let [ordinary, critical] = webhook.waiting;
        let waiting = if quiet.critical_passes { ordinary } else { ordinary + critical };
        Some(Self { until: when::moment(lull.until), waiting })
    }
}

/// How often a webhook is told again.
///
/// # Errors
/// [`ApiError::invalid`] naming the field.
pub(crate) fn repeat_every(text: &str) -> Result<Duration, ApiError> {
    let every = when::duration(text).map_err(|detail| ApiError::invalid("repeat_every", detail))?;
    if !(SHORTEST_REPEAT..=LONGEST_REPEAT).contains(&every) {
        let (least, most) = (when::span(SHORTEST_REPEAT), when::span(LONGEST_REPEAT));
        let detail = format!("`repeat_every` must be between {least} and {most}, such as 4h");
        return Err(ApiError::invalid("repeat_every", detail));
    }
    Ok(every)
}

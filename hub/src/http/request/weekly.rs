//! Hours of the week as people write them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::model::weekly;
use crate::zones;

/// Hours that come again each week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Weekly {
    /// Days on which they begin: `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`.
    pub(in crate::http) days: Vec<String>,
    /// Time of the day at which they begin: `22:00`.
    pub(in crate::http) from: String,
    /// Time at which they end; on the next day where that is not later than `from`.
    pub(in crate::http) until: String,
    /// Time zone of both, such as `Europe/Berlin` or `+05:30`; the hub's when left out.
    pub(in crate::http) zone: Option<String>,
}

impl From<weekly::Weekly> for Weekly {
    fn from(weekly: weekly::Weekly) -> Self {
        Self {
            days: weekly.day_names().map(str::to_owned).collect(),
            from: weekly::Weekly::time_text(weekly.from),
            until: weekly::Weekly::time_text(weekly.until),
            zone: Some(weekly.zone),
        }
    }
}

impl Weekly {
    /// # Errors
    /// [`ApiError::invalid`] naming the field.
    pub(in crate::http) fn check(self) -> Result<weekly::Weekly, ApiError> {
        let mut days = 0;
        for (n, name) in self.days.iter().enumerate() {
            let detail = || format!("`{name}` is not a day: write mon, tue, wed, thu, fri, sat or sun");
            days |= weekly::Weekly::day(name).ok_or_else(|| ApiError::invalid(format!("days[{n}]"), detail()))?;
        }
        if days == 0 {
            return Err(ApiError::invalid("days", "name at least one day: mon, tue, wed, thu, fri, sat or sun"));
        }
        let time = |field: &str, text: &str| {
            let detail = || format!("`{text}` is not a time of the day: write 00:00 to 23:59");
            weekly::Weekly::time(text).ok_or_else(|| ApiError::invalid(field, detail()))
        };
        let (from, until) = (time("from", &self.from)?, time("until", &self.until)?);
        let zone = self.zone.or_else(zones::own).unwrap_or_else(|| "UTC".to_owned());
        if zones::named(&zone).is_none() {
            let detail =
                format!("`{zone}` is not a time zone: write a name such as Europe/Berlin, or an offset such as +05:30");
            return Err(ApiError::invalid("zone", detail));
        }
        Ok(weekly::Weekly { days, from, until, zone })
    }
}

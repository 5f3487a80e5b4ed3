//! What ails the hub itself, in words. PURE.

use super::{About, Told};
use crate::model::alert::Ailment;
use crate::model::shown;

impl About<'_> {
    pub(super) fn hub_ails(&self, ailment: Ailment) -> Told {
        let since = self.moment(self.alert.started_at);
        let used = shown::digits(self.alert.last.or(self.alert.value).unwrap_or(self.alert.threshold));
        let (title, text) = match ailment {
            Ailment::DiskFull => (
                "disk full",
                format!("The disk of the hub is full since {since}: no new readings are stored until there is space."),
            ),
            Ailment::DiskNearlyFull => (
                "disk nearly full",
                format!("The disk of the hub is {used} % full (limit {}), since {since}.", self.limit()),
            ),
            Ailment::DatabaseDamaged => (
                "database damaged",
                format!(
                    "The database of the hub was found damaged at {since}: `telemetry-hub recover` brings its readings back."
                ),
            ),
        };
        Told { title: format!("Telemetry hub: {title}"), text }
    }

    pub(super) fn hub_is_well(&self, ailment: Ailment) -> Told {
        let lasted = self.lasted();
        let (title, text) = match ailment {
            Ailment::DiskFull => {
                ("disk full", format!("The disk of the hub was full for {lasted}. New readings are stored again."))
            }
            Ailment::DiskNearlyFull => {
                ("disk nearly full", format!("The disk of the hub has space again, after {lasted}."))
            }
            Ailment::DatabaseDamaged => {
                ("database damaged", format!("No damaged database of the hub is left to recover, after {lasted}."))
            }
        };
        Told { title: format!("Resolved: telemetry hub, {title}"), text }
    }
}

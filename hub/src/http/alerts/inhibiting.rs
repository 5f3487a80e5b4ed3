//! Of which alerts nobody is told because their device is offline, as the lists show it.

use std::collections::{HashMap, HashSet};

use crate::model::alert::{Alert, AlertId, Subject};
use crate::model::device::DeviceNo;
use crate::store::{Result, Store};

/// Alerts that say that a device is offline, and those that are muted.
#[derive(Debug, Default)]
pub(super) struct Inhibiting {
    offline: HashMap<DeviceNo, AlertId>,
    muted: HashSet<AlertId>,
}

impl Inhibiting {
    /// As they are now.
    ///
    /// # Errors
    /// Those of any read.
    pub(super) async fn of(store: &Store) -> Result<Self> {
        let offline: HashMap<_, _> = store.offline_alerts().await?.into_iter().collect();
        // Where nobody is offline nothing is muted by that.
        let muted = if offline.is_empty() { Vec::new() } else { store.muted_alerts().await? };
        Ok(Self { offline, muted: muted.into_iter().map(|alert| alert.id).collect() })
    }

    /// The alert by which nobody is told of this one.
    pub(super) fn of_alert(&self, alert: &Alert) -> Option<AlertId> {
        let Subject::Series { device, .. } = alert.about else { return None };
        self.offline.get(&device).copied().filter(|_| self.muted.contains(&alert.id))
    }
}

//! Which devices are away, as far as the hub has raised an alert. PURE.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::model::alert::Alert;
use crate::model::device::DeviceNo;

/// Devices for which there is an alert that they are away.
#[derive(Debug, Default)]
pub(super) struct Away {
    pub(super) open: BTreeMap<DeviceNo, Arc<Alert>>,
    /// Looks in a row at which a device was offline.
    pub(super) looks: HashMap<DeviceNo, u32>,
}

impl Away {
    pub(super) fn resume(&mut self, device: DeviceNo, alert: Alert) {
        self.open.insert(device, Arc::new(alert));
    }

    pub(super) fn apply(&mut self, changes: Vec<(DeviceNo, Option<Arc<Alert>>)>) {
        for (device, alert) in changes {
            match alert {
                Some(alert) => drop(self.open.insert(device, alert)),
                None => drop(self.open.remove(&device)),
            }
        }
    }
}

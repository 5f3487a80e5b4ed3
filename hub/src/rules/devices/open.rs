//! What rules say of devices as a whole, as far as alerts of it are open. PURE.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::model::alert::{Alert, AlertState};
use crate::model::device::DeviceNo;
use crate::model::rule::RuleId;

/// A rule, and a device.
pub(in crate::rules) type Of = (RuleId, DeviceNo);

/// What rules say of devices.
#[derive(Debug, Default)]
pub(in crate::rules) struct Devices {
    pub(in crate::rules) open: BTreeMap<Of, Arc<Alert>>,
    /// Looks in a row at which something was so.
    pub(super) looks: HashMap<Of, u32>,
}

impl Devices {
    /// The alerts of one rule.
    pub(super) fn of(&self, rule: RuleId) -> impl Iterator<Item = (DeviceNo, &Arc<Alert>)> {
        let all = (rule, DeviceNo(0))..=(rule, DeviceNo(u32::MAX));
        self.open.range(all).map(|(&(_, device), alert)| (device, alert))
    }

    /// Devices of which an alert that fires says that they are offline.
    pub(in crate::rules) fn offline(&self) -> impl Iterator<Item = DeviceNo> {
        let fires = |alert: &Alert| alert.state == AlertState::Firing && alert.is_offline();
        self.open.iter().filter(move |(_, alert)| fires(alert)).map(|((_, device), _)| *device)
    }

    pub(in crate::rules) fn apply(&mut self, changes: Vec<(Of, Option<Arc<Alert>>)>) {
        for (of, alert) in changes {
            match alert {
                Some(alert) => drop(self.open.insert(of, alert)),
                None => drop(self.open.remove(&of)),
            }
        }
    }
}

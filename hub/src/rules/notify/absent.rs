//! Which devices are offline, as far as an alert says so: what begins about their own sensors meanwhile is told to nobody. PURE.
//!
//! That a device is offline says it all: that its sensors are silent follows. Who is back has a minute to send its readings; what is
//! still true then is told. What nobody knows ([`Alert::unknown_since`]) waits until somebody does.

use std::collections::BTreeMap;

use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertId, AlertState, Subject, Transition};
use crate::model::device::DeviceNo;

/// Milliseconds in which a device that is back sends what its sensors measure.
const BACK_MS: i64 = 60_000;

/// Devices that are offline, each with the alerts that say so; and those that came back lately, with when that is long enough.
#[derive(Debug, Default)]
pub(super) struct Absent {
    offline: BTreeMap<DeviceNo, Vec<AlertId>>,
    back: BTreeMap<DeviceNo, UnixMillis>,
}

impl Absent {
    /// Goes on with the alerts that are open.
    pub(super) fn new(open: &[Alert]) -> Self {
        let mut absent = Self::default();
        open.iter().for_each(|alert| absent.note(alert, alert.learned_at));
        absent
    }

    /// Follows changes that are on disk.
    pub(super) fn follow(&mut self, now: UnixMillis, transitions: &[Transition]) {
        for transition in transitions {
            if let Transition::Put { alert, .. } = transition {
                self.note(alert, now);
            }
        }
        self.back.retain(|_, until| now < *until);
    }

    fn note(&mut self, alert: &Alert, now: UnixMillis) {
        let (Some(device), true) = (alert.device(), alert.is_offline()) else { return };
        let alerts = self.offline.entry(device).or_default();
        alerts.retain(|id| *id != alert.id);
        if alert.state == AlertState::Firing {
            alerts.push(alert.id);
        }
        if alerts.is_empty() {
            self.offline.remove(&device);
            if alert.state == AlertState::Resolved {
                self.back.insert(device, now.plus(BACK_MS));
            }
        }
    }

    /// The alert that says that the device of this one's sensor is offline.
    pub(super) fn because(&self, alert: &Alert) -> Option<AlertId> {
        let Subject::Series { device, .. } = alert.about else { return None };
        self.offline.get(&device)?.first().copied()
    }

    /// Whether nobody is told of this alert, should it begin now.
    pub(super) fn hushes(&self, now: UnixMillis, alert: &Alert) -> bool {
        let Subject::Series { device, .. } = alert.about else { return false };
        self.offline.contains_key(&device) || self.back.get(&device).is_some_and(|until| now < *until)
    }
}

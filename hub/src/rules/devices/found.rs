//! Of which devices something may be true that a rule asks for, as they are at one look. PURE.

use crate::model::UnixMillis;
use crate::model::device::DeviceNo;
use crate::model::looked::Looked;
use crate::model::rule::DeviceState;
use crate::rules::condition::millis;

/// A device of which it may be true.
pub(super) struct Found {
    pub(super) device: DeviceNo,
    /// Not true before.
    pub(super) due: UnixMillis,
    /// Since when, where that is known.
    pub(super) since: Option<UnixMillis>,
    /// What an alert says of it.
    pub(super) value: Option<f64>,
    pub(super) threshold: f64,
}

/// All of them.
pub(super) fn found(state: DeviceState, looked: &Looked) -> impl Iterator<Item = Found> + '_ {
    let seconds = |ms: i64| ms as f64 / 1_000.0;
    let all: Vec<Found> = match state {
        DeviceState::Offline { after } => {
            let after_ms = millis(after);
            let offline = looked.offline.iter().map(|absence| Found {
                device: absence.device,
                due: absence.missed_at.max(absence.heard.plus(after_ms)),
                since: Some(absence.heard),
                value: None,
                threshold: seconds(after_ms.max(absence.usual_ms)),
            });
            offline.collect()
        }
        DeviceState::SourceFailing => {
            let failing = looked.failing.iter().filter(|(_, count)| **count > 0);
            let failing = failing.map(|(&device, &count)| (device, f64::from(count), 0.0));
            failing.map(now_found).collect()
        }
        DeviceState::ClockOff { by } => {
            let by_ms = millis(by);
            let off = looked.clocks.iter().filter(|(_, ms)| ms.saturating_abs() > by_ms);
            off.map(|(&device, &ms)| (device, seconds(ms), seconds(by_ms))).map(now_found).collect()
        }
    };
    let mut all = all;
    // The order of a map is none: alerts are numbered by their devices.
    all.sort_unstable_by_key(|found| found.device);
    all.into_iter()
}

fn now_found((device, value, threshold): (DeviceNo, f64, f64)) -> Found {
    Found { device, due: UnixMillis(i64::MIN), since: None, value: Some(value), threshold }
}

/// Whether it is known of a device that it is not so, where [`found`] does not name it.
pub(super) fn is_known(state: DeviceState, device: DeviceNo, looked: &Looked) -> bool {
    match state {
        DeviceState::Offline { .. } => true,
        DeviceState::SourceFailing => looked.failing.contains_key(&device),
        DeviceState::ClockOff { .. } => looked.clocks.contains_key(&device),
    }
}

/// What is measured of a device, where it is known.
pub(super) fn measured(state: DeviceState, device: DeviceNo, looked: &Looked) -> Option<f64> {
    match state {
        // It is heard: nothing is missing, whereas of one that nobody watches any more nothing is said.
        DeviceState::Offline { .. } => Some(0.0),
        DeviceState::SourceFailing => looked.failing.get(&device).map(|count| f64::from(*count)),
        DeviceState::ClockOff { .. } => looked.clocks.get(&device).map(|ms| *ms as f64 / 1_000.0),
    }
}

//! Why an alert fired and how things were then: what is kept of the moment at which it did, and what else fired about then.

use std::cmp::Reverse;

use super::UnixMillis;
use super::alert::{Alert, AlertId};
use super::catalog::Catalog;
use super::device::{DeviceNo, Labels};

/// How long before and after an alert others count as having fired about then, in milliseconds.
pub const ABOUT_THEN_MS: i64 = 10 * 60_000;
/// Others that are named beside it.
pub const MOST_BESIDE: usize = 10;
/// How far back firings are counted, in days.
pub const COUNTED_DAYS: i64 = 30;
/// Firings are counted up to this many: more than anybody tells apart.
pub const MOST_COUNTED: u32 = 1_000;

/// What is kept of the moment at which an alert fired.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    pub alert: AlertId,
    /// Which version of its rule it was; `None` of the hub's own.
    pub rule_version: Option<u32>,
    /// How much later than it happened the hub knew, in milliseconds.
    pub late_ms: i64,
    /// How its device was; `None` of the hub's own, and of what was over by then.
    pub circumstances: Option<Circumstances>,
}

/// How a device and its link were.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Circumstances {
    pub is_online: bool,
    /// When it was heard last.
    pub heard_at: Option<UnixMillis>,
    /// What became of its readings of the hour and the one before; `None` where that is not known.
    pub loss: Option<Loss>,
    /// Its clock minus the hub's.
    pub clock_offset_ms: Option<i64>,
    /// Version of its agent; empty where it did not say.
    pub agent: String,
    /// What it measured last of its battery and its radio.
    pub vitals: Vec<Vital>,
}

/// Readings of two hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    pub taken: u64,
    /// Those of them that nobody has any more.
    pub lost: u64,
}

/// The newest reading of a battery or a radio.
#[derive(Debug, Clone, PartialEq)]
pub struct Vital {
    pub sensor: String,
    pub value: f64,
    pub unit: String,
}

/// What the hub knows of the link of a device, right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    pub is_online: bool,
    /// When it was heard last.
    pub heard_at: Option<UnixMillis>,
    /// Its clock minus the hub's.
    pub clock_offset_ms: Option<i64>,
}

/// How often a rule fired in the days before, the alert that is told included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// About the same thing.
    pub here: u32,
    /// About anything.
    pub anywhere: u32,
}

/// Why an alert fired, as far as it is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Reason {
    pub explanation: Explanation,
    /// Since when its rule says what it says.
    pub rule_changed_at: Option<UnixMillis>,
    /// Of the last [`COUNTED_DAYS`]; `None` where there was no time to count.
    pub tally: Option<Tally>,
    /// What else fired about then.
    pub beside: Vec<Alert>,
}

/// The words by which the name of a sensor tells that it measures a battery or a radio.
const VITAL: [&str; 5] = ["battery", "rssi", "signal", "snr", "lqi"];
/// Those of a device that are kept.
pub const MOST_VITALS: usize = 3;

/// Whether a sensor of this name measures a battery or a radio.
#[must_use]
pub fn is_vital(sensor: &str) -> bool {
    let sensor = sensor.to_ascii_lowercase();
    VITAL.iter().any(|word| sensor.contains(word))
}

/// Of alerts that fired about when one did, those that are named beside it: first those of its device, then those of devices that share
/// a label with it, each the nearest first.
#[must_use]
pub fn beside(alert: &Alert, others: Vec<Alert>, catalog: &Catalog) -> Vec<Alert> {
    let fired = |alert: &Alert| alert.fired_at.unwrap_or(alert.started_at);
    let labels = |device: Option<DeviceNo>| device.and_then(|no| catalog.device(no)).map(|device| &device.labels);
    let own = labels(alert.device());
    let shared = |other: &Alert| {
        let both = own.zip(labels(other.device()));
        both.map_or(0, |(one, other): (&Labels, &Labels)| {
            one.iter().filter(|(key, value)| other.get(*key) == Some(value)).count()
        })
    };
    let apart = |other: &Alert| fired(other).since(fired(alert)).abs();
    let mut others = others;
    others.retain(|other| other.id != alert.id && apart(other) <= ABOUT_THEN_MS);
    others.sort_by_key(|other| {
        let is_here = alert.device().is_some() && other.device() == alert.device();
        (Reverse(is_here), Reverse(shared(other)), apart(other), other.id)
    });
    others.truncate(MOST_BESIDE);
    others
}

/// Before an alert as long as it lasts is shown, and a third of that behind it; at least this long.
const LEAST_SHOWN_MS: i64 = 15 * 60_000;
/// Of one that lasts very long its end is shown alone.
const MOST_SHOWN_MS: i64 = 14 * 86_400_000;

/// The time that a picture of an alert shows, at `now`: from before it began until after it was over, or now.
#[must_use]
pub fn around(alert: &Alert, now: UnixMillis) -> (UnixMillis, UnixMillis) {
    let end = alert.resolved_at.unwrap_or(now).max(alert.started_at);
    let lasted = end.since(alert.started_at);
    let to = if alert.resolved_at.is_some() {
        end.plus((lasted / 3).max(LEAST_SHOWN_MS / 3)).min(now.max(end))
    } else {
        end
    };
    let from = alert.started_at.plus(-lasted.max(LEAST_SHOWN_MS)).max(to.plus(-MOST_SHOWN_MS));
    (from, to.max(from.plus(1_000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_battery_and_a_radio_are_known_by_their_names() {
        assert!(["battery", "ps.BAT0.battery_pct", "wifi.RSSI", "lora.snr"].into_iter().all(is_vital));
        assert!(!["temperature", "cpu.load"].into_iter().any(is_vital));
    }
}

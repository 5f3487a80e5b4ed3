//! What is known of devices right now and never stored: their links, what is wrong with them, and those that wait to be adopted.
//!
//! The UDP shell writes it, HTTP and the live stream read it. A device is online while authenticated data keeps coming;
//! discovery packets and pings never count.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use wire::message::Health;

use crate::model::alert::Absences;
use crate::model::catalog::Catalog;
use crate::model::device::{Conflict, Device, DeviceNo, Link, Pending, Standing};
use crate::model::{DeviceId, UnixMillis};

/// Links by device, pending devices by id.
#[derive(Debug, Default)]
pub struct Now {
    /// Links of adopted devices heard since the hub started.
    pub links: HashMap<DeviceNo, Link>,
    /// Devices without a link whose readings were pushed since the hub started.
    pub pushed: HashMap<DeviceNo, Pushed>,
    /// What devices said last of what they find wrong with themselves; those that said nothing are left out.
    pub health: HashMap<DeviceNo, Health>,
    /// Devices whose identity another machine uses as well.
    pub conflicts: HashMap<DeviceNo, Conflict>,
    /// Devices that wait to be adopted; at most 256 (the endpoint's cap).
    pub pending: HashMap<DeviceId, Pending>,
}

/// What is heard of a device that programs push readings of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pushed {
    /// Where the last push came from; port 0, because each comes from another.
    pub address: SocketAddr,
    /// When the last push came.
    pub last_seen: UnixMillis,
    /// Time between the last two pushes, in milliseconds; `None` after the first.
    pub every_ms: Option<i64>,
    /// How far the newest reading of each of the last three pushes was ahead of the hub's clock, in milliseconds.
    ahead_ms: [Option<i64>; 3],
}

impl Pushed {
    /// Silence for which nobody is taken for offline after the first push: most collect more often than that.
    const FIRST_MS: i64 = 5 * 60_000;
    /// The same at least, and at most: whoever pushes less than once a day is not missed earlier than after three.
    const LEAST_MS: i64 = 60_000;
    const MOST_MS: i64 = 86_400_000;

    /// The device's clock minus the hub's, in milliseconds, by its readings; `None` before three pushes. Ahead is what all
    /// of them are; behind too, unless it is what a device keeps its readings for: less than two times between pushes.
    #[must_use]
    pub fn clock_offset_ms(&self) -> Option<i64> {
        let [Some(a), Some(b), Some(c)] = self.ahead_ms else { return None };
        let least = [a, b, c].into_iter().min_by_key(|ms| ms.abs())?;
        let is_kept = least < 0 && least.abs() <= 2 * self.every_ms.unwrap_or(0);
        let agree = [a, b, c].iter().all(|ms| ms.signum() == least.signum());
        Some(if is_kept || !agree { 0 } else { least })
    }

    fn offline_after_ms(&self) -> i64 {
        self.every_ms.map_or(Self::FIRST_MS, |ms| (3 * ms).clamp(Self::LEAST_MS, 3 * Self::MOST_MS))
    }
}

/// How long a device may be away before the hub itself tells of it; a person may change it, or not want to know.
#[derive(Debug)]
pub struct Grace(AtomicI64);

impl Grace {
    /// What counts until a person says otherwise.
    pub const USUAL_MS: i64 = 60_000;

    /// A grace of so many milliseconds; `None` tells nobody.
    #[must_use]
    pub const fn new(after_ms: Option<i64>) -> Self {
        Self(AtomicI64::new(match after_ms {
            Some(ms) => ms,
            None => -1,
        }))
    }

    /// Milliseconds; `None` when nobody is told.
    #[must_use]
    pub fn get(&self) -> Option<i64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|ms| *ms >= 0)
    }

    /// Counts from the next look on.
    pub fn set(&self, after_ms: Option<i64>) {
        self.0.store(after_ms.unwrap_or(-1), Ordering::Relaxed);
    }
}

/// The shared table.
#[derive(Debug, Default)]
pub struct Presence(RwLock<Now>);

impl Presence {
    /// Silence after which a device is offline: three missed readings, at least 10 s (an agent says something every 5 s).
    #[must_use]
    pub const fn offline_after_ms(interval_ms: u32) -> i64 {
        let three = 3 * interval_ms as i64;
        if three > 10_000 { three } else { 10_000 }
    }

    /// Looks. Hold it briefly, never across an await.
    pub fn read(&self) -> RwLockReadGuard<'_, Now> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes. Hold it briefly, never across an await.
    pub fn write(&self) -> RwLockWriteGuard<'_, Now> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a device is online at `now`, given its expected interval, 0 when none is known. Who pushes says nothing in
    /// between and names no interval: then three times that of the last two pushes counts, at least a minute.
    #[must_use]
    pub fn is_online(&self, device: DeviceNo, interval_ms: u32, now: UnixMillis) -> bool {
        let limit = Self::offline_after_ms(interval_ms);
        let table = self.read();
        if let Some(link) = table.links.get(&device) {
            return now.since(link.last_seen) <= limit;
        }
        table.pushed.get(&device).is_some_and(|pushed| {
            let limit = if interval_ms > 0 { limit } else { pushed.offline_after_ms() };
            now.since(pushed.last_seen) <= limit
        })
    }

    /// Who is offline of the devices that were ever heard.
    #[must_use]
    pub fn absences(&self, catalog: &Catalog, grace: &Grace, now: UnixMillis) -> Absences {
        let after_ms = grace.get();
        let adopted = catalog.devices().filter(|device| after_ms.is_some() && device.standing == Standing::Adopted);
        let offline = adopted
            // Of one that was imported, or forgotten but for its history, nothing is expected.
            .filter(|device| device.has_key() || self.read().pushed.contains_key(&device.no) || has_pushed(device))
            .filter(|device| !self.is_online(device.no, catalog.expected_interval_ms(device.no).unwrap_or(0), now))
            .filter_map(|device| {
                let table = self.read();
                let link = table.links.get(&device.no).map(|link| link.last_seen);
                let heard = link.or_else(|| table.pushed.get(&device.no).map(|pushed| pushed.last_seen));
                heard.max(device.last_seen).map(|heard| (device.no, heard))
            })
            .collect();
        Absences { after_ms, offline }
    }

    /// Readings of these devices were pushed from an address; with each its newest.
    pub fn pushed(
        &self,
        devices: impl IntoIterator<Item = (DeviceNo, UnixMillis)>,
        address: SocketAddr,
        now: UnixMillis,
    ) {
        let address = SocketAddr::new(address.ip(), 0);
        let mut table = self.write();
        for (device, newest) in devices {
            let first = Pushed { address, last_seen: now, every_ms: None, ahead_ms: [None; 3] };
            let entry = table.pushed.entry(device).or_insert(first);
            // Several requests of one round (many sensors, several programs) are one push.
            let since = now.since(entry.last_seen);
            if since >= 1_000 {
                entry.every_ms = Some(since);
                entry.ahead_ms.rotate_right(1);
                entry.ahead_ms[0] = None;
            }
            entry.ahead_ms[0] = entry.ahead_ms[0].max(Some(newest.since(now)));
            (entry.address, entry.last_seen) = (address, now);
        }
    }
}

/// Whether a device pushed readings before the hub started: it was heard, and never as an agent, whose address has a port.
fn has_pushed(device: &Device) -> bool {
    device.last_seen.is_some() && device.address.is_none_or(|address| address.port() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::device;

    #[test]
    fn who_pushes_is_missed_after_three_of_its_own_intervals() {
        let (presence, device) = (Presence::default(), DeviceNo(1));
        let address = SocketAddr::from(([192, 168, 0, 5], 1));
        let push = |second: i64| {
            let at = UnixMillis(second * 1_000);
            presence.pushed([(device, at)], address, at);
        };
        let is_online = |interval, second: i64| presence.is_online(device, interval, UnixMillis(second * 1_000));
        assert!(!is_online(0, 0));
        push(0);
        assert!(is_online(0, 300) && !is_online(0, 301));
        push(100);
        // The second part of the same round.
        presence.pushed([(device, UnixMillis(100_010))], address, UnixMillis(100_010));
        assert!(is_online(0, 400) && !is_online(0, 401));
        push(110);
        assert!(is_online(0, 170) && !is_online(0, 171), "at least a minute");
        assert!(is_online(5_000, 125) && !is_online(5_000, 126), "what a person set counts");
    }

    #[test]
    fn who_pushed_before_a_start_is_missed_and_who_was_imported_or_forgotten_is_not() {
        let presence = Presence::default();
        let mut catalog = Catalog::default();
        let one = Device::adopted(0);
        let nobody = Device { key: device::no_key(one.id), ..one };
        let seen = Some(UnixMillis(5_000));
        catalog.put_device(Device { no: DeviceNo(1), ..nobody.clone() });
        catalog.put_device(Device { no: DeviceNo(2), last_seen: seen, ..nobody.clone() });
        let agent = Some(SocketAddr::from(([192, 168, 0, 5], 40_000)));
        catalog.put_device(Device { no: DeviceNo(3), last_seen: seen, address: agent, ..nobody });
        let absences = presence.absences(&catalog, &Grace::new(Some(60_000)), UnixMillis(100_000));
        assert_eq!(absences.offline, [(DeviceNo(2), UnixMillis(5_000))]);
    }

    #[test]
    fn a_clock_that_is_off_is_known_by_what_is_pushed() {
        let offset = |every: i64, ahead: [i64; 4]| {
            let (presence, device) = (Presence::default(), DeviceNo(1));
            let address = SocketAddr::from(([192, 168, 0, 5], 1));
            for (push, ahead) in (1..).zip(ahead) {
                let now = UnixMillis(push * every * 1_000);
                presence.pushed([(device, now.plus(ahead * 1_000))], address, now);
            }
            presence.read().pushed[&device].clock_offset_ms().map(|ms| ms / 1_000)
        };
        assert_eq!(offset(1, [240, 241, 240, 242]), Some(240));
        assert_eq!(offset(1, [-360; 4]), Some(-360));
        assert_eq!(offset(1, [0, 240, 0, 0]), Some(0), "one from ahead is no clock");
        assert_eq!(offset(3_600, [-1_800, -20, -3_000, -600]), Some(0), "a logger keeps its readings");
        assert_eq!(offset(3_600, [7_200; 4]), Some(7_200));
    }
}

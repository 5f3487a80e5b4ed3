//! What is known of devices right now and never stored: their links, their health, and the devices that wait to be
//! adopted.
//!
//! The UDP shell writes it, HTTP and the live stream read it. A device is online while authenticated data keeps coming;
//! discovery packets and pings never count.

mod pushed;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use wire::message::Health;

pub(crate) use self::pushed::Pushed;
use crate::model::alert::{Absence, Absences};
use crate::model::catalog::Catalog;
use crate::model::device::{Conflict, Device, DeviceNo, Link, Pending, Standing};
use crate::model::{DeviceId, UnixMillis};

/// Pushed readings that are further ahead than this are forecasts and say nothing of the sender's clock.
const FORECAST_MS: i64 = 5 * 60_000;
/// An agent's clock before this was never set (2024-01-01, the agent's own bound).
const SET_FROM: UnixMillis = UnixMillis(1_704_067_200_000);

/// Links by device, pending devices by id.
#[derive(Debug, Default)]
pub(crate) struct Now {
    /// Links of adopted devices heard since the hub started.
    pub links: HashMap<DeviceNo, Link>,
    /// Devices without a link whose readings are pushed, those of before the hub started as they were saved.
    pub pushed: HashMap<DeviceNo, Pushed>,
    /// What devices said last of what they find wrong with themselves; those that said nothing are left out.
    pub health: HashMap<DeviceNo, Health>,
    /// Devices whose identity another machine uses as well.
    pub conflicts: HashMap<DeviceNo, Conflict>,
    /// Devices that wait to be adopted; at most 256 (the endpoint's cap).
    pub pending: HashMap<DeviceId, Pending>,
}

/// What an agent's readings are off, in milliseconds: what its clock is, unless that was never set, then it stamps by the hub's.
fn stamped_by(link: &Link) -> Option<i64> {
    let offset_ms = link.clock_offset_ms? as i64;
    Some(if link.last_seen.plus(offset_ms) < SET_FROM { 0 } else { offset_ms })
}

impl Now {
    /// A device that is offline, if readings of it are expected at all and it was ever heard.
    fn absence(&self, device: &Device, interval_ms: u32, now: UnixMillis) -> Option<Absence> {
        let limit = Presence::offline_after_ms(interval_ms);
        let (link, pushed) = (self.links.get(&device.no), self.pushed.get(&device.no));
        let (is_offline, heard, usual_ms, since) = match (link, pushed) {
            (Some(link), _) => (now.since(link.last_seen) > limit, Some(link.last_seen), limit, link.last_seen),
            (None, Some(pushed)) => {
                let usual_ms = pushed.usual_silence_ms(interval_ms).unwrap_or(Pushed::MOST_MS);
                (pushed.is_silent(interval_ms, now), Some(pushed.last_seen), usual_ms, pushed.missed_since)
            }
            // Of one that was imported, or forgotten but for its history, nothing is expected.
            (None, None) => (device.has_key(), None, limit, device.last_seen?),
        };
        let heard = heard.max(device.last_seen)?;
        is_offline.then(|| Absence { device: device.no, heard, usual_ms, missed_at: since.plus(usual_ms) })
    }
}

/// How long a device may be away before the hub itself tells of it; a person may change it, or not want to know.
#[derive(Debug)]
pub(crate) struct Grace(AtomicI64);

impl Grace {
    /// What counts until a person says otherwise.
    pub(crate) const USUAL_MS: i64 = 60_000;

    /// A grace of so many milliseconds; `None` tells nobody.
    #[must_use]
    pub(crate) const fn new(after_ms: Option<i64>) -> Self {
        Self(AtomicI64::new(match after_ms {
            Some(ms) => ms,
            None => -1,
        }))
    }

    /// Milliseconds; `None` when nobody is told.
    #[must_use]
    pub(crate) fn get(&self) -> Option<i64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|ms| *ms >= 0)
    }

    /// Counts from the next look on.
    pub(crate) fn set(&self, after_ms: Option<i64>) {
        self.0.store(after_ms.unwrap_or(-1), Ordering::Relaxed);
    }
}

/// The shared table.
#[derive(Debug, Default)]
pub(crate) struct Presence(RwLock<Now>);

impl Presence {
    /// Silence after which a device is offline: three missed readings, at least 10 s (an agent says something every 5 s).
    #[must_use]
    pub(crate) const fn offline_after_ms(interval_ms: u32) -> i64 {
        pushed::offline_after_ms(interval_ms)
    }

    /// Looks. Hold it briefly, never across an await.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Now> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes. Hold it briefly, never across an await.
    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Now> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on with the devices whose readings were pushed before the hub started, `now`.
    pub(crate) fn resume(&self, catalog: &Catalog, now: UnixMillis) {
        let pushed = catalog.devices().filter_map(|device| Some((device.no, Pushed::of_before(device, now)?)));
        self.write().pushed.extend(pushed);
    }

    /// Clocks that readings are stamped by minus the hub's, in milliseconds: as measured with agents, and of others only those
    /// that run ahead, as what is pushed shows: old readings may be old.
    #[must_use]
    pub(crate) fn clocks(&self) -> HashMap<DeviceNo, i64> {
        let table = self.read();
        let pushed = table.pushed.iter().filter_map(|(device, pushed)| Some((*device, pushed.clock_offset_ms()?)));
        let pushed = pushed.filter(|(_, ms)| (1..=FORECAST_MS).contains(ms));
        let agents = table.links.iter().filter_map(|(device, link)| Some((*device, stamped_by(link)?)));
        pushed.chain(agents).collect()
    }

    /// Whether a device is online at `now`, given its expected interval, 0 when none is known. Who pushes says nothing in
    /// between and names no interval: then three times the longest of the last pauses counts, at least a minute.
    #[must_use]
    pub(crate) fn is_online(&self, device: DeviceNo, interval_ms: u32, now: UnixMillis) -> bool {
        let limit = Self::offline_after_ms(interval_ms);
        let table = self.read();
        if let Some(link) = table.links.get(&device) {
            return now.since(link.last_seen) <= limit;
        }
        table.pushed.get(&device).is_some_and(|pushed| !pushed.is_silent(interval_ms, now))
    }

    /// Devices that are offline, of those that were ever heard.
    #[must_use]
    pub(crate) fn absences(&self, catalog: &Catalog, grace: &Grace, now: UnixMillis) -> Absences {
        let after_ms = grace.get();
        let adopted = catalog.devices().filter(|device| after_ms.is_some() && device.standing == Standing::Adopted);
        let table = self.read();
        let offline = adopted
            .filter_map(|device| table.absence(device, catalog.expected_interval_ms(device.no).unwrap_or(0), now));
        let offline = offline.collect();
        Absences { after_ms, offline }
    }

    /// Readings of these devices were pushed from an address; with each its newest.
    pub(crate) fn pushed(
        &self,
        devices: impl IntoIterator<Item = (DeviceNo, UnixMillis)>,
        address: SocketAddr,
        now: UnixMillis,
    ) {
        let address = SocketAddr::new(address.ip(), 0);
        let mut table = self.write();
        for (device, newest) in devices {
            table
                .pushed
                .entry(device)
                .or_insert_with(|| Pushed::first(address, newest, now))
                .heard(address, newest, now);
        }
    }
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
        (10..20).for_each(|round| push(10 * round));
        assert!(is_online(0, 250) && !is_online(0, 251), "at least a minute");
        assert!(is_online(5_000, 205) && !is_online(5_000, 206), "what a person set counts");
        // Several requests, two seconds apart, each hour.
        (1..4).for_each(|hour| (0..5).for_each(|request| push(3_600 * hour + 2 * request)));
        assert!(is_online(0, 3 * 3_600 + 3 * 3_500));
    }

    fn at(second: i64) -> UnixMillis {
        UnixMillis(second * 1_000)
    }

    /// A hub that was started: what it knows of the devices that it saved.
    fn started(second: i64, devices: &[Device]) -> (Presence, Catalog) {
        let (presence, mut catalog) = (Presence::default(), Catalog::default());
        devices.iter().for_each(|device| catalog.put_device(device.clone()));
        presence.resume(&catalog, at(second));
        (presence, catalog)
    }

    /// One that was last pushed at a second.
    fn pusher(no: u32, second: i64, every_s: Option<i64>) -> Device {
        let address = Some(SocketAddr::from(([192, 168, 0, 5], 0)));
        let (one, pushed_every_ms) = (Device::adopted(no), every_s.map(|s| s * 1_000));
        Device { key: device::no_key(one.id), last_seen: Some(at(second)), address, pushed_every_ms, ..one }
    }

    #[test]
    fn who_pushed_before_a_start_is_missed_from_there_on_after_three_of_its_own_intervals() {
        let (presence, catalog) = started(167, &[pusher(1, 160, Some(80))]);
        let absences = |second| presence.absences(&catalog, &Grace::new(Some(10_000)), at(second)).offline;
        assert!(presence.is_online(DeviceNo(1), 0, at(400)) && absences(400).is_empty());
        let missed = Absence { device: DeviceNo(1), heard: at(160), usual_ms: 240_000, missed_at: at(407) };
        assert_eq!(absences(401), [missed], "counted from the start");
        // What was not heard because the hub was away is no pause.
        presence.pushed([(DeviceNo(1), at(5_000))], SocketAddr::from(([192, 168, 0, 5], 1)), at(5_000));
        assert_eq!(presence.read().pushed[&DeviceNo(1)].every_ms(), Some(80_000));
        assert_eq!(absences(5_241)[0].missed_at, at(5_240));
    }

    #[test]
    fn who_pushed_once_is_missed_after_a_day_for_it_may_push_each_hour() {
        let (presence, catalog) = started(0, &[pusher(1, -7_200, None)]);
        let absences = |second| presence.absences(&catalog, &Grace::new(Some(10_000)), at(second)).offline;
        let missed_at = |second| absences(second).iter().map(|absence| absence.missed_at).collect::<Vec<_>>();
        assert_eq!(missed_at(1), [at(86_400)]);
        let push =
            |second| presence.pushed([(DeviceNo(1), at(second))], SocketAddr::from(([10, 0, 0, 5], 1)), at(second));
        push(100);
        push(3_700);
        assert!(absences(3_700 + 3 * 7_300).is_empty());
        assert_eq!(missed_at(3_701 + 3 * 7_300), [at(3_700 + 3 * 7_300)]);
    }

    #[test]
    fn who_pushes_more_often_than_once_a_second_is_missed_after_a_minute_and_its_clock_is_known() {
        let address = SocketAddr::from(([10, 0, 0, 5], 1));
        // One request each 350 ms, and five within each second.
        for steps in [&[350_i64] as &[_], &[20, 20, 20, 20, 920]] {
            let (presence, mut now) = (Presence::default(), UnixMillis(100_000));
            for step in steps.iter().cycle() {
                if now >= UnixMillis(140_000) {
                    break;
                }
                now = now.plus(*step);
                presence.pushed([(DeviceNo(1), now.plus(90_000))], address, now);
            }
            assert!(presence.is_online(DeviceNo(1), 0, now.plus(60_000)), "{steps:?}");
            assert!(!presence.is_online(DeviceNo(1), 0, now.plus(60_001)), "{steps:?}");
            assert_eq!(presence.clocks().get(&DeviceNo(1)), Some(&90_000), "{steps:?}");
        }
    }

    #[test]
    fn the_parts_of_one_upload_teach_nothing_of_how_often_it_comes() {
        let address = SocketAddr::from(([10, 0, 0, 5], 1));
        // Ten requests each hour, two seconds apart: of readings that it kept, oldest first and newest first, of one moment; and
        // two that have no time.
        type Age = fn(i64) -> i64;
        let parts: [(&str, i64, Age); 4] = [
            ("oldest first", 10, |part| 360 * (part - 10)),
            ("newest first", 10, |part| -360 * part),
            ("of one moment", 10, |part| -2 * part),
            ("without a time", 2, |_| 0),
        ];
        for (what, many, age) in parts {
            let (presence, catalog) = started(0, &[Device { last_seen: None, ..pusher(1, 0, None) }]);
            let mut now = 0;
            for hour in 0..3 {
                for part in 0..many {
                    now = 100 + 3_600 * hour + 2 * part;
                    presence.pushed([(DeviceNo(1), at(now + age(part)))], address, at(now));
                }
                let absent = presence.absences(&catalog, &Grace::new(Some(10_000)), at(now + 3_500)).offline;
                assert!(hour == 0 || presence.is_online(DeviceNo(1), 0, at(now + 3_500)), "{what}");
                assert!(absent.iter().all(|absence| absence.missed_at > at(now + 3_500)), "{what}: {absent:?}");
            }
            assert!(!presence.is_online(DeviceNo(1), 0, at(now + 3 * 3_600 + 1)), "{what}");
        }
    }

    #[test]
    fn who_was_imported_or_forgotten_is_not_missed() {
        let imported = Device { last_seen: None, ..pusher(1, 0, None) };
        let agent = Some(SocketAddr::from(([192, 168, 0, 5], 40_000)));
        let (presence, catalog) = started(6, &[imported, Device { address: agent, ..pusher(3, 5, None) }]);
        assert_eq!(presence.absences(&catalog, &Grace::new(Some(60_000)), at(100)).offline, []);
    }

    #[test]
    fn an_agent_whose_clock_was_never_set_stamps_by_the_hubs() {
        let now = UnixMillis(1_800_000_000_000);
        let of_offset = |clock_offset_ms| {
            let presence = Presence::default();
            let link = Link {
                address: SocketAddr::from(([192, 168, 0, 5], 1)),
                last_seen: now,
                session_since: now,
                loss_pct: 0.0,
                rtt_ms: None,
                clock_offset_ms,
                spool_batches: 0,
                dropped_readings: 0,
            };
            presence.write().links.insert(DeviceNo(1), link);
            presence.clocks().get(&DeviceNo(1)).copied()
        };
        assert_eq!([None, Some(-1.8e12)].map(of_offset), [None, Some(0)]);
        assert_eq!([Some(4e5), Some(-3.6e6)].map(of_offset), [Some(400_000), Some(-3_600_000)]);
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

//! Problems of the store that a person should know and act on: the only place that decides what is wrong, and in which
//! words.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use crate::model::alert::Vitals;
use crate::model::room::Room;
use crate::store::Store;
use crate::store::error::Error;

/// What is wrong, worst first. Its text is for people: `degraded` of `GET /api/v1/hub`, the banner on the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing is stored for want of room on the disk or under the cap.
    DiskFull,
    /// Readings of a damaged database wait to be brought back.
    SetAside(PathBuf),
    /// The disk is nearly full. A cap that is reached is no trouble: the oldest readings give way to it.
    DiskNearlyFull(Room),
    /// There are as many devices as the hub takes.
    DeviceLimit(usize),
    /// There are as many series as the hub takes.
    SeriesLimit(usize),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DiskFull => f.write_str("the disk is full: readings wait on the devices"),
            Self::SetAside(file) => write!(
                f,
                "the database was damaged and set aside in {}; new readings are stored in a new one. `telemetry-hub recover` brings \
                 back what can be read of it",
                file.parent().unwrap_or(file).display()
            ),
            Self::DiskNearlyFull(room) => {
                write!(f, "the disk is nearly full: {} MiB of {} MiB are left", room.free >> 20, room.total >> 20)
            }
            Self::DeviceLimit(most) => write!(f, "no more devices can join: {}", Error::limit("devices", *most)),
            Self::SeriesLimit(most) => write!(f, "no more sensors are accepted: {}", Error::limit("series", *most)),
        }
    }
}

impl Store {
    /// The worst of what is wrong.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        if self.is_full() {
            return Some(Trouble::DiskFull);
        }
        let seen = self.memory().seen();
        if let Some(file) = seen.set_aside.first() {
            return Some(Trouble::SetAside(file.clone()));
        }
        if let Some(room) = seen.room.filter(Room::is_nearly_full) {
            return Some(Trouble::DiskNearlyFull(room));
        }
        let (limits, catalog) = (self.limits(), self.catalog());
        if catalog.device_count() >= limits.devices {
            return Some(Trouble::DeviceLimit(limits.devices));
        }
        (catalog.series_count() >= limits.series).then_some(Trouble::SeriesLimit(limits.series))
    }

    /// Whether nothing is stored for want of room: the last readings found none, and none came since that did.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.memory().counters.full.load(Ordering::Relaxed)
    }

    /// How it is, as far as alerts go.
    #[must_use]
    pub fn vitals(&self) -> Vitals {
        let stats = self.stats();
        let full = (stats.full || stats.readings_total > 0).then_some(stats.full);
        Vitals { full, used_pct: stats.used_pct(), damaged: stats.set_aside }
    }
}

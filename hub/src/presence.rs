//! What is known of devices right now and never stored: their links, what is wrong with them, and those that wait to be adopted.
//!
//! The UDP shell writes it, HTTP and the live stream read it. A device is online while authenticated data keeps coming;
//! discovery packets and pings never count.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use wire::message::Health;

use crate::model::device::{DeviceNo, Link, Pending};
use crate::model::{DeviceId, UnixMillis};

/// Links by device, pending devices by id.
#[derive(Debug, Default)]
pub struct Now {
    /// Links of adopted devices heard since the hub started.
    pub links: HashMap<DeviceNo, Link>,
    /// What devices said last of what they find wrong with themselves; those that said nothing are left out.
    pub health: HashMap<DeviceNo, Health>,
    /// Devices that wait to be adopted; at most 256 (the endpoint's cap).
    pub pending: HashMap<DeviceId, Pending>,
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

    /// Whether a device is online at `now`, given its expected interval.
    #[must_use]
    pub fn is_online(&self, device: DeviceNo, interval_ms: u32, now: UnixMillis) -> bool {
        let limit = Self::offline_after_ms(interval_ms);
        self.read().links.get(&device).is_some_and(|link| now.since(link.last_seen) <= limit)
    }
}

//! The heartbeat: a small JSON that says that the hub is there, and how full its queues are. PURE.
//!
//! Nothing in it is needed to notice that a hub is gone: that it comes is enough. The figures are for whoever looks at the last one.

use serde::Serialize;

use crate::model::{HubId, UnixMillis};

/// How the hub is at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Beat {
    pub at: UnixMillis,
    /// Milliseconds since the hub started.
    pub uptime_ms: i64,
    /// Messages to webhooks that wait.
    pub outbox_pending: u64,
    /// What the other parts tell.
    pub vitals: Vitals,
}

/// What the parts of the hub tell of themselves.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Vitals {
    /// How full the queue of readings to the disk is: 1 is full.
    pub ingest_fill: f64,
    /// Messages to webhooks that were given up since the start.
    pub outbox_failed: u64,
    /// Per cent of the store's room that is used.
    pub store_used_pct: f64,
    /// Bytes that are free on its disk, where the system says.
    pub disk_free_bytes: Option<u64>,
    /// Adopted devices that are heard.
    pub online: usize,
    /// Adopted devices that are not.
    pub offline: usize,
}

#[derive(Serialize)]
struct Body<'a> {
    hub: String,
    version: &'a str,
    at_ms: i64,
    uptime_s: i64,
    queues: Queues,
    store: Store,
    devices: Devices,
}

#[derive(Serialize)]
struct Queues {
    ingest_pct: f64,
    outbox_pending: u64,
    outbox_failed: u64,
}

#[derive(Serialize)]
struct Store {
    used_pct: f64,
    disk_free_bytes: Option<u64>,
}

#[derive(Serialize)]
struct Devices {
    online: usize,
    offline: usize,
}

/// The body of a heartbeat.
#[must_use]
pub fn body(hub: HubId, beat: &Beat) -> Vec<u8> {
    let Vitals { ingest_fill, outbox_failed, store_used_pct, disk_free_bytes, online, offline } = beat.vitals;
    let tenth = |pct: f64| (pct * 10.0).round() / 10.0;
    let body = Body {
        hub: hub.to_string(),
        version: env!("CARGO_PKG_VERSION"),
        at_ms: beat.at.0,
        uptime_s: beat.uptime_ms.max(0) / 1_000,
        queues: Queues { ingest_pct: tenth(ingest_fill * 100.0), outbox_pending: beat.outbox_pending, outbox_failed },
        store: Store { used_pct: tenth(store_used_pct), disk_free_bytes },
        devices: Devices { online, offline },
    };
    // Numbers and plain texts: nothing of it can fail.
    serde_json::to_vec(&body).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_has_who_how_long_and_how_full() {
        let vitals = Vitals {
            ingest_fill: 0.5,
            outbox_failed: 3,
            store_used_pct: 12.34,
            online: 7,
            offline: 1,
            ..Vitals::default()
        };
        let beat = Beat { at: UnixMillis(1_000), uptime_ms: 61_999, outbox_pending: 2, vitals };
        let id = HubId::from_bytes([7; 16]);
        let read: serde_json::Value = serde_json::from_slice(&body(id, &beat)).unwrap();
        let expected = serde_json::json!({"hub": id.to_string(), "version": env!("CARGO_PKG_VERSION"), "at_ms": 1_000, "uptime_s": 61,
            "queues": {"ingest_pct": 50.0, "outbox_pending": 2, "outbox_failed": 3},
            "store": {"used_pct": 12.3, "disk_free_bytes": null}, "devices": {"online": 7, "offline": 1}});
        assert_eq!(read, expected);
    }
}

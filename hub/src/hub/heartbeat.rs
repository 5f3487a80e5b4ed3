//! Starts what calls a URL each minute, and gathers what it tells of the other parts.

use std::sync::Arc;

use super::wires::Wires;
use crate::delivery::message::heartbeat::Vitals;
use crate::model::device::Standing;
use crate::webhook::Client;
use crate::webhook::heartbeat::{EVERY, Heart};

/// Starts it.
///
/// # Errors
/// No client can be made.
pub(super) fn start(wires: &mut Wires) -> anyhow::Result<()> {
    let heart = Heart {
        store: wires.store.clone(),
        client: Client::new(wires.id, wires.webhook_policy.clone())?,
        every: EVERY,
        started_at: wires.clock.wall(),
        vitals: vitals(wires),
        pulse: Arc::clone(&wires.pulse),
        wanted: Arc::clone(&wires.heartbeat_wanted),
    };
    let stop = wires.supervisor.stop();
    wires.supervisor.spawn("heartbeat", heart.run(stop));
    Ok(())
}

fn vitals(wires: &Wires) -> Arc<dyn Fn() -> Vitals + Send + Sync> {
    let (store, entrance, clock) = (wires.store.clone(), wires.entrance.clone(), wires.clock);
    let (presence, webhooks) = (Arc::clone(&wires.presence), Arc::clone(&wires.webhook_counters));
    Arc::new(move || {
        let (stats, now) = (store.stats(), clock.wall());
        let catalog = store.catalog();
        let (mut online, mut offline) = (0, 0);
        for device in catalog.devices().filter(|device| device.standing == Standing::Adopted) {
            let interval_ms = catalog.expected_interval_ms(device.no).unwrap_or(0);
            let count = if presence.is_online(device.no, interval_ms, now) { &mut online } else { &mut offline };
            *count += 1;
        }
        Vitals {
            ingest_fill: entrance.fill(),
            outbox_failed: webhooks.lost(),
            store_used_pct: stats.used_pct(),
            disk_free_bytes: stats.room.map(|room| room.free),
            online,
            offline,
        }
    })
}

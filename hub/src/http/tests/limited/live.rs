//! What a limited token hears.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Sites, Update, alert};
use crate::clock::Clock;
use crate::http::live::tests::{Socket, next, open, say, start};
use crate::model::access::Scope;
use crate::model::alert::{Alert, AlertId, AlertState};
use crate::model::webhook::DeliveryId;

async fn listen(sites: &Sites, served: &crate::http::live::tests::Served) -> Socket {
    let bearer = format!("Bearer {}", sites.token(Scope::Read).await);
    let mut socket = open(served, &[("authorization", &bearer)]).await.unwrap();
    assert_eq!(next(&mut socket).await["type"], "hello");
    say(&mut socket, json!({"type": "subscribe", "id": 1, "max_hz": 100})).await;
    let snapshot = next(&mut socket).await;
    let rows = snapshot["rows"].as_array().unwrap();
    assert!(rows.len() == 1 && rows[0][0] == sites.south.id.to_string(), "{snapshot}");
    socket
}

/// Of an alert without a silence over it.
fn shown(alert: Alert) -> Update {
    Update::Alert { alert: Box::new(alert), silenced_until: None, inhibited_by: None }
}

#[tokio::test]
async fn a_socket_hears_of_devices_in_its_view_and_of_nothing_else() {
    let mut sites = Sites::new().await;
    let served = start(&sites.scene).await;
    let mut socket = listen(&sites, &served).await;
    let (south, north, [of_south, of_north], now) =
        (sites.south.clone(), sites.north.clone(), sites.series, Clock.wall().0);
    let waits = sites.scene.wait(8, "north-new");
    // All of it is about others.
    sites.scene.measure(&north, of_north, &[(now, 5.0)]).await;
    for update in [
        Update::Device(north.id),
        Update::Device(waits),
        Update::Removed(waits),
        Update::Removed(north.id),
        shown(alert(2, &north, of_north, AlertState::Firing)),
        Update::NoAlert(AlertId(2), Some(north.no)),
        Update::NoAlert(AlertId(7), None),
        Update::Delivery(DeliveryId(1)),
    ] {
        sites.scene.bus.publish(Arc::new(update));
    }
    // The first it hears is of its own.
    sites.scene.bus.publish(Arc::new(shown(alert(1, &south, of_south, AlertState::Firing))));
    let told = next(&mut socket).await["alert"].clone();
    assert_eq!((&told["id"], &told["silenced_until"]), (&json!("alr_1"), &Value::Null));
    sites.scene.call("POST", "/api/v1/silences", &json!({"device": "shed", "for": "1h"})).await;
    sites.alert(1, &south, AlertState::Firing).await;
    sites.scene.call("POST", "/api/v1/alerts/alr_1/ack", &json!({})).await;
    assert!(next(&mut socket).await["alert"]["silenced_until"].is_string());
    sites.scene.bus.publish(Arc::new(Update::NoAlert(AlertId(1), Some(south.no))));
    assert_eq!(next(&mut socket).await, json!({"type": "alert", "removed": "alr_1"}));
    sites.scene.bus.publish(Arc::new(Update::Device(south.id)));
    assert_eq!(next(&mut socket).await["device"]["name"], "shed");
    sites.scene.measure(&south, of_south, &[(now + 1, 6.0)]).await;
    let rows = next(&mut socket).await["rows"].clone();
    assert_eq!(rows, json!([[south.id.to_string(), "temp", now + 1, 6.0]]));
    // Somebody who waited with its id is gone; then it is gone itself.
    sites.scene.bus.publish(Arc::new(Update::Removed(south.id)));
    assert_eq!(next(&mut socket).await["device"]["name"], "shed");
    // By its name and its id neither.
    for (id, device) in [(2, "north-tower".to_owned()), (3, north.id.to_string())] {
        say(&mut socket, json!({"type": "subscribe", "id": id, "device": device})).await;
        assert_eq!(next(&mut socket).await, json!({"type": "snapshot", "id": id, "rows": []}));
    }
    for device in [&north, &south] {
        let path = format!("/api/v1/devices/{}", device.id);
        assert_eq!(sites.scene.call("DELETE", &path, &json!({})).await.status, 204);
    }
    assert_eq!(next(&mut socket).await, json!({"type": "device", "removed": south.id.to_string()}));
}

#[tokio::test]
async fn a_device_whose_labels_change_comes_and_goes_at_once() {
    let mut sites = Sites::new().await;
    let served = start(&sites.scene).await;
    let mut socket = listen(&sites, &served).await;
    let (south, north, [of_south, of_north], now) =
        (sites.south.clone(), sites.north.clone(), sites.series, Clock.wall().0);
    sites.label(&north, json!({"site": "south"})).await;
    let came = next(&mut socket).await;
    assert_eq!((&came["type"], &came["device"]["name"]), (&json!("device"), &json!("north-tower")));
    sites.scene.measure(&north, of_north, &[(now, 5.0)]).await;
    assert_eq!(next(&mut socket).await["rows"], json!([[north.id.to_string(), "temp", now, 5.0]]));
    sites.label(&south, json!({})).await;
    assert_eq!(next(&mut socket).await, json!({"type": "device", "removed": south.id.to_string()}));
    // It is told once, and then nothing more.
    sites.label(&south, json!({"site": "west"})).await;
    sites.scene.measure(&south, of_south, &[(now + 1, 6.0)]).await;
    sites.scene.measure(&north, of_north, &[(now + 2, 7.0)]).await;
    assert_eq!(next(&mut socket).await["rows"], json!([[north.id.to_string(), "temp", now + 2, 7.0]]));
}

#[tokio::test]
async fn what_waits_for_the_next_frame_is_not_sent_of_a_device_that_left_meanwhile() {
    let mut sites = Sites::new().await;
    let served = start(&sites.scene).await;
    let mut socket = listen(&sites, &served).await;
    let (south, of_south, now) = (sites.south.clone(), sites.series[0], Clock.wall().0);
    say(&mut socket, json!({"type": "subscribe", "id": 1, "max_hz": 2})).await;
    assert_eq!(next(&mut socket).await["type"], "snapshot");
    sites.scene.measure(&south, of_south, &[(now, 1.0)]).await;
    assert_eq!(next(&mut socket).await["type"], "readings");
    sites.scene.measure(&south, of_south, &[(now + 1, 2.0)]).await;
    sites.label(&south, json!({})).await;
    assert_eq!(next(&mut socket).await["removed"], south.id.to_string());
    // Back again, so that something comes: what was measured since, not what waited.
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    sites.label(&south, json!({"site": "south"})).await;
    assert_eq!(next(&mut socket).await["device"]["name"], "shed");
    sites.scene.measure(&south, of_south, &[(now + 2, 3.0)]).await;
    assert_eq!(next(&mut socket).await["rows"], json!([[south.id.to_string(), "temp", now + 2, 3.0]]));
}

#[tokio::test]
async fn who_missed_updates_is_told_which_devices_went() {
    let sites = Sites::new().await;
    let served = start(&sites.scene).await;
    let mut socket = listen(&sites, &served).await;
    let said: Value = json!({"type": "device", "removed": sites.south.id.to_string()});
    // Without a word on the bus, and then the ring overflows before anybody listens again.
    let patch = crate::model::device::DevicePatch { labels: Some(Default::default()), ..Default::default() };
    sites.scene.store.patch_device(sites.south.id, patch, Clock.wall()).await.unwrap();
    for _ in 0..1_000 {
        sites.scene.bus.publish(Arc::new(Update::Batches(Vec::new())));
    }
    assert_eq!(next(&mut socket).await["type"], "gap");
    assert_eq!(next(&mut socket).await, said);
}

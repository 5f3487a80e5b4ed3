//! Devices: listed, adopted, changed, forgotten.

use axum::http::StatusCode;
use serde_json::json;
use wire::ledger::{Entry, Report};
use wire::message::{Health, SourceError};

use crate::http::tests::scene::scene;
use crate::live::Update;
use crate::model::{Epoch, Hour, UnixMillis};
use crate::proto::command::Command;

#[tokio::test]
async fn the_list_shows_every_device_with_its_status() {
    let scene = scene();
    let (on, _) = scene.device(1, "on").await;
    let (off, _) = scene.device(2, "off").await;
    let (bad, _) = scene.device(3, "bad").await;
    scene.store.block(bad.id, None).await.unwrap();
    scene.wait(4, "new");
    scene.hear(&on, 9_000);
    scene.hear(&off, 11_000);
    let all = scene.get("/api/v1/devices").await.json();
    let statuses: Vec<_> =
        all["items"].as_array().unwrap().iter().map(|d| (d["name"].clone(), d["status"].clone())).collect();
    let expected = [("bad", "blocked"), ("new", "pending"), ("off", "offline"), ("on", "online")];
    assert_eq!(statuses, expected.map(|(name, status)| (json!(name), json!(status))));
    let online = &all["items"][3];
    assert_eq!(online["link"]["spool_batches"], 3);
    assert_eq!(online["words"].as_array().unwrap().len(), 6);
    assert_eq!(online["interval_ms"], 1_000);
    assert_eq!(all["items"][1]["preview"], json!([{"sensor": "temp", "unit": "Cel", "value": 21.5}]));

    let first = scene.get("/api/v1/devices?limit=3").await.json();
    let next = first["next"].as_str().unwrap();
    let rest = scene.get(&format!("/api/v1/devices?limit=3&cursor={next}")).await.json();
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next"]), (1, &json!(null)));
    for (query, count) in [("status=online&status=blocked", 2), ("q=NEW", 1), ("q=192.168.0.9", 2), ("label=a=b", 0)] {
        let found = scene.get(&format!("/api/v1/devices?{query}")).await.json();
        assert_eq!(found["items"].as_array().unwrap().len(), count, "{query}");
    }
    let hub = scene.get("/api/v1/hub").await.json();
    assert_eq!(hub["devices"], json!({"online": 1, "offline": 1, "pending": 1, "blocked": 1}));
}

#[tokio::test]
async fn adopting_commits_then_tells_the_endpoint_and_the_listeners() {
    let mut scene = scene();
    scene.device(1, "taken").await;
    let id = scene.wait(4, "new");
    let mut updates = scene.bus.listen();
    let path = format!("/api/v1/devices/{id}/adopt");
    let taken = scene.call("POST", &path, &json!({"name": "taken"})).await;
    assert_eq!((taken.problem().0, taken.problem().2), (409, json!("name")));
    let adopted = scene.call("POST", &path, &json!({"name": "shed", "labels": {"room": "shed"}})).await;
    assert_eq!(adopted.status, StatusCode::OK, "{}", adopted.text);
    assert_eq!(adopted.json()["labels"], json!({"room": "shed"}));
    assert!(scene.store.catalog().device_by_name("shed").is_some());
    assert!(matches!(scene.commands.try_recv(), Ok(Command::Known(known)) if known.device.id == id));
    assert!(matches!(&*updates.try_recv().unwrap().update, Update::Device(changed) if *changed == id));
    assert_eq!(scene.call("POST", &path, &json!({})).await.status, StatusCode::OK, "adopting twice is fine");

    let patched = scene.call("PATCH", &format!("/api/v1/devices/{id}"), &json!({"interval_ms": 5000})).await;
    assert_eq!(patched.json()["interval_ms"], 5_000, "{}", patched.text);
    let blocked = scene.call("POST", &format!("/api/v1/devices/{id}/block"), &json!({})).await;
    assert_eq!(blocked.json()["status"], "blocked");
    let deleted = scene.call("DELETE", &format!("/api/v1/devices/{id}"), &json!({})).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    while let Ok(command) = scene.commands.try_recv() {
        if let Command::Forgotten(gone) = command {
            assert_eq!(gone, id);
            return;
        }
    }
    panic!("the endpoint was not told");
}

#[tokio::test]
async fn notes_about_a_device_are_kept_until_they_are_changed() {
    let scene = scene();
    let (device, _) = scene.device(1, "shed").await;
    let path = format!("/api/v1/devices/{}", device.id);
    let notes = async || scene.get(&path).await.json()["notes"].clone();
    assert_eq!(notes().await, "");
    let text = "behind the boiler\n\tkey: Anna \u{1f511}";
    scene.call("PATCH", &path, &json!({"notes": format!(" {text}\r\n")})).await;
    assert_eq!(notes().await, text);
    for bad in [json!("x".repeat(2_001)), json!("a\u{0}b"), json!("a\rb")] {
        let refused = scene.call("PATCH", &path, &json!({"name": "attic", "notes": bad})).await;
        assert_eq!((refused.problem().0, refused.problem().2), (400, json!("notes")), "{bad}");
    }
    assert_eq!(scene.get(&path).await.json()["name"], "shed", "nothing half applied");
    scene.call("PATCH", &path, &json!({"name": "attic"})).await;
    assert_eq!(notes().await, text, "what is left out stays");
    scene.call("PATCH", &path, &json!({"notes": "é".repeat(2_000)})).await;
    assert_eq!(notes().await, "é".repeat(2_000));
    scene.call("PATCH", &path, &json!({"notes": ""})).await;
    assert_eq!(notes().await, "");
}

#[tokio::test]
async fn the_ledger_of_a_device_says_what_became_of_its_readings() {
    let mut scene = scene();
    let (device, series) = scene.device(1, "shed").await;
    let empty = scene.get(&format!("/api/v1/devices/{}/ledger", device.id)).await.json();
    assert_eq!(
        (&empty["items"], &empty["reported_at"], &empty["total"]["taken"]),
        (&json!([]), &json!(null), &json!(0))
    );

    let hour = 1_700_002_800_000_i64;
    scene.measure(&device, series[0], &[(hour, 1.0), (hour + 1, 2.0), (hour + 3_600_000, 3.0)]).await;
    let hours = hour / 3_600_000;
    let report = Report {
        epoch: Epoch(1),
        number: 0,
        holds_from: Some(Hour(hours)),
        entries: vec![Entry {
            epoch: Epoch(1),
            hour: Hour(hours),
            taken: 9,
            thinned: 1,
            dropped: vec![(0, 2), (99, 1)],
        }],
    };
    scene.store.record_ledger(vec![(device.no, report)], UnixMillis(hour)).await.unwrap();
    let path = format!("/api/v1/devices/{}/ledger?from={hour}&to={}", device.id, hour + 7_200_000);
    let ledger = scene.get(&path).await.json();
    let dropped = json!({"oldest": 2, "newest": 0, "expired": 0, "unreadable": 0, "other": 1});
    let line = json!({"hour": "2023-11-14T23:00:00.000Z", "taken": 9, "received": 2, "recovered": 0, "thinned": 1,
        "dropped": dropped, "waiting": 3, "missing": 0});
    assert_eq!(ledger["items"][0], line);
    assert_eq!((&ledger["total"]["taken"], &ledger["total"]["received"]), (&json!(10), &json!(3)));
    assert_eq!(ledger["holds_from"], "2023-11-14T23:00:00.000Z");

    let first = scene.get(&format!("{path}&limit=1")).await.json();
    assert_eq!((first["items"].as_array().unwrap().len(), &first["total"]), (1, &ledger["total"]));
    let rest = scene.get(&format!("{path}&limit=1&cursor={}", first["next"].as_str().unwrap())).await.json();
    assert_eq!((&rest["items"][0], &rest["next"]), (&ledger["items"][1], &json!(null)));
}

#[tokio::test]
async fn a_failing_source_of_a_device_is_seen_at_the_hub() {
    let scene = scene();
    let (device, _) = scene.device(1, "shed").await;
    scene.hear(&device, 0);
    let source = SourceError::new("exec boiler", "no answer within 5 s", UnixMillis(1_700_000_000_000), 12);
    scene.presence.write().health.insert(device.no, Health::new(Some(-18_500), [source]));
    let shown = scene.get(&format!("/api/v1/devices/{}", device.id)).await.json();
    let expected = json!([{"source": "exec boiler", "error": "no answer within 5 s", "since": "2023-11-14T22:13:20.000Z", "count": 12}]);
    assert_eq!((&shown["source_errors"], &shown["link"]["clock_drift_ppm"]), (&expected, &json!(-18.5)));
}

#[tokio::test]
async fn a_device_is_forgotten_with_its_history_or_without() {
    let mut scene = scene();
    let (shed, series) = scene.device(1, "shed").await;
    scene.measure(&shed, series[0], &[(1_000, 20.0), (2_000, 21.0)]).await;
    let path = format!("/api/v1/devices/{}", shed.id);
    scene.hear(&shed, 2_000);
    let kept = scene.call("POST", &format!("{path}/forget"), &json!({})).await;
    assert_eq!(kept.status, StatusCode::OK);
    let device = kept.json();
    assert_eq!((&device["name"], &device["status"], &device["words"]), (&json!("shed"), &json!("offline"), &json!([])));
    assert!(device["last_seen"].is_string(), "when it was heard last stays known: {device}");
    let readings = scene.get("/api/v1/readings?device=shed&sensor=temp&from=0&to=5000").await.json();
    assert_eq!(readings["items"].as_array().unwrap().len(), 2);
    // Its key is a stranger's again; when it is adopted once more it goes on where it was.
    let (again, _) = scene.device(1, "shed").await;
    assert_eq!((again.no, again.id, again.has_key()), (shed.no, shed.id, true));
    assert_eq!(scene.call("DELETE", &path, &json!({})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(scene.get(&path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_list_may_leave_out_the_words_of_those_that_do_not_wait() {
    let scene = scene();
    scene.device(1, "shed").await;
    scene.wait(2, "newcomer");
    let words = async |path: &str| {
        let list = scene.get(path).await.json();
        let count = |item: &serde_json::Value| (item["name"].to_string(), item["words"].as_array().unwrap().len());
        let mut counts: Vec<_> = list["items"].as_array().unwrap().iter().map(count).collect();
        counts.sort();
        counts.into_iter().map(|(_, count)| count).collect::<Vec<_>>()
    };
    assert_eq!(words("/api/v1/devices").await, [6, 6]);
    assert_eq!(words("/api/v1/devices?words=pending").await, [6, 0], "newcomer, shed");
    assert_eq!(scene.get("/api/v1/devices?words=none").await.json()["field"], json!("words"));
}

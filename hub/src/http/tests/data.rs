//! Devices, readings, rules.

use axum::http::StatusCode;
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use wire::ledger::{Entry, Report};
use wire::message::{Health, SourceError};

use super::scene::scene;
use crate::clock::Clock;
use crate::live::Update;
use crate::model::when::moment;
use crate::model::{Epoch, Hour, UnixMillis};
use crate::proto::command::{Command, JoinPolicy};

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
    assert!(matches!(&*updates.try_recv().unwrap(), Update::Device(changed) if *changed == id));
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
async fn readings_come_back_as_points_latest_and_buckets() {
    let mut scene = scene();
    let (device, series) = scene.device(1, "shed").await;
    let now = Clock.wall().0;
    let start = now - 10_000;
    let points: Vec<_> = (0..10).map(|n| (start + n * 1_000, n as f64)).collect();
    scene.measure(&device, series[0], &points).await;

    let range = format!("device=shed&sensor=temp&from={start}&to={now}");
    let all = scene.get(&format!("/api/v1/readings?{range}")).await.json();
    assert_eq!(all["items"][9], json!([start + 9_000, 9.0]));
    let part = scene.get(&format!("/api/v1/readings?{range}&limit=7")).await.json();
    let rest =
        scene.get(&format!("/api/v1/readings?{range}&limit=7&cursor={}", part["next"].as_str().unwrap())).await.json();
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next"]), (3, &json!(null)));

    let latest = scene.get("/api/v1/latest?sensor=t*").await.json();
    assert_eq!(latest["items"].as_array().unwrap().len(), 1);
    assert_eq!((&latest["items"][0]["value"], &latest["items"][0]["quality"]), (&json!(9.0), &json!("good")));
    let sensors = scene.get(&format!("/api/v1/devices/{}/sensors", device.id)).await.json();
    assert_eq!((&sensors["items"][0]["sensor"], &sensors["items"][0]["last"]), (&json!("hum"), &json!(null)));
    assert_eq!((&sensors["items"][1]["unit"], &sensors["items"][1]["last"]["value"]), (&json!("Cel"), &json!(9.0)));

    let result = scene
        .get(&format!("/api/v1/query?device=sh*&sensor=temp&from={start}&to={}&points=3", start + 15_000))
        .await
        .json();
    let columns = &result["series"][0];
    assert_eq!((&result["source"], &result["truncated"]), (&json!("raw"), &json!(false)));
    assert_eq!(columns["t"], json!([start, start + 5_000, start + 10_000]));
    assert_eq!(columns["count"], json!([5, 5, 0]));
    assert_eq!(columns["max"], json!([4.0, 9.0, null]));
    assert_eq!(columns["avg"], json!([2.0, 7.0, null]));
    let queries = json!({"queries": [{"sensor": ["temp", "hum"], "from": start, "to": "now", "points": 1, "group": "all"}, {"device": ["x"]}]});
    let results = scene.call("POST", "/api/v1/query", &queries).await.json();
    let together = &results["results"][0]["series"][0];
    assert_eq!((&together["sensor"], &together["unit"], &together["count"]), (&json!("*"), &json!(""), &json!([10])));
    assert_eq!(results["results"][1]["series"], json!([]));
}

#[tokio::test]
async fn rules_are_kept_as_written() {
    let scene = scene();
    let rule = json!({"name": "hot", "device": "sh*", "sensor": "temp", "labels": {"room": "shed"},
        "condition": {"type": "threshold", "op": ">", "value": 30.0, "clear": 28.0},
        "for": "60s", "severity": "critical", "webhooks": [], "enabled": true});
    let made = scene.call("POST", "/api/v1/rules", &rule).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let made = made.json();
    for (key, value) in rule.as_object().unwrap() {
        assert_eq!(&made[key], value, "{key}");
    }
    tokio::time::timeout(std::time::Duration::from_secs(1), scene.state.rules_changed.notified()).await.unwrap();
    let path = format!("/api/v1/rules/{}", made["id"].as_str().unwrap());
    let silence = json!({"name": "quiet", "condition": {"type": "silence", "after": "5m"}});
    let replaced = scene.call("PUT", &path, &silence).await.json();
    assert_eq!(replaced["condition"], json!({"type": "silence", "after": "5m"}));
    assert_eq!((&replaced["device"], &replaced["for"]), (&json!("*"), &json!("0s")));
    assert_eq!(scene.call("DELETE", &path, &json!({})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(scene.get(&path).await.problem().0, 404);
}

#[tokio::test]
async fn who_may_join_is_followed_and_kept() {
    let mut scene = scene();
    let open = scene.call("PATCH", "/api/v1/hub", &json!({"join": {"open_for": "4m"}})).await.json();
    assert_eq!(open["join"]["policy"], "click");
    assert!(open["join"]["window_until"].is_string());
    assert!(matches!(
        scene.commands.try_recv(),
        Ok(Command::Policy { policy: JoinPolicy::Click, open_until: Some(_) })
    ));
    let token = scene.call("PATCH", "/api/v1/hub", &json!({"join": {"policy": "token"}})).await.json();
    assert_eq!(token["join"], json!({"policy": "token", "window_until": null}));
    assert_eq!(crate::settings::saved_policy(&scene.store).await.unwrap(), Some(JoinPolicy::Token));
    scene.commands.try_recv().unwrap();

    let made = scene.call("POST", "/api/v1/join-tokens", &json!({"uses": 3, "labels": {"room": "shed"}})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let text = made.json()["token"].as_str().unwrap().to_owned();
    let joined: wire::handshake::JoinToken = text.parse().unwrap();
    assert!(matches!(scene.commands.try_recv(), Ok(Command::JoinTokens(tokens)) if tokens[0].psk == joined.psk()));
}

#[tokio::test]
async fn the_rules_hear_of_a_device_that_is_renamed_relabelled_or_deleted() {
    let scene = scene();
    let (device, _) = scene.device(1, "shed").await;
    let path = format!("/api/v1/devices/{}", device.id);
    for change in [json!({"name": "attic"}), json!({"labels": {"room": "lab"}}), json!({"interval_ms": 60_000})] {
        assert_eq!(scene.call("PATCH", &path, &change).await.status, 200);
        assert!(scene.state.rules_changed.notified().now_or_never().is_some(), "{change}");
    }
    assert_eq!(scene.call("DELETE", &path, &json!({})).await.status, 204);
    assert!(scene.state.rules_changed.notified().now_or_never().is_some());
}

#[tokio::test]
async fn rules_and_silences_that_name_a_device_go_on_with_it_under_its_new_name() {
    let scene = scene();
    let (device, _) = scene.device(1, "shed").await;
    let condition = json!({"type": "threshold", "op": ">", "value": 30});
    for (name, of) in [("one", "shed"), ("all", "s*"), ("other", "barn")] {
        let rule = json!({"name": name, "device": of, "sensor": "*", "condition": condition});
        assert_eq!(scene.call("POST", "/api/v1/rules", &rule).await.status, 201);
    }
    let silence = json!({"device": "shed", "for": "1h"});
    assert_eq!(scene.call("POST", "/api/v1/silences", &silence).await.status, 201);
    let of = async |path: &str| {
        let items = scene.get(path).await.json()["items"].clone();
        items.as_array().unwrap().iter().map(|item| item["device"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let path = format!("/api/v1/devices/{}", device.id);
    assert_eq!(scene.call("PATCH", &path, &json!({"name": "attic"})).await.status, 200);
    assert_eq!(of("/api/v1/rules").await, ["attic", "s*", "barn"]);
    assert_eq!(of("/api/v1/silences").await, ["attic"]);
    // A name that would mean others as well.
    assert_eq!(scene.call("PATCH", &path, &json!({"name": "room *"})).await.status, 200);
    assert_eq!(of("/api/v1/rules").await, [&device.id.to_string(), "s*", "barn"]);
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
async fn a_rule_is_tried_on_what_is_stored() {
    let mut scene = scene();
    let (device, series) = scene.device(1, "shed").await;
    let start = Clock.wall().0 - 3_600_000;
    // Two warm spells of a minute, the second still on at the end.
    let warm = |second: i64| if (100..160).contains(&second) || second >= 540 { 31.0 } else { 20.0 };
    let points: Vec<_> = (0..600).map(|second| (start + second * 1_000, warm(second))).collect();
    for some in points.chunks(50) {
        scene.measure(&device, series[0], some).await;
    }
    let at = |second: i64| moment(UnixMillis(start + second * 1_000));
    let ask = |condition: Value, hold: &str| {
        let rule = json!({"sensor": "temp", "condition": condition, "for": hold});
        json!({"rule": rule, "from": start, "to": start + 600_000})
    };
    let above = json!({"type": "threshold", "op": ">", "value": 30});
    let answer = scene.call("POST", "/api/v1/rules/backtest", &ask(above.clone(), "30s")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let found = answer.json();
    assert_eq!(
        found["series"],
        json!([{
            "device": device.id.to_string(), "device_name": "shed", "sensor": "temp", "unit": "Cel",
            "readings": 600, "judged": 600, "fires": 2, "firing_s": 60.0,
            "firings": [
                {"from": at(130), "to": at(160), "value": 31.0},
                {"from": at(570), "to": null, "value": 31.0},
            ],
        }])
    );
    assert_eq!((&found["fires"], &found["watched"], &found["truncated"]), (&json!(2), &json!(1), &json!(false)));
    assert_eq!((&found["from"], &found["to"], &found["measure"]), (&json!(at(0)), &json!(at(600)), &json!("value")));

    let never = scene.call("POST", "/api/v1/rules/backtest", &ask(above, "2m")).await.json();
    assert_eq!(never["fires"], 0);
    let rate = json!({"type": "rate", "op": ">", "value": 5, "per": "1m", "over": "10s"});
    let jumps = scene.call("POST", "/api/v1/rules/backtest", &ask(rate, "0s")).await.json();
    assert_eq!((&jumps["fires"], &jumps["series"][0]["unit"]), (&json!(2), &json!("Cel/min")));
    let too_long = json!({"type": "deviation", "sigmas": 4, "over": "1h"});
    let mute = scene.call("POST", "/api/v1/rules/backtest", &ask(too_long, "0s")).await.json();
    assert_eq!((&mute["series"][0]["judged"], &mute["series"][0]["readings"]), (&json!(0), &json!(600)));
    assert!(scene.store.list_rules().await.unwrap().is_empty(), "nothing was made");
}

#[tokio::test]
async fn more_series_than_usual_have_to_be_asked_for_and_come_in_pages() {
    let scene = scene();
    for number in 1..=5 {
        let (device, _) = scene.device(number, &format!("rack-{number}")).await;
        let sensor = |n: u16| crate::model::SensorSpec {
            name: format!("s{n:03}"),
            unit: String::new(),
            kind: crate::model::SensorKind::Gauge,
            interval_ms: 1_000,
        };
        let sensors = (2..256).map(sensor).collect();
        scene.store.register_sensors(device.no, crate::model::SensorNo(2), sensors).await.unwrap();
    }
    let refused = scene.get("/api/v1/query?points=1").await;
    assert_eq!((refused.problem().0, refused.problem().2), (400, json!("limit")), "{}", refused.text);
    assert_eq!(scene.get("/api/v1/query?points=1&group=all&limit=9").await.problem().2, json!("limit"));
    let together = scene.get("/api/v1/query?points=1&group=all&limit=10000").await.json();
    assert_eq!((&together["truncated"], together["series"].as_array().unwrap().len()), (&json!(false), 1));
    let (mut seen, mut cursor) = (std::collections::BTreeSet::new(), String::new());
    loop {
        let page = scene.get(&format!("/api/v1/query?points=1&limit=500{cursor}")).await.json();
        let names = page["series"].as_array().unwrap().iter();
        seen.extend(names.map(|one| format!("{} {}", one["device"], one["sensor"])));
        assert_eq!(page["truncated"], json!(page["next"].is_string()));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen.len(), 5 * 256);
}

#[tokio::test]
async fn figures_are_those_asked_for_and_labels_choose_devices() {
    let mut scene = scene();
    let (shed, series) = scene.device(1, "shed").await;
    let (hall, of_hall) = scene.device(2, "hall").await;
    let labels = json!({"labels": {"floor": "1"}});
    scene.call("PATCH", &format!("/api/v1/devices/{}", shed.id), &labels).await;
    let start = Clock.wall().0 - 10_000;
    let points: Vec<_> = (0..5).map(|n| (start + n * 1_000, n as f64)).collect();
    scene.measure(&shed, series[0], &points).await;
    let range = format!("sensor=temp&from={start}&to={}&points=1", start + 5_000);
    let found = scene.get(&format!("/api/v1/query?{range}&label=floor=1&agg=avg,p50&agg=rate")).await.json();
    let all = found["series"].as_array().unwrap();
    assert_eq!((all.len(), &all[0]["device"]), (1, &json!(shed.id.to_string())));
    assert_eq!((&all[0]["avg"], &all[0]["p50"], &all[0]["rate"]), (&json!([2.0]), &json!([2.0]), &json!([1.0])));
    assert_eq!((&all[0]["count"], &all[0]["max"]), (&json!([]), &json!([])));
    assert_eq!(scene.get("/api/v1/latest?label=floor=2").await.json()["items"], json!([]));
    assert_eq!(scene.get("/api/v1/latest?label=floor=1").await.json()["items"][0]["value"], 4.0);
    let ahead = [(Clock.wall().0 + 600_000, 9.0)];
    scene.measure(&shed, series[0], &ahead).await;
    let latest = scene.get("/api/v1/latest?device=shed").await.json()["items"][0].clone();
    assert_eq!((&latest["value"], &latest["quality"]), (&json!(4.0), &json!("good")), "that is what is measured now");
    // Silence is that nothing comes, whatever the clock of the device says.
    let (loft, of_loft) = scene.device(3, "loft").await;
    scene.measure(&loft, of_loft[0], &[(Clock.wall().0 - 600_000, 9.0)]).await;
    let loft = scene.get("/api/v1/latest?device=loft").await.json()["items"][0].clone();
    assert_eq!((&loft["value"], &loft["quality"]), (&json!(9.0), &json!("good")), "it came just now");
    let by_id = scene.get(&format!("/api/v1/query?{range}&device={}", hall.id)).await.json();
    assert_eq!((&by_id["series"][0]["count"], &by_id["series"][0]["avg"]), (&json!([0]), &json!([null])));
    scene.measure(&hall, of_hall[0], &ahead).await;
    assert_eq!(scene.get("/api/v1/latest?device=hall").await.json()["items"][0]["quality"], "future");
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
async fn retention_is_shown_changed_and_previewed() {
    let scene = scene();
    let (path, preview) = ("/api/v1/retention", "/api/v1/retention/preview");
    let shown = scene.get(path).await.json();
    assert_eq!(
        (&shown["raw"], &shown["hours"], &shown["configured"]),
        (&json!("forever"), &json!("forever"), &json!(false))
    );
    let policy =
        json!({"raw": "14d", "minutes": "90d", "hours": "5y", "by_label": [{"labels": {"site": "lab"}, "raw": "1d"}]});
    assert_eq!(scene.call("POST", preview, &policy).await.json()["text"], "nothing");
    assert_eq!(scene.get(path).await.json(), shown);
    let changed = scene.call("PUT", path, &policy).await.json();
    assert_eq!((&changed["minutes"], &changed["by_label"][0]["raw"]), (&json!("90d"), &json!("1d")));
    assert_eq!(scene.get(path).await.json(), changed);
    let saved = crate::settings::saved_retention(&scene.store).await.unwrap();
    assert_eq!(saved, Some(scene.store.retention()));
    for (body, field) in [
        (json!({"raw": "soon"}), "raw"),
        (json!({"raw": "9d", "minutes": "2d"}), "minutes"),
        (json!({"by_label": [{"labels": {}, "raw": "2d"}]}), "by_label[0].labels"),
        (json!({"by_label": [{"labels": {"a": "b"}, "hours": "1"}]}), "by_label[0].hours"),
    ] {
        let answer = scene.call("PUT", path, &body).await;
        assert_eq!((answer.status, &answer.json()["field"]), (StatusCode::BAD_REQUEST, &json!(field)), "{body}");
    }
    assert_eq!(scene.get(path).await.json(), changed);
}

#[tokio::test]
async fn questions_about_the_past_wait_while_the_hub_is_pressed_and_all_others_are_answered() {
    let scene = scene();
    let (device, _) = scene.device(1, "boiler").await;
    let about = format!("device={}&sensor=temp", device.id);
    let rule = json!({"rule": {"name": "hot", "condition": {"type": "threshold", "op": ">", "value": 1}}});
    scene.state.pressure.set(3);
    for (method, path, body) in [
        ("GET", format!("/api/v1/query?{about}"), Value::Null),
        ("POST", "/api/v1/query".to_owned(), json!({"queries": []})),
        ("GET", format!("/api/v1/readings?{about}"), Value::Null),
        ("GET", format!("/api/v1/export?{about}"), Value::Null),
        ("POST", "/api/v1/rules/backtest".to_owned(), rule),
        ("POST", "/api/v1/retention/preview".to_owned(), json!({"raw": "14d"})),
    ] {
        let answer = if body.is_null() { scene.get(&path).await } else { scene.call(method, &path, &body).await };
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (StatusCode::SERVICE_UNAVAILABLE, Some("overloaded")),
            "{path}"
        );
        assert!(answer.headers.contains_key("retry-after"), "{path}");
    }
    for path in
        [format!("/devices/{}/ledger", device.id), "/latest".to_owned(), "/alerts".to_owned(), "/devices".to_owned()]
    {
        assert_eq!(scene.get(&format!("/api/v1{path}")).await.status, StatusCode::OK, "{path}");
    }
}

//! Rules: kept as they are written, tried, and following what they watch.

mod watched;

use axum::http::StatusCode;
use futures_util::FutureExt as _;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::http::tests::scene::scene;
use crate::model::when::moment;
use crate::model::{SensorKind, SensorNo, SensorSpec, UnixMillis};

#[tokio::test]
async fn rules_are_kept_as_written() {
    let scene = scene();
    let rule = json!({"name": "hot", "device": "sh*", "sensor": "temp", "labels": {"room": "shed"},
        "condition": {"type": "threshold", "op": ">", "value": 30.0, "clear": 28.0},
        "for": "60s", "severity": "critical", "tags": {"team": "x"}, "webhooks": [], "enabled": true});
    let made = scene.call("POST", "/api/v1/rules", &rule).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let made = made.json();
    for (key, value) in rule.as_object().unwrap() {
        assert_eq!(&made[key], value, "{key}");
    }
    tokio::time::timeout(std::time::Duration::from_secs(1), scene.state.wiring.rules_changed.notified()).await.unwrap();
    let path = format!("/api/v1/rules/{}", made["id"].as_str().unwrap());
    let silence = json!({"name": "quiet", "condition": {"type": "silence", "after": "5m"}});
    let replaced = scene.call("PUT", &path, &silence).await;
    assert_eq!(replaced.status, 200, "{}", replaced.text);
    let replaced = replaced.json();
    assert_eq!(replaced["condition"], json!({"type": "silence", "after": "5m"}));
    assert_eq!((&replaced["device"], &replaced["for"]), (&json!("*"), &json!("0s")));
    assert_eq!(scene.call("DELETE", &path, &json!({})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(scene.get(&path).await.problem().0, 404);
}

#[tokio::test]
async fn a_rule_may_tell_all_webhooks_and_says_whether_the_hub_made_it() {
    let scene = scene();
    let offline = json!({"name": "gone", "condition": {"type": "offline", "after": "5m"}, "all_webhooks": true});
    let made = scene.call("POST", "/api/v1/rules", &offline).await.json();
    assert_eq!((&made["all_webhooks"], &made["webhooks"], &made["made_by"]), (&json!(true), &json!([]), &Value::Null));
    let spec = crate::rules::made::Made::DeviceOffline.spec();
    scene.store.make_rule("device_offline", spec, Clock.wall()).await.unwrap();
    let listed = scene.get("/api/v1/rules").await.json()["items"].clone();
    assert_eq!((&listed[1]["made_by"], &listed[1]["all_webhooks"]), (&json!("hub"), &json!(true)));
    // It is changed like any other, and stays the hub's.
    let path = format!("/api/v1/rules/{}", listed[1]["id"].as_str().unwrap());
    let mine = json!({"name": "mine", "condition": {"type": "offline", "after": "10m"}, "webhooks": []});
    let mine = scene.call("PUT", &path, &mine).await.json();
    assert_eq!((&mine["made_by"], &mine["all_webhooks"]), (&json!("hub"), &json!(false)));
}

#[tokio::test]
async fn what_a_rule_about_devices_would_say_is_shown_of_the_first_of_them() {
    let scene = scene();
    let preview = async || {
        let rule = json!({"condition": {"type": "offline", "after": "5m"}, "device": "sh*",
            "message": {"title": "{{ device }} is gone"}});
        scene.call("POST", "/api/v1/rules/preview", &json!({"rule": rule})).await.json()
    };
    assert_eq!(preview().await["of"], json!("nothing"));
    scene.device(1, "shed").await;
    let said = preview().await;
    assert_eq!((&said["device_name"], &said["sensor"]), (&json!("shed"), &Value::Null));
    assert_eq!(said["messages"][0]["title"], json!("shed is gone"));
    assert!(said["messages"][0]["text"].as_str().unwrap().starts_with("shed is offline: nothing was heard"), "{said}");
}

#[tokio::test]
async fn the_rules_hear_of_a_device_that_is_renamed_relabelled_or_deleted() {
    let scene = scene();
    let (device, _) = scene.device(1, "shed").await;
    let path = format!("/api/v1/devices/{}", device.id);
    for change in [json!({"name": "attic"}), json!({"labels": {"room": "lab"}}), json!({"interval_ms": 60_000})] {
        assert_eq!(scene.call("PATCH", &path, &change).await.status, 200);
        assert!(scene.state.wiring.rules_changed.notified().now_or_never().is_some(), "{change}");
    }
    assert_eq!(scene.call("DELETE", &path, &json!({})).await.status, 204);
    assert!(scene.state.wiring.rules_changed.notified().now_or_never().is_some());
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
async fn a_silence_of_some_hours_a_week_says_whether_they_are_now_and_what_of_them_is_wrong() {
    let scene = scene();
    let make = |weekly: Value| {
        let silence = json!({"for": "3650d", "weekly": weekly});
        let scene = &scene;
        async move { scene.call("POST", "/api/v1/silences", &silence).await }
    };
    let all = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let always = make(json!({"days": all, "from": "00:00", "until": "00:00", "zone": "Asia/Kolkata"})).await;
    assert_eq!((always.status.as_u16(), &always.json()["state"]), (201, &json!("active")), "{}", always.text);
    assert_eq!(always.json()["weekly"]["days"], json!(all));
    // Two days and more from now in every zone.
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    let later = all[usize::try_from(now.weekday().to_monday_zero_offset()).unwrap().wrapping_add(3) % 7];
    let planned = make(json!({"days": [later], "from": "08:00", "until": "09:00"})).await;
    assert_eq!((planned.status.as_u16(), &planned.json()["state"]), (201, &json!("planned")), "{}", planned.text);
    assert!(planned.json()["weekly"]["zone"].is_string(), "the hub's own");
    for (wrong, field) in [
        (json!({"days": [], "from": "08:00", "until": "09:00"}), "weekly.days"),
        (json!({"days": ["mon", "Monday"], "from": "08:00", "until": "09:00"}), "weekly.days[1]"),
        (json!({"days": ["mon"], "from": "8", "until": "09:00"}), "weekly.from"),
        (json!({"days": ["mon"], "from": "08:00", "until": "24:00"}), "weekly.until"),
        (json!({"days": ["mon"], "from": "08:00", "until": "09:00", "zone": "Mars"}), "weekly.zone"),
    ] {
        let refused = make(wrong).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["field"]), (400, &json!(field)), "{}", refused.text);
    }
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

    // What is true already when the range begins counts, with the time that it began; what was over by then does not.
    let late = |condition: Value, from: i64, to: i64| json!({"rule": {"sensor": "temp", "condition": condition}, "from": start + from * 1_000, "to": start + to * 1_000});
    let above = json!({"type": "threshold", "op": ">", "value": 30});
    let resting = json!({"type": "increase", "op": "<", "value": 1, "over": "30s"});
    let silent = json!({"type": "silence", "after": "5m"});
    for (condition, from, to, ended, firing_s) in [
        (&above, 150, 500, Some(160), 10.0),
        (&above, 700, 1_000, None, 300.0),
        (&resting, 400, 500, None, 100.0),
        (&silent, 1_500, 2_000, None, 500.0),
    ] {
        let found = scene.call("POST", "/api/v1/rules/backtest", &late(condition.clone(), from, to)).await.json();
        let one = &found["series"][0];
        assert_eq!((&found["fires"], &one["fires"]), (&json!(1), &json!(1)), "{condition} {from}: {found}");
        assert_eq!(one["firing_s"], firing_s, "{condition}: {one}");
        assert_eq!(one["firings"][0]["to"], ended.map_or(json!(null), |second| json!(at(second))), "{one}");
        assert!(one["firings"][0]["from"].as_str().unwrap() < at(from).as_str(), "{condition}: {one}");
    }
    let over = scene.call("POST", "/api/v1/rules/backtest", &late(above, 200, 500)).await.json();
    assert_eq!((&over["fires"], &over["series"][0]["firings"]), (&json!(0), &json!([])));
}

#[tokio::test]
async fn an_average_is_what_a_query_says_of_the_same_time() {
    let mut scene = scene();
    let (device, series) = scene.device(1, "shed").await;
    let step = 60_000 / 30;
    let start = (Clock.wall().0 - 3_600_000) / step * step;
    let points: Vec<_> =
        (0..600).map(|second| (start + second * 1_000 + 137, f64::from(second as i32 * 37 % 101))).collect();
    for some in points.chunks(50) {
        scene.measure(&device, series[0], some).await;
    }
    for (kind, agg) in [("average", "avg"), ("minimum", "min"), ("maximum", "max")] {
        let condition = json!({"type": kind, "op": ">", "value": -1, "over": "60s"});
        let ask = json!({"rule": {"sensor": "temp", "condition": condition}, "from": start, "to": start + 600_000});
        let found = scene.call("POST", "/api/v1/rules/backtest", &ask).await.json();
        let firing = &found["series"][0]["firings"][0];
        // Half of the while is known by then, and all of that counts.
        let at = start + 30_137;
        assert_eq!(firing["from"], moment(UnixMillis(at)), "{found}");
        let (from, to) = (at + 1 - 60_000, at + 1);
        let query = format!("/api/v1/query?device=shed&sensor=temp&from={from}&to={to}&points=1&agg={agg}");
        assert_eq!(scene.get(&query).await.json()["series"][0][agg][0], firing["value"], "{kind}");
    }
}

#[tokio::test]
async fn two_versions_of_a_rule_are_compared_and_each_device_has_its_noise() {
    let mut scene = scene();
    let (device, series) = scene.device(1, "shed").await;
    let start = Clock.wall().0 - 3_600_000;
    // At 31 from 100 to 200, at 35 from 1000 to 1500, the second 100 s of it at 39.
    let warm = |second: i64| match second {
        100..200 => 31.0,
        1_100..1_200 => 39.0,
        1_000..1_500 => 35.0,
        _ => 20.0,
    };
    let points: Vec<_> = (0..3_000).step_by(10).map(|second| (start + second * 1_000, warm(second))).collect();
    for some in points.chunks(50) {
        scene.measure(&device, series[0], some).await;
    }
    let above =
        |limit: f64, of: &str| json!({"sensor": of, "condition": {"type": "threshold", "op": ">", "value": limit}});
    let ask = async |rule: Value, against: Value| {
        let request = json!({"rule": rule, "against": against, "from": start, "to": start + 3_600_000});
        let answer = scene.call("POST", "/api/v1/rules/backtest", &request).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    };
    let at = |second: i64| moment(UnixMillis(start + second * 1_000));
    let found = ask(above(36.0, "temp"), above(30.0, "temp")).await;
    let difference = &found["difference"];
    assert_eq!((&difference["appear"], &difference["vanish"], &difference["moved"]), (&json!(0), &json!(1), &json!(1)));
    let changes = &difference["changes"];
    assert_eq!((&changes[0]["before"]["from"], &changes[0]["after"]), (&json!(at(100)), &Value::Null));
    assert_eq!((&changes[1]["before"]["from"], &changes[1]["after"]["from"]), (&json!(at(1_000)), &json!(at(1_100))));
    assert_eq!(
        found["noise"][0],
        json!({"device": device.id.to_string(), "device_name": "shed", "fires": 1, "per_week": 168.0})
    );
    // Another sensor: all of the one vanish, those of the other appear.
    let found = ask(above(30.0, "hum"), above(30.0, "temp")).await;
    assert_eq!((&found["difference"]["vanish"], &found["difference"]["appear"]), (&json!(2), &json!(0)), "{found}");
    let found = ask(above(30.0, "temp"), above(30.0, "hum")).await;
    assert_eq!((&found["difference"]["appear"], &found["difference"]["truncated"]), (&json!(2), &json!(false)));
    assert_eq!(ask(above(30.0, "temp"), Value::Null).await["difference"], Value::Null);
}

#[tokio::test]
async fn a_preview_of_a_silence_ends_as_one_does_when_the_sensor_is_heard_again() {
    let mut scene = scene();
    let (device, series) = scene.device(1, "shed").await;
    scene.measure(&device, series[0], &[(Clock.wall().0 - 90_000, 21.5)]).await;
    let rule = json!({"name": "quiet", "sensor": "temp", "condition": {"type": "silence", "after": "60s"}});
    let said = scene.call("POST", "/api/v1/rules/preview", &json!({"rule": rule})).await.json();
    let text = |n: usize| said["messages"][n]["text"].as_str().unwrap();
    assert!(text(0).contains("has sent nothing for more than 1 min, since "), "{said}");
    assert!(text(1).ends_with("had sent nothing for 1 min. The alert is over."), "{said}");
}

#[tokio::test]
async fn a_rule_says_its_alerts_in_its_own_words_and_shows_them_first() {
    let mut scene = scene();
    let (device, series) = scene.device(1, "shed").await;
    let condition = json!({"type": "threshold", "op": ">", "value": 30});
    let rule = |message: Value| json!({"name": "hot", "sensor": "temp", "condition": condition, "message": message});
    let preview = async |scene: &crate::http::tests::scene::Scene, rule: &Value, id: Option<&str>| {
        let answer = scene.call("POST", "/api/v1/rules/preview", &json!({"rule": rule, "id": id})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    };
    let warm = rule(json!({"title": "{{ device }} at {{ value_text }}", "text": "Open the door."}));
    assert_eq!(
        preview(&scene, &warm, None).await,
        json!({"of": "nothing", "device_name": null, "sensor": null, "at": null, "messages": []})
    );
    scene.measure(&device, series[0], &[(Clock.wall().0 - 2_000, 21.5)]).await;
    let found = preview(&scene, &warm, None).await;
    assert_eq!(
        (&found["of"], &found["device_name"], &found["sensor"]),
        (&json!("reading"), &json!("shed"), &json!("temp"))
    );
    // With 21.5 °C it would not fire.
    assert_eq!(found["messages"][0]["title"], "shed at 31.5 °C");
    assert_eq!(
        (&found["messages"][0]["text"], &found["messages"][0]["template_error"]),
        (&json!("Open the door."), &json!(null))
    );
    assert_eq!(
        (&found["messages"][1]["event"], &found["messages"][1]["title"]),
        (&json!("alert.resolved"), &json!("Resolved: hot on shed"))
    );
    let over = found["messages"][1]["text"].as_str().unwrap();
    assert!(over != "Open the door." && over.contains("is 30 °C again"), "{over}");
    // Without templates it is the hub's own.
    let own = preview(&scene, &rule(Value::Null), None).await;
    assert_eq!(own["messages"][0]["title"], "hot on shed");
    // Nothing but a label that this device has not: said, and nothing is lost.
    let labelled = rule(json!({"title": "{{ labels.room }}"}));
    let found = preview(&scene, &labelled, None).await;
    assert_eq!(found["messages"][0]["title"], "hot on shed");
    assert!(found["messages"][0]["template_error"].as_str().unwrap().ends_with("it makes an empty text"), "{found}");
    // The same of a rule that is there and has no alert yet.
    let made = scene.call("POST", "/api/v1/rules", &warm).await.json();
    let found = preview(&scene, &warm, made["id"].as_str()).await;
    assert_eq!(
        (&found["of"], &found["messages"][0]["title"]),
        (&json!("reading"), &json!("shed at 31.5 °C")),
        "{found}"
    );
    // Of a condition about devices as a whole it is a device.
    let offline = json!({"name": "gone", "condition": {"type": "offline", "after": "60s"}, "message": {"title": "{{ device }}: {{ rule }}"}});
    let found = preview(&scene, &offline, None).await;
    assert_eq!(
        (&found["of"], &found["device_name"], &found["sensor"]),
        (&json!("reading"), &json!("shed"), &json!(null))
    );
    assert_eq!(found["messages"][0]["title"], "shed: gone");
    // Kept, given back, and refused where it is wrong.
    let made = scene.call("POST", "/api/v1/rules", &warm).await;
    assert_eq!((made.status.as_u16(), &made.json()["message"]), (201, &warm["message"]), "{}", made.text);
    let path = format!("/api/v1/rules/{}", made.json()["id"].as_str().unwrap());
    assert_eq!(scene.get(&path).await.json()["message"], warm["message"]);
    let emptied = scene.call("PUT", &path, &rule(json!({"title": " ", "text": null}))).await.json();
    assert_eq!(emptied["message"], Value::Null);
    for (message, field, says) in [
        (
            json!({"title": "{{ devise }}"}),
            "message.title",
            "line 1, column 4: `devise` is not known: did you mean `device`?",
        ),
        (json!({"text": "\n{% if %}"}), "message.text", "line 2, column "),
        (json!({"text": "x".repeat(4_001)}), "message.text", "at most 4000 bytes"),
        (json!({"titel": "x"}), "message.titel", "unknown field"),
    ] {
        let refused = scene.call("PUT", &path, &rule(message)).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["field"]), (400, &json!(field)), "{}", refused.text);
        assert!(refused.text.contains(says), "{}", refused.text);
    }
}

#[tokio::test]
async fn a_tag_that_the_rule_has_not_is_refused_where_it_is_named() {
    let scene = scene();
    let rule = |tags: Value| {
        json!({"name": "r", "condition": {"type": "threshold", "op": ">", "value": 5}, "tags": tags,
            "message": {"text": "Call\n{{ tags.team }}"}})
    };
    let refused = scene.call("POST", "/api/v1/rules", &rule(json!({"shift": "night"}))).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["field"]), (400, &json!("message.text")), "{}", refused.text);
    assert!(refused.text.contains("line 2, column 4"), "{}", refused.text);
    assert!(refused.text.contains("the rule has no tag `team`; it has shift"), "{}", refused.text);
    assert_eq!(scene.call("POST", "/api/v1/rules", &rule(json!({"team": "x"}))).await.status.as_u16(), 201);
}

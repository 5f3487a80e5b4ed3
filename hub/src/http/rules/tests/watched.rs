//! What a rule watches, and what it says of that.

use super::*;

#[tokio::test]
async fn a_while_that_never_holds_two_readings_is_said_with_one_that_does() {
    let mut scene = scene();
    let (device, _) = scene.device(1, "shed").await;
    let slow =
        SensorSpec { name: "slow".to_owned(), unit: "Cel".to_owned(), kind: SensorKind::Gauge, interval_ms: 300_000 };
    let series = scene.store.register_sensors(device.no, SensorNo(2), vec![slow]).await.unwrap();
    let start = Clock.wall().0 - 3_600_000;
    let points: Vec<_> = (0..10).map(|n| (start + n * 300_000, 20.0)).collect();
    scene.measure(&device, series[0], &points).await;
    let rule = |over: &str| json!({"name": "r", "sensor": "slow", "condition": {"type": "average", "op": ">", "value": 30, "over": over}});
    let says = "readings come each 5m, too seldom for 5m of them, which takes 2: use 15m";
    let made = scene.call("POST", "/api/v1/rules", &rule("5m")).await.json();
    assert_eq!(made["needs"]["too_short"], says, "{made}");
    let path = format!("/api/v1/rules/{}", made["id"].as_str().unwrap());
    assert_eq!(scene.get(&path).await.json()["needs"]["too_short"], says);
    let tried = async |over: &str| {
        let mut tried = rule(over);
        tried.as_object_mut().unwrap().remove("name");
        let ask = json!({"rule": tried, "from": start, "to": start + 3_000_000});
        scene.call("POST", "/api/v1/rules/backtest", &ask).await.json()
    };
    assert_eq!(tried("5m").await["needs"]["too_short"], says);
    assert_eq!(tried("15m").await["needs"]["too_short"], Value::Null);
}

#[tokio::test]
async fn a_rule_says_at_once_what_it_watches_and_what_is_missing() {
    let scene = scene();
    let (_, series) = scene.device(1, "shed").await;
    let post = async |rule: Value| scene.call("POST", "/api/v1/rules", &rule).await.json();
    let all = post(json!({"name": "all", "condition": {"type": "threshold", "op": ">", "value": 5}})).await;
    assert_eq!(all["watches"], json!(series.len()));
    let apart = json!({"type": "difference", "other": "nope", "op": ">", "value": 5});
    let apart = post(json!({"name": "apart", "device": "shed", "condition": apart})).await;
    assert_eq!((&apart["watches"], &apart["missing"]), (&json!(series.len()), &json!(["nope"])));
    let mean = json!({"type": "average", "op": ">", "value": 5, "over": "1h"});
    let mean = post(json!({"name": "mean", "condition": mean})).await;
    assert_eq!(mean["needs"]["series"], json!(series.len()));
    let gone = post(json!({"name": "gone", "condition": {"type": "offline", "after": "60s"}})).await;
    assert_eq!(gone["watches"], 1);
    let none = post(json!({"name": "none", "device": "zzz", "condition": {"type": "silence", "after": "5m"}})).await;
    assert_eq!(none["watches"], 0);
    // A device or a sensor that is renamed in the rule counts at once.
    let path = format!("/api/v1/rules/{}", none["id"].as_str().unwrap());
    let renamed = json!({"name": "none", "device": "sh*", "condition": {"type": "silence", "after": "5m"}});
    assert_eq!(scene.call("PUT", &path, &renamed).await.json()["watches"], json!(series.len()));
    assert_eq!(scene.get(&path).await.json()["watches"], json!(series.len()));
}

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
async fn of_readings_whose_pace_nobody_announced_a_backtest_says_it_by_how_they_came() {
    let scene = scene();
    let start = Clock.wall().0 - 3_600_000;
    let readings: Vec<_> =
        (0..10).map(|n| json!({"sensor": "slow", "unit": "Cel", "value": 20.0, "at": start + n * 300_000})).collect();
    let pushed = scene.call("POST", "/api/v1/readings", &json!({"device": "shed", "readings": readings})).await;
    assert_eq!(pushed.status.as_u16(), 200, "{}", pushed.text);
    let average = json!({"type": "average", "op": ">", "value": 30, "over": "5m"});
    let says = "readings come each 5m, too seldom for 5m of them, which takes 2: use 15m";
    for condition in [average.clone(), json!({"type": "count", "op": ">=", "value": 1, "condition": average})] {
        let ask = json!({"rule": {"sensor": "slow", "condition": condition}, "from": start, "to": start + 3_000_000});
        let tried = scene.call("POST", "/api/v1/rules/backtest", &ask).await.json();
        assert_eq!(
            (&tried["needs"]["too_short"], &tried["series"][0]["readings"]),
            (&json!(says), &json!(10)),
            "{tried}"
        );
    }
}

#[tokio::test]
async fn what_a_rule_cannot_be_compared_with_is_refused_at_its_field() {
    let scene = scene();
    scene.device(1, "shed").await;
    let above = json!({"condition": {"type": "threshold", "op": ">", "value": 5}});
    let count = json!({"condition": {"type": "count", "op": "<=", "value": 1, "condition": above["condition"]}});
    let offline = json!({"condition": {"type": "offline", "after": "60s"}});
    for (rule, against, field, says) in [
        (&above, &offline, "against.condition.type", "how devices were is not stored"),
        (&offline, &above, "rule.condition.type", "how devices were is not stored"),
        (&above, &count, "against.condition.type", "compared with one that counts devices as well"),
        (&count, &above, "against.condition.type", "leave `against` out"),
    ] {
        let refused = scene.call("POST", "/api/v1/rules/backtest", &json!({"rule": rule, "against": against})).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["field"]), (400, &json!(field)), "{}", refused.text);
        assert!(refused.text.contains(says), "{}", refused.text);
    }
    for (rule, against) in [(&above, &above), (&count, &count)] {
        let compared = scene.call("POST", "/api/v1/rules/backtest", &json!({"rule": rule, "against": against})).await;
        assert_eq!(
            (compared.status.as_u16(), &compared.json()["difference"]["appear"]),
            (200, &json!(0)),
            "{}",
            compared.text
        );
    }
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

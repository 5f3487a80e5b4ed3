//! Readings: as points, the latest, and in buckets.

mod counters;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::http::tests::scene::{Scene, scene};

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

    scene.hear(&device, 0);
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
    scene.hear(&shed, 0);
    let latest = scene.get("/api/v1/latest?device=shed").await.json()["items"][0].clone();
    assert_eq!((&latest["value"], &latest["quality"]), (&json!(4.0), &json!("good")), "that is what is measured now");
    // Silence is that nothing comes, whatever the clock of the device says.
    let (loft, of_loft) = scene.device(3, "loft").await;
    scene.measure(&loft, of_loft[0], &[(Clock.wall().0 - 600_000, 9.0)]).await;
    let quality =
        async |scene: &Scene| scene.get("/api/v1/latest?device=loft").await.json()["items"][0]["quality"].clone();
    assert_eq!(quality(&scene).await, "stale", "a device that never was online");
    scene.hear(&loft, 0);
    assert_eq!(quality(&scene).await, "good", "it came just now");
    scene.hear(&loft, 3_600_000);
    assert_eq!(quality(&scene).await, "stale", "it is offline");
    let by_id = scene.get(&format!("/api/v1/query?{range}&device={}", hall.id)).await.json();
    assert_eq!((&by_id["series"][0]["count"], &by_id["series"][0]["avg"]), (&json!([0]), &json!([null])));
    scene.measure(&hall, of_hall[0], &ahead).await;
    assert_eq!(scene.get("/api/v1/latest?device=hall").await.json()["items"][0]["quality"], "future");
}

#[tokio::test]
async fn questions_about_the_past_wait_while_the_hub_is_pressed_and_all_others_are_answered() {
    let scene = scene();
    let (device, _) = scene.device(1, "boiler").await;
    let about = format!("device={}&sensor=temp", device.id);
    let rule = json!({"rule": {"name": "hot", "condition": {"type": "threshold", "op": ">", "value": 1}}});
    scene.state.wiring.pressure.set(3);
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

#[tokio::test]
async fn empty_buckets_are_left_out_where_that_is_asked() {
    let mut scene = scene();
    let (shed, series) = scene.device(1, "shed").await;
    scene.measure(&shed, series[0], &[(1_000, 20.0), (1_500, 22.0), (7_200, 30.0)]).await;
    let path = "/api/v1/query?device=shed&sensor=temp&from=0&to=10000&points=10&agg=avg,max";
    let whole = scene.get(path).await.json();
    let some = scene.get(&format!("{path}&empty=omit")).await.json();
    assert_eq!(whole["series"][0]["t"].as_array().unwrap().len(), 10);
    let one = &some["series"][0];
    assert_eq!(
        (&one["t"], &one["avg"], &one["max"]),
        (&json!([1000, 7000]), &json!([21.0, 30.0]), &json!([22.0, 30.0]))
    );
    assert_eq!((&one["min"], &one["count"]), (&json!([]), &json!([])));
    let body = json!({"queries": [{"device": ["shed"], "from": 0, "to": 10_000, "points": 10, "empty": "omit"}]});
    let several = scene.call("POST", "/api/v1/query", &body).await.json();
    assert_eq!(several["results"][0]["series"][1]["count"], json!([2, 1]));
    assert_eq!(scene.get(&format!("{path}&empty=some")).await.problem().2, json!("empty"));
}

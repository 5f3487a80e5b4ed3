//! Counters as people push them: whatever they blink, nothing is booked that nobody used; and what is a counter stays one.

use axum::body::Body;
use axum::http::{StatusCode, header};
use serde_json::{Value, json};

use crate::http::tests::scene::{ADMIN, Scene, request, scene};

/// A full hour.
const START: i64 = 1_700_002_800_000;
const MINUTE: i64 = 60_000;

impl Scene {
    /// Pushes readings of a sensor named `energy`, a minute apart.
    async fn count(&self, device: &str, values: &[f64], more: &Value) {
        let readings = values.iter().zip(0..).map(|(value, n)| {
            let mut reading = json!({"sensor": "energy", "value": value, "at": START + n * MINUTE});
            reading.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            reading
        });
        let body = json!({"device": device, "readings": readings.collect::<Vec<_>>()});
        let answer = self.call("POST", "/api/v1/readings", &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    }

    /// A figure by bucket, in the ten minutes from the start.
    async fn ask(&self, device: &str, agg: &str, every: &str, more: &str) -> Vec<Option<f64>> {
        let range = format!("from={}&to={}", START - 5 * MINUTE, START + 10 * MINUTE);
        let path = format!("/api/v1/query?{range}&device={device}&sensor=energy&agg={agg}&every={every}{more}");
        let answer = self.get(&path).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let column = answer.json()["series"][0][agg].as_array().unwrap().clone();
        column.iter().map(Value::as_f64).collect()
    }

    async fn kind(&self, device: &str) -> (String, bool) {
        let devices = self.get("/api/v1/devices").await.json();
        let all = devices["items"].as_array().unwrap();
        let id = all.iter().find(|one| one["name"] == device).unwrap()["id"].as_str().unwrap().to_owned();
        let sensor = self.get(&format!("/api/v1/devices/{id}/sensors")).await.json()["items"][0].clone();
        (sensor["kind"].as_str().unwrap().to_owned(), sensor["kind_by_owner"].as_bool().unwrap())
    }

    async fn set_kind(&self, device: &str, sensor: &str, kind: &Value) -> (u16, Value) {
        let devices = self.get("/api/v1/devices").await.json();
        let all = devices["items"].as_array().unwrap();
        let id = all.iter().find(|one| one["name"] == device).unwrap()["id"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/devices/{id}/sensors/{sensor}");
        let answer = self.call("PATCH", &path, &json!({"kind": kind})).await;
        (answer.status.as_u16(), answer.json())
    }
}

#[tokio::test]
async fn what_a_counter_counted_is_the_same_in_buckets_of_any_width() {
    let scene = scene();
    let cases: [(&str, &[f64], f64); 13] = [
        ("first", &[0.0, 3737.0, 3737.5, 3738.0], 1.0),
        ("rested", &[12.345, 12.345, 62.0, 62.0, 62.01, 62.01, 62.02], 49.675),
        ("blip", &[3737.0, 3737.5, 0.0, 3738.5, 3739.0], 2.0),
        ("two", &[3737.0, 3737.5, 0.0, 0.0, 3738.5, 3739.0], 2.0),
        ("digit", &[3737.0, 3737.5, 373.7, 3738.5, 3739.0], 2.0),
        ("up", &[3737.0, 3737.5, 9_999_999.0, 3738.5, 3739.0], 2.0),
        ("jitter", &[215.6, 215.6, 215.7, 215.6, 215.6, 215.7], 0.1),
        ("restart", &[3737.0, 3738.0, 2.0, 3.0, 4.0], 5.0),
        ("wrap", &[4_294_960_000.0, 4_294_966_000.0, 4_704.0, 10_704.0], 18_000.0),
        ("last", &[3737.0, 3738.0, 0.0], 1.0),
        ("undecided", &[3738.0, 3738.5, 3739.0, 37_395.0], 1.0),
        ("unsure", &[3738.0, 3738.5, 3739.0, 37_395.0, 37_395.0], 1.0),
        ("decided", &[3738.0, 3738.5, 3739.0, 37_395.0, 37_395.0, 37_395.0], 33_657.0),
    ];
    for (device, values, expected) in cases {
        scene.count(device, values, &json!({"kind": "counter", "unit": "kWh"})).await;
        for every in ["10s", "1m", "7m", "1h"] {
            let found = scene.ask(device, "increase", every, "").await;
            assert!(found.iter().flatten().all(|part| *part >= 0.0), "{device} by {every}: {found:?}");
            let sum: f64 = found.iter().flatten().sum();
            assert!((sum - expected).abs() < 1e-9, "{device} by {every}: {found:?}");
            let rates = scene.ask(device, "rate", every, "").await;
            assert!(rates.iter().flatten().all(|rate| *rate >= 0.0), "{device} by {every}: {rates:?}");
        }
        assert_eq!(scene.ask(device, "increase", "1h", "").await.iter().flatten().count(), 1);
    }
}

#[tokio::test]
async fn a_condition_waits_for_the_reading_that_tells_what_a_fall_was() {
    let scene = scene();
    scene.count("meter", &[3737.0, 3737.5, 0.0, 3738.5, 3739.0], &json!({"kind": "counter"})).await;
    let fires = async |condition: Value| {
        let rule = json!({"device": "meter", "sensor": "energy", "for": "0s", "condition": condition});
        let ask = json!({"rule": rule, "from": START - MINUTE, "to": START + 10 * MINUTE});
        let answer = scene.call("POST", "/api/v1/rules/backtest", &ask).await;
        answer.json()["fires"].as_u64().unwrap_or_else(|| panic!("{}", answer.text))
    };
    for over in ["2m", "10m"] {
        assert_eq!(fires(json!({"type": "rate", "op": ">", "value": 100, "per": "1m", "over": over})).await, 0);
        assert_eq!(fires(json!({"type": "rate", "op": "<", "value": 0, "per": "1m", "over": over})).await, 0);
    }
    assert_eq!(fires(json!({"type": "increase", "op": ">", "value": 1.9, "over": "10m"})).await, 1);
    assert_eq!(fires(json!({"type": "increase", "op": ">", "value": 2.0, "over": "10m"})).await, 0);
    assert_eq!(fires(json!({"type": "increase", "op": "<", "value": 1, "over": "2m"})).await, 0);
}

#[tokio::test]
async fn a_first_reading_that_was_a_slip_is_none_wherever_a_query_begins() {
    let scene = scene();
    // The one long before the others.
    let readings = [(-9 * 60, 0.0), (0, 3_737.0), (1, 3_737.001), (2, 3_737.002)];
    let reading =
        |(minute, value)| json!({"sensor": "energy", "value": value, "at": START + minute * MINUTE, "kind": "counter"});
    let body = json!({"device": "meter", "readings": readings.map(reading)});
    assert_eq!(scene.call("POST", "/api/v1/readings", &body).await.status, StatusCode::OK);
    for from in [-600, -500, -60, -5] {
        let range = format!("from={}&to={}", START + from * MINUTE, START + 10 * MINUTE);
        let path = format!("/api/v1/query?{range}&device=meter&sensor=energy&agg=increase&every=5m");
        let answer = scene.get(&path).await.json();
        let found = answer["series"][0]["increase"].as_array().unwrap().iter().filter_map(Value::as_f64).sum::<f64>();
        assert!((found - 0.002).abs() < 1e-9, "from minute {from}: {found}");
    }
}

#[tokio::test]
async fn a_rule_measures_what_a_query_says_of_its_window() {
    let scene = scene();
    // Uneven, with a slip of two upwards, a blink, a rest, a burst and a restart.
    let growth = |n: i64| if (200..260).contains(&n) { 0.0 } else { 0.1 + (n * 7_919 % 13) as f64 / 100.0 };
    let mut total = 3_737.0;
    let values: Vec<f64> = (0..400_i64)
        .map(|n| {
            total = if n == 330 { 0.1 } else { total + growth(n) + if n == 280 { 25.0 } else { 0.0 } };
            let shown = match n {
                90 | 91 => 37_381.0,
                150 => 0.0,
                _ => total,
            };
            (shown * 1_000.0).round() / 1_000.0
        })
        .collect();
    scene.count("meter", &values, &json!({"kind": "counter", "unit": "kWh"})).await;
    let mut compared = 0;
    for (over, limits) in [(17, [2.0, 2.6, 2.9]), (45, [6.0, 6.8, 7.2]), (90, [12.0, 14.0, 15.0])] {
        for (op, limit) in limits.iter().flat_map(|limit| [(">", limit), ("<", limit)]) {
            let condition = json!({"type": "increase", "op": op, "value": limit, "over": format!("{over}m")});
            let rule = json!({"device": "meter", "sensor": "energy", "for": "0s", "condition": condition});
            let ask = json!({"rule": rule, "from": START, "to": START + 400 * MINUTE});
            let answer = scene.call("POST", "/api/v1/rules/backtest", &ask).await.json();
            for firing in answer["series"][0]["firings"].as_array().unwrap() {
                let at = firing["from"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond();
                let range = format!("from={}&to={at}", at - over * MINUTE);
                let path = format!("/api/v1/query?{range}&device=meter&sensor=energy&agg=increase&every=1m");
                let answer = scene.get(&path).await.json();
                let column = answer["series"][0]["increase"].as_array().unwrap();
                let asked: f64 = column.iter().filter_map(Value::as_f64).sum();
                let measured = firing["value"].as_f64().unwrap();
                assert!((asked - measured).abs() < 1e-9, "{op} {limit} over {over} min: {asked} {firing}");
                assert!(measured < 40.0, "{firing}");
                compared += 1;
            }
        }
    }
    assert!(compared > 30, "{compared}");
}

#[tokio::test]
async fn any_series_can_be_a_counter_and_what_its_owner_says_stays() {
    let scene = scene();
    let write = request("POST", "/api/v2/write?precision=ms", ADMIN);
    let lines = format!("meter,device=roof energy=3737 {START}\nmeter,device=roof energy=5 {}\n", START + MINUTE);
    assert_eq!(scene.send(write.body(Body::from(lines)).unwrap()).await.status, StatusCode::NO_CONTENT);
    assert_eq!(scene.kind("roof").await, ("gauge".to_owned(), false));
    scene.count("attic", &[3737.0, 3738.0, 2.0, 3.0, 4.0], &json!({})).await;
    assert_eq!(scene.ask("attic", "increase", "1h", "").await.iter().flatten().sum::<f64>(), -3733.0);
    assert_eq!(scene.ask("attic", "increase", "1h", "&kind=counter").await.iter().flatten().sum::<f64>(), 5.0);
    // Whoever sends it may say so, and change their mind.
    scene.count("attic", &[3737.0], &json!({"kind": "counter"})).await;
    assert_eq!(scene.ask("attic", "increase", "1h", "").await.iter().flatten().sum::<f64>(), 5.0);
    scene.count("attic", &[3737.0], &json!({"kind": "state"})).await;
    assert_eq!(scene.kind("attic").await, ("state".to_owned(), false));
    scene.count("attic", &[3737.0], &json!({})).await;
    assert_eq!(scene.kind("attic").await, ("state".to_owned(), false));
    // Its owner has the last word.
    for device in ["attic", "roof"] {
        let sensor = if device == "attic" { "energy" } else { "meter.energy" };
        let (status, sensor) = scene.set_kind(device, sensor, &json!("counter")).await;
        assert_eq!((status, &sensor["kind"], &sensor["kind_by_owner"]), (200, &json!("counter"), &json!(true)));
    }
    scene.count("attic", &[3737.0], &json!({"kind": "gauge"})).await;
    assert_eq!(scene.kind("attic").await, ("counter".to_owned(), true));
    let (status, _) = scene.set_kind("attic", "energy", &Value::Null).await;
    assert_eq!((status, scene.kind("attic").await), (200, ("state".to_owned(), false)));
    assert_eq!(scene.set_kind("attic", "none", &json!("counter")).await.0, 404);
    for wrong in [json!({}), json!({"kind": "meter"}), json!({"kind": "gauge", "unit": "W"})] {
        let id = scene.get("/api/v1/devices").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
        let answer = scene.call("PATCH", &format!("/api/v1/devices/{id}/sensors/energy"), &wrong).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let answer = scene.get("/api/v1/query?sensor=energy&agg=increase&kind=meter").await;
    assert_eq!((answer.status, answer.problem().2), (StatusCode::BAD_REQUEST, json!("kind")));
}

#[tokio::test]
async fn a_counter_that_was_exported_comes_back_as_one() {
    for (format, media) in [("csv", "text/csv"), ("ndjson", "application/x-ndjson")] {
        let here = scene();
        here.count("meter", &[3737.0, 3738.0, 2.0, 3.0, 4.0], &json!({"kind": "counter", "unit": "kWh"})).await;
        let file = here.get(&format!("/api/v1/export?format={format}&from=2000-01-01T00:00:00Z&to=now")).await.text;
        let there = scene();
        let import = request("POST", "/api/v1/import", ADMIN).header(header::CONTENT_TYPE, media);
        let answer = there.send(import.body(Body::from(file.clone())).unwrap()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        assert_eq!(there.kind("meter").await, ("counter".to_owned(), false));
        let found = there.ask("meter", "increase", "1h", "").await;
        assert_eq!(found.iter().flatten().sum::<f64>(), 5.0);
        let again = there.get(&format!("/api/v1/export?format={format}&from=2000-01-01T00:00:00Z&to=now")).await.text;
        assert_eq!(again, file);
    }
}

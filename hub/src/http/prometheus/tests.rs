//! Questions in PromQL, over HTTP.

use axum::body::Body;
use axum::http::header;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::http::tests::scene::{ADMIN, Answer, Scene, request, scene};

const API: &str = "/prometheus/api/v1";

/// A hub with a device whose `temp` is 0, 1 .. 9, a second apart; and when the first was.
async fn with_readings() -> (Scene, i64) {
    let mut scene = scene();
    let (device, series) = scene.device(1, "shed").await;
    let start = Clock.wall().0 - 60_000;
    let points: Vec<_> = (0..10).map(|n| (start + n * 1_000, n as f64)).collect();
    scene.measure(&device, series[0], &points).await;
    (scene, start)
}

fn seconds(at: i64) -> f64 {
    at as f64 / 1e3
}

async fn data(scene: &Scene, path: &str) -> Value {
    let answer = scene.get(&format!("{API}{path}")).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    assert_eq!(answer.json()["status"], "success");
    answer.json()["data"].clone()
}

fn refusal(answer: &Answer) -> (u16, Value) {
    assert_eq!(answer.json()["status"], "error", "{}", answer.text);
    assert!(answer.json()["error"].as_str().is_some_and(|text| !text.is_empty()), "{}", answer.text);
    (answer.status.as_u16(), answer.json()["errorType"].clone())
}

#[tokio::test]
async fn a_question_is_answered_at_one_moment_and_over_a_range_as_prometheus_writes_it() {
    let (scene, start) = with_readings().await;
    let last = seconds(start + 9_000);
    let metric = json!({"__name__": "temp", "device": "shed"});
    let once = data(&scene, &format!("/query?query=temp%7Bdevice%3D%22shed%22%7D&time={last}")).await;
    assert_eq!(once, json!({"resultType": "vector", "result": [{"metric": metric, "value": [last, "9"]}]}));

    let (from, to) = (seconds(start), seconds(start + 4_000));
    let range = data(&scene, &format!("/query_range?query=temp&start={from}&end={to}&step=2")).await;
    let values = json!([[from, "0"], [seconds(start + 2_000), "2"], [to, "4"]]);
    assert_eq!(range, json!({"resultType": "matrix", "result": [{"metric": metric, "values": values}]}));

    let scalar = data(&scene, &format!("/query?query=1%2F0&time={last}")).await;
    assert_eq!(scalar, json!({"resultType": "scalar", "result": [last, "+Inf"]}));
    let text = data(&scene, &format!("/query?query=%22a%22&time={last}")).await;
    assert_eq!(text, json!({"resultType": "string", "result": [last, "a"]}));
    let readings = data(&scene, &format!("/query?query=temp%5B2s%5D&time={last}")).await;
    assert_eq!(readings["result"][0]["values"][2], json!([last, "9"]));
    let rate = data(&scene, &format!("/query?query=rate(temp%5B9s%5D)&time={last}")).await;
    assert_eq!(rate["result"][0], json!({"metric": {"device": "shed"}, "value": [last, "1"]}));
}

#[tokio::test]
async fn the_same_by_form() {
    let (scene, start) = with_readings().await;
    let form = format!("query=sum%28temp%29&time={}", seconds(start + 9_000));
    let asked = request("POST", &format!("{API}/query"), ADMIN)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form))
        .unwrap();
    let answer = scene.send(asked).await;
    assert_eq!(answer.json()["data"]["result"][0]["value"][1], "9", "{}", answer.text);
}

#[tokio::test]
async fn what_there_is_to_ask_about() {
    let (scene, _) = with_readings().await;
    let temp = json!({"__name__": "temp", "device": "shed"});
    assert_eq!(data(&scene, "/series?match[]=temp").await, json!([temp]));
    assert_eq!(data(&scene, "/series?match[]=%7Bdevice%3D%22attic%22%7D").await, json!([]));
    assert_eq!(data(&scene, "/labels").await, json!(["__name__", "device"]));
    assert_eq!(data(&scene, "/label/__name__/values").await, json!(["hum", "temp"]));
    assert_eq!(data(&scene, "/label/device/values?match[]=temp").await, json!(["shed"]));
    assert_eq!(data(&scene, "/metadata?metric=temp").await["temp"][0]["unit"], "Cel");
    assert_eq!(data(&scene, "/status/buildinfo").await["version"], "2.42.0");
}

#[tokio::test]
async fn a_refusal_is_worded_as_prometheus_does() {
    let (scene, _) = with_readings().await;
    let deep = "(".repeat(300) + "1" + &")".repeat(300);
    for (path, is) in [
        ("/query", (400, "bad_data")),
        ("/query?query=temp%20%2B", (400, "bad_data")),
        ("/query?query=temp&time=yesterday", (400, "bad_data")),
        ("/query?query=nofunc(temp)", (400, "bad_data")),
        (&format!("/query?query={deep}"), (400, "bad_data")),
        ("/query?query=histogram_sum(temp)", (422, "execution")),
        ("/query?query=vector(1)%20%2B%20on()%20(sum(temp)%20or%20count%20by%20(device)%20(temp))", (422, "execution")),
        ("/query_range?query=temp&start=0&end=1", (400, "bad_data")),
        ("/query_range?query=temp&start=1&end=0&step=1", (400, "bad_data")),
        ("/query_range?query=temp&start=0&end=1&step=0", (400, "bad_data")),
        ("/query_range?query=temp&start=0&end=11000&step=1", (400, "bad_data")),
        ("/query_range?query=%22a%22&start=0&end=1&step=1", (400, "bad_data")),
        ("/series", (400, "bad_data")),
        ("/series?match[]=sum(temp)", (400, "bad_data")),
        ("/rules", (404, "not_found")),
    ] {
        let answer = scene.get(&format!("{API}{path}")).await;
        assert_eq!(refusal(&answer), (is.0, Value::from(is.1)), "{path}: {}", answer.text);
    }
    let nobody = scene.send(request("GET", &format!("{API}/query?query=1"), "").body(Body::empty()).unwrap()).await;
    assert_eq!(refusal(&nobody), (401, json!("unauthenticated")));
}

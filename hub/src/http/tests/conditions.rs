//! Every condition of the document can be written, alone and as a part of another, and is read back as it was written. One that is
//! added to the API fails here until it has an example.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::scene::{Scene, scene};

/// One of each condition.
pub(in crate::http) fn examples() -> [Value; 19] {
    [
        json!({"type": "threshold", "op": ">", "value": 30, "clear": 28}),
        json!({"type": "rate", "op": ">", "value": 5, "per": "60s", "over": "5m"}),
        json!({"type": "increase", "op": ">", "value": 5, "over": "1d"}),
        json!({"type": "deviation", "sigmas": 4, "over": "1h"}),
        json!({"type": "average", "op": ">", "value": 5, "over": "1h"}),
        json!({"type": "minimum", "op": ">", "value": 5, "over": "1h"}),
        json!({"type": "maximum", "op": ">", "value": 5, "over": "1h"}),
        json!({"type": "stuck", "least": 0.1, "after": "1h"}),
        json!({"type": "seasonal", "sigmas": 4, "least": 1}),
        json!({"type": "difference", "other": "hum", "within": "5m", "op": ">", "value": 5}),
        json!({"type": "all", "within": "5m", "parts": [
            {"sensor": "hum", "condition": {"type": "rate", "op": ">", "value": 5, "per": "60s", "over": "5m"}},
            {"condition": {"type": "threshold", "op": ">", "value": 5}},
        ]}),
        json!({"type": "any", "parts": [
            {"condition": {"type": "stuck", "least": 5, "after": "5m"}},
            {"sensor": "hum", "condition": {"type": "threshold", "op": ">", "value": 5}},
        ]}),
        json!({"type": "forecast", "op": ">=", "value": 100, "within": "3d", "over": "1d", "clear": 95}),
        json!({"type": "any", "parts": [
            {"condition": {"type": "forecast", "op": "<", "value": 5, "within": "1h", "over": "5m"}},
            {"sensor": "hum", "condition": {"type": "threshold", "op": ">", "value": 5}},
        ]}),
        json!({"type": "count", "op": ">=", "value": 3, "clear": 2, "condition": {"type": "silence", "after": "5m"}}),
        json!({"type": "silence", "after": "5m"}),
        json!({"type": "offline", "after": "60s"}),
        json!({"type": "source_failing"}),
        json!({"type": "clock_off", "by": "30s"}),
    ]
}

#[tokio::test]
async fn each_condition_of_the_document_is_taken_and_read_back_as_it_was_written() {
    let scene = scene();
    let document = scene.get("/api/openapi.json").await.json();
    let types = |schema: &str| -> BTreeSet<String> {
        let each = document["components"]["schemas"][schema]["oneOf"].as_array().unwrap();
        each.iter().map(|one| one["properties"]["type"]["enum"][0].as_str().unwrap().to_owned()).collect()
    };
    let (of_sensor, of_device) = (types("SensorCondition"), types("DeviceCondition"));
    let of_selection = types("SelectionCondition");
    let of_whole = types("WholeCondition");
    let examples = examples();
    let type_of = |condition: &Value| condition["type"].as_str().unwrap().to_owned();
    let known: BTreeSet<String> = examples.iter().map(type_of).collect();
    let all: BTreeSet<String> =
        [&of_sensor, &of_device, &of_whole, &of_selection].into_iter().flatten().cloned().collect();
    assert_eq!(
        known, all,
        "give each type of SensorCondition, DeviceCondition and WholeCondition an example in this file"
    );
    for condition in examples.iter().filter(|condition| of_sensor.contains(&type_of(condition))) {
        let count = json!({"type": "count", "op": "<=", "value": 3, "clear": 5, "condition": condition});
        comes_back(&scene, &count).await;
    }
    for condition in &examples {
        comes_back(&scene, condition).await;
        if of_sensor.contains(&type_of(condition)) && condition["type"] != "silence" {
            let other = json!({"condition": {"type": "threshold", "op": "<", "value": 5}});
            let part = json!({"sensor": "hum", "condition": condition});
            comes_back(&scene, &json!({"type": "all", "within": "5m", "parts": [other, part]})).await;
        }
    }
}

/// Makes a rule with the condition, and reads it again.
async fn comes_back(scene: &Scene, condition: &Value) {
    let made = scene.call("POST", "/api/v1/rules", &json!({"name": "it", "condition": condition})).await;
    assert_eq!(made.status, 201, "{condition}: {}", made.text);
    let path = format!("/api/v1/rules/{}", made.json()["id"].as_str().unwrap());
    let kept = scene.get(&path).await.json()["condition"].clone();
    assert!(says(&kept, condition), "written: {condition}\n   read: {kept}");
}

/// Whether all that was written stands in what was read: what was left out is there as well, and `5` is `5.0`.
fn says(kept: &Value, written: &Value) -> bool {
    match (kept, written) {
        (Value::Object(kept), Value::Object(written)) => {
            written.iter().all(|(key, value)| kept.get(key).is_some_and(|kept| says(kept, value)))
        }
        (Value::Array(kept), Value::Array(written)) => {
            kept.len() == written.len() && kept.iter().zip(written).all(|(kept, written)| says(kept, written))
        }
        (Value::Number(kept), Value::Number(written)) => kept.as_f64() == written.as_f64(),
        _ => kept == written,
    }
}

//! Names of sensors, wherever one is asked for.

use serde_json::json;

use super::scene::scene;
use crate::model::text::SENSOR_BYTES;

#[tokio::test]
async fn a_sensor_with_the_longest_name_can_be_asked_for_by_all_who_take_one() {
    let scene = scene();
    let long = format!("node_os_info{{pretty_name={}}}", "x".repeat(SENSOR_BYTES - 26));
    assert_eq!(long.len(), SENSOR_BYTES);
    let readings =
        json!({"device": "pi", "readings": [{"sensor": long, "value": 1}, {"sensor": "temperature", "value": 2}]});
    assert!(scene.call("POST", "/api/v1/readings", &readings).await.status.is_success());
    let several = json!({"queries": [{"device": ["pi"], "sensor": [long, "temperature"]}]});
    let answer = scene.call("POST", "/api/v1/query", &several).await;
    assert_eq!(answer.json()["results"][0]["series"].as_array().unwrap().len(), 2, "{}", answer.text);
    for path in ["latest", "query", "export", "readings"] {
        let name = long.replace('{', "%7B").replace('}', "%7D").replace('=', "%3D");
        let answer = scene.get(&format!("/api/v1/{path}?device=pi&sensor={name}")).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    }
    let condition = json!({"type": "difference", "op": ">", "value": 30, "within": "5m", "other": "temperature"});
    let other = json!({"type": "difference", "op": ">", "value": 30, "within": "5m", "other": long});
    for (sensor, condition) in [(long.as_str(), condition), ("temperature", other)] {
        let rule = json!({"name": "odd", "sensor": sensor, "condition": condition});
        let answer = scene.call("POST", "/api/v1/rules", &rule).await;
        assert!(answer.status.is_success(), "{}", answer.text);
    }
    let silence = json!({"device": "pi", "sensor": long, "for": "1h", "comment": "known"});
    let answer = scene.call("POST", "/api/v1/silences", &silence).await;
    assert!(answer.status.is_success(), "{}", answer.text);
}

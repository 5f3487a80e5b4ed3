//! What is left out, and what goes: forgotten devices, alerts that nobody wants, buckets that hold nothing.

use axum::http::StatusCode;
use serde_json::json;

use super::scene::scene;

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

#[tokio::test]
async fn how_long_a_device_may_be_away_is_changed_kept_and_refused_by_name() {
    let scene = scene();
    let after = async || scene.get("/api/v1/hub").await.json()["own_alerts"]["device_offline"].clone();
    assert_eq!(after().await, json!("60s"));
    for (given, told) in [("5m", "5m"), ("off", "off"), ("10s", "10s")] {
        let patch = json!({"own_alerts": {"device_offline": given}});
        assert_eq!(scene.call("PATCH", "/api/v1/hub", &patch).await.status, StatusCode::OK);
        assert_eq!(after().await, json!(told));
    }
    assert_eq!(crate::settings::saved_grace(&scene.store).await.ok().flatten(), Some(10_000));
    for wrong in ["", "soon", "9s", "8d", "never", "-5m"] {
        let patch = json!({"own_alerts": {"device_offline": wrong}, "join": {"policy": "closed"}});
        let refused = scene.call("PATCH", "/api/v1/hub", &patch).await;
        assert_eq!(refused.problem().0, 400, "{wrong}");
        assert_eq!(refused.problem().2, json!("own_alerts.device_offline"), "{wrong}");
    }
    let hub = scene.get("/api/v1/hub").await.json();
    assert_eq!((&hub["own_alerts"]["device_offline"], &hub["join"]["policy"]), (&json!("10s"), &json!("click")));
    assert_eq!(scene.call("PATCH", "/api/v1/hub", &json!({})).await.problem().0, 400);
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

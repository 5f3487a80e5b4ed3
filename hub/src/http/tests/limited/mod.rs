//! Tokens that are only for devices with a label: what they may do, and that they learn nothing of what is outside.

mod live;
mod push;
mod reads;
mod walk;

use serde_json::{Value, json};

use crate::clock::Clock;
use crate::http::tests::scene::{ADMIN, Answer, Scene, json as json_body, request, scene};
use crate::live::Update;
use crate::model::access::Scope;
use crate::model::alert::{Alert, AlertId, AlertState, Measure, Subject, Transition};
use crate::model::device::Device;
use crate::model::reading::SeriesId;
use crate::model::rule::{RuleId, Severity};
use crate::store::Commit;

/// What only the device outside has: none of it may be in an answer.
const SECRETS: [&str; 2] = ["north", "alr_2"];

/// A device in the south and one in the north, with readings, an alert each, and a device that waits.
struct Sites {
    scene: Scene,
    south: Device,
    north: Device,
    series: [SeriesId; 2],
}

impl Sites {
    async fn new() -> Self {
        let mut scene = scene();
        let (south, of_south) = scene.device(1, "shed").await;
        let (north, of_north) = scene.device(2, "north-tower").await;
        let now = Clock.wall().0;
        scene.measure(&south, of_south[0], &[(now - 2_000, 1.0)]).await;
        scene.measure(&north, of_north[0], &[(now - 1_000, 77.0)]).await;
        scene.wait(9, "north-waits");
        let own = json!({"device": "north-tower", "readings": [{"sensor": "northwind", "value": 5}]});
        assert_eq!(scene.call("POST", "/api/v1/readings", &own).await.status, 200);
        let sites = Self { scene, south, north, series: [of_south[0], of_north[0]] };
        sites.label(&sites.south, json!({"site": "south", "floor": "2"})).await;
        sites.label(&sites.north, json!({"site": "north"})).await;
        sites.alert(1, &sites.south, AlertState::Firing).await;
        sites.alert(2, &sites.north, AlertState::Firing).await;
        sites
    }

    /// Gives a device these labels and no others.
    async fn label(&self, device: &Device, labels: Value) {
        let path = format!("/api/v1/devices/{}", device.id);
        let changed = self.scene.call("PATCH", &path, &json!({"labels": labels})).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
    }

    /// An alert of the first sensor of a device, on disk.
    async fn alert(&self, id: u64, device: &Device, state: AlertState) {
        let series = self.series[usize::from(device.no == self.north.no)];
        let alert = alert(id, device, series, state);
        let put = Transition::Put { alert, occurred_at: Clock.wall(), points: Vec::new() };
        self.scene.store.commit(Commit { transitions: vec![put], ..Commit::default() }).await.unwrap();
    }

    async fn token(&self, scope: Scope) -> String {
        self.scene.token_for(scope, &[("site", "south")]).await
    }

    async fn by(&self, token: &str, method: &str, path: &str, body: &Value) -> Answer {
        self.scene.send(json_body(request(method, path, token), body)).await
    }

    async fn get(&self, token: &str, path: &str) -> Answer {
        self.by(token, "GET", path, &json!({})).await
    }
}

fn alert(id: u64, device: &Device, series: SeriesId, state: AlertState) -> Alert {
    let now = Clock.wall();
    Alert {
        id: AlertId(id),
        rule: RuleId(1),
        rule_name: "hot".to_owned(),
        severity: Severity::Warning,
        tags: std::sync::Arc::default(),
        about: Subject::Series { device: device.no, series },
        state,
        measure: Measure::Value,
        value: Some(31.0),
        worst: None,
        last: None,
        threshold: 30.0,
        started_at: now,
        parts: std::sync::Arc::default(),
        usual: None,
        well_since: None,
        fired_at: Some(now),
        resolved_at: None,
        acked: None,
        new_normal: false,
        unknown_since: None,
        learned_at: now,
    }
}

#[tokio::test]
async fn a_token_is_limited_when_it_is_made_and_says_so_ever_after() {
    let sites = Sites::new().await;
    let make = async |scope: &str, labels: Value| {
        let new = json!({"name": "wall", "scope": scope, "labels": labels});
        sites.scene.call("POST", "/api/v1/tokens", &new).await
    };
    let long = "x".repeat(129);
    for (scope, labels, field) in [
        ("admin", json!({"site": "south"}), "labels"),
        ("operate", json!({"site": "south"}), "labels"),
        ("read", json!({"a b": "x"}), "labels.a b"),
        ("read", json!({"": "x"}), "labels."),
        ("read", json!({"site": long}), "labels.site"),
    ] {
        let refused = make(scope, labels.clone()).await;
        assert_eq!((refused.problem().0, refused.problem().2), (400, json!(field)), "{scope} {labels}");
    }
    let made = make("read", json!({"site": "south", "floor": "2"})).await.json();
    assert_eq!(made["labels"], json!({"site": "south", "floor": "2"}));
    let token = made["token"].as_str().unwrap();
    let own = json!({"scope": "read", "labels": {"site": "south", "floor": "2"}, "via": "token", "user": null});
    assert_eq!(sites.get(token, "/api/v1/session").await.json(), own);
    assert_eq!(sites.get(token, "/api/v1/devices").await.json()["items"].as_array().unwrap().len(), 1);
    let listed = sites.scene.get("/api/v1/tokens").await.json();
    assert_eq!(listed["items"][0]["labels"], json!({"site": "south", "floor": "2"}));
    let entry = &sites.scene.get("/api/v1/audit").await.json()["items"][0];
    let label = json!({"field": "labels", "before": null, "after": "floor=2 site=south"});
    assert!(entry["changes"].as_array().unwrap().contains(&label), "{entry}");
    assert_eq!(make("admin", json!({})).await.status, 201, "no labels are no limit");
}

#[tokio::test]
async fn an_unlimited_token_sees_all_there_is() {
    let sites = Sites::new().await;
    let token = sites.scene.token(Scope::Write).await;
    for (path, count) in [("devices", 3), ("alerts", 2), ("latest", 3)] {
        let all = sites.get(&token, &format!("/api/v1/{path}")).await.json();
        assert_eq!(all["items"].as_array().unwrap().len(), count, "{path}: {all}");
    }
    assert!(sites.get(ADMIN, "/api/v1/devices").await.text.contains("north-waits"));
}

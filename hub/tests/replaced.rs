//! New hardware in the place of a device's, by the real programs: its readings, name, labels, rules and alerts go on, and the
//! old hardware is not heard any more, whatever is restarted, killed or restored meanwhile.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use support::machine::Machine;
use support::{HubProcess, eventually, metric};
use telemetry_hub::clock::Clock;

const SOON: Duration = Duration::from_secs(60);
const SENSOR: &str = "temp.probe.1";

/// A hub with a device `boiler` of the first hardware, which measures 20 degrees and has a rule that fires, and hardware of 80
/// degrees that waits.
struct Scene {
    hub: HubProcess,
    old: Machine,
    new: Machine,
    boiler: String,
}

impl Scene {
    fn new() -> Self {
        let hub = HubProcess::start("click");
        let (mut old, mut new) = (Machine::new(20), Machine::new(80));
        old.start(&hub, &["--name", "boiler", "--label", "site=cellar"]);
        let boiler = waiting(&hub, "boiler");
        hub.post(&format!("/api/v1/devices/{boiler}/adopt"), &json!({}));
        let scene_rule = json!({
            "name": "warm", "device": "boiler", "sensor": SENSOR, "labels": {"site": "cellar"}, "webhooks": [],
            "condition": {"type": "threshold", "op": ">", "value": 10},
        });
        hub.post("/api/v1/rules", &scene_rule);
        new.start(&hub, &["--name", "spare"]);
        waiting(&hub, "spare");
        let scene = Self { hub, old, new, boiler };
        scene.measures(20.0);
        eventually("the alert", SOON, || scene.firing("warm"));
        scene
    }

    fn replace(&self, id: &str, by: &str) -> (u16, Value) {
        let path = format!("/api/v1/devices/{id}/replace");
        let (status, body) = self.hub.request("POST", &path, Some(json!({"by": by}).to_string())).unwrap();
        (status, serde_json::from_str(&body).unwrap())
    }

    /// Puts other hardware in, once the hub has heard that the present one is off.
    fn replaced(&self, by: &str) {
        eventually("the old hardware gone", SOON, || (self.device()["status"] == "offline").then_some(()));
        let (status, body) = self.replace(&self.boiler, by);
        assert_eq!((status, body["id"].as_str()), (200, Some(&*self.boiler)), "{body}");
    }

    fn device(&self) -> Value {
        self.hub.get(&format!("/api/v1/devices/{}", self.boiler))
    }

    /// Readings of the boiler's thermometer from a moment on.
    fn readings(&self, since: i64) -> Vec<(i64, f64)> {
        let path = format!(
            "/api/v1/readings?device={}&sensor={SENSOR}&from={since}&to=2100-01-01T00:00:00Z&limit=10000",
            self.boiler
        );
        let (status, body) = self.hub.request("GET", &path, None).unwrap();
        // Before the first there is no such sensor.
        assert!(status == 200 || body.contains("has no sensor"), "{body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        let items = answer["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| (item[0].as_i64().unwrap(), item[1].as_f64().unwrap())).collect()
    }

    /// Waits for readings that are taken from here on, of this and nothing else.
    fn measures(&self, degrees: f64) {
        let since = Clock.wall().0;
        eventually(&format!("readings of {degrees}"), SOON, || (self.readings(since).len() > 20).then_some(()));
        let readings = self.readings(since);
        assert!(readings.iter().all(|(_, value)| *value == degrees), "{readings:?}");
    }

    /// The number of the alert of a rule that fires on the boiler.
    fn firing(&self, rule: &str) -> Option<String> {
        let alerts = self.hub.get("/api/v1/alerts?state=firing");
        let found = alerts["items"].as_array()?.iter().find(|alert| alert["rule"]["name"] == rule)?.clone();
        assert_eq!((found["device"].as_str(), found["device_name"].as_str()), (Some(&*self.boiler), Some("boiler")));
        Some(found["id"].as_str()?.to_owned())
    }

    /// What is the boiler's is as it was.
    fn is_the_boiler(&self) {
        let device = self.device();
        assert_eq!((device["name"].as_str(), device["labels"]["site"].as_str()), (Some("boiler"), Some("cellar")));
    }

    /// The old hardware asks, and is refused.
    fn is_refused(&self) {
        let metrics = || self.hub.request("GET", "/metrics", None).unwrap().1;
        let refused = || metric(&metrics(), "hub_udp_dropped_total{reason=\"replaced\"}");
        let before = refused();
        eventually("it asks", SOON, || (refused() > before).then_some(()));
    }
}

/// The id of a device that waits under this name.
fn waiting(hub: &HubProcess, name: &str) -> String {
    eventually("a device that waits", SOON, || {
        let (_, body) = hub.request("GET", "/api/v1/devices?status=pending", None)?;
        let items = serde_json::from_str::<Value>(&body).ok()?["items"].as_array()?.clone();
        Some(items.iter().find(|one| one["name"] == name)?["id"].as_str()?.to_owned())
    })
}

#[test]
fn new_hardware_continues_a_device_and_the_old_one_is_not_heard_any_more() {
    let mut scene = Scene::new();
    let alert = scene.firing("warm").unwrap();
    let (began, words) = (scene.readings(0)[0], scene.device()["words"].clone());
    let (old, new) = (scene.old.id(), scene.new.id());

    // While the old one sends nothing is changed, and what to do is said.
    let (status, problem) = scene.replace(&scene.boiler, &new);
    assert_eq!((status, problem["field"].as_str()), (409, Some("device")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("turn it off, wait 10 s"), "{problem}");
    assert_eq!(scene.device()["words"], words);
    scene.measures(20.0);

    scene.old.stop();
    scene.replaced(&new);
    assert_ne!(scene.device()["words"], words);
    scene.measures(80.0);
    scene.is_the_boiler();
    assert_eq!((scene.readings(0)[0], scene.firing("warm")), (began, Some(alert.clone())), "begun anew");
    let swaps = scene.hub.get(&format!("/api/v1/devices/{}/swaps", scene.boiler));
    assert_eq!(
        (swaps["items"][0]["was"].as_str(), swaps["items"].as_array().unwrap().len()),
        (Some(&*old), 1),
        "{swaps}"
    );
    // What the new one measured beside the old one is not the boiler's.
    let values: Vec<f64> = scene.readings(0).into_iter().map(|(_, value)| value).collect();
    assert!(values.is_sorted() && values[0] == 20.0, "mixed: {values:?}");

    // The old one is back: not heard, not listed, counted; with a token as well, and after a restart.
    scene.old.start(&scene.hub, &["--name", "boiler", "--join-token", &scene.hub.join_token(5)]);
    scene.is_refused();
    let told = eventually("what its doctor says", SOON, || {
        let told = scene.old.doctor(&scene.hub);
        told.contains("other hardware replaced it").then_some(told)
    });
    assert!(told.contains("delete `identity`"), "{told}");
    for kill in [false, true] {
        if kill {
            scene.hub.kill()
        } else {
            assert_eq!(scene.hub.terminate().0, Some(0))
        }
        scene.hub.restart();
        scene.measures(80.0);
        scene.is_refused();
        assert_eq!(scene.old.status().unwrap()["readings_acked"], 0);
    }
    scene.is_the_boiler();
    assert_eq!(scene.hub.get("/api/v1/devices")["items"].as_array().unwrap().len(), 1);
    assert_eq!(scene.firing("warm"), Some(alert));
}

#[test]
fn hardware_is_put_back_and_replaced_again() {
    let mut scene = Scene::new();
    let (old, new) = (scene.old.id(), scene.new.id());
    scene.old.stop();
    scene.replaced(&new);
    scene.measures(80.0);
    scene.old.start(&scene.hub, &["--name", "boiler"]);
    scene.is_refused();
    // Back to the first, and forth again, twice.
    for _ in 0..2 {
        scene.new.stop();
        scene.replaced(&old);
        scene.measures(20.0);
        scene.new.start(&scene.hub, &["--name", "spare"]);
        scene.is_refused();
        scene.old.stop();
        scene.replaced(&new);
        scene.measures(80.0);
        scene.old.start(&scene.hub, &["--name", "boiler"]);
        scene.is_refused();
    }
    let swaps = scene.hub.get(&format!("/api/v1/devices/{}/swaps", scene.boiler));
    assert_eq!(swaps["items"].as_array().unwrap().len(), 5);
    scene.is_the_boiler();
    // A device of its own again, as is said.
    scene.old.stop();
    fs::remove_file(scene.old.state().join("identity")).unwrap();
    scene.old.start(&scene.hub, &["--name", "former"]);
    let former = waiting(&scene.hub, "former");
    assert_ne!(former, old);
    // A device that is deleted leaves its hardware free.
    scene.new.stop();
    assert_eq!(scene.hub.status("DELETE", &format!("/api/v1/devices/{}", scene.boiler), None), Some(204));
    scene.new.start(&scene.hub, &["--name", "spare"]);
    waiting(&scene.hub, "spare");
}

#[test]
fn a_device_takes_over_another_and_leaves_what_it_measured() {
    let mut scene = Scene::new();
    let new = scene.new.id();
    scene.hub.post(&format!("/api/v1/devices/{new}/adopt"), &json!({"name": "attic"}));
    let of_attic = |scene: &Scene| {
        let answer = scene.hub.get(&format!("/api/v1/query?device={new}&sensor={SENSOR}&from=now-1h&to=now&points=1"));
        let counts = answer["series"][0]["count"].as_array().cloned().unwrap_or_default();
        counts.iter().filter_map(Value::as_u64).sum::<u64>()
    };
    eventually("readings of its own", SOON, || (of_attic(&scene) > 20).then_some(()));
    scene.old.stop();
    scene.replaced(&new);
    let kept = of_attic(&scene);
    scene.measures(80.0);
    scene.is_the_boiler();
    let left = scene.hub.get(&format!("/api/v1/devices/{new}"));
    assert_eq!(
        (left["name"].as_str(), left["words"].as_array().unwrap().len()),
        (Some("attic before it replaced boiler"), 0)
    );
    assert!(left["last_seen"].is_string() && scene.device()["last_seen"].is_string(), "both were heard: {left}");
    assert_eq!(of_attic(&scene), kept, "what it measures now is the boiler's");
    // The id of the boiler is that of the hardware it had, too.
    assert_eq!(scene.device()["hardware"], *new);
    let (status, ambiguous) = scene.replace(&new, &scene.boiler);
    assert_eq!((status, ambiguous["field"].as_str()), (409, Some("by")), "{ambiguous}");
    assert!(ambiguous["detail"].as_str().unwrap().contains(&*new), "{ambiguous}");
    scene.hub.restart();
    scene.measures(80.0);
    assert_eq!(of_attic(&scene), kept);
    // By mistake: the boiler gets its hardware back, and the attic too.
    scene.new.stop();
    scene.replaced(&scene.old.id());
    scene.old.start(&scene.hub, &["--name", "boiler"]);
    scene.measures(20.0);
    let (status, body) = scene.replace(&new, &new);
    assert_eq!(status, 200, "{body}");
    scene.new.start(&scene.hub, &["--name", "spare"]);
    eventually("readings of its own again", SOON, || (of_attic(&scene) > kept + 20).then_some(()));
    scene.measures(20.0);
}

#[test]
fn what_makes_no_sense_is_refused_by_name_and_changes_nothing() {
    let mut scene = Scene::new();
    let (new, words) = (scene.new.id(), scene.device()["words"].clone());
    let refused = |by: &str, wanted: (u16, &str)| {
        let (status, problem) = scene.replace(&scene.boiler, by);
        assert_eq!((status, problem["field"].as_str()), (wanted.0, Some(wanted.1)), "{by}: {problem}");
        assert_eq!(scene.device()["words"], words, "{by}");
        problem["detail"].as_str().unwrap().to_owned()
    };
    refused("nonsense", (400, "by"));
    refused(&scene.boiler, (400, "by"));
    assert!(scene.replace(&new, &scene.boiler).0 == 404, "one that waits has nothing to go on with");
    scene.hub.post(&format!("/api/v1/devices/{new}/block"), &json!({}));
    assert!(refused(&new, (409, "by")).contains("unblock it"));
    scene.hub.post(&format!("/api/v1/devices/{new}/forget"), &json!({}));
    let pushed = json!({"device": "pushed", "readings": [{"sensor": "a", "value": 1}]});
    scene.hub.post("/api/v1/readings", &pushed);
    let items = scene.hub.get("/api/v1/devices?q=pushed")["items"].clone();
    assert!(refused(items[0]["id"].as_str().unwrap(), (404, "by")).contains("waits for approval"));
    scene.measures(20.0);
    scene.old.stop();
}

#[test]
fn a_restored_backup_knows_the_swap() {
    let mut scene = Scene::new();
    scene.old.stop();
    scene.replaced(&scene.new.id());
    scene.measures(80.0);
    scene.old.start(&scene.hub, &["--name", "boiler"]);
    scene.is_refused();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hub.backup");
    scene.hub.output(&["backup", file.to_str().unwrap()]);
    scene.hub.kill();
    let restored = folder.path().join("restored");
    let restore =
        Command::new(support::hub_program()).args(["restore"]).arg(&file).arg("--data").arg(&restored).output();
    assert!(restore.unwrap().status.success());
    scene.hub.data = restored;
    scene.hub.restart();
    scene.measures(80.0);
    scene.is_refused();
    scene.is_the_boiler();
    let swaps = scene.hub.get(&format!("/api/v1/devices/{}/swaps", scene.boiler));
    assert_eq!(swaps["items"].as_array().unwrap().len(), 1);
}

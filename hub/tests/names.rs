//! A device with more sensors than it may have: who is left out is told, and places are given again. By the real programs.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use support::{HubProcess, Stopped, agent_program, eventually, signal};

const SOON: Duration = Duration::from_secs(60);

#[test]
fn a_full_table_is_told_and_places_that_are_skipped_or_gone_are_given_again() {
    let mut hub = HubProcess::start("token");
    let dir = tempfile::tempdir().unwrap();
    let dialed: Vec<String> = (0..90).map(|n| format!("ppp{n}")).collect();
    cards(dir.path(), &dialed);
    let token = hub.join_token(2);
    let mut agent = start(&hub, dir.path(), &token, "");
    eventually("a full table", SOON, || (latest(&hub).len() == 256).then_some(()));
    // A card that is new finds no place, and that is said: here, and at the hub.
    cards(dir.path(), &[&dialed[..], &["wlan0".to_owned()]].concat());
    let told = eventually("who is left out", SOON, || {
        let errors = device(&hub)?["source_errors"].as_array()?.clone();
        let told = errors.iter().find(|error| error["source"] == "sensors")?["error"].as_str()?.to_owned();
        told.starts_with("20 left out").then_some(told)
    });
    assert!(told.starts_with("20 left out, 256 is the most: net.ppp84."), "{told}");
    assert!(status(dir.path()).contains(" left out, 256 is the most: net."), "{}", status(dir.path()));

    // Skipped names make room at once, and what came under the old numbers stays what it was.
    let before = latest(&hub);
    stop(&mut agent);
    let mut agent = start(&hub, dir.path(), &token, "skip = ['net.ppp1*', 'net.ppp2*']");
    eventually("a place", SOON, || latest(&hub).contains_key("net.wlan0.rx_bytes").then_some(()));
    eventually("no trouble", SOON, || {
        let errors = device(&hub)?["source_errors"].as_array()?.clone();
        errors.iter().all(|error| error["source"] != "sensors").then_some(())
    });
    for _ in 0..2 {
        let now = latest(&hub);
        for (name, value) in before.iter().filter(|(name, _)| name.starts_with("net.")) {
            assert_eq!(now.get(name), Some(value), "{name}");
        }
        assert_eq!(now["net.wlan0.rx_bytes"], 5_000.0);
        hub.restart();
        eventually("the device", SOON, || (device(&hub)?["status"] == "online").then_some(()));
    }

    // Deleted, it comes back with its token, and with what it has by then.
    cards(dir.path(), &["wlan0".to_owned()]);
    std::thread::sleep(Duration::from_secs(16));
    let id = device(&hub).unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(hub.status("DELETE", &format!("/api/v1/devices/{id}"), None), Some(204));
    eventually("the device again", SOON, || latest(&hub).contains_key("net.wlan0.rx_bytes").then_some(()));
    let names: Vec<String> = latest(&hub).into_keys().filter(|name| name.starts_with("net.")).collect();
    assert!(names.iter().all(|name| name.starts_with("net.eth0.") || name.starts_with("net.wlan0.")), "{names:?}");
    assert_eq!((latest(&hub)["net.wlan0.rx_bytes"], device(&hub).unwrap()["sensors"].as_u64()), (5_000.0, Some(6)));
    stop(&mut agent);
}

/// Cards besides `eth0`, each with traffic of its own: of `pppN` N + 1, of `wlan0` 5000.
fn cards(root: &Path, names: &[String]) {
    let line = |name: &str, bytes: u64| format!("{name}: {bytes} 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0\n");
    let bytes = |name: &str| name.strip_prefix("ppp").map_or(5_000, |number| number.parse::<u64>().unwrap() + 1);
    let lines: String = names.iter().map(|name| line(name, bytes(name))).collect();
    let folder = root.join("proc/net");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("dev.new"), format!("Inter-|\n face |\n{}{lines}", line("eth0", 9))).unwrap();
    fs::rename(folder.join("dev.new"), folder.join("dev")).unwrap();
}

fn start(hub: &HubProcess, dir: &Path, token: &str, sensors: &str) -> Stopped {
    let config = dir.join("agent.toml");
    fs::write(&config, format!("[sensors]\nroot = '{}'\n{sensors}\n", dir.display())).unwrap();
    let args = ["--config", config.to_str().unwrap(), "--join-token", token, "--interval", "200ms", "--name", "box"];
    hub.start_agent(&dir.join("state"), &args)
}

fn stop(agent: &mut Stopped) {
    signal(&agent.0, "TERM");
    eventually("the agent's end", SOON, || agent.0.try_wait().unwrap());
}

fn device(hub: &HubProcess) -> Option<Value> {
    let (_, body) = hub.request("GET", "/api/v1/devices", None)?;
    serde_json::from_str::<Value>(&body).ok()?["items"].as_array()?.first().cloned()
}

fn latest(hub: &HubProcess) -> BTreeMap<String, f64> {
    let answer = hub.get("/api/v1/latest?device=*&limit=1000");
    let items = answer["items"].as_array().unwrap();
    items.iter().map(|item| (item["sensor"].as_str().unwrap().to_owned(), item["value"].as_f64().unwrap())).collect()
}

fn status(dir: &Path) -> String {
    let asked = Command::new(agent_program()).args(["status", "--state"]).arg(dir.join("state")).output().unwrap();
    String::from_utf8_lossy(&asked.stdout).into_owned()
}

//! The devices of Zigbee2MQTT, all of them.

use std::process::Command;

use super::NOW;
use crate::door::mqtt::heard::{Heard, Listener};

/// Every definition that `zigbee-herdsman-converters` has, announced and heard once: each published number and state is a reading with
/// its unit. Needs npm, node and half a minute.
#[test]
#[ignore = "installs a package; see `make soak`"]
fn every_zigbee_device_that_is_known_is_understood() {
    let dir = tempfile::tempdir().unwrap();
    let mut install = Command::new("npm");
    install.args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]).arg(dir.path());
    assert!(install.arg("zigbee-herdsman-converters@26.112.0").status().unwrap().success());
    let package = dir.path().join("node_modules/zigbee-herdsman-converters");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mqtt/zigbee.cjs");
    let made = Command::new("node").arg(script).arg(package).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let all: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    let (devices, messages) = (all["devices"].as_array().unwrap(), all["messages"].as_array().unwrap());
    assert!(devices.len() > 4_500, "{}", devices.len());
    let mut listener = Listener::default();
    let (mut wrong, mut right) = (Vec::new(), 0);
    for (number, (devices, messages)) in devices.chunks(1_000).zip(messages.chunks(1_000)).enumerate() {
        let bridge = serde_json::to_vec(devices).unwrap();
        let heard = listener.hear(&format!("z{number}/bridge/devices"), &bridge, true, NOW);
        assert_eq!(heard, Heard::Announcement);
        for message in messages {
            let topic = format!("z{number}/{}", message["name"].as_str().unwrap());
            let payload = message["payload"].to_string();
            let Heard::Readings(found) = listener.hear(&topic, payload.as_bytes(), false, NOW) else {
                panic!("{message}")
            };
            let expected = message["expected"].as_object().unwrap();
            assert_eq!(found.len(), expected.len(), "{message}");
            for (path, value) in expected {
                let is_right = found.iter().any(|found| {
                    let unit = found.unit.as_deref().unwrap_or_default();
                    found.sensor == *path && Some(found.value) == value[0].as_f64() && Some(unit) == value[1].as_str()
                });
                right += usize::from(is_right);
                if !is_right {
                    wrong.push(format!("{} {path}: {value}", message["model"]));
                }
            }
        }
    }
    assert!(wrong.is_empty() && right > 26_000, "{right} right, not: {wrong:#?}");
}

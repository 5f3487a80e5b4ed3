//! Two machines with one identity, by the real programs: a state folder that is copied, and one that is set back. What is
//! acknowledged is stored, the two are not mixed, and both are told.

#![allow(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use support::machine::Machine;
use support::{HubProcess, agent_program, eventually, metric};
use telemetry_hub::clock::Clock;

const SOON: Duration = Duration::from_secs(60);

/// Least, most and number of the temperatures stored of a device.
fn temperatures(hub: &HubProcess, device: &str) -> (f64, f64, u64) {
    let path = format!(
        "/api/v1/query?device={device}&sensor=temp*&from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&points=1"
    );
    let answer = hub.get(&path);
    let series = &answer["series"][0];
    let all = |name: &str| series[name].as_array().unwrap().iter().filter_map(Value::as_f64).collect::<Vec<_>>();
    let least = all("min").into_iter().fold(f64::INFINITY, f64::min);
    let most = all("max").into_iter().fold(f64::NEG_INFINITY, f64::max);
    (least, most, all("count").iter().sum::<f64>() as u64)
}

/// Readings from one moment until another, in ms.
fn readings(hub: &HubProcess, from: i64, to: i64) -> u64 {
    let answer = hub.get(&format!("/api/v1/query?device=*&sensor=*&from={from}&to={to}&points=1"));
    let counts = answer["series"].as_array().unwrap().iter().flat_map(|series| series["count"].as_array().unwrap());
    counts.filter_map(Value::as_u64).sum()
}

fn devices(hub: &HubProcess) -> Vec<Value> {
    hub.get("/api/v1/devices")["items"].as_array().unwrap().clone()
}

fn conflict(hub: &HubProcess) -> Option<Value> {
    let devices = devices(hub);
    devices.into_iter().map(|device| device["conflict"].clone()).find(|conflict| !conflict.is_null())
}

/// The copy of a card, started beside the original: told at the hub and on both, nothing of it stored, until it is a device of
/// its own.
fn a_copy_is_kept_apart(was_running: bool) {
    let mut hub = HubProcess::start("token");
    let token = hub.join_token(2);
    let (mut original, mut copy) = (Machine::new(20), Machine::new(80));
    original.start(&hub, &["--join-token", &token]);
    original.goes_on(60);
    if was_running {
        copy.copy_state(&original.state());
    } else {
        // Both begin with the same card, so both count the same boot and the same batches.
        original.stop();
        copy.copy_state(&original.state());
        original.start(&hub, &[]);
        original.goes_on(60);
    }
    copy.start(&hub, &[]);

    let told = eventually("told at the hub", SOON, || conflict(&hub));
    let addresses: Vec<&str> = told["addresses"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    assert!(addresses.len() == 2 && addresses[0] != addresses[1], "{told}");
    assert!(told["hint"].as_str().unwrap().contains("delete `identity`"), "{told}");
    let claim = |machine: &Machine| {
        let claim = machine.status()?["claimed"].clone();
        (!claim.is_null()).then_some(claim)
    };
    let (of_original, of_copy) = eventually("told on both", SOON, || Some((claim(&original)?, claim(&copy)?)));
    assert_eq!((of_original["goes_on"].as_bool(), of_original["other"].as_str()), (Some(true), Some(addresses[1])));
    assert_eq!((of_copy["goes_on"].as_bool(), of_copy["other"].as_str()), (Some(false), Some(addresses[0])));
    assert_eq!(copy.log().matches("is in use by another machine at").count(), 1, "{}", copy.log());
    let words = Command::new(agent_program()).args(["status", "--state"]).arg(copy.state()).output().unwrap();
    let words = String::from_utf8(words.stdout).unwrap();
    let first = format!("another machine at {} uses this identity, and the hub stores nothing", addresses[0]);
    assert!(words.starts_with(&first), "{words}");
    assert!(words.contains("\n\n  identity  this identity is in use by another machine"), "{words}");
    let doctor = Command::new(agent_program()).args(["doctor", "--state"]).arg(copy.state()).output().unwrap();
    let found = String::from_utf8(doctor.stdout).unwrap();
    assert!(found.contains(&format!(":\nFAIL {first}")) && !found.contains("streaming"), "{found}");
    assert_eq!(doctor.status.code(), Some(1), "{found}");
    original.goes_on(100);
    let metrics = hub.request("GET", "/metrics", None).unwrap().1;
    assert_eq!(metric(&metrics, "hub_identity_conflicts"), Some(1));
    assert!(metric(&metrics, "hub_udp_dropped_total{reason=\"identity_in_use\"}") > Some(0), "{metrics}");

    // It is known after the hub was started anew, and the copy too.
    hub.terminate();
    hub.restart();
    assert!(conflict(&hub).is_some(), "forgotten");
    original.goes_on(100);
    copy.stop();
    copy.start(&hub, &[]);
    eventually("told to the copy again", SOON, || claim(&copy));
    original.goes_on(100);
    assert_eq!(copy.acked(), 0, "acknowledged, and not stored");
    let id = devices(&hub)[0]["id"].as_str().unwrap().to_owned();
    let (least, most, _) = temperatures(&hub, &id);
    assert_eq!((least, most), (20.0, 20.0), "mixed");

    // What the hint says: the copy becomes a device, with what it kept.
    copy.stop();
    fs::remove_file(copy.state().join("identity")).unwrap();
    copy.start(&hub, &["--join-token", &token]);
    let other = eventually("a second device", SOON, || {
        let other = devices(&hub).into_iter().find(|device| device["id"] != id.as_str())?;
        Some(other["id"].as_str().unwrap().to_owned())
    });
    copy.goes_on(60);
    assert_eq!((temperatures(&hub, &other).0, temperatures(&hub, &id).1), (80.0, 20.0), "mixed");
    original.stop();
    copy.stop();
}

#[test]
fn a_card_copied_while_its_machine_runs_is_kept_apart_until_it_is_a_device_of_its_own() {
    a_copy_is_kept_apart(true);
}

#[test]
fn two_machines_started_from_one_card_are_kept_apart_until_the_second_is_a_device_of_its_own() {
    a_copy_is_kept_apart(false);
}

#[test]
fn a_state_folder_that_is_set_back_gives_used_numbers_to_other_readings_and_all_are_stored() {
    let hub = HubProcess::start("token");
    let (mut machine, mut later) = (Machine::new(20), Machine::new(30));
    machine.start(&hub, &["--join-token", &hub.join_token(1)]);
    machine.goes_on(60);
    machine.stop();
    later.copy_state(&machine.state());
    // Two starts more, and then the folder as it was before them.
    let mut acked = 0;
    for _ in 0..2 {
        machine.start(&hub, &[]);
        machine.goes_on(60);
        acked += machine.acked();
        machine.stop();
    }
    assert!(hub.count() >= acked);
    let since = Clock.wall().0;
    later.start(&hub, &[]);
    eventually("heard with a count of starts that is too low", Duration::from_secs(150), || {
        (later.acked() >= 100).then_some(())
    });
    assert!(later.log().contains("was the state folder restored from"), "{}", later.log());
    let taken = later.status().unwrap()["readings_taken"].as_u64().unwrap();
    later.stop();
    let metrics = hub.request("GET", "/metrics", None).unwrap().1;
    assert!(metric(&metrics, "hub_batches_aside_total") > Some(0), "no number came twice: {metrics}");
    assert_eq!(conflict(&hub), None, "one after the other is one machine");
    // It goes on from there without waiting, and sends what it still had: what it takes now is behind `until`.
    let until = Clock.wall().0;
    later.start(&hub, &[]);
    eventually("heard at once", Duration::from_secs(20), || (later.acked() > 0).then_some(()));
    let stored = || readings(&hub, since, until);
    eventually("all that was taken is stored", SOON, || (stored() >= taken).then_some(()));
    later.stop();
}

#[test]
fn an_agent_that_is_killed_and_started_again_is_no_second_machine() {
    let hub = HubProcess::start("token");
    let mut machine = Machine::new(20);
    machine.start(&hub, &["--join-token", &hub.join_token(1)]);
    for _ in 0..5 {
        machine.goes_on(30);
        drop(machine.agent.take());
        machine.start(&hub, &[]);
    }
    machine.goes_on(30);
    assert_eq!(conflict(&hub), None);
    let metrics = hub.request("GET", "/metrics", None).unwrap().1;
    assert_eq!(metric(&metrics, "hub_identity_conflicts"), Some(0));
}

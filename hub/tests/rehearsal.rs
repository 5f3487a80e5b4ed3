//! What a person tries a hub with before the real devices come: a simulated fleet, a recorded series sent as if it were measured
//! now; and what the terminal shows while a large file is on its way.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;

use std::process::{Command, Output};
use std::time::Duration;

use serde_json::json;
use support::{HubProcess, agent_program, eventually, hub_program, skipped};
use telemetry_hub::clock::Clock;

fn agent(hub: &HubProcess, args: &[&str]) -> Output {
    let output = Command::new(agent_program()).args(args).args(["--hub", &hub.udp.to_string()]).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

#[test]
fn a_simulated_fleet_has_the_labels_it_was_given() {
    let hub = HubProcess::start("open");
    let fleet = ["simulate", "--devices", "3", "--sensors", "2", "--duration", "2s"];
    agent(&hub, &[&fleet[..], &["--label", "site=south", "--label", "floor=2"]].concat());
    agent(&hub, &[&fleet[..], &["--name", "other", "--label", "site=north"]].concat());
    let count = |query: &str| hub.get(&format!("/api/v1/devices?{query}"))["items"].as_array().unwrap().len();
    assert_eq!((count("label=site%3Dsouth&label=floor%3D2"), count("label=site%3Dnorth"), count("")), (3, 3, 6));
    let wrong =
        Command::new(agent_program()).args(["simulate", "--hub", "127.0.0.1", "--label", "south"]).output().unwrap();
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(wrong.status.code() == Some(2) && said.contains("--label") && said.contains("south"), "{said}");
}

#[test]
fn a_made_up_past_joins_what_is_live_without_a_gap() {
    let hub = HubProcess::start("open");
    let began = Clock.wall().0;
    agent(&hub, &["simulate", "--devices", "1", "--sensors", "1", "--history", "1d", "--duration", "8s"]);
    let empty = |from: i64, every: &str| {
        let path = format!("/api/v1/query?device=*&sensor=*&from={from}&to={}&every={every}", began + 5_000);
        let counts = hub.get(&path)["series"][0]["count"].as_array().unwrap().clone();
        (counts.iter().filter(|count| count.as_u64().unwrap_or(0) == 0).count(), counts.len())
    };
    // As narrow as the buckets of a sparkline, of an hour's chart and of six hours'. The first and the last may be cut.
    for (minutes, every) in [(10, "5s"), (60, "5s"), (360, "30s")] {
        let (none, all) = empty(began - minutes * 60_000, every);
        assert!(none <= 2 && all > 100, "{none} of {all} empty in {minutes} min");
    }
}

#[test]
fn a_series_replayed_as_of_now_fires_rules_and_one_of_the_past_tells_nobody() {
    let hub = HubProcess::start("open");
    let rule = json!({"name": "hot", "device": "*", "sensor": "oven", "condition": {"type": "threshold", "op": ">", "value": 30}});
    let made = hub.request("POST", "/api/v1/rules", Some(rule.to_string())).unwrap();
    assert_eq!(made.0, 201, "{}", made.1);
    let dir = tempfile::tempdir().unwrap();
    let played = |name: &str, start_ms: i64, speed: &str| {
        let rows: Vec<String> = (0..4).map(|i| format!("{},{}", start_ms + i * 500, 20 + i * 6)).collect();
        let file = dir.path().join(format!("{name}.csv"));
        std::fs::write(&file, format!("timestamp,value\n{}\n", rows.join("\n"))).unwrap();
        let state = dir.path().join(name);
        agent(
            &hub,
            &[
                "replay",
                file.to_str().unwrap(),
                "--sensor",
                "oven",
                "--speed",
                speed,
                "--state",
                state.to_str().unwrap(),
                "--name",
                name,
            ],
        );
    };
    played("past", Clock.wall().0 - 86_400_000, "max");
    played("now", Clock.wall().0, "1x");
    let states = eventually("an alert of now", Duration::from_secs(20), || {
        let alerts = hub.get("/api/v1/alerts");
        let alerts = alerts["items"].as_array().unwrap().clone();
        let of = |name: &str| -> Vec<String> {
            let of = alerts.iter().filter(|alert| alert["device_name"] == name);
            of.map(|alert| alert["state"].as_str().unwrap().to_owned()).collect()
        };
        (!of("now").is_empty()).then(|| (of("now"), of("past")))
    });
    assert_eq!(states.0, ["firing"], "as if measured: told at once");
    assert!(!states.1.contains(&"firing".to_owned()), "of yesterday: {:?}", states.1);
}

#[test]
fn a_bar_shows_on_a_terminal_what_takes_longer_than_a_second_and_nowhere_else() {
    let hub = HubProcess::start("token");
    let rows = |at: u32| format!("printf 'slow,temp,2026-11-20T00:00:0{at}Z,1\\n'");
    // Slow by itself, so that it does not matter how fast the machine is.
    let import = format!(
        "(printf 'device,sensor,at,value\\n'; {}; sleep 2; {}; sleep 1; {}) | {} import --data {} -",
        rows(0),
        rows(1),
        rows(2),
        hub_program().display(),
        hub.data.display()
    );
    let text = |mut command: Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let mut piped = Command::new("sh");
    piped.args(["-c", &import]);
    let plain = text(piped);
    assert!(
        plain.contains("3 readings of 1 device") && !plain.contains('\u{1b}') && !plain.contains("B/s"),
        "{plain:?}"
    );
    if Command::new("script").arg("--version").output().is_err() {
        return skipped("script (util-linux)");
    }
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &import, "/dev/null"]).env("TERM", "xterm");
    let shown = text(terminal);
    assert!(shown.contains("B/s") && shown.contains("3 readings of 1 device"), "{shown:?}");
}

//! What is acknowledged is on disk, by the real programs: a burst of readings of one sensor, and readings of one time. And an
//! agent with very much to say says it.

#![allow(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use support::{HubProcess, Stopped, agent_program, eventually};

const SOON: Duration = Duration::from_secs(60);
/// Temperatures that cannot be.
const IMPOSSIBLE: usize = 2_000;

#[test]
fn what_comes_in_a_burst_is_stored_whole_and_what_is_replaced_is_counted() {
    let hub = HubProcess::start("open");
    let folder = tempfile::tempdir().unwrap();
    let chip = folder.path().join("root/sys/class/hwmon/hwmon0");
    fs::create_dir_all(&chip).unwrap();
    fs::write(chip.join("name"), "probe\n").unwrap();
    for channel in 1..=IMPOSSIBLE {
        fs::write(chip.join(format!("temp{channel}_input")), "999000\n").unwrap();
    }
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = folder.path().join("agent.toml");
    fs::write(&config, format!("[[listen]]\nudp = \"{port}\"\n")).unwrap();
    let state = folder.path().join("state");
    let mut run = Command::new(agent_program());
    run.args(["run", "--hub", &hub.udp.to_string(), "--config"]).arg(&config).arg("--state").arg(&state);
    run.env("DEVICE_AGENT_SENSOR_ROOT", folder.path().join("root")).stdout(Stdio::null());
    let _agent = Stopped(run.spawn().unwrap());
    eventually("the agent streams", SOON, || (status(&state)?["state"] == "streaming").then_some(()));

    let program = UdpSocket::bind("127.0.0.1:0").unwrap();
    let send = |line: String| program.send_to(line.as_bytes(), port).unwrap();
    for n in 0..300 {
        send(format!("burst v={n}"));
    }
    // Each has another nanosecond of one millisecond; the last one counts.
    for n in 0..10 {
        send(format!("own v={n} 17700000000000000{n:02}"));
        if n == 4 {
            std::thread::sleep(Duration::from_millis(300));
        }
    }
    eventually("all is stored", SOON, || (stored(&hub, "own.v")?.1 == 9.0).then_some(()));
    assert_eq!(stored(&hub, "burst.v"), Some((300, 299.0)));
    assert_eq!(stored(&hub, "own.v").map(|(count, _)| count), Some(1));
    let told = eventually("the counts", SOON, || {
        let told = status(&state)?;
        (told["readings_acked"] == told["readings_taken"]).then_some(told)
    });
    assert_eq!((&told["readings_acked"], &told["lost"][0][1]["replaced"]), (&Value::from(301), &Value::from(9)));

    let remarks = eventually("each impossible value", SOON, || {
        let remarks = status(&state)?["remarks"].as_array().unwrap().len();
        (remarks >= IMPOSSIBLE).then_some(remarks)
    });
    assert_eq!(remarks, IMPOSSIBLE);
}

fn status(state: &Path) -> Option<Value> {
    let asked = Command::new(agent_program()).args(["status", "--json", "--state"]).arg(state).output();
    serde_json::from_slice(&asked.unwrap().stdout).ok()
}

/// How many readings of a sensor are stored, and the highest.
fn stored(hub: &HubProcess, sensor: &str) -> Option<(u64, f64)> {
    let answer = hub.get(&format!(
        "/api/v1/query?device=*&sensor={sensor}&from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&points=1"
    ));
    let series = answer["series"].get(0)?;
    let all = |name: &str| series[name].as_array().unwrap().iter().filter_map(Value::as_f64).collect::<Vec<_>>();
    Some((all("count").iter().sum::<f64>() as u64, all("max").into_iter().fold(f64::NEG_INFINITY, f64::max)))
}

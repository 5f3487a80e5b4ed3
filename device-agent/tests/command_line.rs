//! The program from outside: help, exit codes, and mistakes that name where they were made.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use wire::discovery::Answer;

#[test]
fn every_command_explains_itself() {
    for command in ["run", "replay", "simulate", "status", "doctor", "id", "install", "uninstall"] {
        let output = agent(&[command, "--help"]);
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{command}");
        assert!(text.contains(&format!("Usage: device-agent {command}")), "{text}");
        assert!(String::from_utf8_lossy(&agent(&["--help"]).stdout).contains(&format!("  {command} ")));
    }
}

#[test]
fn wrong_use_exits_2_and_names_the_culprit() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let unknown_key = file("unknown.toml", "name = 'a'\n\nhup = 'b:1'\n");
    let wrong_value = file("wrong.toml", "\ninterval = 'soon'\n");
    let spool = file("spool.toml", "[spool]\ndisk_mib = 64\npolicy = 'drop'\n");
    let exec = file("exec.toml", "[[exec]]\nname = 'ups'\ncommand = ['ups']\ntimeout = 'soon'\n");
    let listen = file("listen.toml", "hub = 'a:1'\n[[listen]]\nudp = '0.0.0.0:1'\n");
    let csv = file("series.csv", "timestamp,value\n2020-01-01 00:00:00,1\n2020-01-01 00:00:01,warm\n");
    for (arguments, culprits) in [
        (&["run", "--bogus"][..], &["--bogus"][..]),
        (&["frobnicate"], &["frobnicate"]),
        (&["run", "--interval", "soon"], &["--interval", "soon"]),
        (&["run", "--label", "room"], &["--label", "room"]),
        (&["run", "--join-token", "thj1_x"], &["--join-token"]),
        (&["run", "--log-format", "xml"], &["--log-format", "xml"]),
        (&["run", "--config", &unknown_key], &[&unknown_key, ":3", "hup"]),
        (&["run", "--config", &wrong_value], &[&wrong_value, ":2: interval: 'soon'"]),
        (&["run", "--config", &spool], &[&spool, ":3: [spool] policy: 'drop'"]),
        (&["run", "--config", &exec], &[&exec, ":4: [[exec]] ups: timeout: 'soon'"]),
        (&["run", "--config", &listen], &[&listen, ":3: [[listen]]: udp: '0.0.0.0:1'"]),
        (&["run", "--config", "/nowhere/at.toml"], &["/nowhere/at.toml"]),
        (&["replay", &csv, "--sensor", "t"], &[&csv, ":3", "warm"]),
        (&["replay", &csv, "--sensor", "t", "--value-column", "v"], &["'v'", "timestamp, value"]),
        (&["replay", &csv], &["--sensor"]),
        (&["simulate", "--devices", "2"], &["--hub"]),
        (&["simulate", "--hub", "a:1", "--loss", "200%"], &["--loss", "200%"]),
    ] {
        let output = agent(arguments);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(culprits.iter().all(|culprit| text.contains(culprit)), "{arguments:?}: {text}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_variable_that_is_wrong_is_named() {
    let output = Command::new(program()).arg("run").env("DEVICE_AGENT_INTERVAL", "soon").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("DEVICE_AGENT_INTERVAL"));
}

#[test]
fn the_id_is_made_once_and_told_by_a_running_agent_too() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let state = state.to_str().unwrap();
    let id = || String::from_utf8(agent(&["id", "--state", state]).stdout).unwrap();
    let first = id();
    assert_eq!(first.lines().nth(1).unwrap().split(' ').count(), 6, "{first}");
    assert_eq!(agent(&["status", "--state", state]).status.code(), Some(1), "none runs yet");

    let mut running = started(
        Command::new(program())
            .args(["run", "--hub", "127.0.0.1:9", "--state", state, "--interval", "100ms"])
            .stderr(Stdio::null()),
    );
    let report = eventually(|| {
        let output = agent(&["status", "--json", "--state", state]);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        (report["readings_taken"].as_u64()? > 10).then_some(report)
    });
    assert_eq!((report["state"].as_str(), report["id"].as_str()), (Some("searching"), first.lines().next()));
    assert_eq!(id(), first);
    let second = agent(&["run", "--hub", "127.0.0.1:9", "--state", state]);
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another device-agent"));

    let asked = Command::new("kill").arg(running.0.id().to_string()).status().unwrap();
    assert!(asked.success());
    assert_eq!(eventually(|| running.0.try_wait().unwrap()).code(), Some(0), "SIGTERM is a request, not a failure");
    let files = fs::read_dir(Path::new(state).join("spool")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut files: Vec<String> = files.map(|name| name.into_string().unwrap()).collect();
    files.sort();
    assert_eq!(files, ["00000000.seg", "ledger"], "what was measured is kept for the next start, and counted");
}

#[test]
fn configured_sources_are_read_and_the_trouble_of_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("agent.toml");
    let text = "[sensors]\nskip = ['cpu*']\n[[exec]]\nname = 'good'\ncommand = ['echo', '1']\ninterval = '50ms'\n\
        [[exec]]\nname = 'bad'\ncommand = ['false']\ninterval = '50ms'\n";
    fs::write(&config, text).unwrap();
    let (config, state) = (config.to_str().unwrap(), folder.path().join("state"));
    let state = state.to_str().unwrap();
    let _running = started(
        Command::new(program())
            .args(["run", "--hub", "127.0.0.1:9", "--state", state, "--config", config, "--interval", "1h"])
            .stderr(Stdio::null()),
    );
    let before = eventually(|| {
        let output = agent(&["status", "--json", "--state", state]);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        let failing = report["failing"].as_array()?;
        let bad = failing.iter().find(|trouble| trouble["source"] == "exec bad")?;
        assert!(bad["error"].as_str()?.starts_with("ended with exit status: 1"), "{bad}");
        assert!(failing.iter().all(|trouble| trouble["source"] != "exec good"), "{report}");
        (bad["count"].as_u64()? > 2 && bad["since"].as_i64()? > 0).then(|| report["readings_taken"].as_u64()).flatten()
    });
    eventually(|| {
        let output = agent(&["status", "--json", "--state", state]);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        (report["readings_taken"].as_u64()? > before + 5).then_some(())
    });
    let text = String::from_utf8(agent(&["status", "--state", state]).stdout).unwrap();
    assert!(
        text.contains("failing   exec bad: ended with exit status: 1") && text.contains(" times since 20"),
        "{text}"
    );
}

#[test]
fn the_doctor_tells_of_each_rung_what_failed_and_what_would_fix_it() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let state = state.to_str().unwrap();
    let doctor = |hub: &str| {
        let output = agent(&["doctor", "--state", state, "--hub", hub]);
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let line = |text: &str, rung: &str| text.lines().find(|line| line.contains(rung)).unwrap().to_owned();

    let (code, text) = doctor("no-such-host.invalid:5770");
    let named = line(&text, "--hub no-such-host.invalid:5770");
    // Another hub of this machine may answer by multicast: the rung has failed all the same.
    assert!(
        named.contains("the name was not found") && named.ends_with("fix: getent hosts no-such-host.invalid"),
        "{text}"
    );
    assert!(text.contains("multicast IPv4: ") && text.contains("multicast IPv6: "), "{text}");
    assert_eq!(code == Some(1), text.contains("FAIL"), "{text}");

    let hub = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    hub.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let address = hub.local_addr().unwrap();
    let answers = std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        let (length, from) = hub.recv_from(&mut buffer).unwrap();
        let wire::packet::Packet::Probe(probe) = wire::packet::Packet::parse(&buffer[..length]).unwrap() else {
            panic!()
        };
        let key = wire::KeyPair::generate().unwrap().public;
        let port = hub.local_addr().unwrap().port();
        let answer = Answer { accepting: false, hub: wire::Id::of(&key), key, port, nonce: probe.nonce };
        hub.send_to(&answer.encode(), from).unwrap();
    });
    let (_, text) = doctor(&address.to_string());
    answers.join().unwrap();
    assert!(line(&text, &format!("--hub {address}")).starts_with("ok   "), "{text}");
    assert!(line(&text, "does not accept new devices").contains("fix: telemetry-hub join-token create"), "{text}");
}

#[test]
fn the_doctor_finds_what_hangs_or_fails_while_no_agent_runs() {
    let root = tempfile::tempdir().unwrap();
    let chip = root.path().join("sys/class/hwmon/hwmon0");
    fs::create_dir_all(&chip).unwrap();
    for (file, text) in [("name", "chip"), ("temp1_input", "41000"), ("temp3_input", "warm")] {
        fs::write(chip.join(file), text).unwrap();
    }
    assert!(Command::new("mkfifo").arg(chip.join("temp2_input")).status().unwrap().success());
    let config = root.path().join("agent.toml");
    let text = "[[file]]\nname = 'gone'\npath = '/gone'\n";
    fs::write(&config, text).unwrap();
    let output = Command::new(program())
        .args(["doctor", "--hub", "127.0.0.1:9", "--state"])
        .arg(root.path().join("state"))
        .arg("--config")
        .arg(&config)
        .env("DEVICE_AGENT_SENSOR_ROOT", root.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let failing = |source: &str| {
        let begins = format!("FAIL source {source}: ");
        text.lines().filter(|line| line.starts_with(&begins)).collect::<Vec<_>>().join(" ")
    };
    let hwmon = failing("hwmon");
    assert!(hwmon.contains("temp2_input: no answer") && hwmon.contains("temp3_input: holds no number"), "{text}");
    assert!(failing("file gone").contains("No such file"), "{text}");
    assert_eq!((output.status.code(), text.contains("No problems")), (Some(1), false), "{text}");
}

/// A program that ends with its scene.
struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn started(command: &mut Command) -> Stopped {
    Stopped(command.spawn().unwrap())
}

fn program() -> &'static str {
    env!("CARGO_BIN_EXE_device-agent")
}

fn agent(arguments: &[&str]) -> Output {
    Command::new(program()).args(arguments).output().unwrap()
}

/// Asks again until there is an answer; the test fails after ten seconds without.
fn eventually<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    for _ in 0..100 {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("no answer within ten seconds")
}

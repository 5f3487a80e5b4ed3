//! What a person meets on the terminal: commands that find the hub and make none, links to open, closed pipes, a password
//! that was forgotten, and a demo.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::json;
use support::lab::{ADDRESSES, CABLE, Lab};
use support::port::free_port;
use support::{HubProcess, Stopped, eventually, hub_program, signal};

fn hub() -> Command {
    Command::new(hub_program())
}

fn said(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat()
}

/// What curl gets of a page.
fn fetched(args: &[&str]) -> String {
    let output = Command::new("curl").args(["-s", "-H", "content-type: application/json"]).args(args).output();
    String::from_utf8(output.unwrap().stdout).unwrap()
}

/// A hub with one device that measures this machine.
fn hub_with_device(state: &Path) -> (HubProcess, Stopped) {
    let hub = HubProcess::start("token");
    let token = hub.join_token(1);
    let agent = hub.start_agent(state, &["--join-token", &token, "--name", "attic"]);
    eventually("readings", Duration::from_secs(30), || (hub.count() > 50).then_some(()));
    (hub, agent)
}

#[test]
fn a_command_beside_no_hub_makes_none() {
    // A machine of its own: on this one other tests run hubs, and a command without --data would find one of them.
    let Some(lab) = Lab::build("t", &["hub", "agent"], &[CABLE, ADDRESSES]) else { return };
    let dir = tempfile::tempdir().unwrap();
    for command in [
        "token create --scope admin",
        "token list",
        "token revoke 1",
        "join-token create",
        "join-token list",
        "join-token revoke 1",
        "open",
        "password reset",
        "user list",
        "user add anna --role viewer",
        "user role anna admin",
        "user disable anna",
        "user enable anna",
        "user remove anna",
        "backup file",
        "recover",
        "devices",
        "status",
        "alerts",
        "webhooks list",
        "webhooks test pager",
        "webhooks log",
        "webhooks replay --state failed",
        "query",
        "watch",
        "export",
        "import -",
    ] {
        let args: Vec<&str> = command.split(' ').collect();
        let output = lab.command("hub", &hub_program(), &args).current_dir(dir.path()).output().unwrap();
        let text = said(&output);
        assert_eq!(output.status.code(), Some(2), "{command}: {text}");
        assert!(text.contains("no hub in ./telemetry-data; use --data"), "{command}: {text}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "{command}");
    }
    // The one that runs is found.
    let data = dir.path().join("elsewhere");
    let data = data.to_str().unwrap();
    let empty = tempfile::tempdir().unwrap();
    let _hub = lab.spawn("hub", &hub_program(), &["serve", "--data", data, "--http", "127.0.0.1:18080"]);
    let status = eventually("a hub that is found", Duration::from_secs(20), || {
        let output = lab.command("hub", &hub_program(), &["status"]).current_dir(empty.path()).output().unwrap();
        output.status.success().then(|| said(&output))
    });
    assert!(status.contains(data) && status.contains("http://127.0.0.1:18080/"), "{status}");
    for command in ["open", "recover"] {
        let output = lab.command("hub", &hub_program(), &[command]).current_dir(empty.path()).output().unwrap();
        assert_eq!(said(&output).matches("using the hub in").count(), 1, "{command} says once which");
    }
    let text = lab.output("hub", &hub_program(), &["doctor"]);
    assert!(!text.contains("no hub answers"), "{text}");
    let text = lab.output(
        "hub",
        &hub_program(),
        &["doctor", "--data", empty.path().to_str().unwrap(), "--http", "127.0.0.1:18080"],
    );
    assert!(text.lines().nth(1).unwrap().contains(&format!("has its data in {data}")), "{text}");
    // Nor does what runs elsewhere have to be guessed where nothing answers at the usual place.
    let text = lab.output("hub", &hub_program(), &["doctor", "--data", empty.path().to_str().unwrap()]);
    let cause = text.lines().nth(1).unwrap();
    assert!(cause.contains("no hub runs with its data in") && cause.contains(&format!("fix: --data {data}")), "{text}");
    let text =
        lab.output("hub", &hub_program(), &["serve", "--data", empty.path().to_str().unwrap(), "--http", ":18080"]);
    assert!(text.contains("port 18080 is already in use") && text.contains("--http 0.0.0.0:18081"), "{text}");
}

#[test]
fn the_hub_of_this_machine_is_known_by_every_name() {
    let hub = HubProcess::start("token");
    let (port, name) = (hub.http.port(), std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap());
    let name = name.trim();
    let ask = |url: &str| {
        said(
            &self::hub().args(["status", "--hub", url, "--data"]).arg(&hub.data).env("NO_PROXY", "*").output().unwrap(),
        )
    };
    for host in ["127.0.0.1", "localhost", "0.0.0.0", "[::1]", name, &format!("{name}.local")] {
        for url in [format!("{host}:{port}"), format!("http://{host}:{port}/")] {
            let text = ask(&url);
            assert!(text.contains("running for") && text.contains(&format!("http://{}/", hub.http)), "{url}: {text}");
        }
    }
    // Another port of this machine, and other machines: why a token is needed, and nothing that is not so.
    let text = ask("localhost:1");
    assert!(text.contains("no hub that you own runs at http://localhost:1") && text.contains(&hub.http.to_string()));
    let text = ask("192.0.2.9");
    assert!(text.contains("--token is missing: create one on the machine of http://192.0.2.9:8080"), "{text}");
}

#[test]
fn a_start_that_cannot_be_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let (taken, udp) = (taken.local_addr().unwrap(), udp.local_addr().unwrap());
    let data = dir.path().join("data");
    for (flags, says) in [
        (vec!["--http".to_owned(), taken.to_string()], vec![taken.port().to_string(), "--http 127.0.0.1:".to_owned()]),
        (vec!["--udp".to_owned(), udp.to_string()], vec![udp.port().to_string(), "--udp 127.0.0.1:".to_owned()]),
        (vec!["--http".to_owned(), "192.0.2.1:0".to_owned()], vec!["does not have the address 192.0.2.1".to_owned()]),
        (vec!["--admin-token-file".to_owned(), "/nowhere".to_owned()], vec!["--admin-token-file /nowhere".to_owned()]),
    ] {
        let mut command = hub();
        command.args(["serve", "--data", data.to_str().unwrap(), "--discovery", "off"]);
        for (flag, free) in [("--http", "127.0.0.1:0"), ("--udp", "127.0.0.1:0")] {
            if flags[0] != flag {
                command.args([flag, free]);
            }
        }
        let output = command.args(&flags).output().unwrap();
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "{flags:?}: {text}");
        assert!(says.iter().all(|word| text.contains(word)), "{flags:?}: {text}");
        assert!(!data.exists(), "{flags:?} left {data:?}");
    }
}

#[test]
fn a_token_for_some_devices_is_made_by_labels_and_listed_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let token = |args: &[&str]| {
        let output = hub().arg("token").args(args).args(["--data", dir.path().to_str().unwrap()]).output().unwrap();
        (output.status.code(), said(&output))
    };
    for (args, says) in [
        (&["--scope", "admin", "--label", "site=south"][..], "use the scope ingest, read or write"),
        (&["--scope", "operate", "--label", "site=south"], "use the scope ingest, read or write"),
        (&["--scope", "read", "--label", "site=south", "--label", "site=north"], "--label site=north: no device"),
        (&["--scope", "read", "--label", "a b=c"], "a label's key must have"),
        (&["--scope", "read", "--label", "site"], "write key=value"),
    ] {
        let (code, text) = token(&[&["create"][..], args].concat());
        assert!(code == Some(2) && text.contains("--label") && text.contains(says), "{args:?}: {text}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing was prepared for what was refused");
    let limited = ["create", "--scope", "read", "--label", "site=south", "--label", "floor=2"];
    assert_eq!((token(&limited).0, token(&["create", "--scope", "admin"]).0), (Some(0), Some(0)));
    let (_, list) = token(&["list"]);
    let devices: Vec<&str> = list.lines().map(|line| line.get(14..33).unwrap_or_default().trim()).collect();
    assert_eq!(devices, ["DEVICES", "floor=2, site=south", "all"], "{list}");
}

#[test]
fn a_folder_in_which_somebody_keeps_something_else_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (home, file) = (dir.path().join("home"), dir.path().join("file"));
    std::fs::create_dir_all(home.join("Documents")).unwrap();
    std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(&file, "hello").unwrap();
    let nowhere = ["--http", "127.0.0.1:0", "--udp", "127.0.0.1:0", "--discovery", "off"];
    let started = [&["serve"][..], &nowhere].concat();
    for (args, data, says) in [
        (&started[..], &home, "choose an empty folder, such as"),
        (&["token", "create", "--scope", "read"][..], &home, "choose an empty folder, such as"),
        (&["join-token", "create"][..], &home, "choose an empty folder, such as"),
        (&started[..], &file, "this is a file, not a directory"),
        (&["token", "create", "--scope", "read"][..], &file, "this is a file, not a directory"),
    ] {
        let output = hub().args(args).args(["--data", data.to_str().unwrap()]).output().unwrap();
        let text = said(&output);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
        assert!(text.contains(says) && text.contains(data.to_str().unwrap()), "{args:?}: {text}");
    }
    assert_eq!(std::fs::read_dir(&home).unwrap().count(), 1);
    assert_eq!(std::fs::metadata(&home).unwrap().permissions().mode() & 0o777, 0o755);
    // What a hub is started with may lie there before it.
    let own = dir.path().join("own");
    std::fs::create_dir_all(own.join("agents")).unwrap();
    std::fs::write(own.join("hub.toml"), "").unwrap();
    let output = hub().args(["token", "create", "--scope", "read", "--data", own.to_str().unwrap()]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn a_wrong_address_and_a_foreign_token_say_what_would_be_right() {
    let (one, other) = (HubProcess::start("token"), HubProcess::start("token"));
    let ask = |address: &str, token: &str| {
        let output = hub().args(["devices", "--hub", address, "--token", token]).output().unwrap();
        assert_ne!(output.status.code(), Some(0));
        said(&output)
    };
    let (here, nobody) = (one.http.to_string(), format!("127.0.0.1:{}", free_port()));
    let foreign = other.outputs(&["token", "create", "--scope", "read"]).pop().unwrap();
    for (address, token, says) in [
        (&*here, &*foreign, "not valid on this hub (revoked, expired, or from another hub)"),
        (&here, "thp_1_cut", "mistyped or cut"),
        (&nobody, &one.token, "is --hub right, and is the hub running?: Connection refused"),
        ("http://", &one.token, "write pi.local, 192.168.1.20:8080"),
        ("two words", &one.token, "write pi.local, 192.168.1.20:8080"),
    ] {
        let text = ask(address, token);
        assert!(text.contains(says), "{address}: {text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}

#[test]
fn a_start_ends_with_a_link_for_each_address_also_the_second_time() {
    let Some(lab) = Lab::build("l", &["hub", "agent"], &[CABLE, ADDRESSES]) else { return };
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let start = || {
        let mut command = lab.command("hub", &hub_program(), &["serve", "--data", data, "--http", "18080"]);
        let mut child = Stopped(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
        let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
        let mut text = Vec::new();
        while text.last().is_none_or(|line: &String| !line.starts_with('└')) {
            text.push(lines.next().unwrap().unwrap());
        }
        signal(&child.0, "TERM");
        assert!(child.0.wait().unwrap().success());
        assert!(lines.next().is_none(), "something came after the links");
        text
    };
    let links = |text: &[String]| -> Vec<String> {
        text.iter()
            .flat_map(|line| line.split(' '))
            .filter(|word| word.starts_with("http://"))
            .map(str::to_owned)
            .collect()
    };
    let text = start();
    let first = links(&text);
    assert!(first.iter().any(|link| link == "http://10.77.0.1:18080/"), "{first:?}");
    assert!(!first.iter().any(|link| link.ends_with(".local:18080/")), "nothing answers to it there: {first:?}");
    assert!(text.iter().any(|line| line.contains("telemetry-hub open --data")), "{text:?}");
    let second = links(&start());
    assert_eq!(second.len(), first.len());
}

/// A log is read by others: there is no token in it, and the file with the token is for its owner, until it is used.
#[test]
fn the_setup_token_is_on_a_terminal_and_in_a_file_and_in_no_log() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("hub");
    let program = hub_program();
    let serve = format!(
        "exec {} serve --discovery off --http 127.0.0.1:0 --udp 127.0.0.1:0 --data {}",
        program.display(),
        data.display()
    );
    let file = data.join("setup-token");
    let started = |command: &mut Command| {
        let mut child =
            Stopped(command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap());
        let mut out = BufReader::new(child.0.stdout.take().unwrap());
        let mut text = String::new();
        while !text.contains('└') {
            assert!(out.read_line(&mut text).unwrap() > 0, "{text}");
        }
        let token = std::fs::read_to_string(&file).unwrap().trim().to_owned();
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!((mode & 0o777, token.len()), (0o600, 32));
        for one in std::fs::read_dir(&data).unwrap().map(Result::unwrap) {
            let mode = one.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{} is another's, too", one.path().display());
        }
        signal(&child.0, "TERM");
        child.0.wait().unwrap();
        out.read_to_string(&mut text).unwrap();
        child.0.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        (text, token)
    };
    for _ in 0..2 {
        let (log, token) = started(Command::new("sh").args(["-c", &serve]));
        assert!(!log.contains(&token) && !log.contains("setup="), "{log}");
    }
    // With a terminal of its own.
    let (shown, token) = started(Command::new("script").args(["-qefc", &serve, "/dev/null"]));
    assert!(shown.contains(&format!("/#setup={token}")), "{shown}");
}

#[test]
fn on_the_hubs_own_machine_no_token_is_needed() {
    let state = tempfile::tempdir().unwrap();
    let (hub, _agent) = hub_with_device(state.path());
    let run = |args: &[&str]| {
        let output = self::hub().args(args).arg("--data").arg(&hub.data).env("TZ", "UTC").output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let devices = run(&["devices"]);
    assert!(devices.starts_with("NAME ") && devices.lines().nth(1).unwrap().starts_with("attic "), "{devices}");
    // On a busy machine a moment may have passed.
    assert!(devices.contains("online") && (devices.contains("just now") || devices.contains(" s ago")), "{devices}");
    let status = run(&["status"]);
    assert!(status.contains("devices     1 online\n") && status.contains("alerts      none"), "{status}");
    assert_eq!(run(&["alerts"]), "");
    let query = run(&["query", "--sensor", "mem.*bytes", "--from", "now-1m", "--every", "1m"]);
    assert!(query.starts_with("attic  Memory ") && query.contains("GiB)\nTIME "), "{query}");
    let csv = hub.data.join("readings.csv");
    run(&["export", "--sensor", "mem*", "--from", "now-1h", csv.to_str().unwrap()]);
    let told = run(&["import", "--dry-run", csv.to_str().unwrap()]);
    assert!(told.contains("of 1 device ("), "{told}");
    let json: serde_json::Value = serde_json::from_str(&run(&["devices", "--json"])).unwrap();
    assert_eq!(json["items"][0]["name"], "attic");

    // A token that is wrong is told, and no way to use the command is printed.
    let token = hub.output(&["token", "create", "--scope", "read"]);
    run(&["token", "revoke", token.split('_').nth(1).unwrap()]);
    let wrong = self::hub().args(["devices", "--token", &token, "--data"]).arg(&hub.data).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    assert!(
        said(&wrong).contains("this token is not valid on this hub") && !said(&wrong).contains("Usage"),
        "{}",
        said(&wrong)
    );
    // The key of this machine is for its own hub.
    let other =
        self::hub().args(["devices", "--hub", "http://192.0.2.1:8080", "--data"]).arg(&hub.data).output().unwrap();
    assert!(said(&other).contains("--token is missing"), "{}", said(&other));
}

#[test]
fn an_export_says_what_it_wrote_and_a_dash_is_stdout() {
    let state = tempfile::tempdir().unwrap();
    let (hub, _agent) = hub_with_device(state.path());
    let export = |file: &str| {
        let mut command = self::hub();
        command.args(["export", "--sensor", "mem*", "--from", "now-1h", file, "--data"]).arg(&hub.data);
        command.current_dir(state.path()).output().unwrap()
    };
    let told = said(&export("readings.csv"));
    let csv = std::fs::read_to_string(state.path().join("readings.csv")).unwrap();
    let (head, lines) = (csv.lines().next().unwrap(), csv.lines().count());
    let count = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    assert!(told.starts_with("exported ") && told.ends_with(" readings to readings.csv\n"), "{told}");
    assert_eq!(count(&told), (lines - 1).to_string(), "{told}");
    let piped = export("-");
    assert!(String::from_utf8(piped.stdout).unwrap().starts_with(head));
    assert!(piped.stderr.is_empty() && !state.path().join("-").exists());
}

#[test]
fn what_is_watched_stands_in_columns_from_the_first_line() {
    let state = tempfile::tempdir().unwrap();
    let (hub, _agent) = hub_with_device(state.path());
    let series = hub.get("/api/v1/latest?device=*&sensor=*")["items"].as_array().unwrap().len();
    let mut command = self::hub();
    command.args(["watch", "--data"]).arg(&hub.data).stdout(Stdio::piped());
    let mut watch = Stopped(command.spawn().unwrap());
    let lines = BufReader::new(watch.0.stdout.take().unwrap()).lines().take(series).map(Result::unwrap);
    let lines: Vec<String> = lines.collect();
    // Where the value begins: two spaces and what fills a column stand before it, after the time, the name and the sensor.
    let start = |line: &String| {
        let value = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).nth(3).unwrap();
        line.rfind(value).unwrap()
    };
    let starts: BTreeSet<usize> = lines.iter().map(start).collect();
    assert_eq!(starts.len(), 1, "values begin at {starts:?}: {lines:#?}");
    let raw = lines.iter().find(|line| line.contains("mem.used_pct"));
    assert!(raw.is_none() && lines.iter().any(|line| line.contains("  Memory used ")), "{lines:#?}");
    // By the name that it is shown under, and by its own.
    for sensor in ["memory used", "mem.used_pct"] {
        let mut command = self::hub();
        command.args(["watch", "--sensor", sensor, "--data"]).arg(&hub.data).stdout(Stdio::piped());
        let mut watch = Stopped(command.spawn().unwrap());
        let lines = BufReader::new(watch.0.stdout.take().unwrap()).lines().take(2).map(Result::unwrap);
        assert!(lines.into_iter().all(|line| line.contains("  Memory used ")), "{sensor}");
    }
}

#[test]
fn a_closed_pipe_ends_a_command_quietly() {
    let state = tempfile::tempdir().unwrap();
    let (hub, _agent) = hub_with_device(state.path());
    let data = hub.data.to_str().unwrap().to_owned();
    for command in [
        "watch",
        "query --from now-1h --points 60",
        "devices",
        "status",
        "export --from now-1h",
        "token list",
        "join-token list",
        "doctor",
        "open",
    ] {
        let mut child = self::hub()
            .args(command.split(' '))
            .args(["--data", &data])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Nobody reads, as after `head -0`.
        drop(child.stdout.take());
        let status = eventually(command, Duration::from_secs(30), || child.try_wait().unwrap());
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        assert!(!errors.contains("panicked"), "{command}: {errors}");
        assert_eq!(status.code(), Some(141), "{command}: {errors}");
    }
    // Nor does a hub whose log nobody reads any more end.
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut child = self::hub()
        .args(["serve", "--udp", "127.0.0.1:0", "--discovery", "off", "--data", dir.path().to_str().unwrap()])
        .args(["--http", &format!("127.0.0.1:{port}")])
        .env("TELEMETRY_HUB_LOG", "debug")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    let child = Stopped(child);
    eventually("an answer", Duration::from_secs(20), || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
    signal(&child.0, "TERM");
    let mut child = child;
    assert!(child.0.wait().unwrap().success());
}

#[test]
fn a_forgotten_password_is_reset_and_everybody_signed_out() {
    let hub = HubProcess::start("token");
    let link = |args: &[&str]| {
        let lines = hub.outputs(args).join("\n");
        lines
            .split(['#', ' '])
            .find_map(|word| word.strip_prefix("setup="))
            .map(str::to_owned)
            .unwrap_or_else(|| panic!("{lines}"))
    };
    let setup = |token: &str, password: &str| {
        let body = json!({"setup_token": token, "password": password}).to_string();
        hub.status("POST", "/api/v1/setup", Some(body)).unwrap()
    };
    let sign_in = |password: &str| {
        hub.status("POST", "/api/v1/session", Some(json!({"password": password}).to_string())).unwrap()
    };
    assert_eq!(setup(&link(&["open"]), "correct horse"), 204);
    assert_eq!(sign_in("correct horse"), 204);
    let token = link(&["password", "reset"]);
    assert_eq!(sign_in("correct horse"), 401, "the old one is forgotten");
    assert_eq!(setup(&token, "battery staple"), 204);
    assert_eq!(sign_in("battery staple"), 204);
    assert_eq!(hub.status("GET", "/api/v1/hub", None), Some(200), "tokens stay valid");
    // Of browsers there are those that signed in since the reset.
    let listed = hub.outputs(&["session", "list"]);
    assert_eq!(listed.len(), 3, "{listed:?}");
    assert!(listed[1].starts_with("ses_") && listed[1].contains("127.0.0.1"), "{listed:?}");
    hub.outputs(&["session", "end", listed[1].split(' ').next().unwrap()]);
    assert_eq!(hub.outputs(&["session", "list"]).len(), 2);
    hub.outputs(&["session", "end", "--all"]);
    assert_eq!(hub.outputs(&["session", "list"]), Vec::<String>::new());
}

#[test]
fn the_doctor_asks_of_a_hub_what_it_was_started_for() {
    let hub = HubProcess::start("token");
    let doctor = |more: &[&str]| {
        let output = self::hub().args(["doctor", "--data"]).arg(&hub.data).args(more).output().unwrap();
        said(&output)
    };
    let text = doctor(&[]);
    assert!(text.contains("discovery is off: agents need --hub"), "{text}");
    assert!(
        !text.contains("(discovery)") && !text.contains("search from this machine"),
        "no search is answered here: {text}"
    );
    assert!(doctor(&["--discovery", "on"]).contains("(discovery)"), "unless it is asked");
}

#[test]
fn wrong_passwords_leave_a_line_each_in_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut child = hub()
        .args(["serve", "--udp", "127.0.0.1:0", "--discovery", "off", "--data", dir.path().to_str().unwrap()])
        .args(["--http", &format!("127.0.0.1:{port}")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(out.any(|line| line.unwrap().starts_with('└')), "started");
    let token = std::fs::read_to_string(dir.path().join("setup-token")).unwrap();
    let post = |path: &str, body: String| {
        let url = format!("http://127.0.0.1:{port}/api/v1/{path}");
        let sent =
            Command::new("curl").args(["-s", "-H", "content-type: application/json", "-d", &body, &url]).output();
        assert!(sent.unwrap().status.success());
    };
    post("setup", json!({"setup_token": token, "password": "correct horse"}).to_string());
    for _ in 0..7 {
        post("session", json!({"password": "guess"}).to_string());
    }
    signal(&child, "TERM");
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    child.wait().unwrap();
    // A proxy on this machine may stand for many people: seven tries are not too many from there.
    assert_eq!(log.matches("wrong password for admin from 127.0.0.1").count(), 7, "{log}");
}

#[test]
fn a_hub_whose_terminal_is_closed_ends_in_order_unless_it_was_told_to_go_on() {
    for (program, goes_on) in [("", false), ("nohup", true)] {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new(if program.is_empty() { hub_program() } else { program.into() });
        if !program.is_empty() {
            command.arg(hub_program());
        }
        let data = dir.path().join("hub");
        command
            .args(["serve", "--discovery", "off", "--http", "127.0.0.1:0", "--udp", "127.0.0.1:0", "--data"])
            .arg(&data);
        let child =
            command.current_dir(dir.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = Stopped(child.unwrap());
        let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().starts_with('└')), "started");
        signal(&child.0, "HUP");
        if goes_on {
            std::thread::sleep(Duration::from_millis(500));
            assert!(child.0.try_wait().unwrap().is_none(), "nohup has it go on");
        } else {
            assert_eq!(child.0.wait().unwrap().code(), Some(0), "in order, not by the signal");
        }
    }
}

#[test]
fn a_demo_shows_its_link_last_and_the_link_works_again_and_again() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let wanted = taken.local_addr().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let child = hub()
        .args(["demo", "--devices", "8", "--http", &wanted.to_string()])
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn();
    let mut child = Stopped(child.unwrap());
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let (mut link, mut shown) = (None, String::new());
    for line in &mut lines {
        let line = line.unwrap();
        // What is typed is not wrapped, however long a path is.
        assert!(line.chars().count() <= 80 || line.starts_with("  "), "wider than a terminal: {line}");
        if let Some((_, command)) = line.split_once("telemetry-hub open ") {
            shown = format!("telemetry-hub open {}", command.trim_end_matches(['│', ' ']));
        }
        link = link.or_else(|| line.split(' ').find(|word| word.contains("/#login=")).map(str::to_owned));
        // The end of a box, or of two rules where something is too long for one.
        if line.starts_with('└') || (link.is_some() && line.starts_with('─')) {
            break;
        }
    }
    let link = link.unwrap();
    let (page, code) = link.split_once("/#login=").unwrap();
    assert_ne!(page, format!("http://{wanted}"), "that port is taken");
    for browser in ["first", "second"] {
        let jar = temporary.path().join(browser);
        let jar = jar.to_str().unwrap();
        let curl = |args: &[&str]| fetched(&[&["-c", jar, "-b", jar], args].concat());
        curl(&["-d", &json!({"login_code": code}).to_string(), &format!("{page}/api/v1/session")]);
        let devices = curl(&[&format!("{page}/api/v1/devices")]);
        let devices: serde_json::Value = serde_json::from_str(&devices).unwrap();
        let names: Vec<&str> =
            devices["items"].as_array().unwrap().iter().map(|device| device["name"].as_str().unwrap()).collect();
        assert_eq!(
            (names[0], names.contains(&"workshop-0000"), names.contains(&"zone-0007")),
            ("this-computer", true, true),
            "{names:?}"
        );
        let query = "query?device=zone-0007&sensor=temperature&from=now-7d&to=now-2h&points=1";
        let week: serde_json::Value = serde_json::from_str(&curl(&[&format!("{page}/api/v1/{query}")])).unwrap();
        let (count, max) = (&week["series"][0]["count"][0], &week["series"][0]["max"][0]);
        assert!(count.as_u64().unwrap() > 9_900 && max.as_f64().unwrap() > 33.0, "{week}");
    }
    // Who lost the link gets another, which signs in as well.
    let state: serde_json::Value = serde_json::from_str(&fetched(&[&format!("{page}/api/v1/setup")])).unwrap();
    assert_eq!(state["needed"], false, "nobody is asked to set up a demo");
    let other = hub().args(shown.split(' ').skip(1)).output().unwrap();
    let other = String::from_utf8(other.stdout).unwrap();
    let code = other.trim().strip_prefix(&format!("{page}/#login=")).unwrap_or_else(|| panic!("{other}"));
    let status = ["-o", "/dev/null", "-w", "%{http_code}", "-d", &json!({"login_code": code}).to_string()];
    assert_eq!(fetched(&[&status[..], &[&format!("{page}/api/v1/session")]].concat()), "204");
    // Ctrl-C in a terminal reaches every program of the demo.
    let group = format!("-{}", child.0.id());
    assert!(Command::new("kill").args(["-s", "INT", "--", &group]).status().unwrap().success());
    assert!(child.0.wait().unwrap().success());
    assert!(lines.next().is_none(), "something was printed after the link");
    let mut log = String::new();
    child.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert_eq!(log.lines().count(), 1, "a quiet log: {log}");
    let left: Vec<_> = std::fs::read_dir(temporary.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("telemetry-demo")), "{left:?}");
}

#[test]
fn webhooks_are_listed_tested_and_sent_again_from_the_terminal() {
    let hub = HubProcess::start("token");
    let run = |args: &[&str]| {
        let output = self::hub().arg("webhooks").args(args).arg("--data").arg(&hub.data).output().unwrap();
        (output.status.code(), said(&output))
    };
    assert_eq!(
        run(&["list"]),
        (Some(0), "no webhooks: create one on the page, or by POST /api/v1/webhooks\n".to_owned())
    );
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let url = format!("http://{address}/hooks/sesame");
    hub.post("/api/v1/webhooks", &json!({"name": "pager", "url": url, "headers": {"X-Key": "sesame"}}));
    for _ in 0..2 {
        hub.post("/api/v1/webhooks", &json!({"name": "twin", "url": "http://192.168.0.2/"}));
    }
    let (code, listed) = run(&["list"]);
    let pager: Vec<&str> = listed.lines().nth(1).unwrap().split_whitespace().take(6).collect();
    assert_eq!((code, pager), (Some(0), vec!["whk_1", "pager", "generic", "on", "none", "0"]), "{listed}");
    assert!(listed.contains(&format!("http://{address}/(hidden)")), "{listed}");
    // Errors name the argument, and what would be right.
    let (code, wrong) = run(&["test", "pagr"]);
    assert!(code == Some(2) && wrong.contains("WEBHOOK: no webhook is called `pagr`. Did you mean pager?"), "{wrong}");
    let (code, wrong) = run(&["replay", "--webhook", "twin", "--state", "failed"]);
    assert!(
        code == Some(2) && wrong.contains("--webhook: several webhooks are called `twin`: write one of whk_"),
        "{wrong}"
    );
    let (code, wrong) = run(&["replay", "--webhook", "pager", "--from", "yesterday"]);
    assert!(code == Some(2) && wrong.contains("--from: "), "{wrong}");
    let (code, wrong) = run(&["replay"]);
    assert!(code == Some(2) && wrong.contains("--state"), "{wrong}");
    let (code, wrong) = run(&["replay", "dlv_99"]);
    assert!(code == Some(1) && wrong.contains("there is no such delivery"), "{wrong}");

    let (code, echoed) = run(&["echo", "pager"]);
    assert!(code == Some(0) && echoed.contains("ok   The signature is right."), "{echoed}");
    // A receiver that answers once with 500, then with 200.
    let answering = std::thread::spawn(move || {
        for status in ["500 Oh", "200 OK"] {
            let (mut stream, _) = taken.accept().unwrap();
            let mut head = [0; 4_096];
            let _ = stream.read(&mut head);
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = std::io::Write::write_all(&mut stream, answer.as_bytes());
            // What is not read yet must not end the connection before the answer is.
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    let (code, failed) = run(&["test", "pager"]);
    assert!(code == Some(1) && failed.starts_with("did not arrive: 500 in ") && failed.contains("; "), "{failed}");
    let (_, log) = run(&["log", "pager", "--state", "pending"]);
    let id = log.lines().nth(1).unwrap().split(' ').next().unwrap().to_owned();
    assert_eq!(run(&["replay", &id]), (Some(0), format!("{id} is sent again\n")));
    let log = eventually("it arrives", Duration::from_secs(20), || {
        let (_, log) = run(&["log", "whk_1"]);
        log.contains("delivered: 200 in ").then_some(log)
    });
    answering.join().unwrap();
    assert!(log.contains("webhook.test"), "{log}");
    assert_eq!(
        run(&["replay", "--state", "failed", "--from", "now-1h"]),
        (Some(0), "0 messages sent again\n".to_owned())
    );
    let all = [listed, echoed, failed, log, run(&["list", "--json"]).1].concat();
    assert!(!all.contains("sesame"), "{all}");
}

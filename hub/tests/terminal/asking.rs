//! Commands that find the hub and make none, and what they say.

use super::*;

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

//! Starts and ends: links to open, tokens in files, a terminal that is closed, a demo.

use super::*;

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

//! Who is let in: tokens, and passwords that were forgotten or are wrong.

use super::*;

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

//! `install.sh` as somebody pastes it: on a real Debian with a real service manager, against a real hub, until readings arrive.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use support::tree::{debian, own_target, run_in};
use support::{HubProcess, agent_program, eventually, skipped};

fn said(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat()
}

/// The agent that ships, which needs no library of the device, if `make agent` left one that is no older than this build.
fn agent() -> PathBuf {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../target/agent/device-agent-{}", own_target()));
    let age = |path: &Path| fs::metadata(path).and_then(|found| found.modified()).ok();
    if age(&shipped) >= age(&agent_program()) { shipped } else { agent_program() }
}

fn hub_with_agent() -> HubProcess {
    let hub = HubProcess::start("token");
    with_agent(&hub);
    hub
}

fn with_agent(hub: &HubProcess) {
    let agents = hub.data.join("agents");
    fs::create_dir(&agents).unwrap();
    fs::copy(agent(), agents.join(format!("device-agent-{}", own_target()))).unwrap();
}

fn link(hub: &HubProcess) -> String {
    format!("http://{}/install.sh?token={}", hub.http, hub.join_token(1))
}

#[test]
fn one_pasted_line_installs_joins_and_readings_arrive() {
    let Some(copy) = debian() else { return };
    let root = copy.path().join("root");
    let hub = hub_with_agent();
    let link = link(&hub);
    let output = run_in(
        &root,
        &format!(
            "set -e; curl -sS '{link}' | sh -s -- --name pasted --label room=attic; rc-service device-agent status
             sleep 3; id -u device-agent; stat -c %a-%U:%G /etc/device-agent.toml /var/lib/device-agent
             curl -sS '{link}' | sh && echo twice || echo code=$?; device-agent uninstall --purge; ls /usr/local/bin; echo gone"
        ),
    );
    let text = said(&output);
    for sign in
        ["joined as pasted (", "status: started", "640-root:device-agent", "700-device-agent:device-agent", "gone\n"]
    {
        assert!(text.contains(sign), "no {sign}: {text}");
    }
    // The token is used up: the shell gets the hub's own sentence.
    assert!(text.contains("device-agent: this install command does not work") && text.contains("code=1"), "{text}");
    let device = &hub.get("/api/v1/devices")["items"][0];
    assert_eq!(
        (device["name"].as_str(), device["labels"]["room"].as_str()),
        (Some("pasted"), Some("attic")),
        "{device}"
    );
    eventually("readings", Duration::from_secs(10), || (hub.count() > 0).then_some(()));
}

#[test]
fn busybox_alone_is_enough() {
    let Some(copy) = debian() else { return };
    let root = copy.path().join("root");
    fs::remove_file(root.join("usr/bin/curl")).unwrap();
    let hub = hub_with_agent();
    let output = run_in(
        &root,
        &format!(
            "mkdir /opt/bb && busybox --install -s /opt/bb && rm -f /usr/bin/mktemp /usr/bin/sha256sum /usr/bin/openssl
             PATH=/opt/bb:$PATH; wget -q -O - '{}' | http_proxy=http://127.0.0.1:9 busybox sh",
            link(&hub)
        ),
    );
    assert!(said(&output).contains("joined as "), "{}", said(&output));
}

#[test]
fn the_command_of_a_hub_with_its_own_authority_believes_nobody_else() {
    let Some(copy) = debian() else { return };
    let root = copy.path().join("root");
    let dir = tempfile::tempdir().unwrap();
    let tls = vec![("TELEMETRY_HUB_TLS".to_owned(), "auto".to_owned())];
    let hub = HubProcess::on(dir.path().join("hub"), "token", tls);
    with_agent(&hub);
    let fingerprint = hub.get("/api/v1/hub")["tls"]["fingerprint"].as_str().unwrap().replace(':', "").to_lowercase();
    // As the page makes it (web/src/join.test.ts).
    let command = |program: &str, sum: &str| {
        let (save, trust) = match program {
            "curl" => ("curl --noproxy '*' -sSo", "curl --noproxy '*' --cacert $c -sS"),
            _ => ("wget -Y off -qO", "wget -Y off --ca-certificate=$c -qO-"),
        };
        format!(
            "c=$(mktemp); {save} $c http://{0}/ca.crt; if [ \"$(grep -v - $c | base64 -d | sha256sum | cut -c-64)\" = {sum} ]; \
             then {trust} 'https://{0}/install.sh?token={1}' | sh; \
             else echo 'device-agent: this is not the hub: its certificate is another' >&2; fi; rm -f $c",
            hub.http,
            hub.join_token(1)
        )
    };
    let text = said(&run_in(&root, &command("curl", &"0".repeat(64))));
    assert!(text.contains("this is not the hub") && !text.contains("downloading"), "{text}");
    let text = said(&run_in(&root, &command("curl", &fingerprint)));
    assert!(text.contains("joined as ") && text.contains(&format!("https://{}", hub.http)), "{text}");
    let text = said(&run_in(&root, &format!("device-agent uninstall --purge; {}", command("wget", &fingerprint))));
    assert!(text.contains("joined as ") || text.contains("wget: not found"), "{text}");
}

#[test]
fn what_fails_leaves_nothing() {
    let Some(copy) = debian() else { return };
    let root = copy.path().join("root");
    let hub = hub_with_agent();
    let state = "ls /usr/local/bin /etc/init.d /etc/runlevels/default; cat /etc/passwd /etc/group; ls -d /etc/device-agent.toml /var/lib/device-agent; ls /tmp";
    // A service manager that refuses: everything is installed by then.
    let broken = format!(
        "printf '#!/bin/sh\\nexit 1\\n' >/usr/local/sbin/rc-service; chmod 755 /usr/local/sbin/rc-service
         before=$({state}); curl -sS '{}' | sh; echo code=$?; after=$({state}); [ \"$before\" = \"$after\" ] && echo same",
        link(&hub)
    );
    let text = said(&run_in(&root, &broken));
    assert!(text.contains("nothing of it is left") && text.contains("code=1") && text.contains("same"), "{text}");

    // Another configuration is the administrator's, and is told before anything is touched.
    let configured = format!(
        "rm /usr/local/sbin/rc-service; echo \"interval = '5s'\" >/etc/device-agent.toml
         before=$({state}); curl -sS '{}' | sh; after=$({state}); [ \"$before\" = \"$after\" ] && cat /etc/device-agent.toml",
        link(&hub)
    );
    let text = said(&run_in(&root, &configured));
    assert!(text.contains("--replace-config") && text.contains("interval = '5s'"), "{text}");

    // An agent that is not the one the script knows.
    let file = hub.data.join(format!("agents/device-agent-{}", own_target()));
    let script = hub.request("GET", &link(&hub).replace(&format!("http://{}", hub.http), ""), None).unwrap().1;
    fs::write(root.join("tmp/install.sh"), script).unwrap();
    let mut tampered = fs::read(&file).unwrap();
    tampered.push(0);
    fs::write(&file, tampered).unwrap();
    let text = said(&run_in(&root, "rm /etc/device-agent.toml; sh /tmp/install.sh; echo code=$?; ls /usr/local/bin"));
    assert!(text.contains("SHA-256 is another") && text.contains("code=1") && !text.contains("installed as"), "{text}");
}

#[test]
fn a_link_without_a_token_that_works_gets_one_answer_and_not_often() {
    let hub = hub_with_agent();
    let good = hub.join_token(1);
    let path = |token: &str| format!("/install.sh?token={token}");
    let flipped = wire::handshake::JoinToken::new(1, [7; 16]).to_string();
    let tries = ["/install.sh".to_owned(), path("x"), path(&flipped), path(&good[..good.len() - 1])];
    let answers: Vec<_> = tries.iter().map(|path| hub.request("GET", path, None).unwrap()).collect();
    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.0 == 403), "{answers:?}");
    assert_eq!(hub.request("GET", &path(&good), None).unwrap().0, 200);
    // From the machine itself, where a proxy may stand for many people; the one that was right takes back its own try alone.
    for _ in tries.len()..50 {
        assert_eq!(hub.request("GET", &format!("/bundle/{}.deb", own_target()), None).unwrap().0, 403);
    }
    // A shell reads that too.
    let (status, script) = hub.request("GET", "/install.sh", None).unwrap();
    assert_eq!(status, 429);
    let ended = Command::new("sh").args(["-c", &script]).output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.code() == Some(1) && said.contains("too many") && said.contains("try again in"), "{said}");
}

#[test]
fn whatever_is_refused_is_a_script_that_says_why_and_fails() {
    let hub = hub_with_agent();
    let good = format!("/install.sh?token={}", hub.join_token(1));
    let piped = |method: &str, host: &str, path: &str| {
        let url = format!("http://{}{path}", hub.http);
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-X", method, "-H", "Accept: text/html, */*", "-H", &format!("Host: {host}"), &url])
            .stdout(Stdio::piped());
        let script = curl.spawn().unwrap().stdout.take().unwrap();
        let ended = Command::new("sh").stdin(script).output().unwrap();
        (ended.status.code(), said(&ended))
    };
    let own = hub.http.to_string();
    // wget throws away what comes with a refusal, as curl does with `-f`.
    let url = format!("http://{own}/install.sh?token=thj1_1_other");
    let script = Command::new("curl").args(["-fsS", "-A", "Wget/1.21.3", &url]).output().unwrap();
    assert!(script.status.success());
    let ended = Command::new("sh").args(["-c", &String::from_utf8(script.stdout).unwrap()]).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(said(&ended).contains("mistyped or of another hub"), "{}", said(&ended));
    for (method, host, path, why) in [
        ("GET", "evil.example", good.clone(), "`--hosts evil.example`"),
        ("GET", "it's$(exit 7)`exit 8`", good.clone(), "is not a name or an address"),
        ("GET", "a\\c:1", good.clone(), "device-agent: "),
        ("GET", "", good.clone(), "is not a name or an address"),
        ("GET", &own, "/install.sh?token=thj1_1_other".to_owned(), "mistyped or of another hub"),
        ("GET", &own, format!("{good}&token=again"), "`token`"),
        ("GET", &own, format!("{good}&name=attic"), "`name`"),
        ("POST", &own, good.clone(), "does not take POST"),
    ] {
        let (code, text) = piped(method, host, &path);
        assert_eq!(code, Some(1), "{method} {host} {path}: {text}");
        assert!(text.starts_with("device-agent: ") && text.contains(why), "{method} {host} {path}: {text}");
        assert_eq!(text.lines().count(), 1, "{method} {host} {path}: {text}");
    }
    let closed = hub.request("PATCH", "/api/v1/hub", Some(r#"{"join": {"policy": "closed"}}"#.to_owned())).unwrap();
    assert_eq!(closed.0, 200);
    let (code, text) = piped("GET", &own, &good);
    assert!(code == Some(1) && text.contains("accepts no new devices"), "{text}");
    // Programs are told as before.
    let (status, text) = hub.request("GET", "/agent/none", None).unwrap();
    assert!(status == 404 && text.starts_with('{'), "{text}");
}

#[test]
fn a_hub_without_agents_says_so_on_the_device() {
    let hub = HubProcess::start("token");
    let line = format!("curl -sS '{}' | sh", link(&hub));
    let ended = Command::new("sh").args(["-c", &line]).output().unwrap();
    assert!(ended.status.code() == Some(1) && said(&ended).contains("has no agent for"), "{}", said(&ended));
}

#[test]
fn the_scripts_are_clean() {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../device-agent/dist");
    let files = ["install.sh", "deb/postinst", "deb/prerm", "deb/postrm"].map(|name| dist.join(name));
    match Command::new("shellcheck").arg("--shell=sh").args(&files).output() {
        Ok(output) => assert!(output.status.success(), "{}", said(&output)),
        Err(_) => skipped("shellcheck"),
    }
}

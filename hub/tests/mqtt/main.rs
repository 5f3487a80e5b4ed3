//! A broker of MQTT as Debian has it, and the real program beside it: what devices say there is on disk before the broker hears so, in
//! both versions and by TLS; a broker or a hub that dies loses nothing that is sent at least once; what is wrong is told in words.
//!
//! Without mosquitto and its clients the stories are skipped by name.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use support::port::free_port;
use support::{HubProcess, Stopped, eventually, metric, skipped};

const SOON: Duration = Duration::from_secs(30);

/// A broker with a folder of its own.
struct Broker {
    dir: tempfile::TempDir,
    port: u16,
    running: Option<Stopped>,
}

impl Broker {
    /// Starts one; `None` when it is not installed. `more` is the rest of its configuration.
    fn start(more: &str) -> Option<Self> {
        let is_there = |program: &str| Command::new(program).arg("--help").output().is_ok();
        if !is_there("mosquitto") || !is_there("mosquitto_pub") {
            skipped("mosquitto and mosquitto-clients (Debian)");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().display();
        let port = free_port();
        let passwords = format!("{path}/passwords");
        fs::write(&passwords, "").unwrap();
        for user in ["hub", "device"] {
            let made = Command::new("mosquitto_passwd").args(["-b", &passwords, user, "secret"]).output().unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        }
        let config = format!(
            // Else it gives up the rights of root, and cannot reach a folder below one that is root's alone.
            "user root\nlistener {port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\npersistence true\n\
             persistence_location {path}/\nautosave_interval 1\nmax_queued_messages 100000\n{}\n",
            more.replace("{dir}", &path.to_string())
        );
        fs::write(dir.path().join("mosquitto.conf"), config).unwrap();
        let mut broker = Self { dir, port, running: None };
        broker.restart();
        Some(broker)
    }

    fn restart(&mut self) {
        self.running = None;
        let mut command = Command::new("mosquitto");
        command.arg("-c").arg(self.dir.path().join("mosquitto.conf")).stdout(Stdio::null()).stderr(Stdio::null());
        self.running = Some(Stopped(command.spawn().unwrap()));
        let address = ([127, 0, 0, 1], self.port).into();
        eventually("the broker", SOON, || TcpStream::connect_timeout(&address, SOON).ok());
    }

    fn publish(&self, args: &[&str]) {
        let sent = self.client("mosquitto_pub").args(args).output().unwrap();
        assert!(sent.status.success(), "{args:?}: {}", String::from_utf8_lossy(&sent.stderr));
    }

    /// Sends each line as a message of its own, at least once.
    fn publish_lines(&self, topic: &str, lines: impl Iterator<Item = String>) {
        let mut client = self.client("mosquitto_pub");
        let mut sent = client.args(["-q", "1", "-l", "-t", topic]).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = sent.stdin.take().unwrap();
        for line in lines {
            writeln!(stdin, "{line}").unwrap();
        }
        drop(stdin);
        assert!(sent.wait().unwrap().success());
    }

    fn client(&self, program: &str) -> Command {
        let mut client = Command::new(program);
        client.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-u", "device", "-P", "secret"]);
        client
    }

    /// A hub that listens to it.
    fn hub(&self, more: &[(&str, &str)]) -> HubProcess {
        let url = format!("mqtt://hub@127.0.0.1:{}", self.port);
        let set = |(name, value): &(&str, &str)| (format!("TELEMETRY_HUB_{name}"), (*value).to_owned());
        let usual = [("MQTT", url.as_str()), ("MQTT_PASSWORD", "secret")];
        // What is said later counts.
        let environment = usual.iter().chain(more).map(set).collect();
        HubProcess::on(self.dir.path().join("hub"), "token", environment)
    }
}

fn count(hub: &HubProcess, name: &str) -> u64 {
    let (_, text) = hub.request("GET", "/metrics", None).unwrap();
    metric(&text, name).unwrap_or_else(|| panic!("{name} is missing"))
}

fn connected(hub: &HubProcess) {
    eventually("a connection to the broker", SOON, || (count(hub, "hub_mqtt_connected") == 1).then_some(()));
}

/// The door's row.
fn door(hub: &HubProcess) -> serde_json::Value {
    let doors = hub.get("/api/v1/doors");
    doors["items"].as_array().unwrap().iter().find(|door| door["name"] == "mqtt").unwrap().clone()
}

/// Device, sensor, unit and value of all that is latest.
fn latest(hub: &HubProcess) -> Vec<(String, String, String, f64)> {
    // First: each of these has its device, while a device that is made meanwhile has none of these.
    let latest = hub.get("/api/v1/latest");
    let devices = hub.get("/api/v1/devices");
    let name = |id: &str| {
        let devices = devices["items"].as_array().unwrap();
        devices.iter().find(|device| device["id"] == id).unwrap()["name"].as_str().unwrap().to_owned()
    };
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let mut rows: Vec<_> = latest["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (name(&text(&row["device"])), text(&row["sensor"]), text(&row["unit"]), row["value"].as_f64().unwrap())
        })
        .collect();
    rows.sort_by(|a, b| a.partial_cmp(b).unwrap());
    rows
}

fn row(device: &str, sensor: &str, unit: &str, value: f64) -> (String, String, String, f64) {
    (device.to_owned(), sensor.to_owned(), unit.to_owned(), value)
}

const CONFIG: &str = r#"{"device_class":"temperature","state_topic":"bed/state","unit_of_measurement":"°C",
    "value_template":"{{ value_json.t }}","device":{"identifiers":["bed01"],"name":"Bedroom"},"availability_topic":"bed/online"}"#;

#[test]
fn devices_are_there_by_what_they_say_and_what_is_not_understood_is_listed() {
    for is_old in [false, true] {
        let Some(broker) = Broker::start("") else { return };
        broker.publish(&["-r", "-t", "homeassistant/sensor/bed/config", "-m", CONFIG]);
        broker.publish(&["-r", "-t", "bed/online", "-m", "offline"]);
        broker.publish(&["-r", "-t", "bed/state", "-m", r#"{"t":11}"#]);
        let port = if is_old { before_version_5(broker.port) } else { broker.port };
        let mut hub = broker.hub(&[("MQTT", &format!("mqtt://hub@127.0.0.1:{port}"))]);
        connected(&hub);
        broker.publish(&["-t", "sensors/garden/moisture", "-m", "33"]);
        broker.publish(&["-t", "door/bell", "-m", "ding dong"]);
        broker.publish(&["-q", "1", "-t", "bed/state", "-m", r#"{"t":21.5}"#]);
        let expected = [
            row("Bedroom", "available", "", 0.0),
            row("Bedroom", "temperature", "Cel", 21.5),
            row("sensors/garden", "moisture", "", 33.0),
        ];
        eventually("the readings", SOON, || (latest(&hub).len() == 3).then_some(()));
        assert_eq!(latest(&hub), expected);
        assert_eq!(hub.count(), 3, "what the broker kept is no reading of now, and what stays as it is is told once");
        let unread = hub.get("/api/v1/doors/mqtt/unread");
        let topic = &unread["items"][0];
        assert_eq!(
            (&topic["topic"], &topic["why"], &topic["payload"]),
            (&"door/bell".into(), &"text".into(), &"ding dong".into())
        );
        let door = door(&hub);
        assert_eq!((&door["connected"], &door["refused"]["text"]), (&true.into(), &1.into()), "{door}");
        // One rule, and it is: at once, and after a start as well.
        let rule =
            serde_json::json!({"topic": "door/+", "device": "{1}", "sensor": "{2}", "on": "ding dong", "off": ""});
        hub.post("/api/v1/doors/mqtt/rules", &rule);
        eventually("one topic less", SOON, || {
            hub.get("/api/v1/doors/mqtt/unread")["items"].as_array().unwrap().is_empty().then_some(())
        });
        assert_eq!(hub.terminate().0, Some(0));
        hub.restart();
        connected(&hub);
        broker.publish(&["-t", "door/bell", "-m", "ding dong"]);
        let is_there = || latest(&hub).contains(&row("door", "bell", "", 1.0)).then_some(());
        eventually("the bell", SOON, is_there);
    }
}

/// A way to a broker that knows no version 5 yet: it hangs up on whoever speaks it. Its port.
fn before_version_5(broker: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut first = [0; 64];
            let length = client.read(&mut first).unwrap_or_default();
            let version = first.windows(4).position(|part| part == b"MQTT").map(|at| first[at + 4]);
            let Ok(mut to) = TcpStream::connect(("127.0.0.1", broker)) else { continue };
            if version != Some(4) || to.write_all(&first[..length]).is_err() {
                continue;
            }
            let (mut back, mut out) = (to.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut back, &mut out);
                let _ = out.shutdown(std::net::Shutdown::Both);
            });
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut client, &mut to);
                let _ = to.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    port
}

#[test]
fn a_hub_that_is_killed_and_a_broker_that_starts_again_lose_nothing_that_is_sent_at_least_once() {
    const MESSAGES: u64 = 3_000;
    let Some(mut broker) = Broker::start("") else { return };
    let mut hub = broker.hub(&[]);
    connected(&hub);
    // Each message has its own moment, so that one that comes twice is one.
    let now = telemetry_hub::clock::Clock.wall().0 - 60_000;
    let line = |number: u64| format!("{{\"n\":{number},\"time\":{}}}", now + number as i64);
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| broker.publish_lines("meter/hall", (0..MESSAGES).map(line)));
        for after in [100, 600] {
            eventually("some of it", SOON, || (count(&hub, "hub_mqtt_readings_total") >= after).then_some(()));
            hub.kill();
            hub.restart();
        }
        sender.join().unwrap();
    });
    eventually("all of it", SOON, || (hub.count() == MESSAGES).then_some(()));
    hub.kill();
    broker.publish_lines("meter/hall", (MESSAGES..MESSAGES + 200).map(line));
    hub.restart();
    eventually("what came while it was away", SOON, || (hub.count() == MESSAGES + 200).then_some(()));
    // Also where thousands that say no time come at once.
    hub.kill();
    broker.publish_lines("meter/cellar", (0..2_500).map(|number| number.to_string()));
    hub.restart();
    let all = MESSAGES + 200 + 2_500;
    eventually("what says no time", SOON, || (hub.count() == all).then_some(()));
    connected(&hub);
    broker.restart();
    connected(&hub);
    let expected = [row("meter", "cellar", "", 2_499.0), row("meter/hall", "n", "", (MESSAGES + 299) as f64)];
    eventually("a new connection", SOON, || {
        broker.publish_lines("meter/hall", (MESSAGES + 200..MESSAGES + 300).map(line));
        // A broker that is killed forgets what was acknowledged last, and says it again.
        (hub.count() >= all + 100 && latest(&hub) == expected).then_some(())
    });
}

#[test]
fn a_wrong_password_and_a_broker_that_is_not_there_are_said_plainly() {
    let Some(broker) = Broker::start("") else { return };
    let hub = broker.hub(&[("MQTT_PASSWORD", "wrong")]);
    let error = eventually("the error", SOON, || door(&hub)["last_error"].as_str().map(str::to_owned));
    assert!(error.contains("refuses user or password") && error.contains("--mqtt-password-file"), "{error}");
    assert_eq!(door(&hub)["connected"], false);
    drop(hub);
    let nowhere = format!("mqtt://127.0.0.1:{}", free_port());
    let hub =
        HubProcess::on(broker.dir.path().join("other"), "token", vec![("TELEMETRY_HUB_MQTT".to_owned(), nowhere)]);
    let error = eventually("the error", SOON, || door(&hub)["last_error"].as_str().map(str::to_owned));
    assert!(error.contains("Connection refused"), "{error}");
}

#[test]
fn a_broker_is_believed_by_the_authority_that_is_named_alone() {
    let certificates = tempfile::tempdir().unwrap();
    let [authority, certificate, key] = ["ca.pem", "cert.pem", "key.pem"].map(|name| certificates.path().join(name));
    write_certificates(&authority, &certificate, &key);
    Command::new("chmod").args(["-R", "a+rX"]).arg(certificates.path()).status().unwrap();
    let port = free_port();
    let tls = format!(
        "listener {port} 127.0.0.1\ncertfile {}\nkeyfile {}\ncafile {}",
        certificate.display(),
        key.display(),
        authority.display()
    );
    let Some(broker) = Broker::start(&tls) else { return };
    let url = format!("mqtts://hub@localhost:{port}");
    let doubting = broker.hub(&[("MQTT", &url)]);
    let error = eventually("the error", SOON, || door(&doubting)["last_error"].as_str().map(str::to_owned));
    assert!(error.contains("is not trusted") && error.contains("--mqtt-ca FILE"), "{error}");
    drop(doubting);
    let hub = broker.hub(&[("MQTT", &url), ("MQTT_CA", authority.to_str().unwrap())]);
    connected(&hub);
    broker.publish(&["-q", "1", "-t", "a/b", "-m", "1"]);
    eventually("the reading", SOON, || (latest(&hub) == [row("a", "b", "", 1.0)]).then_some(()));
}

#[test]
fn an_edge_node_of_sparkplug_is_asked_for_what_was_missed() {
    let Some(broker) = Broker::start("") else { return };
    let package = tempfile::tempdir().unwrap();
    let mut install = Command::new("npm");
    install
        .args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
        .arg(package.path());
    if !install.arg("sparkplug-client@3.2.4").status().is_ok_and(|status| status.success()) {
        return skipped("sparkplug-client (npm)");
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mqtt/sparkplug.cjs");
    let mut node = Command::new("node");
    node.arg(script).arg(package.path().join("node_modules/sparkplug-client")).arg(broker.port.to_string());
    let _node = Stopped(node.spawn().unwrap());
    // It is born long before anybody listens, and says only numbers from then on.
    let mut listening = broker.client("mosquitto_sub");
    let heard = listening.args(["-t", "spBv1.0/plant/DDATA/#", "-C", "3", "-W", "30"]).output().unwrap();
    assert!(heard.status.success(), "{}", String::from_utf8_lossy(&heard.stderr));
    let hub = broker.hub(&[]);
    let of = |sensor: &str| {
        let mut rows = latest(&hub);
        rows.retain(|row| row.1 == sensor);
        rows
    };
    let temperature =
        eventually("the temperature", SOON, || of("temperature").pop().filter(|(.., value)| *value > 20.0));
    assert_eq!((temperature.0.as_str(), temperature.2.as_str()), ("plant/press/oil", "Cel"));
    assert_eq!(of("level"), [row("plant/press", "level", "", -5.0)]);
    eventually("that both are there", SOON, || (of("available").len() == 2).then_some(()));
}

#[test]
fn what_agents_say_and_rules_find_is_heard_at_the_broker() {
    let Some(broker) = Broker::start("") else { return };
    let mut hub = broker.hub(&[("MQTT_PUBLISH", "telemetry")]);
    connected(&hub);
    let kept = |topic: &str| {
        let mut client = broker.client("mosquitto_sub");
        let heard = client.args(["-t", topic, "-C", "1", "-W", "20"]).output().unwrap();
        String::from_utf8(heard.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(kept("telemetry/available"), "online");
    let state = tempfile::tempdir().unwrap();
    let token = hub.join_token(1);
    let _agent = hub.start_agent(state.path(), &["--join-token", &token, "--name", "attic", "--interval", "1s"]);
    let config: serde_json::Value = serde_json::from_str(&kept("homeassistant/sensor/#")).unwrap();
    assert_eq!(config["device"]["name"], "attic");
    assert!(config["expire_after"].as_u64() >= Some(60), "{config}");
    let state_topic = config["state_topic"].as_str().unwrap();
    assert!(kept(state_topic).parse::<f64>().is_ok(), "{config}");
    let rule =
        serde_json::json!({"name": "any", "sensor": "*", "condition": {"type": "threshold", "op": ">", "value": -1e9}});
    let number = hub.post("/api/v1/rules", &rule)["id"].as_str().unwrap().trim_start_matches("rul_").to_owned();
    eventually("the alert", SOON, || (kept(&format!("telemetry/rules/{number}")) == "ON").then_some(()));
    // It does not hear itself.
    assert!(latest(&hub).iter().all(|row| row.0 == "attic"), "{:?}", latest(&hub));
    assert_eq!(hub.get("/api/v1/doors/mqtt/unread")["items"], serde_json::json!([]));
    hub.kill();
    assert_eq!(
        eventually("the will", SOON, || Some(kept("telemetry/available")).filter(|word| word != "online")),
        "offline"
    );
}

fn write_certificates(authority: &PathBuf, certificate: &PathBuf, key: &PathBuf) {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let authority_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = params.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(params, authority_key);
    let server_key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let signed = server.signed_by(&server_key, &issuer).unwrap();
    fs::write(authority, own.pem()).unwrap();
    fs::write(certificate, signed.pem()).unwrap();
    fs::write(key, server_key.serialize_pem()).unwrap();
}

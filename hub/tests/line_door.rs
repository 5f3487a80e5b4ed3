//! The line protocol by UDP and TCP, by the real program: what comes is on disk, what does not fit is counted, and many connections that
//! say nothing keep nobody out.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use rustix::process::{Pid as Process, Resource, Signal, getrlimit, kill_process};
use support::port::free_port;
use support::{HubProcess, eventually, memory_kib, metric};

const SOON: Duration = Duration::from_secs(20);

/// A hub with both doors, and where they are.
struct Scene {
    hub: HubProcess,
    udp: SocketAddr,
    tcp: SocketAddr,
    _dir: tempfile::TempDir,
}

impl Scene {
    fn start(allow: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let [udp, tcp] = [(); 2].map(|()| SocketAddr::from(([127, 0, 0, 1], free_port())));
        let set = |name: &str, value: &str| (format!("TELEMETRY_HUB_LINE_{name}"), value.to_owned());
        let environment = vec![set("UDP", &udp.to_string()), set("TCP", &tcp.to_string()), set("ALLOW", allow)];
        let hub = HubProcess::on(dir.path().to_owned(), "token", environment);
        Self { hub, udp, tcp, _dir: dir }
    }

    fn datagram(&self, text: &str) {
        UdpSocket::bind("127.0.0.1:0").unwrap().send_to(text.as_bytes(), self.udp).unwrap();
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.tcp).unwrap()
    }

    fn metric(&self, name: &str) -> u64 {
        let (_, text) = self.hub.request("GET", "/metrics", None).unwrap();
        metric(&text, name).unwrap_or_else(|| panic!("{name} is missing"))
    }

    fn dropped(&self, door: &str, reason: &str) -> u64 {
        self.metric(&format!("hub_line_{door}_dropped_total{{reason=\"{reason}\"}}"))
    }

    fn has(&self, readings: u64) {
        eventually("the readings", SOON, || (self.hub.count() == readings).then_some(()));
    }
}

#[test]
fn lines_by_udp_and_tcp_are_stored_and_what_is_wrong_or_cut_is_counted() {
    let mut scene = Scene::start("127.0.0.0/8");
    let now = telemetry_hub::clock::Clock.wall().0 / 1_000;
    // The unit of the time is told by its size.
    scene.datagram(&format!("m,host=u f=1 {}\nm,host=u f=2 {}000000000", now - 1, now));
    scene.has(2);
    scene.datagram(&format!("m,host=u f=3 {}\nm,host=u f=x {now}\nm,host=u f=4 {}", now - 2, now / 1_000));
    scene.has(3);
    assert_eq!((scene.dropped("udp", "invalid"), scene.dropped("udp", "cut")), (1, 1));

    let mut stream = scene.connect();
    write!(stream, "m,host=t f=1 {}\nm,host=t f=", now - 1).unwrap();
    scene.has(4);
    write!(stream, "2 {now}\n{}\nm,host=t g=1 {now}\n", "x".repeat(100_000)).unwrap();
    scene.has(6);
    assert_eq!(scene.dropped("tcp", "too_long"), 1);
    // The last line needs no end where the connection has one.
    write!(stream, "m,host=t h=1 {now}").unwrap();
    drop(stream);
    scene.has(7);
    let devices = scene.hub.get("/api/v1/devices?status=online");
    assert_eq!(devices["items"][0]["address"], "127.0.0.1", "{devices}");
    assert_eq!(scene.metric("hub_line_readings_total{door=\"tcp\"}"), 4);

    // What was sent before the end is stored.
    let mut stream = scene.connect();
    let many: String = (0..1_000).map(|n| format!("m,host=t f={n} {}\n", now - 10 - n)).collect();
    stream.write_all(many.as_bytes()).unwrap();
    let (code, took) = scene.hub.terminate();
    assert!(code == Some(0) && took < Duration::from_secs(10), "{code:?} {took:?}");
    scene.hub.restart();
    scene.has(1_007);
}

#[test]
fn what_a_blocked_device_sends_alone_is_counted() {
    let scene = Scene::start("127.0.0.0/8");
    scene.datagram("m,host=pest f=1");
    scene.has(1);
    let id = scene.hub.get("/api/v1/devices")["items"][0]["id"].as_str().unwrap().to_owned();
    scene.hub.post(&format!("/api/v1/devices/{id}/block"), &serde_json::json!({}));
    scene.datagram("m,host=pest f=2\nm,host=pest f=3");
    eventually("it is counted", SOON, || (scene.dropped("udp", "not_taken") == 2).then_some(()));
    assert_eq!(scene.metric("hub_line_readings_total{door=\"udp\"}"), 1);
}

#[test]
fn lines_without_a_time_that_come_together_are_all_stored_and_what_is_called_stored_is() {
    let mut scene = Scene::start("127.0.0.0/8");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut stream = scene.connect();
    for n in 0..200 {
        socket.send_to(format!("m,host=u f={n}\nm,host=u f={n}").as_bytes(), scene.udp).unwrap();
        writeln!(stream, "m,host=t f={n}").unwrap();
    }
    scene.has(600);
    // The same moment twice is one reading, and more than a second of milliseconds has no place.
    let now = telemetry_hub::clock::Clock.wall().0;
    stream.write_all(format!("m,host=s f=1 {now}\nm,host=s f=2 {now}\n").as_bytes()).unwrap();
    stream.write_all("m,host=v f=1\n".repeat(1_200).as_bytes()).unwrap();
    eventually("all is counted", SOON, || (scene.metric("hub_line_lines_total{door=\"tcp\"}") == 1_402).then_some(()));
    eventually("all is counted", SOON, || {
        let dropped = scene.dropped("tcp", "too_fast") + scene.dropped("tcp", "replaced");
        let stored = scene.metric("hub_line_readings_total{door=\"tcp\"}");
        (dropped + stored == 1_402 && scene.hub.count() == 400 + stored).then_some(())
    });
    let (fast, replaced) = (scene.dropped("tcp", "too_fast"), scene.dropped("tcp", "replaced"));
    assert!((100..200).contains(&fast) && replaced == 1, "{fast} {replaced}");
    // None of it came by HTTP.
    let stored = scene.metric("hub_push_requests_total{outcome=\"stored\"}");
    assert_eq!((scene.metric("hub_pushed_readings_total"), stored), (0, 0));

    // What a sender that died had sent of its last line is no reading.
    let before = scene.hub.count();
    write!(stream, "m,host=x f=100.7,g=1\nm,host=x f=1").unwrap();
    drop(stream);
    let mut stream = scene.connect();
    write!(stream, "m,host=y f=1 {now}\nm,host=y f=100.7 {}", now / 1_000).unwrap();
    drop(stream);
    eventually("both are cut", SOON, || (scene.dropped("tcp", "cut") == 2).then_some(()));
    scene.has(before + 3);

    // What has arrived when the hub stops is stored.
    let stopped = Process::from_raw(scene.hub.pid().cast_signed()).unwrap();
    kill_process(stopped, Signal::STOP).unwrap();
    for n in 0..1_000 {
        socket.send_to(format!("m,host=z f={n} {}", now - 10_000 + n).as_bytes(), scene.udp).unwrap();
    }
    let goes_on = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        kill_process(stopped, Signal::CONT).unwrap();
    });
    let (code, _) = scene.hub.terminate();
    goes_on.join().unwrap();
    assert_eq!(code, Some(0));
    scene.hub.restart();
    scene.has(before + 1_003);

    // What it had no room for is counted.
    let stopped = Process::from_raw(scene.hub.pid().cast_signed()).unwrap();
    kill_process(stopped, Signal::STOP).unwrap();
    let large = format!("#{}", "x".repeat(8_000));
    for _ in 0..2_000 {
        socket.send_to(large.as_bytes(), scene.udp).unwrap();
    }
    kill_process(stopped, Signal::CONT).unwrap();
    eventually("it is counted", SOON, || (scene.dropped("udp", "kernel") > 100).then_some(()));
}

#[test]
fn a_door_is_open_to_its_networks_alone() {
    let scene = Scene::start("10.0.0.0/8");
    scene.datagram("m f=1");
    let mut closed = scene.connect();
    closed.set_read_timeout(Some(SOON)).unwrap();
    assert_eq!(closed.read(&mut [0]).unwrap(), 0);
    eventually("both are counted", SOON, || {
        (scene.dropped("udp", "not_allowed") == 1 && scene.dropped("tcp", "not_allowed") == 1).then_some(())
    });
    assert_eq!(scene.hub.count(), 0);
}

#[test]
fn ten_thousand_idle_connections_cost_little_and_one_that_dawdles_is_closed() {
    let scene = Scene::start("127.0.0.0/8");
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let count = 10_000.min(files.saturating_sub(500) / 2);
    let mut slow = scene.connect();
    slow.write_all(b"m,host=slow f=").unwrap();
    let before = memory_kib(scene.hub.pid(), "VmRSS:");
    let idle: Vec<_> = (0..count).map(|_| scene.connect()).collect();
    let mut last = scene.connect();
    last.write_all(b"m,host=last f=1\n").unwrap();
    scene.has(1);
    let each = (memory_kib(scene.hub.pid(), "VmRSS:").saturating_sub(before)) * 1_024 / count;
    assert!(each < 8_192, "{each} bytes a connection");
    // Halves of a line come all the time, and no end of it.
    slow.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    eventually("it is closed", Duration::from_secs(45), || {
        let is_closed = slow.write_all(b"1").is_err() || matches!(slow.read(&mut [0]), Ok(0));
        std::thread::sleep(Duration::from_secs(1));
        is_closed.then_some(())
    });
    assert_eq!(scene.dropped("tcp", "slow"), 1);
    // Those that said nothing may still.
    let mut first = idle.into_iter().next().unwrap();
    first.write_all(b"m,host=first f=1\n").unwrap();
    scene.has(2);
}

//! A hub, what it takes, and how long somebody else waits for an answer.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};

use crate::support::{HubProcess, eventually, memory_kib};

const MOST_KIB: u64 = 64 << 10;
const SENSORS: usize = 100;

pub(crate) struct Scene {
    pub(crate) hub: HubProcess,
    /// Of a hub with TLS, deleted with it.
    _dir: Option<tempfile::TempDir>,
    idle: u64,
    most: u64,
    slowest: Duration,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::around(HubProcess::start("token"), None)
    }

    /// A hub that serves by TLS.
    pub(crate) fn by_tls() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let by_tls = vec![("TELEMETRY_HUB_TLS".to_owned(), "auto".to_owned())];
        Self::around(HubProcess::on(dir.path().join("hub"), "token", by_tls), Some(dir))
    }

    fn around(hub: HubProcess, dir: Option<tempfile::TempDir>) -> Self {
        let mut scene = Self { hub, _dir: dir, idle: 0, most: 0, slowest: Duration::ZERO };
        scene.push();
        scene.look();
        (scene.idle, scene.most) = (scene.most, 0);
        scene
    }

    /// A reading of each sensor.
    pub(crate) fn push(&self) {
        let readings: Vec<Value> = (0..SENSORS).map(|n| json!({"sensor": format!("s{n}"), "value": n})).collect();
        self.hub.post("/api/v1/readings", &json!({"device": "boiler", "readings": readings}));
    }

    /// What the hub takes now, and how long somebody else waits for an answer.
    pub(crate) fn look(&mut self) {
        let began = Instant::now();
        assert_eq!(self.hub.status("GET", "/api/v1/devices", None), Some(200), "nobody else is answered");
        self.slowest = self.slowest.max(began.elapsed());
        self.most = self.most.max(memory_kib(self.hub.pid(), "VmRSS:"));
    }

    pub(crate) fn look_for(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.look();
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What the flood cost while it lasted.
    pub(crate) fn cost(&self, what: &str) {
        let Self { idle, most, slowest, .. } = self;
        let _ = writeln!(std::io::stderr(), "{what}: {idle} KiB, at most {most}; slowest answer to others {slowest:?}");
        assert!(*most <= idle + MOST_KIB, "{what}: {idle} KiB became {most} KiB");
    }

    /// The flood is over: what it cost, and that it is given back.
    pub(crate) fn settle(mut self, what: &str) {
        self.cost(what);
        let idle = self.idle;
        let back = eventually("memory given back", Duration::from_secs(60), || {
            self.look();
            let now = memory_kib(self.hub.pid(), "VmRSS:");
            (now <= idle + MOST_KIB / 2).then_some(now)
        });
        let _ = writeln!(std::io::stderr(), "{what}: then {back} KiB");
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        // It takes little of what it does not read.
        socket.set_recv_buffer_size(4 << 10).unwrap();
        let at: SocketAddr = self.hub.http;
        socket.connect(&at.into()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        socket.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
        socket.into()
    }

    pub(crate) fn head(&self, request: &str, more: &str) -> String {
        self.head_as(&self.hub.token, request, more)
    }

    /// A live connection.
    pub(crate) fn live_as(&self, token: &str) -> TcpStream {
        let mut socket = self.connect();
        let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
            sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
        socket.write_all(self.head_as(token, "GET /api/v1/live", upgrade).as_bytes()).unwrap();
        socket
    }

    pub(crate) fn head_as(&self, token: &str, request: &str, more: &str) -> String {
        let host = self.hub.http;
        format!("{request} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n{more}\r\n")
    }
}

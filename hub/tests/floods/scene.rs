//! A hub, what it takes, and how long somebody else waits for an answer.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant, UNIX_EPOCH};

use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};

use crate::support::{HubProcess, eventually, memory_kib};

/// Above an idle hub while a flood lasts.
const MOST_KIB: u64 = 64 << 10;
/// And a minute after it.
const KEPT_KIB: u64 = 16 << 10;
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
        assert_eq!(self.try_push(), Some(200));
    }

    /// The same; `None` when the connection gave way to others before its header was read.
    pub(crate) fn try_push(&self) -> Option<u16> {
        let readings: Vec<Value> = (0..SENSORS).map(|n| json!({"sensor": format!("s{n}"), "value": n})).collect();
        let body = json!({"device": "boiler", "readings": readings}).to_string();
        self.hub.status("POST", "/api/v1/readings", Some(body))
    }

    /// Readings of some megabytes.
    pub(crate) fn push_large(&self) {
        let now = UNIX_EPOCH.elapsed().unwrap().as_millis() as i64;
        let readings: Vec<Value> = (0..80_000).map(|n| json!({"sensor": "s0", "value": n, "at": now - n})).collect();
        self.hub.post("/api/v1/readings", &json!({"device": "boiler", "readings": readings}));
    }

    /// What the hub takes now, and how long somebody else waits for an answer.
    pub(crate) fn look(&mut self) {
        let began = Instant::now();
        assert_eq!(self.hub.status("GET", "/api/v1/devices", None), Some(200), "nobody else is answered");
        self.slowest = self.slowest.max(began.elapsed());
        self.saw(self.memory());
    }

    pub(crate) fn look_for(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.look();
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What the flood cost while it lasted.
    fn cost(&self, what: &str, most_kib: u64) {
        let Self { idle, most, slowest, .. } = self;
        let _ = writeln!(std::io::stderr(), "{what}: {idle} KiB, at most {most}; slowest answer to others {slowest:?}");
        assert!(*most <= idle + most_kib, "{what}: {idle} KiB became {most} KiB");
    }

    /// Its memory was so much at some moment.
    pub(crate) fn saw(&mut self, kib: u64) {
        self.most = self.most.max(kib);
    }

    /// Its memory now, in KiB.
    pub(crate) fn memory(&self) -> u64 {
        memory_kib(self.hub.pid(), "VmRSS:")
    }

    /// The flood is over: what it cost, and that it is given back.
    pub(crate) fn settle(self, what: &str) {
        self.settle_from(what, MOST_KIB);
    }

    /// The same of a flood that may cost so much.
    pub(crate) fn settle_from(mut self, what: &str, most_kib: u64) {
        self.cost(what, most_kib);
        let (idle, began) = (self.idle, Instant::now());
        let back = eventually("memory given back", Duration::from_secs(60), || {
            self.look();
            let now = self.memory();
            (now <= idle + KEPT_KIB).then_some(now)
        });
        let _ = writeln!(std::io::stderr(), "{what}: {back} KiB after {:?}", began.elapsed());
    }

    pub(crate) fn connect(&self) -> TcpStream {
        self.try_connect_from(0).unwrap()
    }

    /// From one of this machine's own addresses.
    pub(crate) fn try_connect_from(&self, n: usize) -> std::io::Result<TcpStream> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        // It takes little of what it does not read.
        socket.set_recv_buffer_size(4 << 10)?;
        let from = [127, 0, 0, 1 + (n % 100) as u8];
        socket.bind(&SocketAddr::from((from, 0)).into())?;
        let at: SocketAddr = self.hub.http;
        socket.connect(&at.into())?;
        socket.set_read_timeout(Some(Duration::from_secs(20)))?;
        socket.set_write_timeout(Some(Duration::from_secs(5)))?;
        Ok(socket.into())
    }

    /// Sets the first password and signs a browser in; its cookie.
    pub(crate) fn signed_in(&self, password: &str) -> String {
        let lines = self.hub.outputs(&["open"]).join("\n");
        let (_, token) = lines.split_once("#setup=").unwrap();
        let token: String = token.chars().take_while(char::is_ascii_hexdigit).collect();
        self.hub.post("/api/v1/setup", &json!({"setup_token": token, "password": password}));
        let body = json!({"password": password}).to_string();
        let more = format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
        let answer = self.answer("POST /api/v1/session", &more, &body).unwrap();
        let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    /// Asks on a connection of its own, with these header fields; the status of the answer.
    pub(crate) fn asks(&self, request: &str, fields: &str) -> Option<u16> {
        self.answer(request, fields, "").ok()?.split(' ').nth(1)?.parse().ok()
    }

    fn answer(&self, request: &str, fields: &str, body: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(self.hub.http)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let host = self.hub.http;
        write!(stream, "{request} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{fields}\r\n{body}")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
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

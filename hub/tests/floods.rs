//! What many at once may cost the hub's memory, by its program: bodies of strangers, answers that nobody reads, subscriptions.
//! Each costs at most 64 MiB above an idle hub, half of which are given back within a minute; a client beside them is answered. What was
//! measured is printed. And whose access ends keeps nothing of it.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};
use support::{HubProcess, eventually, memory_kib};

const MOST_KIB: u64 = 64 << 10;
const SENSORS: usize = 100;

struct Scene {
    hub: HubProcess,
    idle: u64,
    most: u64,
    slowest: Duration,
}

impl Scene {
    fn new() -> Self {
        let hub = HubProcess::start("token");
        let mut scene = Self { hub, idle: 0, most: 0, slowest: Duration::ZERO };
        scene.push();
        scene.look();
        (scene.idle, scene.most) = (scene.most, 0);
        scene
    }

    /// A reading of each sensor.
    fn push(&self) {
        let readings: Vec<Value> = (0..SENSORS).map(|n| json!({"sensor": format!("s{n}"), "value": n})).collect();
        self.hub.post("/api/v1/readings", &json!({"device": "boiler", "readings": readings}));
    }

    /// What the hub takes now, and how long somebody else waits for an answer.
    fn look(&mut self) {
        let began = Instant::now();
        assert_eq!(self.hub.status("GET", "/api/v1/devices", None), Some(200), "nobody else is answered");
        self.slowest = self.slowest.max(began.elapsed());
        self.most = self.most.max(memory_kib(self.hub.pid(), "VmRSS:"));
    }

    fn look_for(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.look();
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What the flood cost while it lasted.
    fn cost(&self, what: &str) {
        let Self { idle, most, slowest, .. } = self;
        let _ = writeln!(std::io::stderr(), "{what}: {idle} KiB, at most {most}; slowest answer to others {slowest:?}");
        assert!(*most <= idle + MOST_KIB, "{what}: {idle} KiB became {most} KiB");
    }

    /// The flood is over.
    fn settle(mut self, what: &str) {
        self.cost(what);
        let idle = self.idle;
        let back = eventually("memory given back", Duration::from_secs(60), || {
            self.look();
            let now = memory_kib(self.hub.pid(), "VmRSS:");
            (now <= idle + MOST_KIB / 2).then_some(now)
        });
        let _ = writeln!(std::io::stderr(), "{what}: then {back} KiB");
    }

    fn connect(&self) -> TcpStream {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        // It takes little of what it does not read.
        socket.set_recv_buffer_size(4 << 10).unwrap();
        let at: SocketAddr = self.hub.http;
        socket.connect(&at.into()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        socket.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
        socket.into()
    }

    fn head(&self, request: &str, more: &str) -> String {
        self.head_as(&self.hub.token, request, more)
    }

    /// A live connection.
    fn live_as(&self, token: &str) -> TcpStream {
        let mut socket = self.connect();
        let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
            sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
        socket.write_all(self.head_as(token, "GET /api/v1/live", upgrade).as_bytes()).unwrap();
        socket
    }

    fn head_as(&self, token: &str, request: &str, more: &str) -> String {
        let host = self.hub.http;
        format!("{request} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n{more}\r\n")
    }
}

#[test]
fn bodies_of_strangers_are_small_and_looked_at_after_they_were_counted() {
    let mut scene = Scene::new();
    let host = scene.hub.http;
    let head = |length: &str| {
        format!("POST /api/v1/session HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n{length}\r\n\r\n")
    };
    let mut first = scene.connect();
    first.write_all(head("content-length: 1048576").as_bytes()).unwrap();
    let mut status = [0; 12];
    first.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 413", "a stranger's body is small");
    let chunk = [b"10000\r\n".to_vec(), vec![b' '; 0x10000], b"\r\n".to_vec()].concat();
    let mut open = Vec::new();
    for n in 0..200 {
        let mut stream = scene.connect();
        let length = if n % 2 == 0 { "content-length: 1048576" } else { "transfer-encoding: chunked" };
        stream.write_all(head(length).as_bytes()).unwrap();
        // Some of it arrives before the hub hangs up.
        for _ in 0..8 {
            let _ = stream.write_all(&chunk);
        }
        open.push(stream);
        if n % 20 == 0 {
            scene.look();
        }
    }
    scene.look_for(Duration::from_secs(1));
    drop(open);
    scene.settle("200 large bodies to sign in with");
}

#[test]
fn answers_that_nobody_reads_have_a_room_and_others_are_answered() {
    let mut scene = Scene::new();
    let path = "/api/v1/query?device=*&sensor=*&points=10000&from=2020-01-01T00:00:00Z";
    let readers: Vec<TcpStream> = (0..30)
        .map(|_| {
            let mut stream = scene.connect();
            stream.write_all(scene.head(&format!("GET {path}"), "").as_bytes()).unwrap();
            stream
        })
        .collect();
    scene.look_for(Duration::from_secs(15));
    // Some were told that there is no room; the first of them has its answer under way.
    let begins = |mut stream: TcpStream| {
        let mut start = [0; 12];
        stream.read_exact(&mut start).map(|()| String::from_utf8_lossy(&start).into_owned()).unwrap_or_default()
    };
    let begun: Vec<String> = readers.into_iter().map(begins).collect();
    let of = |status: &str| begun.iter().filter(|begun| begun.ends_with(status)).count();
    assert!(of("200") >= 1 && of("503") >= 1 && of("200") + of("503") == 30, "{begun:?}");
    scene.settle("30 answers of 27 MB that nobody reads");
}

#[test]
fn queries_that_wait_for_their_turn_cost_little_and_others_are_answered() {
    let mut scene = Scene::new();
    let query = "GET /api/v1/query?device=*&sensor=*&from=now-26h&points=10000&agg=min,max,avg,count,first,last";
    let request = scene.head(query, "");
    // What each of so many knew of its buckets while it waited was 300 kB.
    let sockets: Vec<TcpStream> = (0..600)
        .map(|_| {
            let mut socket = scene.connect();
            socket.write_all(request.as_bytes()).unwrap();
            socket
        })
        .collect();
    scene.look_for(Duration::from_secs(12));
    drop(sockets);
    scene.cost("600 large queries at once");
}

#[test]
fn a_token_that_a_command_revokes_ends_its_live_connections() {
    let scene = Scene::new();
    let token = scene.hub.output(&["token", "create", "--scope", "read"]);
    let id = scene.hub.get("/api/v1/tokens")["items"].as_array().unwrap().last().unwrap()["id"].clone();
    let (mut ends, mut stays) = (scene.live_as(&token), scene.live_as(&scene.hub.token));
    for socket in [&mut ends, &mut stays] {
        let mut hello = [0; 512];
        assert!(socket.read(&mut hello).unwrap() > 12 && hello.starts_with(b"HTTP/1.1 101"));
    }
    scene.hub.output(&["token", "revoke", id.as_str().unwrap()]);
    // Well before the next ping of twenty seconds.
    ends.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut rest = Vec::new();
    ends.read_to_end(&mut rest).expect("it goes on");
    assert!(String::from_utf8_lossy(&rest).contains("signed out"), "{rest:?}");
    stays.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let mut more = [0; 512];
    assert!(!matches!(stays.read(&mut more), Ok(0)), "nobody else is put out");
}

#[test]
fn subscriptions_cost_what_a_connection_may() {
    let mut scene = Scene::new();
    let subscribe = |id: usize| {
        let text = json!({"type": "subscribe", "id": id, "device": "*", "sensor": "*", "max_hz": 0.1}).to_string();
        // A masked text frame of less than 126 bytes; a mask of zeros changes nothing.
        [&[0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0], text.as_bytes()].concat()
    };
    let mut sockets = Vec::new();
    for _ in 0..20 {
        let mut socket = scene.live_as(&scene.hub.token);
        let mut reads = socket.try_clone().unwrap();
        // Reads along until all stand, then never again.
        let reader = std::thread::spawn(move || {
            let (mut buffer, mut text) = (vec![0; 64 << 10], String::new());
            while !text.contains("\"snapshot\",\"id\":499,") {
                let read = reads.read(&mut buffer).unwrap();
                assert!(read > 0, "closed");
                // What was looked at is not needed, but for what may be cut.
                text.drain(..text.len().saturating_sub(64));
                text.extend(buffer[..read].iter().map(|byte| char::from(byte & 0x7f)));
            }
        });
        for id in 0..500 {
            socket.write_all(&subscribe(id)).unwrap();
        }
        reader.join().unwrap();
        sockets.push(socket);
    }
    let end = Instant::now() + Duration::from_secs(8);
    while Instant::now() < end {
        scene.push();
        scene.look();
    }
    drop(sockets);
    scene.settle("20 sockets of 500 subscriptions");
}

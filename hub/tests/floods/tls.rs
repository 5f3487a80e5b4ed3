//! The same by TLS: handshakes and heads that never end, answers that nobody reads.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::scene::Scene;
use crate::support::metric;
use crate::support::trust::{authority, trusting};

type Stream = StreamOwned<ClientConnection, TcpStream>;

/// A connection after its handshake.
fn open(scene: &Scene, config: &Arc<ClientConfig>) -> Option<Stream> {
    let connection = ClientConnection::new(Arc::clone(config), ServerName::try_from("localhost").unwrap()).unwrap();
    let mut stream = StreamOwned::new(connection, scene.connect());
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).ok()?;
    }
    Some(stream)
}

/// Just less than what a handshake may have.
pub(crate) const HELLO_MOST: usize = 15_000;

/// Records of a hello of 60,000 bytes (RFC 8446, 4), all but its end.
pub(crate) fn hello_without_end() -> Vec<u8> {
    let fragment = 16_000_u16;
    let mut hello = Vec::new();
    for n in 0..3 {
        hello.extend([0x16, 3, 1]);
        hello.extend(fragment.to_be_bytes());
        let header: &[u8] = if n == 0 { &[1, 0, 0xea, 0x60] } else { &[0; 4] };
        hello.extend(header);
        hello.extend(vec![7; usize::from(fragment) - 4]);
    }
    hello
}

#[test]
fn handshakes_without_end_cost_little() {
    let mut scene = Scene::by_tls();
    let hello = hello_without_end();
    let mut open: Vec<TcpStream> = Vec::new();
    for n in 0..3_000_usize {
        let mut stream = scene.connect();
        // Half of them say all of that, half of them just less than what a handshake may have.
        let some = if n % 2 == 0 { hello.len() } else { HELLO_MOST };
        let _ = stream.write_all(&hello[..some]);
        open.push(stream);
        if n % 200 == 0 {
            scene.look();
        }
    }
    scene.look_for(Duration::from_secs(4));
    let text = scene.hub.request("GET", "/metrics", None).unwrap().1;
    let broken = metric(&text, "hub_tls_handshakes_failed_total{reason=\"broken\"}").unwrap();
    assert!(broken > 1_000, "{broken} were too large");
    drop(open);
    scene.settle("3,000 handshakes without end");
}

#[test]
fn heads_without_end_by_either_version_cost_little() {
    let mut scene = Scene::by_tls();
    let pem = authority(&scene.hub);
    let (http1, http2) = (trusting(&pem, &["http/1.1"]), trusting(&pem, &["h2"]));
    let head = format!("GET / HTTP/1.1\r\nhost: localhost\r\nx-endless: {}", "y".repeat(15 << 10));
    let frames = endless_frames();
    let mut connections = Vec::new();
    for n in 0..1_500_usize {
        let (config, begin) = if n % 4 == 0 { (&http2, &frames[..]) } else { (&http1, head.as_bytes()) };
        if let Some(mut stream) = open(&scene, config) {
            let _ = stream.write_all(begin);
            connections.push(stream);
        }
        if n % 100 == 0 {
            scene.look();
        }
    }
    scene.look_for(Duration::from_secs(2));
    drop(connections);
    scene.settle("1,500 heads without end by TLS, a quarter of them by HTTP/2");
}

/// What a client of HTTP/2 begins with (RFC 9113, 3.4), and a head of which the end never comes (6.10).
fn endless_frames() -> Vec<u8> {
    let frame = |kind: u8, stream: u8, body: &[u8]| {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, 0, 0, 0, 0, stream], body].concat()
    };
    // A field of its own name, written out (RFC 7541, 6.2.2).
    let name = b"x-endless";
    let mut field = vec![0, name.len() as u8];
    field.extend(name);
    // 2,048 bytes.
    field.extend([0x7f, 0x81, 0x0f]);
    field.extend(vec![b'y'; 2_048]);
    let mut all = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(4, 0, &[]), &frame(1, 1, &field)].concat();
    for _ in 0..6 {
        all.extend(frame(9, 1, &field));
    }
    all
}

#[test]
fn answers_that_nobody_reads_have_a_room_by_tls_too() {
    let mut scene = Scene::by_tls();
    let config = trusting(&authority(&scene.hub), &["http/1.1"]);
    let path = "/api/v1/query?device=*&sensor=*&points=10000&agg=min,max,avg&from=2020-01-01T00:00:00Z";
    let mut readers: Vec<Stream> = (0..30)
        .map(|_| {
            let mut stream = open(&scene, &config).unwrap();
            stream.write_all(scene.head(&format!("GET {path}"), "").as_bytes()).unwrap();
            stream
        })
        .collect();
    scene.look_for(Duration::from_secs(15));
    let mut begun = [0; 12];
    let answered = readers.iter_mut().filter_map(|stream| stream.read_exact(&mut begun).ok().map(|()| begun));
    let answered: Vec<_> = answered.collect();
    let is_one = |status: &[u8]| answered.iter().any(|begun| begun.ends_with(status));
    assert!(is_one(b"200") && is_one(b"503"), "{answered:?}");
    drop(readers);
    scene.settle("30 answers of 15 MB by TLS that nobody reads");
}

//! Connections that say nothing of whoever they are of, or never end what they begin with.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::scene::Scene;
use crate::support::metric;

/// As many as there are places, and as many again: from one machine, as from a proxy on it.
const CONNECTIONS: usize = 6_000;
/// Of a head that may have 16 KiB.
const HEAD: usize = 15 << 10;

/// Asks on a connection that is kept.
fn is_answered(scene: &Scene, kept: &mut TcpStream) {
    kept.write_all(scene.head("GET /api/v1/session", "").as_bytes()).unwrap();
    let mut answer = [0; 4_096];
    let read = kept.read(&mut answer).unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..read]));
}

/// Many connections, each of which sends this and no more; who is known keeps theirs meanwhile.
fn flood(scene: &mut Scene, begin: &[u8]) -> Vec<TcpStream> {
    let (mut kept, mut live) = (scene.connect(), scene.live_as(&scene.hub.token));
    is_answered(scene, &mut kept);
    let mut open = Vec::new();
    for n in 0..CONNECTIONS {
        let mut stream = scene.connect();
        // Some have given way before they said all of it.
        let _ = stream.write_all(begin);
        open.push(stream);
        if n % 200 == 0 {
            scene.look();
            is_answered(scene, &mut kept);
        }
    }
    for _ in 0..4 {
        is_answered(scene, &mut kept);
        scene.look_for(Duration::from_secs(1));
    }
    live.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut said = [0; 64 << 10];
    // Greeted, told of what happened, and not closed.
    while let Ok(read) = live.read(&mut said) {
        assert!(read > 0, "the live connection of somebody who is known gave way");
    }
    open
}

#[test]
fn heads_without_end_cost_little_and_who_is_known_keeps_their_place() {
    let mut scene = Scene::new();
    let head = format!("GET / HTTP/1.1\r\nhost: {}\r\nx-endless: {}", scene.hub.http, "y".repeat(HEAD));
    let open = flood(&mut scene, head.as_bytes());
    let text = scene.hub.request("GET", "/metrics", None).unwrap().1;
    let gave_way = metric(&text, "hub_http_connections_gave_way_total").unwrap();
    assert!(gave_way as usize > CONNECTIONS / 2, "{gave_way} gave way");
    drop(open);
    scene.settle("6,000 heads without end");
}

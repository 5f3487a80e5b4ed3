//! Live connections.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::scene::Scene;

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

/// A live connection with so many subscriptions to everything, which reads along until all of them stand, then never again.
pub(crate) fn subscribed(scene: &Scene, token: &str, subscriptions: usize) -> TcpStream {
    let subscribe = |id: usize| {
        let text = json!({"type": "subscribe", "id": id, "device": "*", "sensor": "*", "max_hz": 0.1}).to_string();
        // A masked text frame of less than 126 bytes; a mask of zeros changes nothing.
        [&[0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0], text.as_bytes()].concat()
    };
    let mut socket = scene.live_as(token);
    let mut reads = socket.try_clone().unwrap();
    let last = format!("\"snapshot\",\"id\":{},", subscriptions - 1);
    let reader = std::thread::spawn(move || {
        let (mut buffer, mut text) = (vec![0; 64 << 10], String::new());
        while !text.contains(&last) {
            let read = reads.read(&mut buffer).unwrap();
            assert!(read > 0, "closed");
            // What was looked at is not needed, but for what may be cut.
            text.drain(..text.len().saturating_sub(64));
            text.extend(buffer[..read].iter().map(|byte| char::from(byte & 0x7f)));
        }
    });
    for id in 0..subscriptions {
        socket.write_all(&subscribe(id)).unwrap();
    }
    reader.join().unwrap();
    socket
}

#[test]
fn subscriptions_cost_what_a_connection_may() {
    let mut scene = Scene::new();
    // One token has half of the room for all: two have it whole, and each connection some of its own.
    let tokens = [scene.hub.token.clone(), scene.hub.output(&["token", "create", "--scope", "read"])];
    let sockets: Vec<_> = (0..20).map(|n| subscribed(&scene, &tokens[n % 2], 500)).collect();
    let end = Instant::now() + Duration::from_secs(8);
    while Instant::now() < end {
        scene.push();
        scene.look();
    }
    drop(sockets);
    scene.settle("20 sockets of 500 subscriptions");
}

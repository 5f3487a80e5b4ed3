//! Bodies of strangers, answers that nobody reads, queries that wait.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::scene::Scene;

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
    let path = "/api/v1/query?device=*&sensor=*&points=10000&agg=min,max,avg&from=2020-01-01T00:00:00Z";
    // Of two, one of which asks for less, so that all the room that answers may have is taken.
    let tokens = [scene.hub.token.clone(), scene.hub.output(&["token", "create", "--scope", "read"])];
    let readers: Vec<TcpStream> = (0..30)
        .map(|n| {
            let mut stream = scene.connect();
            let path = if n % 2 == 0 { path.to_owned() } else { path.replace("10000", "1000") };
            stream.write_all(scene.head_as(&tokens[n % 2], &format!("GET {path}"), "").as_bytes()).unwrap();
            stream
        })
        .collect();
    scene.look_for(Duration::from_secs(15));
    // They leave readings their room.
    scene.push_large();
    // Some were told that there is no room; the first of them has its answer under way.
    let begins = |mut stream: TcpStream| {
        let mut start = [0; 12];
        stream.read_exact(&mut start).map(|()| String::from_utf8_lossy(&start).into_owned()).unwrap_or_default()
    };
    let begun: Vec<String> = readers.into_iter().map(begins).collect();
    let of = |status: &str| begun.iter().filter(|begun| begun.ends_with(status)).count();
    assert!(of("200") >= 1 && of("503") >= 1 && of("200") + of("503") == 30, "{begun:?}");
    scene.settle("30 answers of 15 MB that nobody reads");
}

#[test]
fn queries_that_wait_for_their_turn_cost_little_and_others_are_answered() {
    let mut scene = Scene::new();
    let query = "GET /api/v1/query?device=*&sensor=*&from=now-26h&points=10000&agg=min,max,avg";
    let request = scene.head(query, "");
    // What each of so many knew of its buckets while it waited was 300 kB.
    let sockets: Vec<TcpStream> = (0..600)
        .map(|_| {
            let mut socket = scene.connect();
            socket.write_all(request.as_bytes()).unwrap();
            socket
        })
        .collect();
    // Another's small one is answered meanwhile: of the readers half are not for one asker.
    let other = format!("authorization: Bearer {}\r\n", scene.hub.output(&["token", "create", "--scope", "read"]));
    let mut slowest = Duration::ZERO;
    for _ in 0..12 {
        let began = Instant::now();
        assert_eq!(scene.asks("GET /api/v1/query?device=boiler&sensor=s0&points=10", &other), Some(200));
        slowest = slowest.max(began.elapsed());
        scene.look_for(Duration::from_secs(1));
    }
    let _ = writeln!(std::io::stderr(), "slowest answer to another's small query: {slowest:?}");
    drop(sockets);
    scene.settle("600 large queries at once");
}

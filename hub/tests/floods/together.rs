//! All floods at once, from many addresses, while a program and a browser go on asking.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::scene::Scene;
use crate::sockets::subscribed;
use crate::tls::{HELLO_MOST, hello_without_end};

/// Above an idle hub while they last. A third of it is bodies and answers, which have one room; a tenth is a password that is
/// being hashed.
const MOST_KIB: u64 = 64 << 10;

/// How long all of them last together.
fn lasting() -> Duration {
    Duration::from_secs(if std::env::var_os("SOAK").is_some() { 120 } else { 12 })
}

/// What floods and honest people share: a hub, who floods it, and whether it goes on.
struct Flood<'a> {
    scene: &'a Scene,
    tokens: [String; 4],
    goes_on: &'a AtomicBool,
}

impl Flood<'_> {
    fn goes_on(&self) -> bool {
        self.goes_on.load(Ordering::Relaxed)
    }

    /// Opens so many connections, each of which is sent the beginning of something; then all of them again, until it is over.
    fn begins(&self, many: usize, begin: impl Fn(usize) -> Vec<u8>) {
        while self.goes_on() {
            let mut open = Vec::new();
            for n in 0..many {
                if !self.goes_on() {
                    return;
                }
                let Ok(mut stream) = self.scene.try_connect_from(n) else { continue };
                // Some give way before all of it was said.
                let _ = stream.write_all(&begin(n));
                open.push(stream);
            }
            self.waits(Duration::from_secs(8));
        }
    }

    fn waits(&self, time: Duration) {
        let end = Instant::now() + time;
        while self.goes_on() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn asked(&self, token: usize, path: &str) -> Vec<u8> {
        self.scene.head_as(&self.tokens[token], &format!("GET {path}"), "").into_bytes()
    }

    /// Readings of which the last part never comes.
    fn bodies(&self) {
        let head = self.scene.head_as(
            &self.tokens[3],
            "POST /api/v1/readings",
            "content-type: application/json\r\ncontent-length: 8000000\r\n",
        );
        let begin = [head.into_bytes(), vec![b' '; 6 << 20]].concat();
        self.begins(12, |_| begin.clone());
    }

    /// Passwords that are wrong.
    fn passwords(&self) {
        let body = json!({"password": "wrong".repeat(40)}).to_string();
        let head = format!(
            "POST /api/v1/session HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            self.scene.hub.http,
            body.len()
        );
        self.begins(60, |_| format!("{head}{body}").into_bytes());
    }

    /// What live connections that nobody reads wait for, until it is over.
    fn readings(&self, sockets: Vec<TcpStream>) {
        while self.goes_on() {
            // Who gives way pushes the next time.
            let answer = self.scene.try_push();
            assert!(matches!(answer, None | Some(200)), "{answer:?}");
            self.waits(Duration::from_millis(200));
        }
        drop(sockets);
    }
}

#[test]
fn all_floods_at_once_cost_little_more_than_one_and_honest_people_are_answered() {
    let mut scene = Scene::by_tls();
    let cookie = scene.signed_in("correct horse");
    let tokens = std::array::from_fn(|_| scene.hub.output(&["token", "create", "--scope", "admin"]));
    let goes_on = AtomicBool::new(true);
    let (mut most, mut slowest) = (0, [Duration::ZERO; 2]);
    // Before the others begin: a connection gives way until its header says who it is, and these stay.
    let sockets: Vec<TcpStream> = (0..10).map(|_| subscribed(&scene, &tokens[2], 500)).collect();
    let flood = Flood { scene: &scene, tokens, goes_on: &goes_on };
    let head = format!("GET / HTTP/1.1\r\nhost: {}\r\nx-endless: {}", scene.hub.http, "y".repeat(15 << 10));
    let hello = hello_without_end();
    std::thread::scope(|threads| {
        let queries = "/api/v1/query?device=*&sensor=*&from=now-26h&points=10000&agg=min,max,avg";
        let answers = "/api/v1/query?device=*&sensor=*&points=10000&agg=min,max,avg&from=2020-01-01T00:00:00Z";
        threads.spawn(|| flood.begins(300, |_| flood.asked(0, queries)));
        threads.spawn(|| flood.begins(30, |_| flood.asked(1, answers)));
        threads.spawn(|| flood.readings(sockets));
        threads.spawn(|| flood.begins(2_000, |_| head.clone().into_bytes()));
        threads.spawn(|| {
            flood.begins(1_500, |n| hello[..if n % 2 == 0 { hello.len() } else { HELLO_MOST }].to_vec());
        });
        threads.spawn(|| flood.bodies());
        threads.spawn(|| flood.passwords());
        threads.spawn(|| {
            while flood.goes_on() {
                most = most.max(scene.memory());
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        let honest = [format!("authorization: Bearer {}\r\n", scene.hub.token), format!("cookie: {cookie}\r\n")];
        let (mut other, mut again) = (Vec::new(), 0);
        let end = Instant::now() + lasting();
        while Instant::now() < end {
            for (who, slowest) in honest.iter().zip(&mut slowest) {
                let began = Instant::now();
                // A connection gives way until its header says who it is: whoever has no answer connects once more, as browsers do.
                let ask = || scene.asks("GET /api/v1/devices", who);
                let status = ask().or_else(|| {
                    again += 1;
                    ask()
                });
                *slowest = (*slowest).max(began.elapsed());
                other.extend((status != Some(200)).then_some((began.elapsed(), status)));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        goes_on.store(false, Ordering::Relaxed);
        assert!(other.is_empty() && again < 3, "refused: {other:?}; connected once more {again} times");
    });
    let [program, browser] = slowest;
    let text = format!("all floods at once: slowest answer to a program {program:?}, to a browser {browser:?}");
    let _ = writeln!(std::io::stderr(), "{text}");
    scene.saw(most);
    scene.settle_from("all floods at once", MOST_KIB);
}

//! The programs and a proxy that the environment names: a token for a hub next door never goes there, and a proxy that
//! answers in a hub's place is named.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use support::{HubProcess, Stopped, eventually, hub_program};

/// Answers every request with a refusal of its own and keeps what it was asked. Its thread ends with the process.
struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { break };
                stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let head: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
                kept.lock().unwrap().push(head.join("\n"));
                let _ = stream.write_all(
                    b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-type: text/html\r\ncontent-length: 4\r\nconnection: close\r\n\r\nnope",
                );
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }

    /// A command with this proxy, however it is named.
    fn command(&self, names: &[&str]) -> Command {
        let mut command = Command::new(hub_program());
        let known = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];
        known.iter().for_each(|name| {
            command.env_remove(name).env_remove(name.to_lowercase());
        });
        // Programs of a web server: it takes HTTP_PROXY from whoever asks.
        command.env_remove("REQUEST_METHOD");
        names.iter().for_each(|name| {
            command.env(name, format!("http://user:hunter2@{}", self.address));
        });
        command
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

const ALL: [&str; 5] = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"];

#[test]
fn a_token_for_a_hub_next_door_never_goes_to_a_proxy() {
    let (proxy, hub) = (Proxy::start(), HubProcess::start("token"));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("in.csv");
    std::fs::write(&file, "device,sensor,at,value\nd,s,1710000000000,1\n").unwrap();
    let file = file.to_str().unwrap();
    for base in [format!("http://{}", hub.http), format!("http://localhost:{}", hub.http.port())] {
        let from = "2024-01-01T00:00:00Z";
        for args in [&["import", file][..], &["query", "--from", from, "--points", "1"], &["export", "--from", from]] {
            let done = proxy.command(&ALL).args(args).args(["--hub", &base, "--token", &hub.token]).output().unwrap();
            assert!(done.status.success(), "{args:?}: {}", text(&done));
        }
        let watch =
            proxy.command(&ALL).args(["watch", "--hub", &base, "--token", &hub.token]).stdout(Stdio::piped()).spawn();
        let _watch = Stopped(watch.unwrap());
        eventually("watching", Duration::from_secs(20), || (hub.get("/api/v1/hub")["ws_clients"] != 0).then_some(()));
    }
    assert_eq!(proxy.asked(), Vec::<String>::new());
}

#[test]
fn a_proxy_that_answers_in_a_hubs_place_is_named_and_can_be_gone_around() {
    let proxy = Proxy::start();
    let query = |names: &[&str], more: &[(&str, &str)], base: &str| {
        let mut command = proxy.command(names);
        command.envs(more.iter().copied());
        let done = command.args(["query", "--hub", base, "--token", "thk_secret"]).output().unwrap();
        assert_eq!(done.status.code(), Some(1), "{}", text(&done));
        text(&done)
    };
    let base = "http://hub.invalid:8080";
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        let said = query(&[name], &[], base);
        let expected = format!("the proxy http://{} answered 407", proxy.address);
        assert!(said.contains(&expected) && said.contains("NO_PROXY=hub.invalid"), "{name}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
        let asked = proxy.asked();
        assert!(asked.len() == 1 && asked[0].starts_with("GET http://hub.invalid:8080/api/v1/query"), "{asked:?}");
    }
    // By TLS the proxy sees no token, and is named all the same.
    let said = query(&["HTTPS_PROXY"], &[], "https://hub.invalid:8080");
    assert!(said.contains(&format!("through the proxy http://{}", proxy.address)), "{said}");
    assert!(proxy.asked().iter().all(|asked| asked.starts_with("CONNECT") && !asked.contains("thk_secret")));
    for exception in ["hub.invalid", ".invalid", "*"] {
        let said = query(&["HTTP_PROXY"], &[("NO_PROXY", exception)], base);
        assert!(!said.contains("proxy"), "{exception}: {said}");
    }
    assert_eq!(proxy.asked(), Vec::<String>::new());
}

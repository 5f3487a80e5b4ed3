//! A webhook receiver on a real socket: answers by a script and remembers what it was sent.

#![expect(clippy::unwrap_used, reason = "in a test a failure is a panic")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use standardwebhooks::Webhook;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// How the sink answers a request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// With this status.
    Status(u16),
    /// With this status and one more header.
    With(u16, &'static str, String),
    /// With this status and body.
    Text(u16, &'static str),
    /// With 200 and a body without end, a byte every 100 ms.
    Drip,
    /// With 200 and this many bytes.
    Large(usize),
    /// With interim answers without end: this head, again and again.
    Interim(&'static str),
    /// Never.
    Hang,
}

/// One request as received; header names in lower case.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// Method and path: `POST /hook`.
    pub(crate) asked: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Received {
    /// Its body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    /// Whether one of the signatures was made with this key, as the library of Standard Webhooks finds.
    pub(crate) fn is_signed_with(&self, key: &[u8]) -> bool {
        let fields = self.headers.iter().filter(|(name, _)| name.starts_with("webhook-"));
        let headers = fields.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        Webhook::from_bytes(key.to_vec()).unwrap().verify(&self.body, &headers).is_ok()
    }
}

/// The receiver; ends when dropped.
pub(crate) struct WebhookSink {
    pub(crate) address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    _tasks: JoinSet<()>,
}

impl WebhookSink {
    /// Answers the n-th request with the n-th answer, and all further ones with the last.
    pub(crate) async fn answering(script: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<[Answer]> = script.into_iter().collect();
        let mut tasks = JoinSet::new();
        let seen = Arc::clone(&received);
        tasks.spawn(async move {
            let mut calls = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                calls.spawn(serve(socket, Arc::clone(&script), Arc::clone(&seen)));
            }
        });
        Self { address, received, _tasks: tasks }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Names of the rules it was told of, with the event: `hub.disk_full alert.firing`.
    pub(crate) fn told(&self) -> Vec<String> {
        let told = |request: &Received| {
            let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
            format!("{} {}", body["data"]["alert"]["rule"]["name"].as_str().unwrap(), body["type"].as_str().unwrap())
        };
        self.received.lock().unwrap().iter().map(told).collect()
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

async fn serve(socket: TcpStream, script: Arc<[Answer]>, seen: Arc<Mutex<Vec<Received>>>) {
    let mut socket = BufStream::new(socket);
    let (mut headers, mut asked) = (BTreeMap::new(), String::new());
    let mut line = String::new();
    loop {
        line.clear();
        match socket.read_line(&mut line).await {
            // Killed before it had said all of it: no request.
            Ok(0) | Err(_) => return,
            Ok(1..=2) => break,
            Ok(_) => {}
        }
        if asked.is_empty() {
            line.trim_end().trim_end_matches(" HTTP/1.1").clone_into(&mut asked);
        } else if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    if socket.read_exact(&mut body).await.is_err() {
        return;
    }
    let answer = {
        let mut seen = seen.lock().unwrap();
        seen.push(Received { asked, headers, body });
        script[(seen.len() - 1).min(script.len() - 1)].clone()
    };
    let head = match &answer {
        Answer::Status(status) => format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n"),
        Answer::With(status, name, value) => {
            format!("HTTP/1.1 {status} X\r\n{name}: {value}\r\ncontent-length: 0\r\n\r\n")
        }
        Answer::Text(status, text) => {
            format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{text}", text.len())
        }
        Answer::Large(bytes) => format!("HTTP/1.1 200 X\r\ncontent-length: {bytes}\r\n\r\n{}", "x".repeat(*bytes)),
        Answer::Drip => "HTTP/1.1 200 X\r\ncontent-length: 1000000\r\n\r\n".to_owned(),
        Answer::Interim(head) => (*head).to_owned(),
        Answer::Hang => std::future::pending().await,
    };
    let _ = socket.write_all(head.as_bytes()).await;
    let _ = socket.flush().await;
    if let Answer::Interim(_) = answer {
        // In pieces as large as a network's: a fast receiver.
        let many = head.repeat(64);
        while socket.write_all(many.as_bytes()).await.is_ok() && socket.flush().await.is_ok() {}
    }
    if matches!(answer, Answer::Drip) {
        while socket.write_all(b"x").await.is_ok() && socket.flush().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

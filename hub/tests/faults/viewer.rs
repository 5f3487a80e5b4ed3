//! A page that is open: a live connection that listens to everything, on a thread of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header::AUTHORIZATION};

use crate::support::HubProcess;

pub(crate) struct Viewer {
    rows: Arc<Mutex<Vec<(i64, f64)>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Viewer {
    /// Listens until dropped. Keeps times and values of live rows of `sensor`.
    pub(crate) fn open(hub: &HubProcess, sensor: &str) -> Self {
        let (rows, stop) = (Arc::<Mutex<Vec<(i64, f64)>>>::default(), Arc::<AtomicBool>::default());
        let mut request = format!("ws://{}/api/v1/live", hub.http).into_client_request().unwrap();
        let bearer = HeaderValue::from_str(&format!("Bearer {}", hub.token)).unwrap();
        request.headers_mut().insert(AUTHORIZATION, bearer);
        let subscribe = json!({"type": "subscribe", "id": 1, "device": "*", "sensor": sensor}).to_string();
        let (seen, ended) = (Arc::clone(&rows), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
                socket.send(Message::text(subscribe)).await.unwrap();
                while !ended.load(Ordering::Relaxed) {
                    let next = tokio::time::timeout(Duration::from_millis(100), socket.next()).await;
                    let text = match next {
                        Err(_) => continue,
                        Ok(Some(Ok(Message::Text(text)))) => text,
                        Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => continue,
                        Ok(other) => panic!("the page was closed: {other:?}"),
                    };
                    let message: Value = serde_json::from_str(&text).unwrap();
                    if message["type"] == "readings" {
                        let rows = message["rows"].as_array().unwrap().iter();
                        let row = |row: &Value| (row[2].as_i64().unwrap(), row[3].as_f64().unwrap());
                        seen.lock().unwrap().extend(rows.map(row));
                    }
                }
            });
        });
        Self { rows, stop, thread: Some(thread) }
    }

    /// What it saw, in order.
    pub(crate) fn rows(&self) -> Vec<(i64, f64)> {
        self.rows.lock().unwrap().clone()
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the viewer failed");
        }
    }
}

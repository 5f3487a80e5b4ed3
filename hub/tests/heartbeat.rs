//! Heartbeats by real sockets: they come by themselves, and stop with the hub or its store.

#![expect(clippy::unwrap_used, reason = "in a test a failure is a panic")]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use telemetry_hub::clock::Clock;
use telemetry_hub::delivery::heartbeat::{Last, Pulse};
use telemetry_hub::delivery::message::heartbeat::Vitals;
use telemetry_hub::delivery::policy::{Mode, Policy};
use telemetry_hub::model::HubId;
use telemetry_hub::store::{Config, SecretKey, Store};
use telemetry_hub::webhook::Client;
use telemetry_hub::webhook::heartbeat::Heart;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use support::webhook_sink::{Answer, WebhookSink};

const LOOPBACK: &str = "127.0.0.0/8";

#[tokio::test]
async fn it_comes_again_and_again_with_who_and_how_the_hub_is_and_ends_with_it() {
    let sink = WebhookSink::answering([Answer::Status(200)]).await;
    let hub = Beating::start(Duration::from_millis(50), &[LOOPBACK]);
    hub.call(Some(&sink.url())).await;
    eventually("three came", async || sink.received().len() >= 3).await;
    let received = sink.received().remove(0);
    assert_eq!((received.asked.as_str(), &*received.headers["content-type"]), ("POST /hook", "application/json"));
    let body = received.json();
    assert_eq!((&body["hub"], &body["devices"]["online"]), (&HubId::from_bytes([7; 16]).to_string().into(), &7.into()));
    assert_eq!((&body["queues"]["outbox_pending"], &body["queues"]["ingest_pct"]), (&0.into(), &25.0.into()));
    assert!(hub.pulse.last().success_at.is_some() && hub.pulse.last().error.is_none());
    assert!(hub.pulse.outcomes()[0].1 >= 2);

    hub.call(None).await;
    eventually("what came of it is forgotten", async || hub.pulse.last() == Last::default()).await;
    let before = sink.received().len();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(sink.received().len(), before, "no URL, no heartbeat");
    hub.call(Some(&sink.url())).await;
    eventually("it came again", async || sink.received().len() > before).await;
    hub.stop().await;
    let before = sink.received().len();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(sink.received().len(), before);
}

#[tokio::test]
async fn one_that_is_wanted_comes_at_once() {
    let sink = WebhookSink::answering([Answer::Status(204)]).await;
    let hub = Beating::start(Duration::from_secs(3_600), &[LOOPBACK]);
    hub.call(Some(&sink.url())).await;
    eventually("the first came", async || sink.received().len() == 1).await;
    eventually("and was taken", async || hub.pulse.last().success_at.is_some()).await;
    hub.wanted.notify_one();
    eventually("another came", async || sink.received().len() == 2).await;
    hub.stop().await;
}

#[tokio::test]
async fn what_is_refused_or_not_allowed_says_why_and_nothing_of_the_secret() {
    let sink = WebhookSink::answering([Answer::With(302, "location", "http://127.0.0.1:9/".to_owned())]).await;
    let hub = Beating::start(Duration::from_millis(50), &[LOOPBACK]);
    let url = |at: SocketAddr| format!("http://{at}/s3cr3t?token=s3cr3t");
    hub.call(Some(&url(sink.address))).await;
    hub.error("(302), which is not followed").await;
    // Nobody listens on a port that was given back.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    hub.call(Some(&url(nobody))).await;
    let error = hub.error("connect").await;
    assert!(!error.contains("s3cr3t"), "{error}");
    hub.stop().await;

    let hub = Beating::start(Duration::from_millis(50), &[]);
    hub.call(Some(&url(sink.address))).await;
    let error = hub.error("127.0.0.1 is not allowed").await;
    assert!(error.contains("--webhook-allow") && !error.contains("s3cr3t"), "{error}");
    let before = sink.received().len();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(sink.received().len(), before);
    hub.stop().await;
}

#[tokio::test]
async fn a_black_hole_holds_up_neither_another_url_nor_the_end() {
    let hole = WebhookSink::answering([Answer::Hang]).await;
    let sink = WebhookSink::answering([Answer::Status(200)]).await;
    let hub = Beating::start(Duration::from_secs(3_600), &[LOOPBACK]);
    hub.call(Some(&hole.url())).await;
    eventually("it is called", async || hole.received().len() == 1).await;
    // Who wants one meanwhile is told what comes of the one under way.
    hub.wanted.notify_one();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(hole.received().len(), 1);
    let began = Clock.now();
    hub.call(Some(&sink.url())).await;
    eventually("the other is called", async || hub.pulse.last().success_at.is_some()).await;
    hub.call(Some(&hole.url())).await;
    eventually("it is called again", async || hole.received().len() == 2).await;
    hub.stop().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_told_by_silence() {
    let sink = WebhookSink::answering([Answer::Status(200)]).await;
    let hub = Beating::start(Duration::from_millis(50), &[LOOPBACK]);
    hub.call(Some(&sink.url())).await;
    eventually("it comes", async || !sink.received().is_empty()).await;
    // What cannot be opened was sealed with another key.
    hub.store.put_setting("heartbeat", vec![7; 40]).await.unwrap();
    let error = hub.error("not sent").await;
    assert!(error.contains("secret.key"), "{error}");
    let before = sink.received().len();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(sink.received().len(), before);
    assert!(hub.pulse.outcomes()[3].1 >= 1);
    hub.stop().await;
}

#[tokio::test]
async fn a_hub_that_stores_nothing_for_want_of_room_is_told_by_silence() {
    let sink = WebhookSink::answering([Answer::Status(200)]).await;
    let hub = Beating::start(Duration::from_millis(50), &[LOOPBACK]);
    hub.call(Some(&sink.url())).await;
    eventually("it comes", async || !sink.received().is_empty()).await;
    let mut n = 0;
    while hub.store.put_setting(&format!("n{n}"), vec![0; 64 << 10]).await.is_ok() {
        n += 1;
    }
    assert!(hub.store.is_full());
    hub.error("not sent: the disk is full").await;
    let before = sink.received().len();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(sink.received().len(), before);
    hub.stop().await;
}

/// A store whose hub sends heartbeats.
struct Beating {
    store: Store,
    pulse: Arc<Pulse>,
    wanted: Arc<Notify>,
    stop: CancellationToken,
    task: JoinHandle<()>,
    _dir: tempfile::TempDir,
}

impl Beating {
    #[expect(clippy::disallowed_methods, reason = "the test is the supervisor")]
    fn start(every: Duration, allow: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = Config { dir: dir.path().to_owned(), max_bytes: Some(2 << 20), ..Config::default() };
        let store = Store::open(&config, &SecretKey::load_or_create(dir.path()).unwrap()).unwrap();
        let allow = allow.iter().map(|net| net.parse().unwrap()).collect();
        let policy = Policy { allow, mode: Mode::Lan, own: None };
        let (pulse, wanted, stop) = (Arc::new(Pulse::default()), Arc::new(Notify::new()), CancellationToken::new());
        let heart = Heart {
            store: store.clone(),
            client: Client::new(HubId::from_bytes([7; 16]), policy).unwrap(),
            every,
            started_at: Clock.wall(),
            vitals: Arc::new(|| Vitals { ingest_fill: 0.25, online: 7, ..Vitals::default() }),
            pulse: Arc::clone(&pulse),
            wanted: Arc::clone(&wanted),
        };
        let until = stop.clone();
        let task = tokio::spawn(async move { heart.run(until).await.unwrap() });
        Self { store, pulse, wanted, stop, task, _dir: dir }
    }

    /// Has another URL called, as `PUT /heartbeat` does.
    async fn call(&self, url: Option<&str>) {
        self.store.put_sealed_setting("heartbeat", url.unwrap_or_default().into()).await.unwrap();
        self.pulse.forget();
        self.wanted.notify_one();
    }

    /// The last error, once it has these words.
    async fn error(&self, words: &str) -> String {
        let last = || self.pulse.last().error.map(|(_, error)| error).unwrap_or_default();
        eventually(words, async || last().contains(words)).await;
        last()
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
        self.store.close().await.unwrap();
    }
}

async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let end = Clock.now() + Duration::from_secs(10);
    while !is_so().await {
        assert!(Clock.now() < end, "not within 10 s: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

//! Webhooks by real sockets and a real store: at least once, in order, and nobody waits for somebody else's receiver.

#![expect(clippy::unwrap_used, reason = "in a test a failure is a panic")]

mod support;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use telemetry_hub::clock::Clock;
use telemetry_hub::delivery::audience::{Audience, deliveries_for};
use telemetry_hub::delivery::grouping::Grouping;
use telemetry_hub::delivery::payload::{Teller, test_delivery};
use telemetry_hub::delivery::policy::{Mode, Policy};
use telemetry_hub::delivery::retry::Outcome;
use telemetry_hub::delivery::sign::PictureKey;
use telemetry_hub::model::alert::{Alert, AlertId, Subject};
use telemetry_hub::model::device::{DeviceNo, Introduction, Labels, NewDevice};
use telemetry_hub::model::reading::{Batch, BatchId, SeriesId};
use telemetry_hub::model::rule::{Condition, Message, Op, RuleId, RuleSpec, Severity};
use telemetry_hub::model::webhook::{
    Attempt, Delivery, DeliveryId, DeliveryState, Event, Grouped, Headers, NewDelivery, Problem, ProblemKind, Secret,
    Settlement, Template, Webhook, WebhookId, WebhookKind, WebhookSpec,
};
use telemetry_hub::model::{BatchSeq, Epoch, HubId, Lane, PublicKey, SensorKind, SensorNo, SensorSpec, UnixMillis};
use telemetry_hub::picture::Picture;
use telemetry_hub::rules::Engine;
use telemetry_hub::rules::notify::Notifier;
use telemetry_hub::store::{Commit, Config, DeliveryQuery, SecretKey, Store};
use telemetry_hub::webhook::guard::Lookup;
use telemetry_hub::webhook::{Client, Counters, Dispatcher, Tried, run};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use support::webhook_sink::{Answer, WebhookSink};

const KEY: [u8; 32] = [7; 32];

#[tokio::test]
async fn a_delivery_refused_for_now_arrives_at_the_second_attempt_with_the_same_id() {
    let (dir, sink) = (tempfile::tempdir().unwrap(), WebhookSink::answering([status(503), status(200)]).await);
    let hub = Running::start(dir.path());
    let delivery = hub.test_to(&sink).await;
    let delivery = hub.settled(delivery).await;
    assert_eq!(delivery.state, DeliveryState::Delivered);
    assert_eq!(delivery.attempts.iter().map(|attempt| attempt.status).collect::<Vec<_>>(), [Some(503), Some(200)]);
    let received = sink.received();
    assert_eq!(received[0].id(), received[1].id());
    assert_eq!(received[0].body, received[1].body);
    assert!(received.iter().all(|request| request.is_signed_with(&KEY)));
    let mut changed = received[1].clone();
    changed.body[0] ^= 1;
    assert!(!changed.is_signed_with(&KEY) && !received[1].is_signed_with(&[8; 32]));
    assert_eq!(hub.counters.retried.load(Ordering::Relaxed), 1);
    hub.stop().await;
}

#[tokio::test]
async fn an_echo_shows_what_would_be_sent_and_no_url_reaches_the_loopback_for_it() {
    let client = Client::new(HubId::from_bytes([1; 16]), Policy::default()).unwrap();
    let headers = Headers(vec![("Authorization".to_owned(), "Bearer sesame-1".to_owned())]);
    let spec = WebhookSpec { headers, ..WebhookSpec::new("ops", "https://example.org/hook/sesame-2") };
    let webhook = Webhook::new(WebhookId(1), spec, vec![Secret(KEY.to_vec())], Clock.wall());
    let echo = client.echo(&webhook, &message()).await.unwrap();
    assert_eq!(echo.came.body, b"{}");
    assert!(echo.came.first.starts_with("POST https://example.org/"), "{}", echo.came.first);
    let header = |name: &str| echo.came.headers.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str());
    assert_eq!((header("host"), header("authorization")), (Some("example.org"), Some("(hidden)")));
    assert!(echo.findings.iter().all(|finding| finding.is_right), "{:?}", echo.findings);
    assert_eq!(echo.findings[0].text, "The signature is right.");
    assert!(!format!("{echo:?}").contains("sesame"), "{echo:?}");
    // The same for what goes elsewhere: an address that is not called is no echo either.
    let refused = WebhookSpec::new("own", "http://127.0.0.1:8080/x");
    let refused = Webhook::new(WebhookId(1), refused, vec![Secret(KEY.to_vec())], Clock.wall());
    let why = client.echo(&refused, &message()).await.unwrap_err();
    assert!(why.contains("127.0.0.1 is not allowed"), "{why}");
}

#[tokio::test]
async fn an_attempt_keeps_what_was_sent_and_answered_without_what_lets_in() {
    let answers = [Answer::With(503, "x-why", "sesame-1 is busy".to_owned()), status(200)];
    let (dir, sink) = (tempfile::tempdir().unwrap(), WebhookSink::answering(answers).await);
    let hub = Running::start(dir.path());
    let now = Clock.wall();
    let headers = Headers(vec![("X-Key".to_owned(), "sesame-1".to_owned())]);
    let webhook = hub.store.create_webhook(WebhookSpec { headers, ..spec(&sink) }, Secret(KEY.to_vec()), now).await;
    let test = hub.store.create_delivery(test_delivery(webhook.unwrap().id, "ops", now)).await.unwrap().id;
    eventually("the first attempt is settled", async || hub.delivery(test).await.attempts.len() == 1).await;
    let attempt = hub.delivery(test).await.attempts.remove(0);
    let (sent, came) = (attempt.request_head.unwrap(), attempt.response_head.unwrap());
    assert!(sent.starts_with("POST http://127.0.0.1:") && sent.contains("\nx-key: (hidden)\n"), "{sent}");
    assert!(sent.contains("\nwebhook-signature: v1,"), "{sent}");
    assert!(came.starts_with("HTTP/1.1 503") && came.contains("\nx-why: (hidden) is busy"), "{came}");
    let listed = hub.store.deliveries(DeliveryQuery { limit: 1, ..DeliveryQuery::default() }).await.unwrap();
    assert_eq!(listed[0].attempts[0].request_head, None, "only of one that is asked for by its id");
    hub.stop().await;
}

#[tokio::test]
async fn a_restart_between_two_attempts_goes_on_where_it_was() {
    let (dir, sink) = (tempfile::tempdir().unwrap(), WebhookSink::answering([status(503), status(200)]).await);
    let hub = Running::start(dir.path());
    let delivery = hub.test_to(&sink).await;
    eventually("the first attempt is settled", async || hub.delivery(delivery).await.attempts.len() == 1).await;
    hub.stop().await;
    let hub = Running::start(dir.path());
    let delivery = hub.settled(delivery).await;
    assert_eq!((delivery.state, delivery.attempts.len()), (DeliveryState::Delivered, 2));
    assert_eq!(sink.received()[0].id(), sink.received()[1].id());
    hub.stop().await;
}

#[tokio::test]
async fn what_a_template_makes_is_signed_as_it_is_sent_and_one_that_fails_loses_nothing() {
    let (dir, sink) = (tempfile::tempdir().unwrap(), WebhookSink::answering([status(200)]).await);
    let hub = Running::start(dir.path());
    let webhook = hub.webhook(&sink).await;
    let write = |body: &str| {
        let headers = [("X-Event".to_owned(), "{{ event }}".to_owned())].into();
        let template = Template { content_type: Some("text/plain".to_owned()), body: Some(body.to_owned()), headers };
        hub.store.change_webhook(webhook.id, Clock.wall(), |spec| Ok::<_, ()>(WebhookSpec { template, ..spec }))
    };
    write("{{ title }}!").await.unwrap().unwrap();
    let delivery = hub.settled(hub.test(webhook.id).await).await;
    assert_eq!((delivery.state, &delivery.attempts[0].error), (DeliveryState::Delivered, &None));
    // Whatever a receiver is sent, a label that a device has not is no reason to be sent nothing.
    let failing = write("{{ 1 + title }}").await.unwrap().unwrap();
    assert_eq!(failing.spec.template.body.as_deref(), Some("{{ 1 + title }}"));
    let failed = hub.settled(hub.test(webhook.id).await).await;
    assert_eq!(failed.state, DeliveryState::Delivered);
    assert!(failed.attempts[0].error.as_deref().unwrap().contains("body: line 1, column "), "{:?}", failed.attempts);
    let problem = hub.store.webhook(webhook.id).await.unwrap().problem.unwrap();
    assert!(problem.kind == ProblemKind::Message && problem.text.starts_with("messages arrive, but not as written"));
    let received = sink.received();
    assert_eq!(received[0].body, b"Test from the telemetry hub!");
    let header = |of: usize, name: &str| received[of].headers[name].clone();
    assert_eq!((&*header(0, "content-type"), &*header(0, "x-event")), ("text/plain", "webhook.test"));
    assert_eq!((received[1].body.first(), &*header(1, "content-type")), (Some(&b'{'), "application/json"));
    assert!(received.iter().all(|request| request.is_signed_with(&KEY)));
    hub.stop().await;
}

#[tokio::test]
async fn what_waits_goes_to_the_new_address_at_once_and_with_the_new_headers() {
    let (dir, old) = (tempfile::tempdir().unwrap(), WebhookSink::answering([status(503)]).await);
    let new = WebhookSink::answering([status(200)]).await;
    let hub = Running::start(dir.path());
    let delivery = hub.test_to(&old).await;
    // After two attempts it waits for half a minute.
    eventually("it waits", async || hub.delivery(delivery).await.attempts.len() == 2).await;
    let webhook = hub.delivery(delivery).await.webhook;
    let headers = Headers(vec![("Authorization".to_owned(), "Bearer x".to_owned())]);
    let url = new.url();
    let moved = move |before: WebhookSpec| Ok::<_, ()>(WebhookSpec { url, headers, ..before });
    hub.store.change_webhook(webhook, Clock.wall(), moved).await.unwrap().unwrap();
    let delivery = hub.settled(delivery).await;
    assert_eq!((delivery.state, delivery.attempts.len(), delivery.by_hand), (DeliveryState::Delivered, 3, 1));
    assert_eq!((old.received().len(), new.received().len()), (2, 1));
    assert_eq!(new.received()[0].headers["authorization"], "Bearer x");
    assert_eq!(new.received()[0].id(), old.received()[0].id());
    hub.stop().await;
}

#[tokio::test]
async fn a_try_that_a_person_asks_for_is_none_of_the_schedules() {
    let (dir, sink) = (tempfile::tempdir().unwrap(), WebhookSink::answering([status(503)]).await);
    let hub = Running::start(dir.path());
    let delivery = hub.test_to(&sink).await;
    eventually("it waits for half a minute", async || hub.delivery(delivery).await.attempts.len() == 2).await;
    for tried in 3..=5 {
        hub.store.replay_delivery(delivery, Clock.wall()).await.unwrap();
        eventually("it is tried", async || hub.delivery(delivery).await.attempts.len() == tried).await;
    }
    let waits = hub.delivery(delivery).await;
    let wait = waits.next_attempt_at.unwrap().since(waits.attempts[4].at);
    assert!((20_000..=40_000).contains(&wait), "as long as after the second: {wait} ms");
    hub.stop().await;
}

#[tokio::test]
async fn a_receiver_that_is_gone_disables_its_webhook() {
    let (dir, sink) = (tempfile::tempdir().unwrap(), WebhookSink::answering([status(410)]).await);
    let hub = Running::start(dir.path());
    let delivery = hub.test_to(&sink).await;
    let delivery = hub.settled(delivery).await;
    assert_eq!((delivery.state, delivery.attempts.len()), (DeliveryState::Failed, 1));
    let webhook = hub.store.webhook(delivery.webhook).await.unwrap();
    assert!(webhook.disabled_reason.unwrap().contains("410"));
    hub.stop().await;
}

#[tokio::test]
async fn what_a_person_must_mend_is_known_at_the_first_attempt_and_forgotten_with_the_first_that_arrives() {
    let (dir, sink) = (tempfile::tempdir().unwrap(), WebhookSink::answering([status(404), status(200)]).await);
    let hub = Running::start(dir.path());
    let delivery = hub.test_to(&sink).await;
    let webhook = hub.delivery(delivery).await.webhook;
    eventually("the first attempt failed", async || hub.delivery(delivery).await.attempts.len() == 1).await;
    let problem = hub.store.webhook(webhook).await.unwrap().problem.unwrap();
    assert_eq!((problem.kind, problem.since), (ProblemKind::Address, hub.delivery(delivery).await.attempts[0].at));
    assert!(problem.text.contains("404"), "{problem:?}");
    assert_eq!(hub.delivery(delivery).await.state, DeliveryState::Pending);
    // A single 404 loses nothing.
    assert_eq!(hub.settled(delivery).await.state, DeliveryState::Delivered);
    assert_eq!(hub.store.webhook(webhook).await.unwrap().problem, None);
    hub.stop().await;
}

#[tokio::test]
async fn each_answer_and_each_broken_connection_says_what_to_mend() {
    let answers = [
        (401, Some(ProblemKind::Token)),
        (403, Some(ProblemKind::Token)),
        (405, Some(ProblemKind::Address)),
        (307, Some(ProblemKind::Address)),
        (422, Some(ProblemKind::Message)),
        (409, None),
        (503, None),
    ];
    for (code, kind) in answers {
        let sink = WebhookSink::answering([status(code)]).await;
        let Tried { outcome, problem, .. } = client().deliver(&at(&sink), &message()).await;
        assert_eq!(
            (problem.map(|problem| problem.kind), outcome),
            (kind, Outcome::Unavailable { retry_after: None }),
            "{code}"
        );
    }
    let words = |problem: Option<Problem>| problem.map(|problem| (problem.kind, problem.text)).unwrap();
    // Plain HTTP where TLS was expected.
    let sink = WebhookSink::answering([status(200)]).await;
    let mut webhook = at(&sink);
    webhook.spec.url = format!("https://{}/", speaks_plainly().await);
    let (kind, text) = words(client().deliver(&webhook, &message()).await.problem);
    assert!(kind == ProblemKind::Address && text.contains("http://"), "{text}");
    // TLS where plain HTTP was expected: the receiver says no in its own way.
    webhook.spec.url = format!("http://{}/", self_signed().await);
    let (kind, text) = words(client().deliver(&webhook, &message()).await.problem);
    assert!(kind == ProblemKind::Address && text.contains("does not speak HTTP"), "{text}");
    // A certificate that nobody here trusts.
    webhook.spec.url = format!("https://{}/", self_signed().await);
    let (kind, text) = words(client().deliver(&webhook, &message()).await.problem);
    assert!(kind == ProblemKind::Address && text.contains("certificate"), "{text}");
    // An address that the hub does not call.
    webhook.spec.url = "http://10.0.0.1/".to_owned();
    let strict = Policy { mode: Mode::Internet, ..Policy::default() };
    let strict = Client::new(HubId::from_bytes([1; 16]), strict).unwrap();
    let (kind, text) = words(strict.deliver(&webhook, &message()).await.problem);
    assert!(kind == ProblemKind::Policy && text.contains("--webhook-allow"), "{text}");
    // A name that nobody knows, and a DNS server that does not answer.
    for (why, is_told) in [("Name or service not known", true), ("Temporary failure in name resolution", false)] {
        let names = Fails(why);
        let client = Client::with_lookup(HubId::from_bytes([1; 16]), Policy::default(), names).unwrap();
        webhook.spec.url = "http://exmaple.test/".to_owned();
        let tried = client.deliver(&webhook, &message()).await;
        assert_eq!(tried.outcome, Outcome::Unavailable { retry_after: None });
        assert!(tried.attempt.error.unwrap().contains(why));
        let problem = tried.problem.filter(|problem| problem.text.contains("exmaple.test"));
        assert_eq!(problem.map(|problem| problem.kind), is_told.then_some(ProblemKind::Address), "{why}");
    }
}

/// Names that cannot be looked up, as the system library says it.
struct Fails(&'static str);

impl Lookup for Fails {
    fn lookup(&self, _name: String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        let error = std::io::Error::other(format!("failed to lookup address information: {}", self.0));
        Box::pin(async move { Err(error) })
    }
}

/// Where something answers without TLS.
async fn speaks_plainly() -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut socket, b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    });
    address
}

/// Where something answers with a certificate of its own making.
async fn self_signed() -> std::net::SocketAddr {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let _ = acceptor.accept(socket).await;
        }
    });
    address
}

#[tokio::test]
async fn after_five_days_of_only_failures_a_webhook_is_off_and_the_others_are_told_once() {
    const HOUR: i64 = 3_600_000;
    let (dir, dead) = (tempfile::tempdir().unwrap(), WebhookSink::answering([status(503)]).await);
    let other = WebhookSink::answering([status(200)]).await;
    let store = open(dir.path());
    let now = Clock.wall();
    let born = now.plus(-200 * HOUR);
    let key = || Secret(KEY.to_vec());
    let failing = store.create_webhook(spec(&dead), key(), born).await.unwrap();
    let listening = store.create_webhook(spec(&other), key(), born).await.unwrap();
    let off = store.create_webhook(spec(&other), key(), born).await.unwrap();
    store
        .change_webhook(off.id, born, |spec| Ok::<_, ()>(WebhookSpec { enabled: false, ..spec }))
        .await
        .unwrap()
        .unwrap();
    // Three messages: two that were tried for days, and one of today.
    for hours in [130, 100, 1] {
        let caused = now.plus(-hours * HOUR);
        store.create_delivery(test_delivery(failing.id, "test", caused)).await.unwrap();
    }
    for ago in [130, 129, 128, 126, 100, 80, 60, 40, 20] {
        let at = now.plus(-ago * HOUR);
        for delivery in store.claim_due(at, at.plus(60_000), 2, &[]).await.unwrap() {
            let attempt = Attempt { status: Some(503), duration_ms: 1, ..Attempt::begun(at) };
            let settlement = Settlement {
                delivery: delivery.id,
                attempt,
                state: DeliveryState::Pending,
                next_attempt_at: Some(at.plus(HOUR)),
                disable: None,
                problem: None,
                webhook_updated_at: failing.updated_at,
            };
            store.settle(settlement, at).await.unwrap();
        }
    }
    assert_eq!(store.webhook(failing.id).await.unwrap().failing_since, Some(now.plus(-130 * HOUR)));
    store.close().await.unwrap();

    let hub = Running::start(dir.path());
    eventually("it is off", async || hub.store.webhook(failing.id).await.unwrap().disabled_reason.is_some()).await;
    eventually("the other is told", async || !other.received().is_empty()).await;
    let reason = hub.store.webhook(failing.id).await.unwrap().disabled_reason.unwrap();
    assert!(reason.contains("5 days"), "{reason}");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let told = other.received();
    assert_eq!((told.len(), &told[0].json()["type"]), (1, &serde_json::json!("webhook.disabled")), "once");
    let about = &told[0].json()["data"]["webhook"];
    assert_eq!(about["id"], format!("whk_{}", failing.id.0));
    let query = DeliveryQuery { webhook: Some(listening.id), limit: 9, ..DeliveryQuery::default() };
    assert_eq!(hub.store.deliveries(query).await.unwrap().len(), 1);
    // Turned on again, it has five days again.
    let on = |spec: WebhookSpec| Ok::<_, ()>(WebhookSpec { enabled: true, ..spec });
    let again = hub.store.change_webhook(failing.id, Clock.wall(), on).await.unwrap().unwrap();
    assert_eq!((again.disabled_reason, again.failing_since), (None, None));
    hub.stop().await;
}

#[tokio::test]
async fn what_is_taken_more_than_a_minute_late_says_how_late_and_a_repetition_says_what_the_first_did() {
    let (dir, sink) = (tempfile::tempdir().unwrap(), WebhookSink::answering([status(200)]).await);
    let hub = Running::start(dir.path());
    let webhook = hub.webhook(&sink).await;
    let caused = |seconds: i64| test_delivery(webhook.id, "test", Clock.wall().plus(-seconds * 1_000));
    let delayed = async |id: DeliveryId, received: usize| {
        eventually("it arrived", async || sink.received().len() == received).await;
        hub.settled(id).await;
        let request = sink.received().pop().unwrap();
        assert!(request.is_signed_with(&KEY), "as it was sent");
        request.json()["delayed_by"].as_i64()
    };
    let late = hub.store.create_delivery(caused(3 * 3_600)).await.unwrap().id;
    let first = delayed(late, 1).await.unwrap();
    assert!((10_800..10_810).contains(&first), "{first}");
    assert_eq!(hub.delivery(late).await.delayed_by(None), Some(first));
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    hub.store.replay_delivery(late, Clock.wall()).await.unwrap();
    assert_eq!(delayed(late, 2).await, Some(first));
    let soon = hub.store.create_delivery(caused(30)).await.unwrap().id;
    assert_eq!(delayed(soon, 3).await, None);
    hub.stop().await;
}

#[tokio::test]
async fn after_an_outage_people_get_one_summary_and_programs_each_message() {
    let dir = tempfile::tempdir().unwrap();
    let chat = WebhookSink::answering([status(503), Answer::Text(200, "ok")]).await;
    let program = WebhookSink::answering([status(200)]).await;
    let hub = Running::start(dir.path());
    let people = hub.slack(&chat).await;
    let machine = hub.webhook(&program).await;
    let few = hub.slack(&program).await;
    // Of four alerts one is over; caused three minutes ago.
    let events = [(1, true), (2, true), (3, true), (4, true), (1, false), (5, true)];
    let mut deliveries = Vec::new();
    for (alert, fires) in events {
        deliveries.extend([people.id, machine.id].map(|to| of_alert(to, alert, fires, Clock.wall().plus(-180_000))));
    }
    deliveries.extend((1..=5).map(|alert| of_alert(few.id, alert, true, Clock.wall().plus(-180_000))));
    hub.store.commit(Commit { deliveries, ..Commit::default() }).await.unwrap();
    eventually("the program has each", async || program.received().len() == 6 + 5).await;
    eventually("the chat is told at the second attempt", async || chat.received().len() == 2).await;
    let [first, second] = [0, 1].map(|n| chat.received()[n].json());
    assert_eq!(first, second, "the same message");
    assert_eq!(second["blocks"][0]["text"]["text"], "🔴 4 alerts still fire, of 6 messages that waited");
    let text = second["blocks"][1]["text"]["text"].as_str().unwrap();
    assert!(text.contains("4 are still firing: alert 2; alert 3; alert 4; alert 5. 1 is over: alert 1."), "{text}");
    let of = async |webhook| {
        let query = DeliveryQuery { webhook: Some(webhook), limit: 99, ..DeliveryQuery::default() };
        hub.store.deliveries(query).await.unwrap()
    };
    eventually("all are delivered", async || {
        of(people.id).await.iter().all(|one| one.state == DeliveryState::Delivered)
    })
    .await;
    let (summaries, told): (Vec<_>, Vec<_>) =
        of(people.id).await.into_iter().partition(|one| one.event == Event::AlertsSummary);
    assert_eq!((summaries.len(), told.len()), (1, 6));
    assert!(told.iter().all(|one| one.summary == Some(summaries[0].id) && one.attempts.is_empty()), "{told:?}");
    assert!(of(machine.id).await.iter().all(|one| one.summary.is_none() && one.delayed_by(None) >= Some(180)));
    assert!(of(few.id).await.iter().all(|one| one.summary.is_none()), "a handful goes each for itself");
    hub.stop().await;
}

#[tokio::test]
async fn a_summary_that_waits_grows_and_for_a_program_it_is_taken_apart() {
    let dir = tempfile::tempdir().unwrap();
    let chat = WebhookSink::answering([status(503)]).await;
    let hub = Running::start(dir.path());
    let people = hub.slack(&chat).await;
    let late = async |alerts: std::ops::RangeInclusive<u64>| {
        let deliveries = alerts.map(|alert| of_alert(people.id, alert, true, Clock.wall().plus(-180_000))).collect();
        hub.store.commit(Commit { deliveries, ..Commit::default() }).await.unwrap();
    };
    late(1..=6).await;
    let title = |n: usize| chat.received()[n].json()["blocks"][0]["text"]["text"].as_str().unwrap().to_owned();
    eventually("it is tried", async || chat.received().len() == 1).await;
    late(7..=7).await;
    eventually("it is tried with the seventh", async || chat.received().len() == 2).await;
    assert!(title(0).contains("6 alerts") && title(1).contains("7 alerts"), "{} {}", title(0), title(1));
    let query = || DeliveryQuery { webhook: Some(people.id), limit: 99, ..DeliveryQuery::default() };
    let waits = hub.store.deliveries(query()).await.unwrap();
    let newest = waits[0].id;
    assert_eq!(waits.len(), 9);
    assert!(
        waits[1..].iter().all(|one| one.summary == Some(newest) && one.state == DeliveryState::Pending),
        "{waits:?}"
    );
    // A program counts alerts.
    let program = WebhookSink::answering([status(200)]).await;
    let url = program.url();
    let moved = move |spec: WebhookSpec| Ok::<_, ()>(WebhookSpec { kind: WebhookKind::Generic, url, ..spec });
    hub.store.change_webhook(people.id, Clock.wall(), moved).await.unwrap().unwrap();
    eventually("it gets each", async || program.received().len() == 7).await;
    eventually("all are delivered", async || {
        hub.store.deliveries(query()).await.unwrap().iter().all(|one| one.state == DeliveryState::Delivered)
    })
    .await;
    assert_eq!(hub.store.deliveries(query()).await.unwrap().len(), 7, "no summary is left");
    hub.stop().await;
}

#[tokio::test]
async fn a_summary_is_whole_and_in_order_however_often_the_dispatcher_ends_in_the_middle_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let answers = [status(503), Answer::Text(200, "ok"), status(500), Answer::Text(200, "ok")];
    let chat = WebhookSink::answering(answers.into_iter().cycle().take(400)).await;
    let mut hub = Running::start(dir.path());
    let people = hub.slack(&chat).await;
    let (mut alert, mut ends) = (0, Vec::new());
    for kill in 0..25_u64 {
        let mut deliveries = Vec::new();
        for _ in 0..4 {
            alert += 1;
            deliveries
                .extend([true, false].map(|fires| of_alert(people.id, alert, fires, Clock.wall().plus(-180_000))));
            ends.push(alert);
        }
        hub.store.commit(Commit { deliveries, ..Commit::default() }).await.unwrap();
        tokio::time::sleep(Duration::from_millis(kill * 13 % 60)).await;
        // As SIGKILL: nothing of what is under way is written down.
        hub.dispatcher.abort();
        hub.store.close().await.unwrap();
        hub = Running::start(dir.path());
        // What waits for its next attempt goes at once.
        let url = chat.url();
        let again = move |spec: WebhookSpec| Ok::<_, ()>(WebhookSpec { url: format!("{url}?{kill}"), ..spec });
        hub.store.change_webhook(people.id, Clock.wall(), again).await.unwrap().unwrap();
    }
    let query = || DeliveryQuery { webhook: Some(people.id), limit: 999, ..DeliveryQuery::default() };
    for round in 0..40 {
        let url = chat.url();
        let again = move |spec: WebhookSpec| Ok::<_, ()>(WebhookSpec { url: format!("{url}?r{round}"), ..spec });
        hub.store.change_webhook(people.id, Clock.wall(), again).await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        if hub.store.deliveries(query()).await.unwrap().iter().all(|one| one.state == DeliveryState::Delivered) {
            break;
        }
    }
    let all = hub.store.deliveries(query()).await.unwrap();
    assert!(all.iter().all(|one| one.state == DeliveryState::Delivered), "{} of them wait", all.len());
    assert_eq!(all.iter().filter(|one| one.event != Event::AlertsSummary).count(), 2 * ends.len());
    // When each was taken: by itself, or by the summary that tells of it in the end.
    let taken = |one: &Delivery| {
        let by = one.summary.and_then(|id| all.iter().find(|summary| summary.id == id)).unwrap_or(one);
        by.attempts.iter().find(|attempt| attempt.arrived()).map(|attempt| attempt.at).unwrap()
    };
    for alert in ends {
        let of = |event| all.iter().find(|one| one.alert == Some(AlertId(alert)) && one.event == event).unwrap();
        assert!(taken(of(Event::AlertFiring)) <= taken(of(Event::AlertResolved)), "alert {alert}");
    }
    hub.stop().await;
}

#[tokio::test]
async fn what_waits_for_others_of_its_rule_is_one_message_when_its_time_comes() {
    let dir = tempfile::tempdir().unwrap();
    let chat = WebhookSink::answering([Answer::Text(200, "ok")].into_iter().cycle().take(40)).await;
    let hub = Running::start(dir.path());
    let people = hub.slack(&chat).await;
    let now = Clock.wall();
    let held = |alert: u64, fires: bool, until: Option<UnixMillis>| {
        let group = Some(Grouped { rule: RuleId(3), about: Subject::Device(DeviceNo(alert as u32)), until });
        NewDelivery { group, ..of_alert(people.id, alert, fires, now) }
    };
    let until = Some(now.plus(1_000));
    let mut deliveries = vec![held(1, true, None)];
    deliveries.extend((2..=30).map(|alert| held(alert, true, until)));
    deliveries.push(held(30, false, None));
    hub.store.commit(Commit { deliveries, ..Commit::default() }).await.unwrap();
    eventually("the first", async || chat.received().len() == 1).await;
    // A kill and a start change nothing.
    hub.dispatcher.abort();
    hub.store.close().await.unwrap();
    let hub = Running::start(dir.path());
    eventually("the others", async || chat.received().len() == 2).await;
    let body = String::from_utf8(chat.received()[1].body.clone()).unwrap();
    assert!(body.contains("28 more, 1 over"), "{body}");
    let all = hub.store.deliveries(DeliveryQuery { limit: 99, ..DeliveryQuery::default() }).await.unwrap();
    eventually("all told", async || hub.store.deliveries_pending().await.unwrap() == 0).await;
    assert_eq!((all.len(), all.iter().filter(|one| one.summary.is_some()).count()), (32, 30));
    hub.stop().await;
}

/// What is told of an alert, in the hub's own form.
fn of_alert(webhook: WebhookId, alert: u64, fires: bool, at: UnixMillis) -> NewDelivery {
    let event = if fires { Event::AlertFiring } else { Event::AlertResolved };
    let title = if fires { format!("alert {alert}") } else { format!("Resolved: alert {alert}") };
    let data = serde_json::json!({"alert": {"id": format!("alr_{alert}"), "severity": "critical"}});
    let body = serde_json::json!({"type": event.word(), "title": title, "text": "It is hot.", "data": data});
    NewDelivery {
        webhook,
        alert: Some(AlertId(alert)),
        event,
        body: body.to_string().into_bytes(),
        created_at: at,
        group: None,
    }
}

#[tokio::test]
async fn ten_black_holes_delay_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let (hole, sink) = (WebhookSink::answering([Answer::Hang]).await, WebhookSink::answering([status(200)]).await);
    let hub = Running::start(dir.path());
    for _ in 0..10 {
        let webhook = hub.webhook(&hole).await;
        for _ in 0..10 {
            hub.test(webhook.id).await;
        }
    }
    let began = Clock.now();
    let webhook = hub.webhook(&sink).await;
    for _ in 0..10 {
        hub.test(webhook.id).await;
    }
    eventually("the good receiver has all of them", async || sink.received().len() == 10).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(hole.received().len(), 20, "two at once to each black hole");
    hub.stop().await;
}

#[tokio::test]
async fn a_burst_to_one_receiver_goes_as_fast_as_it_answers() {
    let (dir, sink) = (tempfile::tempdir().unwrap(), WebhookSink::answering([status(200)]).await);
    let hub = Running::start(dir.path());
    let webhook = hub.webhook(&sink).await;
    for _ in 0..200 {
        hub.test(webhook.id).await;
    }
    eventually("all have arrived", async || sink.received().len() == 200).await;
    let ids: std::collections::BTreeSet<_> = sink.received().iter().map(|request| request.id().to_owned()).collect();
    assert_eq!(ids.len(), 200, "each once");
    hub.stop().await;
}

#[tokio::test]
async fn of_one_alert_firing_arrives_before_resolved_even_when_firing_has_to_be_repeated() {
    let (dir, sink) = (tempfile::tempdir().unwrap(), WebhookSink::answering([status(500), status(200)]).await);
    let hub = Running::start(dir.path());
    hub.alert_that_fires_and_resolves(&sink).await;
    eventually("three calls were made", async || sink.received().len() == 3).await;
    let told = sink.received().iter().map(|request| event(&request.body)).collect::<Vec<_>>();
    assert_eq!(told, ["alert.firing 1", "alert.firing 1", "alert.resolved 2"]);
    hub.stop().await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let inside = WebhookSink::answering([status(200)]).await;
    let sink = WebhookSink::answering([Answer::With(302, "location", inside.url())]).await;
    let Tried { attempt, outcome, .. } = client().deliver(&at(&sink), &message()).await;
    assert_eq!((attempt.status, outcome), (Some(302), Outcome::Unavailable { retry_after: None }));
    assert!(inside.received().is_empty());
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_the_second_time_is_not_called_there() {
    let sink = WebhookSink::answering([status(200)]).await;
    let inside = std::net::TcpListener::bind(("127.0.0.2", sink.address.port())).unwrap();
    inside.set_nonblocking(true).unwrap();
    let rebinds = Rebinds([[127, 0, 0, 1], [127, 0, 0, 2]].map(IpAddr::from), AtomicUsize::new(0));
    let policy = Policy { allow: vec!["127.0.0.1/32".parse().unwrap()], ..Policy::default() };
    let client = Client::with_lookup(HubId::from_bytes([1; 16]), policy, rebinds).unwrap();
    let mut webhook = at(&sink);
    webhook.spec.url = format!("http://rebinds.test:{}/hook", sink.address.port());
    let Tried { attempt: first, outcome, .. } = client.deliver(&webhook, &message()).await;
    assert_eq!((first.status, outcome), (Some(200), Outcome::Delivered));
    let Tried { attempt: second, .. } = client.deliver(&webhook, &message()).await;
    assert!(second.status.is_none() && second.error.is_some(), "{second:?}");
    assert_eq!(inside.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    assert_eq!(sink.received().len(), 1);
}

/// A name that has another address each time it is asked for.
struct Rebinds([IpAddr; 2], AtomicUsize);

impl Lookup for Rebinds {
    fn lookup(&self, _name: String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        let address = self.0[self.1.fetch_add(1, Ordering::Relaxed) % 2];
        Box::pin(async move { Ok(vec![address]) })
    }
}

#[tokio::test]
async fn an_answer_that_drips_or_never_ends_is_cut() {
    let sink = WebhookSink::answering([Answer::Drip, Answer::Large(1_000_000)]).await;
    let began = Clock.now();
    let Tried { attempt, outcome, .. } = client().deliver(&at(&sink), &message()).await;
    assert_eq!((attempt.status, outcome), (Some(200), Outcome::Delivered));
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    let Tried { attempt, .. } = client().deliver(&at(&sink), &message()).await;
    assert_eq!(attempt.response.unwrap().len(), 1024);
}

#[tokio::test]
async fn interim_answers_without_end_are_cut_and_those_before_an_answer_are_not() {
    for head in
        ["HTTP/1.1 103 Early\r\nlink: </a>\r\n\r\n", "HTTP/1.1 100 X\r\n\r\n", "HTTP/1.1 199 X\r\n\r\n", "x: y\r\n"]
    {
        let sink = WebhookSink::answering([Answer::Interim(head)]).await;
        let Tried { attempt, outcome, .. } = client().deliver(&at(&sink), &message()).await;
        assert_eq!((attempt.status, outcome), (None, Outcome::Unavailable { retry_after: None }), "{head}");
        let why = attempt.error.unwrap();
        assert!(why.contains("its answer had not ended") || head.starts_with('x'), "{head}: {why}");
        assert!(!why.contains("no answer within"), "{head}: {why}");
    }
    let few = "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 102 X\r\n\r\nHTTP/1.1 204 X\r\n\r\n";
    let sink = WebhookSink::answering([Answer::Interim(few)]).await;
    let Tried { attempt, outcome, .. } = client().deliver(&at(&sink), &message()).await;
    assert_eq!((attempt.status, outcome), (Some(204), Outcome::Delivered));
}

#[tokio::test]
async fn a_wish_to_wait_is_read_from_the_answer() {
    let sink = WebhookSink::answering([Answer::With(429, "retry-after", "7".into())]).await;
    let Tried { outcome, .. } = client().deliver(&at(&sink), &message()).await;
    assert_eq!(outcome, Outcome::Unavailable { retry_after: Some(Duration::from_secs(7)) });
}

#[tokio::test]
async fn own_headers_are_sent_but_cannot_replace_the_signature() {
    let sink = WebhookSink::answering([status(200)]).await;
    let mut webhook = at(&sink);
    let headers = [("Authorization", "Bearer x"), ("Webhook-Id", "forged"), ("Host", "elsewhere")];
    webhook.spec.headers = Headers(headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec());
    client().deliver(&webhook, &message()).await;
    let request = &sink.received()[0];
    assert_eq!(request.headers["authorization"], "Bearer x");
    assert_eq!(request.headers["host"], sink.address.to_string());
    assert_eq!(request.headers["content-type"], "application/json");
    assert!(request.headers["user-agent"].starts_with("telemetry-hub/"));
    assert!(request.is_signed_with(&KEY) && request.id() != "forged");
}

#[tokio::test]
async fn a_receiver_that_refuses_a_picture_gets_the_message_without_it_at_once() {
    let picture = Picture { png: b"\x89PNG".to_vec(), alt: "a chart".to_owned() };
    let deliver = async |answers: Vec<Answer>, attempts: usize| {
        let sink = WebhookSink::answering(answers).await;
        let mut webhook = at(&sink);
        webhook.spec.kind = WebhookKind::Discord;
        let before = Attempt { status: Some(500), duration_ms: 1, ..Attempt::begun(Clock.wall()) };
        let body = test_delivery(WebhookId(1), "chat", Clock.wall()).body;
        let delivery = Delivery { attempts: vec![before; attempts], body, ..message() };
        let tried = client().deliver_showing(&webhook, &delivery, Some(&picture)).await;
        let kinds: Vec<_> = sink.received().iter().map(|one| one.headers["content-type"].clone()).collect();
        (tried, kinds)
    };
    let is_form = |kind: &String| kind.starts_with("multipart/form-data; boundary=");
    let (tried, kinds) = deliver(vec![status(200)], 0).await;
    assert!(tried.outcome == Outcome::Delivered && kinds.len() == 1 && is_form(&kinds[0]), "{tried:?} {kinds:?}");
    let (tried, kinds) = deliver(vec![status(413), status(200)], 1).await;
    assert_eq!((tried.outcome, tried.attempt.status, tried.problem), (Outcome::Delivered, Some(200), None));
    assert!(kinds.len() == 2 && is_form(&kinds[0]) && kinds[1] == "application/json", "{kinds:?}");
    // What is wrong with the message itself is said of the message itself.
    let (tried, kinds) = deliver(vec![status(400), status(400)], 0).await;
    assert_eq!((tried.attempt.status, kinds.len()), (Some(400), 2));
    // A token is no better without a picture, and after two attempts nothing is tried that need not be.
    assert_eq!(deliver(vec![status(401)], 0).await.1.len(), 1);
    assert_eq!(deliver(vec![status(503)], 0).await.1.len(), 1);
    assert_eq!(deliver(vec![status(200)], 2).await.1, ["application/json"]);
}

#[tokio::test]
async fn a_picture_is_given_to_matrix_before_the_message_and_never_keeps_it_from_arriving() {
    let picture = Picture { png: b"\x89PNG".to_vec(), alt: "a chart".to_owned() };
    let deliver = async |answers: Vec<Answer>| {
        let sink = WebhookSink::answering(answers).await;
        let mut webhook = at(&sink);
        webhook.spec.kind = WebhookKind::Matrix;
        webhook.spec.fields.0 =
            [("room_id", "!a:b"), ("token", "syt_1")].map(|(a, b)| (a.to_owned(), b.to_owned())).into();
        let delivery = Delivery { body: test_delivery(WebhookId(1), "chat", Clock.wall()).body, ..message() };
        let tried = client().deliver_showing(&webhook, &delivery, Some(&picture)).await;
        assert_eq!((tried.outcome, tried.attempt.status), (Outcome::Delivered, Some(200)), "{tried:?}");
        sink.received()
    };
    let took = Answer::Text(200, r#"{"content_uri":"mxc://example.org/aBc"}"#);
    let [upload, message] = &deliver(vec![took.clone(), status(200)]).await[..] else { panic!("two requests") };
    assert_eq!((upload.asked.split(' ').next(), &*upload.body), (Some("POST"), &picture.png[..]));
    assert!(upload.asked.ends_with("/_matrix/media/v3/upload?filename=chart.png"), "{}", upload.asked);
    assert_eq!((&*upload.headers["content-type"], &*upload.headers["authorization"]), ("image/png", "Bearer syt_1"));
    assert_eq!(
        (&message.json()["msgtype"], &message.json()["url"]),
        (&"m.image".into(), &"mxc://example.org/aBc".into())
    );
    // A server that takes no pictures, and one that takes none in messages.
    let without = deliver(vec![status(413), status(200)]).await;
    assert_eq!((without.len(), &without[1].json()["msgtype"]), (2, &"m.text".into()));
    let refused = deliver(vec![took, status(400), status(200)]).await;
    assert_eq!((refused.len(), &refused[2].json()["msgtype"]), (3, &"m.text".into()));
    assert_eq!(refused[1].asked, refused[2].asked, "under the same id");
}

#[tokio::test]
async fn loopback_is_not_called_unless_it_is_allowed() {
    let sink = WebhookSink::answering([status(200)]).await;
    let strict = Client::new(HubId::from_bytes([1; 16]), Policy::default()).unwrap();
    let mut by_name = at(&sink);
    by_name.spec.url = format!("http://localhost.localdomain:{}/", sink.address.port());
    for webhook in [at(&sink), by_name] {
        let Tried { attempt, .. } = strict.deliver(&webhook, &message()).await;
        assert!(attempt.status.is_none() && attempt.error.is_some(), "{attempt:?}");
    }
    assert!(sink.received().is_empty());
}

#[tokio::test]
async fn a_refused_connection_is_explained_and_tried_again() {
    let sink = WebhookSink::answering([status(200)]).await;
    let webhook = at(&sink);
    drop(sink);
    let Tried { attempt, outcome, .. } = client().deliver(&webhook, &message()).await;
    assert_eq!(outcome, Outcome::Unavailable { retry_after: None });
    assert!(attempt.error.unwrap().contains("cannot connect"));
}

/// A store and a dispatcher over it.
struct Running {
    store: Store,
    counters: Arc<Counters>,
    stop: CancellationToken,
    dispatcher: JoinHandle<Result<(), telemetry_hub::store::Error>>,
}

impl Running {
    #[expect(clippy::disallowed_methods, reason = "the test is the supervisor")]
    fn start(dir: &Path) -> Self {
        let store = open(dir);
        let (counters, stop) = (Arc::new(Counters::default()), CancellationToken::new());
        let dispatcher = Dispatcher::new(store.clone(), client(), teller(), Arc::clone(&counters), Arc::new(|_| {}));
        let dispatcher = tokio::spawn(run(dispatcher, stop.clone()));
        Self { store, counters, stop, dispatcher }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.dispatcher.await.unwrap().unwrap();
        self.store.close().await.unwrap();
    }

    async fn webhook(&self, sink: &WebhookSink) -> Webhook {
        self.store.create_webhook(spec(sink), Secret(KEY.to_vec()), Clock.wall()).await.unwrap()
    }

    /// One that people read.
    async fn slack(&self, sink: &WebhookSink) -> Webhook {
        let spec = WebhookSpec { kind: WebhookKind::Slack, ..spec(sink) };
        self.store.create_webhook(spec, Secret(KEY.to_vec()), Clock.wall()).await.unwrap()
    }

    async fn test(&self, webhook: WebhookId) -> DeliveryId {
        self.store.create_delivery(test_delivery(webhook, "test", Clock.wall())).await.unwrap().id
    }

    async fn test_to(&self, sink: &WebhookSink) -> DeliveryId {
        self.test(self.webhook(sink).await.id).await
    }

    async fn delivery(&self, id: DeliveryId) -> Delivery {
        self.store.delivery(id).await.unwrap()
    }

    async fn settled(&self, id: DeliveryId) -> Delivery {
        eventually("the delivery is settled", async || self.delivery(id).await.state != DeliveryState::Pending).await;
        self.delivery(id).await
    }

    /// One device, one rule, and in one commit what follows from a reading beyond the limit and one within.
    async fn alert_that_fires_and_resolves(&self, sink: &WebhookSink) {
        let now = Clock.wall();
        let device = self.store.adopt(new_device(now)).await.unwrap();
        let sensor = SensorSpec { name: "temp".into(), unit: "Cel".into(), kind: SensorKind::Gauge, interval_ms: 1000 };
        let series = self.store.register_sensors(device.no, SensorNo(0), vec![sensor]).await.unwrap();
        let webhook = self.webhook(sink).await;
        let rule = self.store.create_rule(too_hot(webhook.id), now).await.unwrap();
        let next = self.store.next_alert_id().await.unwrap();

        let mut engine = Engine::new(vec![rule.clone()], Vec::<Alert>::new(), next);
        let id = BatchId { device: device.no, epoch: Epoch(1), seq: BatchSeq(1) };
        let batches = vec![two_readings(id, series[0], now)];
        let proposed = {
            let catalog = self.store.catalog();
            engine.prepare(&catalog, &batches);
            engine.evaluate(now, &batches)
        };
        let deliveries = {
            let catalog = self.store.catalog();
            let told = Notifier::default().decide(now, &proposed.transitions, &catalog, false, |_| false);
            let audience = Audience {
                rules: &[rule],
                webhooks: &[webhook],
                said: &|_, _| 0,
                grouping: &Grouping::default(),
                beside: &|_| None,
                reasons: &HashMap::new(),
            };
            deliveries_for(&told.notices, &audience, &catalog, &teller())
        };
        assert_eq!(deliveries.iter().map(|one| one.alert).collect::<Vec<_>>(), [Some(AlertId(next)); 2]);
        let transitions = proposed.transitions.clone();
        self.store.commit(Commit { transitions, deliveries, ..Commit::default() }).await.unwrap();
        engine.apply(proposed);
    }
}

fn open(dir: &Path) -> Store {
    let config = Config { dir: dir.to_owned(), ..Config::default() };
    Store::open(&config, &SecretKey::load_or_create(dir).unwrap()).unwrap()
}

/// Waits up to 10 s.
async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..500 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not within 10 s: {what}");
}

fn status(status: u16) -> Answer {
    Answer::Status(status)
}

fn teller() -> Teller {
    Teller { url: None, zone: jiff::tz::TimeZone::UTC, pictures: PictureKey::of(&[7; 32]) }
}

fn client() -> Client {
    let policy = Policy { allow: vec!["127.0.0.0/8".parse().unwrap()], ..Policy::default() };
    Client::new(HubId::from_bytes([1; 16]), policy).unwrap()
}

fn spec(sink: &WebhookSink) -> WebhookSpec {
    WebhookSpec::new(sink.address.to_string(), sink.url())
}

fn at(sink: &WebhookSink) -> Webhook {
    Webhook::new(WebhookId(1), spec(sink), vec![Secret(KEY.to_vec())], Clock.wall())
}

fn message() -> Delivery {
    let now = Clock.wall();
    Delivery {
        id: DeliveryId(1),
        webhook: WebhookId(1),
        alert: None,
        event: Event::Test,
        state: DeliveryState::Pending,
        attempts: vec![],
        by_hand: 0,
        summary: None,
        urgency: telemetry_hub::model::hearing::Urgency::Ordinary,
        next_attempt_at: Some(now),
        created_at: now,
        held_until: None,
        body: b"{}".to_vec(),
    }
}

fn new_device(at: UnixMillis) -> NewDevice {
    let introduction = Introduction { name: "boiler".into(), ..Introduction::default() };
    NewDevice { key: PublicKey([3; 32]), introduction, address: None, at, join_token: None, handshake_counter: 1 }
}

fn too_hot(webhook: WebhookId) -> RuleSpec {
    RuleSpec {
        name: "too hot".into(),
        device: "*".into(),
        sensor: "temp".into(),
        labels: Labels::new(),
        condition: Condition::Threshold { op: Op::Above, value: 30.0, clear: None },
        hold: Duration::ZERO,
        clear_for: Duration::ZERO,
        severity: Severity::Critical,
        tags: Labels::new(),
        webhooks: vec![webhook],
        all_webhooks: false,
        enabled: true,
        message: Message::default(),
    }
}

fn two_readings(id: BatchId, series: SeriesId, now: UnixMillis) -> Batch {
    Batch {
        id,
        lane: Lane::Live,
        received_at: now,
        payload: vec![],
        series: vec![series; 2],
        at: vec![now.plus(-1000), now],
        value: vec![31.0, 20.0],
    }
}

/// `<type> <sequence>` of a body.
fn event(body: &[u8]) -> String {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap();
    format!("{} {}", body["type"].as_str().unwrap(), body["data"]["alert"]["sequence"])
}

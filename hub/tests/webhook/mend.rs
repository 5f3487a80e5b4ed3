//! What a person has to mend, and when a webhook is off.

use super::*;

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
async fn a_refused_connection_is_explained_and_tried_again() {
    let sink = WebhookSink::answering([status(200)]).await;
    let webhook = at(&sink);
    drop(sink);
    let Tried { attempt, outcome, .. } = client().deliver(&webhook, &message()).await;
    assert_eq!(outcome, Outcome::Unavailable { retry_after: None });
    assert!(attempt.error.unwrap().contains("cannot connect"));
}

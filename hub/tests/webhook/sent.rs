//! What is sent, and sent again: the same message under the same id, wherever its webhook is by then.

use super::*;

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

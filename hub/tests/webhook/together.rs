//! What waited is one message to people.

use super::*;

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

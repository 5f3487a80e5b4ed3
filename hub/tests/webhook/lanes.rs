//! Nobody waits for somebody else's receiver.

use super::*;

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

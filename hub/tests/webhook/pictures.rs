//! Messages with the picture of their alert.

use super::*;

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

//! Webhooks that are changed while something waits for them.

use telemetry_hub::model::webhook::{
    DeliveryId, DeliveryState, Disabling, Problem, ProblemKind, Settled, Settlement, WebhookSpec,
};
use telemetry_hub::store::{Commit, Error};

use super::scene::{Hub, T0, settlement, to};

#[tokio::test]
async fn another_address_is_tried_at_once_by_all_that_waits_and_by_nothing_that_is_under_way() {
    let hub = Hub::new().await;
    let webhook = hub.webhook().await;
    let deliveries = vec![to(&webhook, None), to(&webhook, None), to(&webhook, None)];
    hub.store.commit(Commit { deliveries, ..Commit::default() }).await.unwrap();
    assert_eq!(hub.claim(0).await, [1, 2, 3]);
    hub.settle(1, DeliveryState::Pending, Some(60_000)).await;
    hub.settle(2, DeliveryState::Delivered, None).await;
    let renamed = |spec: WebhookSpec| Ok::<_, ()>(WebhookSpec { name: "other".to_owned(), ..spec });
    hub.store.change_webhook(webhook.id, T0.plus(10), renamed).await.unwrap().unwrap();
    assert_eq!(hub.claim(10).await, Vec::<u64>::new(), "a name is no reason");
    let moved = |spec: WebhookSpec| Ok::<_, ()>(WebhookSpec { url: "https://example.net/".to_owned(), ..spec });
    hub.store.change_webhook(webhook.id, T0.plus(20), moved).await.unwrap().unwrap();
    assert_eq!(hub.claim(20).await, [1]);
    let tried = hub.store.delivery(DeliveryId(1)).await.unwrap();
    assert_eq!((tried.attempts.len(), tried.by_hand), (1, 1), "the schedule is as long as before");
}

#[tokio::test]
async fn a_receiver_that_is_gone_says_nothing_of_the_address_that_took_its_place() {
    let hub = Hub::new().await;
    let webhook = hub.webhook().await;
    hub.store.create_delivery(to(&webhook, None)).await.unwrap();
    hub.claim(0).await;
    let moved = |spec: WebhookSpec| Ok::<_, ()>(WebhookSpec { url: "https://example.net/".to_owned(), ..spec });
    hub.store.change_webhook(webhook.id, T0.plus(5), moved).await.unwrap().unwrap();
    let gone = Settlement { disable: Some(Disabling { reason: "410 Gone".to_owned(), tell: Vec::new() }), ..settlement(1, DeliveryState::Failed, None) };
    hub.store.settle(gone, T0.plus(10)).await.unwrap();
    assert_eq!(hub.store.webhook(webhook.id).await.unwrap().disabled_reason, None);
}

#[tokio::test]
async fn what_has_to_be_mended_is_news_once_and_forgotten_by_what_arrives_or_by_another_address() {
    let hub = Hub::new().await;
    let webhook = hub.webhook().await;
    let problem = |kind, at, text: &str| Some(Problem { kind, since: T0.plus(at), text: text.to_owned() });
    let found = async |state, problem: Option<Problem>| {
        hub.store.create_delivery(to(&webhook, None)).await.unwrap();
        let id = hub.claim(0).await[0];
        let settled = Settlement { problem, webhook_updated_at: hub.store.webhook(webhook.id).await.unwrap().updated_at,
            ..settlement(id, state, None) };
        hub.store.settle(settled, T0.plus(10)).await.unwrap()
    };
    let stored = async || hub.store.webhook(webhook.id).await.unwrap().problem;
    let (failed, delivered) = (DeliveryState::Failed, DeliveryState::Delivered);
    let first = problem(ProblemKind::Token, 1, "401");
    assert_eq!(found(failed, first.clone()).await, Settled { problem: first.clone(), ..Settled::default() });
    assert_eq!(found(failed, problem(ProblemKind::Token, 2, "401")).await, Settled::default(), "no news");
    assert_eq!(found(failed, None).await, Settled::default(), "another failure says nothing of the token");
    assert_eq!(stored().await, first);
    let other = problem(ProblemKind::Token, 3, "403");
    assert_eq!(found(failed, other.clone()).await.problem, other);
    assert_eq!(stored().await, problem(ProblemKind::Token, 1, "403"), "as long as before");
    assert!(found(failed, problem(ProblemKind::Address, 4, "404")).await.problem.is_some());
    assert_eq!(stored().await, problem(ProblemKind::Address, 4, "404"));
    assert_eq!(found(delivered, None).await, Settled { works_again: true, ..Settled::default() });
    assert_eq!((stored().await, found(delivered, None).await), (None, Settled::default()));

    found(failed, problem(ProblemKind::Policy, 5, "blocked")).await;
    let renamed = |spec: WebhookSpec| Ok::<_, ()>(WebhookSpec { name: "other".to_owned(), ..spec });
    hub.store.change_webhook(webhook.id, T0.plus(20), renamed).await.unwrap().unwrap();
    assert!(stored().await.is_some(), "a name mends nothing");
    let moved = |spec: WebhookSpec| Ok::<_, ()>(WebhookSpec { url: "https://example.net/".to_owned(), ..spec });
    hub.store.change_webhook(webhook.id, T0.plus(30), moved).await.unwrap().unwrap();
    assert_eq!(stored().await, None);
    // Of a call that began at the old address nothing is kept.
    hub.store.create_delivery(to(&webhook, None)).await.unwrap();
    let id = hub.claim(0).await[0];
    let late = Settlement { problem: problem(ProblemKind::Token, 6, "401"), ..settlement(id, failed, None) };
    assert_eq!(hub.store.settle(late, T0.plus(40)).await.unwrap(), Settled::default());
    assert_eq!(stored().await, None);
}

#[tokio::test]
async fn a_change_that_is_refused_changes_nothing() {
    let hub = Hub::new().await;
    let webhook = hub.webhook().await;
    let refused = hub.store.change_webhook(webhook.id, T0.plus(5), |_| Err("no")).await.unwrap();
    assert_eq!(refused, Err("no"));
    assert_eq!(hub.store.webhook(webhook.id).await.unwrap(), webhook);
}

#[tokio::test]
async fn what_waits_is_tried_now_with_what_goes_before_it_and_what_is_under_way_is_left_alone() {
    let hub = Hub::new().await;
    let webhook = hub.webhook().await;
    let deliveries = vec![to(&webhook, Some(1)), to(&webhook, Some(1)), to(&webhook, Some(2))];
    hub.store.commit(Commit { deliveries, ..Commit::default() }).await.unwrap();
    assert_eq!(hub.claim(0).await, [1, 3]);
    let under_way = hub.store.replay_delivery(DeliveryId(3), T0.plus(10)).await.unwrap();
    assert_eq!((under_way.by_hand, hub.claim(10).await), (0, vec![]), "it would be sent twice");
    hub.settle(1, DeliveryState::Pending, Some(60_000)).await;
    hub.settle(3, DeliveryState::Pending, Some(60_000)).await;
    // The second of an alert waits for the first.
    hub.store.replay_delivery(DeliveryId(2), T0.plus(20)).await.unwrap();
    assert_eq!(hub.claim(20).await, [1]);
    hub.settle(1, DeliveryState::Delivered, None).await;
    assert_eq!(hub.claim(21).await, [2]);
    let spec = |spec: WebhookSpec| Ok::<_, ()>(WebhookSpec { enabled: false, ..spec });
    hub.store.change_webhook(webhook.id, T0.plus(30), spec).await.unwrap().unwrap();
    let off = hub.store.replay_delivery(DeliveryId(3), T0.plus(40)).await;
    assert!(matches!(off, Err(Error::Conflict { field: "webhook", .. })), "{off:?}");
}

#[tokio::test]
async fn a_delivery_is_not_tried_for_ever() {
    let hub = Hub::new().await;
    let webhook = hub.webhook().await;
    hub.store.create_delivery(to(&webhook, None)).await.unwrap();
    for _ in 0..100 {
        hub.store.replay_delivery(DeliveryId(1), T0).await.unwrap();
        assert_eq!(hub.claim(0).await, [1]);
        hub.settle(1, DeliveryState::Failed, None).await;
    }
    let refused = hub.store.replay_delivery(DeliveryId(1), T0).await;
    assert!(matches!(refused, Err(Error::Conflict { .. })), "{refused:?}");
}

#[tokio::test]
async fn nor_is_it_by_changing_its_webhook_again_and_again() {
    let hub = Hub::new().await;
    let webhook = hub.webhook().await;
    hub.store.create_delivery(to(&webhook, None)).await.unwrap();
    assert_eq!(hub.claim(0).await, [1]);
    for tried in 1..=110 {
        hub.settle(1, DeliveryState::Pending, Some(60_000)).await;
        let url = format!("https://example.net/{tried}");
        let moved = |spec: WebhookSpec| Ok::<_, ()>(WebhookSpec { url, ..spec });
        hub.store.change_webhook(webhook.id, T0, moved).await.unwrap().unwrap();
        if hub.claim(0).await.is_empty() {
            assert_eq!(tried, 100);
            return;
        }
    }
    panic!("tried more than a hundred times");
}

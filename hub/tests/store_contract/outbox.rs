//! Messages about alerts: in order, and to nobody who is off.

use std::time::Duration;

use telemetry_hub::model::alert::{Alert, AlertState};
use telemetry_hub::model::rule::RuleId;
use telemetry_hub::model::webhook::{DeliveryId, DeliveryState, Disabling, NewDelivery, Secret, Settlement};
use telemetry_hub::store::{Commit, DeliveryQuery};

use super::scene::{Hub, T0, settlement, to};
use super::alerts::{alert, put};

#[tokio::test]
async fn deliveries_of_one_alert_go_in_order_and_an_expired_lease_gives_them_again() {
    let hub = Hub::new().await;
    let webhook = hub.webhook().await;
    let notify = hub.store.outbox_notify();
    let deliveries = vec![to(&webhook, Some(1)), to(&webhook, Some(1)), to(&webhook, Some(2)), to(&webhook, None)];
    hub.store.commit(Commit { deliveries, ..Commit::default() }).await.unwrap();
    tokio::time::timeout(Duration::from_secs(1), notify.notified()).await.unwrap();
    assert_eq!(hub.store.next_due(T0).await.unwrap(), Some(T0));
    assert!(hub.store.claim_due(T0, T0.plus(100), 10, &[webhook.id]).await.unwrap().is_empty());
    assert_eq!(hub.claim(0).await, [1, 3, 4]);
    assert_eq!(hub.claim(50).await, Vec::<u64>::new());
    assert_eq!(hub.store.next_due(T0).await.unwrap(), Some(T0.plus(100)));
    assert_eq!(hub.claim(100).await, [1, 3, 4]);
    hub.settle(1, DeliveryState::Pending, Some(500)).await;
    assert_eq!(hub.claim(300).await, [3, 4]);
    assert_eq!(hub.claim(500).await, [3, 4, 1]);
    hub.settle(1, DeliveryState::Delivered, None).await;
    assert_eq!(hub.claim(501).await, [2]);
    let first = hub.store.delivery(DeliveryId(1)).await.unwrap();
    assert_eq!((first.attempts.len(), first.state, &*first.body), (2, DeliveryState::Delivered, &b"{}"[..]));
    let query =
        DeliveryQuery { webhook: Some(webhook.id), state: Some(DeliveryState::Pending), limit: 2, before: None };
    let list = hub.store.deliveries(query).await.unwrap();
    assert_eq!(list.iter().map(|delivery| (delivery.id.0, delivery.body.len())).collect::<Vec<_>>(), [(4, 2), (3, 2)]);
    let long = NewDelivery { body: vec![b' '; 2_001], ..to(&webhook, None) };
    let long = hub.store.create_delivery(long).await.unwrap().id;
    let query = DeliveryQuery { webhook: Some(webhook.id), state: None, limit: 1, before: None };
    let list = hub.store.deliveries(query).await.unwrap();
    assert_eq!((list[0].id, list[0].body.len()), (long, 0), "a long body is read by itself only");
    let replayed = hub.store.replay_delivery(first.id, T0.plus(600)).await.unwrap();
    assert_eq!((replayed.state, replayed.next_attempt_at), (DeliveryState::Pending, Some(T0.plus(600))));
}

#[tokio::test]
async fn a_disabled_webhook_gets_nothing_until_it_is_enabled() {
    let hub = Hub::new().await;
    let webhook = hub.webhook().await;
    hub.store.create_delivery(to(&webhook, None)).await.unwrap();
    hub.store.create_delivery(to(&webhook, None)).await.unwrap();
    hub.store.claim_due(T0, T0.plus(1), 1, &[]).await.unwrap();
    let gone = Settlement { disable: Some(Disabling { reason: "410 Gone".to_owned(), tell: Vec::new() }), ..settlement(1, DeliveryState::Failed, None) };
    hub.store.settle(gone, T0).await.unwrap();
    assert_eq!(hub.claim(0).await, Vec::<u64>::new());
    assert_eq!(hub.store.next_due(T0).await.unwrap(), None);
    // Whoever decides about alerts has not heard of it yet.
    let deliveries = vec![to(&webhook, Some(1))];
    hub.store.commit(Commit { deliveries, ..Commit::default() }).await.unwrap();
    assert_eq!(hub.store.deliveries(DeliveryQuery { limit: 9, ..DeliveryQuery::default() }).await.unwrap().len(), 2);
    let disabled = hub.store.webhook(webhook.id).await.unwrap();
    assert_eq!(disabled.disabled_reason.as_deref(), Some("410 Gone"));
    let enabled = hub.store.change_webhook(webhook.id, T0, Ok::<_, ()>).await.unwrap().unwrap();
    assert_eq!(enabled.disabled_reason, None);
    assert_eq!(hub.claim(0).await, [2]);
    let rotated = hub.store.rotate_secret(webhook.id, Secret(vec![2; 24]), T0).await.unwrap();
    assert_eq!(rotated.secrets, [Secret(vec![2; 24]), Secret(vec![1; 24])]);
    let next_day = T0.plus(86_400_001);
    let claimed = hub.store.claim_due(next_day, next_day.plus(1), 10, &[]).await.unwrap();
    let to_call = hub.store.webhook_to_call(claimed[0].webhook, next_day).await.unwrap();
    assert_eq!(to_call.secrets, [Secret(vec![2; 24])]);
}

#[tokio::test]
async fn the_end_of_an_alert_goes_out_before_the_begin_of_the_next_of_the_same_rule_and_series() {
    let hub = Hub::new().await;
    let webhook = hub.webhook().await;
    let other = Alert { rule: RuleId(2), ..alert(&hub, 3, AlertState::Firing) };
    let alerts = [alert(&hub, 1, AlertState::Firing), alert(&hub, 2, AlertState::Firing), other];
    let transitions = alerts.iter().map(put).collect();
    let deliveries = [1, 1, 2, 3].map(|alert| to(&webhook, Some(alert))).to_vec();
    hub.store.commit(Commit { transitions, deliveries, ..Commit::default() }).await.unwrap();
    assert_eq!(hub.claim(0).await, [1, 4], "another rule waits for nothing");
    hub.settle(4, DeliveryState::Delivered, None).await;
    for next in [2, 3] {
        hub.settle(next - 1, DeliveryState::Delivered, None).await;
        assert_eq!(hub.claim(0).await, [next]);
    }
}

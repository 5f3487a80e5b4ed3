//! What waits for the end of a webhook's quiet hours, what does not, and what need not be told any more.

use telemetry_hub::model::alert::{Alert, AlertState};
use telemetry_hub::model::hearing::QuietHours;
use telemetry_hub::model::rule::Severity;
use telemetry_hub::model::webhook::{DeliveryId, DeliveryState, Event, NewDelivery, Webhook, WebhookKind, WebhookSpec};
use telemetry_hub::model::weekly::Weekly;
use telemetry_hub::store::Commit;

use super::alerts::{alert, put};
use super::scene::{Hub, T0, to};

/// Every hour of the week.
fn always(critical_passes: bool) -> Option<QuietHours> {
    let weekly = Weekly { days: 127, from: 0, until: 0, zone: "UTC".to_owned() };
    Some(QuietHours { weekly, critical_passes })
}

async fn quiet(hub: &Hub, quiet: Option<QuietHours>) -> Webhook {
    let webhook = hub.webhook().await;
    let kind = WebhookKind::Slack;
    hub.store.change_webhook(webhook.id, T0, move |spec| Ok::<_, ()>(WebhookSpec { kind, quiet, ..spec })).await.unwrap().unwrap()
}

/// An alert on a sensor of its own.
fn on(hub: &Hub, id: u64, severity: Severity) -> Alert {
    let series = hub.series[usize::try_from(id - 1).unwrap() % hub.series.len()];
    let about = telemetry_hub::model::alert::Subject::Series { device: hub.device.no, series };
    Alert { severity, about, ..alert(hub, id, AlertState::Firing) }
}

async fn tell(hub: &Hub, alert: &Alert, webhook: &Webhook, event: Event) {
    let delivery = NewDelivery { event, ..to(webhook, Some(alert.id.0)) };
    let state = if event == Event::AlertResolved { AlertState::Resolved } else { AlertState::Firing };
    let transitions = vec![put(&Alert { state, ..alert.clone() })];
    hub.store.commit(Commit { transitions, deliveries: vec![delivery], ..Commit::default() }).await.unwrap();
}

async fn state(hub: &Hub, id: u64) -> DeliveryState {
    hub.store.delivery(DeliveryId(id)).await.unwrap().state
}

#[tokio::test]
async fn in_quiet_hours_only_what_is_critical_or_asked_for_goes_and_the_rest_waits_for_their_end() {
    let hub = Hub::new().await;
    let webhook = quiet(&hub, always(true)).await;
    tell(&hub, &on(&hub, 1, Severity::Warning), &webhook, Event::AlertFiring).await;
    tell(&hub, &on(&hub, 2, Severity::Critical), &webhook, Event::AlertFiring).await;
    hub.store.create_delivery(NewDelivery { event: Event::Test, ..to(&webhook, None) }).await.unwrap();
    assert_eq!(hub.store.webhook(webhook.id).await.unwrap().waiting, [1, 1]);
    assert_eq!(hub.claim(0).await, [2, 3]);
    hub.settle(2, DeliveryState::Delivered, None).await;
    hub.settle(3, DeliveryState::Delivered, None).await;
    let lull = hub.store.lulls(T0).await.unwrap()[0];
    assert!(lull.has(T0) && lull.until.since(lull.from) == 86_400_000);
    assert_eq!(hub.store.next_due(T0).await.unwrap(), Some(lull.until), "no sooner");
    assert!(hub.store.webhooks_to_sum_up(T0.plus(120_000)).await.unwrap().is_empty());
    // A person does not want to wait.
    hub.store.replay_delivery(DeliveryId(1), T0).await.unwrap();
    assert_eq!(hub.claim(0).await, [1]);
    hub.settle(1, DeliveryState::Delivered, None).await;

    tell(&hub, &on(&hub, 2, Severity::Critical), &webhook, Event::AlertResolved).await;
    let strict = |spec| Ok::<_, ()>(WebhookSpec { quiet: always(false), ..spec });
    hub.store.change_webhook(webhook.id, T0, strict).await.unwrap().unwrap();
    assert_eq!(hub.claim(0).await, Vec::<u64>::new(), "nothing passes");
    let never = |spec| Ok::<_, ()>(WebhookSpec { quiet: None, ..spec });
    hub.store.change_webhook(webhook.id, T0, never).await.unwrap().unwrap();
    assert_eq!(hub.claim(0).await, [4]);
}

#[tokio::test]
async fn what_began_and_was_over_in_quiet_hours_is_withdrawn_and_what_was_told_before_is_not() {
    let hub = Hub::new().await;
    let webhook = quiet(&hub, None).await;
    let (before, within) = (on(&hub, 1, Severity::Warning), on(&hub, 2, Severity::Warning));
    tell(&hub, &before, &webhook, Event::AlertFiring).await;
    assert_eq!(hub.claim(0).await, [1]);
    hub.settle(1, DeliveryState::Delivered, None).await;
    let hush = |spec| Ok::<_, ()>(WebhookSpec { quiet: always(true), ..spec });
    hub.store.change_webhook(webhook.id, T0, hush).await.unwrap().unwrap();
    tell(&hub, &within, &webhook, Event::AlertFiring).await;
    assert!(hub.store.withdraw_over(T0).await.unwrap().is_empty(), "it fires");
    tell(&hub, &within, &webhook, Event::AlertAcknowledged).await;
    tell(&hub, &within, &webhook, Event::AlertResolved).await;
    tell(&hub, &before, &webhook, Event::AlertResolved).await;
    let withdrawn = hub.store.withdraw_over(T0).await.unwrap();
    assert_eq!(withdrawn, [2, 3, 4].map(DeliveryId));
    assert!(hub.store.withdraw_over(T0).await.unwrap().is_empty());
    assert_eq!((state(&hub, 3).await, state(&hub, 5).await), (DeliveryState::Withdrawn, DeliveryState::Pending));
    let lull = hub.store.lulls(T0).await.unwrap()[0];
    assert_eq!(hub.store.withdrawn_in(lull).await.unwrap(), 1);
    // The rest waits for the end of hours that never end.
    let after = lull.until.since(T0);
    assert_eq!(hub.claim(after + 1).await, Vec::<u64>::new(), "these have no end");
    // What many devices are told of in one stays: of the others the end is not known.
    let group = br#"{"title":"t","data":{"group":{"count":2}}}"#.to_vec();
    let many = on(&hub, 3, Severity::Warning);
    let firing = NewDelivery { body: group.clone(), ..to(&webhook, Some(3)) };
    let over = NewDelivery { body: group, event: Event::AlertResolved, ..to(&webhook, Some(3)) };
    let transitions = vec![put(&many)];
    hub.store.commit(Commit { transitions, deliveries: vec![firing, over], ..Commit::default() }).await.unwrap();
    assert!(hub.store.withdraw_over(T0).await.unwrap().is_empty());
    // A person may send it all the same.
    hub.store.replay_delivery(DeliveryId(2), T0).await.unwrap();
    assert_eq!(hub.claim(0).await, [2]);
}

#[tokio::test]
async fn what_waits_goes_when_the_hours_end() {
    let hub = Hub::new().await;
    // T0 is 22:13:20.
    let weekly = Weekly { days: 127, from: 22 * 60, until: 23 * 60, zone: "UTC".to_owned() };
    let webhook = quiet(&hub, Some(QuietHours { weekly, critical_passes: true })).await;
    tell(&hub, &on(&hub, 1, Severity::Warning), &webhook, Event::AlertFiring).await;
    assert_eq!(hub.claim(0).await, Vec::<u64>::new());
    assert_eq!(hub.store.next_due(T0).await.unwrap(), Some(T0.plus(2_800_000)));
    assert_eq!(hub.claim(2_799_999).await, Vec::<u64>::new());
    assert_eq!(hub.claim(2_800_000).await, [1]);
}

#[tokio::test]
async fn what_goes_before_an_urgent_message_on_the_same_thing_goes_with_it() {
    let hub = Hub::new().await;
    let webhook = quiet(&hub, always(true)).await;
    let old = on(&hub, 1, Severity::Warning);
    tell(&hub, &old, &webhook, Event::AlertResolved).await;
    assert_eq!(hub.claim(0).await, Vec::<u64>::new());
    let series = old.about;
    let new = Alert { about: series, ..on(&hub, 2, Severity::Critical) };
    tell(&hub, &new, &webhook, Event::AlertFiring).await;
    assert_eq!(hub.claim(0).await, [1]);
    hub.settle(1, DeliveryState::Delivered, None).await;
    assert_eq!(hub.claim(0).await, [2]);
}

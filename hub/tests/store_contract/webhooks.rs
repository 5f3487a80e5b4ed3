//! Webhooks that are changed while something waits for them.

use telemetry_hub::model::alert::{AlertId, Subject};
use telemetry_hub::model::device::DeviceNo;
use telemetry_hub::model::rule::RuleId;
use telemetry_hub::model::webhook::{
    Delivery, DeliveryId, DeliveryState, Disabling, Event, Grouped, Held, NewDelivery, Problem, ProblemKind, Replay, Settled, Settlement, Webhook,
    WebhookId, WebhookKind, WebhookSpec,
};
use telemetry_hub::store::{Commit, DeliveryQuery, Error};

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
async fn what_failed_of_a_time_is_sent_again_in_order_and_tests_and_webhooks_that_are_off_are_left_alone() {
    let hub = Hub::new().await;
    let [one, other] = [hub.webhook().await, hub.webhook().await];
    let at = |webhook: &Webhook, ms: i64| NewDelivery { created_at: T0.plus(ms), ..to(webhook, None) };
    let test = NewDelivery { event: Event::Test, ..at(&one, 0) };
    let deliveries = vec![at(&one, 0), at(&one, 10), at(&other, 20), at(&one, 30), test, at(&one, 40)];
    hub.store.commit(Commit { deliveries, ..Commit::default() }).await.unwrap();
    assert_eq!(hub.claim(50).await, [1, 5, 2, 3, 4, 6]);
    for id in [1, 2, 3, 5] {
        hub.settle(id, DeliveryState::Failed, None).await;
    }
    hub.settle(4, DeliveryState::Delivered, None).await;
    let failed = async |id| hub.store.webhook(id).await.unwrap().failed;
    assert_eq!((failed(one.id).await, failed(other.id).await), (2, 1));
    let replay = async |from: i64, to: i64, webhook: Option<&Webhook>, state| {
        let which = Replay { from: T0.plus(from), to: T0.plus(to), webhook: webhook.map(|one| one.id), state };
        let (ids, more) = hub.store.replay_deliveries(which, T0.plus(60)).await?;
        assert!(!more);
        Ok::<_, Error>(ids.into_iter().map(|id| id.0).collect::<Vec<_>>())
    };
    // The one that is under way stays as it is.
    assert_eq!(replay(30, 41, None, None).await.unwrap(), [4]);
    assert_eq!(replay(0, 10, Some(&one), Some(DeliveryState::Failed)).await.unwrap(), [1]);
    let again = hub.store.delivery(DeliveryId(1)).await.unwrap();
    assert_eq!((again.state, again.by_hand, again.attempts.len()), (DeliveryState::Pending, 1, 1), "its schedule begins anew");
    let off = |spec: WebhookSpec| Ok::<_, ()>(WebhookSpec { enabled: false, ..spec });
    hub.store.change_webhook(other.id, T0.plus(30), off).await.unwrap().unwrap();
    assert!(matches!(replay(0, 99, Some(&other), None).await, Err(Error::Conflict { field: "webhook", .. })));
    assert_eq!(replay(0, 99, None, Some(DeliveryState::Failed)).await.unwrap(), [2]);
    assert_eq!(hub.claim(60).await, [1, 2, 4]);
    let gone = Replay { from: T0, to: T0.plus(1), webhook: Some(WebhookId(99)), state: None };
    assert!(matches!(hub.store.replay_deliveries(gone, T0).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn what_arrived_and_is_sent_again_by_hand_is_no_outage_until_it_fails() {
    let hub = Hub::new().await;
    let webhook = hub.webhook().await;
    let chat = |spec: WebhookSpec| Ok::<_, ()>(WebhookSpec { kind: WebhookKind::Slack, ..spec });
    hub.store.change_webhook(webhook.id, T0, chat).await.unwrap().unwrap();
    let deliveries = (1..=6).map(|alert| to(&webhook, Some(alert))).collect();
    hub.store.commit(Commit { deliveries, ..Commit::default() }).await.unwrap();
    assert_eq!(hub.claim(0).await.len(), 6);
    for id in 1..=6 {
        hub.settle(id, DeliveryState::Delivered, None).await;
    }
    let which = Replay { from: T0, to: T0.plus(1), webhook: None, state: None };
    assert_eq!(hub.store.replay_deliveries(which, T0.plus(300_000)).await.unwrap().0.len(), 6);
    assert_eq!(hub.store.webhooks_to_sum_up(T0.plus(300_000)).await.unwrap(), []);
    assert_eq!(hub.store.to_sum_up(webhook.id, T0.plus(300_000)).await.unwrap(), []);
    assert_eq!(hub.claim(300_000).await, [1, 2, 3, 4, 5, 6], "each for itself");
    for id in 1..=6 {
        hub.settle(id, DeliveryState::Pending, Some(300_001)).await;
    }
    assert_eq!(hub.store.webhooks_to_sum_up(T0.plus(300_001)).await.unwrap(), [webhook.id], "now it is one");
}

#[tokio::test]
async fn one_that_arrives_makes_those_due_that_wait_for_the_receiver_alone() {
    let hub = Hub::new().await;
    let [webhook, other] = [hub.webhook().await, hub.webhook().await];
    let deliveries = vec![
        to(&webhook, Some(1)),
        to(&webhook, Some(2)),
        to(&webhook, Some(3)),
        to(&other, Some(1)),
        NewDelivery { created_at: T0.plus(60_000), ..to(&webhook, Some(5)) },
        NewDelivery { created_at: T0.plus(61_000), ..to(&webhook, Some(6)) },
    ];
    hub.store.commit(Commit { deliveries, ..Commit::default() }).await.unwrap();
    assert_eq!(hub.claim(0).await, [1, 2, 3, 4]);
    let settle = async |id, state, status, at| {
        let mut settlement = settlement(id, state, Some(3_600_000));
        (settlement.attempt.status, settlement.attempt.at) = (Some(status), T0.plus(at));
        hub.store.settle(settlement, T0.plus(at)).await.unwrap();
    };
    for (id, status) in [(1, 503), (2, 422), (3, 401), (4, 503)] {
        settle(id, DeliveryState::Pending, status, 0).await;
    }
    assert_eq!(hub.claim(60_000).await, [5]);
    settle(5, DeliveryState::Delivered, 200, 60_000).await;
    assert_eq!(hub.claim(60_000).await, [1, 3], "not what is refused for what it says, nor what another receiver is to get");
    assert_eq!(hub.store.delivery(DeliveryId(1)).await.unwrap().by_hand, 1, "it is none of its schedule's");
    // One that fails again rests first.
    settle(1, DeliveryState::Pending, 503, 60_500).await;
    settle(3, DeliveryState::Delivered, 200, 60_500).await;
    assert_eq!(hub.claim(61_000).await, [6]);
    settle(6, DeliveryState::Delivered, 200, 80_000).await;
    assert_eq!(hub.claim(80_000).await, [1]);
}

#[tokio::test]
async fn many_of_a_rule_wait_for_each_other_and_are_told_in_one() {
    let mut hub = Hub::new().await;
    let [webhook, other] = [hub.webhook().await, hub.webhook().await];
    for id in [webhook.id, other.id] {
        let chat = |spec: WebhookSpec| Ok::<_, ()>(WebhookSpec { kind: WebhookKind::Slack, ..spec });
        hub.store.change_webhook(id, T0, chat).await.unwrap().unwrap();
    }
    let of_rule = |webhook: &Webhook, alert: u64, until: Option<i64>, event: Event| {
        let until = until.map(|until| T0.plus(until));
        let group = Some(Grouped { rule: RuleId(7), about: Subject::Device(DeviceNo(alert as u32)), until });
        NewDelivery { group, event, ..to(webhook, Some(alert)) }
    };
    let deliveries = vec![
        of_rule(&webhook, 1, None, Event::AlertFiring),
        of_rule(&webhook, 2, Some(30_000), Event::AlertFiring),
        of_rule(&webhook, 3, Some(30_000), Event::AlertFiring),
        of_rule(&webhook, 3, None, Event::AlertResolved),
        of_rule(&other, 2, Some(30_000), Event::AlertFiring),
    ];
    hub.store.commit(Commit { deliveries, ..Commit::default() }).await.unwrap();
    assert_eq!(hub.claim(0).await, [1], "what is over of the third thing waits for what is told of it before");
    hub.settle(1, DeliveryState::Delivered, None).await;
    assert_eq!(hub.store.next_due(T0).await.unwrap(), Some(T0.plus(30_000)));
    hub.restart().await;
    let held = |webhook: &Webhook, alert| Held {
        webhook: webhook.id,
        alert: Some(AlertId(alert)),
        rule: RuleId(7),
        event: Event::AlertFiring,
        until: T0.plus(30_000),
    };
    assert_eq!(hub.store.held_deliveries().await.unwrap(), [held(&webhook, 2), held(&webhook, 3), held(&other, 2)]);

    assert_eq!(hub.store.groups_due(T0.plus(29_999)).await.unwrap(), []);
    let now = T0.plus(30_000);
    assert_eq!(hub.store.groups_due(now).await.unwrap(), [(webhook.id, RuleId(7))], "one alone is told by itself");
    let waits = hub.store.in_group(webhook.id, RuleId(7), now).await.unwrap();
    let ids: Vec<_> = waits.iter().map(|one| one.id).collect();
    assert_eq!(ids, [2, 3, 4].map(DeliveryId));
    let summary = NewDelivery { event: Event::AlertsSummary, created_at: now, ..to(&webhook, None) };
    hub.store.sum_up(summary, ids, now).await.unwrap();
    assert_eq!(hub.store.groups_due(now).await.unwrap(), []);
    assert_eq!(hub.claim(30_000).await, [5, 6]);
    hub.settle(6, DeliveryState::Delivered, None).await;
    assert_eq!(hub.store.delivery(DeliveryId(4)).await.unwrap().state, DeliveryState::Delivered);
    // Waiting for others is not late; from then on it is.
    hub.settle(5, DeliveryState::Pending, Some(89_000)).await;
    let held = hub.store.delivery(DeliveryId(5)).await.unwrap();
    assert_eq!((held.delayed_by(Some(T0.plus(90_000))), held.delayed_by(Some(T0.plus(91_000)))), (None, Some(61)));
    assert_eq!(hub.store.to_sum_up(other.id, T0.plus(90_000)).await.unwrap(), []);
    assert_eq!(hub.store.to_sum_up(other.id, T0.plus(90_001)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_waits_for_others_waits_for_a_silence_too_and_goes_with_its_device() {
    let hub = Hub::new().await;
    let webhook = hub.webhook().await;
    let until = Some(T0.plus(30_000));
    let group = Some(Grouped { rule: RuleId(7), about: Subject::Device(DeviceNo(1)), until });
    let deliveries = vec![NewDelivery { group, ..to(&webhook, Some(1)) }, NewDelivery { group, ..to(&webhook, Some(2)) }];
    hub.store.commit(Commit { deliveries, ..Commit::default() }).await.unwrap();
    assert_eq!(hub.store.held_alerts().await.unwrap(), [1, 2].map(AlertId));
    let due = async |id: u64| {
        let delivery = hub.store.delivery(DeliveryId(id)).await.unwrap();
        (delivery.state, delivery.next_attempt_at.map(|at| at.since(T0)))
    };
    let hold = async |until: i64| hub.store.hold_until(vec![(AlertId(1), T0.plus(until))], T0.plus(300_000)).await;
    hold(1_000).await.unwrap();
    assert_eq!(due(1).await, (DeliveryState::Pending, Some(30_000)), "it is not sooner for that");
    hold(3_600_000).await.unwrap();
    assert_eq!((due(1).await.1, due(2).await.1), (Some(3_600_000), Some(30_000)));
    hold(2_000).await.unwrap();
    assert_eq!(due(1).await.1, Some(2_000), "the silence was taken away");
    // Of neither there is an alert any more.
    hub.store.withdraw_gone().await.unwrap();
    assert_eq!((due(1).await, due(2).await), ((DeliveryState::Withdrawn, None), (DeliveryState::Withdrawn, None)));
    assert_eq!(hub.store.told_of_gone_alerts().await.unwrap(), [], "nobody knows of them");
}

#[tokio::test]
async fn what_waits_for_others_is_told_as_it_is_when_it_goes() {
    let hub = Hub::new().await;
    let webhook = hub.webhook().await;
    let group = Some(Grouped { rule: RuleId(7), about: Subject::Device(DeviceNo(1)), until: Some(T0.plus(30_000)) });
    let of = |event, body: &str, at: i64| NewDelivery {
        event,
        body: body.as_bytes().to_vec(),
        created_at: T0.plus(at),
        group,
        ..to(&webhook, Some(1))
    };
    let put = async |one: NewDelivery| {
        hub.store.commit(Commit { deliveries: vec![one], ..Commit::default() }).await.unwrap();
    };
    let held = async || {
        let all = hub.store.deliveries(DeliveryQuery { limit: 10, ..DeliveryQuery::default() }).await.unwrap();
        let of = |one: Delivery| (one.id.0, one.event, String::from_utf8(one.body).unwrap());
        all.into_iter().map(of).collect::<Vec<_>>()
    };
    put(of(Event::AlertFiring, r#"{"data":{"alert":{"explain":{"here":2}}}}"#, 0)).await;
    put(of(Event::AlertFiring, r#"{"data":{"alert":{"acked_by":"ann"}}}"#, 4_000)).await;
    let acked = r#"{"data":{"alert":{"acked_by":"ann","explain":{"here":2}}}}"#.to_owned();
    assert_eq!(held().await, [(1, Event::AlertFiring, acked)]);
    put(NewDelivery { group: None, ..of(Event::AlertRepeated, "{}", 5_000) }).await;
    put(of(Event::AlertPast, "{}", 6_000)).await;
    assert_eq!(held().await, [(1, Event::AlertPast, "{}".to_owned())], "and nothing else");
    assert_eq!((hub.claim(29_999).await.len(), hub.claim(30_000).await), (0, vec![1]));
    // What is under way stays what it is.
    put(of(Event::AlertFiring, "{}", 7_000)).await;
    assert_eq!(held().await.len(), 2);
}

#[tokio::test]
async fn of_what_is_sent_again_it_is_known_how_much_is_left_because_its_webhook_is_off() {
    let hub = Hub::new().await;
    let (webhook, off) = (hub.webhook().await, hub.webhook().await);
    let deliveries = vec![to(&webhook, None), to(&off, None), to(&off, None)];
    hub.store.commit(Commit { deliveries, ..Commit::default() }).await.unwrap();
    let disabled = |spec: WebhookSpec| Ok::<_, ()>(WebhookSpec { enabled: false, ..spec });
    hub.store.change_webhook(off.id, T0, disabled).await.unwrap().unwrap();
    let all = Replay { from: T0, to: T0.plus(1), webhook: None, state: None };
    assert_eq!(hub.store.deliveries_off(all).await.unwrap(), 2);
    let none = Replay { state: Some(DeliveryState::Delivered), ..all };
    assert_eq!(hub.store.deliveries_off(none).await.unwrap(), 0);
}

#[tokio::test]
async fn at_one_wish_a_thousand_are_sent_again() {
    let hub = Hub::new().await;
    let webhook = hub.webhook().await;
    let deliveries = vec![to(&webhook, None); 1_200];
    hub.store.commit(Commit { deliveries, ..Commit::default() }).await.unwrap();
    let all = Replay { from: T0, to: T0.plus(1), webhook: None, state: Some(DeliveryState::Failed) };
    for _ in 0..120 {
        for id in hub.claim(0).await {
            hub.settle(id, DeliveryState::Failed, None).await;
        }
    }
    assert_eq!(hub.store.webhook(webhook.id).await.unwrap().failed, 1_000);
    let (first, more) = hub.store.replay_deliveries(all, T0).await.unwrap();
    assert_eq!((first.len(), first[0], more), (1_000, DeliveryId(1), true));
    let (rest, more) = hub.store.replay_deliveries(all, T0).await.unwrap();
    assert_eq!((rest.len(), more), (200, false));
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

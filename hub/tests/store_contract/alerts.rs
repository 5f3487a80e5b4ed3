//! Rules, alerts, silences, and who is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use telemetry_hub::model::alert::{self, Ack, Ailment, Alert, AlertId, AlertState, Measure, Subject, Transition, Usual};
use telemetry_hub::model::audit::{Actor, ActorKind};
use telemetry_hub::model::device::DeviceNo;
use telemetry_hub::model::notice::Mark;
use telemetry_hub::model::reading::{SeriesId, Stretch};
use telemetry_hub::model::rule::{Condition, DeviceState, Figure, Join, Message, Op, Part, RuleId, RuleSpec, Severity};
use telemetry_hub::model::silence::SilenceSpec;
use telemetry_hub::model::view::Among;
use telemetry_hub::model::weekly::Weekly;
use telemetry_hub::model::webhook::{DeliveryId, DeliveryState, Disabling, Event, NewDelivery, Secret, Settlement, WebhookId};
use telemetry_hub::model::retention::Retention;
use telemetry_hub::store::{AlertQuery, Commit, DeliveryQuery, Error, OfRule, acts, with_actor};

use super::scene::{DAY, Hub, T0, settlement, to};

#[tokio::test]
async fn alerts_are_written_with_their_readings_and_listed_newest_first() {
    let mut hub = Hub::new().await;
    assert_eq!(hub.store.next_alert_id().await.unwrap(), 1);
    let pending = alert(&hub, 1, AlertState::Pending);
    let firing = alert(&hub, 2, AlertState::Firing);
    let orphan = Alert {
        about: Subject::Series { device: DeviceNo(77), series: hub.series[0] },
        ..alert(&hub, 3, AlertState::Firing)
    };
    let transitions = [&pending, &firing, &orphan].map(put).to_vec();
    let batches = vec![hub.batch(0, &[(0, 0, 99.0)])];
    hub.store.commit(Commit { batches, transitions, ..Commit::default() }).await.unwrap();
    assert_eq!(hub.store.open_alerts().await.unwrap(), [pending, firing.clone()]);
    let anna = Actor::session((1, "anna"), (2, "Firefox"), String::new());
    let acked = with_actor(async {
        acts(anna);
        hub.store.ack_alert(AlertId(2), Among::default(), T0.plus(5), Some("on it".to_owned())).await.unwrap();
        // What was acknowledged before stays as it was, what is gone is passed over.
        let many = [1, 2, 77].map(AlertId).to_vec();
        hub.store.ack_alerts(many, Among::default(), T0.plus(6), None).await.unwrap()
    })
    .await;
    // Each is in the audit log once, and who did it.
    let entries = hub.store.audit(None, 10).await.unwrap();
    let said: Vec<_> = entries.iter().map(|entry| (&*entry.action, &*entry.subject, &*entry.actor.who)).collect();
    let who = "usr_1 anna, ses_2 Firefox";
    assert_eq!(said, [("alert.acknowledged", "alr_1", who), ("alert.acknowledged", "alr_2", who)]);
    let fields = entries[1].fields.iter().map(|change| (&*change.field, change.after.as_deref().unwrap_or_default()));
    assert!(fields.eq([("acknowledged", "2023-11-14T22:13:20Z"), ("comment", "on it")]), "{:?}", entries[1].fields);
    assert_eq!(
        acked.iter().map(|alert| (alert.id, alert.acked.clone())).collect::<Vec<_>>(),
        [(AlertId(1), Some(Arc::new(Ack { at: T0.plus(6), by: "anna".to_owned(), comment: None })))]
    );
    let resolved = Alert {
        state: AlertState::Resolved,
        resolved_at: Some(T0.plus(9)),
        worst: Some(101.5),
        last: Some(29.5),
        ..firing
    };
    let transitions = vec![put(&resolved), Transition::Cancel(AlertId(1), None)];
    hub.store.commit(Commit { transitions, ..Commit::default() }).await.unwrap();
    hub.restart().await;
    assert_eq!(hub.store.open_alerts().await.unwrap(), []);
    // The engine's copy knew nothing of the acknowledgement; it stays.
    let ack = Ack { at: T0.plus(5), by: "anna".to_owned(), comment: Some("on it".to_owned()) };
    let stored = Alert { acked: Some(Arc::new(ack)), ..resolved };
    assert_eq!(hub.store.alerts(AlertQuery { limit: 10, ..AlertQuery::default() }).await.unwrap(), [stored]);
    let only_firing = AlertQuery { states: vec![AlertState::Firing], limit: 10, ..AlertQuery::default() };
    assert_eq!(hub.store.alerts(only_firing).await.unwrap(), []);
    let older = AlertQuery { before: Some(AlertId(2)), limit: 10, ..AlertQuery::default() };
    assert_eq!(hub.store.alerts(older).await.unwrap(), []);
    assert!(hub.store.next_alert_id().await.unwrap() > 2);
    assert!(matches!(hub.store.alert(AlertId(1)).await, Err(Error::NotFound { what: "alert" })));
}

#[tokio::test]
async fn an_acknowledgement_waits_to_be_told_and_who_knows_an_open_alert_is_known_after_a_restart() {
    let mut hub = Hub::new().await;
    let webhook = hub.webhook().await.id;
    let open = [1, 2].map(|id| alert(&hub, id, AlertState::Firing));
    let over = Alert { state: AlertState::Resolved, resolved_at: Some(T0), ..alert(&hub, 3, AlertState::Firing) };
    let transitions = open.iter().chain([&over]).map(put).collect();
    let told = |alert: u64, at: i64| NewDelivery {
        webhook,
        alert: Some(AlertId(alert)),
        event: Event::AlertFiring,
        body: b"{}".to_vec(),
        created_at: T0.plus(at),
        group: None,
    };
    let deliveries = vec![told(1, 1), told(3, 2), told(1, 5)];
    hub.store.commit(Commit { transitions, deliveries, ..Commit::default() }).await.unwrap();
    hub.store.ack_alerts(vec![AlertId(1), AlertId(3)], Among::default(), T0.plus(6), None).await.unwrap();
    hub.restart().await;
    assert_eq!(hub.store.told_of_open_alerts().await.unwrap(), [((AlertId(1), webhook), (2, T0.plus(5)))]);
    let waiting = hub.store.untold_acks(10).await.unwrap();
    assert_eq!(waiting.iter().map(|alert| alert.id.0).collect::<Vec<_>>(), [1], "nobody asks about what is over");
    hub.store.commit(Commit { marks: vec![Mark::AckTold(AlertId(1))], ..Commit::default() }).await.unwrap();
    assert_eq!(hub.store.untold_acks(10).await.unwrap(), []);
}

#[tokio::test]
async fn many_alerts_acknowledged_at_once_are_one_entry_of_the_audit_log() {
    let hub = Hub::new().await;
    let all: Vec<_> = (1..=30).map(|id| put(&alert(&hub, id, AlertState::Firing))).collect();
    hub.store.commit(Commit { transitions: all, ..Commit::default() }).await.unwrap();
    let ack = |ids: std::ops::RangeInclusive<u64>| {
        let anna = Actor { kind: ActorKind::Session, who: "anna".to_owned(), address: String::new() };
        let ids = ids.map(AlertId).collect();
        with_actor(async {
            acts(anna);
            hub.store.ack_alerts(ids, Among::default(), T0.plus(5), Some("known".to_owned())).await.unwrap().len()
        })
    };
    assert_eq!((ack(1..=3).await, ack(1..=30).await, ack(1..=30).await), (3, 27, 0));
    let entries = hub.store.audit(None, 10).await.unwrap();
    let said: Vec<_> = entries.iter().map(|entry| (&*entry.action, &*entry.name, &*entry.actor.who)).collect();
    let action = "alert.acknowledged";
    assert_eq!(said, [(action, "27 alerts of hot", "anna"), (action, "3 alerts of hot", "anna")]);
    let field = |entry: usize, name: &str| {
        let found = entries[entry].fields.iter().find(|change| change.field == name);
        found.and_then(|change| change.after.clone()).unwrap_or_default()
    };
    assert_eq!((&*field(1, "alerts"), &*field(1, "comment")), ("alr_1, alr_2, alr_3", "known"));
    let many = field(0, "alerts");
    assert!(many.starts_with("alr_4, alr_5, ") && many.ends_with(", alr_23 and 7 more"), "{many}");
}

#[tokio::test]
async fn historical_alerts_are_listed_but_are_not_open_and_may_go_away() {
    let mut hub = Hub::new().await;
    let spans = [(1, 10, 20), (2, 30, 40), (3, 50, 60)];
    let entries = spans.map(|(id, from, to)| Alert {
        started_at: T0.plus(from),
        resolved_at: Some(T0.plus(to)),
        learned_at: T0.plus(99),
        ..alert(&hub, id, AlertState::Historical)
    });
    let firing = Alert { started_at: T0.plus(35), ..alert(&hub, 4, AlertState::Firing) };
    let transitions = entries.iter().chain([&firing]).map(put).collect();
    hub.store.commit(Commit { transitions, ..Commit::default() }).await.unwrap();
    hub.restart().await;
    let [first, second, third] = entries;
    assert_eq!(hub.store.open_alerts().await.unwrap(), std::slice::from_ref(&firing));
    let of = (hub.device.no, hub.series[0]);
    let during = |from, to| hub.store.alerts_during(RuleId(1), of, (T0.plus(from), T0.plus(to)));
    assert_eq!(during(20, 29).await.unwrap(), std::slice::from_ref(&first));
    assert_eq!(during(40, 49).await.unwrap(), [second, firing]);
    assert_eq!(hub.store.alerts_during(RuleId(2), of, (T0, T0.plus(99))).await.unwrap(), []);
    let transitions = vec![Transition::Cancel(AlertId(2), None), Transition::Cancel(AlertId(4), None)];
    hub.store.commit(Commit { transitions, ..Commit::default() }).await.unwrap();
    let historical = AlertQuery { states: vec![AlertState::Historical], limit: 10, ..AlertQuery::default() };
    assert_eq!(hub.store.alerts(historical).await.unwrap(), [third, first]);
    assert_eq!(hub.store.open_alerts().await.unwrap().len(), 1, "one that fires does not go away");
}

#[tokio::test]
async fn late_readings_wait_across_a_restart_and_go_with_their_device() {
    let mut hub = Hub::new().await;
    let stretch = |from, to| Stretch { from: T0.plus(from), to: T0.plus(to) };
    let (first, second) = (hub.series[0], hub.series[1]);
    let gone = SeriesId(999);
    for late in [
        vec![(first, Some(stretch(0, 10))), (second, Some(stretch(5, 6))), (gone, Some(stretch(0, 1)))],
        vec![(first, Some(stretch(0, 20)))],
        vec![(second, None)],
    ] {
        hub.store.commit(Commit { late, ..Commit::default() }).await.unwrap();
    }
    hub.restart().await;
    assert_eq!(hub.store.late().await.unwrap(), [(first, stretch(0, 20))]);
    hub.store.delete_device(hub.device.id).await.unwrap();
    assert_eq!(hub.store.late().await.unwrap(), []);
}

#[tokio::test]
async fn an_alert_about_the_hub_itself_reads_back_as_written_and_outlives_devices() {
    let mut hub = Hub::new().await;
    let ailing = Alert {
        about: Subject::Hub(Ailment::DiskFull),
        rule: RuleId::HUB,
        rule_name: Ailment::DiskFull.rule_name().to_owned(),
        ..alert(&hub, 1, AlertState::Firing)
    };
    let transitions = vec![put(&ailing), put(&alert(&hub, 2, AlertState::Firing))];
    hub.store.commit(Commit { transitions, ..Commit::default() }).await.unwrap();
    hub.store.delete_device(hub.device.id).await.unwrap();
    hub.restart().await;
    assert_eq!(hub.store.open_alerts().await.unwrap(), [ailing]);
}

#[tokio::test]
async fn an_alert_about_several_devices_reads_back_as_written_and_outlives_them() {
    let mut hub = Hub::new().await;
    let named = |name: &str| alert::Part {
        sensor: name.to_owned(),
        unit: String::new(),
        measure: Measure::Silence,
        value: None,
        threshold: 300.0,
        is_true: true,
        usual: None,
    };
    let many = Alert {
        about: Subject::Selection,
        measure: Measure::Devices,
        parts: Arc::new([named("attic"), named("shed")]),
        ..alert(&hub, 1, AlertState::Firing)
    };
    hub.store.commit(Commit { transitions: vec![put(&many)], ..Commit::default() }).await.unwrap();
    hub.store.delete_device(hub.device.id).await.unwrap();
    hub.restart().await;
    assert_eq!(hub.store.open_alerts().await.unwrap(), [many]);
}

#[tokio::test]
async fn an_alert_about_a_whole_device_reads_back_as_written_and_goes_with_it() {
    let mut hub = Hub::new().await;
    let away = Alert {
        about: Subject::Device(hub.device.no),
        measure: Measure::Silence,
        value: None,
        worst: None,
        ..alert(&hub, 1, AlertState::Firing)
    };
    let off = Alert { measure: Measure::Clock, value: Some(-90.5), ..alert(&hub, 2, AlertState::Firing) };
    let off = Alert { about: away.about, ..off };
    hub.store.commit(Commit { transitions: vec![put(&away), put(&off)], ..Commit::default() }).await.unwrap();
    hub.restart().await;
    assert_eq!(hub.store.open_alerts().await.unwrap(), [away, off]);
    assert_eq!(hub.store.offline_alerts().await.unwrap(), [(hub.device.no, AlertId(1))]);
    // What is not known is neither firing nor over.
    let unknown = Alert { unknown_since: Some(T0), ..alert(&hub, 3, AlertState::Firing) };
    hub.store.commit(Commit { transitions: vec![Transition::Amend(unknown.clone())], ..Commit::default() }).await.unwrap();
    let listed = async |states: &[AlertState], unknown| {
        let query = AlertQuery { states: states.to_vec(), unknown, limit: 10, ..AlertQuery::default() };
        hub.store.alerts(query).await.unwrap().iter().map(|alert| alert.id.0).collect::<Vec<_>>()
    };
    assert_eq!(listed(&[AlertState::Firing], false).await, [2, 1]);
    assert_eq!(listed(&[], true).await, [3]);
    assert_eq!(listed(&[AlertState::Firing], true).await, [3, 2, 1]);
    assert_eq!(listed(&[], false).await, [3, 2, 1]);
    let over = Alert { unknown_since: None, ..alert(&hub, 3, AlertState::Resolved) };
    hub.store.commit(Commit { transitions: vec![put(&over)], ..Commit::default() }).await.unwrap();
    assert_eq!(listed(&[AlertState::Resolved], false).await, [3]);
    hub.store.delete_device(hub.device.id).await.unwrap();
    assert!(hub.store.open_alerts().await.unwrap().is_empty());
}

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
async fn rules_read_back_as_written_and_lose_deleted_webhooks() {
    let mut hub = Hub::new().await;
    let webhook = hub.webhook().await;
    let hot = RuleSpec {
        name: "hot".to_owned(),
        device: "*".to_owned(),
        sensor: "t*".to_owned(),
        labels: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
        condition: Condition::Threshold { op: Op::AtLeast, value: 30.5, clear: Some(28.0) },
        hold: Duration::from_secs(60),
        clear_for: Duration::from_secs(300),
        severity: Severity::Critical,
        tags: BTreeMap::from([("team".to_owned(), "x".to_owned())]),
        webhooks: vec![webhook.id],
        all_webhooks: false,
        enabled: true,
        message: Message::default(),
    };
    let silent = RuleSpec { condition: Condition::Silence { after: Duration::from_secs(90) }, ..hot.clone() };
    let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3_600));
    for condition in [
        Condition::Rate { op: Op::Below, value: -5.0, per: minute, over: hour, clear: Some(-4.5) },
        Condition::Deviation { sigmas: 4.0, over: hour, clear: None, least: Some(0.5) },
        Condition::Increase { op: Op::Above, value: 5.0, over: hour, clear: None },
        Condition::Figure { figure: Figure::Average, op: Op::AtMost, value: 5.0, over: hour, clear: Some(6.0) },
        Condition::Figure { figure: Figure::Minimum, op: Op::Below, value: 5.0, over: minute, clear: None },
        Condition::Figure { figure: Figure::Maximum, op: Op::Above, value: 5.0, over: minute, clear: None },
        Condition::Stuck { least: 0.5, after: hour },
        Condition::Seasonal { sigmas: 4.0, clear: Some(2.0), least: None },
        Condition::Difference { other: "hum".to_owned(), within: minute, op: Op::Above, value: 5.0, clear: Some(4.0) },
        Condition::Count {
            of: Box::new(Condition::Silence { after: hour }),
            op: Op::AtLeast,
            value: 3.0,
            clear: Some(2.0),
        },
        Condition::Count {
            of: Box::new(Condition::Rate { op: Op::Below, value: -5.0, per: minute, over: hour, clear: Some(-4.5) }),
            op: Op::AtMost,
            value: 3.0,
            clear: None,
        },
        joined(Join::All),
        joined(Join::Any),
        Condition::Forecast { op: Op::AtLeast, value: 100.0, within: 3 * hour, over: hour, clear: Some(95.0) },
        Condition::Device(DeviceState::Offline { after: minute }),
        Condition::Device(DeviceState::SourceFailing),
        Condition::Device(DeviceState::ClockOff { by: minute }),
    ] {
        let spec = RuleSpec { condition, ..hot.clone() };
        let made = hub.store.create_rule(spec.clone(), T0).await.unwrap();
        assert_eq!(hub.store.rule(made.id).await.unwrap().spec, spec);
        hub.store.delete_rule(made.id).await.unwrap();
    }
    let all = RuleSpec { webhooks: vec![], all_webhooks: true, ..hot.clone() };
    assert_eq!(hub.store.make_rule("device_offline", all.clone(), T0).await.unwrap().as_deref(), Some("hot"));
    let made = hub.store.list_rules().await.unwrap();
    assert!(made[0].spec == all && made[0].made_by_hub, "{made:?}");
    hub.store.delete_rule(made[0].id).await.unwrap();
    hub.restart().await;
    assert_eq!(hub.store.make_rule("device_offline", all, T0).await.unwrap(), None, "it was made once");
    assert_eq!(hub.store.made_rules().await.unwrap(), ["device_offline"]);
    let first = hub.store.create_rule(hot.clone(), T0).await.unwrap();
    let second = hub.store.create_rule(silent.clone(), T0).await.unwrap();
    assert_eq!((&first.spec, &second.spec), (&hot, &silent));
    let unknown = RuleSpec { webhooks: vec![WebhookId(99)], ..hot.clone() };
    let refused = hub.store.replace_rule(first.id, unknown, T0).await;
    assert!(matches!(refused, Err(Error::Conflict { field: "webhooks", .. })));
    assert_eq!(hub.store.rule(first.id).await.unwrap(), first);
    hub.store.replace_rule(first.id, silent.clone(), T0.plus(1)).await.unwrap();
    hub.store.delete_webhook(webhook.id).await.unwrap();
    hub.store.delete_rule(second.id).await.unwrap();
    hub.restart().await;
    let rules = hub.store.list_rules().await.unwrap();
    assert_eq!((rules.len(), rules[0].updated_at), (1, T0.plus(1)));
    assert_eq!(rules[0].spec, RuleSpec { webhooks: vec![], ..silent });
    assert!(matches!(hub.store.rule(RuleId(99)).await, Err(Error::NotFound { what: "rule" })));
}

fn joined(join: Join) -> Condition {
    let minute = Duration::from_secs(60);
    let warm = Condition::Threshold { op: Op::Above, value: 30.0, clear: Some(28.0) };
    let rising = Condition::Rate { op: Op::Above, value: 5.0, per: minute, over: minute, clear: None };
    let parts = vec![
        Part { sensor: None, condition: warm },
        Part { sensor: Some("hum".to_owned()), condition: rising },
    ];
    Condition::Joined { join, parts, within: minute }
}

#[tokio::test]
async fn an_alert_of_several_conditions_keeps_what_each_measured() {
    let mut hub = Hub::new().await;
    let part = |sensor: &str, value| alert::Part {
        sensor: sensor.to_owned(),
        unit: "Cel".to_owned(),
        measure: Measure::Rate { per: Duration::from_secs(60) },
        value,
        threshold: 30.0,
        is_true: value.is_some(),
        usual: value.map(|is| Usual { is, low: 20.5, high: 22.0, is_growth: true }),
    };
    let parts = [part("", Some(31.0)), part("hum", None)];
    let of_parts = alert(&hub, 1, AlertState::Firing);
    let made = Alert { measure: Measure::Parts, parts: parts.into(), ..of_parts };
    let transitions = vec![put(&made)];
    hub.store.commit(Commit { transitions, ..Commit::default() }).await.unwrap();
    hub.restart().await;
    assert_eq!(hub.store.alert(AlertId(1)).await.unwrap().parts, made.parts);
    assert_eq!(hub.store.open_alerts().await.unwrap()[0].parts, made.parts);
}

#[tokio::test]
async fn silences_read_back_as_written_and_a_muted_alert_survives_a_restart() {
    let mut hub = Hub::new().await;
    let spec = SilenceSpec {
        rule: Some(RuleId(1)),
        device: "boiler*".to_owned(),
        sensor: "t*".to_owned(),
        labels: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
        from: T0,
        until: T0.plus(3_600_000),
        weekly: Some(Weekly { days: 96, from: 1_320, until: 360, zone: "Europe/Berlin".to_owned() }),
        comment: "works".to_owned(),
    };
    let made = hub.store.create_silence(spec.clone(), T0).await.unwrap();
    assert_eq!(made.spec, spec);
    let (told, muted) = (alert(&hub, 1, AlertState::Firing), alert(&hub, 2, AlertState::Firing));
    let marks = vec![
        Mark::Muted(muted.id, true),
        Mark::Muted(told.id, true),
        Mark::Muted(told.id, false),
        Mark::Flapping(told.id, true),
    ];
    let commit = Commit { transitions: vec![put(&told), put(&muted)], marks, ..Commit::default() };
    hub.store.commit(commit).await.unwrap();
    hub.restart().await;
    assert_eq!(hub.store.silences().await.unwrap(), std::slice::from_ref(&made));
    assert_eq!(hub.store.muted_alerts().await.unwrap(), [muted]);
    assert_eq!(hub.store.flapping_alerts().await.unwrap(), std::slice::from_ref(&told));
    // Over or not: whoever was told that it flaps waits for its end.
    let over = Alert { state: AlertState::Resolved, resolved_at: Some(T0.plus(9)), ..told };
    hub.store.commit(Commit { transitions: vec![put(&over)], ..Commit::default() }).await.unwrap();
    assert_eq!(hub.store.flapping_alerts().await.unwrap(), std::slice::from_ref(&over));
    let marks = vec![Mark::Flapping(over.id, false)];
    hub.store.commit(Commit { marks, ..Commit::default() }).await.unwrap();
    assert_eq!(hub.store.flapping_alerts().await.unwrap(), []);
    hub.store.delete_silence(made.id).await.unwrap();
    assert!(matches!(hub.store.delete_silence(made.id).await, Err(Error::NotFound { what: "silence" })));
}
#[tokio::test]
async fn alerts_that_are_over_and_their_messages_go_after_a_year_and_nothing_that_somebody_waits_for() {
    let hub = Hub::new().await;
    let over = |id, learned: i64| Alert {
        state: AlertState::Resolved,
        resolved_at: Some(T0.plus(learned)),
        learned_at: T0.plus(learned),
        ..alert(&hub, id, AlertState::Firing)
    };
    // Over long ago; over of late; still firing; over, and told as flapping.
    let alerts = [over(1, 0), over(2, 300 * DAY), alert(&hub, 3, AlertState::Firing), over(4, 0)];
    let transitions = alerts.iter().map(put).collect();
    let webhook = hub.webhook().await;
    let deliveries = (1..=3).map(|id| to(&webhook, Some(id))).collect();
    let marks = vec![Mark::Flapping(AlertId(4), true)];
    hub.store.commit(Commit { transitions, deliveries, marks, ..Commit::default() }).await.unwrap();
    hub.settle(1, DeliveryState::Delivered, None).await;
    hub.settle(2, DeliveryState::Failed, None).await;
    let listed = async || {
        let query = AlertQuery { limit: 10, ..AlertQuery::default() };
        hub.store.alerts(query).await.unwrap().iter().map(|alert| alert.id.0).collect::<Vec<_>>()
    };
    let policy = Retention::default();
    assert_eq!(hub.store.preview_retention(policy.clone(), T0.plus(367 * DAY)).await.unwrap().alerts, 1);
    hub.store.set_retention(policy);
    hub.store.tidy_as_of(T0.plus(364 * DAY)).await.unwrap();
    assert_eq!(listed().await, [4, 3, 2, 1]);
    hub.store.tidy_as_of(T0.plus(367 * DAY)).await.unwrap();
    assert_eq!(listed().await, [4, 3, 2]);
    let left = hub.store.deliveries(DeliveryQuery { limit: 10, ..DeliveryQuery::default() }).await.unwrap();
    assert_eq!(left.iter().map(|delivery| delivery.id.0).collect::<Vec<_>>(), [3], "it waits for its next attempt");
    hub.store.set_retention(Retention { alerts: None, ..Retention::default() });
    hub.store.tidy_as_of(T0.plus(5_000 * DAY)).await.unwrap();
    assert_eq!(listed().await, [4, 3, 2]);
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

#[tokio::test]
async fn alerts_are_listed_by_rule_its_name_and_severity() {
    let hub = Hub::new().await;
    let of = |id, rule, name: &str, severity| Alert {
        rule: RuleId(rule),
        rule_name: name.to_owned(),
        severity,
        ..alert(&hub, id, AlertState::Firing)
    };
    let alerts = [
        of(1, 1, "hot", Severity::Warning),
        of(2, 2, "cold", Severity::Critical),
        of(3, 0, "hub.disk_full", Severity::Critical),
        of(4, 1, "hot", Severity::Info),
    ];
    let transitions = alerts.iter().map(put).collect();
    hub.store.commit(Commit { transitions, ..Commit::default() }).await.unwrap();
    let listed = async |rule: Option<OfRule>, severity| {
        let query = AlertQuery { rule, severity, limit: 10, ..AlertQuery::default() };
        hub.store.alerts(query).await.unwrap().iter().map(|alert| alert.id.0).collect::<Vec<_>>()
    };
    assert_eq!(listed(Some(OfRule::Id(RuleId(1))), None).await, [4, 1]);
    assert_eq!(listed(Some(OfRule::Id(RuleId(1))), Some(Severity::Info)).await, [4]);
    assert_eq!(listed(Some(OfRule::Name("hub.disk_full".to_owned())), None).await, [3]);
    assert_eq!(listed(None, Some(Severity::Critical)).await, [3, 2]);
}

#[tokio::test]
async fn alerts_are_listed_by_their_tags() {
    let hub = Hub::new().await;
    let tagged = |id, tags: &[(&str, &str)]| {
        let tags = Arc::new(tags.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect());
        Alert { tags, ..alert(&hub, id, AlertState::Firing) }
    };
    let alerts = [tagged(1, &[("team", "x"), ("shift", "a=b")]), tagged(2, &[("team", "y")]), tagged(3, &[])];
    let transitions = alerts.iter().map(put).collect();
    hub.store.commit(Commit { transitions, ..Commit::default() }).await.unwrap();
    assert_eq!(hub.store.open_alerts().await.unwrap(), alerts);
    let listed = async |tags: &[(&str, &str)]| {
        let tags = tags.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        let query = AlertQuery { tags, limit: 10, ..AlertQuery::default() };
        hub.store.alerts(query).await.unwrap().iter().map(|alert| alert.id.0).collect::<Vec<_>>()
    };
    assert_eq!(listed(&[]).await, [3, 2, 1]);
    assert_eq!(listed(&[("team", "x")]).await, [1]);
    assert_eq!(listed(&[("team", "x"), ("shift", "a=b")]).await, [1]);
    assert!(listed(&[("team", "x"), ("team", "y")]).await.is_empty());
}

#[tokio::test]
async fn what_is_usual_and_since_when_it_is_good_again_outlast_a_restart() {
    let mut hub = Hub::new().await;
    let usual = |is, is_growth| Some(Usual { is, low: -1e-7, high: 22.1, is_growth });
    let fires = Alert { usual: usual(31.2, false), well_since: Some(T0.plus(5)), ..alert(&hub, 1, AlertState::Firing) };
    let grows = Alert { id: AlertId(2), usual: usual(0.25, true), ..fires.clone() };
    let transitions = vec![put(&fires), put(&grows)];
    hub.store.commit(Commit { transitions, ..Commit::default() }).await.unwrap();
    hub.restart().await;
    assert_eq!(hub.store.open_alerts().await.unwrap(), [fires.clone(), grows]);
    let not_well = Alert { usual: usual(40.0, false), well_since: None, ..fires };
    let transitions = vec![Transition::Amend(not_well.clone())];
    hub.store.commit(Commit { transitions, ..Commit::default() }).await.unwrap();
    assert_eq!(hub.store.alert(AlertId(1)).await.unwrap(), not_well);
}

pub(crate) fn alert(hub: &Hub, id: u64, state: AlertState) -> Alert {
    Alert {
        id: AlertId(id),
        rule: RuleId(1),
        rule_name: "hot".to_owned(),
        severity: Severity::Warning,
        tags: Arc::default(),
        about: Subject::Series { device: hub.device.no, series: hub.series[0] },
        state,
        measure: Measure::Value,
        value: Some(99.0),
        worst: Some(99.0),
        last: None,
        threshold: 30.0,
        started_at: T0,
        parts: Arc::default(),
        usual: None,
        well_since: None,
        fired_at: None,
        resolved_at: None,
        acked: None,
        new_normal: false,
        unknown_since: None,
        learned_at: T0,
    }
}

pub(crate) fn put(alert: &Alert) -> Transition {
    Transition::Put { alert: alert.clone(), occurred_at: T0, points: vec![] }
}

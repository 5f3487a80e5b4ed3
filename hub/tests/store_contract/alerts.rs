//! Alerts: written, listed, acknowledged, and swept.

use std::sync::Arc;

use telemetry_hub::model::alert::{Ack, Alert, AlertId, AlertState, Measure, Subject, Transition};
use telemetry_hub::model::audit::{Actor, ActorKind};
use telemetry_hub::model::device::DeviceNo;
use telemetry_hub::model::notice::Mark;
use telemetry_hub::model::reading::{SeriesId, Stretch};
use telemetry_hub::model::rule::{RuleId, Severity};
use telemetry_hub::model::view::Among;
use telemetry_hub::model::webhook::{DeliveryState, Event, NewDelivery};
use telemetry_hub::model::retention::Retention;
use telemetry_hub::store::{AlertQuery, Commit, DeliveryQuery, Error, OfRule, acts, with_actor};

use super::scene::{DAY, Hub, T0, to};

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

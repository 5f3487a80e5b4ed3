//! Why alerts fired: what is kept of that moment, and the versions of rules.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use telemetry_hub::model::UnixMillis;
use telemetry_hub::model::alert::{Alert, AlertId, AlertState, Measure, Subject, Transition};
use telemetry_hub::model::audit::{Actor, ActorKind};
use telemetry_hub::model::explain::{Circumstances, Explanation, Loss, Tally, Vital};
use telemetry_hub::model::retention::Retention;
use telemetry_hub::model::rule::{Condition, Join, Op, Part, RuleId, RuleSpec, Severity};
use telemetry_hub::store::{Commit, Error, acts, with_actor};

use super::scene::{DAY, Hub, T0, to};

#[tokio::test]
async fn what_is_known_of_the_moment_an_alert_fired_is_kept_with_it_and_goes_with_it() {
    let mut hub = Hub::new().await;
    let whole = Explanation {
        alert: AlertId(1),
        rule_version: Some(2),
        late_ms: 61_000,
        circumstances: Some(Circumstances {
            is_online: true,
            heard_at: Some(T0.plus(-4)),
            loss: Some(Loss { taken: 7_200, lost: 3 }),
            clock_offset_ms: Some(-12),
            agent: "1.4.0".to_owned(),
            vitals: vec![
                Vital { sensor: "battery=1\n".to_owned(), value: 87.25, unit: "%".to_owned() },
                Vital { sensor: "rssi".to_owned(), value: -71.0, unit: String::new() },
            ],
        }),
    };
    let bare = Explanation { alert: AlertId(2), rule_version: None, late_ms: 0, circumstances: None };
    let of_nobody = Explanation { alert: AlertId(77), ..bare.clone() };
    let transitions = [1, 2].map(|id| put(&alert(&hub, id, AlertState::Firing, T0))).to_vec();
    let explained = vec![whole.clone(), bare.clone(), of_nobody];
    hub.store.commit(Commit { transitions, explained, ..Commit::default() }).await.unwrap();
    // What is said first stays.
    let again = Explanation { rule_version: Some(9), ..whole.clone() };
    hub.store.commit(Commit { explained: vec![again], ..Commit::default() }).await.unwrap();
    hub.restart().await;
    assert_eq!(hub.store.explanation(AlertId(1)).await.unwrap(), Some(whole));
    assert_eq!(hub.store.explanation(AlertId(2)).await.unwrap(), Some(bare));
    assert_eq!(hub.store.explanation(AlertId(77)).await.unwrap(), None);
    hub.store.delete_device(hub.device.id).await.unwrap();
    assert_eq!(hub.store.explanation(AlertId(1)).await.unwrap(), None);
}

#[tokio::test]
async fn a_rule_counts_its_changes_and_a_version_stays_as_long_as_an_alert_is_of_it() {
    let mut hub = Hub::new().await;
    let first = hub.store.create_rule(spec(70.0), T0).await.unwrap();
    assert_eq!(first.version, 1);
    let same = hub.store.replace_rule(first.id, spec(70.0), T0.plus(1)).await.unwrap();
    assert_eq!(same.version, 1, "nothing changed");
    let fired = Alert { rule: first.id, ..alert(&hub, 1, AlertState::Resolved, T0) };
    let explained = |alert, version| Explanation {
        alert: AlertId(alert),
        rule_version: Some(version),
        late_ms: 0,
        circumstances: None,
    };
    let commit = |alert: &Alert, version| Commit {
        transitions: vec![put(alert)],
        explained: vec![explained(alert.id.0, version)],
        ..Commit::default()
    };
    hub.store.commit(commit(&fired, 1)).await.unwrap();
    let anna = Actor { kind: ActorKind::Session, who: "anna".to_owned(), address: String::new() };
    let second = with_actor(async {
        acts(anna);
        hub.store.replace_rule(first.id, joined(), T0.plus(2)).await.unwrap()
    })
    .await;
    assert_eq!((second.id, second.version), (first.id, 2));
    let said: Vec<_> = hub.store.audit(None, 10).await.unwrap().into_iter().map(|entry| (entry.action, entry.subject)).collect();
    assert_eq!(said, [("rule.changed".to_owned(), "rul_1".to_owned())], "a version that is kept is no rule of its own");
    // No alert is of the second one: it is not kept.
    let third = hub.store.replace_rule(first.id, spec(60.0), T0.plus(3)).await.unwrap();
    hub.store.commit(commit(&Alert { rule: first.id, ..alert(&hub, 2, AlertState::Firing, T0.plus(4)) }, 3)).await.unwrap();
    hub.store.delete_rule(first.id).await.unwrap();
    hub.restart().await;
    assert_eq!(hub.store.list_rules().await.unwrap(), [], "versions that are over are no rules");
    let was = hub.store.rule_version(first.id, 1).await.unwrap();
    let off = |spec: RuleSpec| RuleSpec { enabled: false, ..spec };
    assert_eq!((was.id, was.version, was.spec, was.created_at), (first.id, 1, off(spec(70.0)), T0));
    assert!(matches!(hub.store.rule_version(first.id, 2).await, Err(Error::NotFound { .. })));
    assert_eq!(hub.store.rule_version(first.id, 3).await.unwrap().spec, off(third.spec));
    let next = hub.store.create_rule(joined(), T0).await.unwrap();
    assert_eq!((next.id, next.version), (RuleId(2), 1));
    // The first alert is swept, with what its rule said.
    hub.store.set_retention(Retention { alerts: Some(Duration::from_secs(86_400)), ..Retention::default() });
    hub.store.tidy_as_of(T0.plus(2 * DAY)).await.unwrap();
    assert!(hub.store.rule_version(first.id, 1).await.is_err(), "no alert is of it any more");
    assert!(hub.store.rule_version(first.id, 3).await.is_ok());
}

#[tokio::test]
async fn a_version_began_when_the_rule_changed_whatever_else_was_done_to_it_since() {
    let mut hub = Hub::new().await;
    let first = hub.store.create_rule(spec(70.0), T0).await.unwrap();
    assert_eq!(first.version_since, T0);
    let webhook = hub.webhook().await;
    hub.store.tell_of_all_rules(webhook.id, T0.plus(1)).await.unwrap();
    let told = hub.store.rule(first.id).await.unwrap();
    assert_eq!((told.version, told.updated_at, told.version_since), (1, T0.plus(1), T0));
    let fired = Alert { rule: first.id, ..alert(&hub, 1, AlertState::Resolved, T0) };
    let explained = vec![Explanation { alert: fired.id, rule_version: Some(1), late_ms: 0, circumstances: None }];
    hub.store.commit(Commit { transitions: vec![put(&fired)], explained, ..Commit::default() }).await.unwrap();
    let second = hub.store.replace_rule(first.id, spec(60.0), T0.plus(2)).await.unwrap();
    assert_eq!((second.version, second.version_since), (2, T0.plus(2)));
    hub.restart().await;
    assert_eq!(hub.store.rule_version(first.id, 1).await.unwrap().version_since, T0);
    assert_eq!(hub.store.rule_version(first.id, 2).await.unwrap().version_since, T0.plus(2));
}

#[tokio::test]
async fn what_a_rule_counted_stays_in_its_versions() {
    let hub = Hub::new().await;
    let counting = |value: f64| {
        let of = Box::new(Condition::Threshold { op: Op::Above, value, clear: None });
        RuleSpec { condition: Condition::Count { of, op: Op::Above, value: 3.0, clear: None }, ..spec(0.0) }
    };
    let first = hub.store.create_rule(counting(5.0), T0).await.unwrap();
    let fired = Alert { rule: first.id, ..alert(&hub, 1, AlertState::Firing, T0) };
    let explained = vec![Explanation { alert: fired.id, rule_version: Some(1), late_ms: 0, circumstances: None }];
    hub.store.commit(Commit { transitions: vec![put(&fired)], explained, ..Commit::default() }).await.unwrap();
    hub.store.replace_rule(first.id, counting(6.0), T0).await.unwrap();
    let was = hub.store.rule_version(first.id, 1).await.unwrap();
    assert_eq!(was.spec.condition, counting(5.0).condition);
}

#[tokio::test]
async fn a_joined_rule_keeps_its_parts_in_every_version() {
    let hub = Hub::new().await;
    let first = hub.store.create_rule(joined(), T0).await.unwrap();
    let fired = Alert { rule: first.id, ..alert(&hub, 1, AlertState::Firing, T0) };
    let explained = vec![Explanation { alert: fired.id, rule_version: Some(1), late_ms: 0, circumstances: None }];
    hub.store.commit(Commit { transitions: vec![put(&fired)], explained, ..Commit::default() }).await.unwrap();
    hub.store.replace_rule(first.id, spec(1.0), T0).await.unwrap();
    assert_eq!(hub.store.rule_version(first.id, 1).await.unwrap().spec.condition, joined().condition);
    assert_eq!(hub.store.rule(first.id).await.unwrap().spec, spec(1.0));
}

#[tokio::test]
async fn what_fired_about_then_is_found_and_how_often_a_rule_did() {
    let hub = Hub::new().await;
    let minute = 60_000;
    let at = |id, rule, at| Alert { rule: RuleId(rule), ..alert(&hub, id, AlertState::Resolved, T0.plus(at)) };
    let elsewhere = Alert {
        about: Subject::Series { device: hub.device.no, series: hub.series[1] },
        ..at(4, 1, -2 * minute)
    };
    let pending = Alert { fired_at: None, ..alert(&hub, 5, AlertState::Pending, T0) };
    let all = [at(1, 1, -DAY), at(2, 1, -5 * minute), at(3, 1, 0), elsewhere, pending, at(6, 2, 11 * minute), at(7, 1, minute)];
    hub.store.commit(Commit { transitions: all.iter().map(put).collect(), ..Commit::default() }).await.unwrap();
    let about: Vec<_> = hub.store.fired_about(T0).await.unwrap().iter().map(|alert| alert.id.0).collect();
    assert_eq!(about, [2, 4, 3, 7]);
    let tallies = hub.store.tallies(vec![all[2].clone(), all[5].clone()], T0.plus(-30 * DAY)).await.unwrap();
    assert_eq!(tallies, [Tally { here: 3, anywhere: 4 }, Tally { here: 1, anywhere: 1 }]);
    let of_today = hub.store.tallies(vec![all[2].clone()], T0.plus(-DAY / 2)).await.unwrap();
    assert_eq!(of_today, [Tally { here: 2, anywhere: 3 }]);
}

#[tokio::test]
async fn messages_about_an_alert_are_found_oldest_first() {
    let hub = Hub::new().await;
    let webhook = hub.webhook().await;
    let deliveries = vec![to(&webhook, Some(1)), to(&webhook, Some(2)), to(&webhook, None), to(&webhook, Some(1))];
    hub.store.commit(Commit { deliveries, ..Commit::default() }).await.unwrap();
    let found: Vec<_> = hub.store.deliveries_about(AlertId(1)).await.unwrap().iter().map(|one| one.id.0).collect();
    assert_eq!(found, [1, 4]);
}

fn spec(value: f64) -> RuleSpec {
    RuleSpec {
        name: "hot".to_owned(),
        device: "*".to_owned(),
        sensor: "t*".to_owned(),
        labels: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
        condition: Condition::Threshold { op: Op::Above, value, clear: Some(value - 5.0) },
        hold: Duration::from_secs(60),
        clear_for: Duration::from_secs(300),
        severity: Severity::Critical,
        tags: BTreeMap::from([("team".to_owned(), "x".to_owned())]),
        message: telemetry_hub::model::rule::Message::default(),
        webhooks: Vec::new(),
        all_webhooks: false,
        enabled: true,
    }
}

fn joined() -> RuleSpec {
    let part = |sensor: Option<&str>| Part {
        sensor: sensor.map(str::to_owned),
        condition: Condition::Threshold { op: Op::Above, value: 5.0, clear: None },
    };
    let parts = vec![part(None), part(Some("hum"))];
    RuleSpec { condition: Condition::Joined { join: Join::All, parts, within: Duration::from_secs(300) }, ..spec(0.0) }
}

fn alert(hub: &Hub, id: u64, state: AlertState, fired: UnixMillis) -> Alert {
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
        started_at: fired,
        parts: Arc::default(),
        usual: None,
        well_since: None,
        unknown_since: None,
        fired_at: Some(fired),
        resolved_at: (state == AlertState::Resolved).then_some(fired),
        acked: None,
        new_normal: false,
        learned_at: fired,
    }
}

fn put(alert: &Alert) -> Transition {
    Transition::Put { alert: alert.clone(), occurred_at: T0, points: vec![] }
}

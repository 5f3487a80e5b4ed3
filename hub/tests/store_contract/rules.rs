//! Rules and silences, read back as written.

use std::collections::BTreeMap;
use std::time::Duration;

use telemetry_hub::model::alert::{Alert, AlertState};
use telemetry_hub::model::notice::Mark;
use telemetry_hub::model::rule::{Condition, DeviceState, Figure, Join, Message, Op, Part, RuleId, RuleSpec, Severity};
use telemetry_hub::model::silence::SilenceSpec;
use telemetry_hub::model::weekly::Weekly;
use telemetry_hub::model::webhook::WebhookId;
use telemetry_hub::store::{Commit, Error};

use super::scene::{Hub, T0};
use super::alerts::{alert, put};

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

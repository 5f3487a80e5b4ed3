//! What alerts are about, and what they keep of it.

use std::sync::Arc;
use std::time::Duration;

use telemetry_hub::model::alert::{self, Ailment, Alert, AlertId, AlertState, Measure, Subject, Transition, Usual};
use telemetry_hub::model::rule::RuleId;
use telemetry_hub::store::{AlertQuery, Commit};

use super::scene::{Hub, T0};
use super::alerts::{alert, put};

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

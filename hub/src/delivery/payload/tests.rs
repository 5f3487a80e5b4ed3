//! Bodies as receivers see them.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::delivery::tests::scene::{NOW, catalog, newly_told, put, read, rule, teller, webhook};
use crate::model::DeviceId;
use crate::model::alert::{Alert, AlertId, AlertState, Measure};
use crate::model::device::DeviceNo;
use crate::model::notice::{Flaps, Hearers, Notice};
use crate::model::webhook::WebhookKind;

#[test]
fn a_firing_alert_is_told_in_the_words_of_the_interface() {
    let told =
        newly_told(&[put(AlertState::Firing)], &[rule()], &[webhook(7)], &catalog(), &teller(Some("http://hub:8080/")));
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].webhook, told[0].alert, told[0].event), (WebhookId(7), Some(AlertId(5)), Event::AlertFiring));
    assert_eq!(
        read(&told[0]),
        json!({
            "type": "alert.firing",
            "timestamp": "2027-01-15T08:00:00.000Z",
            "title": "too hot on boiler-1",
            "text": "boiler-1: temp is 31.5 °C, above the limit of 30 °C, since 2027-01-15 07:59 UTC.",
            "data": {"alert": {
                "id": "alr_5",
                "sequence": 1,
                "rule": {"id": "rul_3", "name": "too hot"},
                "device": DeviceId::from_bytes([1; 16]).to_string(),
                "device_name": "boiler-1",
                "sensor": "temp",
                "measure": "value",
                "unit": "Cel",
                "severity": "critical",
                "state": "firing",
                "value": 31.5,
                "worst_value": 31.5,
                "last_value": null,
                "threshold": 30.0, "threshold_unit": "Cel",
                "started_at": "2027-01-15T07:59:00.000Z",
                "resolved_at": null,
                "new_normal": false,
                "occurred_at": "2027-01-15T08:00:00.000Z",
                "learned_at": "2027-01-15T08:00:01.500Z",
                "labels": {"room": "lab"},
                "tags": {"team": "x"},
                "url": "http://hub:8080/a/alr_5",
                "chart": format!("http://hub:8080/api/v1/alerts/alr_5/chart.png?{}", teller(None).pictures.query(AlertId(5), UnixMillis(1_800_000_001_500 + 30 * 86_400_000))),
                "points": [[1_800_000_000_000_i64, 31.5]],
            }}
        })
    );
}

#[test]
fn each_time_has_three_digits_of_fraction() {
    let Notice::Changed { alert, points, .. } = put(AlertState::Resolved) else { panic!() };
    for ms in [0, 1, 20, 300, 999] {
        let at = |at: UnixMillis| at.plus(ms);
        let alert = Alert {
            started_at: at(alert.started_at),
            resolved_at: Some(at(NOW)),
            learned_at: at(NOW),
            ..alert.clone()
        };
        let put = Notice::Changed { alert, occurred_at: at(NOW), points: points.clone(), to: Hearers::All };
        let told = newly_told(&[put], &[rule()], &[webhook(7)], &catalog(), &teller(None));
        let bodies = [
            read(&told[0]),
            read(&test_delivery(WebhookId(7), "ops", at(NOW))),
            read(&disabled_delivery(
                WebhookId(7),
                &Webhook { failing_since: Some(at(NOW)), ..webhook(3) },
                "410",
                &teller(None),
                at(NOW),
            )),
        ];
        let mut times = 0;
        for body in &bodies {
            each_text(body, &mut |text| {
                if text.starts_with("2027-") {
                    times += 1;
                    assert!(text.ends_with(&format!(".{ms:03}Z")), "{text}");
                }
            });
        }
        assert_eq!(times, 5 + 1 + 2);
    }
}

fn each_text(value: &Value, on: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => on(text),
        Value::Array(list) => list.iter().for_each(|one| each_text(one, on)),
        Value::Object(fields) => fields.values().for_each(|one| each_text(one, on)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn a_message_that_is_late_says_so_and_is_the_same_but_for_that() {
    let body = test_delivery(WebhookId(7), "ops", NOW).body;
    assert_eq!(delayed(&body, None, false), body);
    let mut late: Value = serde_json::from_slice(&delayed(&body, Some(10_800), false)).unwrap();
    assert_eq!(late.as_object_mut().unwrap().remove("delayed_by"), Some(json!(10_800)));
    assert_eq!(late, serde_json::from_slice::<Value>(&body).unwrap());
    assert_eq!(delayed(b"{}", Some(61), false), b"{\"delayed_by\":61}");
    assert_eq!(delayed(b"{}", Some(61), true), b"{\"delayed_by\":61,\"delayed_for\":\"quiet_hours\"}");
    assert_eq!(delayed(b"", Some(61), false), b"");
}

#[test]
fn what_is_told_of_a_webhook_that_is_off() {
    let off = Webhook { failing_since: Some(NOW.plus(-5 * 86_400_000)), ..webhook(3) };
    let told = disabled_delivery(
        WebhookId(7),
        &off,
        "every attempt failed for 5 days",
        &teller(Some("http://hub:8080/")),
        NOW,
    );
    assert_eq!((told.webhook, told.alert, told.event), (WebhookId(7), None, Event::WebhookDisabled));
    assert_eq!(
        read(&told),
        json!({
            "type": "webhook.disabled",
            "timestamp": "2027-01-15T08:00:00.000Z",
            "title": "Webhook ops is off",
            "text": "The webhook ops was turned off: every attempt failed for 5 days. Since 2027-01-10 08:00 UTC nothing arrived. \
                Once it is mended and turned on, the page offers to send what is missing.",
            "data": {"webhook": {
                "id": "whk_3",
                "name": "ops",
                "reason": "every attempt failed for 5 days",
                "failing_since": "2027-01-10T08:00:00.000Z",
                "url": "http://hub:8080/w",
            }}
        })
    );
}

#[test]
fn what_was_over_is_told_to_those_who_want_it_with_how_many_there_were() {
    let Notice::Changed { alert, points, .. } = put(AlertState::Historical) else { panic!() };
    let alert = Alert { resolved_at: Some(NOW.plus(60_000)), ..alert };
    let past = Notice::Past { alert, count: 3, points };
    let told = newly_told(std::slice::from_ref(&past), &[rule()], &[webhook(7)], &catalog(), &teller(None));
    assert_eq!((told.len(), told[0].event), (1, Event::AlertPast));
    let body = read(&told[0]);
    assert_eq!((&body["type"], &body["data"]["alert"]["count"]), (&json!("alert.past"), &json!(3)));
    assert_eq!(body["data"]["alert"]["resolved_at"], "2027-01-15T08:01:00.000Z");
    let mut quiet = webhook(7);
    quiet.spec.past = false;
    assert!(newly_told(&[past], &[rule()], &[quiet], &catalog(), &teller(None)).is_empty());
}

#[test]
fn what_the_numbers_are_is_told_with_them() {
    let told = |measure: Measure| {
        let Notice::Changed { mut alert, occurred_at, points, .. } = put(AlertState::Firing) else { panic!() };
        alert.measure = measure;
        let notice = Notice::Changed { alert, occurred_at, points, to: Hearers::All };
        let told = newly_told(&[notice], &[rule()], &[webhook(7)], &catalog(), &teller(None));
        let body = read(&told[0]);
        (body["data"]["alert"]["measure"].clone(), body["data"]["alert"]["unit"].clone())
    };
    assert_eq!(told(Measure::Rate { per: Duration::from_secs(60) }), (json!("rate"), json!("Cel/min")));
    assert_eq!(told(Measure::Sigmas), (json!("sigmas"), json!("sigma")));
    assert_eq!(told(Measure::Silence), (json!("silence"), json!("s")));
}

#[test]
fn an_alert_that_flaps_says_what_it_did_and_which_clear_value_would_have_helped() {
    let Notice::Changed { alert, occurred_at, points, .. } = put(AlertState::Resolved) else { panic!() };
    let flaps = Flaps { changes: 4, within_ms: 180_000, between: Some((29.4, 31.5)), clear: Some(29.3) };
    let flapping = |flaps| Notice::Flapping { alert: alert.clone(), occurred_at, points: points.clone(), flaps };
    let mut chat = webhook(7);
    chat.spec.kind = WebhookKind::Ntfy;
    let webhooks = [chat, webhook(8)];
    let told = newly_told(&[flapping(flaps)], &[rule()], &webhooks, &catalog(), &teller(None));
    assert_eq!(told.iter().map(|told| told.webhook.0).collect::<Vec<_>>(), [7]);
    let body = read(&told[0]);
    assert_eq!(
        body["data"]["alert"]["flapping"],
        json!({"changes": 4, "within_s": 180.0, "lowest": 29.4, "highest": 31.5, "clear": 29.3})
    );
    assert_eq!((&body["type"], &body["data"]["alert"]["state"]), (&json!("alert.flapping"), &json!("firing")));
    assert_eq!(body["title"], "Flapping: too hot on boiler-1");
    assert_eq!(
        body["text"],
        "boiler-1: temp crossed the limit of 30 °C 4 times in 3 min, between 29.4 °C and 31.5 °C. With the clear value \
         29.3 °C it would have been one alert. You are told how it is after ten minutes without a change."
    );
    let unknown = Flaps { between: None, clear: None, ..flaps };
    let told = newly_told(&[flapping(unknown)], &[rule()], &webhooks, &catalog(), &teller(None));
    assert_eq!(
        read(&told[0])["text"],
        "boiler-1: temp went silent and came back, 4 changes in 3 min. You are told how it is after ten minutes \
         without a change."
    );
}

#[test]
fn a_body_stays_small_whatever_people_write() {
    let long = "ü".repeat(30_000);
    let mut catalog = catalog();
    let mut device = catalog.device(DeviceNo(1)).cloned().unwrap();
    device.labels.insert("note".into(), long.clone());
    device.name.clone_from(&long);
    catalog.put_device(device);
    let mut notice = put(AlertState::Firing);
    if let Notice::Changed { alert, .. } = &mut notice {
        alert.rule_name = long;
    }
    let told = newly_told(&[notice], &[rule()], &[webhook(7)], &catalog, &teller(None));
    assert!(told[0].body.len() <= BODY_LIMIT, "{}", told[0].body.len());
    assert_eq!(read(&told[0])["data"]["alert"]["value"], json!(31.5));
}

#[test]
fn the_end_of_an_alert_that_went_with_its_device_is_made_of_what_was_told() {
    let told = newly_told(&[put(AlertState::Firing)], &[rule()], &[webhook(7)], &catalog(), &teller(None));
    let over = gone(&told[0], NOW.plus(90_000)).unwrap();
    assert_eq!((over.alert, over.webhook, over.event), (Some(AlertId(5)), WebhookId(7), Event::AlertResolved));
    let body = read(&over);
    assert_eq!((&body["type"], &body["title"]), (&json!("alert.resolved"), &json!("Resolved: too hot on boiler-1")));
    assert_eq!(body["text"], "The device was deleted. The alert is over.");
    let alert = &body["data"]["alert"];
    assert_eq!((&alert["state"], &alert["sequence"]), (&json!("resolved"), &json!(2)));
    assert_eq!(
        (&alert["resolved_at"], &alert["device_name"]),
        (&json!("2027-01-15T08:01:30.000Z"), &json!("boiler-1"))
    );
    assert_eq!(gone(&test_delivery(WebhookId(7), "ops", NOW), NOW), None);
}

#[test]
fn a_test_says_that_it_is_one() {
    let test = test_delivery(WebhookId(7), "ops", NOW);
    assert_eq!((test.event, test.alert), (Event::Test, None));
    let body = read(&test);
    assert_eq!(body["type"], "webhook.test");
    assert_eq!(body["data"]["webhook"], "whk_7");
    assert_eq!(body["text"], "A test from the telemetry hub: the webhook ops works.");
}

//! Bodies as receivers see them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::delivery::audience::{self, Audience};
use crate::delivery::grouping::Grouping;
use crate::model::alert::{Ack, Alert, AlertId, AlertState, Measure, Subject};
use crate::model::catalog::Series;
use crate::model::device::{Device, DeviceNo, Labels, Standing};
use crate::model::hearing::Filter;
use crate::model::notice::{Flaps, Hearers, Notice};
use crate::model::reading::{Point, SeriesId};
use crate::model::rule::{Condition, Message, Op, Rule, RuleId, RuleSpec};
use crate::model::webhook::{WebhookKind, WebhookSpec};
use crate::model::{DeviceId, PublicKey, SensorKind};

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

#[test]
fn a_firing_alert_is_told_in_the_words_of_the_interface() {
    let told = deliveries_for(
        &[put(AlertState::Firing)],
        &[rule()],
        &[webhook(7)],
        &catalog(),
        &teller(Some("http://hub:8080/")),
    );
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
                "threshold": 30.0,
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
        let told = deliveries_for(&[put], &[rule()], &[webhook(7)], &catalog(), &teller(None));
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
    let told = deliveries_for(std::slice::from_ref(&past), &[rule()], &[webhook(7)], &catalog(), &teller(None));
    assert_eq!((told.len(), told[0].event), (1, Event::AlertPast));
    let body = read(&told[0]);
    assert_eq!((&body["type"], &body["data"]["alert"]["count"]), (&json!("alert.past"), &json!(3)));
    assert_eq!(body["data"]["alert"]["resolved_at"], "2027-01-15T08:01:00.000Z");
    let mut quiet = webhook(7);
    quiet.spec.past = false;
    assert!(deliveries_for(&[past], &[rule()], &[quiet], &catalog(), &teller(None)).is_empty());
}

#[test]
fn what_the_numbers_are_is_told_with_them() {
    let told = |measure: Measure| {
        let Notice::Changed { mut alert, occurred_at, points, .. } = put(AlertState::Firing) else { panic!() };
        alert.measure = measure;
        let notice = Notice::Changed { alert, occurred_at, points, to: Hearers::All };
        let told = deliveries_for(&[notice], &[rule()], &[webhook(7)], &catalog(), &teller(None));
        let body = read(&told[0]);
        (body["data"]["alert"]["measure"].clone(), body["data"]["alert"]["unit"].clone())
    };
    assert_eq!(told(Measure::Rate { per: Duration::from_secs(60) }), (json!("rate"), json!("Cel/min")));
    assert_eq!(told(Measure::Sigmas), (json!("sigmas"), json!("sigma")));
    assert_eq!(told(Measure::Silence), (json!("silence"), json!("s")));
}

#[test]
fn what_a_webhook_is_told_of_an_alert_is_numbered() {
    let (rules, webhooks) = ([rule()], [webhook(7), webhook(8)]);
    // The second knows it already.
    let said = |_, webhook| u32::from(webhook == WebhookId(8)) * 3;
    let audience = Audience {
        rules: &rules,
        webhooks: &webhooks,
        said: &said,
        grouping: &Grouping::default(),
        beside: &|_| None,
        reasons: &HashMap::new(),
    };
    let notices = [put(AlertState::Firing), put(AlertState::Resolved)];
    let told = audience::deliveries_for(&notices, &audience, &catalog(), &teller(None));
    let numbers = |id| {
        let to = told.iter().filter(|one| one.webhook == WebhookId(id)).map(read);
        to.map(|body| (body["type"].clone(), body["data"]["alert"]["sequence"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(numbers(7), [(json!("alert.firing"), json!(1)), (json!("alert.resolved"), json!(2))]);
    assert_eq!(numbers(8), [(json!("alert.firing"), json!(4)), (json!("alert.resolved"), json!(5))]);
    assert_eq!(read(&told[0])["data"]["alert"]["url"], Value::Null);
}

#[test]
fn an_alert_that_flaps_says_what_it_did_and_which_clear_value_would_have_helped() {
    let Notice::Changed { alert, occurred_at, points, .. } = put(AlertState::Resolved) else { panic!() };
    let flaps = Flaps { changes: 4, within_ms: 180_000, between: Some((29.4, 31.5)), clear: Some(29.3) };
    let flapping = |flaps| Notice::Flapping { alert: alert.clone(), occurred_at, points: points.clone(), flaps };
    let mut chat = webhook(7);
    chat.spec.kind = WebhookKind::Ntfy;
    let webhooks = [chat, webhook(8)];
    let told = deliveries_for(&[flapping(flaps)], &[rule()], &webhooks, &catalog(), &teller(None));
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
    let told = deliveries_for(&[flapping(unknown)], &[rule()], &webhooks, &catalog(), &teller(None));
    assert_eq!(
        read(&told[0])["text"],
        "boiler-1: temp went silent and came back, 4 changes in 3 min. You are told how it is after ten minutes \
         without a change."
    );
}

#[test]
fn a_webhook_with_a_filter_hears_what_passes_and_the_end_of_what_it_knows() {
    let mut choosy = webhook(8);
    let told = |choosy: &Webhook, state, said: u32| {
        let (rules, webhooks) = ([rule()], [webhook(7), choosy.clone()]);
        let grouping = Grouping::default();
        let audience = Audience {
            rules: &rules,
            webhooks: &webhooks,
            said: &|_, _| said,
            grouping: &grouping,
            beside: &|_| None,
            reasons: &HashMap::new(),
        };
        let told = audience::deliveries_for(&[put(state)], &audience, &catalog(), &teller(None));
        told.iter().map(|told| told.webhook.0).collect::<Vec<_>>()
    };
    let (firing, resolved) = (AlertState::Firing, AlertState::Resolved);
    choosy.spec.filter.labels = Labels::from([("room".into(), "lab".into())]);
    assert_eq!(told(&choosy, firing, 0), [7, 8]);
    choosy.spec.filter.labels = Labels::from([("room".into(), "office".into())]);
    assert_eq!((told(&choosy, firing, 0), told(&choosy, resolved, 0)), (vec![7], vec![7]));
    assert_eq!(told(&choosy, resolved, 1), [7, 8], "it was told before the filter was set");
    choosy.spec.filter = Filter { least: Severity::Critical, ..Filter::default() };
    assert_eq!(told(&choosy, firing, 0), [7, 8]);
    choosy.spec.filter.tags = Labels::from([("team".into(), "night".into())]);
    assert_eq!(told(&choosy, firing, 0), [7], "its rule has no tags");
    choosy.spec.enabled = false;
    assert_eq!(told(&choosy, resolved, 1), [7]);
}

#[test]
fn of_what_flaps_programs_hear_each_change_and_people_how_it_ended() {
    let mut chat = webhook(8);
    chat.spec.kind = WebhookKind::Ntfy;
    let webhooks = [webhook(7), chat];
    let told = |state, to| {
        let Notice::Changed { alert, occurred_at, points, .. } = put(state) else { panic!() };
        let notice = Notice::Changed { alert, occurred_at, points, to };
        let told = deliveries_for(&[notice], &[rule()], &webhooks, &catalog(), &teller(None));
        told.iter().map(|told| told.webhook.0).collect::<Vec<_>>()
    };
    let fires = |to| told(AlertState::Firing, to);
    assert_eq!(
        (fires(Hearers::All), fires(Hearers::EachChange), fires(Hearers::Calmed)),
        (vec![7, 8], vec![7], vec![8])
    );
    assert_eq!(fires(Hearers::One(WebhookId(8))), [8]);
    assert_eq!(
        told(AlertState::Resolved, Hearers::Calmed),
        Vec::<u64>::new(),
        "of an end those hear who know the alert"
    );
}

#[test]
fn what_keeps_incidents_begins_none_anew_that_is_open_and_ends_the_one_that_flapped() {
    let mut pager = webhook(9);
    pager.spec.kind = WebhookKind::PagerDuty;
    let mut chat = webhook(8);
    chat.spec.kind = WebhookKind::Ntfy;
    let webhooks = [webhook(7), chat, pager];
    let told = |state, to, said: u32| {
        let Notice::Changed { alert, occurred_at, points, .. } = put(state) else { panic!() };
        let audience = Audience {
            rules: &[rule()],
            webhooks: &webhooks,
            said: &|_, _| said,
            grouping: &Grouping::default(),
            beside: &|_| None,
            reasons: &HashMap::new(),
        };
        let notice = Notice::Changed { alert, occurred_at, points, to };
        let told = audience::deliveries_for(&[notice], &audience, &catalog(), &teller(None));
        told.iter().map(|told| told.webhook.0).collect::<Vec<_>>()
    };
    assert_eq!(told(AlertState::Firing, Hearers::Calmed, 0), [8, 9]);
    assert_eq!(told(AlertState::Firing, Hearers::Calmed, 2), [8], "its incident is open");
    assert_eq!(told(AlertState::Resolved, Hearers::Incidents, 2), [9]);
    assert_eq!(told(AlertState::Resolved, Hearers::Incidents, 0), Vec::<u64>::new());
}

#[test]
fn an_acknowledgement_is_told_to_those_who_know_the_alert_and_many_of_them_in_one_sentence() {
    let mut chat = webhook(8);
    chat.spec.kind = WebhookKind::Ntfy;
    let mut alertmanager = webhook(9);
    alertmanager.spec.kind = WebhookKind::Alertmanager;
    let (rules, webhooks) = ([rule()], [webhook(7), chat, alertmanager]);
    let ack = Arc::new(Ack { at: NOW, by: "anna".to_owned(), comment: Some("on  it".to_owned()) });
    let acked = |id| {
        let Notice::Changed { alert, .. } = put(AlertState::Firing) else { panic!() };
        let alert = Alert { id: AlertId(id), acked: Some(Arc::clone(&ack)), ..alert };
        Notice::Acknowledged { alert, to: Hearers::All }
    };
    let told_of = |count: u64, said: u32| {
        let said = move |_, _| said;
        let audience = Audience {
            rules: &rules,
            webhooks: &webhooks,
            said: &said,
            grouping: &Grouping::default(),
            beside: &|_| None,
            reasons: &HashMap::new(),
        };
        let notices: Vec<_> = (1..=count).map(acked).collect();
        audience::deliveries_for(&notices, &audience, &catalog(), &teller(Some("http://hub")))
    };
    assert_eq!(told_of(2, 0), [], "nobody was told of the alert");
    let one = told_of(1, 1);
    assert_eq!(one.iter().map(|told| told.webhook.0).collect::<Vec<_>>(), [7, 8]);
    let body = read(&one[0]);
    assert_eq!(body["text"], "anna acknowledged the alert at 2027-01-15 08:00 UTC, saying “on it”.");
    assert_eq!(
        (&body["data"]["alert"]["acked_by"], &body["data"]["alert"]["ack_comment"]),
        (&json!("anna"), &json!("on  it"))
    );
    let many = told_of(30, 1);
    let to = |id| many.iter().filter(|told| told.webhook == WebhookId(id)).collect::<Vec<_>>();
    assert_eq!((to(7).len(), to(8).len()), (30, 1));
    assert_eq!(read(to(8)[0])["title"], "Acknowledged: 30 alerts of too hot");
    assert_eq!(
        read(to(8)[0])["text"],
        "anna acknowledged 30 alerts of too hot at 2027-01-15 08:00 UTC, saying “on it”."
    );
}

#[test]
fn only_the_enabled_webhooks_of_the_rule_are_told() {
    let mut off = webhook(8);
    off.spec.enabled = false;
    let gone = Webhook { disabled_reason: Some("410".into()), ..webhook(9) };
    let told = deliveries_for(
        &[put(AlertState::Firing)],
        &[rule()],
        &[webhook(7), off, gone, webhook(10)],
        &catalog(),
        &teller(None),
    );
    assert_eq!(told.iter().map(|delivery| delivery.webhook.0).collect::<Vec<_>>(), [7]);
}

#[test]
fn devices_that_go_at_once_are_one_sentence_where_people_read_and_one_alert_each_for_programs() {
    let mut catalog = catalog();
    let device = catalog.device(DeviceNo(1)).cloned().unwrap();
    let gone: Vec<Notice> = (1..=299)
        .map(|no| {
            let (id, key) = (DeviceId::from_bytes([no as u8; 16]), PublicKey([no as u8; 32]));
            catalog.put_device(Device { no: DeviceNo(no), id, key, name: format!("box-{no:03}"), ..device.clone() });
            let Notice::Changed { alert, .. } = put(AlertState::Firing) else { panic!() };
            let began = NOW.plus(i64::from(no % 3) * 60_000);
            let about = Subject::Device(DeviceNo(no));
            let (id, measure) = (AlertId(u64::from(no)), Measure::Silence);
            let alert = Alert { id, about, measure, started_at: began, ..alert };
            Notice::Changed { alert, occurred_at: NOW.plus(180_000), points: Vec::new(), to: Hearers::All }
        })
        .collect();
    let mut chat = webhook(8);
    chat.spec.kind = WebhookKind::Ntfy;
    let webhooks = [webhook(7), chat];
    let told_of = |notices: &[Notice]| {
        let told = deliveries_for(notices, &[rule()], &webhooks, &catalog, &teller(Some("http://hub")));
        let to = |id| told.iter().filter(|one| one.webhook == WebhookId(id)).map(read).collect::<Vec<_>>();
        (to(7), to(8))
    };
    let (programs, people) = told_of(&gone);
    assert_eq!((programs.len(), people.len()), (299, 1));
    assert_eq!(people[0]["title"], "299 devices are offline");
    assert_eq!(
        people[0]["text"],
        "box-001, box-002, box-003 and 296 more went offline between 2027-01-15 08:00 and 08:02 UTC: nothing is heard from \
         them since."
    );
    let group = json!({"group": {"count": 299, "severity": "critical", "url": "http://hub/?status=offline"}});
    assert_eq!((&people[0]["data"], &people[0]["type"]), (&group, &json!("alert.firing")));
    assert_eq!(devices_in(people[0].to_string().as_bytes()), Some(299));
    // Three are all named; one is told as ever.
    let (_, three) = told_of(&[gone[2].clone(), gone[5].clone(), gone[8].clone()]);
    assert_eq!(
        three[0]["text"],
        "box-003, box-006 and box-009 went offline at 2027-01-15 08:00 UTC: nothing is heard from them since."
    );
    let (_, one) = told_of(&gone[..1]);
    assert_eq!(devices_in(one[0].to_string().as_bytes()), None);
    assert!(one[0]["data"]["alert"]["id"] == "alr_1" && one[0]["data"]["group"].is_null(), "{}", one[0]);
    let back: Vec<Notice> = gone[..2]
        .iter()
        .map(|notice| {
            let Notice::Changed { alert, .. } = notice else { panic!() };
            let (state, resolved_at) = (AlertState::Resolved, Some(NOW.plus(300_000)));
            let alert = Alert { state, resolved_at, last: Some(0.0), ..alert.clone() };
            Notice::Changed { alert, occurred_at: NOW.plus(300_000), points: Vec::new(), to: Hearers::All }
        })
        .collect();
    // Their rule was switched off while they were away.
    let unwatched = back.iter().map(|notice| {
        let Notice::Changed { alert, occurred_at, .. } = notice else { panic!() };
        let alert = Alert { last: None, ..alert.clone() };
        Notice::Changed { alert, occurred_at: *occurred_at, points: Vec::new(), to: Hearers::All }
    });
    let (_, unwatched) = told_of(&unwatched.collect::<Vec<_>>());
    assert_eq!(unwatched[0]["title"], "Resolved: 2 alerts of devices offline");
    let text = unwatched[0]["text"].as_str().unwrap();
    assert!(!text.contains("no longer offline") && text.ends_with("They may still be offline."), "{text}");
    let (_, back) = told_of(&back);
    let told = deliveries_for(&gone, &[], &webhooks, &catalog, &teller(None));
    assert!(told.is_empty(), "the rule says who is told");
    let all = RuleSpec { webhooks: Vec::new(), all_webhooks: true, ..rule().spec };
    let all = deliveries_for(&gone, &[Rule { spec: all, ..rule() }], &webhooks, &catalog, &teller(None));
    assert_eq!(all.len(), 300);
    assert_eq!(back[0]["title"], "Resolved: 2 devices offline");
    assert_eq!(
        back[0]["text"],
        "box-001 and box-002 are no longer offline. Nothing was heard from them for up to 4 min."
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
    let told = deliveries_for(&[notice], &[rule()], &[webhook(7)], &catalog, &teller(None));
    assert!(told[0].body.len() <= BODY_LIMIT, "{}", told[0].body.len());
    assert_eq!(read(&told[0])["data"]["alert"]["value"], json!(31.5));
}

#[test]
fn the_end_of_an_alert_that_went_with_its_device_is_made_of_what_was_told() {
    let told = deliveries_for(&[put(AlertState::Firing)], &[rule()], &[webhook(7)], &catalog(), &teller(None));
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

/// To webhooks that were told nothing of the alert before.
fn deliveries_for(
    notices: &[Notice],
    rules: &[Rule],
    webhooks: &[Webhook],
    catalog: &Catalog,
    teller: &Teller,
) -> Vec<NewDelivery> {
    audience::deliveries_for(
        notices,
        &Audience {
            rules,
            webhooks,
            said: &|_, _| 0,
            grouping: &Grouping::default(),
            beside: &|_| None,
            reasons: &HashMap::new(),
        },
        catalog,
        teller,
    )
}

pub(in crate::delivery) fn teller(url: Option<&str>) -> Teller {
    Teller { url: url.map(str::to_owned), zone: TimeZone::UTC, pictures: PictureKey::of(&[7; 32]) }
}

pub(in crate::delivery) fn read(delivery: &NewDelivery) -> Value {
    serde_json::from_slice(&delivery.body).unwrap()
}

pub(in crate::delivery) fn put(state: AlertState) -> Notice {
    let alert = Alert {
        id: AlertId(5),
        rule: RuleId(3),
        rule_name: "too hot".into(),
        severity: Severity::Critical,
        tags: Arc::new([("team".to_owned(), "x".to_owned())].into()),
        about: Subject::Series { device: DeviceNo(1), series: SeriesId(0) },
        state,
        measure: Measure::Value,
        value: Some(31.5),
        worst: Some(31.5),
        last: None,
        threshold: 30.0,
        started_at: NOW.plus(-60_000),
        parts: Arc::default(),
        well_since: None,
        fired_at: Some(NOW),
        resolved_at: None,
        acked: None,
        new_normal: false,
        unknown_since: None,
        learned_at: NOW.plus(1500),
    };
    Notice::Changed { alert, occurred_at: NOW, points: vec![Point { at: NOW, value: 31.5 }], to: Hearers::All }
}

pub(in crate::delivery) fn rule() -> Rule {
    let spec = RuleSpec {
        name: "too hot".into(),
        device: "*".into(),
        sensor: "temp".into(),
        labels: Labels::new(),
        condition: Condition::Threshold { op: Op::Above, value: 30.0, clear: None },
        hold: Duration::from_secs(60),
        clear_for: Duration::ZERO,
        severity: Severity::Critical,
        tags: Labels::new(),
        webhooks: vec![WebhookId(7), WebhookId(8), WebhookId(9)],
        all_webhooks: false,
        enabled: true,
        message: Message::default(),
    };
    Rule {
        id: RuleId(3),
        version: 1,
        version_since: NOW,
        spec,
        made_by_hub: false,
        created_at: NOW,
        updated_at: NOW,
        source: None,
    }
}

pub(in crate::delivery) fn webhook(id: u64) -> Webhook {
    Webhook::new(WebhookId(id), WebhookSpec::new("ops", "http://ops/"), Vec::new(), NOW)
}

pub(in crate::delivery) fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    catalog.put_device(Device {
        no: DeviceNo(1),
        id: DeviceId::from_bytes([1; 16]),
        key: PublicKey([1; 32]),
        name: "boiler-1".into(),
        standing: Standing::Adopted,
        labels: Labels::from([("room".into(), "lab".into())]),
        model: String::new(),
        version: String::new(),
        address: None,
        first_seen: NOW,
        last_seen: None,
        interval_ms: None,
        pushed_every_ms: None,
        notes: String::new(),
        handshake_counter: 0,
    });
    let (device, kind) = (DeviceNo(1), SensorKind::Gauge);
    catalog.put_series(Series {
        id: SeriesId(0),
        device,
        sensor: "temp".into(),
        unit: "Cel".into(),
        kind,
        kind_by_owner: false,
        interval_ms: 1000,
    });
    catalog
}

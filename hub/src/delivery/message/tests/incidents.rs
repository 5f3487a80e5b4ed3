//! Receivers that keep incidents.

use super::*;

/// <https://github.com/PagerDuty/developer-docs/blob/main/docs/events-API-v2/02-Trigger-Events.md> (1,024 and 255 characters),
/// `03-Change-Events.md`.
#[test]
fn pagerduty_opens_and_closes_one_incident() {
    let (request, body) = sent(&to(WebhookKind::PagerDuty), &firing());
    assert_eq!(request.url, "https://events.pagerduty.com/v2/enqueue");
    assert_eq!(
        body,
        json!({
            "routing_key": "R0",
            "event_action": "trigger",
            "dedup_key": "alr_5@0a1b2c3d",
            "client": "Telemetry hub",
            "links": [{"href": LINK, "text": "Open the chart"}],
            "payload": {
                "summary": "too hot on boiler-1: boiler-1: temp is 31.5 °C, above the limit of 30 °C, since 2027-01-15 07:59 UTC.",
                "source": "boiler-1",
                "severity": "critical",
                "timestamp": "2027-01-15T08:00:00.000Z",
                "class": "too hot",
                "component": "temp",
                "custom_details": {"Device": "boiler-1", "Sensor": "temp", "Value": "31.5 °C", "Limit": "30 °C",
                    "Severity": "critical", "Labels": {"room": "lab"},
                    "Tags": {"team": "x", "severity": "night", "on.call": "1"}},
            },
        })
    );
    let (_, over) = sent(&to(WebhookKind::PagerDuty), &resolved());
    assert_eq!(over, json!({"routing_key": "R0", "event_action": "resolve", "dedup_key": "alr_5@0a1b2c3d"}));
    let (request, past) = sent(&to(WebhookKind::PagerDuty), &past());
    assert_eq!(request.url, "https://events.pagerduty.com/v2/change/enqueue");
    assert_eq!((past.get("event_action"), past.get("dedup_key")), (None, None));
    assert_eq!((&past["payload"]["source"], &past["routing_key"]), (&json!("boiler-1"), &json!("R0")));
    let (_, test) = sent(&to(WebhookKind::PagerDuty), &a_test());
    assert_eq!((&test["dedup_key"], &test["payload"]["severity"]), (&json!("msg_0a1b2c3d_7"), &json!("info")));
}

/// <https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml> (postableAlerts),
/// <https://prometheus.io/docs/alerting/latest/alerts_api/> (labels identify; without `endsAt` it ends by itself).
#[test]
fn alertmanager_knows_an_alert_by_what_does_not_change() {
    let (request, body) = sent(&to(WebhookKind::Alertmanager), &firing());
    assert_eq!(request.url, "http://am:9093/prefix/api/v2/alerts");
    let labels = json!({"alertname": "too hot", "severity": "critical", "alert": "alr_5", "rule": "rul_3", "hub": "0a1b2c3d",
        "device": "dev_1", "sensor": "temp", "team": "x", "tag_severity": "night", "on_call": "1"});
    assert_eq!(
        body,
        json!([{
            "labels": labels,
            "annotations": {
                "summary": "too hot on boiler-1",
                "description": "boiler-1: temp is 31.5 °C, above the limit of 30 °C, since 2027-01-15 07:59 UTC.",
                "device_name": "boiler-1",
                "label_room": "lab",
            },
            "startsAt": "2027-01-15T07:59:00.000Z",
            "endsAt": "2028-01-15T08:00:00.000Z",
            "generatorURL": LINK,
        }])
    );
    let (_, over) = sent(&to(WebhookKind::Alertmanager), &resolved());
    assert_eq!((&over[0]["labels"], &over[0]["endsAt"]), (&labels, &json!("2027-01-15T08:05:00.000Z")));
    let (_, test) = sent(&to(WebhookKind::Alertmanager), &a_test());
    assert_eq!(test[0]["endsAt"], "2027-01-15T08:05:00.000Z");
    let mut whole = to(WebhookKind::Alertmanager);
    whole.url = "http://am:9093/api/v2/alerts".into();
    assert_eq!(sent(&whole, &firing()).0.url, "http://am:9093/api/v2/alerts");
}

/// `PagerDuty`, "Send an Alert Event": events with the `dedup_key` of an open alert are added to it. Prometheus, "Sending alerts":
/// clients send an alert again while it is active; its labels identify it.
#[test]
fn a_repeat_is_the_same_incident_and_the_same_alert() {
    let mut again = firing();
    (again["type"], again["title"]) = (json!("alert.repeated"), json!("Still firing: too hot on boiler-1"));
    let [first, repeat] = [firing(), again]
        .map(|event| [WebhookKind::PagerDuty, WebhookKind::Alertmanager].map(|kind| sent(&to(kind), &event).1));
    assert_eq!((&repeat[0]["event_action"], &repeat[0]["dedup_key"]), (&json!("trigger"), &first[0]["dedup_key"]));
    let [first, repeat] = [&first[1][0], &repeat[1][0]];
    assert_eq!((&repeat["labels"], &repeat["startsAt"]), (&first["labels"], &first["startsAt"]));
    assert!(repeat["endsAt"].as_str().unwrap() > "2027-12", "{repeat}");
}

#[test]
fn what_somebody_has_seen_alarms_nobody_although_it_fires() {
    let mut seen = firing();
    seen["data"]["alert"]["acked_at"] = json!("2027-01-15T08:00:00.000Z");
    let (_, body) = sent(&to(WebhookKind::Slack), &seen);
    assert_eq!(body["blocks"][0]["text"]["text"], "🔵 too hot on boiler-1");
    let (_, body) = sent(&to(WebhookKind::PagerDuty), &seen);
    assert_eq!(body["payload"]["severity"], "critical", "of the incident");
}

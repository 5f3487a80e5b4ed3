//! What each kind sends, held against its public documentation as it was read on 2026-11-29.

use serde_json::{Value, json};

use super::*;
use crate::delivery::header::HIDDEN;
use crate::model::webhook::Fields;

const FROM: Sender<'static> = Sender { hub: "0a1b2c3d", id: "msg_0a1b2c3d_7" };
const LINK: &str = "http://hub:8080/d/dev_1?m=temp&from=1&to=2";

/// <https://docs.slack.dev/reference/block-kit/blocks/header-block> (150 characters), `section-block` (3,000; ten fields of 2,000),
/// <https://docs.slack.dev/messaging/formatting-message-text> (`&`, `<`, `>` escaped, nothing else).
#[test]
fn slack_gets_blocks() {
    let (request, body) = sent(&to(WebhookKind::Slack), &firing());
    assert_eq!((request.method, &*request.url), (Method::Post, "https://hooks.slack.com/services/T0/B0/x"));
    let field = |name, value| json!({"type": "plain_text", "text": format!("{name}\n{value}"), "emoji": false});
    let title = "🔴 too hot on boiler-1";
    let text = "boiler-1: temp is 31.5 °C, above the limit of 30 °C, since 2027-01-15 07:59 UTC.";
    assert_eq!(
        body,
        json!({"text": format!("{title}: {text}"), "mrkdwn": false, "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": false}},
            {"type": "section", "text": {"type": "plain_text", "text": text, "emoji": false}},
            {"type": "section", "fields": [field("Device", "boiler-1"), field("Sensor", "temp"), field("Value", "31.5 °C"),
                field("Limit", "30 °C"), field("Severity", "critical")]},
            {"type": "context", "elements": [{"type": "mrkdwn", "verbatim": true,
                "text": "<http://hub:8080/d/dev_1?m=temp&amp;from=1&amp;to=2|Open the chart>"}]},
        ]})
    );
    let (_, over) = sent(&to(WebhookKind::Slack), &resolved());
    assert_eq!(over["blocks"][0]["text"]["text"], "🟢 Resolved: too hot on boiler-1");
    assert_eq!(over["blocks"][2]["fields"][2]["text"], "Value\n28 °C");
    let (_, test) = sent(&to(WebhookKind::Slack), &a_test());
    assert_eq!(test["blocks"].as_array().unwrap().len(), 2, "a test has no facts and no chart");
}

#[test]
fn of_several_conditions_each_is_a_fact_and_not_how_many_are_true() {
    let mut joined = firing();
    let alert = &mut joined["data"]["alert"];
    (alert["measure"], alert["value"], alert["threshold"]) = (json!("parts"), json!(2.0), json!(2.0));
    alert["parts"] = json!([
        {"sensor": "temp", "measure": "value", "unit": "Cel", "value": 31.5, "threshold": 30.0, "is_true": true},
        {"sensor": "humidity", "measure": "value", "unit": "%", "value": 60.0, "threshold": 70.0, "is_true": false},
        {"sensor": "door", "measure": "silence", "unit": "s", "value": null, "threshold": 600.0, "is_true": false},
    ]);
    let (_, body) = sent(&to(WebhookKind::Slack), &joined);
    let facts: Vec<_> =
        body["blocks"][2]["fields"].as_array().unwrap().iter().map(|fact| fact["text"].as_str().unwrap()).collect();
    assert_eq!(
        facts,
        [
            "Device\nboiler-1",
            "Sensor\ntemp",
            "Conditions\ntemp 31.5 °C (limit 30 °C), Humidity 60 % (limit 70 %, not so), door not known (limit 10 min)",
            "Severity\ncritical",
        ]
    );
}

#[test]
fn of_what_stands_still_the_limit_is_a_time_and_of_what_is_unusual_there_is_what_is_usual() {
    let facts = |alert: &[(&str, Value)]| {
        let mut event = firing();
        alert.iter().for_each(|(key, value)| event["data"]["alert"][*key] = value.clone());
        let (_, body) = sent(&to(WebhookKind::Slack), &event);
        body.to_string()
    };
    let still = facts(&[("measure", json!("stuck")), ("value", json!(21.5)), ("threshold", json!(1_800.0))]);
    assert!(still.contains("21.5 °C") && still.contains("30 min") && !still.contains("1800"), "{still}");
    let usual = json!({"value": 31.2, "value_text": "31.2 °C", "usual_text": "20.4 to 22.1 °C"});
    let strange =
        facts(&[("measure", json!("sigmas")), ("unit", json!("sigma")), ("value", json!(8.0)), ("usual", usual)]);
    for part in ["Value\\n31.2 °C", "Usually\\n20.4 to 22.1 °C", "Deviation\\n8 sigma"] {
        assert!(strange.contains(part), "{part} in {strange}");
    }
}

#[test]
fn a_message_about_many_devices_has_no_facts_of_one_and_leads_to_their_list() {
    let many = json!({"type": "alert.firing", "timestamp": "2027-01-15T08:00:00.000Z", "title": "9 devices are offline",
        "text": "a, b, c and 6 more went offline at 08:00 UTC.",
        "data": {"group": {"count": 9, "severity": "warning", "url": "http://hub:8080/?status=offline"}}});
    let (_, body) = sent(&to(WebhookKind::Slack), &many);
    let blocks = body["blocks"].as_array().unwrap();
    assert_eq!((blocks.len(), &blocks[0]["text"]["text"]), (3, &json!("🟠 9 devices are offline")));
    assert_eq!(blocks[2]["elements"][0]["text"], "<http://hub:8080/?status=offline|Show the devices>");
}

#[test]
fn a_webhook_that_is_off_is_a_warning_and_one_incident_however_often_it_is_told() {
    let off = json!({"type": "webhook.disabled", "timestamp": "2027-01-15T08:00:00.000Z", "title": "Webhook pager is off",
        "text": "The webhook pager was turned off: every attempt failed for 5 days.",
        "data": {"webhook": {"id": "whk_3", "name": "pager", "reason": "every attempt failed for 5 days",
            "failing_since": "2027-01-10T08:00:00.000Z", "url": "http://hub:8080/w"}}});
    let (_, body) = sent(&to(WebhookKind::PagerDuty), &off);
    assert_eq!((&body["event_action"], &body["dedup_key"]), (&json!("trigger"), &json!("whk_3@0a1b2c3d")));
    assert_eq!(
        (&body["payload"]["severity"], &body["links"][0]["text"]),
        (&json!("warning"), &json!("Show the webhooks"))
    );
    let (_, body) = sent(&to(WebhookKind::Alertmanager), &off);
    let labels = json!({"hub": "0a1b2c3d", "webhook": "whk_3", "alertname": "TelemetryHubWebhookDisabled", "severity": "warning"});
    assert_eq!((&body[0]["labels"], &body[0]["endsAt"]), (&labels, &json!("2027-01-16T08:00:00.000Z")));
    let (_, body) = sent(&to(WebhookKind::Slack), &off);
    assert_eq!(body["blocks"][0]["text"]["text"], "🟠 Webhook pager is off");
    let (_, body) = sent(&to(WebhookKind::Ntfy), &off);
    assert_eq!((&body["priority"], &body["click"]), (&json!(4), &json!("http://hub:8080/w")));
}

#[test]
fn what_is_late_says_so_to_people() {
    let mut late = firing();
    late["delayed_by"] = json!(3 * 3_600 + 59);
    let (_, body) = sent(&to(WebhookKind::Slack), &late);
    let text = body["blocks"][1]["text"]["text"].as_str().unwrap();
    assert!(text.ends_with("since 2027-01-15 07:59 UTC. Sent 3 h late."), "{text}");
    let (_, body) = sent(&to(WebhookKind::PagerDuty), &late);
    assert!(body["payload"]["summary"].as_str().unwrap().ends_with("Sent 3 h late."));
    let (_, body) = sent(&to(WebhookKind::HomeAssistant), &late);
    assert_eq!(body["delayed_by"], 10_859);
}

/// <https://docs.discord.com/developers/resources/webhook#execute-webhook>, `message#embed-object-embed-limits` (256, 4,096, 1,024,
/// 6,000 in all), `message#allowed-mentions-object`; `wait`: "when false a message that is not saved does not return an error".
#[test]
fn discord_gets_an_embed_that_mentions_nobody() {
    let (request, body) = sent(&to(WebhookKind::Discord), &firing());
    assert_eq!(request.url, "https://discord.com/api/webhooks/1/x?thread_id=9&wait=true");
    let field = |name, value| json!({"name": name, "value": value, "inline": true});
    assert_eq!(
        body,
        json!({"allowed_mentions": {"parse": []}, "embeds": [{
            "title": "too hot on boiler-1",
            "description": "boiler-1: temp is 31.5 °C, above the limit of 30 °C, since 2027-01-15 07:59 UTC.",
            "url": LINK,
            "color": 0xe0_31_31,
            "timestamp": "2027-01-15T08:00:00.000Z",
            "fields": [field("Device", "boiler-1"), field("Sensor", "temp"), field("Value", "31.5 °C"),
                field("Limit", "30 °C"), field("Severity", "critical")],
        }]})
    );
    let (_, over) = sent(&to(WebhookKind::Discord), &resolved());
    assert_eq!(over["embeds"][0]["color"], 0x2f_9e_44);
}

/// <https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using> (message of one attachment,
/// `application/vnd.microsoft.card.adaptive`, 28 KB), <https://adaptivecards.io/explorer/RichTextBlock.html> (1.2; no Markdown).
#[test]
fn teams_gets_an_adaptive_card() {
    let (request, body) = sent(&to(WebhookKind::Teams), &firing());
    assert!(request.url.starts_with("https://prod-1.westeurope.logic.azure.com"), "{}", request.url);
    let fact = |name: &str, value: &str| {
        json!({"type": "RichTextBlock", "inlines": [
            {"type": "TextRun", "text": format!("{name}: "), "weight": "Bolder"}, {"type": "TextRun", "text": value}]})
    };
    assert_eq!(
        body,
        json!({"type": "message", "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": [
                    {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": "too hot on boiler-1",
                        "weight": "Bolder", "size": "Large", "color": "Attention"}]},
                    {"type": "RichTextBlock", "inlines": [{"type": "TextRun",
                        "text": "boiler-1: temp is 31.5 °C, above the limit of 30 °C, since 2027-01-15 07:59 UTC."}]},
                    fact("Device", "boiler-1"), fact("Sensor", "temp"), fact("Value", "31.5 °C"),
                    fact("Limit", "30 °C"), fact("Severity", "critical"),
                ],
                "actions": [{"type": "Action.OpenUrl", "title": "Open the chart", "url": LINK}],
            },
        }]})
    );
    let (_, over) = sent(&to(WebhookKind::Teams), &resolved());
    assert_eq!(over["attachments"][0]["content"]["body"][0]["inlines"][0]["color"], "Good");
}

/// <https://docs.ntfy.sh/publish/#publish-as-json> (to the server, not to the topic), `#limitations` (4,096 bytes).
#[test]
fn ntfy_gets_json_at_the_server() {
    let mut spec = to(WebhookKind::Ntfy);
    let (request, body) = sent(&spec, &firing());
    assert_eq!((&*request.url, request.headers.len()), ("https://ntfy.sh/", 0));
    assert_eq!(
        body,
        json!({
            "topic": "my-topic",
            "title": "too hot on boiler-1",
            "message": "boiler-1: temp is 31.5 °C, above the limit of 30 °C, since 2027-01-15 07:59 UTC.",
            "priority": 5,
            "tags": ["rotating_light"],
            "click": LINK,
        })
    );
    spec.fields.0.insert("token".into(), "tk_1".into());
    let (request, over) = sent(&spec, &resolved());
    assert_eq!(request.headers, [("authorization", "Bearer tk_1".to_owned())]);
    assert_eq!((&over["priority"], &over["tags"]), (&json!(3), &json!(["white_check_mark"])));
    assert_eq!(sent(&spec, &a_test()).1["tags"], json!(["bell"]));
}

/// <https://core.telegram.org/bots/api#sendmessage> (4,096 characters after entities parsing), `#messageentity` (UTF-16 units).
#[test]
fn telegram_gets_plain_text_with_a_bold_title() {
    let (request, body) = sent(&to(WebhookKind::Telegram), &firing());
    assert_eq!(request.url, "https://api.telegram.org/bot1:x/sendMessage");
    let title = "🔴 too hot on boiler-1";
    let text = "boiler-1: temp is 31.5 °C, above the limit of 30 °C, since 2027-01-15 07:59 UTC.";
    assert_eq!(
        body,
        json!({
            "chat_id": "-100",
            "text": format!("{title}\n{text}\n\n{LINK}"),
            "entities": [{"type": "bold", "offset": 0, "length": title.encode_utf16().count()}],
            "link_preview_options": {"is_disabled": true},
        })
    );
    let over = sent(&to(WebhookKind::Telegram), &resolved()).1["text"].clone();
    assert!(over.as_str().unwrap().starts_with("🟢 Resolved: too hot on boiler-1\n"), "{over}");
}

/// <https://gotify.net/docs/pushmsg>, <https://gotify.net/docs/msgextras> (`client::notification`).
#[test]
fn gotify_gets_a_message_of_an_application() {
    let (request, body) = sent(&to(WebhookKind::Gotify), &firing());
    assert_eq!(request.url, "https://push.example.org/message");
    assert_eq!(request.headers, [("x-gotify-key", "A1".to_owned())]);
    assert_eq!(
        body,
        json!({
            "title": "too hot on boiler-1",
            "message": "boiler-1: temp is 31.5 °C, above the limit of 30 °C, since 2027-01-15 07:59 UTC.",
            "priority": 8,
            "extras": {"client::notification": {"click": {"url": LINK}}},
        })
    );
    assert_eq!(sent(&to(WebhookKind::Gotify), &resolved()).1["priority"], 4);
    let mut by_url = to(WebhookKind::Gotify);
    by_url.url = "https://push.example.org/message?token=A1".into();
    by_url.fields.0.clear();
    let (request, _) = sent(&by_url, &firing());
    assert_eq!((&*request.url, request.headers.len()), ("https://push.example.org/message?token=A1", 0));
}

/// <https://spec.matrix.org/v1.18/client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid>, `#mroommessage-msgtypes`,
/// `#definition-mmentions`.
#[test]
fn matrix_gets_text_and_html_under_the_id_of_the_message() {
    let (request, body) = sent(&to(WebhookKind::Matrix), &firing());
    assert_eq!(request.method, Method::Put);
    let path = "_matrix/client/v3/rooms/!abc:example.org/send/m.room.message/msg_0a1b2c3d_7";
    assert_eq!(request.url, format!("https://matrix.example.org/{path}"));
    assert_eq!(request.headers, [("authorization", "Bearer syt_1".to_owned())]);
    let (title, text) =
        ("🔴 too hot on boiler-1", "boiler-1: temp is 31.5 °C, above the limit of 30 °C, since 2027-01-15 07:59 UTC.");
    assert_eq!(
        body,
        json!({
            "msgtype": "m.text",
            "body": format!("{title}\n{text}\n{LINK}"),
            "format": "org.matrix.custom.html",
            "formatted_body": format!(
                "<strong>{title}</strong><br>{text}<br><a href=\"{}\">Open the chart</a>", LINK.replace('&', "&amp;")
            ),
            "m.mentions": {},
        })
    );
    assert!(sent(&to(WebhookKind::Matrix), &resolved()).1["body"].as_str().unwrap().starts_with("🟢 Resolved"));
}

/// <https://www.home-assistant.io/docs/automation/trigger/#webhook-trigger>: JSON is `trigger.json`.
#[test]
fn the_hubs_own_form_goes_out_as_it_is() {
    for kind in [WebhookKind::Generic, WebhookKind::HomeAssistant] {
        for event in [firing(), resolved(), past(), a_test()] {
            let spec = to(kind);
            let bytes = event.to_string().into_bytes();
            let request = request(&spec, &bytes, FROM).unwrap();
            assert_eq!((request.body, request.url, request.headers), (bytes, spec.url, vec![]));
        }
    }
}

pub(super) const ALL: [WebhookKind; 12] = [
    WebhookKind::Generic,
    WebhookKind::Slack,
    WebhookKind::Discord,
    WebhookKind::Teams,
    WebhookKind::Ntfy,
    WebhookKind::Telegram,
    WebhookKind::PagerDuty,
    WebhookKind::Alertmanager,
    WebhookKind::Gotify,
    WebhookKind::Matrix,
    WebhookKind::HomeAssistant,
    WebhookKind::Email,
];

/// A webhook as its owner would write it.
pub(super) fn to(kind: WebhookKind) -> WebhookSpec {
    let (url, fields): (_, &[(&str, &str)]) = match kind {
        WebhookKind::Generic => ("https://example.org/alerts", &[]),
        WebhookKind::Slack => ("https://hooks.slack.com/services/T0/B0/x", &[]),
        WebhookKind::Discord => ("https://discord.com/api/webhooks/1/x?thread_id=9", &[]),
        WebhookKind::Teams => {
            ("https://prod-1.westeurope.logic.azure.com:443/workflows/1/triggers/manual/paths/invoke?sig=x", &[])
        }
        WebhookKind::Ntfy => ("https://ntfy.sh/my-topic", &[]),
        WebhookKind::Telegram => ("https://api.telegram.org/bot1:x/sendMessage", &[("chat_id", "-100")]),
        WebhookKind::PagerDuty => ("https://events.pagerduty.com/v2/enqueue", &[("routing_key", "R0")]),
        WebhookKind::Alertmanager => ("http://am:9093/prefix/", &[]),
        WebhookKind::Gotify => ("https://push.example.org", &[("token", "A1")]),
        WebhookKind::Matrix => ("https://matrix.example.org", &[("room_id", "!abc:example.org"), ("token", "syt_1")]),
        WebhookKind::HomeAssistant => ("http://homeassistant.local:8123/api/webhook/x", &[]),
        WebhookKind::Email => (
            "smtps://mail.example.org",
            &[
                ("to", "ann@example.org, Bob <bob@example.net>"),
                ("from", "Hub <hub@example.org>"),
                ("username", "hub"),
                ("password", "sesame open"),
            ],
        ),
    };
    let fields = fields.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    WebhookSpec { kind, fields: Fields(fields), ..WebhookSpec::new("ops", url) }
}

fn sent(spec: &WebhookSpec, event: &Value) -> (Request, Value) {
    let request = request(spec, event.to_string().as_bytes(), FROM).unwrap();
    let body = serde_json::from_slice(&request.body).unwrap();
    (request, body)
}

fn firing() -> Value {
    json!({
        "type": "alert.firing",
        "timestamp": "2027-01-15T08:00:00.000Z",
        "title": "too hot on boiler-1",
        "text": "boiler-1: temp is 31.5 °C, above the limit of 30 °C, since 2027-01-15 07:59 UTC.",
        "data": {"alert": {
            "id": "alr_5", "sequence": 1, "rule": {"id": "rul_3", "name": "too hot"}, "device": "dev_1",
            "device_name": "boiler-1", "sensor": "temp", "measure": "value", "unit": "Cel", "severity": "critical",
            "state": "firing", "value": 31.5, "worst_value": 31.5, "last_value": null, "threshold": 30.0,
            "started_at": "2027-01-15T07:59:00.000Z", "resolved_at": null, "new_normal": false,
            "occurred_at": "2027-01-15T08:00:00.000Z", "learned_at": "2027-01-15T08:00:01.500Z", "labels": {"room": "lab"},
            "tags": {"team": "x", "severity": "night", "on.call": "1"}, "url": LINK, "points": [[1_800_000_000_000_i64, 31.5]],
        }},
    })
}

fn resolved() -> Value {
    let mut event = firing();
    (event["type"], event["timestamp"]) = (json!("alert.resolved"), json!("2027-01-15T08:05:00.000Z"));
    event["title"] = json!("Resolved: too hot on boiler-1");
    let alert = &mut event["data"]["alert"];
    (alert["state"], alert["last_value"]) = (json!("resolved"), json!(28.0));
    alert["resolved_at"] = json!("2027-01-15T08:05:00.000Z");
    event
}

fn past() -> Value {
    let mut event = resolved();
    event["type"] = json!("alert.past");
    event["data"]["alert"]["state"] = json!("historical");
    event["data"]["alert"]["count"] = json!(1);
    event
}

fn a_test() -> Value {
    json!({
        "type": "webhook.test",
        "timestamp": "2027-01-15T08:00:00.000Z",
        "title": "Test from the telemetry hub",
        "text": "A test from the telemetry hub: the webhook ops works.",
        "data": {"message": "A test from the telemetry hub: this webhook works.", "webhook": "whk_7", "name": "ops"},
    })
}

mod any_text;
mod email;
mod incidents;
mod pictures;

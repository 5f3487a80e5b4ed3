//! URLs and fields that fit their kind, and what is said of those that do not.

use super::super::tests::{ALL, to};
use super::*;

#[test]
fn what_people_paste_is_taken() {
    for kind in ALL {
        check(&to(kind)).unwrap_or_else(|refused| panic!("{kind:?}: {refused}"));
    }
    for (kind, url) in [
        (WebhookKind::Slack, "https://mattermost.example.org/hooks/x"),
        (WebhookKind::Discord, "https://canary.discord.com/api/v10/webhooks/1/x"),
        (
            WebhookKind::Teams,
            "https://x.1.environment.api.powerplatform.com/powerautomate/automations/direct/workflows/1?sig=x",
        ),
        (WebhookKind::Ntfy, "http://192.168.1.5:8090/alerts/"),
        (WebhookKind::Telegram, "https://api.telegram.org/bot1:x"),
        (WebhookKind::Telegram, "http://192.168.1.5:8081/bot1:x/"),
        (WebhookKind::PagerDuty, "https://events.eu.pagerduty.com/v2/enqueue"),
        (WebhookKind::Alertmanager, "http://am:9093"),
        (WebhookKind::Alertmanager, "http://am:9093/api/v2/alerts"),
        (WebhookKind::HomeAssistant, "https://hooks.nabu.casa/x"),
    ] {
        let spec = WebhookSpec { url: url.to_owned(), ..to(kind) };
        check(&spec).unwrap_or_else(|refused| panic!("{kind:?} {url}: {refused}"));
    }
}

#[test]
fn a_url_of_something_else_is_refused_with_what_would_be_right() {
    for (kind, url, right) in [
        (WebhookKind::Slack, "https://hooks.slack.com/triggers/T0/1/x", "/services/"),
        (WebhookKind::Slack, "https://example.org", "path"),
        (WebhookKind::Discord, "https://discord.com/channels/1/2", "/api/webhooks/"),
        (WebhookKind::Discord, "https://discord.com/api/webhooks/1/x/slack", "without /slack"),
        (WebhookKind::Teams, "https://x.webhook.office.com/webhookb2/1", "workflow"),
        (WebhookKind::Ntfy, "https://ntfy.sh", "https://ntfy.sh/my-topic"),
        (WebhookKind::Ntfy, "https://ntfy.sh/a/b", "https://ntfy.sh/my-topic"),
        (WebhookKind::Ntfy, "https://ntfy.sh/a%20b", "https://ntfy.sh/my-topic"),
        (WebhookKind::Telegram, "https://api.telegram.org/", "bot123456:"),
        (WebhookKind::Telegram, "https://api.telegram.org/bot1:x/getUpdates", "sendMessage"),
        (WebhookKind::Telegram, "https://t.me/my_bot", "bot123456:"),
        (WebhookKind::PagerDuty, "https://events.pagerduty.com/", "/v2/enqueue"),
        (WebhookKind::PagerDuty, "https://events.pagerduty.com/generic/2010-04-15/create_event.json", "/v2/enqueue"),
        (WebhookKind::Alertmanager, "http://am:9093/api/v1/alerts", "/api/v2/alerts"),
        (WebhookKind::Matrix, "https://m.example/_matrix/client/v3/rooms/!a/send", "home server"),
        (WebhookKind::HomeAssistant, "http://homeassistant.local:8123", "/api/webhook/"),
    ] {
        let refused = check(&WebhookSpec { url: url.to_owned(), ..to(kind) }).unwrap_err();
        assert_eq!(refused.field, "url", "{url}: {refused}");
        assert!(refused.reason.contains(right), "{url}: {refused}");
    }
}

#[test]
fn a_field_that_is_missing_or_wrong_is_named_and_not_repeated() {
    for (kind, name, value, right) in [
        (WebhookKind::Telegram, "chat_id", None, "number"),
        (WebhookKind::Telegram, "chat_id", Some("s3cret chat"), "number"),
        (WebhookKind::Telegram, "chat_id", Some("@"), "number"),
        (WebhookKind::PagerDuty, "routing_key", None, "Integration Key"),
        (WebhookKind::PagerDuty, "routing_key", Some(""), "empty"),
        (WebhookKind::PagerDuty, "routing_key", Some("s3cret key"), "ASCII"),
        (WebhookKind::Gotify, "token", None, "application"),
        (WebhookKind::Gotify, "token", Some("s3cret\n"), "ASCII"),
        (WebhookKind::Matrix, "room_id", None, "!abcdef"),
        (WebhookKind::Matrix, "room_id", Some("#s3cret:example.org"), "!abcdef"),
        (WebhookKind::Matrix, "token", None, "access token"),
        (WebhookKind::Slack, "token", Some("s3cret"), "no fields"),
        (WebhookKind::Telegram, "token", Some("s3cret"), "`chat_id`"),
    ] {
        let mut spec = to(kind);
        match value {
            Some(value) => drop(spec.fields.0.insert(name.to_owned(), value.to_owned())),
            None => drop(spec.fields.0.remove(name)),
        }
        let refused = check(&spec).unwrap_err();
        assert_eq!(refused.field, format!("fields.{name}"), "{refused}");
        assert!(refused.reason.contains(right) && !refused.reason.contains("s3cret"), "{refused}");
    }
    let mut by_header = to(WebhookKind::Matrix);
    by_header.fields.0.remove("token");
    by_header.headers.0.push(("Authorization".to_owned(), "Bearer x".to_owned()));
    assert!(check(&by_header).is_ok());
}

#[test]
fn email_asks_for_who_gets_it_and_from_whom_and_for_both_parts_of_a_login() {
    let with = |url: &str, changes: &[(&str, Option<&str>)]| {
        let mut spec = WebhookSpec { url: url.to_owned(), ..to(WebhookKind::Email) };
        for &(name, value) in changes {
            spec.fields.0.remove(name);
            spec.fields.0.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        }
        check(&spec).map(drop).map_err(|refused| refused.field)
    };
    let refused = |field: &str| Err(field.to_owned());
    let usual = "smtps://mail.example.org";
    assert_eq!(with(usual, &[]), Ok(()));
    assert_eq!(with(usual, &[("username", None), ("password", None)]), Ok(()));
    assert_eq!(with("smtp://192.168.1.5:25", &[("plain_text", Some("yes"))]), Ok(()));
    for (url, changes, field) in [
        ("https://mail.example.org", &[][..], "url"),
        ("smtps://mail.example.org/x", &[], "url"),
        (usual, &[("to", None)], "fields.to"),
        (usual, &[("to", Some("ann"))], "fields.to"),
        (usual, &[("to", Some("ann@example.org, bob"))], "fields.to"),
        (usual, &[("to", Some("ann@example.org\r\nBcc: eve@example.org"))], "fields.to"),
        (usual, &[("from", None)], "fields.from"),
        (usual, &[("from", Some("hub@"))], "fields.from"),
        (usual, &[("password", None)], "fields.password"),
        (usual, &[("username", None)], "fields.username"),
        (usual, &[("password", Some("a\nb"))], "fields.password"),
        (usual, &[("plain_text", Some("yes"))], "fields.plain_text"),
        ("smtp://8.8.8.8", &[("plain_text", Some("yes"))], "fields.plain_text"),
        ("smtp://mail.example.org", &[("plain_text", Some("no"))], "fields.plain_text"),
        (usual, &[("token", Some("x"))], "fields.token"),
    ] {
        assert_eq!(with(url, changes), refused(field), "{url} {changes:?}");
    }
    let many = (0..21).map(|n| format!("a{n}@x.org")).collect::<Vec<_>>().join(",");
    assert_eq!(with(usual, &[("to", Some(&many))]), refused("fields.to"));
}

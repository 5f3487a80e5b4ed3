//! Whatever stands in names and texts, and in messages of older hubs: limits, mentions, markup, secrets.

use super::*;

#[test]
fn whatever_people_write_every_limit_holds() {
    let mut limits = vec![];
    for filler in ["ü", "🔥", "&", "<", "@", "*", "\"", "\\", "\u{1}", "a"] {
        let mut event = firing();
        let long = filler.repeat(30_000);
        (event["title"], event["text"]) = (json!(long), json!(long));
        let alert = &mut event["data"]["alert"];
        (alert["device_name"], alert["sensor"], alert["rule"]["name"]) = (json!(long), json!(long), json!(long));
        alert["url"] = json!(format!("http://hub/{}", "a".repeat(30_000)));
        let of = |kind| sent(&to(kind), &event);
        let units = |value: &Value| value.as_str().unwrap().encode_utf16().count();

        let slack = of(WebhookKind::Slack).1;
        assert!(units(&slack["text"]) <= 4_000 && units(&slack["blocks"][0]["text"]["text"]) <= 150, "{filler}");
        assert!(units(&slack["blocks"][1]["text"]["text"]) <= 3_000, "{filler}");
        for field in slack["blocks"][2]["fields"].as_array().unwrap() {
            assert!(units(&field["text"]) <= 2_000, "{filler}");
        }
        let embed = of(WebhookKind::Discord).1["embeds"][0].clone();
        let fields = embed["fields"].as_array().unwrap();
        let mut all = units(&embed["title"]) + units(&embed["description"]);
        for field in fields {
            assert!(units(&field["value"]) <= 1_024, "{filler}");
            all += units(&field["name"]) + units(&field["value"]);
        }
        assert!(
            units(&embed["title"]) <= 256 && units(&embed["description"]) <= 4_096 && all <= 6_000,
            "{filler} {all}"
        );
        assert!(of(WebhookKind::Teams).0.body.len() <= 28_000, "{filler}");
        let (ntfy, message) = of(WebhookKind::Ntfy);
        assert!(message["message"].as_str().unwrap().len() <= 4_096 && ntfy.body.len() <= 8_192, "{filler}");
        assert!(units(&of(WebhookKind::Telegram).1["text"]) <= 4_096, "{filler}");
        let page = of(WebhookKind::PagerDuty).1;
        assert!(units(&page["payload"]["summary"]) <= 1_024 && units(&page["dedup_key"]) <= 255, "{filler}");
        assert!(of(WebhookKind::Matrix).0.body.len() <= 65_536 / 2, "{filler}");
        limits.push(units(&page["payload"]["source"]));
    }
    assert!(limits.iter().all(|&length| length <= 255), "{limits:?}");
}

#[test]
fn a_name_pings_nobody_and_formats_nothing() {
    let name = "<!channel> @everyone <@U1> @room *b* [x](http://evil) </strong>";
    let mut event = firing();
    (event["title"], event["text"]) = (json!(name), json!(name));
    event["data"]["alert"]["device_name"] = json!(name);
    let of = |kind| sent(&to(kind), &event).1;

    let slack = of(WebhookKind::Slack).to_string();
    assert!(!slack.contains("<!") && !slack.contains("<@") && slack.contains("&lt;!channel&gt;"), "{slack}");
    let has_name = |text: &&Value| text["type"] == "mrkdwn" && text["text"].as_str().unwrap().contains("*b*");
    let body = of(WebhookKind::Slack);
    let texts = body["blocks"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|block| [&block["text"]].into_iter().chain(block["fields"].as_array().into_iter().flatten()));
    assert_eq!((body["mrkdwn"].as_bool(), texts.filter(has_name).count()), (Some(false), 0), "{body}");
    let discord = of(WebhookKind::Discord);
    assert_eq!(discord["allowed_mentions"], json!({"parse": []}));
    let shown = discord["embeds"][0]["description"].as_str().unwrap();
    assert!(shown.contains("\\@everyone \\<\\@U1\\>") && shown.contains("\\*b\\* \\[x\\]"), "{shown}");
    assert_eq!(discord.get("content"), None);
    let telegram = of(WebhookKind::Telegram);
    assert!(telegram.get("parse_mode").is_none() && !telegram["text"].as_str().unwrap().contains("@e"), "{telegram}");
    let matrix = of(WebhookKind::Matrix);
    assert_eq!(matrix["m.mentions"], json!({}));
    assert!(!matrix["formatted_body"].as_str().unwrap().contains("<!"), "{matrix}");
    assert_eq!(matrix["formatted_body"].as_str().unwrap().matches("</strong>").count(), 1, "{matrix}");
    let teams = of(WebhookKind::Teams);
    let blocks = teams["attachments"][0]["content"]["body"].as_array().unwrap();
    assert!(blocks.iter().all(|block| block["type"] == "RichTextBlock"), "{teams}");
    assert!(of(WebhookKind::Ntfy).get("markdown").is_none());
}

#[test]
fn a_secret_field_is_not_in_what_is_shown() {
    for kind in [WebhookKind::PagerDuty, WebhookKind::Gotify, WebhookKind::Matrix] {
        let shown = sent(&field::hidden(&to(kind)), &firing()).0;
        let text = format!("{shown:?} {}", String::from_utf8_lossy(&shown.body));
        assert!(text.contains(HIDDEN), "{text}");
        assert!(
            to(kind).fields.0.iter().all(|(name, value)| *name == "room_id" || !text.contains(&format!("{value}\"")))
        );
    }
}

#[test]
fn a_message_of_an_older_hub_is_sent_all_the_same() {
    let old = json!({"type": "alert.firing", "timestamp": "2027-01-15T08:00:00.000Z", "data": {"alert": {"id": "alr_5",
        "sequence": 1, "rule": {"id": "rul_3", "name": "hot"}, "device": "dev_1", "device_name": "b", "sensor": "temp",
        "severity": "warning", "state": "firing", "value": 31.5, "threshold": 30.0, "labels": {}, "url": null}}});
    for kind in ALL {
        assert!(!request(&to(kind), old.to_string().as_bytes(), FROM).unwrap().body.is_empty());
    }
    assert_eq!(request(&to(WebhookKind::Slack), b"{", FROM), Err(Error::Message));
}

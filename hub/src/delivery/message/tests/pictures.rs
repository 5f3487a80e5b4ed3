//! Messages with a picture, held against the same documentation.

use super::*;
use crate::delivery::message::showing::{Png, Showing};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\xff";
const CHART: &str = "https://hub.example.org/api/v1/alerts/alr_5/chart.png?until=1&sig=x";

fn showing(kind: WebhookKind, event: &Value) -> Request {
    let showing = Showing::File(Png { bytes: PNG, alt: "Chart of Temperature" });
    request_showing(&to(kind), event.to_string().as_bytes(), FROM, showing).unwrap()
}

/// The parts of a form: what each is, and what is in it.
fn parts(request: &Request) -> Vec<(String, Vec<u8>)> {
    let (name, kind) = request.headers.first().unwrap();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    assert_eq!(*name, "content-type");
    let mark = format!("--{boundary}");
    let starts: Vec<usize> =
        (0..request.body.len()).filter(|at| request.body[*at..].starts_with(mark.as_bytes())).collect();
    let last = starts.last().unwrap();
    assert_eq!(&request.body[*last..], format!("{mark}--\r\n").as_bytes());
    let part = |ends: &[usize]| {
        let part = &request.body[ends[0] + mark.len() + 2..ends[1] - 2];
        let split = part.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        (String::from_utf8(part[..split].to_vec()).unwrap(), part[split + 4..].to_vec())
    };
    starts.windows(2).map(part).collect()
}

fn event_with_chart(chart: &str) -> Value {
    let mut event = firing();
    event["data"]["alert"]["chart"] = json!(chart);
    event
}

/// <https://docs.discord.com/developers/reference#uploading-files> (`payload_json`, `files[n]`, `attachments` by `id`, an embed shows
/// `attachment://` and the name), `#editing-message-attachments` (`description` of 1,024 characters).
#[test]
fn discord_gets_the_picture_as_a_file_that_its_embed_shows() {
    let request = showing(WebhookKind::Discord, &firing());
    assert_eq!(request.url, "https://discord.com/api/webhooks/1/x?thread_id=9&wait=true");
    let [message, file] = &parts(&request)[..] else { panic!("{request:?}") };
    assert_eq!(message.0, "Content-Disposition: form-data; name=\"payload_json\"\r\nContent-Type: application/json");
    assert_eq!(
        file.0,
        "Content-Disposition: form-data; name=\"files[0]\"; filename=\"chart.png\"\r\nContent-Type: image/png"
    );
    assert_eq!(file.1, PNG);
    let mut said: Value = serde_json::from_slice(&message.1).unwrap();
    assert_eq!(said["embeds"][0]["image"], json!({"url": "attachment://chart.png"}));
    assert_eq!(said["attachments"], json!([{"id": 0, "filename": "chart.png", "description": "Chart of Temperature"}]));
    // All else is what it is without.
    said.as_object_mut().unwrap().remove("attachments");
    said["embeds"][0].as_object_mut().unwrap().remove("image");
    assert_eq!(said, sent(&to(WebhookKind::Discord), &firing()).1);
}

/// <https://core.telegram.org/bots/api#sendphoto> (`photo` by multipart/form-data, `caption` of 1,024 characters after entities parsing,
/// `caption_entities` as JSON, `show_caption_above_media`).
#[test]
fn telegram_gets_a_photo_with_the_text_above_it_where_that_is_short_enough() {
    let request = showing(WebhookKind::Telegram, &firing());
    assert_eq!(request.url, "https://api.telegram.org/bot1:x/sendPhoto");
    let plain = sent(&to(WebhookKind::Telegram), &firing()).1;
    let parts = parts(&request);
    let field = |name: &str| {
        let of = format!("name=\"{name}\"");
        let (_, value) = parts.iter().find(|(head, _)| head.contains(&of)).unwrap();
        String::from_utf8_lossy(value).into_owned()
    };
    assert_eq!((field("chat_id"), field("show_caption_above_media")), ("-100".to_owned(), "true".to_owned()));
    assert_eq!(json!(field("caption")), plain["text"]);
    assert_eq!(serde_json::from_str::<Value>(&field("caption_entities")).unwrap(), plain["entities"]);
    assert_eq!(parts.last().unwrap().1, PNG);
    assert_eq!(parts.len(), 5);
    let mut long = firing();
    long["text"] = json!("x".repeat(1_500));
    let request = showing(WebhookKind::Telegram, &long);
    assert_eq!(request, sent(&to(WebhookKind::Telegram), &long).0, "a text that is too long for a caption is not cut");
}

/// <https://docs.ntfy.sh/publish/#attach-local-file> (the body is the file, `Filename`), `#publish-as-json` has the names of the other
/// headers; RFC 2047 in headers: `#message-title`.
#[test]
fn ntfy_gets_the_file_and_the_rest_in_headers() {
    let mut spec = to(WebhookKind::Ntfy);
    spec.fields.0.insert("token".into(), "tk_1".into());
    let showing = Showing::File(Png { bytes: PNG, alt: "" });
    let request = request_showing(&spec, firing().to_string().as_bytes(), FROM, showing).unwrap();
    assert_eq!((request.method, &*request.url, &*request.body), (Method::Put, "https://ntfy.sh/my-topic", PNG));
    let header = |name: &str| &*request.headers.iter().find(|(one, _)| *one == name).unwrap().1;
    assert_eq!((header("content-type"), header("x-filename")), ("image/png", "chart.png"));
    assert_eq!(
        (header("x-title"), header("x-priority"), header("x-tags")),
        ("too hot on boiler-1", "5", "rotating_light")
    );
    assert_eq!((header("x-click"), header("authorization")), (LINK, "Bearer tk_1"));
    let text = "boiler-1: temp is 31.5 °C, above the limit of 30 °C, since 2027-01-15 07:59 UTC.";
    let encoded = header("x-message").strip_prefix("=?UTF-8?B?").unwrap().strip_suffix("?=").unwrap();
    assert_eq!(base64::Engine::decode(&base64::engine::general_purpose::STANDARD, encoded).unwrap(), text.as_bytes());
    let mut hostile = firing();
    hostile["title"] = json!("x\r\nx-tags: skull");
    let request = request_showing(&spec, hostile.to_string().as_bytes(), FROM, showing).unwrap();
    assert!(request.headers.iter().all(|(_, value)| value.bytes().all(|byte| (b' '..=b'~').contains(&byte))));
}

/// <https://spec.matrix.org/v1.18/client-server-api/#post_matrixmediav3upload> (`filename`, `Content-Type`, the body is the file; answered
/// with `content_uri`), `#mimage` (`url`, `info` of `mimetype`, `size`, `w`, `h`; with a `filename` the `body` is a caption, since 1.10), as
/// read on 2026-11-30.
#[test]
fn matrix_is_given_the_picture_first_and_then_shows_it_with_the_text_as_its_caption() {
    let bytes = [PNG, &[0, 0, 0, 13], b"IHDR", &800_u32.to_be_bytes(), &400_u32.to_be_bytes()].concat();
    let png = Png { bytes: &bytes[2..], alt: "Chart of Temperature" };
    let given = upload(&to(WebhookKind::Matrix), png, FROM).unwrap();
    assert_eq!(
        (given.method, &*given.url),
        (Method::Post, "https://matrix.example.org/_matrix/media/v3/upload?filename=chart.png")
    );
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let headers: Vec<_> = given.headers.iter().map(|(name, value)| header(name, value)).collect();
    assert_eq!(headers, [header("content-type", "image/png"), header("authorization", "Bearer syt_1")]);
    assert_eq!(given.body, png.bytes);
    assert_eq!(upload(&to(WebhookKind::Discord), png, FROM), None);

    let (plain, text) = sent(&to(WebhookKind::Matrix), &firing());
    let showing = Showing::Stored("mxc://example.org/aBc", png);
    let request = request_showing(&to(WebhookKind::Matrix), firing().to_string().as_bytes(), FROM, showing).unwrap();
    assert_eq!((request.method, &request.url, &request.headers), (plain.method, &plain.url, &plain.headers));
    let mut image: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(
        (&image["msgtype"], &image["filename"], &image["url"]),
        (&json!("m.image"), &json!("chart.png"), &json!("mxc://example.org/aBc"))
    );
    assert_eq!(image["info"], json!({"mimetype": "image/png", "size": png.bytes.len(), "w": 800, "h": 400}));
    // The caption is the message as it is without a picture.
    image.as_object_mut().unwrap().retain(|name, _| !["filename", "url", "info"].contains(&&**name));
    image["msgtype"] = json!("m.text");
    assert_eq!(image, text);
    // What the server did not take is not spoken of.
    assert_eq!(self::showing(WebhookKind::Matrix, &firing()), plain);
}

/// RFC 2387 (`multipart/related`), RFC 2392 (`cid:`), RFC 2183 (`inline`).
#[test]
fn an_email_has_the_picture_in_it_and_its_html_shows_it() {
    let request = showing(WebhookKind::Email, &firing());
    let text = String::from_utf8(request.body).unwrap();
    let related = text.find("Content-Type: multipart/related; boundary=\"=_msg_0a1b2c3d_7.r\"").unwrap();
    let cid = "chart.msg_0a1b2c3d_7@example.org";
    let unfolded = text.replace("=\r\n", "");
    let html = unfolded.find(&format!("<img src=3D\"cid:{cid}\" alt=3D\"Chart of Temperature\"")).unwrap();
    let picture = unfolded.find(&format!("Content-ID: <{cid}>")).unwrap();
    assert!(related < html && html < picture);
    assert!(unfolded[picture..].contains("Content-Disposition: inline; filename=\"chart.png\""), "{unfolded}");
    assert!(unfolded[picture..].contains("Content-Type: image/png"), "{unfolded}");
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, PNG);
    assert!(text.contains(&format!("\r\n\r\n{encoded}\r\n")), "{text}");
}

/// <https://docs.slack.dev/reference/block-kit/blocks/image-block> (`image_url` of 3,000 characters, `alt_text` of 2,000),
/// <https://adaptivecards.io/explorer/Image.html>, `PagerDuty` `images` (`src`, over HTTPS), Gotify `client::notification.bigImageUrl`.
#[test]
fn who_fetches_pictures_gets_the_link_where_it_leads_somewhere() {
    let event = event_with_chart(CHART);
    let body = |kind, event: &Value| -> Value { serde_json::from_slice(&showing(kind, event).body).unwrap() };
    let slack = body(WebhookKind::Slack, &event);
    let image = slack["blocks"].as_array().unwrap().iter().find(|block| block["type"] == "image").unwrap();
    assert_eq!(*image, json!({"type": "image", "image_url": CHART, "alt_text": "🔴 too hot on boiler-1"}));
    let card = body(WebhookKind::Teams, &event)["attachments"][0]["content"]["body"].clone();
    let image = card.as_array().unwrap().last().unwrap().clone();
    assert_eq!(image, json!({"type": "Image", "url": CHART, "altText": "too hot on boiler-1", "size": "Stretch"}));
    let images = body(WebhookKind::PagerDuty, &event)["images"].clone();
    assert_eq!(images, json!([{"src": CHART, "alt": "too hot on boiler-1"}]));
    let gotify = body(WebhookKind::Gotify, &event)["extras"]["client::notification"].clone();
    assert_eq!(gotify, json!({"click": {"url": LINK}, "bigImageUrl": CHART}));
    // Nobody outside gets anywhere by the address of a hub at home: Slack would refuse the whole message.
    let home = event_with_chart("http://192.168.1.5:8080/chart.png");
    for kind in [WebhookKind::Slack, WebhookKind::Teams, WebhookKind::PagerDuty] {
        assert_eq!(body(kind, &home), sent(&to(kind), &home).1, "{kind:?}");
    }
    // Without pictures it is what it was.
    assert_eq!(sent(&to(WebhookKind::Slack), &event).1, sent(&to(WebhookKind::Slack), &firing()).1);
}

#[test]
fn whoever_takes_no_picture_gets_the_message_as_it_is() {
    for kind in [WebhookKind::Generic, WebhookKind::Alertmanager, WebhookKind::HomeAssistant] {
        let plain = request(&to(kind), firing().to_string().as_bytes(), FROM).unwrap();
        assert_eq!(showing(kind, &firing()), plain, "{kind:?}");
    }
}

#[test]
fn why_it_fired_is_told_in_facts() {
    let mut event = firing();
    event["data"]["alert"]["explain"] = json!({
        "rule": {"version": 3, "changed_at": null, "condition": "above 30 °C for 5 min"},
        "fired": {"days": 30, "here": 3, "anywhere": 4},
        "device": {"online": true, "last_heard_at": null, "taken": 7200, "lost": 12, "clock_offset_ms": null,
            "agent_version": "1.4.0", "vitals": []},
        "late_s": 0,
        "beside": (0..5).map(|n| json!({"id": "alr_9", "rule": "Too damp", "device_name": format!("attic-{n}"),
            "sensor": "hum", "severity": "info", "fired_at": null})).collect::<Vec<_>>(),
    });
    // An earlier alert of the same is among those that are counted.
    let own = json!({"id": "alr_8", "rule": "too hot", "device_name": "boiler-1", "sensor": "temp", "severity": "critical",
        "fired_at": null});
    event["data"]["alert"]["explain"]["beside"].as_array_mut().unwrap().insert(0, own);
    let slack = sent(&to(WebhookKind::Slack), &event).1;
    let facts = slack["blocks"][2]["fields"].as_array().unwrap();
    assert_eq!(facts.len(), 9);
    let said: Vec<_> = facts[5..].iter().map(|fact| fact["text"].as_str().unwrap()).collect();
    assert_eq!(
        said,
        [
            "Rule\nversion 3: above 30 °C for 5 min",
            "Fired\n3 times in the last 30 days, and once elsewhere",
            "Link\nonline, 12 of 7200 readings lost in the last hour",
            "Also fired\nToo damp on attic-0, Too damp on attic-1, Too damp on attic-2 and 2 more",
        ]
    );
}

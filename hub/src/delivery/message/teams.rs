//! Microsoft Teams: an Adaptive Card for the workflow "Post to a channel when a webhook request is received". PURE.
//!
//! All texts are runs of a rich text block, in which Markdown is not read. Nobody is mentioned, because a mention needs
//! an entity of its own.

use serde_json::{Value, json};

use super::note::{Level, Note};
use super::request::{Request, To};

pub(super) fn request(note: &Note, to: &To<'_>) -> Request {
    let colour = match note.level() {
        Level::Well => "Good",
        Level::Info => "Accent",
        Level::Warning => "Warning",
        Level::Critical => "Attention",
    };
    let title = json!({"type": "TextRun", "text": note.title(), "weight": "Bolder", "size": "Large", "color": colour});
    let mut body = vec![rich(&[title]), rich(&[json!({"type": "TextRun", "text": note.text()})])];
    for (name, value) in note.facts() {
        let name = json!({"type": "TextRun", "text": format!("{name}: "), "weight": "Bolder"});
        body.push(rich(&[name, json!({"type": "TextRun", "text": value})]));
    }
    if let Some(url) = to.chart(note, 2_048) {
        body.push(json!({"type": "Image", "url": url, "altText": note.title(), "size": "Stretch"}));
    }
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    });
    if let Some(url) = note.link(2_048) {
        card["actions"] = json!([{"type": "Action.OpenUrl", "title": note.link_name(), "url": url}]);
    }
    let attachment =
        json!({"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": card});
    Request::post(to.url.as_str(), &json!({"type": "message", "attachments": [attachment]}))
}

fn rich(runs: &[Value]) -> Value {
    json!({"type": "RichTextBlock", "inlines": runs})
}

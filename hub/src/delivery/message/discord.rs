//! Discord: one embed. PURE.
//!
//! A picture is uploaded with it, as the part `files[0]` of a form whose `payload_json` is the message.
//! `allowed_mentions` is empty, so no name pings anybody. Markup in names is escaped.

use serde_json::json;

use super::cut;
use super::note::Note;
use super::request::{Method, Request, To};
use super::showing::{Form, NAME};

const TITLE: usize = 256;
const DESCRIPTION: usize = 4_096;
/// Of a field's value. All texts of a message together may have 6,000: a title, a text of 2,000 and six facts of 200, each character
/// of which may be escaped, stay below.
const VALUE: usize = 300;
const TOTAL: usize = 6_000;
/// Of what describes a picture.
const ALT: usize = 1_024;

pub(super) fn request(note: &Note, to: &To<'_>) -> Request {
    let facts: Vec<_> = note.facts();
    let rest = TOTAL - TITLE - facts.len() * (VALUE + 20);
    let fields: Vec<_> = facts
        .iter()
        .map(|(name, value)| json!({"name": name, "value": escaped(value, VALUE), "inline": true}))
        .collect();
    let mut embed = json!({
        "title": escaped(&note.title(), TITLE),
        "description": escaped(&note.text(), rest.min(DESCRIPTION)),
        "color": note.level().colour(),
        "fields": fields,
    });
    if !note.timestamp.is_empty() {
        embed["timestamp"] = json!(note.timestamp);
    }
    if let Some(url) = note.link(2_048) {
        embed["url"] = json!(url);
    }
    let mut url = to.url.clone();
    if !url.query_pairs().any(|(name, _)| name == "wait") {
        url.query_pairs_mut().append_pair("wait", "true");
    }
    let with_file = to.png().and_then(|png| {
        embed["image"] = json!({"url": format!("attachment://{NAME}")});
        let attachment = json!({"id": 0, "filename": NAME, "description": cut::units(png.alt, ALT)});
        let message = json!({"embeds": [embed], "attachments": [attachment], "allowed_mentions": {"parse": []}});
        Form::new(to.from.id).json("payload_json", &message).png("files[0]", png).finish()
    });
    if let Some((header, body)) = with_file {
        return Request { headers: vec![header], ..Request::of(Method::Post, url, body) };
    }
    if let Some(fields) = embed.as_object_mut() {
        fields.remove("image");
    }
    Request::post(url, &json!({"embeds": [embed], "allowed_mentions": {"parse": []}}))
}

fn escaped(text: &str, most: usize) -> String {
    cut::escaped(text, most, |c| match c {
        '\\' => Some("\\\\"),
        '*' => Some("\\*"),
        '_' => Some("\\_"),
        '~' => Some("\\~"),
        '`' => Some("\\`"),
        '|' => Some("\\|"),
        '<' => Some("\\<"),
        '>' => Some("\\>"),
        '[' => Some("\\["),
        ']' => Some("\\]"),
        '#' => Some("\\#"),
        '@' => Some("\\@"),
        _ => None,
    })
}

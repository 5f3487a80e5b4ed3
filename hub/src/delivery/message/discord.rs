//! Discord: one embed. PURE.
//!
//! `allowed_mentions` is empty, so no name pings anybody. Markup in names is escaped.

use serde_json::json;

use super::cut;
use super::note::Note;
use super::request::{Request, To};

const TITLE: usize = 256;
const DESCRIPTION: usize = 4_096;
/// Of a field's value. All texts of a message together may have 6,000: a title, a text of 2,000 and six facts of 200, each character
/// of which may be escaped, stay below.
const VALUE: usize = 300;
const TOTAL: usize = 6_000;

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

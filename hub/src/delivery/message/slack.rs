//! Slack: Block Kit for an incoming webhook. PURE.
//!
//! Texts are plain: in `mrkdwn` the stars and lines of a name would make it bold or italic. Only a link needs `mrkdwn`, and has no name in
//! it. `&`, `<` and `>` are escaped everywhere, for instance in `<!channel>` and `<@U1>`. `text` is what a phone shows.

use serde_json::json;

use super::cut;
use super::note::Note;
use super::request::{Request, To};

/// Of a header block.
const HEADER: usize = 150;
/// Of the text of a section block.
const SECTION: usize = 3_000;
/// Of each of at most ten fields of a section block.
const FIELD: usize = 2_000;
/// Of the whole message Slack shows 40,000, and advises 4,000.
const TEXT: usize = 4_000;

pub(super) fn request(note: &Note, to: &To<'_>) -> Request {
    let title = format!("{} {}", note.level().mark(), note.title());
    let mut blocks = vec![
        json!({"type": "header", "text": plain(&escaped(&title, HEADER))}),
        json!({"type": "section", "text": plain(&escaped(&note.text(), SECTION))}),
    ];
    let facts = note.facts();
    if !facts.is_empty() {
        let fields: Vec<_> =
            facts.iter().map(|(name, value)| plain(&format!("{name}\n{}", escaped(value, FIELD - 20)))).collect();
        blocks.push(json!({"type": "section", "fields": fields}));
    }
    if let Some(url) = to.chart(note, SECTION) {
        let alt = cut::units(&title, FIELD);
        blocks.push(json!({"type": "image", "image_url": url, "alt_text": alt}));
    }
    if let Some(url) = note.link(SECTION - 100) {
        let url = escaped(&url.replace('|', "%7C"), SECTION);
        blocks.push(json!({"type": "context", "elements": [mrkdwn(&format!("<{url}|{}>", note.link_name()))]}));
    }
    let text = escaped(&format!("{title}: {}", note.text()), TEXT);
    Request::post(to.url.as_str(), &json!({"text": text, "mrkdwn": false, "blocks": blocks}))
}

fn plain(text: &str) -> serde_json::Value {
    json!({"type": "plain_text", "text": text, "emoji": false})
}

fn mrkdwn(text: &str) -> serde_json::Value {
    json!({"type": "mrkdwn", "text": text, "verbatim": true})
}

fn escaped(text: &str, most: usize) -> String {
    cut::escaped(text, most, |c| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    })
}

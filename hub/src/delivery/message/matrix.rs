//! Matrix: `m.room.message`, as text and as HTML. PURE.
//!
//! The message's id is the transaction id, so a repeat is recognised. `m.mentions` is empty, so nobody is mentioned,
//! not even by `@room`. In the HTML, markup in names is escaped.

use std::fmt::Write as _;

use serde_json::json;

use super::cut;
use super::note::Note;
use super::request::{Method, Request, To};

/// An event may have 65,536 bytes with all that the server adds: this stays below a third of it.
const LINK: usize = 2_048;

pub(super) fn request(note: &Note, to: &To<'_>) -> Request {
    let (title, text) = (format!("{} {}", note.level().mark(), note.title()), note.text());
    let link = note.link(LINK);
    let mut plain = format!("{title}\n{text}");
    let mut html = format!("<strong>{}</strong><br>{}", escaped(&title), escaped(&text));
    if let Some(url) = link {
        let _ = write!(plain, "\n{url}");
        let _ = write!(html, "<br><a href=\"{}\">{}</a>", escaped(url), note.link_name());
    }
    let message = json!({
        "msgtype": "m.text",
        "body": plain,
        "format": "org.matrix.custom.html",
        "formatted_body": html,
        "m.mentions": {},
    });
    let mut url = to.url.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        let room = to.field("room_id");
        path.pop_if_empty();
        path.extend(["_matrix", "client", "v3", "rooms", room, "send", "m.room.message", to.from.id]);
    }
    Request { method: Method::Put, ..Request::post(url, &message) }.bearing(to.field("token"))
}

fn escaped(text: &str) -> String {
    cut::escaped(text, usize::MAX, |c| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        _ => None,
    })
}

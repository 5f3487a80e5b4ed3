//! Matrix: `m.room.message`, as text and as HTML. PURE.
//!
//! A picture is given to the home server first; then the message is an `m.image` of it, with the text as its caption (since 1.10 of the
//! specification). So it is one message, and one that cannot have its picture is the text alone.
//!
//! The message's id is the transaction id, so a repeat is recognised. `m.mentions` is empty, so nobody is mentioned,
//! not even by `@room`. In the HTML, markup in names is escaped.

use std::fmt::Write as _;

use reqwest::Url;
use serde_json::json;

use super::cut;
use super::note::Note;
use super::request::{Method, Request, To};
use super::showing::{NAME, Png, Showing};

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
    let mut message = json!({
        "msgtype": "m.text",
        "body": plain,
        "format": "org.matrix.custom.html",
        "formatted_body": html,
        "m.mentions": {},
    });
    if let Showing::Stored(uri, png) = to.showing {
        message["msgtype"] = json!("m.image");
        message["filename"] = json!(NAME);
        message["url"] = json!(uri);
        message["info"] = json!({"mimetype": "image/png", "size": png.bytes.len()});
        if let Some((width, height)) = png.size() {
            (message["info"]["w"], message["info"]["h"]) = (json!(width), json!(height));
        }
    }
    let room = to.field("room_id");
    let url = at(to, &["_matrix", "client", "v3", "rooms", room, "send", "m.room.message", to.from.id]);
    Request { method: Method::Put, ..Request::post(url, &message) }.bearing(to.field("token"))
}

/// What gives the home server a picture.
pub(super) fn upload(to: &To<'_>, png: Png<'_>) -> Request {
    let mut url = at(to, &["_matrix", "media", "v3", "upload"]);
    url.query_pairs_mut().append_pair("filename", NAME);
    let headers = vec![("content-type", "image/png".to_owned())];
    Request { headers, ..Request::of(Method::Post, url, png.bytes.to_vec()) }.bearing(to.field("token"))
}

/// A place of the API of the home server.
fn at(to: &To<'_>, place: &[&str]) -> Url {
    let mut url = to.url.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty();
        path.extend(place);
    }
    url
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

//! ntfy: published as JSON to the server, because titles in headers have to be ASCII. PURE.
//!
//! With a picture the file is put to the topic: it becomes an attachment, where the server takes some.
//!
//! Texts are shown as they are: ntfy reads Markdown only if asked to.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::cut;
use super::note::{Level, Note};
use super::request::{Method, Request, To};
use super::showing::NAME;

/// In bytes. A longer message becomes an attachment; the whole JSON may have twice as many.
const MESSAGE: usize = 4_096;
const TITLE: usize = 512;
const CLICK: usize = 2_048;

pub(super) fn request(note: &Note, to: &To<'_>) -> Request {
    // Priorities from 1 to 5; tags that are names of emojis are shown as those.
    let (priority, tag) = match (note.level(), note.event.as_str()) {
        (Level::Well, _) => (3, "white_check_mark"),
        (_, "webhook.test") => (3, "bell"),
        (_, "alert.past") => (2, "hourglass"),
        (_, "alert.acknowledged") => (2, "eyes"),
        (Level::Info, _) => (3, "information_source"),
        (Level::Warning, _) => (4, "warning"),
        (Level::Critical, _) => (5, "rotating_light"),
    };
    if let Some(png) = to.png() {
        // The body is the file, so all else is in headers, encoded as in mail (RFC 2047): in those may be any character.
        let mut headers = vec![
            ("content-type", "image/png".to_owned()),
            ("x-filename", NAME.to_owned()),
            ("x-title", encoded(&cut::bytes(&note.title(), TITLE))),
            ("x-message", encoded(&cut::bytes(&note.text(), MESSAGE))),
            ("x-priority", priority.to_string()),
            ("x-tags", tag.to_owned()),
        ];
        headers.extend(note.link(CLICK).map(|url| ("x-click", url.to_owned())));
        let request = Request { headers, ..Request::of(Method::Put, to.url.as_str(), png.bytes.to_vec()) };
        return request.bearing(to.field("token"));
    }
    let mut message = json!({
        "topic": topic(&to.url).unwrap_or_default(),
        "title": cut::bytes(&note.title(), TITLE),
        "message": cut::bytes(&note.text(), MESSAGE),
        "priority": priority,
        "tags": [tag],
    });
    if let Some(url) = note.link(CLICK) {
        message["click"] = json!(url);
    }
    Request::post(to.server(), &message).bearing(to.field("token"))
}

/// Characters of any kind in a header; plain ones as they are, for servers of before 2023, which do not decode.
fn encoded(text: &str) -> String {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && !text.contains("=?") {
        return text.to_owned();
    }
    format!("=?UTF-8?B?{}?=", STANDARD.encode(text))
}

/// The topic that a URL ends with.
pub(super) fn topic(url: &reqwest::Url) -> Option<&str> {
    let topic = url.path().strip_prefix('/')?;
    let topic = topic.strip_suffix('/').unwrap_or(topic);
    let is_topic = |topic: &str| {
        (1..=64).contains(&topic.len())
            && topic.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    is_topic(topic).then_some(topic)
}

//! ntfy: published as JSON to the server, because titles in headers have to be ASCII. PURE.
//!
//! Texts are shown as they are: ntfy reads Markdown only if asked to.

use serde_json::json;

use super::cut;
use super::note::{Level, Note};
use super::request::{Request, To};

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

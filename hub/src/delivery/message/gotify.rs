//! Gotify: a message of an application. PURE. Texts are shown as they are.

use serde_json::json;

use super::note::{Level, Note};
use super::request::{Request, To};
use super::showing::Showing;

/// Path for messages.
pub(super) const MESSAGE: &str = "/message";

pub(super) fn request(note: &Note, to: &To<'_>) -> Request {
    // From 0 to 10: from 4 on a phone sounds, from 8 on it is insistent.
    let priority = match note.level() {
        Level::Well => 4,
        Level::Info if note.is_past() => 2,
        Level::Info => 4,
        Level::Warning => 6,
        Level::Critical => 8,
    };
    let mut message = json!({"title": note.title(), "message": note.text(), "priority": priority});
    if let Some(url) = note.link(2_048) {
        message["extras"] = json!({"client::notification": {"click": {"url": url}}});
    }
    // The phone fetches it, which may be at home.
    if let Some(url) = note.chart(2_048).filter(|_| !matches!(to.showing, Showing::Nothing)) {
        message["extras"]["client::notification"]["bigImageUrl"] = json!(url);
    }
    let path = to.url.path().trim_end_matches('/');
    let mut url = to.url.clone();
    if !path.ends_with(MESSAGE) {
        url.set_path(&format!("{path}{MESSAGE}"));
    }
    let mut request = Request::post(url, &message);
    let token = to.field("token");
    if !token.is_empty() {
        request.headers.push(("x-gotify-key", token.to_owned()));
    }
    request
}

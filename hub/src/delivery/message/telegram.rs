//! Telegram: `sendMessage` of a bot, with a picture `sendPhoto`. PURE.
//!
//! Without `parse_mode` a text has no markup; an entity beside the text makes the title bold. Telegram looks for user
//! names in any text, so an invisible character breaks up whatever looks like one.

use reqwest::Url;
use serde_json::json;

use super::cut;
use super::note::Note;
use super::request::{Method, Request, To};
use super::showing::Form;

/// Characters of a message, after its entities were taken out.
const TEXT: usize = 4_096;
/// Characters of what stands beside a picture.
const CAPTION: usize = 1_024;
/// As much of it as a link may take.
const LINK: usize = 1_024;

pub(super) fn request(note: &Note, to: &To<'_>) -> Request {
    let title = unmentioned(&format!("{} {}", note.level().mark(), note.title()));
    let bold = title.encode_utf16().count();
    let link = note.link(LINK).map(|url| format!("\n\n{url}")).unwrap_or_default();
    let room = TEXT - link.encode_utf16().count();
    let text = cut::units(&format!("{title}\n{}", unmentioned(&note.text())), room) + &link;
    let path = bot(&to.url).unwrap_or_default().to_owned();
    let method = |name: &str| {
        let mut url = to.url.clone();
        url.set_path(&format!("{path}/{name}"));
        url
    };
    let entities = json!([{"type": "bold", "offset": 0, "length": bold}]);
    // A text that is longer than a caption goes without its picture.
    let photo = to.png().filter(|_| text.encode_utf16().count() <= CAPTION).and_then(|png| {
        let form = Form::new(to.from.id).text("chat_id", to.field("chat_id")).text("caption", &text);
        form.json("caption_entities", &entities).text("show_caption_above_media", "true").png("photo", png).finish()
    });
    if let Some((header, body)) = photo {
        return Request { headers: vec![header], ..Request::of(Method::Post, method("sendPhoto"), body) };
    }
    let message = json!({
        "chat_id": to.field("chat_id"),
        "text": text,
        "entities": entities,
        "link_preview_options": {"is_disabled": true},
    });
    Request::post(method("sendMessage"), &message)
}

/// The path of a bot: `/bot<token>`, with or without the method behind it.
pub(super) fn bot(url: &Url) -> Option<&str> {
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/sendMessage").unwrap_or(path);
    let (_, name) = path.rsplit_once('/')?;
    let (number, key) = name.strip_prefix("bot")?.split_once([':'])?;
    let is_token = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) && !key.is_empty();
    is_token.then_some(path)
}

fn unmentioned(text: &str) -> String {
    text.replace('@', "@\u{2060}")
}

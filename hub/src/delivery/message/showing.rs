//! A picture that goes with a message: as a file where the receiver takes one, as a link where it fetches it itself. PURE.

use reqwest::Url;
use serde_json::Value;

use crate::model::webhook::{Event, WebhookKind};

/// A picture in the format PNG.
#[derive(Debug, Clone, Copy)]
pub struct Png<'a> {
    pub bytes: &'a [u8],
    /// For those who do not see it.
    pub alt: &'a str,
}

impl Png<'_> {
    /// Width and height, as its head says them.
    pub(super) fn size(&self) -> Option<(u32, u32)> {
        let number = |from: usize| Some(u32::from_be_bytes(self.bytes.get(from..from + 4)?.try_into().ok()?));
        Some((number(16)?, number(20)?))
    }
}

/// Which pictures a message may have.
#[derive(Debug, Clone, Copy)]
pub enum Showing<'a> {
    /// None: the receiver refused one, or nobody asks for any.
    Nothing,
    /// Links to them.
    Links,
    /// This one, and links.
    File(Png<'a>),
    /// This one, which the receiver has already, by the address that it gave it; and links.
    Stored(&'a str, Png<'a>),
}

/// Whether a picture of the readings goes along as a file with what this kind is told of such an event about one alert.
#[must_use]
pub const fn is_shown(kind: WebhookKind, event: Event) -> bool {
    matches!(
        kind,
        WebhookKind::Discord | WebhookKind::Telegram | WebhookKind::Ntfy | WebhookKind::Matrix | WebhookKind::Email
    ) && matches!(
        event,
        Event::AlertFiring | Event::AlertResolved | Event::AlertPast | Event::AlertFlapping | Event::AlertRepeated
    )
}

/// What the file is called.
pub(super) const NAME: &str = "chart.png";

/// The parts of a form with a file (RFC 7578).
pub(super) struct Form {
    boundary: String,
    parts: usize,
    body: Vec<u8>,
}

impl Form {
    /// An empty one for this message: it is the same at every attempt.
    pub(super) fn new(id: &str) -> Self {
        Self { boundary: format!("part.of.{id}"), parts: 0, body: Vec::new() }
    }

    pub(super) fn text(mut self, name: &str, value: &str) -> Self {
        self.part(&format!("form-data; name=\"{name}\""), None, value.as_bytes());
        self
    }

    pub(super) fn json(mut self, name: &str, value: &Value) -> Self {
        self.part(&format!("form-data; name=\"{name}\""), Some("application/json"), value.to_string().as_bytes());
        self
    }

    pub(super) fn png(mut self, name: &str, png: Png<'_>) -> Self {
        let what = format!("form-data; name=\"{name}\"; filename=\"{NAME}\"");
        self.part(&what, Some("image/png"), png.bytes);
        self
    }

    fn part(&mut self, what: &str, kind: Option<&str>, value: &[u8]) {
        let kind = kind.map(|kind| format!("Content-Type: {kind}\r\n")).unwrap_or_default();
        let head = format!("--{}\r\nContent-Disposition: {what}\r\n{kind}\r\n", self.boundary);
        self.body.extend([head.as_bytes(), value, b"\r\n"].concat());
        self.parts += 1;
    }

    /// Its header, and its body; `None` where a text in it would end a part.
    pub(super) fn finish(mut self) -> Option<((&'static str, String), Vec<u8>)> {
        let mark = format!("--{}", self.boundary);
        let marks = self.body.windows(mark.len()).filter(|here| *here == mark.as_bytes()).count();
        if marks != self.parts {
            return None;
        }
        self.body.extend(format!("{mark}--\r\n").into_bytes());
        Some((("content-type", format!("multipart/form-data; boundary={}", self.boundary)), self.body))
    }
}

/// Whether those who fetch a link from the internet may get anywhere by it: a name of a network at home leads nowhere there.
pub(super) fn is_public(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let Some(name) = url.domain() else {
        // What is called by its address is at home: what is public has a name.
        return false;
    };
    let name = name.trim_end_matches('.');
    let last = name.rsplit('.').next().unwrap_or_default();
    let at_home = ["local", "lan", "home", "internal", "arpa", "localhost", "test", "invalid"];
    name.contains('.') && !at_home.contains(&last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_given_to_the_internet_only_where_it_may_lead_somewhere() {
        for public in ["https://hub.example.org/a", "http://t.example.com:8080/"] {
            assert!(is_public(public), "{public}");
        }
        for home in [
            "http://192.168.1.5:8080/",
            "http://hub/",
            "http://hub.local/",
            "https://hub.lan./",
            "http://[fd00::1]/",
            "-",
        ] {
            assert!(!is_public(home), "{home}");
        }
    }

    #[test]
    fn a_form_has_each_part_between_marks_and_no_text_ends_one() {
        let png = Png { bytes: b"\x89PNG", alt: "" };
        let ((_, kind), body) = Form::new("msg_a_1").text("chat_id", "-5").png("photo", png).finish().unwrap();
        assert_eq!(kind, "multipart/form-data; boundary=part.of.msg_a_1");
        let expected = [
            &b"--part.of.msg_a_1\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n-5\r\n"[..],
            b"--part.of.msg_a_1\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"chart.png\"\r\n",
            b"Content-Type: image/png\r\n\r\n\x89PNG\r\n--part.of.msg_a_1--\r\n",
        ];
        assert_eq!(body, expected.concat());
        assert!(Form::new("msg_a_1").text("caption", "x\r\n--part.of.msg_a_1").finish().is_none());
    }
}

//! What a receiver finds in a request of a webhook, in plain words. PURE.
//!
//! A person sends to an echo before anything is sent to a receiver: it is a receiver of the hub's own, for one request, which shows what came and
//! judges it as a program would that follows Standard Webhooks.

use std::collections::{BTreeMap, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

use crate::model::UnixMillis;
use crate::model::webhook::{Secret, WebhookId, WebhookKind};

/// Echoes that are kept, of all webhooks together.
pub const KEPT: usize = 10;
/// Bytes of a body that are kept of each.
pub const BODY_KEPT: usize = 64 << 10;
/// What receivers accept is at least so much.
const USUAL_BODY: usize = 20_000;
/// Seconds by which a receiver's clock may differ from the time of the request.
const TOLERANCE_S: i64 = 300;

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Came {
    /// Such as `POST /hook HTTP/1.1`.
    pub first: String,
    /// Names in lower case, in the order in which they came.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What came, and what is to be said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Echo {
    pub webhook: WebhookId,
    pub at: UnixMillis,
    pub came: Came,
    pub findings: Vec<Finding>,
}

/// Something that a receiver checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub is_right: bool,
    pub text: String,
}

/// The newest echoes, newest first.
#[derive(Debug, Default)]
pub struct Echoes(VecDeque<Echo>);

impl Echoes {
    /// Keeps one, in the place of the oldest.
    pub fn keep(&mut self, mut echo: Echo) {
        echo.came.body.truncate(BODY_KEPT);
        self.0.push_front(echo);
        self.0.truncate(KEPT);
    }

    /// Those of a webhook.
    pub fn of(&self, webhook: WebhookId) -> impl Iterator<Item = &Echo> {
        self.0.iter().filter(move |echo| echo.webhook == webhook)
    }
}

/// What there is to say of a request of a webhook of a kind, at a moment.
#[must_use]
pub fn judge(kind: WebhookKind, secrets: &[Secret], came: &Came, now: UnixMillis) -> Vec<Finding> {
    let headers: BTreeMap<&str, &str> =
        came.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut found = Vec::new();
    let mut say = |is_right, text: String| found.push(Finding { is_right, text });
    if kind == WebhookKind::Generic {
        let (is_right, text) = signed(secrets, &headers, &came.body);
        say(is_right, text);
        let (is_right, text) = timely(headers.get("webhook-timestamp").copied(), now);
        say(is_right, text);
    } else {
        say(true, "It is not signed: only the kind generic is.".to_owned());
    }
    let bytes = came.body.len();
    match headers.get("content-type") {
        None => say(false, "It has no Content-Type.".to_owned()),
        Some(kind) if kind.contains("json") => match serde_json::from_slice::<serde::de::IgnoredAny>(&came.body) {
            Ok(_) => say(true, format!("The body is JSON of {bytes} bytes.")),
            Err(error) => say(
                false,
                format!(
                    "Content-Type says {kind}, and the body is no JSON: line {}, column {}.",
                    error.line(),
                    error.column()
                ),
            ),
        },
        Some(kind) => say(true, format!("The body has {bytes} bytes of {kind}.")),
    }
    match headers.get("content-length").and_then(|length| length.parse::<usize>().ok()) {
        Some(length) if length == bytes => {}
        _ => say(false, format!("Content-Length is not the {bytes} bytes that came.")),
    }
    if bytes > USUAL_BODY {
        say(false, format!("The body is larger than {USUAL_BODY} bytes: some receivers refuse that."));
    }
    found
}

fn signed(secrets: &[Secret], headers: &BTreeMap<&str, &str>, body: &[u8]) -> (bool, String) {
    let part = |name: &str| headers.get(name).copied();
    let (Some(id), Some(at), Some(signatures)) =
        (part("webhook-id"), part("webhook-timestamp"), part("webhook-signature"))
    else {
        return (false, "It is not signed: webhook-id, webhook-timestamp or webhook-signature is missing.".to_owned());
    };
    let text = [format!("{id}.{at}.").as_bytes(), body].concat();
    let tags: Vec<Vec<u8>> = signatures
        .split(' ')
        .filter_map(|one| one.strip_prefix("v1,"))
        .filter_map(|tag| STANDARD.decode(tag).ok())
        .collect();
    let fits = |secret: &Secret| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret.0);
        tags.iter().any(|tag| hmac::verify(&key, &text, tag).is_ok())
    };
    match secrets.iter().filter(|secret| fits(secret)).count() {
        0 if tags.is_empty() => (false, "webhook-signature has no v1 signature in base64.".to_owned()),
        0 => (false, "The signature is wrong: it was made with another secret, or over other bytes.".to_owned()),
        1 => (true, "The signature is right.".to_owned()),
        _ => (true, "The signatures are right, with the new secret and with the one before.".to_owned()),
    }
}

fn timely(at: Option<&str>, now: UnixMillis) -> (bool, String) {
    let Some(at) = at.and_then(|at| at.parse::<i64>().ok()) else {
        return (false, "webhook-timestamp is not a number of seconds.".to_owned());
    };
    let off = now.0.div_euclid(1_000) - at;
    if off.abs() <= TOLERANCE_S {
        return (true, "Its time is that of the clock: a receiver whose clock is right takes it.".to_owned());
    }
    (false, format!("Its time is {off} s from the clock: receivers refuse more than {TOLERANCE_S} s."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::sign::signature;

    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

    fn came(body: &[u8], at: i64, by: &Secret) -> Came {
        let (id, at) = ("msg_1", at.to_string());
        let signed = signature(std::slice::from_ref(by), id, at.parse().unwrap(), body);
        let headers = [
            ("content-type", "application/json"),
            ("content-length", &body.len().to_string()),
            ("webhook-id", id),
            ("webhook-timestamp", &at),
            ("webhook-signature", &signed),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Came { first: "POST /hook HTTP/1.1".to_owned(), headers, body: body.to_vec() }
    }

    fn wrong(came: &Came, secrets: &[Secret]) -> Vec<String> {
        let found = judge(WebhookKind::Generic, secrets, came, NOW);
        found.into_iter().filter(|finding| !finding.is_right).map(|finding| finding.text).collect()
    }

    #[test]
    fn what_is_wrong_is_said_in_plain_words() {
        let (own, other) = (Secret(vec![1; 32]), Secret(vec![2; 32]));
        let right = came(b"{}", 1_800_000_000, &own);
        assert_eq!(wrong(&right, &[other.clone(), own.clone()]), Vec::<String>::new());
        assert!(wrong(&right, std::slice::from_ref(&other))[0].starts_with("The signature is wrong"));
        let changed = Came { body: b"{ }".to_vec(), ..right.clone() };
        let said = wrong(&changed, std::slice::from_ref(&own));
        assert!(said[0].starts_with("The signature is wrong") && said[1].starts_with("Content-Length"), "{said:?}");
        let late = came(b"{}", 1_799_999_000, &own);
        assert_eq!(
            wrong(&late, std::slice::from_ref(&own)),
            ["Its time is 1000 s from the clock: receivers refuse more than 300 s."]
        );
        let broken = came(b"{\"a\":\n 1,}", 1_800_000_000, &own);
        assert_eq!(
            wrong(&broken, std::slice::from_ref(&own)),
            ["Content-Type says application/json, and the body is no JSON: line 2, column 4."]
        );
        let bare = Came { headers: Vec::new(), ..right };
        assert!(wrong(&bare, &[own]).iter().any(|text| text.starts_with("It is not signed")));
    }

    #[test]
    fn the_newest_ten_are_kept() {
        let mut echoes = Echoes::default();
        for n in 0..12 {
            let came = Came { first: n.to_string(), headers: Vec::new(), body: vec![0; BODY_KEPT + 1] };
            echoes.keep(Echo { webhook: WebhookId(n % 2), at: NOW, came, findings: Vec::new() });
        }
        let kept: Vec<_> = echoes.of(WebhookId(1)).map(|echo| echo.came.first.as_str()).collect();
        assert_eq!(kept, ["11", "9", "7", "5", "3"]);
        assert!(echoes.of(WebhookId(1)).all(|echo| echo.came.body.len() == BODY_KEPT));
    }
}

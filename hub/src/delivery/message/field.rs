//! The fields that each kind needs in addition to its URL. PURE.

use super::email;
use crate::delivery::header::HIDDEN;
use crate::model::webhook::{Fields, WebhookKind, WebhookSpec};

/// Bytes of one.
pub const LONGEST: usize = 512;

/// Of e-mail: allows to send without TLS to a server on the local network.
pub const PLAIN_TEXT: &str = "plain_text";

/// A field of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    /// Whether it is never given back.
    pub secret: bool,
}

const fn open(name: &'static str) -> Field {
    Field { name, secret: false }
}

const fn secret(name: &'static str) -> Field {
    Field { name, secret: true }
}

/// What a kind asks for.
#[must_use]
pub const fn of(kind: WebhookKind) -> &'static [Field] {
    const CHAT: &[Field] = &[open("chat_id")];
    const KEY: &[Field] = &[secret("routing_key")];
    const ROOM: &[Field] = &[open("room_id"), secret("token")];
    const TOKEN: &[Field] = &[secret("token")];
    const MAIL: &[Field] = &[open("to"), open("from"), open("username"), secret("password"), open(PLAIN_TEXT)];
    match kind {
        WebhookKind::Telegram => CHAT,
        WebhookKind::PagerDuty => KEY,
        WebhookKind::Matrix => ROOM,
        WebhookKind::Email => MAIL,
        // Of `generic` for its templates, as `{{ token }}`.
        WebhookKind::Ntfy | WebhookKind::Gotify | WebhookKind::Generic => TOKEN,
        WebhookKind::Slack
        | WebhookKind::Discord
        | WebhookKind::Teams
        | WebhookKind::Alertmanager
        | WebhookKind::HomeAssistant => &[],
    }
}

/// Whether a kind has a field of this name that is never given back.
#[must_use]
pub fn is_secret(kind: WebhookKind, name: &str) -> bool {
    of(kind).iter().any(|field| field.secret && field.name == name)
}

/// The webhook with [`HIDDEN`] for its secret fields: for messages that are shown.
#[must_use]
pub fn hidden(spec: &WebhookSpec) -> WebhookSpec {
    let fields = spec.fields.0.iter().map(|(name, value)| {
        let value = if is_secret(spec.kind, name) { HIDDEN } else { value.as_str() };
        (name.clone(), value.to_owned())
    });
    WebhookSpec { fields: Fields(fields.collect()), ..spec.clone() }
}

/// Why a field is refused; its value is not repeated.
pub(super) fn check(kind: WebhookKind, name: &str, value: &str) -> Result<(), String> {
    let Some(field) = of(kind).iter().find(|field| field.name == name) else {
        let known: Vec<_> = of(kind).iter().map(|field| format!("`{}`", field.name)).collect();
        return Err(if known.is_empty() {
            "this kind has no fields".to_owned()
        } else {
            format!("this kind has no such field: it has {}", known.join(", "))
        });
    };
    if value.len() > LONGEST {
        return Err(format!("at most {LONGEST} bytes"));
    }
    match field.name {
        "chat_id" if !is_chat(value) => {
            Err("a chat is a number, such as -1001234567890, or the @name of a channel".to_owned())
        }
        "room_id" if !value.starts_with('!') => Err("the id of a room begins with `!`, such as \
            !abcdef:example.org: it stands in the settings of the room, under Advanced (a `#name` is not its id)"
            .to_owned()),
        "to" if email::recipients(value).is_none() => {
            Err("one to twenty e-mail addresses, separated by commas, such as ann@example.org".to_owned())
        }
        "from" if email::sender(value).is_none() => {
            Err("an e-mail address, such as hub@example.org or Hub <hub@example.org>".to_owned())
        }
        PLAIN_TEXT if value != "yes" => Err("write `yes`, or leave it out".to_owned()),
        "to" | "from" => Ok(()),
        // Passwords that providers make may have spaces in them.
        "username" | "password" if !value.is_empty() && !value.contains(char::is_control) => Ok(()),
        // A key or a token goes into a header, or is one word.
        _ if value.is_empty() => Err("it is empty".to_owned()),
        _ if !value.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err("it must consist of printable ASCII characters without spaces".to_owned())
        }
        _ => Ok(()),
    }
}

fn is_chat(text: &str) -> bool {
    let number = text.strip_prefix('-').unwrap_or(text);
    let is_number = (1..=20).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = |name: &str| {
        (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    is_number || text.strip_prefix('@').is_some_and(is_name)
}

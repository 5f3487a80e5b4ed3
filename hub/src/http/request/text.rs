//! Texts inside the JSON and in query strings: numbered ids, names, labels, comments.

use crate::http::error::ApiError;
use crate::model::DeviceId;
use crate::model::alert::AlertId;
use crate::model::rule::RuleId;
use crate::model::silence::SilenceId;
use crate::model::webhook::{DeliveryId, WebhookId};

/// A noun numbered by the store, with its text form.
pub trait Numbered: Copy {
    /// What its text begins with, before the underscore.
    const PREFIX: &'static str;
    /// What people call it.
    const NOUN: &'static str;
    /// From its number.
    fn of(number: u64) -> Self;
    /// Its number.
    fn number(self) -> u64;
}

macro_rules! numbered {
    ($($type:ty, $prefix:literal, $noun:literal;)*) => {$(
        impl Numbered for $type {
            const PREFIX: &'static str = $prefix;
            const NOUN: &'static str = $noun;
            fn of(number: u64) -> Self {
                Self(number)
            }
            fn number(self) -> u64 {
                self.0
            }
        }
    )*};
}

/// Row number of an API token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenId(pub u64);

/// Row number of a join token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JoinTokenId(pub u64);

/// Row number of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionId(pub u64);

/// Row number of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserId(pub u64);

numbered! {
    RuleId, "rul", "rule";
    WebhookId, "whk", "webhook";
    DeliveryId, "dlv", "delivery";
    AlertId, "alr", "alert";
    SilenceId, "sil", "silence";
    SessionId, "ses", "session";
    TokenId, "tok", "token";
    UserId, "usr", "user";
    JoinTokenId, "jtk", "join token";
}

/// The text of a numbered id: `rul_1`.
#[must_use]
pub fn id<T: Numbered>(id: T) -> String {
    format!("{}_{}", T::PREFIX, id.number())
}

/// Reads the text of a numbered id.
///
/// # Errors
/// A sentence for the person who wrote it.
pub fn parse_id<T: Numbered>(text: &str) -> Result<T, String> {
    let number = text.strip_prefix(T::PREFIX).and_then(|rest| rest.strip_prefix('_'));
    // Canonical digits only: one thing has one address. 0 is the hub's own rule.
    let canonical =
        |digits: &&str| digits.bytes().all(|b| b.is_ascii_digit()) && (*digits == "0" || !digits.starts_with('0'));
    let number = number.filter(canonical);
    number
        .and_then(|digits| digits.parse().ok())
        .filter(|number| i64::try_from(*number).is_ok())
        .map(T::of)
        .ok_or_else(|| format!("there is no {} `{text}`; their ids look like {}_1", T::NOUN, T::PREFIX))
}

/// Why a text is none that people can read: it has a character that is not seen.
#[must_use]
pub fn hidden(text: &str) -> Option<String> {
    let c = wire::text::unseen(text)?;
    let what = if c.is_control() {
        "a control character"
    } else {
        "an invisible character, or one that turns the direction of the text"
    };
    Some(format!("{what} (U+{:04X}, after {} characters): leave it out", u32::from(c), before(text, c)))
}

/// How many characters stand before this one.
fn before(text: &str, c: char) -> usize {
    text.chars().take_while(|other| *other != c).count()
}

/// A name people give: not empty, at most 64 bytes, all of it seen.
///
/// # Errors
/// [`ApiError::invalid`] naming the field.
pub fn name(field: &str, text: String) -> Result<String, ApiError> {
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed.len() > 64 {
        return Err(ApiError::invalid(field, format!("`{field}` must have 1 to 64 bytes")));
    }
    all_seen(field, trimmed)?;
    Ok(trimmed.to_owned())
}

/// A name that people give a device: none that is the id of one, which is found by both.
///
/// # Errors
/// [`ApiError::invalid`] naming the field.
pub fn device_name(field: &str, text: String) -> Result<String, ApiError> {
    let name = name(field, text)?;
    if name.parse::<DeviceId>().is_ok() {
        return Err(ApiError::invalid(field, format!("`{name}` is the id of a device: choose a name that is none")));
    }
    Ok(name)
}

/// What somebody signs in by: 1 to 64 characters, all of them seen.
///
/// # Errors
/// [`ApiError::invalid`] naming the field.
pub fn person(field: &str, text: &str) -> Result<String, ApiError> {
    let name = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if !(1..=64).contains(&name.chars().count()) {
        return Err(ApiError::invalid(field, format!("`{field}` must have 1 to 64 characters")));
    }
    all_seen(field, &name)?;
    Ok(name)
}

/// Refuses a text in which something is not seen.
///
/// # Errors
/// [`ApiError::invalid`] naming the field and the character.
pub fn all_seen(field: &str, text: &str) -> Result<(), ApiError> {
    hidden(text).map_or(Ok(()), |hidden| Err(ApiError::invalid(field, format!("`{field}` has {hidden}"))))
}

/// Longest notes about a device, in characters: a page of text.
const NOTES: usize = 2_000;

/// Free text of some lines: at most 2,000 characters, all of it seen but ends of lines and tabs.
///
/// # Errors
/// [`ApiError::invalid`] naming the field.
pub fn notes(text: String) -> Result<String, ApiError> {
    let text = text.trim().replace("\r\n", "\n");
    if text.chars().count() > NOTES {
        return Err(ApiError::invalid("notes", "`notes` must have at most 2000 characters"));
    }
    lines_seen("notes", &text)?;
    Ok(text)
}

/// Longest comment, in bytes.
const COMMENT: usize = 500;

/// Refuses what is no comment: at most 500 bytes, all of it seen but ends of lines and tabs.
///
/// # Errors
/// [`ApiError::invalid`] naming `comment`.
pub fn comment(text: &str) -> Result<(), ApiError> {
    if text.len() > COMMENT {
        return Err(ApiError::invalid("comment", format!("`comment` must have at most {COMMENT} bytes")));
    }
    lines_seen("comment", text)
}

/// Refuses a text of some lines in which something is not seen.
///
/// # Errors
/// [`ApiError::invalid`] naming the field and the character.
fn lines_seen(field: &str, text: &str) -> Result<(), ApiError> {
    text.split(['\n', '\t']).try_for_each(|part| all_seen(field, part))
}

/// Labels: at most 32, keys like names in programs, values up to 128 bytes.
///
/// # Errors
/// [`ApiError::invalid`] naming the label.
pub fn labels(
    labels: std::collections::BTreeMap<String, String>,
) -> Result<std::collections::BTreeMap<String, String>, ApiError> {
    if labels.len() > 32 {
        return Err(ApiError::invalid("labels", "at most 32 labels"));
    }
    for (key, value) in &labels {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
        if key.is_empty() || key.len() > 64 || !key.chars().all(plain) {
            let detail = "a label's key must have 1 to 64 characters: letters, digits, `_`, `-`, `.` and `/`";
            return Err(ApiError::invalid(format!("labels.{key}"), detail));
        }
        if value.len() > 128 {
            return Err(ApiError::invalid(format!("labels.{key}"), "a label's value must have at most 128 bytes"));
        }
        all_seen(&format!("labels.{key}"), value)?;
    }
    Ok(labels)
}

/// A glob of reasonable length.
///
/// # Errors
/// [`ApiError::invalid`] naming the field.
pub fn glob(field: &str, text: String) -> Result<String, ApiError> {
    if text.is_empty() || text.len() > 128 {
        return Err(ApiError::invalid(field, format!("`{field}` must have 1 to 128 bytes; `*` means all")));
    }
    all_seen(field, &text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_refused_with_its_field_its_character_and_its_place() {
        let why = |outcome: Result<String, ApiError>| outcome.unwrap_err().detail().to_owned();
        for text in ["at\u{202e}tic", "attic\u{200b}x", "\u{2066}attic", "attic\u{e0041}x", "at\u{7}tic"] {
            assert!(why(name("name", text.to_owned())).starts_with("`name` has a"), "{text:?}");
            assert!(why(glob("sensor", text.to_owned())).starts_with("`sensor` has a"), "{text:?}");
            assert!(why(notes(format!("line\n{text}"))).starts_with("`notes` has a"), "{text:?}");
            let labelled = labels([("room".to_owned(), text.to_owned())].into());
            assert!(labelled.unwrap_err().detail().starts_with("`labels.room` has a"), "{text:?}");
        }
        assert!(why(name("name", "at\u{202e}tic".to_owned())).contains("(U+202E, after 2 characters)"));
        for text in ["Küche", "温度", "🏠", "❤\u{fe0f} room"] {
            assert_eq!(name("name", text.to_owned()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn ids_have_one_text() {
        assert_eq!(id(RuleId(7)), "rul_7");
        assert_eq!(parse_id::<RuleId>("rul_7"), Ok(RuleId(7)));
        assert_eq!(parse_id::<RuleId>(&id(RuleId::HUB)), Ok(RuleId::HUB));
        for text in
            ["rul_07", "rul_", "rul_-1", "rul_+1", "whk_7", "7", "rul_99999999999999999999", "rul_9223372036854775808"]
        {
            assert!(parse_id::<RuleId>(text).is_err(), "{text}");
        }
    }
}

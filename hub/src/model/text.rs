//! Checks names and comments that people write: their length, and that no part of them is invisible. PURE.

use std::collections::BTreeMap;

use super::DeviceId;
use super::access::Scope;
use super::device::Labels;

/// Why a text cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Unfit {
    /// What the text was for.
    pub field: String,
    /// What is wrong, and what would be right.
    pub detail: String,
}

impl Unfit {
    fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), detail: detail.into() }
    }
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
/// [`Unfit`] naming the field.
pub fn name(field: &str, text: String) -> Result<String, Unfit> {
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed.len() > 64 {
        return Err(Unfit::new(field, format!("`{field}` must have 1 to 64 bytes")));
    }
    all_seen(field, trimmed)?;
    Ok(trimmed.to_owned())
}

/// A name that people give a device: none that is the id of one, which is found by both.
///
/// # Errors
/// [`Unfit`] naming the field.
pub fn device_name(field: &str, text: String) -> Result<String, Unfit> {
    let name = name(field, text)?;
    if name.parse::<DeviceId>().is_ok() {
        return Err(Unfit::new(field, format!("`{name}` is the id of a device: choose a name that is none")));
    }
    Ok(name)
}

/// What somebody signs in by: 1 to 64 characters, all of them seen.
///
/// # Errors
/// [`Unfit`] naming the field.
pub fn person(field: &str, text: &str) -> Result<String, Unfit> {
    let name = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if !(1..=64).contains(&name.chars().count()) {
        return Err(Unfit::new(field, format!("`{field}` must have 1 to 64 characters")));
    }
    all_seen(field, &name)?;
    Ok(name)
}

/// Refuses a text in which something is not seen.
///
/// # Errors
/// [`Unfit`] naming the field and the character.
pub fn all_seen(field: &str, text: &str) -> Result<(), Unfit> {
    hidden(text).map_or(Ok(()), |hidden| Err(Unfit::new(field, format!("`{field}` has {hidden}"))))
}

/// Longest notes about a device, in characters: a page of text.
const NOTES: usize = 2_000;

/// Free text of some lines: at most 2,000 characters, all of it seen but ends of lines and tabs.
///
/// # Errors
/// [`Unfit`] naming the field.
pub fn notes(text: String) -> Result<String, Unfit> {
    let text = text.trim().replace("\r\n", "\n");
    if text.chars().count() > NOTES {
        return Err(Unfit::new("notes", "`notes` must have at most 2000 characters"));
    }
    lines_seen("notes", &text)?;
    Ok(text)
}

/// Longest comment, in bytes.
const COMMENT: usize = 500;

/// Refuses what is no comment: at most 500 bytes, all of it seen but ends of lines and tabs.
///
/// # Errors
/// [`Unfit`] naming `comment`.
pub fn comment(text: &str) -> Result<(), Unfit> {
    if text.len() > COMMENT {
        return Err(Unfit::new("comment", format!("`comment` must have at most {COMMENT} bytes")));
    }
    lines_seen("comment", text)
}

/// Refuses a text of some lines in which something is not seen.
///
/// # Errors
/// [`Unfit`] naming the field and the character.
pub fn lines_seen(field: &str, text: &str) -> Result<(), Unfit> {
    text.split(['\n', '\t']).try_for_each(|part| all_seen(field, part))
}

/// Labels: at most 32, keys like names in programs, values up to 128 bytes.
///
/// # Errors
/// [`Unfit`] naming the label.
pub fn labels(labels: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Unfit> {
    if labels.len() > 32 {
        return Err(Unfit::new("labels", "at most 32 labels"));
    }
    for (key, value) in &labels {
        if key.is_empty() || key.len() > 64 || !key.chars().all(is_plain) {
            let detail = "a label's key must have 1 to 64 characters: letters, digits, `_`, `-`, `.` and `/`";
            return Err(Unfit::new(format!("labels.{key}"), detail));
        }
        if value.len() > 128 {
            return Err(Unfit::new(format!("labels.{key}"), "a label's value must have at most 128 bytes"));
        }
        all_seen(&format!("labels.{key}"), value)?;
    }
    Ok(labels)
}

/// Most tags of a rule.
const TAGS: usize = 16;

/// Tags of a rule: at most 16, keys like those of labels, 1 to 64 bytes each. So many fit into every message.
///
/// # Errors
/// [`Unfit`] naming the tag.
pub fn tags(tags: Labels) -> Result<Labels, Unfit> {
    if tags.len() > TAGS {
        return Err(Unfit::new("tags", format!("at most {TAGS} tags, not {}", tags.len())));
    }
    for (key, value) in &tags {
        tag(&format!("tags.{key}"), key, value)?;
    }
    Ok(tags)
}

/// One tag as people ask for it: `team:x`.
///
/// # Errors
/// [`Unfit`] naming the field.
pub fn tag_asked(field: &str, text: &str) -> Result<(String, String), Unfit> {
    let detail = || format!("`{text}` is not a tag: write its key and its value, such as team:x");
    let (key, value) = text.split_once(':').ok_or_else(|| Unfit::new(field, detail()))?;
    tag(field, key, value)?;
    Ok((key.to_owned(), value.to_owned()))
}

fn tag(field: &str, key: &str, value: &str) -> Result<(), Unfit> {
    if key.is_empty() || key.len() > 64 || !key.chars().all(is_plain) {
        let detail = "a tag's key must have 1 to 64 characters: letters, digits, `_`, `-`, `.` and `/`";
        return Err(Unfit::new(field, detail));
    }
    if value.is_empty() || value.len() > 64 {
        return Err(Unfit::new(field, "a tag's value must have 1 to 64 bytes"));
    }
    all_seen(field, value)
}

/// What keys of labels and tags are made of.
const fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/')
}

/// Checks the labels that a token is to be limited to.
///
/// # Errors
/// [`Unfit`] naming `labels`, or the label.
pub fn limit(labels: Labels, scope: Scope) -> Result<Labels, Unfit> {
    let labels = self::labels(labels)?;
    if labels.is_empty() || scope.may_be_limited() {
        return Ok(labels);
    }
    let detail = format!(
        "a token with the scope `{}` is for all devices: leave `labels` out, or use the scope ingest, read or write",
        scope.word()
    );
    Err(Unfit::new("labels", detail))
}

/// Longest name of a sensor, in bytes: Telegraf's names for containers have many tags. Whoever asks for one can write it out.
pub const SENSOR_BYTES: usize = 255;

/// A glob, at most as long as the longest name that it may have to match.
///
/// # Errors
/// [`Unfit`] naming the field.
pub fn glob(field: &str, text: String) -> Result<String, Unfit> {
    if text.is_empty() || text.len() > SENSOR_BYTES {
        return Err(Unfit::new(field, format!("`{field}` must have 1 to {SENSOR_BYTES} bytes; `*` means all")));
    }
    all_seen(field, &text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_refused_with_its_field_its_character_and_its_place() {
        let why = |outcome: Result<String, Unfit>| outcome.unwrap_err().detail;
        for text in ["at\u{202e}tic", "attic\u{200b}x", "\u{2066}attic", "attic\u{e0041}x", "at\u{7}tic"] {
            assert!(why(name("name", text.to_owned())).starts_with("`name` has a"), "{text:?}");
            assert!(why(glob("sensor", text.to_owned())).starts_with("`sensor` has a"), "{text:?}");
            assert!(why(notes(format!("line\n{text}"))).starts_with("`notes` has a"), "{text:?}");
            let labelled = labels([("room".to_owned(), text.to_owned())].into());
            assert!(labelled.unwrap_err().detail.starts_with("`labels.room` has a"), "{text:?}");
        }
        assert!(why(name("name", "at\u{202e}tic".to_owned())).contains("(U+202E, after 2 characters)"));
        for text in ["Küche", "温度", "🏠", "❤\u{fe0f} room"] {
            assert_eq!(name("name", text.to_owned()).as_deref(), Ok(text));
        }
    }
}

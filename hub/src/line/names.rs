//! The measurement and the tags of a line.

use std::borrow::Cow;

use super::ends::{brief, plain_end};

/// What a line is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Series<'a> {
    pub measurement: Cow<'a, str>,
    /// Tags, sorted by name: programs may send them in any order.
    pub tags: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Series<'a> {
    /// Takes the key of a line apart; the error has the byte where it is wrong.
    pub(super) fn of(key: &'a str) -> Result<Self, (usize, String)> {
        let mut at = plain_end(key, b",");
        let measurement = unescaped(&key[..at], b", ");
        let mut tags: Vec<(Cow<'a, str>, Cow<'a, str>)> = Vec::new();
        while at < key.len() {
            let begin = at + 1;
            let rest = &key[begin..];
            let end = plain_end(rest, b",");
            let tag = &rest[..end];
            let middle = plain_end(tag, b"=");
            let (name, value) = (&tag[..middle], tag.get(middle + 1..).unwrap_or_default());
            if name.is_empty() || value.is_empty() {
                return Err((begin, format!("`{}` is not a tag: write name=value", brief(tag))));
            }
            tags.push((unescaped(name, b",= "), unescaped(value, b",= ")));
            at = begin + end;
        }
        tags.sort_unstable();
        if let Some(pair) = tags.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err((0, format!("the tag `{}` is given twice", brief(&pair[0].0))));
        }
        Ok(Self { measurement, tags })
    }

    /// The value of a tag.
    #[must_use]
    pub(crate) fn tag(&self, name: &str) -> Option<&str> {
        self.tags.iter().find(|(tag, _)| tag == name).map(|(_, value)| &**value)
    }
}

/// A text without the backslashes before `special` characters; others are themselves.
pub(super) fn unescaped<'a>(text: &'a str, special: &[u8]) -> Cow<'a, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let escapes = |next: &char| u8::try_from(*next).is_ok_and(|next| special.contains(&next));
        match characters.next_if(|next| character == '\\' && escapes(next)) {
            Some(escaped) => plain.push(escaped),
            None => plain.push(character),
        }
    }
    Cow::Owned(plain)
}

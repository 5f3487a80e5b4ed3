//! Texts inside the JSON and in query strings: numbered ids, and what people call things.

use crate::model::alert::AlertId;
use crate::model::rule::RuleId;
use crate::model::silence::SilenceId;
pub(in crate::http) use crate::model::text::{
    all_seen, comment, device_name, glob, labels, limit, lines_seen, name, notes, person, tag_asked, tags,
};
use crate::model::topic_rule::TopicRuleId;
use crate::model::webhook::{DeliveryId, WebhookId};

/// A noun numbered by the store, with its text form.
pub(crate) trait Numbered: Copy {
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
pub(crate) struct TokenId(pub u64);

/// Row number of a join token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JoinTokenId(pub u64);

/// Row number of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionId(pub u64);

/// Row number of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UserId(pub u64);

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
    TopicRuleId, "top", "rule for topics";
}

/// The text of a numbered id: `rul_1`.
#[must_use]
pub(crate) fn id<T: Numbered>(id: T) -> String {
    format!("{}_{}", T::PREFIX, id.number())
}

/// Reads the text of a numbered id.
///
/// # Errors
/// A sentence for the person who wrote it.
pub(crate) fn parse_id<T: Numbered>(text: &str) -> Result<T, String> {
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

#[cfg(test)]
mod tests {
    use super::*;

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

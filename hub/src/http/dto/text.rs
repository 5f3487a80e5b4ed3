//! Texts inside the JSON and in query strings: moments, durations, numbered ids, names.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::guess;
use crate::http::error::ApiError;
use crate::model::alert::AlertId;
use crate::model::reading::is_time;
use crate::model::rule::RuleId;
use crate::model::silence::SilenceId;
use crate::model::webhook::{DeliveryId, WebhookId};
use crate::model::{DeviceId, UnixMillis};

/// RFC 3339 in UTC with milliseconds.
#[must_use]
pub fn moment(at: UnixMillis) -> String {
    let at = Timestamp::from_millisecond(at.0).unwrap_or(if at.0 < 0 { Timestamp::MIN } else { Timestamp::MAX });
    format!("{at:.3}")
}

/// A moment as people and programs write it: RFC 3339, epoch milliseconds, `now`, `now-6h`.
///
/// # Errors
/// A sentence for the person who wrote it; where it is a time in another unit, or without its zone, how to write that.
pub fn time(text: &str, now: UnixMillis) -> Result<UnixMillis, String> {
    const FORMS: &str = "2026-11-22T11:40:00Z, epoch milliseconds, or now-6h";
    let Some(offset) = text.strip_prefix("now") else { return absolute(text, FORMS) };
    if offset.is_empty() {
        return Ok(now);
    }
    let wrong = || format!("`{text}` is not a time: write {FORMS}");
    let (sign, span) = match offset.split_at_checked(1) {
        Some(("-", span)) => (-1, span),
        // In a query string an unescaped plus arrives as a space.
        Some(("+" | " ", span)) => (1, span),
        _ => return Err(wrong()),
    };
    let span = duration(span).map_err(|_| wrong())?;
    Ok(now.plus(sign * i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
}

/// A moment as files have it, which means the same whenever it is read.
///
/// # Errors
/// As [`time`].
pub fn moment_in_file(text: &str) -> Result<UnixMillis, String> {
    const FORMS: &str = "2026-11-22T11:40:00Z, or epoch milliseconds";
    if text.starts_with("now") {
        return Err(format!("`{text}` is relative to the present, which a file cannot use: write {FORMS}"));
    }
    absolute(text, FORMS)
}

/// A moment that does not depend on the present; `forms` is how to write what is none.
fn absolute(text: &str, forms: &str) -> Result<UnixMillis, String> {
    let wrong = || format!("`{text}` is not a time: write {forms}");
    if guess::is_rounded(text) {
        return Err(format!(
            "`{text}` is not a time: so few digits were rounded, by a spreadsheet for example; write {forms}"
        ));
    }
    if let Some(guess) = guess::of(text) {
        return Err(format!("`{text}` is not epoch milliseconds, it {guess}"));
    }
    if let Ok(number) = text.parse::<f64>() {
        // Programs that know numbers with a point only write whole ones with it too.
        return match text.parse().or_else(|_| whole(number).ok_or(())) {
            Ok(millis) => Some(UnixMillis(millis)).filter(|at| is_time(*at)).ok_or_else(wrong),
            Err(()) => Err(match guess::day(number) {
                Some(guess) => format!("`{text}` is not epoch milliseconds, it {guess}"),
                None => format!("`{text}` is not a time: epoch milliseconds are a whole number"),
            }),
        };
    }
    let at: Timestamp = text.replace(' ', "+").parse().or_else(|_| text.parse()).map_err(|_| {
        let is_local = text.parse::<DateTime>().is_ok();
        if is_local { format!("`{text}` has no time zone: write 2026-11-22T11:40:00Z or +01:00") } else { wrong() }
    })?;
    Ok(UnixMillis(at.as_millisecond()))
}

/// A number without a part behind the point, as far as `f64` tells.
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < (1_u64 << 53) as f64).then_some(number as i64)
}

const UNITS: [(&str, u64); 6] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A duration as people write it: `60s`, `5m`, `1h30m`, `250ms`, `7d`.
///
/// # Errors
/// A sentence for the person who wrote it.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration: write 60s, 5m, 1h30m, 7d");
    let (mut rest, mut millis) = (text, 0_u64);
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        millis = number.checked_mul(*factor).and_then(|part| millis.checked_add(part)).ok_or_else(wrong)?;
        rest = after;
    }
    Ok(Duration::from_millis(millis))
}

/// A duration in the largest units that fit; a minute stays `60s`, as everybody writes it.
#[must_use]
pub fn span(duration: Duration) -> String {
    let mut millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 {
        return "0s".to_owned();
    }
    if millis == 60_000 {
        return "60s".to_owned();
    }
    let mut text = String::new();
    for (unit, factor) in UNITS.into_iter().skip(1) {
        if millis >= factor {
            text += &format!("{}{unit}", millis / factor);
            millis %= factor;
        }
    }
    text
}

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

    const NOW: UnixMillis = UnixMillis(1_795_347_600_123);

    #[test]
    fn times_are_read_in_every_form_and_written_in_one() {
        assert_eq!(moment(NOW), "2026-11-22T11:40:00.123Z");
        for (text, ms) in [
            ("now", NOW.0),
            ("now-6h", NOW.0 - 21_600_000),
            ("now+1m30s", NOW.0 + 90_000),
            ("now 1s", NOW.0 + 1_000),
            ("1795347600123", NOW.0),
            ("1795347600123.0", NOW.0),
            ("1.795347600123e12", NOW.0),
            ("-5", -5),
            ("2026-11-22T11:40:00.123Z", NOW.0),
            ("2026-11-22T12:40:00.123+01:00", NOW.0),
            ("2026-11-22T12:40:00.123 01:00", NOW.0),
        ] {
            assert_eq!(time(text, NOW), Ok(UnixMillis(ms)), "{text}");
        }
        for text in [
            "",
            "1710000000",
            "20240309",
            "1710000000000000",
            "1710000000.5",
            "1.7095E12",
            "1e12",
            "yesterday",
            "now-",
            "now*3h",
            "2026-11-22",
            "2026-11-22T11:40:00",
            "99999999999999999",
            "nowé",
        ] {
            assert!(time(text, NOW).is_err(), "{text}");
        }
        let why = |text| time(text, NOW).unwrap_err();
        assert!(why("09.03.2024 12:30").contains("now-6h"));
        let in_file = |text| moment_in_file(text).unwrap_err();
        assert!(!in_file("09.03.2024 12:30").contains("now") && in_file("now-6h").contains("which a file cannot use"));
        assert!(why("45360.5").contains("a spreadsheet's number of a day"), "{}", why("45360.5"));
        assert!(why("1.7095E12").contains("rounded, by a spreadsheet"), "{}", why("1.7095E12"));
        assert!(why("1795347600123.5").contains("a whole number"), "{}", why("1795347600123.5"));
        assert_eq!(moment(UnixMillis(i64::MAX)), "9999-12-30T22:00:00.999Z");
    }

    #[test]
    fn durations_go_there_and_back() {
        for (text, ms, back) in [
            ("60s", 60_000, "60s"),
            ("1m", 60_000, "60s"),
            ("5m", 300_000, "5m"),
            ("1h30m", 5_400_000, "1h30m"),
            ("250ms", 250, "250ms"),
            ("2w", 1_209_600_000, "14d"),
            ("0s", 0, "0s"),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
            assert_eq!(span(Duration::from_millis(ms)), back);
        }
        for text in ["", "5", "m", "5x", "-5s", "1.5h", "5 m", "99999999999999999999s", "18446744073709551615w"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

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

//! What of a text is seen. Names come from others and are read by people: one that shows nothing passes for another, and one
//! that turns the direction of writing rewrites what stands around it.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

/// Whether a character shows nothing of itself, moves the cursor, or turns the direction of a text.
#[must_use]
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The first character of a name that is not seen.
#[must_use]
pub fn unseen(text: &str) -> Option<char> {
    spans(text).find_map(|(c, is_fine)| (!is_fine).then_some(c))
}

/// A text with what is not seen spelled out (`<U+202E>`), cut to `limit` bytes; as it is where all of it is seen.
#[must_use]
pub fn spelled(text: &str, limit: usize) -> Cow<'_, str> {
    if unseen(text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    for (c, is_fine) in spans(text) {
        let part = if is_fine { String::from(c) } else { format!("<U+{:04X}>", c as u32) };
        if shown.len() + part.len() > limit {
            break;
        }
        shown.push_str(&part);
    }
    Cow::Owned(shown)
}

/// The characters of a text, and whether each may stand where it does: pictures are joined and coloured, and some scripts need
/// to say where letters join.
fn spans(text: &str) -> impl Iterator<Item = (char, bool)> + '_ {
    let mut before = None;
    let mut rest = text.chars();
    core::iter::from_fn(move || {
        let c = rest.next()?;
        let after = rest.clone().next();
        let joins = match c {
            '\u{fe0e}' | '\u{fe0f}' => before.is_some_and(is_picture),
            '\u{200d}' => before
                .zip(after)
                .is_some_and(|(a, b)| (is_picture(a) || a == '\u{fe0f}') && is_picture(b) || both_join(a, b)),
            '\u{200c}' => before.zip(after).is_some_and(|(a, b)| both_join(a, b)),
            _ => false,
        };
        before = Some(c);
        Some((c, joins || !is_unseen(c)))
    })
}

/// Signs, arrows, emoji and their skin tones.
fn is_picture(c: char) -> bool {
    matches!(c, '\u{a9}' | '\u{ae}' | '\u{2100}'..='\u{27ff}' | '\u{2900}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
        && !is_unseen(c)
}

/// Letters of Arabic and the scripts of India.
fn both_join(a: char, b: char) -> bool {
    [a, b].into_iter().all(|c| matches!(c, '\u{620}'..='\u{dff}') && !is_unseen(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_nothing_or_turns_the_text_is_found() {
        for (text, found) in [
            ("at\u{202e}cit", '\u{202e}'),
            ("attic\u{2066}x\u{2069}", '\u{2066}'),
            ("attic\u{200b}", '\u{200b}'),
            ("at\u{200d}tic", '\u{200d}'),
            ("attic\u{fe0f}", '\u{fe0f}'),
            ("\u{feff}attic", '\u{feff}'),
            ("attic\u{e0061}", '\u{e0061}'),
            ("attic\u{ad}", '\u{ad}'),
            ("at\u{34f}tic", '\u{34f}'),
            ("\u{3164}", '\u{3164}'),
            ("\u{2800}", '\u{2800}'),
            ("attic\u{61c}", '\u{61c}'),
            ("attic\n", '\n'),
            ("attic\u{85}", '\u{85}'),
            ("🏠\u{200d}a", '\u{200d}'),
        ] {
            assert_eq!(unseen(text), Some(found), "{text:?}");
        }
    }

    #[test]
    fn names_of_every_script_and_pictures_are_seen() {
        for text in [
            "attic",
            "Küche 2",
            "温度",
            "ﻣﻄﺒﺦ",
            "می\u{200c}خواهم",
            "क\u{94d}\u{200d}ष",
            "🏠",
            "❤\u{fe0f}",
            "👩🏽\u{200d}🔧",
            "a/b.c-d_e",
            "°C",
        ] {
            assert_eq!(unseen(text), None, "{text:?}");
            assert!(matches!(spelled(text, 64), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn what_is_not_seen_is_spelled_out_within_the_limit() {
        assert_eq!(spelled("at\u{202e}cit", 64), "at<U+202E>cit");
        assert_eq!(spelled("a\u{200b}b\u{e0061}", 64), "a<U+200B>b<U+E0061>");
        assert_eq!(spelled("a\u{200b}b", 8), "a");
        assert_eq!(spelled("温\u{200b}度", 11), "温<U+200B>");
        assert_ne!(spelled("a\u{200b}", 64), spelled("a\u{200c}", 64), "two names stay two");
    }
}

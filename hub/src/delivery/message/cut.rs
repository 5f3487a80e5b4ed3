//! Cuts texts to the length that a receiver accepts: between characters, with an ellipsis, never inside an escape
//! sequence. PURE.
//!
//! Receivers limit "characters", and few say which. The length is counted in UTF-16 units, of which there are never
//! fewer than of whatever the receiver counts.

const ELLIPSIS: char = '…';

/// A text in at most `most` UTF-16 units.
pub(super) fn units(text: &str, most: usize) -> String {
    escaped(text, most, |_| None)
}

/// A text in at most `most` UTF-16 units, escapes counted.
pub(super) fn escaped(text: &str, most: usize, escape: impl Fn(char) -> Option<&'static str>) -> String {
    within(text, most, char::len_utf16, escape)
}

/// A text in at most `most` bytes of UTF-8, and as many as JSON text.
pub(super) fn bytes(text: &str, most: usize) -> String {
    let size = |c: char| match c {
        '"' | '\\' | '\n' | '\r' | '\t' => 2,
        '\u{0}'..='\u{1f}' => 6,
        _ => c.len_utf8(),
    };
    within(text, most, size, |_| None)
}

fn within(
    text: &str,
    most: usize,
    size: impl Fn(char) -> usize,
    escape: impl Fn(char) -> Option<&'static str>,
) -> String {
    let (mut shown, mut used) = (String::with_capacity(text.len()), 0);
    // As much as leaves room for the ellipsis.
    let mut fits = 0;
    for c in text.chars() {
        let escape = escape(c);
        used += escape.map_or_else(|| size(c), |escape| escape.chars().map(&size).sum());
        if used > most {
            shown.truncate(fits);
            shown.push(ELLIPSIS);
            return shown;
        }
        match escape {
            Some(escape) => shown.push_str(escape),
            None => shown.push(c),
        }
        if used + size(ELLIPSIS) <= most {
            fits = shown.len();
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn html(c: char) -> Option<&'static str> {
        (c == '&').then_some("&amp;")
    }

    #[test]
    fn what_fits_stays_and_what_does_not_ends_with_an_ellipsis() {
        assert_eq!(units("boiler", 6), "boiler");
        assert_eq!(units("boilers", 6), "boile…");
        assert_eq!(units("ab🔥", 4), "ab🔥");
        assert_eq!(units("ab🔥c", 4), "ab…", "the flame and the ellipsis are three");
        assert_eq!(bytes("äöü", 6), "äöü");
        assert_eq!(bytes("äöüß", 6), "ä…");
        assert_eq!(bytes("a\"b", 3), "…", "JSON writes four bytes, and the ellipsis has three");
    }

    #[test]
    fn an_escape_is_whole_or_not_there() {
        assert_eq!(escaped("a&b", 7, html), "a&amp;b");
        assert_eq!(escaped("a&bc", 7, html), "a&amp;…");
        assert_eq!(escaped("a&bc", 6, html), "a…");
        assert_eq!(escaped("&&", 5, html), "…");
    }

    proptest! {
        #[test]
        fn no_text_is_longer_than_its_room(text in "\\PC*|[&a🔥\"\\\\\n]*", most in 3..40_usize) {
            prop_assert!(units(&text, most).encode_utf16().count() <= most);
            prop_assert!(escaped(&text, most, html).encode_utf16().count() <= most);
            let bytes = bytes(&text, most);
            prop_assert!(bytes.len() <= most && serde_json::to_string(&bytes).unwrap().len() <= most + 2);
            let shown = escaped(&text, most, html);
            let plain = shown.replace("&amp;", "&");
            prop_assert!(!plain.replace('&', "").contains("amp;") || text.contains("amp;"));
            prop_assert!(text.starts_with(plain.trim_end_matches('…')) || text == plain);
        }
    }
}

//! Whether the last line of a datagram or connection was cut off. PURE.
//!
//! A sender whose text is too long for its datagram sends the part that fits, and one that dies has sent a part of its last line. A
//! number without its last digits is a number, so the cut is known by what the line before it looks like alone: whoever says when
//! does so in all lines, and whoever does not has as many fields in each line of the same tags.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// What a whole line looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// Digits of its timestamp, if it has one.
    digits: Option<usize>,
    /// Its measurement and tags.
    key: u64,
    fields: usize,
}

/// The lines of a datagram without a last one that was cut; and whether there was one.
pub(super) fn whole(text: &[u8]) -> (&[u8], bool) {
    let Some(end) = text.iter().rposition(|byte| *byte == b'\n') else { return (text, false) };
    let (before, last) = text.split_at(end + 1);
    let is_cut = Shape::of_the_last(before).is_some_and(|usual| usual.is_more_than(last));
    if is_cut { (before, true) } else { (text, false) }
}

impl Shape {
    /// That of the last of some lines which is not blank.
    pub(super) fn of_the_last(lines: &[u8]) -> Option<Self> {
        let lines = lines.trim_ascii_end();
        let start = lines.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let line = lines.get(start..)?.trim_ascii();
        (!line.is_empty()).then(|| Self::of(line))
    }

    /// Whether a line without an end lacks what this one has.
    pub(super) fn is_more_than(&self, last: &[u8]) -> bool {
        let last = last.trim_ascii();
        if last.is_empty() {
            return false;
        }
        let own = Self::of(last);
        match self.digits {
            Some(usual) => own.digits.is_none_or(|own| own < usual),
            None => own.key == self.key && own.fields < self.fields,
        }
    }

    fn of(line: &[u8]) -> Self {
        let digits = digits(line);
        let escaped = |at: usize| at > 0 && line.get(at - 1) == Some(&b'\\');
        let key_end = (0..line.len()).find(|at| line.get(*at) == Some(&b' ') && !escaped(*at)).unwrap_or(line.len());
        let (key, fields) = line.split_at(key_end);
        let mut digest = DefaultHasher::new();
        key.hash(&mut digest);
        let mut is_quoted = false;
        let commas = fields.iter().filter(|byte| {
            is_quoted ^= **byte == b'"';
            **byte == b',' && !is_quoted
        });
        Self { digits, key: digest.finish(), fields: commas.count() }
    }
}

/// How many digits the timestamp of a line has; `None` without one.
fn digits(line: &[u8]) -> Option<usize> {
    let from = line.iter().rposition(|byte| *byte == b' ')? + 1;
    let word = line.get(from..)?;
    (!word.is_empty() && word.iter().all(u8::is_ascii_digit)).then_some(word.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_whole_is_what_came_without_its_last_line(bytes in "[a-c 0-9\n]{0,60}") {
            let (kept, is_cut) = whole(bytes.as_bytes());
            prop_assert!(bytes.as_bytes().starts_with(kept));
            prop_assert_eq!(is_cut, kept.len() < bytes.len());
        }
    }

    #[test]
    fn a_last_line_that_lacks_what_the_others_have_was_cut() {
        let cases: [(&str, bool); 14] = [
            ("m f=1 1700000000\nm f=2 1700000001\n", false),
            ("m f=1 1700000000\nm f=2 1700000001", false),
            ("m f=1 1700000000\nm f=2 17000000", true),
            ("m f=1 1700000000\nm f=2", true),
            ("m f=1 1700000000\nm f=2 1700000001\nm,ho", true),
            ("m f=1 1700000000\nm f=2 1700000000000000000", false),
            ("m f=1\nm f=2", false),
            ("m f=1,g=2\nm f=2", true),
            ("m f=1,g=2\nm f=2,g=1", false),
            ("m,a=b f=1,g=2\nm f=2", false),
            ("m f=1,s=\",,\"\nm f=2,s=\"", false),
            ("m f=1 1700000000", false),
            ("", false),
            ("m f=1 1700000000\n \r\n", false),
        ];
        for (text, is_cut) in cases {
            let (whole, cut) = whole(text.as_bytes());
            assert_eq!(cut, is_cut, "{text}");
            assert!(text.as_bytes().starts_with(whole) && (!cut || whole.ends_with(b"\n")), "{text}");
        }
    }
}

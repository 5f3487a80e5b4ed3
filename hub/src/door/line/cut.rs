//! Whether the last line of a datagram was cut off. PURE.
//!
//! A sender whose text is too long for its datagram sends the part that fits. A number without its last digits is a number, so the
//! cut is known by what the lines before it look like alone: whoever ends lines, or says when, does so in all of them.

/// The lines of a datagram without a last one that was cut; and whether there was one.
pub(super) fn whole(text: &[u8]) -> (&[u8], bool) {
    let Some(end) = text.iter().rposition(|byte| *byte == b'\n') else { return (text, false) };
    let (before, last) = text.split_at(end + 1);
    if last.iter().all(u8::is_ascii_whitespace) {
        return (text, false);
    }
    // The line before it, without its end.
    let before_last = before.get(..end).unwrap_or_default();
    let start = before_last.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let sample = before_last.get(start..).unwrap_or_default();
    let is_cut = digits(sample).is_some_and(|usual| digits(last).is_none_or(|own| own < usual));
    if is_cut { (before, true) } else { (text, false) }
}

/// How many digits the timestamp of a line has; `None` without one.
fn digits(line: &[u8]) -> Option<usize> {
    let line = line.trim_ascii_end();
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
        let cases: [(&str, bool); 10] = [
            ("m f=1 1700000000\nm f=2 1700000001\n", false),
            ("m f=1 1700000000\nm f=2 1700000001", false),
            ("m f=1 1700000000\nm f=2 17000000", true),
            ("m f=1 1700000000\nm f=2", true),
            ("m f=1 1700000000\nm f=2 1700000001\nm,ho", true),
            ("m f=1 1700000000\nm f=2 1700000000000000000", false),
            ("m f=1\nm f=2", false),
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

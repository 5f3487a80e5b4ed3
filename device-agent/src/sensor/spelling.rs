//! Spells the parts of names: plain characters, cut if they are too long, told apart by a number. Pure.

/// Longest part of a sensor name, in bytes.
const LONGEST_PART: usize = 32;

/// A part of a sensor name: lower case, without spaces and dots, which separate parts. One that is too long ends in a number
/// made of the whole. Nothing where there is nothing to make a name of.
pub(crate) fn name_part(text: &str) -> String {
    let text = text.trim().trim_matches('/');
    let cut = cut_part(text);
    if text.chars().count() <= LONGEST_PART {
        return cut;
    }
    apart(&cut, text, LONGEST_PART)
}

/// The same as earlier versions made it, which cut what was too long: two may have the same.
pub(super) fn cut_part(text: &str) -> String {
    let plain =
        |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | ':') { c.to_ascii_lowercase() } else { '_' };
    text.trim().trim_matches('/').chars().map(plain).take(LONGEST_PART).collect()
}

/// What several begin with, and behind it a number made of the `whole` of one of them; in `limit` bytes.
pub(super) fn apart(start: &str, whole: &str, limit: usize) -> String {
    let number = number_of(whole);
    let room = limit.saturating_sub(number.len() + 1);
    let start = (0..=room).rev().find_map(|end| start.get(..end.min(start.len()))).unwrap_or_default();
    format!("{start}-{number}")
}

/// Eight hexadecimal digits that stand for a text.
pub(super) fn number_of(text: &str) -> String {
    format!("{:08x}", crc32c::crc32c(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_apart_fits_whatever_it_begins_with() {
        assert_eq!(apart("nvme", "one", 64), format!("nvme-{}", number_of("one")));
        assert_ne!(apart(&"x".repeat(64), "one", 64), apart(&"x".repeat(64), "other", 64));
        for (start, length) in [("x".repeat(55), 64), ("x".repeat(56), 64), ("\u{e4}".repeat(32), 63)] {
            let name = apart(&start, "one", 64);
            assert_eq!((name.len(), name.ends_with(&number_of("one"))), (length, true), "{name}");
        }
        assert_eq!(apart("start", "one", 3), format!("-{}", number_of("one")));
    }
}

//! Patterns: anchored at both ends, and so large at most. PURE.

use regex::{Error as Wrong, Regex, RegexBuilder};

use super::error::Error;

/// Bytes that a pattern may take once it is read: some hundred alternatives, a repetition of some hundred characters.
const LARGEST: usize = 256 << 10;

/// Reads a pattern that has to match the whole of a text.
pub(super) fn whole(pattern: &str) -> Result<Regex, Error> {
    read(pattern).map_err(|_| Error::Bad(format!("the pattern `{pattern}` cannot be read, or is too large")))
}

fn read(pattern: &str) -> Result<Regex, Wrong> {
    RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(LARGEST).build()
}

/// Refuses a pattern, as it is written in a question with its quotes, that the parser would read at any size.
pub(super) fn check(written: &str) -> Result<(), Error> {
    let too_large =
        || Error::Bad(format!("the pattern {written} is too large: write a shorter one, or fewer repetitions"));
    let inside = written.get(1..written.len().saturating_sub(1)).unwrap_or_default();
    let text = if written.starts_with('`') { inside.to_owned() } else { unescaped(inside).ok_or_else(too_large)? };
    match read(&text) {
        Err(Wrong::CompiledTooBig(_)) => Err(too_large()),
        // The parser tries again with braces that stand for themselves: a repetition beside them is not counted here.
        Err(_) if text.split('{').skip(1).any(|behind| behind.starts_with(|c: char| c.is_ascii_digit())) => {
            Err(too_large())
        }
        _ => Ok(()),
    }
}

/// What quotes and backslashes stand for; none of characters spelled by their numbers, which patterns do not need.
fn unescaped(text: &str) -> Option<String> {
    let (mut plain, mut chars) = (String::with_capacity(text.len()), text.chars());
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next()? {
                'x' | 'u' | 'U' | '0'..='9' => return None,
                escaped => plain.push(escaped),
            },
            _ => plain.push(c),
        }
    }
    Some(plain)
}

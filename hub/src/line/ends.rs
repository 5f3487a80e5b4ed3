//! Finds where a part of a line ends. PURE.

/// Where the first of `ends` stands that no backslash escapes; the length where there is none.
pub(super) fn plain_end(text: &str, ends: &[u8]) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if *byte == b'\\' {
            // A line end cannot be escaped.
            at += if bytes.get(at + 1) == Some(&b'\n') { 1 } else { 2 };
        } else if ends.contains(byte) {
            return at;
        } else {
            at += 1;
        }
    }
    bytes.len()
}

/// Where the fields end: at a space or line end outside of quotes. `None` when a quote is never closed.
pub(super) fn fields_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut at, mut quoted) = (0, false);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if bytes.get(at + 1).is_some_and(|next| quoted || *next != b'\n') => at += 1,
            b'"' => quoted = !quoted,
            b' ' | b'\n' if !quoted => return Some(at),
            _ => {}
        }
        at += 1;
    }
    (!quoted).then_some(at.min(bytes.len()))
}

pub(super) fn leading_spaces(text: &str) -> usize {
    text.len() - text.trim_start_matches(' ').len()
}

/// As much of a text as a message has room for.
pub(super) fn brief(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

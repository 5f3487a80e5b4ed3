//! PURE. Labels, headers and fields as text.

/// Labels and headers as text: one `key=value` a line; backslash, newline and `=` escaped.
pub(in crate::store) fn write_pairs<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    let mut text = String::new();
    for (key, value) in pairs {
        escape(key, &mut text);
        text.push('=');
        escape(value, &mut text);
        text.push('\n');
    }
    text
}

/// Reads [`write_pairs`] back, into a map or a list.
pub(in crate::store) fn read_pairs<T: FromIterator<(String, String)>>(text: &str) -> T {
    // Not `lines()`: a `\r` at the end of a value must stay.
    text.split('\n')
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (unescape(key), unescape(value)))
        .collect()
}

fn escape(part: &str, text: &mut String) {
    for symbol in part.chars() {
        match symbol {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '=' => text.push_str("\\e"),
            other => text.push(other),
        }
    }
}

fn unescape(part: &str) -> String {
    let mut plain = String::with_capacity(part.len());
    let mut symbols = part.chars();
    while let Some(symbol) = symbols.next() {
        plain.push(match symbol {
            '\\' => match symbols.next() {
                Some('n') => '\n',
                Some('e') => '=',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        });
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_pairs_read_back(pairs in prop::collection::vec((any::<String>(), any::<String>()), 0..6)) {
            let text = write_pairs(pairs.iter().map(|(key, value)| (key, value)));
            prop_assert_eq!(read_pairs::<Vec<_>>(&text), pairs);
        }
    }
}

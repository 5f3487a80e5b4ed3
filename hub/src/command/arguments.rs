//! Arguments that several commands take.

use super::outcome::Failure;

/// The number of a row as people write it: `tok_7` or `7`.
pub(super) fn number(text: &str, prefix: &str) -> Result<u64, Failure> {
    let digits = text.strip_prefix(prefix).unwrap_or(text);
    digits.parse().map_err(|_| Failure::Use(format!("'{text}' is not an id such as {prefix}7")))
}

/// A field of a request as who typed the command knows it: `--from` where that stands there, else `from`.
pub(super) fn typed(field: &str, mut words: impl Iterator<Item = String>) -> String {
    let flag = format!("--{field}");
    let is_it = |word: String| word.strip_prefix(&flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='));
    if words.any(is_it) { flag } else { field.to_owned() }
}

/// Reads key=value.
pub(super) fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is not a label: write key=value"))?;
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_called_as_it_was_typed() {
        let typed = |field: &str, words: &str| typed(field, words.split(' ').map(str::to_owned));
        assert_eq!(typed("from", "hub query --from now-1d"), "--from");
        assert_eq!(typed("from", "hub query --from=now-1d"), "--from");
        assert_eq!(typed("kind", "hub webhooks echo mail --kinds"), "kind", "it has no such flag");
    }
}

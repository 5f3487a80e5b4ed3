//! Arguments that several commands take.

use super::outcome::Failure;

/// The number of a row as people write it: `tok_7` or `7`.
pub(super) fn number(text: &str, prefix: &str) -> Result<u64, Failure> {
    let digits = text.strip_prefix(prefix).unwrap_or(text);
    digits.parse().map_err(|_| Failure::Use(format!("'{text}' is not an id such as {prefix}7")))
}

/// Reads key=value.
pub(super) fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is not a label: write key=value"))?;
    Ok((key.to_owned(), value.to_owned()))
}

//! Limits for texts from outside: how many bytes are read, and how much is shown in messages.

/// Bytes taken from a file, a command's output or a datagram: more than UDP can carry, and a screen of text from each of two
/// hundred sensors. What JSON of this length becomes in memory is 4 MiB at most.
pub(super) const MOST_BYTES: usize = 256 << 10;
/// Characters of a word or line that is no reading, in the message that says so.
pub(super) const MOST_SHOWN: usize = 40;
/// The first characters of a text from outside, fit for one line of a log.
pub(super) fn shown(text: &str, most: usize) -> String {
    text.chars().take(most).map(|c| if c.is_control() { '?' } else { c }).collect()
}

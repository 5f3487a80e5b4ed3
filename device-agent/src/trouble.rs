//! What is wrong with a source: its last error, since when it fails, and how often it did. Pure.

use serde::{Deserialize, Serialize};
use wire::UnixMillis;

/// Longest text of an error, in bytes: one line of a screen or two.
const LONGEST: usize = 200;

/// A source that fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Its name, such as `exec ups`.
    pub source: String,
    /// What went wrong the last time; at most 200 bytes, on one line.
    pub error: String,
    /// Since when it fails, by the device's clock.
    pub since: UnixMillis,
    /// How often it failed since then.
    pub count: u32,
}

/// What the log should say of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It began to fail.
    Began,
    /// It is well again.
    Ended,
}

impl Trouble {
    /// Notes how a source did this time; says when that changed. What is kept goes when the source is well.
    pub fn note(kept: &mut Option<Self>, source: &str, error: Option<&str>, at: UnixMillis) -> Option<Change> {
        match (kept.as_mut(), error) {
            (None, None) => None,
            (None, Some(error)) => {
                *kept = Some(Self { source: source.to_owned(), error: line_of(error), since: at, count: 1 });
                Some(Change::Began)
            }
            (Some(trouble), Some(error)) => {
                trouble.error = line_of(error);
                trouble.count = trouble.count.saturating_add(1);
                None
            }
            (Some(_), None) => {
                *kept = None;
                Some(Change::Ended)
            }
        }
    }
}

/// The start of a text, without line breaks and other control characters.
fn line_of(text: &str) -> String {
    let mut line = String::new();
    for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if line.len() + c.len_utf8() > LONGEST {
            break;
        }
        line.push(c);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_error_counts_up_from_the_first_until_the_source_is_well() {
        let mut kept = None;
        let mut note = |error, at| Trouble::note(&mut kept, "exec ups", error, UnixMillis(at));
        assert_eq!(note(None, 1), None);
        assert_eq!(note(Some("no answer"), 2), Some(Change::Began));
        assert_eq!(note(Some("no\nroute"), 3), None);
        let expected = Trouble { source: "exec ups".into(), error: "no route".into(), since: UnixMillis(2), count: 2 };
        assert_eq!(kept, Some(expected));
        assert_eq!(Trouble::note(&mut kept, "exec ups", None, UnixMillis(4)), Some(Change::Ended));
        assert_eq!(kept, None);
    }

    #[test]
    fn an_error_of_any_length_is_one_short_line() {
        let mut kept = None;
        Trouble::note(&mut kept, "file a", Some(&"\u{e4}\t".repeat(1_000)), UnixMillis(1));
        assert!(kept.is_some_and(|trouble| trouble.error.len() <= LONGEST && !trouble.error.contains('\t')));
    }
}

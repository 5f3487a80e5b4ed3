//! The trouble of a source: its last error, since when it fails, and how often it did. Pure.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use wire::UnixMillis;

/// Longest text of an error, in bytes: a few lines of a screen.
const LONGEST: usize = 1_000;
/// Things of one source that the log names until it is well: the log is no table, and `status` says how many there are.
const MOST_NAMED: usize = 256;

/// A source that fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Its name, such as `exec ups`.
    pub source: String,
    /// What went wrong the last time; on one line; several things have `; ` between them.
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

impl Trouble {
    /// Says what is wrong, without that it failed once more.
    pub fn restate(&mut self, error: &str) {
        self.error = line_of(error);
    }
}

/// Which things of a source the log has named since it was well: each is named once, whatever came before it and however often
/// it comes and goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named(BTreeSet<String>);

impl Named {
    /// What the log should say of a source, if anything: all that is wrong when it `began` to fail, later only what of it has
    /// not been named. Forgets everything once the source is well.
    pub fn news(&mut self, began: bool, error: Option<&str>) -> Option<String> {
        let Some(error) = error else {
            self.0.clear();
            return None;
        };
        let mut news = Vec::new();
        for thing in error.split("; ") {
            let Some(name) = name_of(thing) else { continue };
            if self.0.len() < MOST_NAMED && self.0.insert(name.to_owned()) {
                news.push(thing);
            }
        }
        if began {
            return Some(error.to_owned());
        }
        (!news.is_empty()).then(|| news.join("; "))
    }
}

/// The file or the serial number that a part of an error is about. What is counted has none.
fn name_of(thing: &str) -> Option<&str> {
    let (name, _) = thing.split_once(": ")?;
    (name.starts_with('/') || !name.contains(' ')).then_some(name)
}

/// A text on one line, not too long.
fn line_of(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    fitting(&line, LONGEST)
}

/// As many of the things that a text names, with `; ` between them, as have room in `limit` bytes, and how many more there
/// are. Only a first one that is too long alone is cut.
#[must_use]
pub fn fitting(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut things: Vec<&str> = text.split("; ").collect();
    // It was made to fit before, into more room.
    let before = things.last().and_then(|last| last.strip_prefix("and ")?.strip_suffix(" more")?.parse::<usize>().ok());
    if before.is_some() {
        things.pop();
    }
    let more = |left: usize| match left + before.unwrap_or(0) {
        0 => String::new(),
        left => format!("; and {left} more"),
    };
    for count in (1..things.len()).rev() {
        let Some((told, left)) = things.split_at_checked(count) else { continue };
        let text = told.join("; ") + &more(left.len());
        if text.len() <= limit {
            return text;
        }
    }
    let rest = more(things.len().saturating_sub(1));
    let room = limit.saturating_sub(rest.len() + '\u{2026}'.len_utf8());
    let first = things.first().copied().unwrap_or_default();
    let end = (0..=room.min(first.len())).rev().find(|end| first.is_char_boundary(*end)).unwrap_or(0);
    format!("{}\u{2026}{rest}", first.get(..end).unwrap_or_default())
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
    fn each_thing_of_a_source_is_named_once_until_the_source_is_well() {
        let mut named = Named::default();
        let mut news = |began, error: &str| named.news(began, Some(error).filter(|error| !error.is_empty()));
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(news(true, "/a: no answer"), text("/a: no answer"));
        assert_eq!(news(false, "/a: no answer, usually after 20 ms; /b c: gone"), text("/b c: gone"));
        assert_eq!(news(false, "2 not asked while so many give no answer; /b c: no answer"), None);
        assert_eq!(
            news(false, "28-1: wrong checksum; /a: no answer; /d: gone"),
            text("28-1: wrong checksum; /d: gone")
        );
        assert_eq!(news(false, ""), None);
        assert_eq!(news(true, "/a: no answer; 7 lines: not read"), text("/a: no answer; 7 lines: not read"));
        let many: Vec<String> = (0..2 * MOST_NAMED).map(|at| format!("/{at}: gone")).collect();
        assert!(news(false, &many.join("; ")).is_some_and(|news| news.split("; ").count() < MOST_NAMED));
        assert_eq!(news(false, "/new: gone"), None);
    }

    #[test]
    fn a_list_is_cut_between_its_things_and_says_how_many_more() {
        assert_eq!(fitting("one; two; three", 15), "one; two; three");
        assert_eq!(fitting("one; two; three; four", 19), "one; and 3 more");
        assert_eq!(fitting("one; two; three; and 4 more", 24), "one; two; and 5 more");
        assert_eq!(fitting("a name that is long; two", 20), "a nam\u{2026}; and 1 more");
        for limit in 30..200 {
            let text = fitting(&["temp.chip.1: broken"; 40].join("; "), limit);
            assert!(text.len() <= limit && text.ends_with(" more") && !text.contains("brok;"), "{text}");
        }
    }

    #[test]
    fn an_error_of_any_length_is_one_short_line() {
        let mut kept = None;
        Trouble::note(&mut kept, "file a", Some(&"\u{e4}\t".repeat(1_000)), UnixMillis(1));
        assert!(kept.is_some_and(|trouble| trouble.error.len() <= LONGEST && !trouble.error.contains('\t')));
    }
}

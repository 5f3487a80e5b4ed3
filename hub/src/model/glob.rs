//! Shell patterns over names: `*` is any run of characters (also none), `?` is exactly one.
//!
//! Of a device a pattern is held against its name. Its id is random letters: `b*` would mean some devices by chance. So an id is
//! matched where it is written whole, or by a pattern of more than eight characters.
//!
//! The whole name must match, case counts, and nothing else is special. Matching takes time proportional to pattern times
//! name at worst, so a pattern from a stranger cannot stall the hub.

use std::fmt;

/// A pattern of so many characters may match an id by chance.
const BY_CHANCE: usize = 8;

/// A pattern, kept as written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Glob(String);

impl Glob {
    /// A pattern; every text is one.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        Self(pattern.to_owned())
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it can match more than one name.
    #[must_use]
    pub fn is_pattern(&self) -> bool {
        self.0.contains(['*', '?'])
    }

    /// Whether a device is meant: by its name, or by its id where the pattern cannot do so by chance.
    #[must_use]
    pub fn matches_device(&self, name: &str, id: &impl fmt::Display) -> bool {
        let is_by_id = || !self.is_pattern() || self.0.chars().count() > BY_CHANCE;
        self.matches(name) || is_by_id() && self.matches(&id.to_string())
    }

    /// Whether the whole of `name` matches.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let (mut pattern, mut rest) = (self.0.as_str(), name);
        // Where to go on after a mismatch: behind the last star, with that star swallowing one character more.
        let mut retry: Option<(&str, &str)> = None;
        loop {
            let mut ahead = pattern.chars();
            let mut name_ahead = rest.chars();
            match (ahead.next(), name_ahead.next()) {
                (None, None) => return true,
                (Some('*'), _) => {
                    pattern = ahead.as_str();
                    retry = Some((pattern, rest));
                    continue;
                }
                (Some(want), Some(is)) if want == '?' || want == is => {
                    (pattern, rest) = (ahead.as_str(), name_ahead.as_str());
                    continue;
                }
                _ => {}
            }
            let Some((behind_star, from)) = retry else { return false };
            let mut swallowed = from.chars();
            if swallowed.next().is_none() {
                return false;
            }
            (pattern, rest) = (behind_star, swallowed.as_str());
            retry = Some((behind_star, rest));
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Glob;
    use proptest::prelude::*;

    #[test]
    fn stars_and_question_marks_match_as_in_a_shell() {
        let yes = [
            ("*", ""),
            ("*", "anything"),
            ("", ""),
            ("temp", "temp"),
            ("temp*", "temp"),
            ("temp*", "temperature"),
            ("*temp", "cpu temp"),
            ("t?mp", "temp"),
            ("t?mp", "tämp"),
            ("*a*b*c", "xxaxxbxxbc"),
            ("**", "x"),
            ("cpu.*.load", "cpu.0.load"),
            ("a*a", "aa"),
        ];
        let no = [
            ("", "x"),
            ("temp", "temperature"),
            ("temp", "Temp"),
            ("?", ""),
            ("t?mp", "tmp"),
            ("*a*b*c", "xxaxxbxxb"),
            ("a*a", "a"),
            ("[ab]", "a"),
        ];
        for (pattern, name) in yes {
            assert!(Glob::new(pattern).matches(name), "{pattern:?} should match {name:?}");
        }
        for (pattern, name) in no {
            assert!(!Glob::new(pattern).matches(name), "{pattern:?} should not match {name:?}");
        }
    }

    #[test]
    fn an_id_is_matched_whole_or_by_a_long_pattern_and_not_by_chance() {
        let id = "b1234567-abcdefg-hijklmn-opqrstu";
        for (pattern, is_meant) in [
            (id, true),
            ("b1234567*", true),
            ("*-hijklmn-*", true),
            ("c*", true),
            ("*", true),
            ("b*", false),
            ("b12345*", false),
            ("*stu", false),
            ("????????????", false),
        ] {
            assert_eq!(Glob::new(pattern).matches_device("c1", &id), is_meant, "{pattern}");
        }
    }

    #[test]
    fn a_hostile_pattern_is_not_slow() {
        let pattern = "a*".repeat(200) + "b";
        assert!(!Glob::new(&pattern).matches(&"a".repeat(5_000)));
    }

    /// The definition, by recursion.
    fn by_definition(pattern: &[char], name: &[char]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), _) => {
                by_definition(rest, name) || name.split_first().is_some_and(|(_, tail)| by_definition(pattern, tail))
            }
            (Some((want, rest)), Some((is, tail))) => (*want == '?' || want == is) && by_definition(rest, tail),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_definition(pattern in "[ab*?]{0,8}", name in "[ab]{0,10}") {
            let (p, n): (Vec<_>, Vec<_>) = (pattern.chars().collect(), name.chars().collect());
            prop_assert_eq!(Glob::new(&pattern).matches(&name), by_definition(&p, &n));
        }
    }
}

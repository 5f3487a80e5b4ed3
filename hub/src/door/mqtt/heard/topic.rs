//! Topics, level by level. PURE.

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Topic<'t> {
    pub(super) text: &'t str,
    pub(super) levels: Vec<&'t str>,
}

impl<'t> Topic<'t> {
    /// As it came; a slash at its beginning makes an empty level, which stays.
    pub(super) fn of(text: &'t str) -> Self {
        Self { text, levels: text.split('/').collect() }
    }

    /// What stands behind some first levels.
    pub(super) fn below(&self, base: &str) -> Option<&'t str> {
        self.text.strip_prefix(base)?.strip_prefix('/')
    }

    /// The last level, and everything before it.
    pub(super) fn last(&self) -> (&'t str, &'t str) {
        self.text.rsplit_once('/').unwrap_or(("", self.text))
    }
}

/// Longest name of a device, in bytes.
const DEVICE_BYTES: usize = 64;

/// A name that fits a device: its end, where it is too long, from the beginning of a level or a character.
pub(super) fn fitting(name: &str) -> &str {
    let name = name.trim();
    if name.len() <= DEVICE_BYTES {
        return name;
    }
    let from = (name.len() - DEVICE_BYTES..name.len()).find(|at| name.is_char_boundary(*at)).unwrap_or(name.len());
    let tail = name.get(from..).unwrap_or_default();
    tail.split_once('/').map_or(tail, |(_, rest)| rest).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_too_long_keeps_its_end() {
        assert_eq!(fitting(" a/b "), "a/b");
        let long = format!("{}/kitchen/fridge", "x".repeat(80));
        assert_eq!(fitting(&long), "kitchen/fridge");
        let one = "ü".repeat(50);
        assert_eq!(fitting(&one).len(), 64);
    }

    #[test]
    fn topics_have_levels() {
        let topic = Topic::of("a/b/c");
        assert_eq!((topic.below("a"), topic.below("a/b/c"), topic.last()), (Some("b/c"), None, ("a/b", "c")));
        assert_eq!((Topic::of("a").last(), Topic::of("ab/c").below("a")), (("", "a"), None));
    }
}

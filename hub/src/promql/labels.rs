//! What tells series apart: names with values. PURE.

use std::collections::BTreeMap;

/// The label that holds the name of a metric.
pub(crate) const NAME: &str = "__name__";

/// Names with values that are not empty, in the order of names.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Labels(BTreeMap<Box<str>, Box<str>>);

impl Labels {
    /// The value of a name; empty where it has none.
    #[must_use]
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |value| value)
    }

    /// Gives a name a value; an empty one takes the name away.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            self.0.remove(name);
        } else {
            self.0.insert(name.into(), value.into());
        }
    }

    /// All of them, in the order of names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Without some names, and without the name of the metric.
    #[must_use]
    pub(super) fn without(&self, names: &[String]) -> Self {
        self.filtered(|name| name != NAME && !names.iter().any(|other| other == name))
    }

    /// With these names alone.
    #[must_use]
    pub(super) fn only(&self, names: &[String]) -> Self {
        self.filtered(|name| names.iter().any(|other| other == name))
    }

    /// Without the name of the metric.
    #[must_use]
    pub(super) fn unnamed(mut self) -> Self {
        self.0.remove(NAME);
        self
    }

    /// Without some names; the name of the metric stays.
    pub(super) fn remove(&mut self, names: &[String]) {
        self.0.retain(|name, _| !names.iter().any(|other| **other == **name));
    }

    fn filtered(&self, keeps: impl Fn(&str) -> bool) -> Self {
        let kept = self.0.iter().filter(|(name, _)| keeps(name));
        Self(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut labels = Self::default();
        for (name, value) in pairs {
            labels.set(name.as_ref(), value.as_ref());
        }
        labels
    }
}

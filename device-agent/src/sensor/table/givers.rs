//! Who gives which sensor: one name has one source. Pure.
//!
//! A name belongs to the source that gave it first, as long as that is there; the table remembers which. Before that it
//! belongs to the source that the configuration gives it to. What another source calls so is told apart.

/// Who gives sensors besides the machine, whose label is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Giver {
    /// What to call it: unlike all others.
    pub label: String,
    /// The name of its sensor, where the configuration says that it has one.
    pub name: Option<String>,
}

/// A sensor that is called as one of another source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apart {
    /// Its name instead.
    pub name: String,
    /// Whose the name is: the label of a source; nothing if that is not there any more.
    pub owner: Option<String>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Givers(pub(super) Vec<Giver>);

impl Givers {
    /// Whether there is a source of this label.
    pub(super) fn has(&self, label: &str) -> bool {
        label.is_empty() || self.0.iter().any(|giver| giver.label == label)
    }

    /// Whose this name is by the configuration.
    pub(super) fn claim(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|giver| giver.name.as_deref() == Some(name)).map(|giver| &*giver.label)
    }
}

//! Which source a sensor name belongs to: each name has one. Pure.
//!
//! A name belongs to the source that used it first, as long as that source exists; the table remembers it. Before that it belongs to
//! the source that the configuration gives it to. If another source uses the name, its sensor gets eight hexadecimal digits behind it.

/// Sources of sensors in addition to the machine, whose key is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Giver {
    /// What it is known by: unlike all others, and the same at each start.
    pub key: String,
    /// What to call it, for people.
    pub label: String,
    /// The name of its sensor, where the configuration says that it has one.
    pub name: Option<String>,
}

/// A sensor that is called as one of another source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apart {
    /// Its name instead.
    pub name: String,
    /// The source that uses it, in words for people.
    pub by: String,
    /// Whose the name is, for people; nothing if that source is not there any more.
    pub owner: Option<String>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Givers(pub(super) Vec<Giver>);

impl Givers {
    /// Whether there is a source of this key.
    pub(super) fn has(&self, key: &str) -> bool {
        key.is_empty() || self.0.iter().any(|giver| giver.key == key)
    }

    /// What to call it.
    pub(super) fn label(&self, key: &str) -> String {
        let known = self.0.iter().find(|giver| giver.key == key);
        known.map_or_else(|| "this machine".to_owned(), |giver| giver.label.clone())
    }

    /// Whose this name is by the configuration.
    pub(super) fn claim(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|giver| giver.name.as_deref() == Some(name)).map(|giver| &*giver.key)
    }
}

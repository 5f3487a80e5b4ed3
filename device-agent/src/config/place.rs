//! Finds out which key an error is about, and in which line of the file that key is. PURE.

use std::fmt;

use toml::de::DeTable;

/// A key of the configuration, as messages call it: `hub`, `[spool] policy`, `[[exec]] ups: timeout`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Key {
    /// The table it stands in; empty for none.
    pub table: String,
    /// Which of several tables of that name, from 0.
    pub number: Option<usize>,
    /// What that table calls itself.
    pub label: String,
    /// The key; empty when the table as a whole is meant.
    pub name: String,
}

impl Key {
    /// A key outside of all tables.
    #[must_use]
    pub fn top(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// A key in a table that is there once.
    #[must_use]
    pub fn of(table: &str, name: &str) -> Self {
        Self { table: table.to_owned(), name: name.to_owned(), ..Self::default() }
    }

    /// A key in one of several tables; `label` is what that one calls itself.
    #[must_use]
    pub fn of_one(table: &str, number: usize, label: &str, name: &str) -> Self {
        Self { number: Some(number), label: label.to_owned(), ..Self::of(table, name) }
    }

    /// The line of this key in TOML text, or of its table if it is not there.
    #[must_use]
    pub fn line_in(&self, text: &str) -> Option<usize> {
        let document = DeTable::parse(text).ok()?;
        let mut found = None;
        each_key(document.get_ref(), |key, start, _| {
            let same_table = key.table == self.table && key.number == self.number;
            if same_table && (key.name == self.name || (key.name.is_empty() && found.is_none())) {
                found = Some(line_of(text, start));
            }
        });
        found
    }

    /// The key that stands at a byte of TOML text, or whose value does.
    pub(super) fn at(text: &str, byte: usize) -> Option<Self> {
        let document = DeTable::parse(text).ok()?;
        let mut found = None;
        each_key(document.get_ref(), |key, start, end| {
            if (start..end).contains(&byte) {
                found = Some(key);
            }
        });
        found
    }

    /// The flag that sets it, if there is one.
    #[must_use]
    pub fn flag(&self) -> String {
        let name = if self.table == "labels" { "label" } else { &self.name };
        format!("--{}", name.replace('_', "-"))
    }

    /// Its table alone.
    pub(super) fn table_alone(self) -> Self {
        Self { name: String::new(), ..self }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = match (self.table.as_str(), self.number) {
            ("", _) => [String::new(), self.name.clone()],
            (table, None) => [format!("[{table}] "), self.name.clone()],
            (table, Some(_)) if self.label.is_empty() => [format!("[[{table}]]: "), self.name.clone()],
            (table, Some(_)) => [format!("[[{table}]] {}: ", self.label), self.name.clone()],
        };
        f.write_str(parts.concat().trim_end_matches([' ', ':']))
    }
}

/// The line of a byte of a text, counted from 1.
pub(super) fn line_of(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|byte| *byte == b'\n').count()
}

/// Shows every key with the bytes from its start to the end of its value; a table comes before the keys in it.
fn each_key(document: &DeTable<'_>, mut show: impl FnMut(Key, usize, usize)) {
    for (name, value) in document {
        if let Some(table) = value.get_ref().as_table() {
            let key = Key::of(name.get_ref(), "");
            show(key.clone(), name.span().start, value.span().end);
            show_table(table, &key, &mut show);
            continue;
        }
        let items = value.get_ref().as_array().into_iter().flatten();
        let tables: Vec<_> = items.filter_map(|item| Some((item.span(), item.get_ref().as_table()?))).collect();
        if tables.is_empty() {
            show(Key::top(name.get_ref()), name.span().start, value.span().end);
        }
        for (number, (span, table)) in tables.into_iter().enumerate() {
            let label = table.get("name").and_then(|label| label.get_ref().as_str()).unwrap_or_default();
            let key = Key::of_one(name.get_ref(), number, label, "");
            show(key.clone(), span.start, span.end);
            show_table(table, &key, &mut show);
        }
    }
}

fn show_table(table: &DeTable<'_>, key: &Key, show: &mut impl FnMut(Key, usize, usize)) {
    for (name, value) in table {
        show(Key { name: name.get_ref().to_string(), ..key.clone() }, name.span().start, value.span().end);
    }
}

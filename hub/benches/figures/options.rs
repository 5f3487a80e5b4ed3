//! What is said behind `cargo bench --bench NAME --`.

use std::fmt::Display;
use std::str::FromStr;

pub(crate) struct Options(Vec<String>);

impl Options {
    pub(crate) fn given() -> Self {
        Self(std::env::args().collect())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|arg| arg == name)
    }

    /// What stands behind a name.
    pub(crate) fn get<T: FromStr<Err: Display>>(&self, name: &str) -> Option<T> {
        let at = self.0.iter().position(|arg| arg == name)?;
        let text = self.0.get(at + 1).unwrap_or_else(|| panic!("{name} wants a value"));
        Some(text.parse().unwrap_or_else(|error| panic!("{name} {text}: {error}")))
    }

    pub(crate) fn or<T: FromStr<Err: Display>>(&self, name: &str, usual: T) -> T {
        self.get(name).unwrap_or(usual)
    }

    /// Which programs are measured: `dist`, as they ship, unless said.
    pub(crate) fn profile(&self) -> String {
        self.or("--profile", "dist".to_owned())
    }
}

//! The database file and the disk below it: how it is made, checked, copied back from its log, kept within its room, and set aside when it is damaged.

pub(in crate::store) mod aside;
pub(in crate::store) mod checkpoint;
pub(in crate::store) mod damage;
pub(in crate::store) mod migrate;
pub(in crate::store) mod quick_check;
pub(in crate::store) mod room;
pub(in crate::store) mod wal;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::store::secret;

/// Name of the database in the data directory.
pub(in crate::store) const FILE: &str = "telemetry.db";

/// Whether a file of the data directory is the database or the key, or one of them in the making.
#[must_use]
pub fn is_own_file(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    [FILE, secret::FILE].into_iter().any(|own| name.starts_with(own.as_bytes()))
}

/// The file SQLite keeps beside the database under this suffix.
pub(in crate::store) fn beside_file(file: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(suffix);
    PathBuf::from(name)
}

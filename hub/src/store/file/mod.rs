//! The database file and the disk below it: how it is opened, read, checked, kept within its room, and what ails it.

pub(super) mod aside;
pub(super) mod cap;
pub(super) mod checkpoint;
pub(super) mod column;
pub(super) mod damage;
pub(super) mod migrate;
pub(super) mod quick_check;
pub(super) mod readers;
pub(super) mod room;
pub(super) mod row_sum;
pub(super) mod secret;
pub(super) mod trouble;
pub(super) mod wal;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Name of the database in the data directory.
pub(super) const FILE: &str = "telemetry.db";

/// Whether a file of the data directory is the database or the key, or one of them in the making.
#[must_use]
pub fn is_own_file(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    [FILE, secret::FILE].into_iter().any(|own| name.starts_with(own.as_bytes()))
}

/// The file SQLite keeps beside the database under this suffix.
pub(super) fn beside_file(file: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(suffix);
    PathBuf::from(name)
}

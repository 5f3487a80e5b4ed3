//! Databases that were set aside as damaged: which there are, and which are settled.

use std::fs;
use std::path::{Path, PathBuf};

use super::FILE;
use crate::durable;
use crate::store::error::{Error, Result};

pub(in crate::store) const ASIDE: &str = "damaged-";
const DONE: &str = "recovered-";

/// Databases that were set aside and not yet salvaged, oldest first.
pub(in crate::store) fn set_aside_in(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(ASIDE))
        .map(|entry| entry.path().join(FILE))
        .filter(|file| file.exists())
        .collect();
    found.sort();
    found
}

/// Notes that what could be read of a database was salvaged: it no longer counts as set aside.
pub(in crate::store) fn settled(file: &Path) -> Result<()> {
    let Some(folder) = file.parent() else { return Ok(()) };
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let Some(when) = name.strip_prefix(ASIDE) else { return Ok(()) };
    durable::rename(folder, &folder.with_file_name(format!("{DONE}{when}")))
        .map_err(|source| Error::File { path: folder.to_owned(), source })
}

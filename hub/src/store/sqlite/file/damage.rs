//! Handles a damaged database: it is found at the start, set aside, never deleted, and replaced by one that takes readings again.
//!
//! ```text
//!   damaged? ──▶ note ──▶ damaged-<when>/telemetry.db(-wal) ──▶ new file, with what can be read of who is who ──▶ note gone
//! ```
//!
//! Each arrow may be the last thing before a power cut: the note says how far it came, and the next start goes on from
//! there. What is set aside is what [`recover`](crate::store::recover) salvages readings from; when that is done the folder is
//! called `recovered-<when>`.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::aside::ASIDE;
use super::{FILE, beside_file};
use crate::durable;
use crate::model::UnixMillis;
use crate::store::SecretKey;
use crate::store::error::{Error, Result};
use crate::store::sqlite::recover::salvage;

/// Says that the database is damaged: where it goes, and why.
const NOTE: &str = "telemetry.db.damaged";

/// Notes that the database was found damaged at a moment, so that the next start sets it aside. Keeps an earlier note.
pub(in crate::store) fn note(dir: &Path, at: UnixMillis, why: &str) -> Result<()> {
    let path = dir.join(NOTE);
    if path.exists() {
        return Ok(());
    }
    // A calendar date without colons, which some file systems refuse in a name.
    let when = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default().strftime("%Y%m%dT%H%M%SZ");
    let text = format!("{when}\n{why}\n");
    durable::replace(&path, text.as_bytes()).map_err(|source| Error::File { path, source })
}

/// Sets the database aside if there is a note, and puts a new one in its place.
pub(in crate::store) fn set_aside(dir: &Path, key: &SecretKey) -> Result<()> {
    let path = dir.join(NOTE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(Error::File { path, source }),
    };
    let (when, why) = text.split_once('\n').unwrap_or((&text, "unknown"));
    let (aside, file) = (dir.join(format!("{ASIDE}{}", when.trim())), dir.join(FILE));
    tracing::error!(
        "the database is damaged ({}). It was set aside in {}, nothing of it is deleted. New readings are stored in a new one; \
         `telemetry-hub recover` brings back what can be read of the old one",
        why.trim(),
        aside.display()
    );
    move_away(&file, &aside).map_err(|source| Error::File { path: aside.clone(), source })?;
    if !file.exists() {
        salvage::replace(dir, &aside.join(FILE), key)?;
    }
    durable::remove(&path).map_err(|source| Error::File { path, source })
}

/// Moves the database and its log. The log first: a database without it would be taken for an older, whole one.
fn move_away(file: &Path, aside: &Path) -> std::io::Result<()> {
    let target = aside.join(FILE);
    if target.exists() {
        return Ok(());
    }
    fs::create_dir_all(aside)?;
    for suffix in ["-wal", ""] {
        match fs::rename(beside_file(file, suffix), beside_file(&target, suffix)) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        durable::sync_folder_of(&target)?;
        durable::sync_folder_of(file)?;
    }
    // Only an index of the log; SQLite makes it anew.
    match fs::remove_file(beside_file(file, "-shm")) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::aside::{set_aside_in, settled};
    use super::*;

    #[test]
    fn a_note_is_kept_and_what_it_names_is_moved_once() {
        let dir = tempfile::tempdir().unwrap();
        let key = SecretKey::load_or_create(dir.path()).unwrap();
        let file = dir.path().join(FILE);
        fs::write(&file, b"no database").unwrap();
        fs::write(beside_file(&file, "-wal"), b"its log").unwrap();
        set_aside(dir.path(), &key).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"no database");
        note(dir.path(), UnixMillis(0), "first").unwrap();
        note(dir.path(), UnixMillis(1), "second").unwrap();
        assert!(fs::read_to_string(dir.path().join(NOTE)).unwrap().ends_with("first\n"));
        set_aside(dir.path(), &key).unwrap();
        let aside = set_aside_in(dir.path());
        assert_eq!(aside.len(), 1);
        assert_eq!(fs::read(&aside[0]).unwrap(), b"no database");
        assert_eq!(fs::read(beside_file(&aside[0], "-wal")).unwrap(), b"its log");
        assert!(!dir.path().join(NOTE).exists() && file.exists());
        settled(&aside[0]).unwrap();
        assert!(set_aside_in(dir.path()).is_empty());
    }
}

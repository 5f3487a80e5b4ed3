//! Backups that a passphrase opens: a [`backup`], written within the data directory, where all of it lies open anyway, and
//! sealed into its place. On the way out the same.
//!
//! ```text
//!   telemetry.db ──backup──▶ DIR/backup.partial ──age──▶ .FILE.*.partial ──opened once more──▶ FILE
//!   FILE ──age──▶ NEW-DIR/backup.partial ──restore──▶ NEW-DIR/telemetry.db
//! ```

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::backup::{self, Contents};
use crate::age;
use crate::durable;
use crate::store::error::{Error, Result};
use crate::store::secret;

/// The open backup, in a directory of its owner. One name: what a command left that was killed goes with the next.
const OPEN: &str = "backup.partial";

/// What a SQLite file begins with.
const DATABASE: &[u8] = b"SQLite format 3\0";

/// As [`backup::backup`], sealed with `passphrase`.
///
/// # Errors
/// As there; what is at `file` is no backup that this passphrase opens.
pub fn backup_sealed(dir: &Path, file: &Path, passphrase: &str, told: &mut dyn FnMut(u64, u64)) -> Result<Contents> {
    backup::refuse_pipes(file)?;
    if file.exists() && begins_with(file, passphrase).is_none_or(|head| head != DATABASE) {
        let detail = "already exists and is not a backup that this passphrase opens: choose another name";
        return Err(Error::BadFile { path: file.to_owned(), detail });
    }
    let at_file = |source| Error::File { path: file.to_owned(), source };
    let (open, part) = (open_in(dir)?, durable::staging(file).map_err(at_file)?);
    let made = backup::backup(dir, &open, told).and_then(|held| {
        durable::create(&part).map_err(at_file)?;
        seal(&open, &part, passphrase).map_err(|source| Error::Sealed { path: file.to_owned(), source })?;
        let bytes = fs::metadata(&part).map_err(at_file)?.len();
        durable::place(&part, file).map_err(at_file)?;
        Ok(Contents { bytes, ..held })
    });
    let removed = durable::remove(&open);
    if made.is_err() {
        // Half a backup is none; that it could not be removed changes nothing.
        let _ = fs::remove_file(&part);
    } else {
        removed.map_err(|source| Error::File { path: open, source })?;
    }
    made
}

/// As [`backup::restore`], of a backup that `passphrase` opens.
///
/// # Errors
/// As there; `passphrase` is another one.
pub fn restore_sealed(file: &Path, dir: &Path, passphrase: &str) -> Result<Contents> {
    backup::refuse_pipes(file)?;
    let sealed = |source| Error::Sealed { path: file.to_owned(), source };
    let from = File::open(file).map_err(|source| Error::File { path: file.to_owned(), source })?;
    let opened = age::Opened::new(passphrase, BufReader::new(from)).map_err(sealed)?;
    backup::refuse_full_folder(dir)?;
    let is_new = !dir.exists();
    secret::private_dir(dir)?;
    let open = open_in(dir)?;
    let written = durable::create(&open).map_err(age::Error::from).and_then(|file| {
        let mut to = BufWriter::new(file);
        opened.write_to(&mut to)?;
        Ok(to.flush()?)
    });
    let made = written.map_err(sealed).and_then(|()| backup::restore_beside(&open, dir));
    durable::remove(&open).map_err(|source| Error::File { path: open, source })?;
    if made.is_err() && is_new {
        // Where something is left in it that stays too.
        let _ = fs::remove_dir(dir);
    }
    made.map_err(|error| said_of(file, error))
}

/// Whether a backup has to be opened by a passphrase.
///
/// # Errors
/// It cannot be read.
pub fn is_sealed(file: &Path) -> Result<bool> {
    backup::refuse_pipes(file)?;
    let mut head = Vec::new();
    let read = File::open(file).and_then(|from| from.take(64).read_to_end(&mut head));
    read.map_err(|source| Error::File { path: file.to_owned(), source })?;
    Ok(age::is_sealed(&head))
}

/// A place for the open backup, with nothing in it.
fn open_in(dir: &Path) -> Result<PathBuf> {
    let open = dir.join(OPEN);
    match fs::remove_file(&open) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::File { path: open, source }),
        _ => Ok(open),
    }
}

/// Seals `open` into `part`, and opens that once more: what a disk made of it is seen now.
fn seal(open: &Path, part: &Path, passphrase: &str) -> Result<(), age::Error> {
    let mut to = BufWriter::new(File::options().write(true).open(part)?);
    age::seal(passphrase, &mut File::open(open)?, &mut to)?;
    to.flush()?;
    age::Opened::new(passphrase, BufReader::new(File::open(part)?))?.write_to(&mut io::sink())
}

/// The first bytes of what the passphrase opens; nothing where it opens nothing.
fn begins_with(file: &Path, passphrase: &str) -> Option<Vec<u8>> {
    let opened = age::Opened::new(passphrase, BufReader::new(File::open(file).ok()?)).ok()?;
    let mut head = Head(Vec::new());
    // It ends as soon as there is enough.
    let _ = opened.write_to(&mut head);
    Some(head.0)
}

/// Takes as many bytes as tell a database, and no more.
struct Head(Vec<u8>);

impl io::Write for Head {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = DATABASE.len() - self.0.len();
        self.0.extend_from_slice(&bytes[..room.min(bytes.len())]);
        if room == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(room.min(bytes.len())) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is wrong with the open backup is wrong with the file it came from.
fn said_of(file: &Path, error: Error) -> Error {
    if let Error::BadFile { path, detail } = &error
        && path.ends_with(OPEN)
    {
        return Error::BadFile { path: file.to_owned(), detail };
    }
    error
}

//! Replaces files so that a crash leaves either the old content or the new: each is written and synced under another
//! name, renamed, and the folder is synced.
//!
//! A rename replaces the file at once, but until the folder is synced a power cut may leave either name. A name that is
//! synced before its content may stand for an empty file.
//!
//! Nothing is ever written through a name that was there before. A file is created new or not at all (`O_EXCL`, which
//! follows no link); in a folder where others may write, its name cannot be guessed; and its owner is checked before it
//! is renamed into place.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom as _, SystemRandom};
use rustix::fs::OFlags;

/// Replaces `path`, in a folder of the hub's own, with `bytes`, readable by the owner only. When this fails the old file is
/// as it was, or the new one in place and not yet certain.
///
/// # Errors
/// Whatever the file system says, a full disk among it.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    // One name, so that tries that were killed leave one file and not many.
    let staged = PathBuf::from(name);
    let written = (|| {
        match fs::remove_file(&staged) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        create(&staged)?.write_all(bytes)
    })();
    let placed = written.and_then(|()| place(&staged, path));
    if placed.is_err() {
        // Half of it helps nobody; where it cannot be removed, the next try overwrites it.
        let _ = fs::remove_file(&staged);
    }
    placed
}

/// A name beside `place` for what is written before it gets there: `.NAME.<16 random hex digits>.partial`.
///
/// # Errors
/// `place` ends in no name, or the operating system has no randomness.
pub(crate) fn staging(place: &Path) -> io::Result<PathBuf> {
    let mut random = [0; 8];
    SystemRandom::new().fill(&mut random).map_err(|_| io::Error::other("no randomness from the operating system"))?;
    let mut name = OsStr::new(".").to_owned();
    name.push(place.file_name().ok_or(io::ErrorKind::InvalidInput)?);
    name.push(format!(".{:016x}.partial", u64::from_be_bytes(random)));
    Ok(folder_of(place).join(name))
}

/// Makes a file that is not there yet, for its owner only.
///
/// # Errors
/// Something has that name, a link that leads nowhere too; or whatever else the file system says.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Syncs a file that was written beside its place, and puts it there.
///
/// # Errors
/// Somebody else put a file of theirs in its place meanwhile; or whatever the file system says.
pub(crate) fn place(staged: &Path, path: &Path) -> io::Result<()> {
    let follow_no_link = OFlags::NOFOLLOW.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(follow_no_link).open(staged)?;
    let found = file.metadata()?;
    if !found.is_file() || found.uid() != rustix::process::geteuid().as_raw() || found.nlink() != 1 {
        return Err(io::Error::other("another program replaced the file while it was being written"));
    }
    file.sync_all()?;
    rename(staged, path)
}

/// Renames what is synced already, and syncs the name.
///
/// # Errors
/// Whatever the file system says.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_folder_of(to)
}

/// Removes a file so that it does not come back.
///
/// # Errors
/// Whatever the file system says.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)?;
    sync_folder_of(path)
}

/// Syncs the names in the folder of `path`.
///
/// # Errors
/// Whatever the file system says.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// The folder that holds `path`.
#[must_use]
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn nothing_is_written_through_a_link_that_somebody_planted() {
        let dir = tempfile::tempdir().unwrap();
        let (path, theirs) = (dir.path().join("key"), dir.path().join("theirs"));
        fs::write(&theirs, b"theirs").unwrap();
        std::os::unix::fs::symlink(&theirs, dir.path().join("key.new")).unwrap();
        replace(&path, b"ours").unwrap();
        assert_eq!((fs::read(&theirs).unwrap(), fs::read(&path).unwrap()), (b"theirs".to_vec(), b"ours".to_vec()));

        let staged = staging(&path).unwrap();
        assert_ne!(staged, staging(&path).unwrap());
        std::os::unix::fs::symlink(&theirs, &staged).unwrap();
        assert!(create(&staged).is_err() && place(&staged, &path).is_err());
        fs::remove_file(&staged).unwrap();
        create(&staged).unwrap();
        fs::hard_link(&staged, dir.path().join("held")).unwrap();
        assert!(place(&staged, &path).is_err(), "somebody else could go on writing into it");
    }

    #[test]
    fn a_file_is_replaced_whole_and_for_its_owner_only_or_stays_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        replace(&path, b"old").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        // In its way.
        fs::create_dir(dir.path().join("key.new")).unwrap();
        assert!(replace(&path, b"new").is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        fs::remove_dir(dir.path().join("key.new")).unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    }
}

//! Files that are the old one or the new one, whatever happens in between: written and synced beside their place, renamed,
//! and the name synced too.
//!
//! A rename replaces at once, but which of both names a power cut leaves is open until the folder is synced; and a name
//! synced before its content may stand for an empty file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Replaces `path` with `bytes`, readable by the owner only. When this fails the old file is as it was, or
/// the new one in place and not yet certain.
///
/// # Errors
/// Whatever the file system says, a full disk among it.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let staged = PathBuf::from(name);
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&staged)?;
        file.write_all(bytes)
    })();
    let placed = written.and_then(|()| place(&staged, path));
    if placed.is_err() {
        // Half of it helps nobody; where it cannot be removed, the next try overwrites it.
        let _ = fs::remove_file(&staged);
    }
    placed
}

/// Syncs a file that was written beside its place, and puts it there.
///
/// # Errors
/// Whatever the file system says.
pub fn place(staged: &Path, path: &Path) -> io::Result<()> {
    File::open(staged)?.sync_all()?;
    rename(staged, path)
}

/// Renames what is synced already, and syncs the name.
///
/// # Errors
/// Whatever the file system says.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_folder_of(to)
}

/// Removes a file so that it does not come back.
///
/// # Errors
/// Whatever the file system says.
pub fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)?;
    sync_folder_of(path)
}

/// Syncs the names in the folder of `path`.
///
/// # Errors
/// Whatever the file system says.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// The folder that holds `path`.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

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

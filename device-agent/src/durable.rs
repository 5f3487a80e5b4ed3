//! Replaces small files so that a crash leaves either the old content or the new.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Replaces `path` with `bytes`, readable by the owner only: temporary file, fsync, rename, fsync of the folder.
///
/// A full disk fails here and leaves the old file as it was.
///
/// # Errors
/// Whatever the file system says.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    rename_over(path, bytes)?;
    sync_folder_of(path)
}

/// All of [`replace`] but the fsync of the folder: a power cut may bring the old file back. Returns the file.
///
/// A temporary file that a kill left there is removed first, and one that is a link as well: a card that is written to may
/// have been in anybody's hands, and nothing is written through what it brings (`O_EXCL` follows no link).
///
/// # Errors
/// Whatever the file system says; the old file is as it was.
pub fn rename_over(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let temporary = with_suffix(path, ".tmp");
    let written = (|| {
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        Ok(file)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Makes the names in the folder of `path` durable: a synced file without its name is lost all the same.
///
/// # Errors
/// Whatever the file system says.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

/// Renames a file that cannot be used to the first free `<name>.<why>`, `<name>.<why>.1`, ..., and says to which.
///
/// # Errors
/// Whatever the file system says.
pub fn set_aside(path: &Path, why: &str) -> io::Result<PathBuf> {
    let mut aside = with_suffix(path, &format!(".{why}"));
    let mut attempt = 0;
    while aside.exists() {
        attempt += 1;
        aside = with_suffix(path, &format!(".{why}.{attempt}"));
    }
    fs::rename(path, &aside)?;
    sync_folder_of(path)?;
    Ok(aside)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_replacement_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        replace(&path, b"old").unwrap();
        fs::create_dir(folder.path().join("key.tmp")).unwrap();
        assert!(replace(&path, b"new").is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }

    #[test]
    fn nothing_is_written_through_a_link_that_lies_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let (path, theirs) = (folder.path().join("key"), folder.path().join("theirs"));
        fs::write(&theirs, b"theirs").unwrap();
        std::os::unix::fs::symlink(&theirs, folder.path().join("key.tmp")).unwrap();
        replace(&path, b"ours").unwrap();
        assert_eq!((fs::read(&theirs).unwrap(), fs::read(&path).unwrap()), (b"theirs".to_vec(), b"ours".to_vec()));
    }

    #[test]
    fn files_set_aside_never_overwrite_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        for _ in 0..3 {
            fs::write(&path, b"x").unwrap();
            set_aside(&path, "damaged").unwrap();
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }
}

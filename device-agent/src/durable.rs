//! Small files that are either the old one or the new one, whatever happens in between.

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
/// # Errors
/// Whatever the file system says; the old file is as it was.
pub fn rename_over(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let temporary = with_suffix(path, ".tmp");
    let written = (|| {
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
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

//! Puts several files in place together: everything that can fail is done before the first of them is visible.
//!
//! Each file is written and synced beside its place under another name; [`Placing::commit`] then renames them in the
//! order in which they were added. If a [`Placing`] is dropped before that, its files are removed, with the folders
//! that were made for them. After a kill, at most names such as `.NAME.0123456789abcdef.partial` are left over. Links
//! that lie in the way are not followed.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, fchown, symlink};
use std::path::{Path, PathBuf};

use crate::durable::{self, folder_of};

/// What is staged.
#[derive(Debug, Default)]
pub(crate) struct Placing {
    /// Where it lies, and where it will.
    staged: Vec<(PathBuf, PathBuf)>,
    /// Folders made, outermost first.
    made: Vec<PathBuf>,
}

/// Owner of a file: user and group, by number.
pub(crate) type Owner = (u32, u32);

impl Placing {
    /// Stages a file.
    ///
    /// # Errors
    /// Whatever the file system says; the path is the one meant.
    pub(crate) fn file(&mut self, place: &Path, bytes: &[u8], mode: u32, owner: Option<Owner>) -> Result<(), Failed> {
        let failed = |error| Failed { path: place.to_owned(), error };
        let staged = self.stage(place).map_err(failed)?;
        let written = (|| {
            // Closed to others before anything is in it.
            let mut file = durable::create(&staged)?;
            file.write_all(bytes)?;
            if let Some((user, group)) = owner {
                fchown(&file, Some(user), Some(group))?;
            }
            file.set_permissions(fs::Permissions::from_mode(mode))?;
            file.sync_all()
        })();
        written.map_err(failed)
    }

    /// Stages a symbolic link.
    ///
    /// # Errors
    /// As for a file.
    pub(crate) fn link(&mut self, place: &Path, to: &str) -> Result<(), Failed> {
        let failed = |error| Failed { path: place.to_owned(), error };
        let staged = self.stage(place).map_err(failed)?;
        symlink(to, &staged).map_err(failed)
    }

    /// Puts everything in place, in the order in which it was added.
    ///
    /// # Errors
    /// Whatever the file system says; what comes after is not in place then.
    pub(crate) fn commit(mut self) -> Result<(), Failed> {
        let staged = std::mem::take(&mut self.staged);
        self.made.clear();
        for (nth, (from, to)) in staged.iter().enumerate() {
            let placed = durable::rename(from, to);
            if let Err(error) = placed {
                self.staged = staged[nth..].to_vec();
                return Err(Failed { path: to.clone(), error });
            }
        }
        Ok(())
    }

    /// The name under which it is staged; its folder is there afterwards.
    fn stage(&mut self, place: &Path) -> io::Result<PathBuf> {
        let folder = folder_of(place);
        let missing: Vec<_> =
            folder.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists()).collect();
        for folder in missing.into_iter().rev() {
            fs::DirBuilder::new().mode(0o755).create(folder)?;
            self.made.push(folder.to_owned());
        }
        let staged = durable::staging(place)?;
        self.staged.push((staged.clone(), place.to_owned()));
        Ok(staged)
    }
}

impl Drop for Placing {
    fn drop(&mut self) {
        for (staged, _) in &self.staged {
            let _ = fs::remove_file(staged);
        }
        // Fails for a folder in which somebody else put something.
        for folder in self.made.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// A file could not be put in place.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {error}", path.display())]
pub(crate) struct Failed {
    pub path: PathBuf,
    pub error: io::Error,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_put_in_place_whole_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let mut placing = Placing::default();
        placing.file(&dir.path().join("a/b/one"), b"1", 0o644, None).unwrap();
        placing.link(&dir.path().join("a/two"), "b/one").unwrap();
        fs::write(dir.path().join("plain"), "").unwrap();
        let failed = placing.file(&dir.path().join("plain/three"), b"3", 0o644, None).unwrap_err();
        assert!(failed.to_string().contains("plain/three"), "{failed}");
        drop(placing);
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["plain"]);
    }

    #[test]
    fn nothing_is_seen_before_the_commit_and_everything_after() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        fs::write(&one, "old").unwrap();
        let mut placing = Placing::default();
        placing.file(&one, b"new", 0o640, None).unwrap();
        placing.link(&two, "one").unwrap();
        assert_eq!((fs::read(&one).unwrap(), two.exists()), (b"old".to_vec(), false));
        placing.commit().unwrap();
        assert_eq!(fs::read(&two).unwrap(), b"new");
        assert_eq!(fs::metadata(&one).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}

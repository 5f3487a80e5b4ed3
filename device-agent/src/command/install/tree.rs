//! Resolves paths and reads files of a root file system that may not be the running one.
//!
//! A mounted memory card may have been in anybody's hands. Links in it are followed as the device itself would follow them, so an
//! absolute one leads to the card's own `/etc` and not to this machine's. Only regular files are opened: a pipe would hang, and a
//! device node would do whatever the device does.
//!
//! The hub has the same walk for `telemetry-hub flash` (`hub/src/bundle/root.rs`): the two programs share nothing but the
//! protocol.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Links that are followed in a row; the kernel has the same limit.
const MOST_LINKS: usize = 40;

/// A tree of files whose `/` is here.
pub(super) struct Tree(pub(super) PathBuf);

impl Tree {
    /// Where a path lies with every link followed; what does not exist is taken as it reads.
    pub(super) fn real(&self, path: &str) -> io::Result<PathBuf> {
        self.resolve(path, true)
    }

    /// Where a file is to be put: its folder with links followed, but not a link in its own place, which gives way.
    pub(super) fn place(&self, path: &str) -> io::Result<PathBuf> {
        self.resolve(path, false)
    }

    /// Whether there is such a thing, at the end of its links.
    pub(super) fn has(&self, path: &str) -> bool {
        self.real(path).is_ok_and(|real| real.exists())
    }

    /// What a file holds.
    ///
    /// # Errors
    /// It is none (a pipe, a device), or cannot be read, or is no text.
    pub(super) fn read(&self, path: &str) -> io::Result<String> {
        let real = self.real(path)?;
        if !fs::metadata(&real)?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        fs::read_to_string(real)
    }

    fn resolve(&self, path: &str, follow_last: bool) -> io::Result<PathBuf> {
        let mut ahead: VecDeque<OsString> = parts(Path::new(path)).collect();
        let mut behind: Vec<OsString> = Vec::new();
        let mut links = 0;
        while let Some(part) = ahead.pop_front() {
            if part == ".." {
                behind.pop();
                continue;
            }
            let here = self.0.join(behind.iter().collect::<PathBuf>()).join(&part);
            let is_link = fs::symlink_metadata(&here).is_ok_and(|found| found.is_symlink());
            if !is_link || (ahead.is_empty() && !follow_last) {
                behind.push(part);
                continue;
            }
            links += 1;
            if links > MOST_LINKS {
                return Err(io::Error::other("too many links"));
            }
            let to = fs::read_link(&here)?;
            if to.is_absolute() {
                behind.clear();
            }
            for part in parts(&to).collect::<Vec<_>>().into_iter().rev() {
                ahead.push_front(part);
            }
        }
        Ok(self.0.join(behind.iter().collect::<PathBuf>()))
    }
}

/// The names in a path, with `..` among them.
fn parts(path: &Path) -> impl Iterator<Item = OsString> + '_ {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

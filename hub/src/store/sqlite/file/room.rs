//! Free space on the disk: how much is left, and a mebibyte reserved for when the disk is full.
//!
//! ```text
//!   plenty ──▶ nearly full (said: `model::room`) ──▶ full: nothing is acknowledged, the ballast is let go ──▶ room again: ballast
//! ```
//!
//! The ballast's space is for deleting, which needs some: for retention, and for people who delete a device. New readings stay on
//! their devices until there is space for them and for a new ballast.
//!
//! A mebibyte is enough because little is owed when the disk runs full: as soon as there is little room everything is
//! written in small steps, and the log is copied back every few hundred kilobytes (`Cap::in_small_steps`). From then on a
//! deletion is written over the log that is there.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};

use super::aside;
use super::beside_file;
use crate::model::room::Room;
use crate::store::engine::upkeep::Seen;

/// Set apart.
const BALLAST: u64 = 1 << 20;
/// Little room: all of the longest log that may have to be copied back, and some.
const LITTLE: u64 = 96 << 20;
/// Room that readings may be taken into again, besides a new ballast.
const ENOUGH: u64 = 8 << 20;
const NAME: &str = "ballast";

/// Room on the disk that holds `dir`; `None` where the system does not say.
pub fn on(dir: &Path) -> Option<Room> {
    let disk = rustix::fs::statvfs(dir).ok()?;
    Some(Room { free: disk.f_bavail * disk.f_frsize, total: disk.f_blocks * disk.f_frsize })
}

/// Looks at a database. May wait for the disk.
pub(in crate::store) fn seen(file: &Path) -> Seen {
    let bytes = |file: &Path| fs::metadata(file).map_or(0, |file| file.len());
    let dir = file.parent().unwrap_or_else(|| Path::new("."));
    let log = bytes(&beside_file(file, "-wal"));
    Seen { room: on(dir), file: bytes(file), log, set_aside: aside::set_aside_in(dir) }
}

/// Whether the disk that holds `dir` has so little room that steps have to be small.
pub(in crate::store) fn is_scarce(dir: &Path) -> bool {
    on(dir).is_some_and(|room| room.free < LITTLE)
}

/// The ballast of a data directory, and whether the disk is full.
#[derive(Debug)]
pub(in crate::store) struct Ballast {
    path: PathBuf,
    full: bool,
}

impl Ballast {
    /// Sets the ballast apart, if there is plenty of room for it.
    pub(in crate::store) fn new(dir: &Path) -> Self {
        let ballast = Self { path: dir.join(NAME), full: false };
        ballast.put();
        ballast
    }

    /// The disk was found full: lets the ballast go. A cap on the file that was reached is no full disk.
    pub(in crate::store) fn found_full(&mut self) {
        self.full = self.room().is_some_and(|room| room.free < BALLAST + ENOUGH);
        if self.full {
            // Where there is none, there is nothing to let go.
            let _ = fs::remove_file(&self.path);
        }
    }

    /// Whether readings have to wait. Once there is room again, sets the ballast apart anew.
    pub(in crate::store) fn is_full(&mut self) -> bool {
        if self.full && self.room().is_none_or(|room| room.free >= BALLAST + ENOUGH) {
            self.full = false;
            self.put();
        }
        self.full
    }

    fn room(&self) -> Option<Room> {
        on(self.path.parent()?)
    }

    fn put(&self) {
        let there = fs::metadata(&self.path).is_ok_and(|file| file.len() == BALLAST);
        if there || self.room().is_none_or(|room| room.free < BALLAST + ENOUGH) {
            return;
        }
        let write = || {
            let mut file = File::create(&self.path)?;
            if fallocate(&file, FallocateFlags::empty(), 0, BALLAST).is_ok() {
                return Ok(());
            }
            let block = vec![0x55; 1 << 20];
            (0..BALLAST >> 20).try_for_each(|_| file.write_all(&block))
        };
        if let Err(error) = write() {
            tracing::warn!(%error, "no space could be reserved for a full disk: {error}");
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ballast_is_set_apart_once_and_stays_while_there_is_room() {
        let dir = tempfile::tempdir().unwrap();
        let mut ballast = Ballast::new(dir.path());
        let file = dir.path().join(NAME);
        assert_eq!(fs::metadata(&file).unwrap().len(), BALLAST);
        // The cap was reached, not the disk.
        ballast.found_full();
        assert!(!ballast.is_full() && file.exists());
        let room = on(dir.path()).unwrap();
        assert!(room.free > 0 && room.total >= room.free);
    }
}

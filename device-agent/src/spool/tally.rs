//! Readings dropped since the device's first start, by reason: beside the segments, so that a restart forgets none.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use wire::ledger::DropReason;

use crate::durable;

/// Flash wears: while readings are dropped, their count is written this often, and at the end.
const WRITE_EVERY: Duration = Duration::from_secs(60);

/// Readings dropped, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Drops {
    /// The oldest, for want of room.
    pub oldest: u64,
    /// The newest, for want of room.
    pub newest: u64,
    /// Held longer than readings are kept.
    pub expired: u64,
    /// Left out between others that stayed.
    pub thinned: u64,
    /// The disk did not give them back.
    pub unreadable: u64,
}

impl Drops {
    /// Counts readings that were given up.
    pub(super) const fn add(&mut self, reason: DropReason, readings: u64) {
        match reason {
            DropReason::Oldest => self.oldest += readings,
            DropReason::Newest => self.newest += readings,
            DropReason::Expired => self.expired += readings,
            DropReason::Unreadable => self.unreadable += readings,
        }
    }

    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.oldest + self.newest + self.expired + self.thinned + self.unreadable
    }
}

/// The file that keeps the counts.
#[derive(Debug, Default)]
pub(super) struct Tally {
    path: Option<PathBuf>,
    written: Drops,
    due: Option<Instant>,
}

impl Tally {
    /// The file in the spool folder, and what earlier runs counted. One that cannot be read is set aside: counting begins
    /// anew.
    pub(super) fn open(folder: &Path) -> (Self, Drops) {
        let path = folder.join("drops");
        let written = match fs::read(&path).map(|bytes| serde_json::from_slice(&bytes)) {
            Ok(Ok(drops)) => drops,
            Ok(Err(_)) => {
                let _ = durable::set_aside(&path, "damaged");
                Drops::default()
            }
            Err(_) => Drops::default(),
        };
        (Self { path: Some(path), written, due: None }, written)
    }

    /// Writes the counts if they changed, and the last writing was a while ago.
    pub(super) fn keep(&mut self, drops: Drops, now: Instant) -> io::Result<()> {
        if drops != self.written && self.due.is_none_or(|due| now >= due) {
            self.write(drops)?;
            self.due = Some(now + WRITE_EVERY);
        }
        Ok(())
    }

    /// Writes the counts if they changed.
    pub(super) fn write(&mut self, drops: Drops) -> io::Result<()> {
        let Some(path) = self.path.as_ref().filter(|_| drops != self.written) else { return Ok(()) };
        durable::replace(path, &serde_json::to_vec(&drops).unwrap_or_default())?;
        self.written = drops;
        Ok(())
    }
}

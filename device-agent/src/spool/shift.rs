//! Batches whose readings were taken by a wrong clock, and by how much it was wrong.
//!
//! A batch is corrected when it is handed out: the times of its readings are relative to one base time, so only that is rewritten, and
//! the copy on disk stays as it is. The corrections are kept in a file beside the segments, because the monotonic clock from which
//! they follow does not outlive a boot.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wire::{BatchSeq, Epoch};

use crate::durable;

/// Moves remembered: more would be a clock that is set every few minutes.
const MOST: usize = 64;

/// Which batches to move, and how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Shift {
    epoch: Epoch,
    from: BatchSeq,
    until: BatchSeq,
    ms: i64,
}

/// Every move that is known.
#[derive(Debug, Default)]
pub(super) struct Shifts {
    path: Option<PathBuf>,
    known: Vec<Shift>,
}

impl Shifts {
    /// Those that earlier runs learned.
    pub(super) fn open(folder: &Path) -> Self {
        let path = folder.join("clock");
        let known = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Self { path: Some(path), known }
    }

    /// Batches of `epoch` from `from` on, before `until`, were taken by a clock that was `ms` behind.
    pub(super) fn add(&mut self, epoch: Epoch, from: BatchSeq, until: BatchSeq, ms: i64) -> io::Result<()> {
        if from >= until || ms == 0 {
            return Ok(());
        }
        self.known.push(Shift { epoch, from, until, ms });
        if self.known.len() > MOST {
            self.known.remove(0);
        }
        match &self.path {
            Some(path) => durable::replace(path, &serde_json::to_vec(&self.known).unwrap_or_default()),
            None => Ok(()),
        }
    }

    /// How far to move a batch.
    pub(super) fn of(&self, epoch: Epoch, seq: BatchSeq) -> i64 {
        let meant = |shift: &&Shift| shift.epoch == epoch && (shift.from..shift.until).contains(&seq);
        self.known.iter().filter(meant).map(|shift| shift.ms).sum()
    }
}

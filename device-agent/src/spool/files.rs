//! What a spool has on disk: segments, and the journal of the batch that is being filled. A spool in memory has neither.

use std::io;
use std::sync::Arc;

use super::disk::{Disk, Extent};
use super::journal::Journal;
use super::listed::{Body, Held};

/// The files of a spool.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) disk: Option<Disk>,
    pub(super) journal: Option<Journal>,
    /// The hub is away: every maintenance writes what came since.
    pub(super) spilling: bool,
}

impl Files {
    /// The body of a batch; `None` if the disk does not give it back.
    pub(super) fn body(&self, held: &Held) -> Option<Arc<[u8]>> {
        match &held.body {
            Body::Memory(body) => Some(Arc::clone(body)),
            Body::Disk(extent) => self.disk.as_ref()?.read(*extent).map(Arc::from),
        }
    }

    /// A batch is needed no more; a segment without any is deleted.
    pub(super) fn release(&mut self, extent: Extent) {
        if let Some(disk) = &mut self.disk {
            disk.release(extent);
        }
    }

    /// Whether batches go to disk as they come.
    pub(super) const fn is_spilling(&self) -> bool {
        self.spilling && self.disk.is_some()
    }

    /// What the journal holds is in a segment or with the hub.
    pub(super) fn clear_journal(&mut self) -> io::Result<()> {
        self.journal.as_mut().map_or(Ok(()), Journal::clear)
    }
}

//! The order in which batches leave: live ones oldest first, the backlog newest first.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use wire::Lane;

use super::listed::Key;

/// Age past which an unsent batch is backlog: a live view has no use for it.
pub const LIVE_FOR: Duration = Duration::from_secs(10);

/// Batches that wait to be handed out, and those that were.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    pub(super) live: VecDeque<Key>,
    pub(super) backlog: BTreeSet<Key>,
    pub(super) handed: BTreeSet<Key>,
    /// Nothing is handed out: what is held has no time yet, or perhaps a wrong one.
    pub(super) held_back: bool,
}

impl Lanes {
    /// A batch waits behind the others of its lane.
    pub(super) fn queue(&mut self, key: Key, lane: Lane) {
        match lane {
            Lane::Live => self.live.push_back(key),
            Lane::Recovered => {
                self.backlog.insert(key);
            }
        }
    }

    /// A batch leaves the spool. `live` skips what is not held.
    pub(super) fn forget(&mut self, key: Key) {
        self.handed.remove(&key);
        self.backlog.remove(&key);
    }

    /// All that is held waits as backlog.
    pub(super) fn begin_epoch(&mut self, held: impl Iterator<Item = Key>) {
        self.live.clear();
        self.handed.clear();
        self.backlog = held.collect();
    }

    /// Batches that wait.
    pub(super) fn waiting(&self) -> usize {
        self.live.len() + self.backlog.len()
    }
}

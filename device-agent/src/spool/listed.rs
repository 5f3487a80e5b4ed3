//! Batches that are listed one by one: each with its body, in memory or on disk, and what that costs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use wire::{BatchSeq, Epoch, Lane};

use super::disk::Extent;
use super::taken::Taken;

/// What one held batch costs in memory besides its body.
const OVERHEAD: usize = 128;

/// Which batch, oldest first.
pub(super) type Key = (Epoch, BatchSeq);

/// A batch that is neither acknowledged nor given up.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) body: Body,
    pub(super) readings: u16,
    pub(super) sensors: u16,
    pub(super) lane: Lane,
    pub(super) taken: Taken,
}

impl Held {
    /// The segment its body lies in.
    pub(super) const fn segment(&self) -> Option<u32> {
        match self.body {
            Body::Disk(extent) => Some(extent.segment),
            Body::Memory(_) => None,
        }
    }
}

/// Where the readings of a batch are.
#[derive(Debug)]
pub(super) enum Body {
    Memory(Arc<[u8]>),
    Disk(Extent),
}

/// The list.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) held: BTreeMap<Key, Held>,
    /// Keys whose bodies are in memory.
    pub(super) in_memory: BTreeSet<Key>,
    /// Bytes that those take.
    pub(super) memory: usize,
}

impl Listed {
    /// Lists a batch.
    pub(super) fn insert(&mut self, key: Key, held: Held) {
        if let Body::Memory(body) = &held.body {
            self.memory += body.len() + OVERHEAD;
            self.in_memory.insert(key);
        }
        self.held.insert(key, held);
    }

    /// Takes a batch off the list. Its place on disk is not given free: see [`Files::release`](super::files::Files::release).
    pub(super) fn remove(&mut self, key: Key) -> Option<Held> {
        let held = self.held.remove(&key)?;
        if let Body::Memory(body) = &held.body {
            self.in_memory.remove(&key);
            self.memory -= body.len() + OVERHEAD;
        }
        Some(held)
    }

    /// The body of a batch is on disk from now on.
    pub(super) fn wrote(&mut self, key: Key, extent: Extent) {
        self.in_memory.remove(&key);
        if let Some(held) = self.held.get_mut(&key) {
            if let Body::Memory(body) = std::mem::replace(&mut held.body, Body::Disk(extent)) {
                self.memory -= body.len() + OVERHEAD;
            }
        }
    }

    /// Batches whose bodies lie in this segment, oldest first.
    pub(super) fn in_segment(&self, segment: u32) -> Vec<Key> {
        self.held.iter().filter(|(_, held)| held.segment() == Some(segment)).map(|(key, _)| *key).collect()
    }

    /// When the oldest batch that is in memory only began to wait, in a spool that was opened at `opened`.
    pub(super) fn waits_since(&self, opened: Instant) -> Option<Instant> {
        let held = self.in_memory.first().and_then(|key| self.held.get(key))?;
        Some(held.taken.since(opened))
    }
}

//! Numbers of tracks in the engine, and maps with these numbers as keys. PURE.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Place of a track in the engine.
pub(super) type Slot = u32;

/// Slots to places in a list. Slots are the engine's own dense numbers, so nobody can choose colliding ones.
pub(super) type BySlot<V> = HashMap<Slot, V, BuildHasherDefault<SlotHasher>>;

/// Spreads a slot with one multiplication.
#[derive(Debug, Default)]
pub(super) struct SlotHasher(u64);

impl Hasher for SlotHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u32(u32::from(byte));
        }
    }

    fn write_u32(&mut self, slot: u32) {
        self.0 = (self.0 ^ u64::from(slot)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

//! Blocks: how a device's readings are cut from the head, and how small cuts are merged. The engine knows how a block
//! is stored.

pub(super) mod cut;
pub(super) mod merge;

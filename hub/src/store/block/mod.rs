//! Blocks: what of a device is cut from the head, and how small cuts become one. What a row of them is on disk is the engine's.

pub(super) mod cut;
pub(super) mod merge;

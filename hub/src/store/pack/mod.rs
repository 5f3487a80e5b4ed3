//! PURE. Columns of numbers and times in few bytes, and the figures that are made of them.

pub(super) mod beat;
pub(super) mod bucket;
pub(super) mod cells;
pub(super) mod exact;
pub(super) mod packed;
pub(super) mod payload;
pub(super) mod rollup;

//! The endpoint against devices made of `wire` alone, in time moved by hand.

mod attacks;
mod batches;
mod joining;
mod limits;
mod numbering;
mod parting;
mod rivals;
mod scene;

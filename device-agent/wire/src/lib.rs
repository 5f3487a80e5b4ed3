#![no_std]
//! The contract between device agents and the hub.

extern crate alloc;

pub mod handshake;
pub mod identity;
pub mod reading;
pub mod seq;

pub use identity::{DeviceId, HubId, Id, IdError, KeyPair, NoRandomness, PublicKey};
pub use reading::{BatchSeq, Epoch, Lane, Reading, SensorKind, SensorNo, SensorSpec, UnixMillis};
pub use seq::{Inserted, SeqSet};

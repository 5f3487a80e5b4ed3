//! The contract between device agents and the hub: what may stand in a datagram, and what it means.
//!
//! # Roles
//!
//! A **device** owns a key pair, numbers its batches of readings without gaps within each boot (*epoch*), and keeps every
//! batch until it is acknowledged. A **hub** owns a key pair, stores batches, and acknowledges a batch only once it is on
//! disk. Repeats are harmless: a batch is known by (device, epoch, number) for good.
//!
//! ```text
//!   device                                             hub
//!   PROBE (multicast, or to a known address)  ───────▶
//!                                             ◀─────── ANSWER            [`discovery`]: candidates, never trusted
//!   HS1   (key, token, counter)               ───────▶
//!                                             ◀─────── HS2               [`handshake`]: Noise IKpsk2, mutual
//!   DATA{Hello}                               ───────▶                   [`seal`], [`message`]
//!                                             ◀─────── DATA{Welcome}
//!   DATA{Dictionary} DATA{Batch} ..           ───────▶                   [`batch`]
//!                                             ◀─────── DATA{Ack}         [`seq`]: on disk, may be forgotten
//!   DATA{Ledger} DATA{Health}                 ───────▶                   [`message`]: what was taken, what was lost
//!                                             ◀─────── DATA{Claimed}     [`message`]: another machine has this key
//!                                             ◀─────── DATA{Recorded}
//! ```
//!
//! Layouts are in [`packet`], in prose. The crate is `no_std` with `alloc`: no clock, no socket; its only randomness is
//! that of key generation. No input makes it panic, and no length field makes it allocate.
//!
//! # Version rule
//!
//! The version stands in probes and handshakes. Within a version, packets and messages only gain: a reserved bit gets a
//! meaning, or a control message is added at the end of [`message::Control`]. Anything else is a new version, and a hub
//! speaks the last two.

#![no_std]
#![warn(missing_docs)]

extern crate alloc;

pub mod batch;
pub mod discovery;
mod error;
pub mod handshake;
mod identity;
mod layout;
pub mod ledger;
pub mod message;
pub mod packet;
mod reading;
pub mod replay;
pub mod seal;
mod seq;
pub mod text;
pub mod varint;

pub use error::DecodeError;
pub use identity::{DeviceId, HubId, Id, IdError, KeyPair, NoRandomness, PublicKey, base32, from_base32};
pub use reading::{BatchSeq, Epoch, Hour, Lane, Numbering, Reading, SensorKind, SensorNo, SensorSpec, UnixMillis};
pub use seq::{Inserted, SeqSet};

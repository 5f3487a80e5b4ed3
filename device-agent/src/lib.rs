//! The device agent: finds a telemetry hub, streams sensor readings to it, and keeps each one until the hub has it on disk.
//!
//! # Map, and what may import what
//!
//! ```text
//!   4  main, command/*        arguments, exit codes
//!   3  agent   fleet          composition: one real device; many simulated ones
//!      net   links   resolver   status   notice    shells: sockets, interfaces, names, the status socket, the log
//!      config                    file, variables and flags, checked
//!   2  feed   input   intake   sampler   spool   sensor   identity   crew
//!   1  uplink                 PURE: the protocol's state; spool::segment, deadband, timeline, seeking, trouble, netem,
//!                              random and quantity are pure too
//!   0  wire                   the contract
//! ```
//!
//! Imports point down. Time is read in [`clock`] alone and passed on as [`clock::Now`]; a file that must not be half
//! written goes through [`durable`].
//!
//! A reading's way: [`sensor`] → [`input`], or [`intake`] → [`deadband`] → [`sampler::Gather`] → [`spool::Spool`] → [`feed`] → [`uplink::Uplink`] → [`net`]; it is
//! deleted when the hub's acknowledgement comes back through [`feed`].

pub mod agent;
pub mod clock;
pub mod config;
pub mod crew;
pub mod deadband;
pub mod durable;
pub mod feed;
pub mod fleet;
pub mod identity;
pub mod input;
pub mod intake;
pub mod links;
pub mod net;
pub mod netem;
mod notice;
pub mod quantity;
pub mod random;
pub mod resolver;
pub mod sampler;
pub mod seeking;
pub mod sensor;
pub mod spool;
pub mod status;
pub mod timeline;
pub mod trouble;
pub mod uplink;

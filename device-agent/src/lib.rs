//! The device agent: finds a telemetry hub, streams sensor readings to it, and keeps each one until the hub has it on disk.
pub mod clock;
pub mod durable;
pub mod identity;
pub mod quantity;
pub mod sensor;
pub mod config;
pub mod spool;
pub mod net;
pub mod random;
pub mod sampler;
pub mod uplink;
pub mod agent;
pub mod feed;
pub mod input;
pub mod status;

//! The device agent: finds a telemetry hub, streams sensor readings to it, and keeps each one until the hub has it on disk.
pub mod agent;
pub mod clock;
pub mod config;
pub mod durable;
pub mod feed;
pub mod fleet;
pub mod identity;
pub mod input;
pub mod net;
pub mod netem;
pub mod quantity;
pub mod random;
pub mod sampler;
pub mod sensor;
pub mod spool;
pub mod status;
pub mod uplink;

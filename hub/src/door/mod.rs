//! Doors for what people have already, beside HTTP and the UDP of the agents. Each technology has a folder, and none knows another.
//! Of those that come by HTTP (`otlp`, `prometheus`) the decoder is here and the socket is `http`'s.
//!
//! ```text
//!   socket ──▶ decoder (PURE: bytes in, lines out) ──▶ gather ──▶ the way of all readings (`ingest::way`) ──▶ on disk
//! ```
//!
//! A door that asks for no token is off until somebody turns it on, is open to the networks of a list alone, and makes as many new
//! devices as one token may. What it drops is counted with a reason. However much comes, it has one group of readings on the way to
//! the disk at a time, so that devices find room beside it.

mod allowed;
mod buckets;
pub(crate) mod called;
pub(crate) mod line;
pub(crate) mod mqtt;
pub(crate) mod otlp;
pub(crate) mod prometheus;
mod protobuf;
pub(crate) mod tally;
mod weighed;

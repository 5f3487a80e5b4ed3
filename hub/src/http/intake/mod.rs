//! `POST /readings`, and the paths of InfluxDB (`influx`) and OpenTelemetry (`otlp`), and that of Prometheus (`remote_write`): readings that programs push.
//!
//! ```text
//!   body ──▶ unpack ──▶ gather (all of it is read before anything is done) ──▶ names become numbers ──▶ room ──▶ desk
//!                                                                     answer ◀── on disk ◀── commit ◀── the pipeline
//! ```
//!
//! The answer is sent after the readings are on disk, like an acknowledgement to a device. What is wrong is told with its line or
//! field, and whether the rest is stored without it, the request says: by its path, as InfluxDB's clients expect it, or by
//! `partial=true`. A client that got no answer sends the request again: readings of the same sensor and moment are stored once, and
//! the last one counts.

mod influx;
pub(super) mod inlet;
pub(super) mod json;
mod lines;
pub(super) mod otlp;
mod push;
mod receive;
mod refused;
mod remote_write;
#[cfg(test)]
mod tests;
pub(super) mod unpack;
pub(super) mod words;

use crate::http::state::Routes;

/// Readings that come in.
pub(super) fn routes() -> Routes {
    push::routes().merge(influx::routes()).merge(otlp::routes()).merge(remote_write::routes())
}

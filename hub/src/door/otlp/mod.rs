//! OTLP, in which programs with OpenTelemetry send their metrics: bytes in, readings out. PURE.
//!
//! ```text
//!   resource ──▶ the device (`source`)      metric and attributes ──▶ the sensor (`called`)
//!   gauge, sum ──▶ a reading                histogram, summary ──▶ a reading of each part (`points`)
//! ```
//!
//! What may be in a request, and what it becomes, is in `hub/docs/doors/opentelemetry.md`.

mod answer;
mod json;
mod loose;
mod message;
mod points;
mod proto;
mod source;
#[cfg(test)]
mod tests;

pub(crate) use answer::{refused, taken};
pub(crate) use json::gather_json;
pub(crate) use proto::gather;

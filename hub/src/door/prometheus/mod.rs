//! Prometheus: what it and programs like it send by remote write, versions 1 and 2, and what the hub asks of their targets itself.
//!
//! ```text
//!   job and instance ──▶ the device      __name__ and the other labels ──▶ the sensor (`called`)
//!   a sample ──▶ a reading               a native histogram ──▶ a reading of each part (`native`)
//!   metadata, and what names say ──▶ kind and unit (`families`)
//! ```
//!
//! What may be in a request, and what it becomes, is in `hub/docs/doors/prometheus.md`.

mod families;
mod native;
mod said;
pub(crate) mod scrape;
mod series;
#[cfg(test)]
mod tests;
mod text;
mod v1;
mod v2;

pub(crate) use said::Said;
pub(crate) use series::Read;
pub(crate) use v1::gather;
pub(crate) use v2::gather as gather_v2;

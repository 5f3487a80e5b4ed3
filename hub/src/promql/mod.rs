//! PromQL, as Prometheus 2.42 understands it: what Grafana asks in. PURE.
//!
//! ```text
//!   text ──▶ promql-parser ──▶ plan (moments settled, functions known) ──▶ eval ◀── Source: readings by label
//!                                                                           │ window: rate, avg_over_time ...
//!                                                                           │ calls, join, fold, histogram
//!                                                                           ▼
//!                                                                         Value
//! ```
//!
//! Every expression is worked out for all moments of the question at once, series by series, so that of a year of readings no more
//! than one series is held. Where it matters in which order Prometheus does its sums, they are done in that order.

mod calls;
mod error;
mod eval;
mod fold;
mod grid;
mod histogram;
mod join;
mod labels;
mod math;
mod number;
mod outline;
mod pattern;
mod plan;
mod planner;
mod question;
mod source;
mod value;
mod window;

pub(crate) use error::Error;
pub(crate) use grid::{Grid, MOST_STEPS, duration};
pub(crate) use labels::{Labels, NAME};
pub(crate) use number::number;
pub(crate) use promql_parser::label::Matcher;
pub(crate) use question::{LONGEST, Question};
pub(crate) use source::{Source, WithReadings};
pub(crate) use value::{Row, Value};

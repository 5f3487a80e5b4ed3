//! Questions in PromQL, asked as Prometheus is asked: what Grafana reads this hub by, with `/prometheus` as its address.
//!
//! ```text
//!   GET or POST ──▶ ask (parameters, moments) ──▶ promql ◀── stored: series by label, readings off the disk
//!                                                    └──▶ answer (JSON as Prometheus writes it)
//! ```
//!
//! A sensor is a metric (`names`), its device the label `device`. Parameters that Prometheus would not know are passed over here as
//! they are there: each client sends some of its own.

mod answer;
mod ask;
mod names;
mod query;
mod series;
mod stored;
#[cfg(test)]
mod tests;
mod words;

use utoipa_axum::routes;

use super::state::Routes;
pub(super) use words::in_their_words;

/// What Prometheus answers.
pub(super) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(query::at_once, query::at_once_by_form))
        .routes(routes!(query::over_time, query::over_time_by_form))
        .routes(routes!(series::series, series::series_by_form))
        .routes(routes!(series::labels, series::labels_by_form))
        .routes(routes!(series::values))
        .routes(routes!(series::metadata))
        .routes(routes!(series::build))
}

//! A rule tried on the past.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::alert::Measure;
use super::query::Time;
use super::rule::{Needs, NewRule};
use super::text;
use crate::model::UnixMillis;
use crate::model::catalog::{Catalog, Series};
use crate::model::rule::Condition;
use crate::rules::Watching;
use crate::rules::backtest::Outcome;

/// A rule, and the range to try it on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BacktestRequest {
    /// The rule, as for making one; its `name` may be left out, and it need not be `enabled`.
    pub rule: NewRule,
    /// Start, included; a day before `to` when left out.
    pub from: Option<Time>,
    /// End, not included; now when left out.
    pub to: Option<Time>,
}

/// What the rule would have done.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Backtest {
    /// Start of the range.
    pub from: String,
    /// End of the range.
    pub to: String,
    /// What the values of the firings mean.
    pub measure: Measure,
    /// What a series must have reported before the rule can evaluate it; null where the first reading is enough.
    /// `waiting` counts those that could not be evaluated.
    pub needs: Option<Needs>,
    /// How often it would have fired, on all series together.
    pub fires: u64,
    /// Series it would have watched.
    pub watched: usize,
    /// One per series that was evaluated, in the order of the catalog.
    pub series: Vec<SeriesBacktest>,
    /// Whether series are missing here: too many, or too many readings for one request.
    pub truncated: bool,
}

/// What the rule would have done on one series.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SeriesBacktest {
    /// Id of the device.
    pub device: String,
    /// Its name.
    pub device_name: String,
    /// Sensor.
    pub sensor: String,
    /// Unit of the values of the firings.
    pub unit: String,
    /// Readings stored in the range.
    pub readings: u64,
    /// Readings that measured something: a rate and a deviation need some history before, see `needs`.
    pub judged: u64,
    /// How often it would have fired.
    pub fires: u64,
    /// Seconds for which it would have been firing.
    pub firing_s: f64,
    /// The first 100 firings.
    pub firings: Vec<Firing>,
}

/// One firing.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Firing {
    /// When it would have fired.
    pub from: String,
    /// When it would have resolved; null if it still fired at the end of the range.
    pub to: Option<String>,
    /// What was measured when it fired; null for silence.
    pub value: Option<f64>,
}

impl Backtest {
    /// Of a range, before any series is tried.
    #[must_use]
    pub fn of((from, to): (UnixMillis, UnixMillis), condition: &Condition, watched: usize) -> Self {
        Self {
            from: text::moment(from),
            to: text::moment(to),
            measure: condition.measure().into(),
            needs: Needs::of(condition, Watching { series: watched, waiting: 0 }),
            fires: 0,
            watched,
            series: Vec::new(),
            truncated: false,
        }
    }
}

impl SeriesBacktest {
    /// Of one series; `None` when its device is gone by now.
    #[must_use]
    pub fn of(outcome: Outcome, series: &Series, condition: &Condition, catalog: &Catalog) -> Option<Self> {
        let device = catalog.device(series.device)?;
        let firings = outcome.spans.iter().map(|span| Firing {
            from: text::moment(span.from),
            to: span.to.map(text::moment),
            value: span.value,
        });
        Some(Self {
            device: device.id.to_string(),
            device_name: device.name.clone(),
            sensor: series.sensor.clone(),
            unit: condition.measure().unit(&series.unit),
            readings: outcome.readings,
            judged: outcome.judged,
            fires: outcome.fires,
            firing_s: outcome.firing_ms as f64 / 1_000.0,
            firings: firings.collect(),
        })
    }
}

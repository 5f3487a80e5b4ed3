//! The firings of a rule that is tried, series by series.

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::catalog::{Catalog, Series};
use crate::model::rule::Condition;
use crate::model::when;
use crate::rules::backtest::{Outcome, Span};

/// What the rule would have done on one series.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct SeriesBacktest {
    /// Id of the device; empty for a rule that counts devices, which has one entry for all of them.
    pub device: String,
    /// Its name.
    pub device_name: String,
    /// Sensor; of a rule that counts devices its pattern.
    pub sensor: String,
    /// Unit of the values of the firings.
    pub unit: String,
    /// Readings stored in the range.
    pub readings: u64,
    /// Readings that measured something: a rate and a deviation need some history before, see `needs`.
    pub judged: u64,
    /// How often it would have fired, with what would have been firing at the start of the range.
    pub fires: u64,
    /// Seconds of the range for which it would have been firing.
    pub firing_s: f64,
    /// The first 100 firings.
    pub firings: Vec<Firing>,
}

/// One firing.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Firing {
    /// When it would have fired; before the start of the range if it would have been firing there already.
    pub from: String,
    /// When it would have resolved; null if it still fired at the end of the range.
    pub to: Option<String>,
    /// What was measured when it fired; null for silence.
    pub value: Option<f64>,
}

impl Firing {
    /// As the replay found it.
    #[must_use]
    pub(crate) fn of(span: &Span) -> Self {
        Self { from: when::moment(span.from), to: span.to.map(when::moment), value: span.value }
    }
}

impl SeriesBacktest {
    /// Of all devices together.
    #[must_use]
    pub(crate) fn of_all(outcome: &Outcome, sensors: &str) -> Self {
        Self {
            device: String::new(),
            device_name: "several devices".to_owned(),
            sensor: sensors.to_owned(),
            unit: "1".to_owned(),
            readings: outcome.readings,
            judged: outcome.judged,
            fires: outcome.fires,
            firing_s: outcome.firing_ms as f64 / 1_000.0,
            firings: outcome.spans.iter().map(Firing::of).collect(),
        }
    }

    /// Of one series; `None` when its device is gone by now.
    #[must_use]
    pub(crate) fn of(outcome: &Outcome, series: &Series, condition: &Condition, catalog: &Catalog) -> Option<Self> {
        let device = catalog.device(series.device)?;
        Some(Self {
            device: device.id.to_string(),
            device_name: device.name.clone(),
            sensor: series.sensor.clone(),
            unit: condition.measure().unit(&series.unit),
            readings: outcome.readings,
            judged: outcome.judged,
            fires: outcome.fires,
            firing_s: outcome.firing_ms as f64 / 1_000.0,
            firings: outcome.spans.iter().map(Firing::of).collect(),
        })
    }
}

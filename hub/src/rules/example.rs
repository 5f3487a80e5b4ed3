//! An alert as a rule would raise it with a reading that is there: for people who write its message. PURE.

use std::sync::Arc;

use super::backtest::Trial;
use super::condition::threshold;
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertId, AlertState, Measure, Part, Subject};
use crate::model::catalog::{Catalog, Series};
use crate::model::reading::Point;
use crate::model::rule::Condition;

impl Trial {
    /// An alert that fires with this reading. What the reading alone does not tell, such as a rate, is taken to be at the limit.
    #[must_use]
    pub fn example(&self, series: &Series, reading: Point, catalog: &Catalog, now: UnixMillis) -> Alert {
        let spec = &self.rule().spec;
        let (measure, limit) = (spec.condition.measure(), threshold(&spec.condition));
        let value = match measure {
            Measure::Value | Measure::Stuck => Some(reading.value),
            Measure::Rate { .. }
            | Measure::Sigmas
            | Measure::Parts
            | Measure::Forecast
            | Measure::Sources
            | Measure::Clock => Some(limit),
            Measure::Silence => None,
        };
        let parts: &[_] = if let Condition::Joined { parts, .. } = &spec.condition { parts } else { &[] };
        let parts: Arc<[Part]> = parts
            .iter()
            .map(|part| {
                let sensor = part.sensor.clone().unwrap_or_default();
                let of = catalog.series_of(series.device).find(|one| one.sensor == sensor).unwrap_or(series);
                let (measure, threshold) = (part.condition.measure(), threshold(&part.condition));
                Part { unit: of.unit.clone(), sensor, measure, value: Some(threshold), threshold, is_true: true }
            })
            .collect();
        Alert {
            id: AlertId(1),
            rule: self.rule().id,
            rule_name: spec.name.clone(),
            severity: spec.severity,
            tags: Arc::new(spec.tags.clone()),
            about: Subject::Series { device: series.device, series: series.id },
            state: AlertState::Firing,
            measure,
            value,
            worst: value,
            last: None,
            threshold: limit,
            parts,
            started_at: reading.at,
            well_since: None,
            fired_at: Some(reading.at),
            resolved_at: None,
            acked: None,
            new_normal: false,
            unknown_since: None,
            learned_at: now,
        }
    }
}

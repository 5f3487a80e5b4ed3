//! An alert as a rule would raise it with a reading that is there: for people who write its message. PURE.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::backtest::Trial;
use super::condition::{Verdict, judge, threshold};
use super::count;
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertId, AlertState, Measure, Part, Subject};
use crate::model::catalog::{Catalog, Series};
use crate::model::reading::Point;
use crate::model::rule::{Condition, Op};

/// This value, where a condition is true of it; else one on the far side of its limit.
fn firing_value(condition: &Condition, value: f64) -> f64 {
    let (op, limit) = match condition {
        Condition::Threshold { op, value, .. } => (*op, *value),
        // What they compare is made of several readings.
        Condition::Increase { op, value: limit, .. }
        | Condition::Figure { op, value: limit, .. }
        | Condition::Difference { op, value: limit, .. } => (*op, *limit),
        Condition::Rate { .. }
        | Condition::Deviation { .. }
        | Condition::Seasonal { .. }
        | Condition::Stuck { .. }
        | Condition::Silence { .. }
        | Condition::Joined { .. }
        | Condition::Count { .. }
        | Condition::Forecast { .. }
        | Condition::Device(_) => return value,
    };
    let is_reading = matches!(condition, Condition::Threshold { .. });
    if is_reading && judge(op, limit, None, value) == Verdict::Bad {
        return value;
    }
    // A twentieth of the limit beyond it, as a person would invent one.
    let step = if limit == 0.0 { 1.0 } else { limit.abs() / 20.0 };
    match op {
        Op::Above | Op::AtLeast => limit + step,
        Op::Below | Op::AtMost => limit - step,
    }
}

impl Trial {
    /// The same of a rule about devices as a whole: an alert of the first device that it is about.
    #[must_use]
    pub fn example_of_device(&self, catalog: &Catalog, now: UnixMillis) -> Option<Alert> {
        let device =
            catalog.devices().filter(|device| self.compiled().covers_device(device)).min_by_key(|one| one.no)?;
        let condition = &self.rule().spec.condition;
        let (measure, limit) = (condition.measure(), threshold(condition));
        let value = match measure {
            Measure::Sources => Some(1.0),
            Measure::Clock => Some(limit * 2.0),
            Measure::Silence
            | Measure::Value
            | Measure::Rate { .. }
            | Measure::Sigmas
            | Measure::Stuck
            | Measure::Parts
            | Measure::Devices
            | Measure::Forecast => None,
        };
        let about = Subject::Device(device.no);
        Some(self.firing(about, (measure, limit, value), Arc::default(), now, now))
    }

    /// An alert that fires with this reading, or with one beyond the limit where this would fire nothing. What the reading alone does not
    /// tell, such as a rate, is taken to be at the limit.
    #[must_use]
    pub fn example(&self, series: &Series, reading: Point, catalog: &Catalog, now: UnixMillis) -> Alert {
        let spec = &self.rule().spec;
        let (measure, limit) = (spec.condition.measure(), threshold(&spec.condition));
        let value = match measure {
            Measure::Value => Some(firing_value(&spec.condition, reading.value)),
            Measure::Stuck => Some(reading.value),
            Measure::Rate { .. }
            | Measure::Sigmas
            | Measure::Parts
            | Measure::Devices
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
                Part {
                    unit: of.unit.clone(),
                    sensor,
                    measure,
                    value: Some(threshold),
                    threshold,
                    is_true: true,
                    usual: None,
                }
            })
            .collect();
        let (about, parts) = if self.counted().is_some() {
            let watched = self.series(catalog).iter().map(|one| one.device).collect::<BTreeSet<_>>().len();
            let device = catalog.device(series.device).map(|device| device.name.as_str());
            (Subject::Selection, count::parts(self.compiled(), device.into_iter(), &series.unit, watched))
        } else {
            (Subject::Series { device: series.device, series: series.id }, parts)
        };
        // A silence begins once it has lasted as long as it may.
        let began = reading.at.plus(if measure == Measure::Silence { (limit * 1_000.0) as i64 } else { 0 });
        self.firing(about, (measure, limit, value), parts, began, now)
    }

    fn firing(
        &self,
        about: Subject,
        (measure, threshold, value): (Measure, f64, Option<f64>),
        parts: Arc<[Part]>,
        at: UnixMillis,
        now: UnixMillis,
    ) -> Alert {
        let spec = &self.rule().spec;
        Alert {
            id: AlertId(1),
            rule: self.rule().id,
            rule_name: spec.name.clone(),
            severity: spec.severity,
            tags: Arc::new(spec.tags.clone()),
            about,
            state: AlertState::Firing,
            measure,
            value,
            worst: value,
            last: None,
            threshold,
            parts,
            started_at: at,
            usual: None,
            well_since: None,
            fired_at: Some(at),
            resolved_at: None,
            acked: None,
            new_normal: false,
            unknown_since: None,
            learned_at: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_to_fire_would_fire() {
        let threshold = |op, value| Condition::Threshold { op, value, clear: None };
        assert_eq!(firing_value(&threshold(Op::Above, 30.0), 20.0), 31.5);
        assert_eq!(firing_value(&threshold(Op::Above, 30.0), 33.0), 33.0, "what happened is shown");
        assert_eq!(firing_value(&threshold(Op::Below, -10.0), 20.0), -10.5);
        assert_eq!(firing_value(&threshold(Op::AtMost, 0.0), 2.0), -1.0);
    }
}

//! What a rule means: which series it covers, and whether a measured number is beyond its limit.

use crate::model::catalog::Series;
use crate::model::device::{Device, Standing, carry};
use crate::model::glob::Glob;
use crate::model::rule::{Condition, DeviceState, Op, Part, Rule, RuleSpec};

/// What one value says of a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Beyond the limit.
    Bad,
    /// Within the limit, not yet on the good side of the clear value: starts nothing, ends nothing that fires.
    Between,
    /// On the good side of both.
    Good,
}

/// What a reading measured, and what that says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Judged {
    pub(super) measured: f64,
    pub(super) verdict: Verdict,
}

impl Judged {
    /// What a condition says of what was measured. A reading is no silence and no device; of what is stuck, joined
    /// or forecast a window knows more (see `window`).
    pub(super) fn of(condition: &Condition, measured: f64) -> Self {
        let verdict = match *condition {
            Condition::Threshold { op, value, clear }
            | Condition::Rate { op, value, clear, .. }
            | Condition::Increase { op, value, clear, .. }
            | Condition::Figure { op, value, clear, .. }
            | Condition::Difference { op, value, clear, .. }
            | Condition::Count { op, value, clear, .. } => judge(op, value, clear, measured),
            Condition::Deviation { sigmas, clear, .. } | Condition::Seasonal { sigmas, clear, .. } => {
                judge(Op::Above, sigmas, clear, measured.abs())
            }
            Condition::Stuck { .. }
            | Condition::Joined { .. }
            | Condition::Forecast { .. }
            | Condition::Silence { .. }
            | Condition::Device(_) => Verdict::Good,
        };
        Self { measured, verdict }
    }
}

/// Holds a value against a limit and its clear value.
pub(super) fn judge(op: Op, limit: f64, clear: Option<f64>, value: f64) -> Verdict {
    if beyond(op, limit, value) {
        Verdict::Bad
    } else if clear.is_some_and(|clear| beyond(op, clear, value)) {
        Verdict::Between
    } else {
        Verdict::Good
    }
}

/// Whether a value is on the bad side of a limit.
pub(super) fn beyond(op: Op, limit: f64, value: f64) -> bool {
    match op {
        Op::Above => value > limit,
        Op::AtLeast => value >= limit,
        Op::Below => value < limit,
        Op::AtMost => value <= limit,
    }
}

/// A rule with its patterns ready to match, and its durations in milliseconds.
#[derive(Debug, Clone)]
pub(super) struct Compiled {
    pub(super) rule: Rule,
    pub(super) hold_ms: i64,
    pub(super) clear_for_ms: i64,
    /// Other sensors that it is about, each with the place of the part it belongs to.
    pub(super) sources: Vec<(usize, String)>,
    /// Of what counts devices: the same rule about the state of each series, without times of its own.
    pub(super) inner: Option<Box<Self>>,
    device: Glob,
    sensor: Glob,
}

impl Compiled {
    pub(super) fn new(rule: Rule) -> Self {
        Self {
            hold_ms: millis(rule.spec.hold),
            clear_for_ms: millis(rule.spec.clear_for),
            sources: rule.spec.condition.sources().map(|(part, sensor)| (part, sensor.to_owned())).collect(),
            device: Glob::new(&rule.spec.device),
            sensor: Glob::new(&rule.spec.sensor),
            inner: if let Condition::Count { of, .. } = &rule.spec.condition {
                let zero = std::time::Duration::ZERO;
                let condition = Condition::clone(of);
                let spec = RuleSpec { condition, hold: zero, clear_for: zero, ..rule.spec.clone() };
                Some(Box::new(Self::new(Rule { spec, ..rule.clone() })))
            } else {
                None
            },
            rule,
        }
    }

    /// Whether another version is about the same devices and sensors, by what is written.
    pub(super) fn is_about_the_same(&self, other: &Self) -> bool {
        let (one, other) = (&self.rule.spec, &other.rule.spec);
        (&one.device, &one.sensor, &one.labels) == (&other.device, &other.sensor, &other.labels)
    }

    /// Whether what comes late is held against it: what is about the values of one sensor.
    pub(super) fn is_reviewed(&self) -> bool {
        self.rule.spec.condition.is_about_values() && self.sources.is_empty() && self.inner.is_none()
    }

    /// The only device that it can be about, where it names one: by its name or its id.
    pub(super) fn only_device(&self) -> Option<&str> {
        (!self.device.is_pattern()).then(|| self.device.as_str())
    }

    /// Whether it is about what does not come.
    pub(super) const fn is_silence(&self) -> bool {
        matches!(self.rule.spec.condition, Condition::Silence { .. })
    }

    /// What each series is held against.
    pub(super) fn of_series(&self) -> &Self {
        self.inner.as_deref().unwrap_or(self)
    }

    /// Whether the rule is on and speaks of this series. Nothing differs from itself.
    pub(super) fn covers(&self, device: &Device, series: &Series) -> bool {
        let is_other =
            matches!(&self.rule.spec.condition, Condition::Difference { other, .. } if *other == series.sensor);
        let is_meant = self.sensor.matches(&series.sensor) && !self.rule.spec.condition.is_about_device();
        is_meant && !is_other && self.covers_device(device)
    }

    /// The parts of the rule that are about this series as another sensor of a device.
    pub(super) fn feeds<'a>(&'a self, device: &Device, series: &'a Series) -> impl Iterator<Item = usize> + 'a {
        let is_fed = !self.sources.is_empty() && self.covers_device(device);
        let of_it = self.sources.iter().filter(move |(_, sensor)| is_fed && *sensor == series.sensor);
        of_it.map(|(part, _)| *part)
    }

    /// Whether the rule is on and speaks of this device. Of one that was blocked nothing comes any more: no rule does.
    pub(super) fn covers_device(&self, device: &Device) -> bool {
        self.rule.spec.enabled
            && device.standing == Standing::Adopted
            && self.device.matches_device(&device.name, &device.id)
            && carry(&device.labels, &self.rule.spec.labels)
    }
}

/// Whether an alert of `old` is still an alert of `new`. Name and webhooks say who is told, not what is true.
pub(super) fn same_meaning(old: &RuleSpec, new: &RuleSpec) -> bool {
    old.condition == new.condition
        && (old.hold, old.clear_for) == (new.hold, new.clear_for)
        && (old.severity, old.enabled) == (new.severity, new.enabled)
}

/// Whether only numbers differ: then what was measured last says what becomes of an alert.
pub(super) fn only_numbers_differ(old: &RuleSpec, new: &RuleSpec) -> bool {
    differ_by_numbers(&old.condition, &new.condition) && (old.severity, old.enabled) == (new.severity, new.enabled)
}

/// Whether two conditions ask the same, of the same sensors and to the same side, if perhaps with other limits and times. What a rate is
/// told by is its unit, and no number.
pub(super) fn differ_by_numbers(old: &Condition, new: &Condition) -> bool {
    match (old, new) {
        (Condition::Threshold { op: was, .. }, Condition::Threshold { op: is, .. })
        | (Condition::Increase { op: was, .. }, Condition::Increase { op: is, .. })
        | (Condition::Forecast { op: was, .. }, Condition::Forecast { op: is, .. }) => was == is,
        (Condition::Rate { op: was, per: by, .. }, Condition::Rate { op: is, per, .. }) => was == is && by == per,
        (Condition::Figure { op: was, figure: of, .. }, Condition::Figure { op: is, figure, .. }) => {
            was == is && of == figure
        }
        (Condition::Difference { op: was, other: from, .. }, Condition::Difference { op: is, other, .. }) => {
            was == is && from == other
        }
        (Condition::Joined { join: was, parts: of, .. }, Condition::Joined { join: is, parts, .. }) => {
            let same = |(one, other): (&Part, &Part)| {
                one.sensor == other.sensor && differ_by_numbers(&one.condition, &other.condition)
            };
            was == is && of.len() == parts.len() && of.iter().zip(parts).all(same)
        }
        (Condition::Count { op: was, of: state, .. }, Condition::Count { op: is, of, .. }) => {
            was == is && differ_by_numbers(state, of)
        }
        (Condition::Device(was), Condition::Device(is)) => matches!(
            (was, is),
            (DeviceState::Offline { .. }, DeviceState::Offline { .. })
                | (DeviceState::SourceFailing, DeviceState::SourceFailing)
                | (DeviceState::ClockOff { .. }, DeviceState::ClockOff { .. })
        ),
        (Condition::Deviation { .. }, Condition::Deviation { .. })
        | (Condition::Seasonal { .. }, Condition::Seasonal { .. })
        | (Condition::Stuck { .. }, Condition::Stuck { .. })
        | (Condition::Silence { .. }, Condition::Silence { .. }) => true,
        (
            Condition::Threshold { .. }
            | Condition::Rate { .. }
            | Condition::Increase { .. }
            | Condition::Deviation { .. }
            | Condition::Figure { .. }
            | Condition::Stuck { .. }
            | Condition::Seasonal { .. }
            | Condition::Difference { .. }
            | Condition::Joined { .. }
            | Condition::Forecast { .. }
            | Condition::Count { .. }
            | Condition::Silence { .. }
            | Condition::Device(_),
            _,
        ) => false,
    }
}

/// The limit as an alert shows it.
pub(super) fn threshold(condition: &Condition) -> f64 {
    condition.limit()
}

/// The unit of time of a rate's limit, in milliseconds.
pub(super) fn per_ms(condition: &Condition) -> f64 {
    match condition {
        Condition::Rate { per, .. } => millis(*per) as f64,
        Condition::Threshold { .. }
        | Condition::Increase { .. }
        | Condition::Deviation { .. }
        | Condition::Figure { .. }
        | Condition::Stuck { .. }
        | Condition::Seasonal { .. }
        | Condition::Difference { .. }
        | Condition::Joined { .. }
        | Condition::Count { .. }
        | Condition::Forecast { .. }
        | Condition::Silence { .. }
        | Condition::Device(_) => 1.0,
    }
}

/// A duration in milliseconds, saturating.
pub(super) fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_on_the_limit_is_bad_only_where_the_operator_says_so() {
        assert_eq!(judge(Op::Above, 30.0, None, 30.0), Verdict::Good);
        assert_eq!(judge(Op::AtLeast, 30.0, None, 30.0), Verdict::Bad);
        assert_eq!(judge(Op::Below, 5.0, None, 5.0), Verdict::Good);
        assert_eq!(judge(Op::AtMost, 5.0, None, 5.0), Verdict::Bad);
    }

    #[test]
    fn between_the_limit_and_the_clear_value_nothing_changes() {
        assert_eq!(judge(Op::Above, 30.0, Some(28.0), 29.0), Verdict::Between);
        assert_eq!(judge(Op::Above, 30.0, Some(28.0), 28.0), Verdict::Good);
        assert_eq!(judge(Op::Below, 5.0, Some(7.0), 6.0), Verdict::Between);
        assert_eq!(judge(Op::Below, 5.0, Some(7.0), 7.0), Verdict::Good);
    }
}

//! A rule's condition in words, as far as a message has room for it. PURE.

use std::time::Duration;

use super::length;
use crate::model::alert;
use crate::model::rule::{Condition, DeviceState, Figure, Join, Op, Part, RuleSpec};
use crate::model::{called, shown};

/// What a rule looks for, of a sensor in this unit, and others in those of the parts of an alert: `above 70 °C for 5 min, over when back
/// past 65 °C`.
pub(in crate::delivery) fn of(rule: &RuleSpec, unit: &str, parts: &[alert::Part]) -> String {
    let held = if rule.hold.is_zero() { String::new() } else { format!(" for {}", lasting(rule.hold)) };
    let clear = match &rule.condition {
        Condition::Threshold { clear, .. }
        | Condition::Increase { clear, .. }
        | Condition::Figure { clear, .. }
        | Condition::Difference { clear, .. } => clear.map(|clear| shown::value(clear, unit)),
        Condition::Rate { clear, per, .. } => clear.map(|clear| rate(clear, unit, *per)),
        Condition::Deviation { clear, .. } | Condition::Seasonal { clear, .. } => clear.map(shown::digits),
        Condition::Forecast { clear, .. } => clear.map(|clear| shown::value(clear, unit)),
        Condition::Count { clear, .. } => clear.map(shown::digits),
        Condition::Stuck { .. } | Condition::Joined { .. } | Condition::Silence { .. } | Condition::Device(_) => None,
    };
    let over = clear.map(|clear| format!(", over when back past {clear}")).unwrap_or_default();
    format!("{}{held}{over}", condition(&rule.condition, unit, parts))
}

pub(super) fn condition(of: &Condition, unit: &str, known: &[alert::Part]) -> String {
    let side = |op: Op| match op {
        Op::Above => "above",
        Op::AtLeast => "at or above",
        Op::Below => "below",
        Op::AtMost => "at or below",
    };
    match of {
        Condition::Threshold { op, value, .. } => format!("{} {}", side(*op), shown::value(*value, unit)),
        Condition::Rate { op, value, per, .. } => format!("changes by {} {}", side(*op), rate(*value, unit, *per)),
        Condition::Increase { op, value, over, .. } => {
            format!("changes by {} {} in {}", side(*op), shown::value(*value, unit), lasting(*over))
        }
        Condition::Figure { figure, op, value, over, .. } => {
            let figure = match figure {
                Figure::Average => "on average",
                Figure::Minimum => "lowest value",
                Figure::Maximum => "highest value",
            };
            format!("{figure} {} {} in {}", side(*op), shown::value(*value, unit), lasting(*over))
        }
        Condition::Deviation { sigmas, over, .. } => {
            format!("more than {} standard deviations from its {}", shown::digits(*sigmas), lasting(*over))
        }
        Condition::Seasonal { sigmas, .. } => {
            format!("more than {} deviations from what is usual at this time of day", shown::digits(*sigmas))
        }
        Condition::Stuck { after, .. } => format!("stands still for {}", lasting(*after)),
        Condition::Forecast { op, value, within, .. } => {
            format!("will be {} {} within {}", side(*op), shown::value(*value, unit), lasting(*within))
        }
        Condition::Device(DeviceState::Offline { after }) => format!("offline for {}", lasting(*after)),
        Condition::Device(DeviceState::SourceFailing) => "a source fails".to_owned(),
        Condition::Device(DeviceState::ClockOff { by }) => format!("clock off by more than {}", lasting(*by)),
        Condition::Count { of, op, value, .. } => {
            let many = if matches!(op, Op::Above | Op::AtLeast) { "at least" } else { "at most" };
            format!("{many} {} devices: {}", shown::digits(*value), condition(of, unit, known))
        }
        Condition::Silence { after } => format!("sends nothing for {}", lasting(*after)),
        Condition::Difference { other, op, value, .. } => {
            format!("{} {} apart from {}", side(*op), shown::value(*value, unit), called::sensor(other))
        }
        Condition::Joined { join, parts, .. } => {
            let word = match join {
                Join::All => " and ",
                Join::Any => " or ",
            };
            let part = |part: &Part| match &part.sensor {
                Some(sensor) => {
                    let unit = known.iter().find(|one| one.sensor == *sensor).map_or("", |one| &one.unit);
                    format!("{} {}", called::sensor(sensor), condition(&part.condition, unit, known))
                }
                None => condition(&part.condition, unit, known),
            };
            parts.iter().map(part).collect::<Vec<_>>().join(word)
        }
    }
}

fn rate(value: f64, unit: &str, per: Duration) -> String {
    format!("{} in {}", shown::value(value, unit), lasting(per))
}

pub(super) fn lasting(span: Duration) -> String {
    length(span.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_says_its_limit_its_time_and_when_it_is_over() {
        let spec = |condition| RuleSpec {
            condition,
            hold: Duration::from_secs(300),
            ..crate::delivery::sample::rule(crate::model::UnixMillis(0)).spec
        };
        let threshold = Condition::Threshold { op: Op::Above, value: 70.0, clear: Some(65.0) };
        assert_eq!(of(&spec(threshold.clone()), "Cel", &[]), "above 70 °C for 5 min, over when back past 65 °C");
        let parts = vec![
            Part { sensor: None, condition: threshold },
            Part {
                sensor: Some("fan".to_owned()),
                condition: Condition::Threshold { op: Op::AtMost, value: 0.0, clear: None },
            },
        ];
        let joined = Condition::Joined { join: Join::All, parts, within: Duration::from_secs(300) };
        let fan = alert::Part {
            sensor: "fan".to_owned(),
            unit: "r/min".to_owned(),
            measure: alert::Measure::Value,
            value: Some(0.0),
            threshold: 0.0,
            is_true: true,
            usual: None,
        };
        assert_eq!(of(&spec(joined), "Cel", &[fan]), "above 70 °C and fan at or below 0 r/min for 5 min");
        let silence =
            RuleSpec { hold: Duration::ZERO, ..spec(Condition::Silence { after: Duration::from_secs(3_600) }) };
        assert_eq!(of(&silence, "", &[]), "sends nothing for 1 h");
    }
}

//! What several conditions say that a rule joins: those that are true first, what is not known last. PURE.

use super::{About, Told, length, usual};
use crate::model::alert::{Measure, Part};
use crate::model::{called, shown};

impl About<'_> {
    /// What each measured.
    pub(super) fn parts_fire(&self) -> Told {
        let title = format!("{} on {}", shown::name(&self.alert.rule_name), self.device());
        let text = format!("{}: {}, since {}.", self.device(), self.parts(true), self.moment(self.began()));
        Told { title, text }
    }

    /// Of an alert that is over: what each measures now, those first by which it ended.
    pub(super) fn parts_ended(&self) -> String {
        if self.alert.parts.iter().all(|part| part.is_true || part.value.is_none()) {
            return format!("{}: what this rule looks for is no longer so", self.device());
        }
        format!("{}: {}", self.device(), self.parts(false))
    }

    /// All parts, first those that are true, or those that are not.
    pub(super) fn parts(&self, true_first: bool) -> String {
        let (known, unknown): (Vec<&Part>, Vec<&Part>) = self.alert.parts.iter().partition(|part| part.value.is_some());
        let (are, others): (Vec<&Part>, Vec<&Part>) = known.into_iter().partition(|part| part.is_true == true_first);
        let joined = |parts: Vec<&Part>, say: &dyn Fn(&Part) -> String| {
            parts.into_iter().map(say).collect::<Vec<_>>().join(" and ")
        };
        let so = if true_first { "not so" } else { "still so" };
        let groups = [
            (joined(are, &|part| self.part(part)), ""),
            (joined(others, &|part| self.part(part)), so),
            (joined(unknown, &|part| self.part_name(part)), "not known"),
        ];
        let said = groups.into_iter().filter(|(text, _)| !text.is_empty());
        let said = said.map(|(text, how)| if how.is_empty() { text } else { format!("{how}: {text}") });
        said.collect::<Vec<_>>().join("; ")
    }

    fn part_name(&self, part: &Part) -> String {
        called::sensor(if part.sensor.is_empty() { self.names.sensor } else { &part.sensor })
    }

    fn part(&self, part: &Part) -> String {
        let sensor = self.part_name(part);
        let unit = part.measure.unit(&part.unit);
        match (part.measure, part.value) {
            (_, None) => sensor,
            (Measure::Stuck, Some(value)) if part.is_true => {
                format!("{sensor} stands still at {}", shown::value(value, &unit))
            }
            (Measure::Stuck, Some(value)) => format!("{sensor} moves, it is {}", shown::value(value, &unit)),
            (Measure::Sigmas, Some(value)) => {
                let (size, limit) = shown::compared(value.abs(), part.threshold, "");
                if let Some(usual) = &part.usual {
                    let (is, usually) = usual::words(usual, &part.unit);
                    let so = if usual.is_growth { "changes by" } else { "is" };
                    return format!("{sensor} {so} {is}, usually {usually}, {size} deviations away (limit {limit})");
                }
                format!("{sensor} is {size} deviations from usual (limit {limit})")
            }
            (Measure::Forecast, Some(value)) => {
                let (value, limit) = (length(value), length(part.threshold));
                format!("{sensor} reaches its limit in {value} (limit {limit})")
            }
            (
                Measure::Value
                | Measure::Rate { .. }
                | Measure::Parts
                | Measure::Devices
                | Measure::Sources
                | Measure::Clock
                | Measure::Silence,
                Some(value),
            ) => {
                let (value, limit) = shown::compared(value, part.threshold, &unit);
                format!("{sensor} is {value} (limit {limit})")
            }
        }
    }
}

//! What is unusual, beside what is usual: `is 31.2 °C, usually 20.4 to 22.1 °C`. PURE.

use super::About;
use crate::model::alert::Usual;
use crate::model::rule::Condition;
use crate::model::shown;

/// Times in which growth is told, with their seconds.
const TIMES: [(&str, f64); 4] = [("s", 1.0), ("min", 60.0), ("h", 3_600.0), ("day", 86_400.0)];

/// What it was and what is usual, in words: `31.2 °C`, `20.4 to 22.1 °C`.
pub(in crate::delivery) fn words(usual: &Usual, unit: &str) -> (String, String) {
    let Usual { is, low, high, is_growth } = *usual;
    let largest = is.abs().max(low.abs()).max(high.abs());
    // Of growth the shortest time in which it is a number that people read.
    let is_told = |(_, seconds): &&(&str, f64)| largest * seconds >= 1.0;
    let (time, seconds) = TIMES.iter().find(is_told).unwrap_or(&TIMES[3]);
    let (factor, behind) = if is_growth { (*seconds, format!(" in 1 {time}")) } else { (1.0, String::new()) };
    let (is, low, high) = (is * factor, low * factor, high * factor);
    let scale = shown::Scale::of(unit, largest * factor);
    let with_unit = |number: String| match scale.unit() {
        "" => number,
        unit => format!("{number} {unit}"),
    };
    let (from, to) = (scale.number(low), scale.number(high));
    let usually = if from == to { to } else { format!("{from} to {to}") };
    (format!("{}{behind}", with_unit(scale.number(is))), with_unit(usually))
}

impl About<'_> {
    /// What it is beside what is usual, where that is known: `is 31.2 °C, usually 20.4 to 22.1 °C`.
    pub(super) fn beside_usual(&self, is: &str, changes: &str) -> Option<String> {
        let usual = self.alert.usual.as_ref()?;
        let (value, usually) = words(usual, self.names.unit);
        Some(match self.condition {
            Some(Condition::Seasonal { .. }) => {
                format!("{is} {value} on average of an hour, usually {usually} at this time of day")
            }
            _ if usual.is_growth => format!("{changes} by {value}, usually {usually}"),
            _ => format!("{is} {value}, usually {usually}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_usual_has_one_unit_and_growth_a_time_that_people_read() {
        let told = |is, low, high, unit, is_growth| words(&Usual { is, low, high, is_growth }, unit);
        let both = |is: &str, usual: &str| (is.to_owned(), usual.to_owned());
        assert_eq!(told(31.2, 20.4, 22.1, "Cel", false), both("31.2 °C", "20.4 to 22.1 °C"));
        assert_eq!(told(31.2, 20.0, 20.0, "Cel", false), both("31.2 °C", "20 °C"));
        assert_eq!(told(3e9, 1e9, 2e9, "By", false), both("2.79 GiB", "0.931 to 1.86 GiB"));
        assert_eq!(told(0.001, 0.0001, 0.0002, "kW.h", true), both("3.6 kW.h in 1 h", "0.36 to 0.72 kW.h"));
        assert_eq!(told(1e-7, 0.0, 1e-8, "", true), both("0.00864 in 1 day", "0 to 0.00086"));
    }
}

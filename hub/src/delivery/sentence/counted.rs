//! How many devices are in a state, and which that is, in words. PURE.

use super::condition::{condition, lasting};
use super::{About, Told};
use crate::model::rule::{Condition, Figure, Op};
use crate::model::{called, shown};

impl About<'_> {
    pub(super) fn so_many_devices(&self) -> Told {
        let rule = shown::name(&self.alert.rule_name);
        let number = self.alert.value.unwrap_or(self.alert.threshold);
        let since = self.moment(self.alert.started_at);
        let (so, which, limit) = (self.what_is_so(number), self.which(number), self.limit_of_devices());
        Told { title: format!("{rule}: {so}"), text: format!("{so}{which} ({limit}), since {since}.") }
    }

    pub(super) fn fewer_devices(&self) -> Told {
        let rule = shown::name(&self.alert.rule_name);
        let lasted = self.lasted();
        let text = match self.alert.last {
            Some(number) => {
                let (so, limit) = (self.what_is_so(number), self.limit_of_devices());
                format!("{so} now ({limit}). The alert is over, it lasted {lasted}.")
            }
            None => format!("{rule}: the rule was changed or switched off. The alert is over, it lasted {lasted}."),
        };
        Told { title: format!("Resolved: {rule}"), text }
    }

    /// `: attic, barn, shed and 2 more`; nothing where none is known.
    fn which(&self, number: f64) -> String {
        let names: Vec<_> = self.alert.counted().map(shown::name).collect();
        shown::some_of(&names, number as usize).map(|some| format!(": {some}")).unwrap_or_default()
    }

    /// `3 devices of 5 have temperature above 30 °C`.
    fn what_is_so(&self, number: f64) -> String {
        let of = self.alert.counting().and_then(|state| state.value).filter(|of| *of >= number);
        let of = of.map(|of| format!(" of {}", shown::digits(of))).unwrap_or_default();
        let has = if number == 1.0 { "has" } else { "have" };
        format!("{}{of} {has} {}", devices(number), self.state())
    }

    /// What a device has that is counted: `temperature above 30 °C`.
    fn state(&self) -> String {
        let (sensor, unit) = self.alert.counting().map_or(("", ""), |state| (&state.sensor, &state.unit));
        let sensor = match sensor {
            "" | "*" => "a sensor".to_owned(),
            pattern if pattern.contains(['*', '?']) => format!("a sensor {}", shown::name(pattern)),
            plain => in_a_sentence(&called::sensor(plain)),
        };
        // A rule that is gone says no more.
        let Some(Condition::Count { of, .. }) = self.condition else { return format!("{sensor} in the state") };
        let said = condition(of, unit, &[]);
        match **of {
            Condition::Silence { after } => format!("sent nothing of {sensor} for {}", lasting(after)),
            Condition::Rate { .. }
            | Condition::Increase { .. }
            | Condition::Stuck { .. }
            | Condition::Forecast { .. } => {
                format!("{sensor} that {said}")
            }
            Condition::Figure { figure: Figure::Minimum | Figure::Maximum, .. } => format!("{sensor} with a {said}"),
            Condition::Threshold { .. }
            | Condition::Figure { figure: Figure::Average, .. }
            | Condition::Deviation { .. }
            | Condition::Seasonal { .. }
            | Condition::Difference { .. }
            | Condition::Joined { .. }
            | Condition::Count { .. }
            | Condition::Device(_) => format!("{sensor} {said}"),
        }
    }

    fn limit_of_devices(&self) -> String {
        let limit = devices(self.alert.threshold);
        match self.condition {
            Some(Condition::Count { op: Op::Below | Op::AtMost, .. }) => format!("the rule looks for at most {limit}"),
            _ => format!("the rule looks for at least {limit}"),
        }
    }
}

fn devices(number: f64) -> String {
    let many = if number == 1.0 { "" } else { "s" };
    format!("{} device{many}", shown::digits(number))
}

/// A word that begins a sentence, within one: `temperature`, but `CPU`.
fn in_a_sentence(word: &str) -> String {
    let mut letters = word.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain([second]).chain(letters).collect()
        }
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::tz::TimeZone;

    use super::*;
    use crate::delivery::sample;
    use crate::delivery::sentence::of;
    use crate::model::UnixMillis;
    use crate::model::alert::{Alert, AlertState, Measure, Part, Subject};
    use crate::model::notice::{Hearers, Notice};
    use crate::model::webhook::Event;

    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

    /// An alert of so many devices of five, whose rule is about this sensor.
    fn told(state: Condition, sensor: &str, many: f64, end: Option<f64>) -> Told {
        let Notice::Changed { alert, .. } = sample::notice(Event::AlertFiring, NOW) else { panic!("it fires") };
        let part = |name: &str, value: Option<f64>, is_true: bool| Part {
            sensor: name.to_owned(),
            unit: if is_true { String::new() } else { "Cel".to_owned() },
            measure: state.measure(),
            value,
            threshold: 30.0,
            is_true,
            usual: None,
        };
        let names = ["attic", "barn", "shed"].into_iter().take(many as usize).map(|name| part(name, None, true));
        let alert = Alert {
            about: Subject::Selection,
            measure: Measure::Devices,
            value: Some(many),
            threshold: 3.0,
            last: end,
            state: if end.is_some() { AlertState::Resolved } else { AlertState::Firing },
            parts: names.chain([part(sensor, Some(5.0), false)]).collect(),
            ..alert
        };
        let condition = Condition::Count { of: Box::new(state), op: Op::AtLeast, value: 3.0, clear: None };
        let catalog = sample::catalog(NOW);
        let names = alert.names(&catalog);
        let notice = Notice::Changed { alert: alert.clone(), occurred_at: NOW, points: Vec::new(), to: Hearers::All };
        of(&notice, names, Some(&condition), &TimeZone::UTC)
    }

    #[test]
    fn it_says_what_is_so_of_how_many_and_of_which() {
        let above = || Condition::Threshold { op: Op::Above, value: 30.0, clear: None };
        let three = told(above(), "temperature", 3.0, None);
        assert_eq!(three.title, "Too warm: 3 devices of 5 have temperature above 30 °C");
        assert_eq!(
            three.text,
            "3 devices of 5 have temperature above 30 °C: attic, barn and shed (the rule looks for at least 3 devices), since 2027-01-15 07:48 UTC."
        );
        assert!(
            told(above(), "t*", 4.0, None)
                .text
                .contains("4 devices of 5 have a sensor t* above 30 °C: attic, barn, shed and 1 more (")
        );
        let over = told(above(), "temperature", 3.0, Some(1.0));
        assert_eq!(over.title, "Resolved: Too warm");
        assert!(over.text.starts_with("1 device of 5 has temperature above 30 °C now ("), "{}", over.text);
        let hour = Duration::from_secs(3_600);
        for (state, says) in [
            (Condition::Silence { after: hour }, "have sent nothing of temperature for 1 h"),
            (Condition::Stuck { least: 0.1, after: hour }, "have temperature that stands still for 1 h"),
            (
                Condition::Figure { figure: Figure::Minimum, op: Op::Below, value: 5.0, over: hour, clear: None },
                "have temperature with a lowest value below 5 °C in 1 h",
            ),
        ] {
            let text = told(state, "temperature", 3.0, None).text;
            assert!(text.starts_with(&format!("3 devices of 5 {says}: ")), "{text}");
        }
    }
}

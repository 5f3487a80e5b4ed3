//! Alerts about devices as a whole, in words; and what is said beside that one is offline, or that its sources fail. PURE.

use super::{About, Told, length};
use crate::model::alert::Measure;
use crate::model::{called, shown};

/// Sensors and sources that are named; the others are counted.
const NAMED: usize = 4;
/// Longest word of an error that is told, in bytes.
const ERROR: usize = 120;

/// A sensor's last value: its name, its unit.
#[derive(Debug, Clone, PartialEq)]
pub struct LastReading {
    pub sensor: String,
    pub unit: String,
    pub value: f64,
}

impl About<'_> {
    pub(super) fn of_device(&self, is_over: bool) -> Told {
        match (self.alert.measure, is_over) {
            (Measure::Sources, false) => self.sources_fail(),
            (Measure::Sources, true) => self.sources_work(),
            (Measure::Clock, false) => self.clock_is_off(),
            (Measure::Clock, true) => self.clock_is_right(),
            (_, false) => self.device_is_gone(),
            (_, true) => self.device_is_back(),
        }
    }

    fn device_is_gone(&self) -> Told {
        let device = self.device();
        let (limit, heard) = (self.limit(), self.moment(self.alert.started_at));
        let text = format!("{device} is offline: nothing was heard from it for more than {limit}, since {heard}.");
        Told { title: format!("{device} is offline"), text }
    }

    fn device_is_back(&self) -> Told {
        let device = self.device();
        if self.alert.last.is_none() {
            let text = format!("{} {device} may still be offline.", self.no_longer_watched(&device));
            return Told { title: self.titled("Resolved: "), text };
        }
        let text = format!("{device} is no longer offline. Nothing was heard from it for {}.", self.lasted());
        Told { title: format!("Resolved: {device} offline"), text }
    }

    fn sources_fail(&self) -> Told {
        let many = match self.alert.value {
            Some(1.0) | None => "a source of its sensors that fails".to_owned(),
            Some(many) => format!("{} sources of its sensors that fail", shown::digits(many)),
        };
        let text = format!("{} reports {many}, since {}.", self.device(), self.moment(self.alert.started_at));
        Told { title: self.titled(""), text }
    }

    fn sources_work(&self) -> Told {
        let (device, lasted) = (self.device(), self.lasted());
        let text = match self.alert.last {
            Some(_) => format!("No source of {device} fails any more. The alert is over, it lasted {lasted}."),
            None => self.no_longer_watched(&device),
        };
        Told { title: self.titled("Resolved: "), text }
    }

    fn clock_is_off(&self) -> Told {
        let (value, since) = (self.alert.value.unwrap_or(0.0), self.moment(self.alert.started_at));
        let side = if value < 0.0 { "behind" } else { "ahead of" };
        let text = format!(
            "The clock of {} is {} {side} that of the hub (limit {}), since {since}.",
            self.device(),
            length(value.abs()),
            self.limit()
        );
        Told { title: self.titled(""), text }
    }

    fn clock_is_right(&self) -> Told {
        let text = match self.alert.last {
            Some(last) if last.abs() <= self.alert.threshold => format!(
                "The clock of {} differs from that of the hub by {} (limit {}). The alert is over, it lasted {}.",
                self.device(),
                length(last.abs()),
                self.limit(),
                self.lasted()
            ),
            Some(_) | None => self.no_longer_watched(&self.device()),
        };
        Told { title: self.titled("Resolved: "), text }
    }

    fn titled(&self, before: &str) -> String {
        format!("{before}{} on {}", shown::name(&self.alert.rule_name), self.device())
    }
}

/// What a device measured last, some of it; nothing of one that measured nothing.
#[must_use]
pub fn last_readings(readings: &[LastReading]) -> Option<String> {
    let said =
        |last: &LastReading| format!("{} {}", called::sensor(&last.sensor), shown::value(last.value, &last.unit));
    let said: Vec<_> = readings.iter().take(NAMED).map(said).collect();
    let what = if readings.len() == 1 { "Its last reading" } else { "Its last readings" };
    Some(format!("{what}: {}.", shown::some_of(&said, readings.len())?))
}

/// Which sources fail, some of them, each with what went wrong; `count` may be more than are known by name.
#[must_use]
pub fn failing_sources(sources: &[(String, String)], count: usize) -> Option<String> {
    let said = sources.iter().take(NAMED).map(|(source, error)| {
        let error = &error[..error.floor_char_boundary(ERROR)];
        format!("{} ({})", shown::name(source), shown::name(error))
    });
    let said = shown::some_of(&said.collect::<Vec<_>>(), count.max(sources.len()))?;
    Some(format!("Failing: {said}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_readings_and_sources_are_named_and_the_others_counted() {
        let reading = |n: u32| LastReading { sensor: format!("t{n}"), unit: "Cel".to_owned(), value: f64::from(n) };
        assert_eq!(last_readings(&[]), None);
        assert_eq!(last_readings(&[reading(1)]).as_deref(), Some("Its last reading: t1 1 °C."));
        let many: Vec<_> = (1..8).map(reading).collect();
        let said = "Its last readings: t1 1 °C, t2 2 °C, t3 3 °C, t4 4 °C and 3 more.";
        assert_eq!(last_readings(&many).as_deref(), Some(said));
        let gps = ("gps".to_owned(), "no such device".to_owned());
        assert_eq!(failing_sources(std::slice::from_ref(&gps), 1).as_deref(), Some("Failing: gps (no such device)."));
        assert_eq!(failing_sources(&[gps], 3).as_deref(), Some("Failing: gps (no such device) and 2 more."));
    }
}

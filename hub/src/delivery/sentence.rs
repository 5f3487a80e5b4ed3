//! An alert in words for people: a title and one plain sentence. PURE.
//!
//! Receivers that show only the text of a message show this. Times are in the hub's time zone, which the sentence
//! names. Names are cut and cleaned, so that the sentence stays short whatever people and devices are called. A
//! sentence about a value is true of that value: if an alert ended for another reason (its rule was changed), it does
//! not say that the value is back to normal.

pub(super) mod condition;
mod counted;
pub mod devices;
mod hub;
mod lasting;
pub(super) mod notices;
mod parts;
mod times;
pub(super) mod usual;

use std::cmp::Ordering;

use jiff::tz::TimeZone;

pub(super) use self::times::{length, written};
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertState, Measure, Names, Subject};
use crate::model::notice::{Hearers, Notice};
use crate::model::rule::{Condition, Figure, Op};
use crate::model::{called, shown};

/// What lies ten years ahead is not expected.
const FAR_S: f64 = 10.0 * 365.0 * 86_400.0;

/// For people.
pub(super) struct Told {
    /// What it is, short.
    pub(super) title: String,
    /// One or two sentences.
    pub(super) text: String,
}

/// What is told of an alert; `condition` is its rule's.
pub(super) fn of(notice: &Notice, names: Names<'_>, condition: Option<&Condition>, zone: &TimeZone) -> Told {
    let alert = notice.alert();
    // How unusual something is says little without what it is: of a counter it is no reading.
    let is_seen = matches!(notice, Notice::Changed { .. }) && alert.measure == Measure::Sigmas && !names.is_counter;
    let reading = notice.points().last().filter(|_| is_seen).map(|point| point.value);
    let told = About { alert, names, condition, zone, reading };
    let is_over = alert.state == AlertState::Resolved;
    match (notice, alert.about) {
        (Notice::Flapping { flaps, .. }, _) => told.flaps(flaps),
        (Notice::Acknowledged { .. }, _) => told.is_acknowledged(),
        (Notice::Repeated { at, .. }, _) => told.still_fires(*at),
        (Notice::Past { count, .. }, Subject::Series { .. }) => told.was_over(*count),
        (Notice::Changed { to: Hearers::All, .. }, _) if !is_over && alert.acked.is_some() => told.fires_acknowledged(),
        (Notice::Changed { to: Hearers::Calmed, .. }, _) if !is_over => told.fires_in_the_end(),
        (_, Subject::Hub(ailment)) if is_over => told.hub_is_well(ailment),
        (_, Subject::Hub(ailment)) => told.hub_ails(ailment),
        (_, Subject::Device(_)) => told.of_device(is_over),
        (_, Subject::Selection) if is_over => told.fewer_devices(),
        (_, Subject::Selection) => told.so_many_devices(),
        (_, Subject::Series { .. }) if is_over => told.is_over(),
        (_, Subject::Series { .. }) => told.fires(),
    }
}

/// What a test says.
pub(super) fn of_test(name: &str) -> Told {
    Told {
        title: "Test from the telemetry hub".to_owned(),
        text: format!("A test from the telemetry hub: the webhook {} works.", shown::name(name)),
    }
}

/// What is said of a webhook that is disabled for a reason.
pub(super) fn of_disabled(name: &str, reason: &str, since: Option<UnixMillis>, zone: &TimeZone) -> Told {
    let name = shown::name(name);
    let since = since
        .map(|at| format!(" Since {} nothing arrived.", written(at, zone, "%Y-%m-%d %H:%M %Z")))
        .unwrap_or_default();
    let text = format!(
        "The webhook {name} was turned off: {reason}.{since} Once it is mended and turned on, the page offers to send what is missing."
    );
    Told { title: format!("Webhook {name} is off"), text }
}

struct About<'a> {
    alert: &'a Alert,
    names: Names<'a>,
    condition: Option<&'a Condition>,
    zone: &'a TimeZone,
    /// The newest one, where the alert says only how far it is from what is usual.
    reading: Option<f64>,
}

impl About<'_> {
    fn fires(&self) -> Told {
        if self.alert.measure == Measure::Parts {
            return self.parts_fire();
        }
        let title = format!("{} on {}", shown::name(&self.alert.rule_name), self.device());
        let since = self.moment(self.began());
        let what = match (self.alert.measure, self.alert.value) {
            (Measure::Forecast, Some(value)) => {
                let text = format!("{} {}.", self.sensor(), self.reaches("will", value));
                return Told { title, text };
            }
            (Measure::Silence, _) | (_, None) => format!("has sent nothing for more than {}", self.limit()),
            (Measure::Stuck, Some(value)) => {
                format!("stands still at {} for more than {}", self.figure(value), self.limit())
            }
            (_, Some(value)) => format!("{}, {}", self.measured("is", "changes", value), self.beyond(value)),
        };
        Told { title, text: format!("{} {what}, since {since}.", self.sensor()) }
    }

    fn is_over(&self) -> Told {
        let title = format!("Resolved: {} on {}", shown::name(&self.alert.rule_name), self.device());
        let (sensor, lasted) = (self.sensor(), self.lasted());
        let text = match (self.alert.measure, self.alert.last) {
            (Measure::Silence, Some(_)) => {
                format!("{sensor} had sent nothing for {lasted}. The alert is over.")
            }
            (Measure::Stuck, Some(value)) => {
                format!(
                    "{sensor} moves again, it is {} now. The alert is over, it lasted {lasted}.",
                    self.figure(value)
                )
            }
            (_, None) => self.no_longer_watched(&sensor),
            (Measure::Forecast, Some(value)) => {
                let now = self.reaches("would", value);
                format!("{sensor} {now} (limit {}). The alert is over, it lasted {lasted}.", self.limit())
            }
            (Measure::Parts, Some(_)) => format!("{}. The alert is over, it lasted {lasted}.", self.parts_ended()),
            (_, Some(_)) if self.alert.new_normal => {
                let stayed = if self.names.is_counter { "went on at this rate" } else { "stayed at this level" };
                format!("{sensor} {stayed} for {lasted}, which counts as usual now. The alert is over.")
            }
            (Measure::Sigmas, Some(value)) if self.alert.usual.is_some() => {
                let well = if self.is_well(value) { " again" } else { "" };
                let now = self.beside_usual(&format!("is{well}"), &format!("changes{well}")).unwrap_or_default();
                let limit = self.limit();
                format!("{sensor} {now} (limit {limit} deviations). The alert is over, it lasted {lasted}.")
            }
            (_, Some(value)) => {
                let now = self.measured("is", "changes", value);
                let well = if self.is_well(value) { " again" } else { "" };
                format!(
                    "{sensor} {now}{well} (limit {}). The alert is over, it lasted {lasted}.",
                    self.limit_beside(value)
                )
            }
        };
        Told { title, text }
    }

    /// It ended because of its rule, not because of what was measured.
    fn no_longer_watched(&self, what: &str) -> String {
        let lasted = self.lasted();
        format!(
            "The rule was changed or switched off, or is no longer about {what}: the alert is over, it lasted {lasted}."
        )
    }

    fn was_over(&self, count: u32) -> Told {
        let title = format!("Past alert: {} on {}", shown::name(&self.alert.rule_name), self.device());
        let what = match (self.alert.measure, self.alert.value) {
            (Measure::Parts, _) => self.parts(true),
            (Measure::Forecast, Some(value)) => self.reaches("would", value),
            (Measure::Silence, _) | (_, None) => format!("sent nothing for more than {}", self.limit()),
            (Measure::Stuck, Some(value)) => {
                format!("stood still at {} for more than {}", self.figure(value), self.limit())
            }
            (_, Some(value)) => format!("{}, {}", self.measured("was", "changed", value), self.beyond(value)),
        };
        let when = self.between(self.alert.started_at, self.alert.resolved_at);
        let more = match count {
            0 | 1 => String::new(),
            2 => " There was one more like it.".to_owned(),
            many => format!(" There were {} more like it.", many - 1),
        };
        let who = if self.alert.measure == Measure::Parts { format!("{}:", self.device()) } else { self.sensor() };
        // One of which people were to be told a moment later.
        let why = if self.alert.state == AlertState::Resolved { "It is over." } else { "The readings arrived late." };
        let text = format!("{who} {what}, {when}. {why}{more}");
        Told { title, text }
    }

    fn device(&self) -> String {
        if self.names.device.is_empty() { "a deleted device".to_owned() } else { shown::name(self.names.device) }
    }

    /// Whose sensor, and which.
    fn sensor(&self) -> String {
        match self.names.sensor {
            "" => format!("{}: a deleted sensor", self.device()),
            sensor => format!("{}: {}", self.device(), called::sensor(sensor)),
        }
    }

    fn measured(&self, is: &str, changes: &str, value: f64) -> String {
        match (self.alert.measure, self.condition) {
            (Measure::Sigmas, condition) => self.unusual(is, changes, value, condition),
            (Measure::Rate { .. }, _) => format!("{changes} by {}", self.beside_limit(value)),
            (_, Some(Condition::Increase { over, .. })) => {
                format!("{changes} by {} in {}", self.beside_limit(value), length(over.as_secs_f64()))
            }
            (_, Some(Condition::Figure { figure, over, .. })) => {
                let has = if is == "was" { "had" } else { "has" };
                let which = match figure {
                    Figure::Average => format!("{is} on average"),
                    Figure::Minimum => format!("{has} a lowest value of"),
                    Figure::Maximum => format!("{has} a highest value of"),
                };
                format!("{which} {} in {}", self.beside_limit(value), length(over.as_secs_f64()))
            }
            (_, Some(Condition::Difference { other, .. })) => {
                let size = self.beside_limit(value);
                let (size, side) = size.strip_prefix(['-', '−']).map_or((&*size, "above"), |size| (size, "below"));
                format!("{is} {size} {side} {}", called::sensor(other))
            }
            (
                _,
                None
                | Some(
                    Condition::Threshold { .. }
                    | Condition::Rate { .. }
                    | Condition::Deviation { .. }
                    | Condition::Stuck { .. }
                    | Condition::Seasonal { .. }
                    | Condition::Joined { .. }
                    | Condition::Count { .. }
                    | Condition::Forecast { .. }
                    | Condition::Silence { .. }
                    | Condition::Device(_),
                ),
            ) => format!("{is} {}", self.beside_limit(value)),
        }
    }

    /// What is unusual: what it is, what is usual, and how far that is away.
    fn unusual(&self, is: &str, changes: &str, value: f64, condition: Option<&Condition>) -> String {
        let size = self.beside_limit(value.abs());
        let many = if size == "1" { "" } else { "s" };
        let is_season = matches!(condition, Some(Condition::Seasonal { .. }));
        let deviations = if is_season { format!("deviation{many}") } else { format!("standard deviation{many}") };
        let is_growth = self.alert.usual.map_or(self.names.is_counter, |usual| usual.is_growth);
        let side = match (is_growth, value < 0.0) {
            (true, true) => "slower",
            (true, false) => "faster",
            (false, true) => "below",
            (false, false) => "above",
        };
        if let Some(said) = self.beside_usual(is, changes) {
            return format!("{said}: {size} {deviations} {side}");
        }
        match (is_season, is_growth) {
            (true, _) => format!("{is} {}{size} {deviations} {side} what is usual at this time of day", self.read()),
            (false, true) => format!("{changes} {size} {deviations} {side} than usual"),
            (false, false) => format!("{is} {}{size} {deviations} {side} its usual value", self.read()),
        }
    }

    /// The newest reading: `21.5 °C, `.
    fn read(&self) -> String {
        self.reading.map_or_else(String::new, |reading| format!("{}, ", shown::value(reading, self.names.unit)))
    }

    /// When it reaches its limit, which is in so many seconds: `will reach 100 % in 2 d 4 h`.
    fn reaches(&self, will: &str, seconds: f64) -> String {
        let (limit, over) = match self.condition {
            Some(Condition::Forecast { value, over, .. }) => {
                let going = format!(" if it goes on as in the last {}", length(over.as_secs_f64()));
                (shown::value(*value, self.names.unit), going)
            }
            _ => ("its limit".to_owned(), String::new()),
        };
        if seconds <= 0.0 {
            return format!("reached {limit}");
        }
        if seconds >= FAR_S {
            return format!("does not go towards {limit}");
        }
        format!("{will} reach {limit} in {}{over}", length(seconds))
    }

    /// On which side of its limit a value is.
    fn beyond(&self, value: f64) -> String {
        let limit = self.alert.threshold;
        if self.alert.measure == Measure::Sigmas {
            return format!("the limit is {}", self.limit_beside(value));
        }
        let side = match value.partial_cmp(&limit) {
            Some(Ordering::Greater) => "above",
            Some(Ordering::Less) => "below",
            Some(Ordering::Equal) | None => "at",
        };
        format!("{side} the limit of {}", self.limit_beside(value))
    }

    /// A value, in as many digits as tell it from its limit.
    fn beside_limit(&self, value: f64) -> String {
        shown::compared(value, self.alert.threshold, &self.unit()).0
    }

    /// The limit, in as many digits as tell it from a value.
    fn limit_beside(&self, value: f64) -> String {
        let value = if self.alert.measure == Measure::Sigmas { value.abs() } else { value };
        shown::compared(value, self.alert.threshold, &self.unit()).1
    }

    /// What both are in: standard deviations are a number.
    fn unit(&self) -> String {
        match self.alert.measure {
            Measure::Sigmas => String::new(),
            Measure::Silence
            | Measure::Stuck
            | Measure::Parts
            | Measure::Forecast
            | Measure::Sources
            | Measure::Clock
            | Measure::Devices
            | Measure::Value
            | Measure::Rate { .. } => self.alert.measure.unit(self.names.unit),
        }
    }

    /// Whether a value is no longer what the rule looks for.
    fn is_well(&self, value: f64) -> bool {
        let limit = self.alert.threshold;
        match self.condition {
            Some(
                Condition::Threshold { op, .. }
                | Condition::Rate { op, .. }
                | Condition::Increase { op, .. }
                | Condition::Figure { op, .. }
                | Condition::Difference { op, .. }
                | Condition::Count { op, .. },
            ) => match op {
                Op::Above => value <= limit,
                Op::AtLeast => value < limit,
                Op::Below => value >= limit,
                Op::AtMost => value > limit,
            },
            Some(Condition::Deviation { .. } | Condition::Seasonal { .. }) => value.abs() <= limit,
            Some(
                Condition::Stuck { .. }
                | Condition::Joined { .. }
                | Condition::Forecast { .. }
                | Condition::Silence { .. }
                | Condition::Device(_),
            )
            | None => false,
        }
    }

    fn limit(&self) -> String {
        match self.alert.measure {
            Measure::Silence | Measure::Stuck | Measure::Forecast | Measure::Clock => length(self.alert.threshold),
            Measure::Sigmas => shown::digits(self.alert.threshold),
            Measure::Value | Measure::Parts | Measure::Devices | Measure::Sources | Measure::Rate { .. } => {
                self.figure(self.alert.threshold)
            }
        }
    }

    fn figure(&self, value: f64) -> String {
        shown::value(value, &self.unit())
    }
}

#[cfg(test)]
mod tests;

//! An alert that flaps, and one that somebody acknowledged, in words. PURE.

use super::{About, Told, length};
use crate::model::UnixMillis;
use crate::model::alert::{Measure, Subject};
use crate::model::notice::Flaps;
use crate::model::shown;

/// Longest comment that is told.
const COMMENT: usize = 300;

impl About<'_> {
    pub(super) fn flaps(&self, flaps: &Flaps) -> Told {
        let title = format!("Flapping: {}", self.subject());
        let within = length(flaps.within_ms as f64 / 1_000.0);
        let who = match self.alert.about {
            Subject::Series { .. } => self.sensor(),
            Subject::Device(_) | Subject::Selection | Subject::Hub(_) => self.device(),
        };
        let (changes, limit) = (flaps.changes, self.limit());
        let what = match (self.alert.measure, flaps.between) {
            _ if !self.alert.parts.is_empty() => {
                format!("{who}: what the rule looks for came and went, {changes} changes in {within}.")
            }
            (Measure::Sources, _) => format!("{who}: sources failed and worked again, {changes} changes in {within}."),
            (Measure::Clock, _) => {
                format!("The clock of {who} was off by {limit} and right again, {changes} changes in {within}.")
            }
            (Measure::Forecast, _) => format!(
                "{who} was expected to reach its limit within {limit} and then not, {changes} changes in {within}."
            ),
            (Measure::Stuck, _) => format!("{who} stood still and moved again, {changes} changes in {within}."),
            (Measure::Silence, _) | (_, None) => {
                format!("{who} went silent and came back, {changes} changes in {within}.")
            }
            (_, Some((low, high))) => {
                let (low, high) = (self.beside_limit(low), self.beside_limit(high));
                format!("{who} crossed the limit of {limit} {changes} times in {within}, between {low} and {high}.")
            }
        };
        let hint = flaps.clear.map_or_else(String::new, |clear| {
            // To the last digit: rounded it would be another one.
            format!(" With the clear value {} it would have been one alert.", self.exactly(clear))
        });
        let text = format!("{what}{hint} You are told how it is after ten minutes without a change.");
        Told { title, text }
    }

    /// What is told after it flapped: not as news, but how it is, and what is known of it.
    pub(super) fn fires_in_the_end(&self) -> Told {
        let Told { title, text } = self.as_it_fired();
        let known = match self.alert.unknown_since {
            Some(since) => {
                format!("Nothing was heard of it since {}, so nobody knows whether it is still so.", self.moment(since))
            }
            None => {
                let since = self.moment(self.alert.fired_at.unwrap_or(self.alert.started_at));
                format!("It flaps no longer, and has fired since {since}.")
            }
        };
        let acked =
            if self.alert.acked.is_some() { format!(" {}", self.is_acknowledged().text) } else { String::new() };
        let before = if self.alert.acked.is_some() { "Still firing, acknowledged" } else { "Still firing" };
        Told { title: format!("{before}: {title}"), text: format!("{text} {known}{acked}") }
    }

    /// What somebody has seen before others are told.
    pub(super) fn fires_acknowledged(&self) -> Told {
        let Told { title, text } = self.fires_at_all();
        Told { title, text: format!("{text} {}", self.is_acknowledged().text) }
    }

    fn fires_at_all(&self) -> Told {
        match self.alert.about {
            Subject::Hub(ailment) => self.hub_ails(ailment),
            Subject::Device(_) => self.of_device(false),
            Subject::Series { .. } => self.fires(),
            Subject::Selection => self.so_many_devices(),
        }
    }

    pub(super) fn still_fires(&self, now: UnixMillis) -> Told {
        let Told { title, text: was } = self.as_it_fired();
        let lasts = length(now.since(self.began()).max(0) as f64 / 1_000.0);
        let text = format!("{was} It has fired for {lasts}, and nobody has acknowledged it.");
        Told { title: format!("Still firing: {title}"), text }
    }

    /// What was measured when it fired, as of the past: it is not what is measured now.
    fn as_it_fired(&self) -> Told {
        let alert = self.alert;
        let first = self.fires_at_all();
        let text = match (alert.about, alert.measure, alert.value) {
            (Subject::Series { .. }, Measure::Parts, _) => first.text,
            (Subject::Series { .. }, Measure::Value | Measure::Rate { .. } | Measure::Sigmas, Some(value)) => {
                let (sensor, since) = (self.sensor(), self.moment(self.began()));
                let worst = alert.worst.filter(|worst| *worst != value);
                let worst = worst.map_or_else(String::new, |worst| format!(", at worst {}", self.figure(worst)));
                format!(
                    "{sensor} {}, {}, at {since}{worst}.",
                    self.measured("was", "changed", value),
                    self.beyond(value)
                )
            }
            _ => first.text,
        };
        Told { title: first.title, text }
    }

    pub(super) fn is_acknowledged(&self) -> Told {
        let title = format!("Acknowledged: {}", self.subject());
        let Some(ack) = &self.alert.acked else {
            return Told { title, text: "Somebody acknowledged the alert.".to_owned() };
        };
        let who = if ack.by.is_empty() { "Somebody".to_owned() } else { shown::name(&ack.by) };
        let comment = ack.comment.as_deref().map(said).unwrap_or_default();
        let text = format!("{who} acknowledged the alert at {}{comment}.", self.moment(ack.at));
        Told { title, text }
    }

    /// A number with its unit, in all its digits.
    fn exactly(&self, value: f64) -> String {
        let sign = shown::sign(&self.unit());
        if sign.is_empty() { value.to_string() } else { format!("{value} {sign}") }
    }

    /// The rule and the device, as a title names them.
    fn subject(&self) -> String {
        let rule = shown::name(crate::model::alert::called(&self.alert.rule_name));
        match self.alert.about {
            Subject::Selection | Subject::Hub(_) => rule,
            Subject::Series { .. } | Subject::Device(_) => format!("{rule} on {}", self.device()),
        }
    }
}

/// `: what they said`, short and on one line.
pub(in crate::delivery) fn said(comment: &str) -> String {
    let line: String = comment.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = &line[..line.floor_char_boundary(COMMENT)];
    if line.is_empty() { String::new() } else { format!(", saying \u{201c}{line}\u{201d}") }
}

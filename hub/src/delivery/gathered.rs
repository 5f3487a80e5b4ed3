//! Puts many devices that go offline, or come back, at the same look of the hub into one message for people, instead of
//! one message a device. PURE.
//!
//! There is still one alert a device, and programs still get one message an alert: a `PagerDuty` incident has to be
//! ended by the alert that began it. In the outbox a gathered message counts as one about its first alert: it waits for
//! earlier messages about that alert, and the end of that alert waits for it. It has `data.group` instead of
//! `data.alert`: how many devices, how severe, and where they are listed.

use jiff::tz::TimeZone;

use super::sentence::{Told, length, written};
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertState, Subject, Transition};
use crate::model::catalog::Catalog;
use crate::model::shown;
use crate::model::webhook::Event;

/// Devices that are named; the others are counted.
const NAMED: usize = 3;

/// Devices that went, or came back, at once.
pub(super) struct Gathered<'a> {
    pub(super) event: Event,
    pub(super) alerts: Vec<&'a Alert>,
    /// When the hub saw it.
    pub(super) at: UnixMillis,
}

/// Devices that went offline or came back, if more than one.
pub(super) fn of(transitions: &[Transition]) -> Vec<Gathered<'_>> {
    let states = [(AlertState::Firing, Event::AlertFiring), (AlertState::Resolved, Event::AlertResolved)];
    let group = |(state, event)| {
        let of_devices = transitions.iter().filter_map(|transition| {
            let Transition::Put { alert, occurred_at, .. } = transition else { return None };
            let is_meant = alert.state == state && matches!(alert.about, Subject::Device(_));
            is_meant.then_some((alert, *occurred_at))
        });
        let (alerts, times): (Vec<&Alert>, Vec<UnixMillis>) = of_devices.unzip();
        let at = times.into_iter().max()?;
        (alerts.len() > 1).then_some(Gathered { event, alerts, at })
    };
    states.into_iter().filter_map(group).collect()
}

impl Gathered<'_> {
    /// Whether it tells of this alert, of which the same list of transitions tells this.
    pub(super) fn tells_of(&self, alert: &Alert, event: Event) -> bool {
        self.event == event && matches!(alert.about, Subject::Device(_))
    }

    /// What people are told.
    pub(super) fn told(&self, catalog: &Catalog, zone: &TimeZone) -> Told {
        let count = self.alerts.len();
        let who = self.names(catalog);
        let heard = || self.alerts.iter().map(|alert| alert.started_at);
        let (first, last) = (heard().min().unwrap_or(self.at), heard().max().unwrap_or(self.at));
        if self.event == Event::AlertResolved {
            let longest =
                self.alerts.iter().map(|alert| alert.resolved_at.unwrap_or(self.at).since(alert.started_at)).max();
            let longest = length(longest.unwrap_or_default() as f64 / 1_000.0);
            let text = format!("{who} are no longer offline. Nothing was heard from them for up to {longest}.");
            return Told { title: format!("Resolved: {count} devices offline"), text };
        }
        let [minute, day] = ["%Y-%m-%d %H:%M", "%Y-%m-%d"].map(|form| [first, last].map(|at| written(at, zone, form)));
        let when = if minute[0] == minute[1] {
            format!("at {}", written(last, zone, "%Y-%m-%d %H:%M %Z"))
        } else {
            let until = written(last, zone, if day[0] == day[1] { "%H:%M %Z" } else { "%Y-%m-%d %H:%M %Z" });
            format!("between {} and {until}", minute[0])
        };
        let text = format!("{who} went offline {when}: nothing is heard from them since.");
        Told { title: format!("{count} devices are offline"), text }
    }

    /// `a, b, c and 296 more`.
    fn names(&self, catalog: &Catalog) -> String {
        let mut names: Vec<String> = self.alerts.iter().map(|alert| shown::name(alert.names(catalog).device)).collect();
        names.sort();
        let more = names.len().saturating_sub(NAMED);
        let last = if more > 0 { format!("{more} more") } else { names.pop().unwrap_or_default() };
        names.truncate(NAMED);
        format!("{} and {last}", names.join(", "))
    }
}

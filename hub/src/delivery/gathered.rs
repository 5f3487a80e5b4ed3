//! Puts many alerts that somebody acknowledges at once into one message for people, and devices that go offline, or come back, at the
//! same look of the hub, of a critical rule: those of other rules wait for each other (see [`super::grouping`]). PURE.
//!
//! There is still one alert a device, and programs still get one message an alert: a `PagerDuty` incident has to be
//! ended by the alert that began it. In the outbox a gathered message counts as one about its first alert: it waits for
//! earlier messages about that alert, and the end of that alert waits for it. It has `data.group` instead of
//! `data.alert`: how many devices, how severe, and where they are listed.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::sentence::notices::said;
use super::sentence::{Told, length, written};
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertState, called};
use crate::model::catalog::Catalog;
use crate::model::notice::{Hearers, Notice};
use crate::model::rule::RuleId;
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
    /// Of those that are named the titles in the words of their rule; empty where it has none.
    pub(super) titles: Vec<String>,
}

/// Devices that went offline or came back, and alerts that somebody acknowledged, where there is more than one.
pub(super) fn of(notices: &[Notice]) -> Vec<Gathered<'_>> {
    let states = [(AlertState::Firing, Event::AlertFiring), (AlertState::Resolved, Event::AlertResolved)];
    let of_devices = states.into_iter().flat_map(|(state, event)| {
        let is_meant = move |notice: &&Notice| {
            let Notice::Changed { alert, to, .. } = notice else { return false };
            let is_for_people = matches!(to, Hearers::All | Hearers::Calmed);
            alert.state == state && is_for_people && alert.is_offline()
        };
        let mut by_rule = BTreeMap::<RuleId, Vec<&Notice>>::new();
        for notice in notices.iter().filter(is_meant) {
            by_rule.entry(notice.alert().rule).or_default().push(notice);
        }
        by_rule.into_values().map(move |notices| (event, notices))
    });
    let groups = of_devices.chain(acknowledged(notices).into_iter().map(|acks| (Event::AlertAcknowledged, acks)));
    groups.filter_map(|(event, notices)| group(event, notices)).collect()
}

/// Notices in one, if there is more than one.
fn group(event: Event, notices: Vec<&Notice>) -> Option<Gathered<'_>> {
    let at = notices.iter().map(|notice| notice.occurred_at()).max()?;
    let alerts: Vec<_> = notices.into_iter().map(Notice::alert).collect();
    (alerts.len() > 1).then_some(Gathered { event, alerts, at, titles: Vec::new() })
}

/// What each person acknowledged at once.
fn acknowledged(notices: &[Notice]) -> Vec<Vec<&Notice>> {
    let mut groups: Vec<Vec<&Notice>> = Vec::new();
    for notice in notices {
        let Notice::Acknowledged { alert, to: Hearers::All } = notice else { continue };
        match groups.iter_mut().find(|group| group[0].alert().acked == alert.acked) {
            Some(group) => group.push(notice),
            None => groups.push(vec![notice]),
        }
    }
    groups
}

impl Gathered<'_> {
    /// The first alert, of whose rule it is one message; none of acknowledgements.
    pub(super) fn first(&self) -> Option<&Alert> {
        self.alerts.first().copied().filter(|_| self.event != Event::AlertAcknowledged)
    }

    /// Whether it tells of this alert, of which the same list of transitions tells this.
    pub(super) fn tells_of(&self, alert: &Alert, event: Event) -> bool {
        self.event == event
            && match event {
                Event::AlertAcknowledged => self.alerts.iter().any(|of| of.id == alert.id),
                Event::AlertFiring
                | Event::AlertResolved
                | Event::AlertPast
                | Event::AlertFlapping
                | Event::AlertRepeated
                | Event::AlertsSummary
                | Event::WebhookDisabled
                | Event::Test => alert.is_offline() && self.alerts.iter().any(|of| of.rule == alert.rule),
            }
    }

    /// Those that are named.
    pub(super) fn named(&self, catalog: &Catalog) -> Vec<&Alert> {
        let mut named = self.alerts.clone();
        named.sort_by_cached_key(|alert| shown::name(alert.names(catalog).device));
        named.truncate(NAMED);
        named
    }

    /// The rule's own titles, and how many more there are.
    fn own_titles(&self) -> Option<String> {
        shown::titles(&self.titles, self.alerts.len())
    }

    /// What people are told.
    pub(super) fn told(&self, catalog: &Catalog, zone: &TimeZone) -> Told {
        if self.event == Event::AlertAcknowledged {
            return self.acknowledged(zone);
        }
        let count = self.alerts.len();
        let who = self.names(catalog);
        let heard = || self.alerts.iter().map(|alert| alert.started_at);
        let (first, last) = (heard().min().unwrap_or(self.at), heard().max().unwrap_or(self.at));
        if self.event == Event::AlertResolved {
            if self.alerts.iter().all(|alert| alert.last.is_none()) {
                let text = format!(
                    "The rule was changed or switched off, or is no longer about {who}: these alerts are over. They may still be offline."
                );
                return Told { title: format!("Resolved: {count} alerts of devices offline"), text };
            }
            let longest =
                self.alerts.iter().map(|alert| alert.resolved_at.unwrap_or(self.at).since(alert.started_at)).max();
            let longest = length(longest.unwrap_or_default() as f64 / 1_000.0);
            let who = self.own_titles().unwrap_or_else(|| format!("{who} are no longer offline"));
            let text = format!("{who}. Nothing was heard from them for up to {longest}.");
            return Told { title: format!("Resolved: {count} devices offline"), text };
        }
        let [minute, day] = ["%Y-%m-%d %H:%M", "%Y-%m-%d"].map(|form| [first, last].map(|at| written(at, zone, form)));
        let when = if minute[0] == minute[1] {
            format!("at {}", written(last, zone, "%Y-%m-%d %H:%M %Z"))
        } else {
            let until = written(last, zone, if day[0] == day[1] { "%H:%M %Z" } else { "%Y-%m-%d %H:%M %Z" });
            format!("between {} and {until}", minute[0])
        };
        let who = self.own_titles().map_or(who, |titles| format!("{titles}. They"));
        let text = format!("{who} went offline {when}: nothing is heard from them since.");
        Told { title: format!("{count} devices are offline"), text }
    }

    fn acknowledged(&self, zone: &TimeZone) -> Told {
        let count = self.alerts.len();
        let rule = self.alerts.first().map_or("", |alert| called(&alert.rule_name));
        let is_one = self.alerts.iter().all(|alert| called(&alert.rule_name) == rule);
        let of = if is_one { format!(" of {}", shown::name(rule)) } else { String::new() };
        let ack = self.alerts.first().and_then(|alert| alert.acked.as_ref());
        let who = ack.map(|ack| shown::name(&ack.by)).filter(|by| !by.is_empty());
        let who = who.unwrap_or_else(|| "Somebody".to_owned());
        let comment = ack.and_then(|ack| ack.comment.as_deref()).map(said).unwrap_or_default();
        let at = written(self.at, zone, "%Y-%m-%d %H:%M %Z");
        let text = format!("{who} acknowledged {count} alerts{of} at {at}{comment}.");
        Told { title: format!("Acknowledged: {count} alerts{of}"), text }
    }

    /// `a, b, c and 296 more`.
    fn names(&self, catalog: &Catalog) -> String {
        let name = |alert: &&Alert| shown::name(alert.names(catalog).device);
        let names: Vec<String> = self.named(catalog).iter().map(name).collect();
        shown::some_of(&names, self.alerts.len()).unwrap_or_default()
    }
}

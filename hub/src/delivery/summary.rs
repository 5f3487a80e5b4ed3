//! What waited for people, in one message instead of many: after an outage nobody reads forty of them, nor when a rule is true of forty
//! things at once. PURE.
//!
//! Alerts that still fire come first, by the title of their newest message, then what is over; the rest is counted. Programs get each
//! message: they keep count of alerts. The messages that a summary tells of wait for it in the outbox, and go where it goes.

use std::collections::BTreeMap;

use serde::Serialize;

use super::payload::{Body, Heading, Teller, heading, render, severity_name};
use super::sentence::{Told, length};
use crate::model::UnixMillis;
use crate::model::alert::AlertId;
use crate::model::rule::Severity;
use crate::model::webhook::{DeliveryId, Event, NewDelivery, Waits, WebhookId};
use crate::model::when::moment;

/// Titles of alerts that still fire.
const FIRING_SHOWN: usize = 10;
/// Titles of those that are over.
const OVER_SHOWN: usize = 3;

#[derive(Serialize)]
struct SummaryData {
    summary: Summary,
}

#[derive(Serialize)]
struct Summary {
    count: usize,
    firing: usize,
    over: usize,
    past: usize,
    since: String,
    severity: &'static str,
    url: Option<String>,
}

/// Why messages waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Nothing could be sent.
    Late,
    /// For each other: they are of one rule (see [`super::grouping`]).
    Grouped,
    /// The webhook was not to be disturbed.
    QuietHours {
        /// Alerts that began and were over meanwhile, of which nobody is told.
        over: usize,
    },
}

/// What waited, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sorted {
    /// How many messages.
    count: usize,
    /// When the first was caused.
    since: UnixMillis,
    /// The newest message of each alert that still fires, oldest alert first.
    firing: Vec<DeliveryId>,
    /// The same of those that are over.
    over: Vec<DeliveryId>,
    /// Alerts that were over when the hub learned of them.
    past: usize,
    /// Whether all that is told is that alerts still fire: nothing waited.
    is_again: bool,
}

impl Sorted {
    /// Sorts messages, oldest first; earlier summaries among them stand for none. `None` where there is nothing to tell.
    #[must_use]
    pub fn of(waits: &[Waits]) -> Option<Self> {
        let mut told = waits.iter().filter(|one| one.event != Event::AlertsSummary).peekable();
        let since = told.peek()?.created_at;
        let (mut count, mut past, mut is_again) = (0, 0, true);
        let mut newest: BTreeMap<AlertId, (DeliveryId, bool)> = BTreeMap::new();
        for one in told {
            count += 1;
            is_again &= one.event == Event::AlertRepeated;
            match (one.event, one.alert) {
                (Event::AlertPast, _) => past += 1,
                (event, Some(alert)) => drop(newest.insert(alert, (one.id, event == Event::AlertResolved))),
                (_, None) => {}
            }
        }
        let of = |is_over| newest.values().filter(move |(_, over)| *over == is_over).map(|(id, _)| *id).collect();
        Some(Self { count, since, firing: of(false), over: of(true), past, is_again })
    }

    /// When the first was caused.
    #[must_use]
    pub const fn since(&self) -> UnixMillis {
        self.since
    }

    /// Of which messages the titles are shown.
    pub fn shown(&self) -> impl Iterator<Item = DeliveryId> {
        let over = self.over.iter().rev().take(OVER_SHOWN);
        self.firing.iter().take(FIRING_SHOWN).chain(over).copied()
    }

    /// The message to people, of the messages of [`Self::shown`] with their bodies, and why they waited.
    #[must_use]
    pub fn delivery(
        &self,
        webhook: WebhookId,
        why: Why,
        bodies: &BTreeMap<DeliveryId, Vec<u8>>,
        teller: &Teller,
        now: UnixMillis,
    ) -> NewDelivery {
        let headings = |ids: &mut dyn Iterator<Item = &DeliveryId>| -> Vec<Heading> {
            ids.filter_map(|id| bodies.get(id)).filter_map(|body| heading(body)).collect()
        };
        let firing = headings(&mut self.firing.iter().take(FIRING_SHOWN));
        let over = headings(&mut self.over.iter().rev().take(OVER_SHOWN));
        let Told { title, text } = match why {
            Why::Late | Why::QuietHours { .. } => self.late(why, &firing, &over, now),
            Why::Grouped => self.grouped(&firing, &over),
        };
        let worst = firing.iter().map(|heading| heading.severity).max().unwrap_or(Severity::Info);
        let url = teller.url.as_deref().map(|hub| format!("{}/a", hub.trim_end_matches('/')));
        let summary = Summary {
            count: self.count,
            firing: self.firing.len(),
            over: self.over.len(),
            past: self.past,
            since: moment(self.since),
            severity: severity_name(worst),
            url,
        };
        let event = Event::AlertsSummary;
        let body =
            render(&Body { r#type: event.word(), timestamp: moment(now), title, text, data: SummaryData { summary } });
        NewDelivery { webhook, alert: None, event, body, created_at: now, group: None }
    }
}

impl Sorted {
    fn late(&self, why: Why, firing: &[Heading], over: &[Heading], now: UnixMillis) -> Told {
        let waited = length(now.since(self.since).max(0) as f64 / 1_000.0);
        let (when, what) = match why {
            Why::QuietHours { .. } => ("In the quiet hours", "messages of the quiet hours"),
            Why::Late | Why::Grouped => ("While nothing could be sent", "messages that waited"),
        };
        let mut text = if self.is_again {
            "Nobody has acknowledged them.".to_owned()
        } else {
            format!("{when}, {} messages waited, for up to {waited}.", self.count)
        };
        text += &told("still firing", self.firing.len(), firing);
        text += &told("over", self.over.len(), over);
        if self.past > 0 {
            text += &format!(" {} {} over when the hub learned of them.", self.past, were(self.past));
        }
        if let Why::QuietHours { over } = why
            && over > 0
        {
            text += &format!(" {over} more began and {} over meanwhile.", if over == 1 { "was" } else { "were" });
        }
        let title = match self.firing.len() {
            many if self.is_again => format!("{many} alerts still fire"),
            0 => format!("{} {what}", self.count),
            1 => format!("One alert still fires, of {} {what}", self.count),
            many => format!("{many} alerts still fire, of {} {what}", self.count),
        };
        Told { title, text }
    }

    /// They are of one rule, and another message of it went before them.
    fn grouped(&self, firing: &[Heading], over: &[Heading]) -> Told {
        let rule = firing.iter().chain(over).map(|heading| heading.rule.as_str()).find(|rule| !rule.is_empty());
        let rule = rule.unwrap_or("One rule");
        let things = |all: usize, shown: &[Heading]| {
            let shown: Vec<String> = shown.iter().map(|heading| heading.thing(rule).to_owned()).collect();
            let more = all.saturating_sub(shown.len());
            if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { and(&shown) }
        };
        let (fire, end) = (self.firing.len(), self.over.len());
        let mut said = Vec::new();
        if fire > 0 {
            said.push(format!("{rule} fires on {}.", things(fire, firing)));
        }
        if end > 0 {
            let what = if fire > 0 { "It" } else { rule };
            said.push(format!("{what} is over on {}.", things(end, over)));
        }
        let title = match (fire, end) {
            (0, end) => format!("Resolved: {rule} on {end} more"),
            (fire, 0) => format!("{rule} on {fire} more"),
            (fire, end) => format!("{rule}: {fire} more, {end} over"),
        };
        Told { title, text: said.join(" ") }
    }
}

/// `a, b and c`.
fn and(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [many @ .., last] => format!("{} and {last}", many.join(", ")),
    }
}

const fn were(count: usize) -> &'static str {
    if count == 1 { "alert was" } else { "alerts were" }
}

/// ` 12 are still firing: a; b; c and 9 more.`
fn told(what: &str, count: usize, shown: &[Heading]) -> String {
    if count == 0 {
        return String::new();
    }
    let titles: Vec<&str> = shown
        .iter()
        .map(|heading| heading.title.trim_start_matches("Resolved: ").trim_start_matches("Still firing: "))
        .collect();
    let more = count.saturating_sub(titles.len());
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let is = if count == 1 { "is" } else { "are" };
    format!(" {count} {is} {what}: {}{more}.", titles.join("; "))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::delivery::sign::PictureKey;

    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

    #[test]
    fn what_still_fires_comes_first_and_the_rest_is_counted() {
        let mut waits = Vec::new();
        for alert in 1..=14 {
            waits.push(one(alert, Event::AlertFiring, alert));
        }
        waits.push(one(15, Event::AlertResolved, 2));
        waits.push(one(16, Event::AlertAcknowledged, 3));
        waits.push(one(17, Event::AlertPast, 99));
        waits.push(Waits { alert: None, ..one(18, Event::WebhookDisabled, 0) });
        waits.push(Waits { alert: None, ..one(19, Event::AlertsSummary, 0) });
        let sorted = Sorted::of(&waits).unwrap();
        let shown: Vec<u64> = sorted.shown().map(|id| id.0).collect();
        assert_eq!(shown, [1, 16, 4, 5, 6, 7, 8, 9, 10, 11, 15], "by their newest message, in the order of the alerts");
        let body = |id: &u64| {
            let severity = if *id == 9 { "critical" } else { "warning" };
            format!(r#"{{"type":"x","title":"t{id}","data":{{"alert":{{"severity":"{severity}"}}}}}}"#).into_bytes()
        };
        let bodies = shown.iter().map(|id| (DeliveryId(*id), body(id))).collect();
        let teller =
            Teller { url: Some("http://hub/".to_owned()), zone: TimeZone::UTC, pictures: PictureKey::of(&[7; 32]) };
        let told = sorted.delivery(WebhookId(7), Why::Late, &bodies, &teller, NOW);
        assert_eq!(
            (told.webhook, told.alert, told.event, told.created_at),
            (WebhookId(7), None, Event::AlertsSummary, NOW)
        );
        let text = String::from_utf8(told.body).unwrap();
        for part in [
            r#""type":"alerts.summary","timestamp":"2027-01-15T08:00:00.000Z""#,
            r#""title":"13 alerts still fire, of 18 messages that waited""#,
            r#""text":"While nothing could be sent, 18 messages waited, for up to 3 h. 13 are still firing: t1; t16; t4; "#,
            r#"t11; and 3 more. 1 is over: t15. 1 alert was over when the hub learned of them.""#,
            r#""summary":{"count":18,"firing":13,"over":1,"past":1,"since":"2027-01-15T05:00:00.000Z","severity":"critical""#,
            r#""url":"http://hub/a""#,
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn what_is_of_one_rule_is_told_by_its_things() {
        let title = |id: u64, event| {
            if event == Event::AlertResolved {
                format!("Resolved: Too hot on room {id}")
            } else {
                format!("Too hot on room {id}")
            }
        };
        let told = |waits: &[Waits]| {
            let body = |one: &Waits| {
                let title = title(one.alert.unwrap().0, one.event);
                format!(
                    r#"{{"type":"x","title":"{title}","data":{{"alert":{{"severity":"warning","rule":{{"name":"Too hot"}}}}}}}}"#
                )
            };
            let bodies = waits.iter().map(|one| (one.id, body(one).into_bytes())).collect();
            let teller = Teller { url: None, zone: TimeZone::UTC, pictures: PictureKey::of(&[7; 32]) };
            let told = Sorted::of(waits).unwrap().delivery(WebhookId(7), Why::Grouped, &bodies, &teller, NOW);
            let body: serde_json::Value = serde_json::from_slice(&told.body).unwrap();
            (body["title"].as_str().unwrap().to_owned(), body["text"].as_str().unwrap().to_owned())
        };
        let fires: Vec<_> = (1..=13).map(|id| one(id, Event::AlertFiring, id)).collect();
        let said = told(&fires);
        assert_eq!(said.0, "Too hot on 13 more");
        assert_eq!(
            said.1,
            "Too hot fires on room 1, room 2, room 3, room 4, room 5, room 6, room 7, room 8, room 9, room 10 and 3 more."
        );
        let mixed = [fires[0], fires[1], one(3, Event::AlertResolved, 2)];
        assert_eq!(
            told(&mixed),
            ("Too hot: 1 more, 1 over".to_owned(), "Too hot fires on room 1. It is over on room 2.".to_owned())
        );
        let over = [one(1, Event::AlertResolved, 1), one(2, Event::AlertResolved, 2)];
        assert_eq!(
            told(&over),
            ("Resolved: Too hot on 2 more".to_owned(), "Too hot is over on room 2 and room 1.".to_owned())
        );
    }

    #[test]
    fn after_quiet_hours_it_says_so_and_how_many_were_over_meanwhile() {
        let waits: Vec<_> = (1..=6).map(|alert| one(alert, Event::AlertFiring, alert)).collect();
        let sorted = Sorted::of(&waits).unwrap();
        let teller = Teller { url: None, zone: TimeZone::UTC, pictures: PictureKey::of(&[7; 32]) };
        let told = sorted.delivery(WebhookId(7), Why::QuietHours { over: 2 }, &BTreeMap::new(), &teller, NOW);
        let text = String::from_utf8(told.body).unwrap();
        assert!(text.contains("6 alerts still fire, of 6 messages of the quiet hours"), "{text}");
        assert!(text.contains("In the quiet hours, 6 messages waited, for up to 3 h."), "{text}");
        assert!(text.contains(" 2 more began and were over meanwhile."), "{text}");
    }

    #[test]
    fn many_that_still_fire_are_told_again_in_one() {
        let waits: Vec<_> = (1..=6).map(|alert| one(alert, Event::AlertRepeated, alert)).collect();
        let teller = Teller { url: None, zone: TimeZone::UTC, pictures: PictureKey::of(&[7; 32]) };
        let body = br#"{"title":"Still firing: t","data":{}}"#.to_vec();
        let bodies = [(DeliveryId(1), body)].into();
        let told = Sorted::of(&waits).unwrap().delivery(WebhookId(7), Why::Late, &bodies, &teller, NOW);
        let text = String::from_utf8(told.body).unwrap();
        let expected = r#""title":"6 alerts still fire","text":"Nobody has acknowledged them. 6 are still firing: t; and 5 more.""#;
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn of_earlier_summaries_alone_there_is_nothing_to_tell() {
        assert_eq!(Sorted::of(&[one(1, Event::AlertsSummary, 0)]), None);
        assert_eq!(Sorted::of(&[]), None);
    }

    fn one(id: u64, event: Event, alert: u64) -> Waits {
        Waits { id: DeliveryId(id), alert: Some(AlertId(alert)), event, created_at: NOW.plus(-3 * 3_600_000) }
    }
}

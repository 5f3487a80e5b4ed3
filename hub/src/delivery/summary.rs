//! What waited for people, in one message instead of many: after an outage nobody reads forty of them, nor when a rule is true of forty
//! things at once. PURE.
//!
//! What counts is the newest of each thing: a rule on a sensor, a device or many of them, whose alerts are one course. What still fires
//! comes first, then what flaps, then what is over; the rest is counted. Programs get each message: they keep count of alerts. The
//! messages that a summary tells of wait for it in the outbox, and go where it goes.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::payload::alone::{Alert, alone};
use super::payload::{BODY_LIMIT, Body, Heading, Teller, heading, render, severity_name};
use super::sentence::{Told, length};
use crate::model::UnixMillis;
use crate::model::rule::Severity;
use crate::model::shown;
use crate::model::webhook::{DeliveryId, Event, NewDelivery, Waits, WebhookId};
use crate::model::when::moment;

/// Titles of alerts that still fire, and of those that flap.
const FIRING_SHOWN: usize = 10;
/// Titles of those that are over.
const OVER_SHOWN: usize = 3;

#[derive(Serialize)]
struct SummaryData {
    summary: Summary,
    /// Of what tells of one thing alone its alert, as the newest message about it has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<Alert>,
}

#[derive(Serialize)]
struct Summary {
    count: usize,
    firing: usize,
    flapping: usize,
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
    /// The newest message of each thing that still fires, in the order in which they began to wait.
    firing: Vec<DeliveryId>,
    /// The same of those that flap.
    flapping: Vec<DeliveryId>,
    /// The same of those that are over.
    over: Vec<DeliveryId>,
    /// The same of those that were over before anybody was told.
    gone: Vec<DeliveryId>,
    /// Alerts that were over before anybody was told.
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
        let mut things: Vec<(DeliveryId, State)> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for one in told {
            count += 1;
            is_again &= one.event == Event::AlertRepeated;
            past += usize::from(one.event == Event::AlertPast);
            if one.alert.is_some() {
                let place = *places.entry(&one.course).or_insert(things.len());
                let before = things.get(place).map(|(_, state)| *state);
                let thing = (one.id, State::after(before, one));
                if let Some(known) = things.get_mut(place) {
                    *known = thing;
                } else {
                    things.push(thing);
                }
            }
        }
        let of = |is: &dyn Fn(State) -> bool| -> Vec<DeliveryId> {
            things.iter().filter(|(_, state)| is(*state)).map(|(id, _)| *id).collect()
        };
        Some(Self {
            count,
            since,
            firing: of(&|state| state == State::Firing),
            flapping: of(&|state| state == State::Flapping),
            over: of(&|state| state == State::Over),
            gone: of(&|state| state == State::Gone),
            past,
            is_again,
        })
    }

    /// The message to show of the one thing that it is about; `None` of several.
    fn only(&self) -> Option<DeliveryId> {
        let mut all = [&self.firing, &self.flapping, &self.over, &self.gone].into_iter().flatten();
        all.next().copied().filter(|_| all.next().is_none())
    }

    /// When the first was caused.
    #[must_use]
    pub const fn since(&self) -> UnixMillis {
        self.since
    }

    /// Of which messages the titles are shown.
    pub fn shown(&self) -> impl Iterator<Item = DeliveryId> {
        let over = self.over.iter().rev().take(OVER_SHOWN);
        let (firing, flapping) = (self.firing.iter().take(FIRING_SHOWN), self.flapping.iter().take(FIRING_SHOWN));
        firing.chain(flapping).chain(over).chain(self.gone.iter().rev().take(OVER_SHOWN)).copied()
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
        let flapping = headings(&mut self.flapping.iter().take(FIRING_SHOWN));
        let over = headings(&mut self.over.iter().rev().take(OVER_SHOWN));
        let gone = headings(&mut self.gone.iter().rev().take(OVER_SHOWN));
        let shown = Shown { firing: &firing, flapping: &flapping, over: &over, gone: &gone };
        let only = self.only().and_then(|id| bodies.get(&id)).and_then(|body| alone(body));
        let own = only.as_ref().map(|only| only.text.as_str());
        let Told { title, text } = match why {
            Why::Late | Why::QuietHours { .. } => {
                let Told { title, text } = self.late(why, &shown, now);
                Told { title, text: own.map_or_else(|| text.clone(), |own| format!("{text} {own}")) }
            }
            Why::Grouped => {
                let Told { title, text } = self.grouped(&shown);
                Told { title, text: own.map_or(text, str::to_owned) }
            }
        };
        let worst = firing.iter().chain(&flapping).map(|heading| heading.severity).max().unwrap_or(Severity::Info);
        let url = teller.url.as_deref().map(|hub| format!("{}/a", hub.trim_end_matches('/')));
        let summary = Summary {
            count: self.count,
            firing: self.firing.len(),
            flapping: self.flapping.len(),
            over: self.over.len(),
            past: self.past,
            since: moment(self.since),
            severity: severity_name(worst),
            url,
        };
        let event = Event::AlertsSummary;
        let data = SummaryData { summary, alert: only.map(|only| only.alert) };
        let mut body = Body { r#type: event.word(), timestamp: moment(now), title, text, data };
        let whole = render(&body);
        let body = if whole.len() < BODY_LIMIT - 100 {
            whole
        } else {
            body.data.alert = None;
            render(&body)
        };
        NewDelivery { webhook, alert: None, event, body, created_at: now, group: None }
    }
}

impl Sorted {
    fn late(&self, why: Why, shown: &Shown<'_>, now: UnixMillis) -> Told {
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
        text += &told("still firing", self.firing.len(), shown.firing);
        text += &told("flapping", self.flapping.len(), shown.flapping);
        text += &told("over", self.over.len(), shown.over);
        if self.past > 0 {
            text += &format!(" {} {} over before anybody was told.", self.past, were(self.past));
        }
        if let Why::QuietHours { over } = why
            && over > 0
        {
            text += &format!(" {over} more began and {} over meanwhile.", if over == 1 { "was" } else { "were" });
        }
        let title = match self.firing.len() {
            many if self.is_again => format!("{many} alerts still fire"),
            0 if !self.flapping.is_empty() => {
                let (many, is) =
                    (self.flapping.len(), if self.flapping.len() == 1 { "alert flaps" } else { "alerts flap" });
                format!("{many} {is}, of {} {what}", self.count)
            }
            0 => format!("{} {what}", self.count),
            1 => format!("One alert still fires, of {} {what}", self.count),
            many => format!("{many} alerts still fire, of {} {what}", self.count),
        };
        Told { title, text }
    }

    /// They are of one rule, and none of them flaps: that is told for itself. Another message of it went before them, so they are some more;
    /// of devices that go offline the first one waits as well.
    fn grouped(&self, shown: &Shown<'_>) -> Told {
        let rule = shown.all().map(|heading| heading.rule.as_str()).find(|rule| !rule.is_empty());
        let rule = rule.unwrap_or("One rule");
        let (fire, end, gone) = (self.firing.len(), self.over.len(), self.gone.len());
        let mut said = Vec::new();
        if fire > 0 {
            said.push(format!("{rule} fires{}.", shown.things(fire, shown.firing)));
            let acked: Vec<_> = shown.firing.iter().filter(|heading| heading.is_acked).cloned().collect();
            if !acked.is_empty() {
                said.push(format!("It is acknowledged{}.", shown.on(acked.len(), &acked)));
            }
        }
        if end > 0 {
            let what = if said.is_empty() { rule } else { "It" };
            said.push(format!("{what} is over{}.", shown.things(end, shown.over)));
        }
        if gone > 0 {
            let what = if said.is_empty() { rule } else { "It" };
            said.push(format!("{what} fired and is over{}.", shown.things(gone, shown.gone)));
        }
        let one = || shown.all().next().map(|heading| shown.on(1, std::slice::from_ref(heading))).unwrap_or_default();
        let own = || shown.all().next().filter(|heading| heading.is_worded).map(|heading| heading.title.clone());
        let more = if shown.all().any(|heading| heading.is_offline) { "devices" } else { "more" };
        let title = match (fire, end, gone) {
            (1, 0, 0) => own().unwrap_or_else(|| format!("{rule}{}", one())),
            (0, 1, 0) => own().unwrap_or_else(|| format!("Resolved: {rule}{}", one())),
            (0, 0, 1) => own().unwrap_or_else(|| format!("Past alert: {rule}{}", one())),
            (0, 0, gone) => format!("Past alerts: {rule} on {gone} {more}"),
            (0, end, _) => format!("Resolved: {rule} on {end} {more}"),
            (fire, 0, 0) => format!("{rule} on {fire} {more}"),
            (fire, end, gone) => format!("{rule}: {fire} {more}, {} over", end + gone),
        };
        Told { title, text: said.join(" ") }
    }
}

/// How a thing is by its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Firing,
    /// It does both.
    Flapping,
    Over,
    /// Over before anybody was told of it.
    Gone,
}

impl State {
    /// By one more message.
    fn after(before: Option<Self>, told: &Waits) -> Self {
        match told.event {
            Event::AlertResolved => Self::Over,
            Event::AlertFlapping => Self::Flapping,
            // That somebody has seen it changes nothing.
            Event::AlertAcknowledged => before.unwrap_or(Self::Firing),
            Event::AlertPast => before.unwrap_or(Self::Gone),
            Event::AlertFiring | Event::AlertRepeated | Event::AlertsSummary | Event::WebhookDisabled | Event::Test => {
                Self::Firing
            }
        }
    }
}

/// The messages of which something is said.
struct Shown<'a> {
    firing: &'a [Heading],
    flapping: &'a [Heading],
    over: &'a [Heading],
    gone: &'a [Heading],
}

impl Shown<'_> {
    fn all(&self) -> impl Iterator<Item = &Heading> {
        self.firing.iter().chain(self.flapping).chain(self.over).chain(self.gone)
    }

    /// `: the rule's own title; another; and 7 more` where the rule has its own words for one of them, else as [`Self::on`].
    fn things(&self, all: usize, some: &[Heading]) -> String {
        if !some.iter().any(|heading| heading.is_worded) {
            return self.on(all, some);
        }
        let said = |heading: &Heading| if heading.is_worded { heading.title.clone() } else { self.thing(heading) };
        let said = placed(some, said);
        shown::titles(&said, all).map(|titles| format!(": {titles}")).unwrap_or_default()
    }

    /// ` on a, b and 7 more`; nothing of what is about no device.
    fn on(&self, all: usize, some: &[Heading]) -> String {
        let names: Vec<String> =
            some.iter().map(|heading| self.thing(heading)).filter(|name| !name.is_empty()).collect();
        shown::some_of(&names, all).map(|some| format!(" on {some}")).unwrap_or_default()
    }

    /// The device, and which of its sensors where it is told of several.
    fn thing(&self, of: &Heading) -> String {
        let is_other = |other: &&Heading| other.device == of.device && other.sensor != of.sensor;
        match self.all().find(is_other) {
            Some(_) if !of.sensor.is_empty() => format!("{} ({})", of.device, of.sensor),
            _ => of.device.clone(),
        }
    }
}

const fn were(count: usize) -> &'static str {
    if count == 1 { "alert was" } else { "alerts were" }
}

/// What is said of some things, with where it is where it is said of several: `Call Ann (attic); Call Ann (barn)`.
pub(super) fn placed(some: &[Heading], said: impl Fn(&Heading) -> String) -> Vec<String> {
    let all: Vec<String> = some.iter().map(said).collect();
    let place = |(heading, title): (&Heading, &String)| {
        let is_alone = all.iter().filter(|other| *other == title).count() == 1;
        let is_news = |part: &&str| !is_alone && !part.is_empty() && !title.contains(*part);
        let place: Vec<&str> = [&*heading.device, &*heading.sensor].into_iter().filter(is_news).collect();
        if place.is_empty() { title.clone() } else { format!("{title} ({})", place.join(", ")) }
    };
    some.iter().zip(&all).map(place).collect()
}

/// ` 12 are still firing: a; b; c and 9 more.`
fn told(what: &str, count: usize, shown: &[Heading]) -> String {
    if count == 0 {
        return String::new();
    }
    let titles = placed(shown, |heading| {
        let before = ["Resolved: ", "Still firing: ", "Still firing, acknowledged: ", "Flapping: "];
        before.into_iter().find_map(|word| heading.title.strip_prefix(word)).unwrap_or(&heading.title).to_owned()
    });
    let titles = shown::titles(&titles, count).unwrap_or_default();
    let is = if count == 1 { "is" } else { "are" };
    format!(" {count} {is} {what}: {titles}.")
}

#[cfg(test)]
mod tests;

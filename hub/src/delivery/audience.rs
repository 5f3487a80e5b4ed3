//! Who is told of what: which webhooks hear a notice, and the deliveries that it makes. PURE.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use super::gathered::{self, Gathered};
use super::grouping::Grouping;
use super::payload::alert::{self, What};
use super::payload::{Teller, group_delivery, heading};
use super::summary::placed;
use crate::model::alert::{Alert, AlertId, AlertState, Subject};
use crate::model::catalog::Catalog;
use crate::model::explain::Reason;
use crate::model::hearing::Filter;
use crate::model::notice::{Hearers, Notice};
use crate::model::rule::{Rule, RuleSpec};
use crate::model::webhook::{Event, Grouped, NewDelivery, Webhook, WebhookId};

/// How often a webhook was told of an alert, with what is told now.
type Numbers = HashMap<(AlertId, WebhookId), u32>;

/// Who may be told.
pub struct Audience<'a> {
    /// The rules under which it was decided: for a rule deleted just now, the list from before.
    pub rules: &'a [Rule],
    pub webhooks: &'a [Webhook],
    /// How often a webhook was told of an alert before.
    pub said: &'a dyn Fn(AlertId, WebhookId) -> u32,
    /// Of which rules people were told a moment ago.
    pub grouping: &'a Grouping,
    /// What is said beside an alert that fires, in a sentence.
    pub beside: &'a dyn Fn(&Alert) -> Option<String>,
    /// Why alerts fired, as far as that is known.
    pub reasons: &'a HashMap<AlertId, Reason>,
}

static NO_GROUPING: LazyLock<Grouping> = LazyLock::new(Grouping::default);
static NO_REASONS: LazyLock<HashMap<AlertId, Reason>> = LazyLock::new(HashMap::new);

impl<'a> Audience<'a> {
    /// These rules and webhooks, of which nobody was told anything before; nothing is known beside the alerts.
    #[must_use]
    pub fn new(rules: &'a [Rule], webhooks: &'a [Webhook]) -> Self {
        let (grouping, reasons) = (&*NO_GROUPING, &*NO_REASONS);
        Self { rules, webhooks, said: &|_, _| 0, grouping, beside: &|_| None, reasons }
    }
}

impl Audience<'_> {
    /// The webhooks that hear of this one by one. Of the hub itself everybody does: no rule says who would. Of
    /// an acknowledgement those hear who know the alert.
    fn of(&self, notice: &Notice, gathered: &[WebhookId], numbers: &Numbers) -> Vec<&Webhook> {
        let alert = notice.alert();
        let said =
            |webhook| numbers.get(&(alert.id, webhook)).copied().unwrap_or_else(|| (self.said)(alert.id, webhook));
        let hears = |webhook: &&Webhook| self.hears(webhook.id, alert);
        let wants = |webhook: &&Webhook| match notice {
            Notice::Changed { to: Hearers::All, .. } => true,
            Notice::Changed { to: Hearers::EachChange, .. } => webhook.spec.kind.hears_each_change(),
            // Of an end those hear who know the alert; an incident that is open already is not begun again.
            Notice::Changed { to: Hearers::Calmed, .. } => {
                let kind = webhook.spec.kind;
                let is_over = alert.state == AlertState::Resolved;
                let is_news = || {
                    if is_over { said(webhook.id) > 0 } else { kind.is_read_by_people() || said(webhook.id) == 0 }
                };
                !kind.hears_each_change() && is_news()
            }
            Notice::Changed { to: Hearers::Incidents, .. } => {
                webhook.spec.kind.keeps_incidents() && said(webhook.id) > 0
            }
            Notice::Changed { to: Hearers::One(id), .. } => webhook.id == *id,
            Notice::Flapping { .. } => !webhook.spec.kind.hears_each_change(),
            Notice::Past { .. } => webhook.spec.past,
            Notice::Repeated { to, .. } => webhook.id == *to,
            Notice::Acknowledged { to, .. } => {
                let is_meant = *to != Hearers::Incidents || webhook.spec.kind.keeps_incidents();
                is_meant && webhook.spec.kind.takes_acknowledgements() && said(webhook.id) > 0
            }
        };
        let is_alone = |webhook: &&Webhook| !gathered.contains(&webhook.id);
        self.webhooks.iter().filter(|webhook| webhook.works()).filter(is_alone).filter(wants).filter(hears).collect()
    }

    /// The webhooks that are told of many things in one message; those of which people were told of others of the rule a moment ago
    /// hear of each later, with the rest.
    fn of_many(&self, group: &Gathered<'_>, grouping: &Grouping) -> Vec<&Webhook> {
        let is_told = |webhook: &&Webhook| {
            let knows = |alert: &&Alert| (self.said)(alert.id, webhook.id) > 0;
            let waits = |first: &Alert| {
                let key = (webhook.id, first.rule, group.event);
                grouping.until(first.learned_at, key, first.about, first.severity, first.is_offline()).is_some()
            };
            webhook.works()
                && webhook.spec.kind.is_read_by_people()
                && (group.event != Event::AlertAcknowledged || group.alerts.iter().any(knows))
                // Of one rule they all are.
                && group.first().is_none_or(|first| self.hears(webhook.id, first) && !waits(first))
        };
        self.webhooks.iter().filter(is_told).collect()
    }

    /// Whether a webhook is one of those that are told of this alert.
    fn hears(&self, webhook: WebhookId, alert: &Alert) -> bool {
        match alert.about {
            Subject::Hub(_) => true,
            Subject::Device(_) | Subject::Series { .. } | Subject::Selection => {
                self.rule(alert).is_some_and(|rule| rule.all_webhooks || rule.webhooks.contains(&webhook))
            }
        }
    }

    /// Whether a webhook that is told of some alerts only is told of this: of the end of what it knows in any case.
    fn lets_through(&self, webhook: &Webhook, notice: &Notice, catalog: &Catalog) -> bool {
        let alert = notice.alert();
        let device = alert.device().and_then(|device| catalog.device(device));
        let knows = || (self.said)(alert.id, webhook.id) > 0;
        webhook.spec.filter.passes(alert, device.map(|device| &device.labels)) || knows()
    }

    /// Whether a webhook is told of an alert, as the rules are.
    #[must_use]
    pub fn is_of(&self, alert: &Alert, webhook: &Webhook, catalog: &Catalog) -> bool {
        let device = alert.device().and_then(|device| catalog.device(device));
        self.hears(webhook.id, alert) && webhook.spec.filter.passes(alert, device.map(|device| &device.labels))
    }

    /// The rule's own titles of those alerts that one message of many names; nothing where it has none, or says none of one of them.
    fn titles(&self, group: &Gathered<'_>, notices: &[Notice], catalog: &Catalog, teller: &Teller) -> Vec<String> {
        let rule = group.first().and_then(|first| self.rule(first));
        let Some(rule) = rule.filter(|rule| rule.message.title.is_some()) else { return Vec::new() };
        let event = group.event;
        let title = |alert: &Alert| {
            let is_it = |notice: &&Notice| notice.alert().id == alert.id && event_of(notice) == event;
            let notice = notices.iter().find(is_it)?;
            let what = What { notice, event, sequence: 1, rule: Some(rule), reason: None, beside: None };
            heading(&alert::body(&what, catalog, teller)).filter(|heading| heading.is_worded)
        };
        let headings = group.named(catalog).into_iter().map(title).collect::<Option<Vec<_>>>().unwrap_or_default();
        placed(&headings, |heading| heading.title.clone())
    }

    fn rule(&self, alert: &Alert) -> Option<&RuleSpec> {
        self.rules.iter().find(|rule| rule.id == alert.rule).map(|rule| &rule.spec)
    }
}

/// The messages that these notices make: to each enabled webhook of the rule. Where people read it, of many devices at once,
/// or many acknowledgements, in one message.
#[must_use]
pub fn deliveries_for(
    notices: &[Notice],
    audience: &Audience<'_>,
    catalog: &Catalog,
    teller: &Teller,
) -> Vec<NewDelivery> {
    let (all, some): (Vec<_>, Vec<_>) = audience.webhooks.iter().cloned().partition(|webhook| {
        let told = notices.iter().map(|notice| (&notice.alert().id, notice.learned_at()));
        webhook.spec.filter == Filter::default() && !audience.grouping.holds_any(webhook.id, told)
    });
    let mut deliveries = told(notices, &Audience { webhooks: &all, ..*audience }, catalog, teller);
    for webhook in some.into_iter().filter(Webhook::works) {
        let heard: Vec<_> =
            notices.iter().filter(|notice| audience.lets_through(&webhook, notice, catalog)).cloned().collect();
        let audience = Audience { webhooks: &[webhook], ..*audience };
        deliveries.extend(told(&heard, &audience, catalog, teller));
    }
    deliveries
}

/// The messages that these notices make, to webhooks that are told of all of them. Where it waits yet that an alert fires, there is
/// one webhook.
fn told(notices: &[Notice], audience: &Audience<'_>, catalog: &Catalog, teller: &Teller) -> Vec<NewDelivery> {
    let mut deliveries = Vec::new();
    let mut grouping = audience.grouping.clone();
    let waits = |notice: &Notice| {
        let (now, alert) = (notice.learned_at(), notice.alert().id);
        audience.webhooks.iter().any(|webhook| audience.grouping.held(now, webhook.id, alert).is_some())
    };
    let loose = if notices.iter().any(waits) {
        Cow::Owned(notices.iter().filter(|notice| !waits(notice)).cloned().collect())
    } else {
        Cow::Borrowed(notices)
    };
    let mut gathered = gathered::of(&loose);
    for group in &mut gathered {
        group.titles = audience.titles(group, notices, catalog, teller);
    }
    let gathered: Vec<_> = gathered.into_iter().map(|group| (audience.of_many(&group, &grouping), group)).collect();
    for (told, group) in &gathered {
        deliveries.extend(told.iter().filter_map(|webhook| group_delivery(group, webhook, catalog, teller)));
    }
    grouping.note(&deliveries);
    // What is told of an alert here, by webhook: its next message is numbered after it.
    let mut numbers = Numbers::new();
    for notice in notices {
        let (alert, event) = (notice.alert(), event_of(notice));
        let tells = gathered.iter().filter(|(_, group)| !waits(notice) && group.tells_of(alert, event));
        let heard: Vec<_> = tells.flat_map(|(told, _)| told.iter().map(|webhook| webhook.id)).collect();
        let mut bodies: Vec<(u32, Vec<u8>)> = Vec::new();
        for to in audience.of(notice, &heard, &numbers) {
            let webhook = to.id;
            let number = numbers.entry((alert.id, webhook)).or_insert_with(|| (audience.said)(alert.id, webhook));
            *number += 1;
            let (rule, reason) = (audience.rule(alert), audience.reasons.get(&alert.id));
            let held = grouping.held(notice.learned_at(), webhook, alert.id);
            if let Some((notice, event, until)) = held.and_then(|until| as_it_goes(notice).map(|(a, b)| (a, b, until)))
            {
                let beside = if event == Event::AlertFiring { (audience.beside)(alert) } else { None };
                let what = What { notice: &notice, event, sequence: *number, rule, reason, beside };
                let (body, created_at) = (alert::body(&what, catalog, teller), notice.learned_at());
                let group = Some(Grouped { rule: alert.rule, about: alert.about, until: Some(until) });
                let delivery = NewDelivery { webhook, alert: Some(alert.id), event, body, created_at, group };
                grouping.note([&delivery]);
                deliveries.push(delivery);
                continue;
            }
            let body = match bodies.iter().find(|(of, _)| of == number) {
                Some((_, body)) => body.clone(),
                None => {
                    let is_news = matches!(notice, Notice::Changed { alert, .. } if alert.state == AlertState::Firing);
                    let beside = if is_news { (audience.beside)(alert) } else { None };
                    let what = What { notice, event, sequence: *number, rule, reason, beside };
                    let body = alert::body(&what, catalog, teller);
                    bodies.push((*number, body.clone()));
                    body
                }
            };
            let created_at = notice.learned_at();
            let group = grouped(notice, event, to, &grouping);
            let delivery = NewDelivery { webhook, alert: Some(alert.id), event, body, created_at, group };
            grouping.note([&delivery]);
            deliveries.push(delivery);
        }
    }
    deliveries
}

/// What is told of an alert in place of the message that it fires, which waits: that it was and is over, or that it fires and somebody
/// has seen it.
fn as_it_goes(notice: &Notice) -> Option<(Notice, Event)> {
    match notice {
        Notice::Changed { alert, points, .. } if alert.state == AlertState::Resolved => {
            let past = Notice::Past { alert: alert.clone(), count: 1, points: points.clone() };
            Some((past, Event::AlertPast))
        }
        Notice::Acknowledged { alert, to } => {
            let (occurred_at, points) = (alert.fired_at.unwrap_or(alert.started_at), Vec::new());
            let fires = Notice::Changed { alert: alert.clone(), occurred_at, points, to: *to };
            Some((fires, Event::AlertFiring))
        }
        Notice::Changed { .. } | Notice::Past { .. } | Notice::Flapping { .. } | Notice::Repeated { .. } => None,
    }
}

/// Of which rule's messages to people it is one: of what fires, or is over, on devices and their sensors.
fn grouped(notice: &Notice, event: Event, to: &Webhook, grouping: &Grouping) -> Option<Grouped> {
    let alert = notice.alert();
    let is_of_many = matches!(notice, Notice::Changed { .. }) && !matches!(alert.about, Subject::Hub(_));
    (is_of_many && to.spec.kind.is_read_by_people()).then(|| {
        let (rule, about) = (alert.rule, alert.about);
        let until =
            grouping.until(notice.learned_at(), (to.id, rule, event), about, alert.severity, alert.is_offline());
        Grouped { rule, about, until }
    })
}

const fn event_of(notice: &Notice) -> Event {
    match notice {
        Notice::Changed { alert, .. } => match alert.state {
            AlertState::Resolved => Event::AlertResolved,
            AlertState::Firing | AlertState::Pending | AlertState::Historical => Event::AlertFiring,
        },
        Notice::Past { .. } => Event::AlertPast,
        Notice::Flapping { .. } => Event::AlertFlapping,
        Notice::Repeated { .. } => Event::AlertRepeated,
        Notice::Acknowledged { .. } => Event::AlertAcknowledged,
    }
}

#[cfg(test)]
mod tests;

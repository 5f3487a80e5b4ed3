//! Who is told of what: not every change of an alert is a message. PURE.
//!
//! ```text
//!   transitions ──▶ silences ──▶ flapping ──▶ notices
//!                   nobody now    once that it flaps, once how it ended
//!                   (or its device is offline, see `absent`)
//! ```
//!
//! Beside that, [`Notifier::again`] tells again of what still fires.
//!
//! It hides nothing: alerts are written and shown as they are. Like the engine it proposes: [`Notifier::decide`] and
//! [`Notifier::over`] change nothing until [`Notifier::apply`].

mod absent;
mod flapping;
pub mod ledger;
mod repeats;
pub mod silences;

use self::flapping::{Calmed, Flapping};
use self::ledger::Ledger;
use self::repeats::{AT_ONCE, Repeats};
use self::silences::{Hushed, InZone, Silences};
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertId, AlertState, Transition};
use crate::model::catalog::Catalog;
use crate::model::notice::{Hearers, Mark, Notice};
use crate::model::rule::RuleId;
use crate::model::webhook::{NewDelivery, Webhook, WebhookId};

/// What keeps changes from being told.
#[derive(Debug, Default)]
pub struct Notifier {
    silences: Silences,
    flapping: Flapping,
    ledger: Ledger,
    repeats: Repeats,
}

/// What the notifier starts with.
#[derive(Debug, Default)]
pub struct Before {
    /// The silences there are.
    pub silences: Vec<InZone>,
    /// Open alerts that nobody was told of because of a silence.
    pub muted: Vec<Alert>,
    /// What people were told of alerts that flap.
    pub flapping: Vec<Alert>,
    /// Alerts that are open.
    pub open: Vec<Alert>,
    /// Alerts that changed of late, whether open or over.
    pub recent: Vec<Alert>,
    /// Who was told of them.
    pub ledger: Ledger,
}

/// What would be told. Commit notices and marks with what caused them, then hand it to [`Notifier::apply`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Notified {
    /// What is told, in order.
    pub notices: Vec<Notice>,
    /// What is noted of alerts.
    pub marks: Vec<Mark>,
    hushed: Hushed,
    calmed: Calmed,
    /// When it is looked next at what is told again.
    again: Option<UnixMillis>,
}

impl Notifier {
    /// Goes on where the hub stopped.
    #[must_use]
    pub fn new(now: UnixMillis, before: Before) -> Self {
        let Before { silences, muted, flapping, open, recent, ledger } = before;
        Self {
            flapping: Flapping::new(now, flapping, &open, &recent),
            silences: Silences::new(silences, muted).knowing(&open),
            ledger,
            repeats: Repeats::default(),
        }
    }

    /// Other webhooks from here on.
    pub fn set_webhooks(&mut self, now: UnixMillis, webhooks: &[Webhook]) {
        self.repeats.set(now, webhooks);
    }

    /// Whether it is time to look at what is told again: [`Notifier::again`].
    #[must_use]
    pub fn is_again_due(&self, now: UnixMillis) -> bool {
        self.repeats.poll_timeout().is_some_and(|at| at <= now)
    }

    /// What was to be told again could not be stored.
    pub fn again_later(&mut self, now: UnixMillis) {
        self.repeats.apply(Repeats::look_after(now));
    }

    /// What is told again of these open alerts. `hears`: whether a webhook is told of an alert now, by its rule, its filter and its
    /// quiet hours, and nothing about it waits already.
    #[must_use]
    pub fn again(
        &self,
        now: UnixMillis,
        open: Vec<Alert>,
        catalog: &Catalog,
        hears: impl Fn(&Alert, WebhookId) -> bool,
    ) -> Notified {
        let mut next = Repeats::look_after(now);
        let mut notices = Vec::new();
        for alert in open.into_iter().filter(|alert| alert.state == AlertState::Firing) {
            let is_silenced = self.silences.until(now, &alert, catalog).is_some();
            let waits = self.inhibited_by(&alert).is_some();
            if self.silences.is_muted(alert.id) || is_silenced || waits {
                continue;
            }
            let is_acked = alert.acked.is_some();
            let (flaps, is_unknown) = (self.flapping.flaps(&alert), alert.unknown_since.is_some());
            for (webhook, every) in self.repeats.every() {
                // What ends alerts by itself ends none that is not over, whatever people want to hear.
                if every.until_acked && (is_acked || flaps || is_unknown) {
                    continue;
                }
                // Where many devices were told of in one message, it counts for the first of them.
                let last = self.ledger.said(alert.id, webhook).map_or(alert.learned_at, |said| said.last);
                let due = last.plus(every.ms);
                if due > now {
                    next = next.min(due);
                } else if hears(&alert, webhook) {
                    if notices.len() >= AT_ONCE {
                        return Notified { notices, again: Some(now), ..Notified::default() };
                    }
                    notices.push(Notice::Repeated { alert: alert.clone(), at: now, to: webhook });
                }
            }
        }
        Notified { notices, again: Some(next), ..Notified::default() }
    }

    /// Other silences from here on.
    pub fn set_silences(&mut self, all: Vec<InZone>) {
        self.silences.set(all);
    }

    /// What is told of these changes. `is_gone`: whether what this rule said before counts no more. What a person caused is no flapping.
    #[must_use]
    pub fn decide(
        &self,
        now: UnixMillis,
        transitions: &[Transition],
        catalog: &Catalog,
        is_by_hand: bool,
        is_gone: impl Fn(RuleId) -> bool,
    ) -> Notified {
        let hushed = self.silences.hush(now, transitions, catalog);
        let amended = transitions.iter().filter_map(|transition| match transition {
            Transition::Amend(alert) => Some(alert),
            Transition::Put { .. } | Transition::TellPast { .. } | Transition::Cancel(..) => None,
        });
        let amended: Vec<&Alert> = amended.collect();
        let calmed = if is_by_hand {
            self.flapping.restart(now, &hushed.told, is_gone)
        } else {
            self.flapping.calm(now, &hushed.told, &amended, is_gone)
        };
        Notified::of(hushed, calmed)
    }

    /// What is told because time passed: of alerts that outlasted the silences over them, or ceased to flap.
    #[must_use]
    pub fn over(&self, now: UnixMillis, catalog: &Catalog) -> Notified {
        let hushed = self.silences.over(now, catalog);
        let is_silenced = |alert: &Alert| self.silences.until(now, alert, catalog).is_some();
        let calmed = self.flapping.over(now, &hushed.told, is_silenced);
        Notified::of(hushed, calmed)
    }

    /// What is told of these acknowledgements: those that are silenced are told to nobody, now or later.
    #[must_use]
    pub fn acknowledged(&mut self, now: UnixMillis, acked: Vec<Alert>, catalog: &Catalog) -> Notified {
        self.flapping.acknowledged(&acked);
        let marks = acked.iter().map(|alert| Mark::AckTold(alert.id)).collect();
        let is_heard = |alert: &Alert| self.silences.until(now, alert, catalog).is_none();
        let told = |alert| Notice::Acknowledged { alert, to: Hearers::All };
        let notices = acked.into_iter().filter(is_heard).map(told).collect();
        Notified { notices, marks, ..Notified::default() }
    }

    /// When the last of the silences over an alert ends; `None` where there is none.
    #[must_use]
    pub fn silenced_until(&self, now: UnixMillis, alert: &Alert, catalog: &Catalog) -> Option<UnixMillis> {
        self.silences.until(now, alert, catalog)
    }

    /// The alert by which nobody is told of this one: its device is offline.
    #[must_use]
    pub fn inhibited_by(&self, alert: &Alert) -> Option<AlertId> {
        self.silences.because(alert)
    }

    /// What is told to a webhook that is on again: what fires of which it was not told, and the ends of what it was told.
    #[must_use]
    pub fn back(&self, now: UnixMillis, webhook: WebhookId, alerts: Vec<Alert>, catalog: &Catalog) -> Notified {
        let news = |alert: &Alert| {
            let knows = self.ledger.said(alert.id, webhook).is_some();
            match alert.state {
                AlertState::Firing => !knows && self.silenced_until(now, alert, catalog).is_none(),
                AlertState::Resolved => knows,
                AlertState::Pending | AlertState::Historical => false,
            }
        };
        let told = |alert: Alert| {
            let began = alert.fired_at.unwrap_or(alert.started_at);
            let occurred_at = alert.resolved_at.unwrap_or(began);
            let alert = Alert { learned_at: now, ..alert };
            Notice::Changed { alert, occurred_at, points: Vec::new(), to: Hearers::One(webhook) }
        };
        Notified { notices: alerts.into_iter().filter(news).map(told).collect(), ..Notified::default() }
    }

    /// Takes note of deliveries that were decided elsewhere and are on disk.
    pub fn note(&mut self, deliveries: &[NewDelivery]) {
        self.ledger.note(deliveries);
    }

    /// Who was told of which alert.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// When [`Notifier::over`] may have something to tell.
    #[must_use]
    pub fn poll_timeout(&self, now: UnixMillis) -> Option<UnixMillis> {
        let timeouts = [self.silences.poll_timeout(now), self.flapping.poll_timeout(), self.repeats.poll_timeout()];
        timeouts.into_iter().flatten().min()
    }

    /// Makes a proposal true, after it is on disk with the deliveries that were made of it.
    pub fn apply(&mut self, notified: Notified, deliveries: &[NewDelivery]) {
        self.silences.apply(notified.hushed);
        self.flapping.apply(notified.calmed);
        if let Some(next) = notified.again {
            self.repeats.apply(next);
        }
        self.ledger.note(deliveries);
    }
}

impl Notified {
    /// Whether nobody is told, and nothing is noted.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.notices.is_empty() && self.marks.is_empty() && self.calmed.is_nothing()
    }

    fn of(mut hushed: Hushed, mut calmed: Calmed) -> Self {
        let muted = hushed.marks.iter().map(|&(id, muted)| Mark::Muted(id, muted));
        let marks = muted.chain(calmed.marks.iter().copied()).collect();
        // What is told is kept once.
        let notices = std::mem::take(&mut calmed.notices);
        hushed.told.clear();
        Self { notices, marks, hushed, calmed, again: None }
    }
}

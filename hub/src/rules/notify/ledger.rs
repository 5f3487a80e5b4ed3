//! Who was told how often of an alert that is not over for them. PURE.
//!
//! It gives messages their numbers (`data.alert.sequence`), and tells of an acknowledgement only those who know the alert.
//! What it holds follows from the outbox: a start reads it there.

use std::collections::BTreeMap;

use crate::model::UnixMillis;
use crate::model::alert::AlertId;
use crate::model::webhook::{Event, NewDelivery, WebhookId};

/// Pairs of an alert and a webhook that are remembered, some 40 bytes each. Beyond, those of the oldest alerts are
/// forgotten: their next message is numbered as the first.
const MOST: usize = 100_000;

/// What somebody was told of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// How often.
    pub count: u32,
    /// When last.
    pub last: UnixMillis,
}

/// Who was told of which alert.
#[derive(Debug, Clone, Default)]
pub struct Ledger(BTreeMap<(AlertId, WebhookId), Said>);

impl Ledger {
    /// Goes on with what was told before.
    #[must_use]
    pub fn new(said: impl IntoIterator<Item = ((AlertId, WebhookId), (u32, UnixMillis))>) -> Self {
        Self(said.into_iter().map(|(key, (count, last))| (key, Said { count, last })).collect())
    }

    /// What this webhook was told of this alert, if anything.
    #[must_use]
    pub fn said(&self, alert: AlertId, webhook: WebhookId) -> Option<Said> {
        self.0.get(&(alert, webhook)).copied()
    }

    /// The alerts whose end somebody was not told of.
    pub fn alerts(&self) -> impl Iterator<Item = AlertId> + '_ {
        self.0.keys().map(|(alert, _)| *alert)
    }

    /// The alerts whose end this webhook was not told of.
    #[must_use]
    pub fn told_to(&self, webhook: WebhookId) -> Vec<AlertId> {
        self.0.keys().filter(|(_, told)| *told == webhook).map(|(alert, _)| *alert).collect()
    }

    /// Takes note of what is told. With its end an alert is forgotten.
    pub fn note<'a>(&mut self, deliveries: impl IntoIterator<Item = &'a NewDelivery>) {
        for delivery in deliveries {
            let Some(alert) = delivery.alert else { continue };
            let key = (alert, delivery.webhook);
            match delivery.event {
                Event::AlertResolved | Event::AlertPast => drop(self.0.remove(&key)),
                Event::AlertFiring
                | Event::AlertFlapping
                | Event::AlertAcknowledged
                | Event::AlertRepeated
                | Event::AlertsSummary
                | Event::WebhookDisabled
                | Event::Test => {
                    let said = self.0.entry(key).or_insert(Said { count: 0, last: delivery.created_at });
                    said.count = said.count.saturating_add(1);
                    said.last = delivery.created_at;
                }
            }
        }
        while self.0.len() > MOST {
            self.0.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(alert: u64, event: Event, at: i64) -> NewDelivery {
        let (webhook, alert, created_at) = (WebhookId(1), Some(AlertId(alert)), UnixMillis(at));
        NewDelivery { webhook, alert, event, body: Vec::new(), created_at, group: None }
    }

    #[test]
    fn what_is_told_counts_until_the_end_is() {
        let mut ledger = Ledger::default();
        ledger.note(&[
            told(1, Event::AlertFiring, 5),
            told(1, Event::AlertAcknowledged, 7),
            told(2, Event::AlertFiring, 7),
        ]);
        assert_eq!(ledger.said(AlertId(1), WebhookId(1)), Some(Said { count: 2, last: UnixMillis(7) }));
        assert_eq!(ledger.said(AlertId(1), WebhookId(2)), None);
        ledger.note(&[told(1, Event::AlertResolved, 9)]);
        assert_eq!(ledger.said(AlertId(1), WebhookId(1)), None);
        assert_eq!(ledger.said(AlertId(2), WebhookId(1)).map(|said| said.count), Some(1));
    }

    #[test]
    fn it_stays_small_and_the_oldest_are_forgotten() {
        let mut ledger = Ledger::default();
        ledger.note(&(1..=MOST as u64 + 5).map(|alert| told(alert, Event::AlertFiring, 1)).collect::<Vec<_>>());
        assert_eq!((ledger.0.len(), ledger.said(AlertId(5), WebhookId(1))), (MOST, None));
    }
}

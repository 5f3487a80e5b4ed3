//! Claimed deliveries by webhook: at most two calls at once, the rest waits in the order it was claimed. PURE.
//!
//! A webhook that has anything waiting is [`Lanes::busy`], and the next claim leaves it out. So a receiver that hangs holds the
//! rest of one claim and no more, and a burst to a quick one is claimed bit by bit, as fast as it answers.
//!
//! Invariant: a call that [`Lanes::next`] hands out ends within its lease, so nobody claims its delivery a second time meanwhile.

use std::collections::{HashMap, VecDeque};

use super::client::MAIL_TIMEOUT;
use crate::model::UnixMillis;
use crate::model::webhook::{Delivery, WebhookId};

/// Deliveries held at once, running and waiting: a whole claim for each of sixty webhooks that hang; some 4 MB.
const HELD: usize = 2048;
/// Calls at once to one webhook.
const RUNNING: usize = 2;
/// From the start of a call to its settlement, with a reserve for the disk.
const CALL_MS: i64 = MAIL_TIMEOUT.as_millis() as i64 + 10_000;

#[derive(Debug, Default)]
pub(super) struct Lanes {
    by_webhook: HashMap<WebhookId, Lane>,
    held: usize,
}

#[derive(Debug, Default)]
struct Lane {
    running: usize,
    waiting: VecDeque<(Delivery, UnixMillis)>,
}

impl Lanes {
    /// Whether another claim may be made.
    pub(super) fn has_room(&self) -> bool {
        self.held < HELD
    }

    /// Webhooks that have enough to do: not to be claimed for.
    pub(super) fn busy(&self) -> Vec<WebhookId> {
        self.by_webhook.iter().filter(|(_, lane)| !lane.waiting.is_empty()).map(|(&webhook, _)| webhook).collect()
    }

    /// Whether a webhook has enough to do.
    pub(super) fn is_busy(&self, webhook: WebhookId) -> bool {
        self.by_webhook.get(&webhook).is_some_and(|lane| !lane.waiting.is_empty())
    }

    /// Takes a delivery into its webhook's lane.
    pub(super) fn push(&mut self, delivery: Delivery, lease_until: UnixMillis) {
        let lane = self.by_webhook.entry(delivery.webhook).or_default();
        lane.waiting.push_back((delivery, lease_until));
        self.held += 1;
    }

    /// The next delivery that may start now.
    pub(super) fn next(&mut self, now: UnixMillis) -> Option<Delivery> {
        for lane in self.by_webhook.values_mut().filter(|lane| lane.running < RUNNING) {
            while let Some((delivery, lease_until)) = lane.waiting.pop_front() {
                if now.plus(CALL_MS) <= lease_until {
                    lane.running += 1;
                    return Some(delivery);
                }
                // Too late to end within the lease: it becomes due again by itself.
                self.held -= 1;
            }
        }
        None
    }

    /// A call has ended.
    pub(super) fn ended(&mut self, webhook: WebhookId) {
        let Some(lane) = self.by_webhook.get_mut(&webhook) else { return };
        lane.running = lane.running.saturating_sub(1);
        self.held = self.held.saturating_sub(1);
        if lane.running == 0 && lane.waiting.is_empty() {
            self.by_webhook.remove(&webhook);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::webhook::{DeliveryId, DeliveryState, Event};

    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);
    const LEASE: UnixMillis = NOW.plus(60_000);

    #[test]
    fn a_lane_runs_two_and_the_next_starts_when_one_ends() {
        let mut lanes = Lanes::default();
        for id in 1..=3 {
            lanes.push(delivery(1, id), LEASE);
        }
        assert_eq!(started(&mut lanes, NOW), [1, 2]);
        assert_eq!(lanes.busy(), [WebhookId(1)]);
        lanes.ended(WebhookId(1));
        assert_eq!(started(&mut lanes, NOW), [3]);
        assert_eq!(lanes.busy(), []);
    }

    #[test]
    fn a_lane_that_hangs_leaves_the_others_alone() {
        let mut lanes = Lanes::default();
        for id in 1..=32 {
            lanes.push(delivery(1, id), LEASE);
        }
        started(&mut lanes, NOW);
        lanes.push(delivery(2, 2000), LEASE);
        assert_eq!(started(&mut lanes, NOW), [2000]);
    }

    #[test]
    fn what_cannot_end_within_its_lease_does_not_start() {
        let mut lanes = Lanes::default();
        lanes.push(delivery(1, 1), LEASE);
        assert_eq!(started(&mut lanes, NOW.plus(40_000)), [0; 0]);
        assert_eq!(lanes.held, 0);
    }

    #[test]
    fn places_are_given_back() {
        let mut lanes = Lanes::default();
        for round in 0..1000 {
            lanes.push(delivery(round % 7, round), LEASE);
            for _ in started(&mut lanes, NOW) {
                lanes.ended(WebhookId(round % 7));
            }
        }
        assert_eq!((lanes.held, lanes.by_webhook.len()), (0, 0));
    }

    fn started(lanes: &mut Lanes, now: UnixMillis) -> Vec<u64> {
        std::iter::from_fn(|| lanes.next(now)).map(|delivery| delivery.id.0).collect()
    }

    fn delivery(webhook: u64, id: u64) -> Delivery {
        Delivery {
            id: DeliveryId(id),
            webhook: WebhookId(webhook),
            alert: None,
            event: Event::Test,
            state: DeliveryState::Pending,
            attempts: vec![],
            by_hand: 0,
            summary: None,
            urgency: crate::model::hearing::Urgency::Ordinary,
            next_attempt_at: Some(NOW),
            created_at: NOW,
            held_until: None,
            body: vec![],
        }
    }
}

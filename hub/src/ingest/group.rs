//! What is committed together, when, and what a full disk keeps back. PURE.
//!
//! A [`Group`] gathers batches and knows when it is due; [`Waiting`] keeps, while the disk is full, what was decided about alerts
//! and not stored (owed), and which batches were shown before they are (shown).

use std::collections::HashSet;
use std::time::Instant;

use super::pace::Pace;
use super::queue;
use crate::model::alert::Transition;
use crate::model::explain::Explanation;
use crate::model::notice::Mark;
use crate::model::reading::{Batch, BatchId};
use crate::model::webhook::NewDelivery;
use crate::store::{Commit, Floor};

/// A group of this many batches is committed at once: waiting for more would no longer make a reading cheaper.
pub(super) const ENOUGH: usize = 1_024;
/// Batches and bytes of readings in one commit: what waits there is taken along, as far as it is written in some tens of
/// milliseconds; what waits at once may be twice that where batches are large. On a disk that takes long to sync the queue
/// is emptied by few commits, and alerts are not behind many.
pub(super) const MAX_GROUP: usize = 8_192;
pub(super) const MAX_GROUP_BYTES: usize = 8 << 20;
/// Alert changes that may wait for room on the disk, at some kilobytes each. Beyond, the engine forgets them again.
const MOST_OWED: usize = 1_000;
/// Messages that may wait with them, a kilobyte or two each: those of all of them to ten webhooks.
const MOST_OWED_MESSAGES: usize = 10 * MOST_OWED;
/// Batches remembered as shown while the disk is full, so that repeats are not: 2 MB. Beyond, some are shown twice.
const MOST_SHOWN: usize = 65_536;

/// Batches that are committed together.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) batches: Vec<Batch>,
    pace: Pace,
    /// When the group before it was taken.
    last: Instant,
}

impl Group {
    /// An empty group; the commit before it counts as made at `now`.
    pub(super) const fn new(pace: Pace, now: Instant) -> Self {
        Self { batches: Vec::new(), pace, last: now }
    }

    /// Whether nothing waits to be committed.
    pub(super) const fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Whether it has as many batches as are worth waiting for.
    pub(super) fn is_enough(&self) -> bool {
        self.batches.len() >= ENOUGH || queue::bytes(&self.batches) >= MAX_GROUP_BYTES
    }

    /// When it is to be committed, with what is in it.
    pub(super) fn due(&self) -> Instant {
        self.pace.due(self.last, &self.batches)
    }

    /// Whether it is to be committed now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.is_enough() || !self.is_empty() && now >= self.due()
    }

    /// Takes the batches out of it; the distance to the next commit is counted from `now`.
    pub(super) fn take(&mut self, now: Instant) -> Vec<Batch> {
        self.last = now;
        std::mem::take(&mut self.batches)
    }
}

/// What could not be committed because the disk is full.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// Decided about alerts and not on disk.
    pub(super) owed: Owed,
    /// Batches that were shown before they are stored.
    shown: HashSet<BatchId>,
    /// The log says why nothing is stored. A full disk is the store's to say
    /// ([`Store::is_full`](crate::store::Store::is_full)).
    told: bool,
}

impl Waiting {
    /// A commit with these batches succeeded: what was owed is stored, and the batches are no longer remembered as shown.
    pub(super) fn stored(&mut self, ids: &[BatchId]) {
        self.owed = Owed::default();
        if !ids.is_empty() {
            self.told = false;
        }
        for id in ids {
            self.shown.remove(id);
        }
    }

    /// Of these batches, those that were not shown before while the disk was full.
    pub(super) fn not_shown(&self, batches: &[Batch]) -> Vec<Batch> {
        batches.iter().filter(|batch| !self.shown.contains(&batch.id)).cloned().collect()
    }

    /// Remembers batches that are shown and not stored.
    pub(super) fn show(&mut self, batches: &[Batch]) {
        if self.shown.len() + batches.len() > MOST_SHOWN {
            self.shown.clear();
        }
        self.shown.extend(batches.iter().map(|batch| batch.id));
    }

    /// Whether the log has still to say why nothing is stored; it has from then on.
    pub(super) const fn is_to_be_told(&mut self) -> bool {
        !std::mem::replace(&mut self.told, true)
    }

    /// Owes what the disk has no room for; `false` when it is too much.
    pub(super) fn owe(&mut self, owed: Owed) -> bool {
        if owed.transitions.len() > MOST_OWED || owed.deliveries.len() > MOST_OWED_MESSAGES {
            return false;
        }
        self.owed = owed;
        true
    }
}

/// Alert changes, whom to tell, and what is noted of alerts.
#[derive(Debug, Clone, Default)]
pub(super) struct Owed {
    pub(super) transitions: Vec<Transition>,
    pub(super) deliveries: Vec<NewDelivery>,
    pub(super) marks: Vec<Mark>,
    /// What is kept of alerts that fire.
    pub(super) explained: Vec<Explanation>,
}

impl Owed {
    /// The changes of both, those of `self` first.
    pub(super) fn and(&self, later: &Self) -> Self {
        Self {
            transitions: [&*self.transitions, &later.transitions].concat(),
            deliveries: [&*self.deliveries, &later.deliveries].concat(),
            marks: [&*self.marks, &later.marks].concat(),
            explained: [&*self.explained, &later.explained].concat(),
        }
    }

    /// Whether nothing was decided.
    pub(super) const fn is_empty(&self) -> bool {
        self.transitions.is_empty() && self.marks.is_empty() && self.deliveries.is_empty()
    }

    /// One transaction of this with what came from devices.
    pub(super) fn commit(self, batches: Vec<Batch>, floors: Vec<Floor>) -> Commit {
        let Self { transitions, deliveries, marks, explained } = self;
        Commit { batches, transitions, deliveries, floors, marks, explained, late: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::alert::AlertId;
    use crate::model::device::DeviceNo;
    use crate::model::webhook::{Event, WebhookId};
    use crate::model::{BatchSeq, Epoch, Lane, UnixMillis};

    fn batch(seq: u64) -> Batch {
        Batch {
            id: BatchId { device: DeviceNo(1), epoch: Epoch(1), seq: BatchSeq(seq) },
            lane: Lane::Live,
            received_at: UnixMillis(0),
            payload: vec![0; 10],
            series: Vec::new(),
            at: Vec::new(),
            value: Vec::new(),
        }
    }

    #[test]
    fn a_group_is_due_after_its_interval_and_at_once_when_it_is_enough() {
        let (every, start) = (Duration::from_secs(5), crate::clock::Clock.now());
        let mut group = Group::new(Pace::Every(every), start);
        assert!(!group.is_due(start + every), "an empty group is committed");
        group.batches.push(batch(0));
        assert!(!group.is_due(start + every / 2), "it does not wait for its interval");
        assert!(group.is_due(start + every), "it waits longer than its interval");
        assert_eq!(group.take(start + every).len(), 1);
        group.batches.extend((0..ENOUGH as u64).map(batch));
        assert_eq!(group.due(), start + 2 * every, "the interval is from the group before");
        assert!(group.is_due(start + every), "enough batches wait for an interval");
    }

    #[test]
    fn what_was_shown_on_a_full_disk_is_shown_once_until_it_is_stored() {
        let mut waiting = Waiting::default();
        let batches = [batch(1), batch(2)];
        waiting.show(&batches[..1]);
        let again: Vec<BatchId> = waiting.not_shown(&batches).iter().map(|batch| batch.id).collect();
        assert_eq!(again, [batches[1].id]);
        waiting.stored(&[batches[0].id]);
        assert_eq!(waiting.not_shown(&batches).len(), 2);
    }

    #[test]
    fn the_log_says_once_why_nothing_is_stored_and_again_after_readings_were() {
        let mut waiting = Waiting::default();
        assert!(waiting.is_to_be_told());
        waiting.stored(&[]);
        assert!(!waiting.is_to_be_told(), "no reading was stored since");
        waiting.stored(&[batch(1).id]);
        assert!(waiting.is_to_be_told());
    }

    #[test]
    fn more_than_may_wait_is_not_owed() {
        let mut waiting = Waiting::default();
        let cancelled = Transition::Cancel(AlertId(1), None);
        let owed = |count| Owed { transitions: vec![cancelled.clone(); count], ..Owed::default() };
        assert!(!waiting.owe(owed(MOST_OWED + 1)));
        assert!(waiting.owed.is_empty());
        assert!(waiting.owe(owed(MOST_OWED)));
        assert_eq!(waiting.owed.transitions.len(), MOST_OWED);
        let event = Event::AlertAcknowledged;
        let message = NewDelivery {
            webhook: WebhookId(1),
            alert: None,
            event,
            body: Vec::new(),
            created_at: UnixMillis(0),
            group: None,
        };
        let told = |count| Owed { deliveries: vec![message.clone(); count], ..Owed::default() };
        assert!(!waiting.owe(told(MOST_OWED_MESSAGES + 1)) && waiting.owe(told(MOST_OWED_MESSAGES)));
    }
}

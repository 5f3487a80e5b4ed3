//! Batches given to the uplink: queued by lane, sent, repeated, and gone once acknowledged.
//!
//! The live lane always goes first. The recovered lane may hold at most half of the hub's credit, so that a backlog of
//! any size leaves room for what is measured meanwhile.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use wire::{BatchSeq, Epoch, Lane};

/// A batch on its way: the spool keeps it, the uplink sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Boot in which it was numbered.
    pub epoch: Epoch,
    pub seq: BatchSeq,
    /// Lane to send it in.
    pub lane: Lane,
    /// Sensors the hub must know to accept it.
    pub sensors: u16,
    /// Encoded readings.
    pub body: Arc<[u8]>,
}

type Key = (Epoch, BatchSeq);

/// A batch is taken for lost when one sent this many packets later was acknowledged: less is ordinary reordering.
const OVERTAKEN_BY: u64 = 3;

#[derive(Debug)]
struct InFlight {
    batch: Outgoing,
    /// Packet counter of the newest transmission.
    counter: Option<u64>,
}

/// What is in flight or about to be.
#[derive(Debug, Default)]
pub(super) struct Flight {
    batches: BTreeMap<Key, InFlight>,
    live: VecDeque<Key>,
    recovered: VecDeque<Key>,
    /// Transmissions without an answer, oldest first.
    sent: BTreeMap<u64, (Key, Instant)>,
    in_recovered_lane: usize,
    credit: u32,
}

impl Flight {
    /// The hub takes this many batches in flight.
    pub(super) fn set_credit(&mut self, credit: u32) {
        self.credit = credit;
    }

    /// Whether a batch of this lane may be given.
    pub(super) fn has_room(&self, lane: Lane) -> bool {
        let credit = self.credit as usize;
        let free = self.batches.len() < credit;
        match lane {
            Lane::Live => free,
            Lane::Recovered => free && self.in_recovered_lane < (credit / 2).max(1),
        }
    }

    /// Takes a batch to send.
    pub(super) fn push(&mut self, batch: Outgoing) {
        let key = (batch.epoch, batch.seq);
        match batch.lane {
            Lane::Live => self.live.push_back(key),
            Lane::Recovered => {
                self.recovered.push_back(key);
                self.in_recovered_lane += 1;
            }
        }
        self.batches.insert(key, InFlight { batch, counter: None });
    }

    /// The next batch to send that the hub can accept, knowing `sensors` of them.
    pub(super) fn next(&mut self, sensors: u16) -> Option<&Outgoing> {
        let key = self.next_key(sensors)?;
        self.batches.get(&key).map(|flying| &flying.batch)
    }

    fn next_key(&mut self, sensors: u16) -> Option<Key> {
        for queue in [&mut self.live, &mut self.recovered] {
            while let Some(key) = queue.front() {
                match self.batches.get(key) {
                    Some(flying) if flying.batch.sensors <= sensors => return Some(*key),
                    Some(_) => break,
                    // Acknowledged while it waited to be repeated.
                    None => queue.pop_front(),
                };
            }
        }
        None
    }

    /// The batch that [`Flight::next`] gave was sent as packet `counter`.
    pub(super) fn sent(&mut self, key: Key, counter: u64, now: Instant) {
        for queue in [&mut self.live, &mut self.recovered] {
            if queue.front() == Some(&key) {
                queue.pop_front();
                break;
            }
        }
        if let Some(flying) = self.batches.get_mut(&key) {
            flying.counter = Some(counter);
            self.sent.insert(counter, (key, now));
        }
    }

    /// The hub has everything of `epoch` below `mark` and in `runs`. Returns when the newest of them was sent.
    pub(super) fn acknowledged(
        &mut self,
        epoch: Epoch,
        mark: BatchSeq,
        runs: &[(u64, u64)],
        round_trip: Duration,
        now: Instant,
    ) -> Option<Instant> {
        let mut newest = None;
        for (start, end) in std::iter::once((0, mark.0)).chain(runs.iter().copied()) {
            if start >= end {
                continue;
            }
            let range = (epoch, BatchSeq(start))..(epoch, BatchSeq(end));
            while let Some((&key, _)) = self.batches.range(range.clone()).next() {
                newest = newest.max(self.land(key));
            }
        }
        let (counter, at) = newest?;
        // Only what had time for an answer of its own counts as overtaken.
        while let Some((&oldest, &(key, since))) = self.sent.first_key_value() {
            if oldest + OVERTAKEN_BY > counter || now.saturating_duration_since(since) < round_trip {
                break;
            }
            self.sent.remove(&oldest);
            self.repeat(key);
        }
        Some(at)
    }

    /// Removes a batch; returns counter and time of its newest transmission.
    fn land(&mut self, key: Key) -> Option<(u64, Instant)> {
        let flying = self.batches.remove(&key)?;
        if flying.batch.lane == Lane::Recovered {
            self.in_recovered_lane = self.in_recovered_lane.saturating_sub(1);
        }
        let counter = flying.counter?;
        let (_, at) = self.sent.remove(&counter)?;
        Some((counter, at))
    }

    /// When the oldest transmission has waited `timeout`.
    pub(super) fn expires(&self, timeout: Duration) -> Option<Instant> {
        self.sent.first_key_value().map(|(_, (_, since))| *since + timeout)
    }

    /// Queues every transmission that has waited `timeout` again; returns how many.
    pub(super) fn expire(&mut self, now: Instant, timeout: Duration) -> usize {
        let mut expired = 0;
        while let Some((&oldest, &(key, since))) = self.sent.first_key_value() {
            if now < since + timeout {
                break;
            }
            self.sent.remove(&oldest);
            self.repeat(key);
            expired += 1;
        }
        expired
    }

    fn repeat(&mut self, key: Key) {
        match self.batches.get(&key).map(|flying| flying.batch.lane) {
            Some(Lane::Live) => self.live.push_front(key),
            Some(Lane::Recovered) => self.recovered.push_front(key),
            None => {}
        }
    }

    /// A new session numbers its packets from 0: everything sent in the old one is sent again.
    pub(super) fn restart(&mut self) {
        for (key, _) in std::mem::take(&mut self.sent).into_values().rev() {
            self.repeat(key);
        }
    }

    /// Forgets everything: the spool takes it back.
    pub(super) fn clear(&mut self) {
        let credit = self.credit;
        *self = Self { credit, ..Self::default() };
    }

    /// The oldest batch held.
    pub(super) fn oldest(&self) -> Option<(Epoch, BatchSeq)> {
        self.batches.first_key_value().map(|(key, _)| *key)
    }

    /// Batches held.
    pub(super) fn len(&self) -> usize {
        self.batches.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(seq: u64, lane: Lane) -> Outgoing {
        Outgoing { epoch: Epoch(1), seq: BatchSeq(seq), lane, sensors: 0, body: Arc::from([]) }
    }

    fn flight(credit: u32) -> Flight {
        let mut flight = Flight::default();
        flight.set_credit(credit);
        flight
    }

    fn send(flight: &mut Flight, counter: u64, now: Instant) -> Option<u64> {
        let key = flight.next(0).map(|batch| (batch.epoch, batch.seq))?;
        flight.sent(key, counter, now);
        Some(key.1.0)
    }

    #[test]
    fn a_backlog_takes_at_most_half_of_the_credit() {
        let mut flight = flight(8);
        let mut given = 0;
        while flight.has_room(Lane::Recovered) {
            flight.push(batch(given, Lane::Recovered));
            given += 1;
        }
        assert_eq!(given, 4);
        while flight.has_room(Lane::Live) {
            flight.push(batch(given, Lane::Live));
            given += 1;
        }
        assert_eq!(given, 8);
        let now = crate::clock::now().mono;
        assert_eq!(send(&mut flight, 0, now), Some(4), "the live lane goes first");
    }

    #[test]
    fn an_overtaken_batch_is_repeated_once_and_a_late_one_after_its_timeout() {
        let (mut flight, t0) = (flight(8), crate::clock::now().mono);
        for seq in 0..6 {
            flight.push(batch(seq, Lane::Live));
            assert_eq!(send(&mut flight, seq, t0), Some(seq));
        }
        let later = t0 + Duration::from_millis(50);
        flight.acknowledged(Epoch(1), BatchSeq(0), &[(4, 5)], Duration::from_millis(20), later);
        assert_eq!([send(&mut flight, 6, later), send(&mut flight, 7, later)], [Some(1), Some(0)]);
        assert_eq!(flight.next(0), None);
        assert_eq!(flight.expire(t0 + Duration::from_secs(1), Duration::from_secs(1)), 3);
    }

    #[test]
    fn a_batch_of_sensors_the_hub_does_not_know_waits() {
        let mut flight = flight(8);
        flight.push(Outgoing { sensors: 5, ..batch(0, Lane::Live) });
        assert!(flight.next(4).is_none());
        assert!(flight.next(5).is_some());
    }
}

//! The desk, where requests wait until the batches that were made from them (by HTTP, or from a file) are on disk.
//!
//! ```text
//!   hand in ──▶ numbered ──▶ queue ──▶ group, commit ──▶ settle ──▶ whoever waits hears: all of it is on disk, or not
//! ```
//!
//! A UDP device is told of each batch; a request is answered once, after its last batch. The number of a batch says which request it
//! belongs to, so no table of batches is needed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::queue::{Entrance, Room};
use crate::model::reading::{Batch, BatchId};
use crate::model::{BatchSeq, numbering};

/// What became of all batches of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// On disk.
    Stored,
    /// Not all of them are on disk, because it is full. Those that are may be sent again: they are stored once.
    Refused,
}

/// The tickets.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    tickets: Mutex<Tickets>,
    /// What became of requests.
    pub counters: Counters,
}

/// What became of requests that bring readings, since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    readings: AtomicU64,
    stored: AtomicU64,
    full: AtomicU64,
    busy: AtomicU64,
    invalid: AtomicU64,
    newcomers: AtomicU64,
    not_taken: AtomicU64,
    replaced: AtomicU64,
    unanswered: AtomicU64,
    lines_left_out: AtomicU64,
    readings_left_out: AtomicU64,
}

impl Counters {
    /// One found no room.
    pub(crate) fn busy(&self) {
        self.busy.fetch_add(1, Ordering::Relaxed);
    }

    /// Those of one are not taken.
    pub(crate) fn not_taken(&self) {
        self.not_taken.fetch_add(1, Ordering::Relaxed);
    }

    /// So many were replaced by others of the same sensor and moment behind them.
    pub(crate) fn replaced(&self, readings: usize) {
        self.replaced.fetch_add(readings as u64, Ordering::Relaxed);
    }

    /// One had something wrong in it.
    pub(crate) fn invalid(&self) {
        self.invalid.fetch_add(1, Ordering::Relaxed);
    }

    /// One would have made too many devices or series.
    pub(crate) fn newcomers(&self) {
        self.newcomers.fetch_add(1, Ordering::Relaxed);
    }

    /// One ended before it was known what became of it.
    pub(crate) fn unanswered(&self) {
        self.unanswered.fetch_add(1, Ordering::Relaxed);
    }

    /// Of one some was left out while the rest was stored: lines or objects that were wrong, and readings that are not taken.
    pub(crate) fn left_out(&self, wrong: usize, readings: usize) {
        self.lines_left_out.fetch_add(wrong as u64, Ordering::Relaxed);
        self.readings_left_out.fetch_add(readings as u64, Ordering::Relaxed);
    }

    /// What was left out, by why.
    pub(crate) fn what_was_left_out(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let all =
            [("invalid", &self.lines_left_out), ("not_taken", &self.readings_left_out), ("replaced", &self.replaced)];
        all.map(|(name, counter)| (name, counter.load(Ordering::Relaxed))).into_iter()
    }

    /// Readings on disk.
    #[must_use]
    pub(crate) fn readings(&self) -> u64 {
        self.readings.load(Ordering::Relaxed)
    }

    /// Requests by what became of them.
    pub(crate) fn outcomes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let all = [
            ("stored", &self.stored),
            ("disk_full", &self.full),
            ("busy", &self.busy),
            ("invalid", &self.invalid),
            ("too_many_new", &self.newcomers),
            ("not_taken", &self.not_taken),
            ("unanswered", &self.unanswered),
        ];
        all.map(|(name, counter)| (name, counter.load(Ordering::Relaxed))).into_iter()
    }
}

#[derive(Debug, Default)]
struct Tickets {
    last: u64,
    open: HashMap<u64, Ticket>,
}

#[derive(Debug)]
struct Ticket {
    readings: usize,
    left: usize,
    verdict: Verdict,
    told: oneshot::Sender<Verdict>,
    /// Whether it is of a request, and counted as one.
    is_counted: bool,
}

impl Desk {
    /// Puts batches into the queue, one after the other; what is received says what became of them. An error there: the
    /// hub stopped before it was decided.
    pub(crate) fn hand_in(
        &self,
        entrance: &Entrance,
        room: Room<'_>,
        mut batches: Vec<Batch>,
        is_counted: bool,
    ) -> oneshot::Receiver<Verdict> {
        let (told, heard) = oneshot::channel();
        if batches.is_empty() {
            let _ = told.send(Verdict::Stored);
            return heard;
        }
        let mut tickets = self.lock();
        tickets.last += 1;
        let number = tickets.last;
        for (index, batch) in (0..).zip(&mut batches) {
            // Imported batches carry that mark already.
            batch.id.seq = BatchSeq(batch.id.seq.0 | number << numbering::BITS | index);
        }
        let readings = batches.iter().map(Batch::len).sum();
        tickets
            .open
            .insert(number, Ticket { readings, left: batches.len(), verdict: Verdict::Stored, told, is_counted });
        drop(tickets);
        entrance.send_all(room, batches);
        heard
    }

    /// Tells those whose last batch is among these; gives back the batches of devices.
    pub(crate) fn settle(&self, batches: Vec<BatchId>, verdict: Verdict) -> Vec<BatchId> {
        // Nearly all groups have only batches of devices.
        if !batches.iter().any(|id| numbering::is_pushed(id.epoch)) {
            return batches;
        }
        let (own, of_devices): (Vec<_>, Vec<_>) = batches.into_iter().partition(|id| numbering::is_pushed(id.epoch));
        let mut tickets = self.lock();
        for id in own {
            let number = numbering::ticket(id.seq);
            let Some(ticket) = tickets.open.get_mut(&number) else { continue };
            ticket.left = ticket.left.saturating_sub(1);
            if verdict == Verdict::Refused {
                ticket.verdict = Verdict::Refused;
            }
            if ticket.left == 0
                && let Some(ticket) = tickets.open.remove(&number)
            {
                match ticket.verdict {
                    _ if !ticket.is_counted => {}
                    Verdict::Stored => {
                        self.counters.stored.fetch_add(1, Ordering::Relaxed);
                        self.counters.readings.fetch_add(ticket.readings as u64, Ordering::Relaxed);
                    }
                    Verdict::Refused => drop(self.counters.full.fetch_add(1, Ordering::Relaxed)),
                }
                // The receiver is gone if the client hung up.
                let _ = ticket.told.send(ticket.verdict);
            }
        }
        of_devices
    }

    fn lock(&self) -> MutexGuard<'_, Tickets> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::queue::queue;
    use crate::model::device::DeviceNo;
    use crate::model::{Epoch, Lane, SensorNo, UnixMillis};

    fn batches(count: usize) -> Vec<Batch> {
        let epoch = numbering::epoch_of(SensorNo(300)).unwrap();
        let batch = Batch {
            id: BatchId { device: DeviceNo(1), epoch, seq: BatchSeq(0) },
            lane: Lane::Live,
            received_at: UnixMillis(0),
            payload: Vec::new(),
            series: Vec::new(),
            at: Vec::new(),
            value: Vec::new(),
        };
        vec![batch; count]
    }

    #[tokio::test]
    async fn a_ticket_is_told_once_after_its_last_batch_and_by_the_worst_of_them() {
        let (entrance, mut exit) = queue(1 << 20);
        let desk = Desk::default();
        let hand_in = |count| {
            let batches = batches(count);
            let room = entrance.try_reserve_for(&batches).unwrap();
            desk.hand_in(&entrance, room, batches, count < 3)
        };
        let (mut first, mut second) = (hand_in(3), hand_in(2));
        assert_eq!(hand_in(0).await, Ok(Verdict::Stored));
        let mut group = Vec::new();
        assert!(exit.take(&mut group, 9).await && group.len() == 5);
        let ids: Vec<BatchId> = group.iter().map(|batch| batch.id).collect();
        let of_a_device = BatchId { epoch: Epoch(1), ..ids[0] };
        assert_eq!(desk.settle(vec![of_a_device, ids[0], ids[3]], Verdict::Stored), [of_a_device]);
        desk.settle(vec![ids[1]], Verdict::Refused);
        assert!(first.try_recv().is_err() && second.try_recv().is_err());
        desk.settle(vec![ids[2], ids[4]], Verdict::Stored);
        assert_eq!((first.await, second.await), (Ok(Verdict::Refused), Ok(Verdict::Stored)));
        // The first is a door's.
        assert_eq!(desk.counters.outcomes().map(|(_, count)| count).sum::<u64>(), 1);
    }
}

//! The queue of batches between the UDP shell and the pipeline, bounded by the memory they take.
//!
//! A bound on the number of batches would be tight for small ones and loose for large ones: a batch holds from one to
//! two thousand readings. The consumer of the queue gives the room back.

use std::sync::Arc;

use tokio::sync::{Semaphore, SemaphorePermit, mpsc};

use crate::model::UnixMillis;
use crate::model::reading::{Batch, SeriesId};

/// Bytes counted as one: a cache line.
const UNIT: usize = 64;
/// Units that a permit takes, before the batch's size is known: those of the largest batch that a datagram carries.
/// With fewer free, the queue counts as full.
const LARGEST: u32 = 1_024;

/// Makes a queue of so many bytes, at least those of the largest batch.
#[must_use]
pub(crate) fn queue(bytes: usize) -> (Entrance, Exit) {
    let units = (bytes / UNIT).clamp(LARGEST as usize, Semaphore::MAX_PERMITS);
    // No batch is smaller than the struct: the channel is never full before the room is.
    let (sender, receiver) = mpsc::channel(units * UNIT / size_of::<Batch>() + 1);
    let room = Arc::new(Semaphore::new(units));
    (Entrance { sender, room: Arc::clone(&room), units }, Exit { receiver, room })
}

/// Where batches come in. Closes the queue when the last one is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Entrance {
    sender: mpsc::Sender<Batch>,
    room: Arc<Semaphore>,
    units: usize,
}

/// Where they are taken out.
#[derive(Debug)]
pub(crate) struct Exit {
    receiver: mpsc::Receiver<Batch>,
    room: Arc<Semaphore>,
}

/// Room for one batch, whatever its size.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    sender: &'a mpsc::Sender<Batch>,
    room: SemaphorePermit<'a>,
}

/// Room for batches that are known already.
#[derive(Debug)]
pub(crate) struct Room<'a>(SemaphorePermit<'a>);

impl Entrance {
    /// How many of these, from the first on, can ever find room at once.
    #[must_use]
    pub(crate) fn fit(&self, batches: &[Batch]) -> usize {
        // A permit that a device holds at the same time has to fit beside them.
        let room = self.units.saturating_sub(LARGEST as usize);
        let mut taken = 0;
        let fits = |batch: &&Batch| {
            taken += units(batch) as usize;
            taken <= room
        };
        batches.iter().take_while(fits).count()
    }

    /// Room for all of these, if there is.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn try_reserve_for(&self, batches: &[Batch]) -> Option<Room<'_>> {
        self.room.try_acquire_many(u32::try_from(units_of(batches)).ok()?).ok().map(Room)
    }

    /// Waits until there is room for all of these; `None` when nobody takes batches any longer. Cancel-safe.
    pub(crate) async fn reserve_for(&self, batches: &[Batch]) -> Option<Room<'_>> {
        let units = u32::try_from(units_of(batches)).ok()?;
        tokio::select! {
            room = self.room.acquire_many(units) => room.ok().map(Room),
            () = self.sender.closed() => None,
        }
    }

    /// Puts batches where room for them was reserved. Lost if nobody takes batches any longer, as they would be behind this.
    pub(crate) fn send_all(&self, mut room: Room<'_>, batches: Vec<Batch>) {
        for batch in batches {
            let own = room.0.split(units(&batch) as usize);
            if self.sender.try_send(batch).is_ok() {
                own.into_iter().for_each(SemaphorePermit::forget);
            }
        }
    }

    /// A permit, if there is room for a batch.
    #[must_use]
    pub(crate) fn try_reserve(&self) -> Option<Permit<'_>> {
        let room = self.room.try_acquire_many(LARGEST).ok()?;
        Some(Permit { sender: &self.sender, room })
    }

    /// Waits for a permit; `None` when nobody takes batches any longer. Cancel-safe.
    pub(crate) async fn reserve(&self) -> Option<Permit<'_>> {
        tokio::select! {
            room = self.room.acquire_many(LARGEST) => Some(Permit { sender: &self.sender, room: room.ok()? }),
            () = self.sender.closed() => None,
        }
    }

    /// How full it is: above 1 there is no permit.
    #[must_use]
    pub(crate) fn fill(&self) -> f64 {
        let taken = self.units.saturating_sub(self.room.available_permits());
        // Full is what has no permit left, however little that takes.
        taken as f64 / (self.units - LARGEST as usize).max(1) as f64
    }
}

impl Permit<'_> {
    /// Puts a batch there. Lost if nobody takes batches any longer, as it would be behind this.
    pub(crate) fn send(mut self, batch: Batch) {
        let own = self.room.split(units(&batch) as usize);
        if self.sender.try_send(batch).is_ok() {
            own.into_iter().for_each(SemaphorePermit::forget);
        }
    }
}

impl Exit {
    /// Waits for batches and adds those that are there to `group`, at most `most`; `false` when there will be none any
    /// longer. Cancel-safe.
    pub(crate) async fn take(&mut self, group: &mut Vec<Batch>, most: usize) -> bool {
        let before = group.len();
        let taken = self.receiver.recv_many(group, most).await;
        let units: u32 = group.iter().skip(before).map(units).sum();
        self.room.add_permits(units as usize);
        taken > 0
    }

    /// Adds those that are there, without waiting, until `group` has `most` batches or readings of `bytes`.
    pub(crate) fn take_waiting(&mut self, group: &mut Vec<Batch>, most: usize, bytes: usize) {
        let mut left = bytes.saturating_sub(self::bytes(group));
        while group.len() < most
            && left > 0
            && let Ok(batch) = self.receiver.try_recv()
        {
            let units = units(&batch) as usize;
            left = left.saturating_sub(units * UNIT);
            self.room.add_permits(units);
            group.push(batch);
        }
    }
}

/// Bytes of readings in a group, as the queue counts them.
pub(crate) fn bytes(group: &[Batch]) -> usize {
    units_of(group) * UNIT
}

fn units_of(group: &[Batch]) -> usize {
    group.iter().map(|batch| units(batch) as usize).sum()
}

/// What a batch weighs.
fn units(batch: &Batch) -> u32 {
    let reading = size_of::<SeriesId>() + size_of::<UnixMillis>() + size_of::<f64>();
    let bytes = size_of::<Batch>() + batch.payload.len() + batch.len() * reading;
    (bytes.div_ceil(UNIT) as u32).min(LARGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::device::DeviceNo;
    use crate::model::reading::BatchId;
    use crate::model::{BatchSeq, Epoch, Lane};

    const ROOM: usize = 24 << 20;

    fn batch(seq: u64, readings: usize) -> Batch {
        Batch {
            id: BatchId { device: DeviceNo(1), epoch: Epoch(1), seq: BatchSeq(seq) },
            lane: Lane::Live,
            received_at: UnixMillis(0),
            payload: vec![0; 100],
            series: vec![SeriesId(1); readings],
            at: vec![UnixMillis(0); readings],
            value: vec![0.0; readings],
        }
    }

    /// How many go in.
    fn fit(entrance: &Entrance, readings: usize) -> usize {
        (0..)
            .take_while(|seq| entrance.try_reserve().map(|permit| permit.send(batch(*seq, readings))).is_some())
            .count()
    }

    #[tokio::test]
    async fn it_is_full_by_weight_and_what_is_taken_makes_room() {
        let (entrance, mut exit) = queue(ROOM);
        let small = fit(&entrance, 1);
        assert!(small > 50_000 && entrance.fill() >= 1.0);
        let mut group = Vec::new();
        assert!(exit.take(&mut group, usize::MAX).await);
        exit.take_waiting(&mut group, usize::MAX, usize::MAX);
        assert_eq!((group.len(), entrance.fill()), (small, 0.0));
        assert_eq!(group.last().map(|batch| batch.id.seq), Some(BatchSeq(small as u64 - 1)), "in order");
        let large = fit(&entrance, wire::batch::MAX_READINGS);
        assert!((ROOM / 50_000..ROOM / 41_000).contains(&large), "{large}");
    }

    #[tokio::test]
    async fn a_group_ends_at_its_bytes_and_at_its_number() {
        let (entrance, mut exit) = queue(ROOM);
        (0..100).for_each(|seq| entrance.try_reserve().unwrap().send(batch(seq, 100)));
        let mut group = Vec::new();
        assert!(exit.take(&mut group, 5).await);
        exit.take_waiting(&mut group, 8, usize::MAX);
        assert_eq!(group.len(), 8);
        let bytes = 20 * units(&batch(0, 100)) as usize * UNIT;
        exit.take_waiting(&mut group, usize::MAX, bytes);
        assert_eq!(group.len(), 20);
    }

    #[tokio::test]
    async fn nobody_waits_for_the_other_side_when_it_is_gone() {
        let (entrance, mut exit) = queue(ROOM);
        entrance.try_reserve().unwrap().send(batch(0, 1));
        drop(entrance);
        let mut group = Vec::new();
        assert!(exit.take(&mut group, 9).await && !exit.take(&mut group, 9).await);
        let (entrance, exit) = queue(ROOM);
        fit(&entrance, 9);
        drop(exit);
        assert!(entrance.reserve().await.is_none());
    }
}

//! A queue that is bounded by the bytes of what waits in it.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// What fits into a queue.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    /// Bytes that may wait at once.
    pub(super) room: usize,
    /// Bytes that each thing weighs besides its own.
    pub(super) each: usize,
}

/// What waits, and the room that it takes until it is let go.
#[derive(Debug)]
pub(super) struct Weighed<T> {
    pub(super) what: T,
    _room: OwnedSemaphorePermit,
}

/// Puts things in.
#[derive(Debug)]
pub(super) struct Sender<T> {
    queue: mpsc::Sender<Weighed<T>>,
    room: Arc<Semaphore>,
    scale: Scale,
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), room: Arc::clone(&self.room), scale: self.scale }
    }
}

/// Room for one thing.
#[derive(Debug)]
pub(super) struct Room(OwnedSemaphorePermit);

/// Both ends.
pub(super) fn queue<T>(scale: Scale) -> (Sender<T>, mpsc::Receiver<Weighed<T>>) {
    // Room is gone before the channel is full.
    let (queue, receiver) = mpsc::channel(scale.room / scale.each + 1);
    (Sender { queue, room: Arc::new(Semaphore::new(scale.room)), scale }, receiver)
}

impl<T> Sender<T> {
    /// Room for so many bytes, if there is any.
    pub(super) fn try_room(&self, bytes: usize) -> Option<Room> {
        Arc::clone(&self.room).try_acquire_many_owned(self.weight(bytes)).ok().map(Room)
    }

    /// Waits for room for so many bytes; `None` when nobody takes anything any longer. Cancel-safe.
    pub(super) async fn room(&self, bytes: usize) -> Option<Room> {
        Arc::clone(&self.room).acquire_many_owned(self.weight(bytes)).await.ok().map(Room)
    }

    /// Puts something into the room that was taken for it; `false` when nobody takes it any longer.
    pub(super) fn put(&self, Room(_room): Room, what: T) -> bool {
        self.queue.try_send(Weighed { what, _room }).is_ok()
    }

    fn weight(&self, bytes: usize) -> u32 {
        u32::try_from((bytes + self.scale.each).min(self.scale.room)).unwrap_or(u32::MAX)
    }
}

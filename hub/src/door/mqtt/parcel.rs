//! Messages on their way from the connection to the keeper, bounded by their bytes; and the way back of what is on disk.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::model::UnixMillis;

/// Bytes on the way at once.
const ROOM: usize = 16 << 20;
/// Bytes that a parcel weighs besides its message.
const EACH: usize = 256;

/// A connection, counted since the start: what one of them has to acknowledge says nothing to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Connection(pub(super) u64);

/// A message that is to be acknowledged once it is dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) connection: Connection,
    pub(super) id: u16,
}

/// A message.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) topic: String,
    pub(super) payload: Bytes,
    pub(super) is_retained: bool,
    pub(super) came: UnixMillis,
    pub(super) due: Option<Due>,
    _room: OwnedSemaphorePermit,
}

/// Hands messages in.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    parcels: mpsc::Sender<Parcel>,
    room: Arc<Semaphore>,
}

/// Both ends.
pub(super) fn parcels() -> (Sender, mpsc::Receiver<Parcel>) {
    // Room is gone before the channel is full.
    let (parcels, receiver) = mpsc::channel(ROOM / EACH + 1);
    (Sender { parcels, room: Arc::new(Semaphore::new(ROOM)) }, receiver)
}

/// Room for one message.
#[derive(Debug)]
pub(super) struct Room(OwnedSemaphorePermit);

impl Sender {
    /// Waits for room for a message of so many bytes; `None` when nobody takes it any longer. Cancel-safe.
    pub(super) async fn room(&self, bytes: usize) -> Option<Room> {
        let weight = u32::try_from((bytes + EACH).min(ROOM)).unwrap_or(u32::MAX);
        Arc::clone(&self.room).acquire_many_owned(weight).await.ok().map(Room)
    }

    /// Hands a message in.
    pub(super) fn send(
        &self,
        Room(_room): Room,
        (topic, payload, is_retained): (String, Bytes, bool),
        came: UnixMillis,
        due: Option<Due>,
    ) -> bool {
        self.parcels.try_send(Parcel { topic, payload, is_retained, came, due, _room }).is_ok()
    }
}

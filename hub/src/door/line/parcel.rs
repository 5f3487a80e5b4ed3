//! What is on its way from the sockets to the keeper, bounded by its bytes.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::clock::Clock;
use crate::model::UnixMillis;

/// Bytes on the way at once: a second of ten thousand lines.
const ROOM: usize = 4 << 20;
/// Bytes that a parcel weighs besides its text.
const EACH: usize = 128;

/// Text of one sender.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) from: SocketAddr,
    /// Lines, the last one with or without its end.
    pub(super) text: Vec<u8>,
    /// When it came.
    pub(super) came: UnixMillis,
    _room: OwnedSemaphorePermit,
}

/// Hands parcels in.
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

impl Sender {
    /// Hands text in, if there is room.
    pub(super) fn try_send(&self, from: SocketAddr, text: &[u8]) -> bool {
        let room = Arc::clone(&self.room).try_acquire_many_owned(weight(text));
        let came = Clock.wall();
        room.is_ok_and(|_room| self.parcels.try_send(Parcel { from, text: text.to_vec(), came, _room }).is_ok())
    }

    /// Hands text in once there is room; `false` when nobody takes it any longer. Cancel-safe: then it was not handed in.
    pub(super) async fn send(&self, from: SocketAddr, text: Vec<u8>) -> bool {
        let came = Clock.wall();
        let Ok(_room) = Arc::clone(&self.room).acquire_many_owned(weight(&text)).await else { return false };
        self.parcels.try_send(Parcel { from, text, came, _room }).is_ok()
    }
}

fn weight(text: &[u8]) -> u32 {
    u32::try_from((text.len() + EACH).min(ROOM)).unwrap_or(u32::MAX)
}

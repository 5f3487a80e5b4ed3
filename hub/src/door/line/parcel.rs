//! What is on its way from the sockets to the keeper, bounded by its bytes.

use std::net::SocketAddr;

use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::door::weighed::{self, Scale, Weighed};
use crate::model::UnixMillis;

/// On the way at once: a second of ten thousand lines.
const SCALE: Scale = Scale { room: 4 << 20, each: 128 };

/// Text of one sender.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) from: SocketAddr,
    /// Lines, the last one with or without its end.
    pub(super) text: Vec<u8>,
    /// When it came.
    pub(super) came: UnixMillis,
}

/// Hands parcels in.
#[derive(Debug, Clone)]
pub(super) struct Sender(weighed::Sender<Parcel>);

/// Both ends.
pub(super) fn parcels() -> (Sender, mpsc::Receiver<Weighed<Parcel>>) {
    let (sender, receiver) = weighed::queue(SCALE);
    (Sender(sender), receiver)
}

impl Sender {
    /// Hands text in, if there is room.
    pub(super) fn try_send(&self, from: SocketAddr, text: &[u8]) -> bool {
        let parcel = || Parcel { from, text: text.to_vec(), came: Clock.wall() };
        self.0.try_room(text.len()).is_some_and(|room| self.0.put(room, parcel()))
    }

    /// Hands text in once there is room; `false` when nobody takes it any longer. Cancel-safe: then it was not handed in.
    pub(super) async fn send(&self, from: SocketAddr, text: Vec<u8>) -> bool {
        let came = Clock.wall();
        let room = self.0.room(text.len()).await;
        room.is_some_and(|room| self.0.put(room, Parcel { from, text, came }))
    }
}

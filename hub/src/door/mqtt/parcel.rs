//! Messages on their way from the connection to the keeper, bounded by their bytes; and the way back of what is on disk.

use bytes::Bytes;
use tokio::sync::mpsc;

pub(super) use crate::door::weighed::{Room, Weighed};
use crate::door::weighed::{Scale, Sender as Queue, queue};
use crate::model::UnixMillis;

/// On the way at once.
const SCALE: Scale = Scale { room: 16 << 20, each: 256 };

/// Hands messages in.
pub(super) type Sender = Queue<Parcel>;

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
}

/// Both ends.
pub(super) fn parcels() -> (Sender, mpsc::Receiver<Weighed<Parcel>>) {
    queue(SCALE)
}

//! The session's sealed packets: ChaCha20-Poly1305 under an explicit counter, each counter accepted once.
//!
//! The header is not passed to the cipher as associated data (snow's stateless mode takes none), and need not be: the
//! receiver index selects the key, the counter is the nonce, and every other bit of it is fixed, so a changed header
//! either fails to parse, finds another session's key, or fails to open.

use alloc::vec::Vec;
use core::fmt;

use crate::error::DecodeError;
use crate::layout::{DATA_HEADER, Data, TAG};
use crate::replay::ReplayWindow;

/// Packets after which the device opens a new session.
pub const REKEY_AFTER_PACKETS: u64 = 1 << 32;
/// Packets after which a session seals nothing more.
pub const REFUSE_AFTER_PACKETS: u64 = 1 << 60;
/// Seconds after which the device opens a new session.
pub const REKEY_AFTER_SECS: u64 = 3_600;
/// Seconds after which a session is dead.
pub const REFUSE_AFTER_SECS: u64 = 24 * 3_600;
/// Seconds for which the previous session still opens stragglers.
pub const KEEP_PREVIOUS_SECS: u64 = 60;

/// The session has sealed as many packets as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session is used up")]
pub struct Exhausted;

/// One side of a session: seals what it sends, opens what it receives.
pub struct Transport {
    keys: snow::StatelessTransportState,
    peer: u32,
    next: u64,
    window: ReplayWindow,
    opened: u64,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("peer", &self.peer).field("next", &self.next).finish_non_exhaustive()
    }
}

impl Transport {
    pub(crate) fn new(keys: snow::StatelessTransportState, peer: u32) -> Self {
        Self { keys, peer, next: 0, window: ReplayWindow::default(), opened: 0 }
    }

    /// The peer's name for the session.
    #[must_use]
    pub const fn peer(&self) -> u32 {
        self.peer
    }

    /// Packets sealed so far; also the counter of the next one.
    #[must_use]
    pub const fn sealed(&self) -> u64 {
        self.next
    }

    /// Packets opened so far.
    #[must_use]
    pub const fn opened(&self) -> u64 {
        self.opened
    }

    /// One past the newest counter opened: with [`Transport::opened`], what was lost on the way.
    #[must_use]
    pub const fn newest(&self) -> u64 {
        self.window.next()
    }

    /// Replaces `out` with the datagram that carries `message`; returns its counter.
    ///
    /// # Errors
    /// [`Exhausted`] after [`REFUSE_AFTER_PACKETS`].
    pub fn seal(&mut self, message: &[u8], out: &mut Vec<u8>) -> Result<u64, Exhausted> {
        if self.next >= REFUSE_AFTER_PACKETS {
            return Err(Exhausted);
        }
        let counter = self.next;
        self.next += 1;
        out.clear();
        Data::put_header(self.peer, counter, out);
        out.resize(DATA_HEADER + message.len() + TAG, 0);
        self.keys.write_message(counter, message, &mut out[DATA_HEADER..]).map_err(|_| Exhausted)?;
        Ok(counter)
    }

    /// Replaces `out` with the message in `data`.
    ///
    /// # Errors
    /// [`DecodeError::Replayed`] for a counter seen before, [`DecodeError::NotAuthentic`] for anything forged; neither
    /// changes the session.
    pub fn open(&mut self, data: &Data<'_>, out: &mut Vec<u8>) -> Result<(), DecodeError> {
        if !self.window.accepts(data.counter) {
            return Err(DecodeError::Replayed);
        }
        out.resize(data.sealed.len(), 0);
        let length = self.keys.read_message(data.counter, data.sealed, out).map_err(|_| DecodeError::NotAuthentic)?;
        out.truncate(length);
        self.window.mark(data.counter);
        self.opened += 1;
        Ok(())
    }
}

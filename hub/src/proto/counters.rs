//! Counters of the endpoint: every datagram in and out, and every dropped one with its reason.

use std::sync::atomic::{AtomicU64, Ordering};

use wire::DecodeError;

/// Why an authentic or well-formed datagram was dropped all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drop {
    /// No such session: the hub restarted, or a stranger.
    UnknownSession,
    /// The sender of a handshake does not know the hub's key.
    ForeignHandshake,
    /// A handshake counter that was used before.
    HandshakeReplay,
    /// A key or token that may not join.
    NotAdmitted,
    /// Too many handshakes from one address, or in all: answered by a cookie, if it had none.
    HandshakeRate,
    /// The same, and too many to be answered.
    CookieRate,
    /// The queue of handshakes is full.
    HandshakeQueue,
    /// A device sends more datagrams than it may.
    DeviceRate,
    /// The queue to the disk is full.
    IngestQueue,
    /// A batch uses sensors the hub does not know yet.
    UnknownSensor,
    /// A batch from a device that is not adopted.
    NotAdopted,
    /// Too many holes in a device's numbering.
    WindowFull,
    /// A batch that is on disk already.
    Repeat,
    /// Probes beyond the rate that is answered.
    ProbeRate,
    /// The list of devices waiting for adoption is full, or the room for sessions of strangers.
    PendingFull,
    /// The queue of datagrams to send is full.
    SendQueue,
    /// A probe to the discovery port from a network that this machine is not in.
    ProbeOffLink,
    /// A probe from a port where services listen.
    ProbePort,
    /// A probe from a device that speaks another version of the protocol.
    ProbeVersion,
    /// A device that would join while there are as many as the hub takes.
    DeviceLimit,
    /// Sensors described while there are as many series as the hub takes.
    SeriesLimit,
    /// A new device, or readings from while the hub was away: the hub is pressed (see `pressure`).
    Overload,
    /// From another machine that uses a device's identity, or from one that may be such a machine.
    IdentityInUse,
    /// A handshake of hardware that was replaced.
    Replaced,
}

impl Drop {
    /// Label of each reason, in the order of the variants.
    pub const REASONS: [&'static str; 24] = [
        "unknown_session",
        "foreign_handshake",
        "handshake_replay",
        "not_admitted",
        "handshake_rate",
        "cookie_rate",
        "handshake_queue",
        "device_rate",
        "ingest_queue",
        "unknown_sensor",
        "not_adopted",
        "window_full",
        "repeat",
        "probe_rate",
        "pending_full",
        "send_queue",
        "probe_off_link",
        "probe_port",
        "probe_version",
        "device_limit",
        "series_limit",
        "overload",
        "identity_in_use",
        "replaced",
    ];
}

/// Counters of one endpoint, shared with whoever shows them.
#[derive(Debug, Default)]
pub struct Counters {
    pub datagrams_in: AtomicU64,
    pub bytes_in: AtomicU64,
    pub datagrams_out: AtomicU64,
    pub bytes_out: AtomicU64,
    pub handshakes: AtomicU64,
    /// Probes heard, answered or not.
    pub probes: AtomicU64,
    pub probes_answered: AtomicU64,
    pub batches: AtomicU64,
    /// Of those, batches whose number was used by other contents, stored under a number of the hub's.
    pub batches_aside: AtomicU64,
    pub acks: AtomicU64,
    /// Batches that devices gave up, as told by their floors.
    pub batches_given_up: AtomicU64,
    /// Readings left out because there was no place for their series, because their time is none of a calendar, or because a
    /// device had other hardware then.
    pub readings_refused: AtomicU64,
    /// Texts of devices with invisible characters, which were spelled out.
    pub texts_spelled: AtomicU64,
    malformed: [AtomicU64; DecodeError::REASONS.len()],
    dropped: [AtomicU64; Drop::REASONS.len()],
}

impl Counters {
    /// Adds one.
    pub fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a datagram that could not be read.
    pub(crate) fn malformed(&self, reason: DecodeError) {
        if let Some(counter) = self.malformed.get(reason.index()) {
            Self::count(counter);
        }
    }

    /// Counts a datagram that was read and not taken.
    pub(crate) fn dropped(&self, reason: Drop) {
        if let Some(counter) = self.dropped.get(reason as usize) {
            Self::count(counter);
        }
    }

    /// Every reason for a drop and its count: malformed datagrams first, then the rest.
    pub fn drops(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let malformed = DecodeError::REASONS.into_iter().zip(&self.malformed);
        let dropped = Drop::REASONS.into_iter().zip(&self.dropped);
        malformed.chain(dropped).map(|(reason, counter)| (reason, counter.load(Ordering::Relaxed)))
    }
}

//! What the endpoint keeps of one device that has a row in the store: its sensors and their numbers, what came of its batches,
//! and which of its sessions speaks for it.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use wire::message::Status;

use crate::model::device::{Claim, Device};
use crate::model::reading::{Digest, SeriesId};
use crate::model::{BatchSeq, Epoch, Numbering, SensorNo, SeqSet, UnixMillis};
use crate::proto::admission::{Bucket, Rate};
use crate::proto::claims::Claims;
use crate::proto::window::Window;

/// Datagrams of one device: enough for a backlog at full speed, too few to starve the others.
pub(super) const DEVICE_RATE: Rate = Rate { per_second: 20_000.0, burst: 20_000.0 };
/// For how long the hub does not try again to register sensors for which it had no place.
pub(super) const NO_PLACE_FOR: Duration = Duration::from_secs(60);
/// Epochs of one device whose windows are kept here; the store knows the older ones.
const MAX_EPOCHS: usize = 16;
/// A renumbering that took this long failed: batches are taken again, by the numbers that are known.
const RENUMBER_WITHIN: Duration = Duration::from_secs(20);

/// A device with a row in the store.
pub(super) struct Peer {
    pub(super) device: Device,
    pub(super) sensors: Vec<SeriesId>,
    /// The numbering that the order of `sensors` follows.
    pub(super) numbering: Numbering,
    pub(super) windows: HashMap<Epoch, Window>,
    pub(super) bucket: Bucket,
    /// Which of its sessions speaks for it.
    pub(super) claims: Claims,
    /// Handshakes above the counter of the one that speaks for it: a session of each may be opened once.
    pub(super) handshakes: BTreeSet<u64>,
    /// Batches on their way to the disk under numbers of the hub, because theirs were used.
    pub(super) aside: HashMap<BatchSeq, Aside>,
    pub(super) registration: Registration,
    /// Digest of the sensor descriptions that were last accepted: the same ones, sent again, are not written again.
    pub(super) described: u64,
    /// Since when a `Ledger` event is on its way. One at a time bounds how much a device can cause to be written.
    pub(super) recording: Option<Instant>,
    pub(super) status: Status,
    pub(super) last_seen: Option<UnixMillis>,
    pub(super) link_changed: bool,
    /// Since when it has its hardware; `None`: always.
    pub(super) since: Option<UnixMillis>,
    pub(super) parting: Parting,
}

/// Whether a device is about to get other hardware.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parting {
    No,
    /// Something of it is on its way to the disk.
    Waits,
    /// Nothing is on its way any more, and the rest of the hub was told so.
    Told,
}

/// A batch whose number was used by another batch with other contents.
pub(super) struct Aside {
    pub(super) session: u32,
    pub(super) epoch: Epoch,
    pub(super) seq: BatchSeq,
    pub(super) digest: Digest,
}

impl Peer {
    /// A device that was not heard yet. `claim`: which start of its agent spoke for it last.
    pub(super) fn new(
        device: Device,
        numbering: Numbering,
        claim: Claim,
        since: Option<UnixMillis>,
        now: Instant,
    ) -> Self {
        Self {
            device,
            sensors: Vec::new(),
            numbering,
            windows: HashMap::new(),
            bucket: Bucket::full(DEVICE_RATE, now),
            claims: Claims::restored(claim, now),
            handshakes: BTreeSet::new(),
            aside: HashMap::new(),
            registration: Registration::Open,
            described: 0,
            recording: None,
            status: Status::default(),
            last_seen: None,
            link_changed: false,
            since,
            parting: Parting::No,
        }
    }

    /// Takes over what the store knows of its batches; windows that are here already stay as they are.
    pub(super) fn restore(&mut self, windows: Vec<(Epoch, SeqSet)>, digests: Vec<(Epoch, BatchSeq, Digest)>) {
        for (epoch, committed) in windows {
            self.windows.entry(epoch).or_insert_with(|| Window::restored(committed));
            trim_epochs(&mut self.windows, epoch);
        }
        for (epoch, seq, digest) in digests {
            if let Some(window) = self.windows.get_mut(&epoch) {
                window.remember(seq, digest);
            }
        }
    }

    /// Whether something of it is on the way to the disk.
    pub(super) fn is_waiting(&self) -> bool {
        self.windows.values().any(Window::is_waiting) || !self.aside.is_empty()
    }

    /// Whether a batch of this number is on its way to the disk beside the one that used it before.
    pub(super) fn has_aside(&self, epoch: Epoch, seq: BatchSeq) -> bool {
        self.aside.values().any(|aside| (aside.epoch, aside.seq) == (epoch, seq))
    }

    /// Readings before this, by the device's clock, are not of this device: it had other hardware then. `ahead_ms`: by how much
    /// that clock seems to be ahead of ours, where the device did not say yet.
    pub(super) fn taken_from(&self, ahead_ms: i64) -> UnixMillis {
        let ahead_ms = self.status.clock_offset_ms.unwrap_or(ahead_ms);
        self.since.map_or(UnixMillis(i64::MIN), |since| since.plus(ahead_ms).plus(1))
    }

    /// Whether it is about to follow another numbering.
    pub(super) fn is_renumbering(&self, now: Instant) -> bool {
        matches!(self.registration, Registration::Renumbering { since, .. }
            if now.saturating_duration_since(since) < RENUMBER_WITHIN)
    }

    /// Leaves out the device's sensors up to `below`, so that it can continue without them. Returns whether it does, and has to be
    /// told. A device that would have no sensor left keeps its readings instead.
    pub(super) fn leave_out_sensors(&mut self, since: Instant, below: u16) -> bool {
        let has_others = !self.sensors.is_empty();
        let left_out = if has_others { below.min(SensorNo::LIMIT) } else { 0 };
        self.registration = Registration::NoPlace { since, left_out };
        has_others
    }
}

/// What became of the sensors that a device described and that are not in its `sensors`.
pub(super) enum Registration {
    /// There are none: it may describe some.
    Open,
    /// A `Sensors` event is on its way.
    UnderWay {
        /// It describes the numbers below this.
        below: u16,
        /// The device described more meanwhile: it has to be told when it may do so again.
        is_asked: bool,
    },
    /// The device gave its numbers to other sensors: no batch of it is taken, because nothing says what its numbers stand
    /// for. First the batches taken before reach the disk, then a `Renumber` event is sent.
    Renumbering { since: Instant, asked: bool },
    /// The hub had no place for them, and is not asked again for [`NO_PLACE_FOR`].
    NoPlace {
        since: Instant,
        /// Readings of the numbers below this are left out of what is stored, so that the device's others go on; 0 when it
        /// has no others. Forgotten with the session: perhaps there is a place then.
        left_out: u16,
    },
}

/// Sensors a device need not describe: those the hub has, and those it has no place for.
pub(super) fn known_sensors(peer: &Peer) -> u16 {
    let left_out = if let Registration::NoPlace { left_out, .. } = peer.registration { left_out } else { 0 };
    u16::try_from(peer.sensors.len()).unwrap_or(u16::MAX).max(left_out)
}

/// Makes room for `epoch` among a device's windows by forgetting the oldest boot.
pub(super) fn trim_epochs(windows: &mut HashMap<Epoch, Window>, epoch: Epoch) {
    if windows.len() >= MAX_EPOCHS
        && !windows.contains_key(&epoch)
        && let Some(oldest) = windows.keys().min().copied()
    {
        windows.remove(&oldest);
    }
}

//! Commands from the rest of the hub to the endpoint.

use std::time::Instant;

use crate::model::access::JoinToken;
use crate::model::device::{Claim, Device, DeviceNo, Retired};
use crate::model::reading::{Digest, SeriesId};
use crate::model::{BatchSeq, DeviceId, Epoch, Numbering, SeqSet, UnixMillis};

/// Which devices may open a session. An adopted device always may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinPolicy {
    /// Nobody new; join tokens do not work either.
    Closed,
    /// Only with a join token.
    Token,
    /// Anybody may ask and waits until a person adopts it; join tokens work.
    Click,
    /// Anybody is adopted at once.
    Open,
}

/// An adopted or blocked device as the endpoint needs it.
#[derive(Debug, Clone)]
pub struct Known {
    pub device: Device,
    /// Series of its sensor numbers, from 0.
    pub sensors: Vec<SeriesId>,
    /// The numbering that they follow.
    pub numbering: Numbering,
    /// Committed receive windows.
    pub windows: Vec<(Epoch, SeqSet)>,
    /// Contents of its newest batches; only at the start of the hub.
    pub digests: Vec<(Epoch, BatchSeq, Digest)>,
    /// Which start of its agent spoke for it last; only at the start of the hub, and when its hardware was replaced.
    pub claim: Option<Claim>,
    /// Since when it has this hardware: earlier readings of the hardware are not the device's. Given when `claim` is.
    pub since: Option<UnixMillis>,
}

/// A change the endpoint must follow; always sent after it was committed.
#[derive(Debug, Clone)]
pub enum Command {
    /// A device was adopted, blocked, renamed, or learned new sensors.
    Known(Box<Known>),
    /// A device was deleted: its sessions end, its key is a stranger's again.
    Forgotten(DeviceId),
    /// A device is about to get other hardware: nothing more is taken from it, and an event says when everything that was taken is
    /// on disk. `Known` lets it continue.
    Part(DeviceId),
    /// The complete list of hardware that was replaced: its packets are ignored.
    Retired(Vec<Retired>),
    /// Sensors that a device described were not registered, or its numbering is not followed: it may say so again. Or the hub has no place for them.
    NotRegistered {
        device: DeviceNo,
        /// There are as many series as the hub takes.
        no_place: bool,
    },
    /// A pending device was turned away: drop it from the list.
    Ignored(DeviceId),
    /// These reports of the ledger are on disk, by the boot and number that devices gave them.
    Recorded(Vec<(DeviceNo, Epoch, u32)>),
    /// The join tokens that work.
    JoinTokens(Vec<JoinToken>),
    /// Which devices may join, and until when the open window lasts (after that `policy` applies).
    Policy {
        /// Outside the window.
        policy: JoinPolicy,
        /// End of the open window.
        open_until: Option<Instant>,
    },
}

//! Events from the endpoint to the rest of the hub, apart from batches.

use crate::model::device::{Claim, DeviceNo, Introduction, Link, NewDevice, Pending, Retired};
use crate::model::{BatchSeq, DeviceId, Epoch, Numbering, SensorNo, SensorSpec};
use std::net::SocketAddr;

use wire::ledger::Report;
use wire::message::Health;

/// Something to be stored or shown.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A device joins by token or through the open window: adopt it, then tell the endpoint it is known.
    Join(Box<NewDevice>),
    /// A device described sensors the hub does not know: register them, then tell the endpoint.
    Sensors {
        device: DeviceNo,
        /// Number of the first.
        first: SensorNo,
        /// One a number.
        sensors: Vec<SensorSpec>,
    },
    /// A device gives its sensor numbers to other sensors: follow its numbering, then tell the endpoint.
    Renumber { device: DeviceNo, numbering: Numbering },
    /// A device introduced itself in a new session.
    Introduced {
        device: DeviceNo,
        introduction: Introduction,
        /// Where it is.
        address: SocketAddr,
        /// Counter of its handshake: a lower or equal one is a replay from now on.
        handshake_counter: u64,
    },
    /// Links that changed in the last second.
    Links(Vec<(DeviceNo, Link)>),
    /// A device said goodbye.
    Left(DeviceNo),
    /// A device waits to be adopted, or says more about itself.
    Pending(Box<Pending>),
    /// A device waits no longer.
    PendingGone(DeviceId),
    /// A device will never send what is missing below this number.
    Floor {
        device: DeviceNo,
        /// In which boot.
        epoch: Epoch,
        /// The lowest number it still holds.
        below: BatchSeq,
    },
    /// A device reports what it took and what it gave up: once it is on disk, tell the endpoint.
    Ledger { device: DeviceNo, report: Report },
    /// A device says what it finds wrong with itself.
    Health { device: DeviceNo, health: Health },
    /// Nothing of a device is under way any more, as a command asked: see [`Command::Part`](super::command::Command::Part).
    Parted(DeviceId),
    /// Hardware that was replaced asks for a session; said now and then, and not answered.
    Returned {
        retired: Retired,
        /// Where it is.
        address: SocketAddr,
    },
    /// Another start of its agent speaks for a device, or a second machine uses its identity, or does no longer.
    Claim {
        device: DeviceNo,
        /// Who speaks for it.
        claim: Claim,
    },
}

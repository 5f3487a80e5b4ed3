//! The interface between the driver and the uplink: what an uplink is made from, the events it reports, and its states.

use std::net::SocketAddr;

use wire::handshake::{JoinToken, Start};
use wire::message::{Claimed, Hello};
use wire::{BatchSeq, Epoch, KeyPair, PublicKey};

/// What an uplink is made of.
#[derive(Debug, Clone)]
pub struct Config {
    pub keys: KeyPair,
    /// This boot; also the upper half of every handshake counter.
    pub epoch: Epoch,
    /// The hub this device belongs to.
    pub pinned: Option<PublicKey>,
    /// The six words of the hub it shall join, while it belongs to none.
    pub words: Option<String>,
    /// Join token, used while the device belongs to no hub, or to one that forgot it.
    pub token: Option<JoinToken>,
    /// Whether hubs elsewhere than at [`Uplink::set_addresses`] count, before one is pinned.
    pub only_addresses: bool,
    /// How it introduces itself.
    pub hello: Hello,
    /// Batches in flight, however much credit the hub gives.
    pub max_in_flight: u32,
    /// Lower half of session names: tells devices apart that share a socket.
    pub index: u16,
    /// Which start of the agent this is.
    pub start: Start,
    /// Seed of jitter and nonces.
    pub seed: u64,
}

/// What the driver acts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A hub answered a probe at an address not known before.
    Found {
        hub: PublicKey,
        /// Where it says it is.
        address: SocketAddr,
    },
    /// Several hubs answered and nothing says which is ours: nothing is sent until one remains.
    Several {
        /// Their keys and addresses.
        hubs: Vec<(PublicKey, SocketAddr)>,
    },
    /// Another hub than the pinned one answered; it is ignored.
    Foreign { hub: PublicKey },
    /// A hub is there and does not answer handshakes: closed to joins, full, or the token is spent.
    Silent {
        hub: PublicKey,
        /// Where it is.
        address: SocketAddr,
    },
    /// The hub has the session and a person has to adopt the device.
    Pending {
        hub: PublicKey,
        /// Where it is.
        address: SocketAddr,
    },
    /// The hub takes readings: pin it.
    Adopted {
        hub: PublicKey,
        /// Where it is.
        address: SocketAddr,
    },
    /// The hub is gone, or has put the device back to pending: take back what was given.
    Lost {
        /// Whether it had let this device in.
        was_adopted: bool,
    },
    /// On the hub's disk: everything of `epoch` below `mark` and in `runs`.
    Acked {
        /// Boot whose batches are meant.
        epoch: Epoch,
        /// Everything below is on disk.
        mark: BatchSeq,
        /// `[start, end)` above the mark.
        runs: Vec<(u64, u64)>,
    },
    /// On the hub's disk: the ledger's report of this boot and number.
    Recorded {
        /// Boot that numbered it.
        epoch: Epoch,
        number: u32,
    },
    /// Another machine uses this device's identity.
    Claimed(Claimed),
}

/// Where the uplink stands, for `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No hub is known, or none answers.
    Searching,
    /// A hub was found; its proof is awaited.
    Handshaking,
    /// A person has to adopt the device.
    Pending,
    /// Readings flow.
    Streaming,
}

//! A device as the hub knows it: its key, its name and labels, and the state of its link.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::{DeviceId, PublicKey, UnixMillis};

/// Row number of an adopted device; small, dense, never reused. Readings refer to it instead of the 16-byte id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceNo(pub u32);

/// Labels of a device: free keys and values used by rules, queries and webhooks alike.
pub type Labels = BTreeMap<String, String>;

/// Whether `labels` have all of those `wanted`, with these values.
#[must_use]
pub fn carry(labels: &Labels, wanted: &Labels) -> bool {
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// Whether the hub takes readings from a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its readings are stored.
    Adopted,
    /// Its key is refused in silence.
    Blocked,
}

/// What a device says of itself when it asks to join, and again at each start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Introduction {
    /// Name it would like.
    pub name: String,
    /// Hardware or operating system, for people.
    pub model: String,
    /// Version of the agent.
    pub version: String,
    /// Labels it was started with.
    pub labels: Labels,
}

/// A device with a row in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    pub no: DeviceNo,
    /// Hash of its key.
    pub id: DeviceId,
    /// Its X25519 key.
    pub key: PublicKey,
    /// Name shown to people; unique among devices.
    pub name: String,
    /// Adopted or blocked.
    pub standing: Standing,
    pub labels: Labels,
    /// Hardware or operating system; empty when it did not say.
    pub model: String,
    /// Version of its agent; empty when it did not say.
    pub version: String,
    /// Last address it was heard from.
    pub address: Option<SocketAddr>,
    /// When it was adopted.
    pub first_seen: UnixMillis,
    /// When it was last heard from (authenticated data only), as last saved.
    pub last_seen: Option<UnixMillis>,
    /// Expected time between readings in milliseconds, if a person set it; else the sensors' own intervals count.
    pub interval_ms: Option<u32>,
    /// Longest time between its last pushes in milliseconds, as last saved; `None` where nothing is pushed, or was once.
    pub pushed_every_ms: Option<i64>,
    /// What its owner wrote about it.
    pub notes: String,
    /// Highest handshake counter seen; a lower or equal one is a replay.
    pub handshake_counter: u64,
}

/// Which start of an agent speaks for a device, and which others were refused.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Claim {
    /// The newest start that spoke for it; 0 when it did not say.
    pub start: u16,
    /// Starts of other machines with its identity.
    pub refused: Vec<u16>,
    /// Two machines use its identity.
    pub conflict: Option<Conflict>,
    /// Counter of the handshake by which it spoke last.
    pub handshake_counter: u64,
}

/// Two machines use one identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conflict {
    /// Where the one is that goes on.
    pub holder: SocketAddr,
    /// Where the other one is, of which nothing is taken.
    pub other: SocketAddr,
    pub since: UnixMillis,
}

/// Hardware that was replaced: nothing is taken from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retired {
    /// Hash of its key.
    pub hardware: DeviceId,
    /// The device that it was.
    pub device: DeviceNo,
}

/// Stands before the id in the key column of a device that has no key.
const NO_KEY: [u8; 16] = *b"no key, but id: ";

/// What stands for the key of a device that has none: its readings come by HTTP, or were imported.
///
/// Nobody has the secret half of it, so nobody opens a session with it.
#[must_use]
pub fn no_key(id: DeviceId) -> PublicKey {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&NO_KEY);
    bytes[16..].copy_from_slice(id.as_bytes());
    PublicKey(bytes)
}

/// The id of the device that has this key, or that this stands for.
#[must_use]
pub fn id_of(key: &PublicKey) -> DeviceId {
    match key.0.strip_prefix(&NO_KEY).map(<[u8; 16]>::try_from) {
        Some(Ok(id)) => DeviceId::from_bytes(id),
        _ => DeviceId::of(key),
    }
}

impl Device {
    /// Whether it has a key, so that it can open a session.
    #[must_use]
    pub fn has_key(&self) -> bool {
        !self.key.0.starts_with(&NO_KEY)
    }
}

#[cfg(test)]
impl Device {
    /// One for tests that was adopted and has said nothing yet.
    pub(crate) fn adopted(no: u32) -> Self {
        Self {
            no: DeviceNo(no),
            id: DeviceId::from_bytes([no as u8; 16]),
            key: PublicKey([no as u8; 32]),
            name: format!("d{no}"),
            standing: Standing::Adopted,
            labels: Labels::new(),
            model: String::new(),
            version: String::new(),
            address: None,
            first_seen: UnixMillis(0),
            last_seen: None,
            interval_ms: None,
            pushed_every_ms: None,
            notes: String::new(),
            handshake_counter: 0,
        }
    }
}

/// A device to be adopted.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDevice {
    /// Its X25519 key; the id follows from it.
    pub key: PublicKey,
    /// What it said of itself; the name is made unique by the store (`name-2`) if it is taken or empty.
    pub introduction: Introduction,
    /// Where it was heard.
    pub address: Option<SocketAddr>,
    pub at: UnixMillis,
    /// The join token it used; the store takes one use from it in the same transaction.
    pub join_token: Option<u64>,
    /// Handshake counter of the accepted handshake.
    pub handshake_counter: u64,
}

/// What a person may change about a device; `None` leaves it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DevicePatch {
    pub name: Option<String>,
    /// All labels anew.
    pub labels: Option<Labels>,
    /// Expected interval in milliseconds; `Some(None)` clears it.
    pub interval_ms: Option<Option<u32>>,
    /// Notes anew; empty takes them away.
    pub notes: Option<String>,
}

/// How a device's link is doing; from authenticated packets only, kept in memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// Newest authenticated source address.
    pub address: SocketAddr,
    /// Last authenticated data.
    pub last_seen: UnixMillis,
    /// Start of the session.
    pub session_since: UnixMillis,
    /// Packets lost on the way in the last five minutes, in percent.
    pub loss_pct: f64,
    /// Round trip, as the device measured it, in milliseconds.
    pub rtt_ms: Option<f64>,
    /// Device clock minus hub clock, in milliseconds.
    pub clock_offset_ms: Option<f64>,
    /// Batches waiting on the device.
    pub spool_batches: u64,
    /// Readings the device had to drop, since its first start.
    pub dropped_readings: u64,
}

/// A device that asks to be adopted: in memory only, nothing of it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    /// Hash of its key.
    pub id: DeviceId,
    pub key: PublicKey,
    /// What it says of itself.
    pub introduction: Introduction,
    /// Where it is heard.
    pub address: SocketAddr,
    /// First heard.
    pub first_seen: UnixMillis,
    /// Last heard.
    pub last_seen: UnixMillis,
    /// A sample of its readings: sensor, unit, value. Shown, never stored.
    pub preview: Vec<(String, String, f64)>,
    /// Counter of its last handshake.
    pub handshake_counter: u64,
}

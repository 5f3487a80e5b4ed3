//! What a sealed packet says: batches one way, acknowledgements the other, and what both need to agree on.
//!
//! Byte 0 tells a batch from a control message. A batch is laid out by hand, because it is nearly all of the traffic:
//!
//! ```text
//!   0x01  lane u8  epoch varint  seq varint  body (see `batch`)
//!   0x02  a `Control` message in postcard's encoding
//! ```
//!
//! Version rule: a variant keeps its position for ever; new ones go to the end of the enum, and a peer that does not
//! know one refuses the message (counted as malformed), not the session.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::error::DecodeError;
use crate::handshake::Standing;
use crate::ledger::Report;
use crate::reading::{BatchSeq, Epoch, Lane, Numbering, SensorNo, SensorSpec, UnixMillis};
use crate::varint;

const TYPE_BATCH: u8 = 0x01;
const TYPE_CONTROL: u8 = 0x02;

/// Longest name, model or version in a [`Control::Hello`], in bytes.
pub const TEXT_LIMIT: usize = 64;
/// Labels a device may introduce itself with.
pub const LABEL_LIMIT: usize = 16;
/// Readings previewed by a device that waits for adoption.
pub const PREVIEW_LIMIT: usize = 4;
/// Runs named in one acknowledgement.
pub const RUN_LIMIT: usize = 32;
/// Epochs named in one status.
pub const FLOOR_LIMIT: usize = 16;
/// Failing sources named in one [`Health`].
pub const SOURCE_LIMIT: usize = 16;
/// Longest text of a source's error, in bytes.
pub const ERROR_LIMIT: usize = 128;
/// Longest control message that fits a datagram: less header, tag and type.
const MAX_CONTROL: usize = crate::layout::MAX_DATAGRAM - 16 - 16 - 1;

/// One opened message.
#[derive(Debug, Clone, PartialEq)]
pub enum Message<'a> {
    /// Device to hub: numbered readings.
    Batch(Batch<'a>),
    /// Everything else.
    Control(Control),
}

/// A numbered batch of readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch<'a> {
    /// Boot in which it was numbered.
    pub epoch: Epoch,
    /// Its number.
    pub seq: BatchSeq,
    /// Live or recovered.
    pub lane: Lane,
    /// Encoded readings, see [`crate::batch`].
    pub body: &'a [u8],
}

/// Control messages of both directions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Control {
    /// Device: who it is. First message of a session; again every 10 s while it waits for adoption.
    Hello(Hello),
    /// Device: what its sensors are, from number `first` on. Those that the hub knows are what this says from then on, under
    /// the names they have.
    Dictionary {
        /// Number of the first sensor described.
        first: SensorNo,
        /// One entry a number.
        sensors: Vec<SensorSpec>,
    },
    /// Device: how it is doing. Sent every 5 s, so that an idle device is seen to be alive.
    Status(Status),
    /// Device: it stops, and needs no more answers.
    Bye,
    /// Hub: answer to `Hello`, and pushed when the device's standing changes.
    Welcome(Welcome),
    /// Hub: these batches are on disk.
    Ack(Ack),
    /// Device: what it took and what it gave up. Sent again until `Recorded` names it.
    Ledger(Report),
    /// Hub: this report of the ledger is on disk.
    Recorded {
        /// Boot that numbered it.
        epoch: Epoch,
        /// Its number.
        number: u32,
    },
    /// Device: what it finds wrong with itself. Sent when it changes, and now and then, for a hub that has restarted.
    Health(Health),
    /// Hub: another machine speaks with this identity. Said again while that lasts.
    Claimed(Claimed),
    /// Device: its batches follow this numbering. A hub that follows another forgets what the numbers stood for, and takes no
    /// batch until it has. With what its sensors are, from number `first` on, as in `Dictionary`: a hub that follows this
    /// numbering learns them. Sent again until `Numbered` answers; a device with the first numbering asks by it, without
    /// sensors, whether the hub knows this message.
    Numbering {
        /// The numbering in force.
        numbering: Numbering,
        /// Number of the first sensor described.
        first: SensorNo,
        /// One entry a number.
        sensors: Vec<SensorSpec>,
    },
    /// Hub: it follows this numbering of the device.
    Numbered {
        /// Which.
        numbering: Numbering,
        /// Sensors it knows of it, from number 0.
        known_sensors: u16,
    },
}

/// Two machines use one identity: a copied card, a restored snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimed {
    /// Where the other one is; at most [`TEXT_LIMIT`] bytes.
    pub other: String,
    /// Since when, by the hub's clock.
    pub since: UnixMillis,
    /// Whether the hub goes on with this one; else it takes nothing from it.
    pub goes_on: bool,
}

/// A device introduces itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Hello {
    /// Name it would like.
    pub name: String,
    /// Hardware or operating system.
    pub model: String,
    /// Version of the agent.
    pub version: String,
    /// Labels it was started with.
    pub labels: Vec<(String, String)>,
    /// A sample for the person who is asked to adopt it: sensor, unit, value. Never stored.
    pub preview: Vec<(String, String, f64)>,
}

/// How a device is doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Status {
    /// Batches it holds that are not acknowledged.
    pub spool_batches: u64,
    /// Readings it had to drop since its first start.
    pub dropped_readings: u64,
    /// Smoothed round trip in microseconds.
    pub rtt_us: Option<u32>,
    /// Its clock minus the hub's, in milliseconds.
    pub clock_offset_ms: Option<i64>,
    /// Per epoch: it holds nothing below this number, so what is missing there will never come.
    pub floors: Vec<(Epoch, BatchSeq)>,
}

/// What a device finds wrong with itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Health {
    /// How fast its clock runs away from the hub's, in parts per thousand million; positive: it runs fast.
    pub drift_ppb: Option<i64>,
    /// Sources that fail; as many as fit a datagram, at most [`SOURCE_LIMIT`].
    pub sources: Vec<SourceError>,
    /// Failing sources that found no room above.
    pub more: u16,
}

/// A source that fails, whole or in one of its sensors; or something to be known of one that does not fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceError {
    /// Its name on the device; at most [`TEXT_LIMIT`] bytes.
    pub source: String,
    /// What went wrong the last time; at most [`ERROR_LIMIT`] bytes.
    pub error: String,
    /// Since when, by the device's clock.
    pub since: UnixMillis,
    /// How often since then; 0 where nothing fails.
    pub count: u32,
}

impl Health {
    /// What can be said of `sources` in one datagram: the first of them, and how many more there are.
    #[must_use]
    pub fn new(drift_ppb: Option<i64>, sources: impl IntoIterator<Item = SourceError>) -> Self {
        let mut health = Self { drift_ppb, ..Self::default() };
        for source in sources {
            if health.more > 0 || health.sources.len() == SOURCE_LIMIT {
                health.more = health.more.saturating_add(1);
                continue;
            }
            health.sources.push(source);
            if !Control::Health(health.clone()).fits() {
                health.sources.pop();
                health.more = 1;
            }
        }
        health
    }
}

impl SourceError {
    /// With texts cut to their limits, and without control characters.
    #[must_use]
    pub fn new(source: &str, error: &str, since: UnixMillis, count: u32) -> Self {
        Self { source: plain(source, TEXT_LIMIT), error: plain(error, ERROR_LIMIT), since, count }
    }
}

/// At most `limit` bytes of a text, spaces for control characters.
fn plain(text: &str, limit: usize) -> String {
    let mut plain = String::new();
    for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if plain.len() + c.len_utf8() > limit {
            break;
        }
        plain.push(c);
    }
    plain
}

/// Where a device stands with the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// Adopted or pending.
    pub standing: Standing,
    /// Sensors of this device the hub knows, from number 0.
    pub known_sensors: u16,
    /// Batches the device may have in flight.
    pub credit: u32,
    /// The hub's clock.
    pub now: UnixMillis,
}

/// Batches that are on disk. Everything named here, and only that, may be forgotten by the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// Boot whose batches are meant.
    pub epoch: Epoch,
    /// Every batch below is on disk.
    pub mark: BatchSeq,
    /// Runs above the mark that are on disk, `[start, end)`: those around the batches just received.
    pub runs: Vec<(u64, u64)>,
    /// Batches the device may have in flight.
    pub credit: u32,
    /// Sensors of this device the hub knows, from number 0. A batch that uses others is not accepted.
    pub known_sensors: u16,
    /// Newest packet counter received from the device.
    pub echo_counter: u64,
    /// When that packet was received, by the hub's clock.
    pub echo_received: UnixMillis,
    /// The hub's clock when this was sent.
    pub now: UnixMillis,
}

impl<'a> Message<'a> {
    /// Reads an opened message.
    ///
    /// # Errors
    /// Its grammar or limits are not kept.
    pub fn decode(plain: &'a [u8]) -> Result<Self, DecodeError> {
        match plain.split_first().ok_or(DecodeError::Truncated)? {
            (&TYPE_BATCH, rest) => Batch::decode(rest).map(Self::Batch),
            (&TYPE_CONTROL, rest) => Control::decode(rest).map(Self::Control),
            (&other, _) => Err(DecodeError::UnknownType(other)),
        }
    }
}

impl<'a> Batch<'a> {
    /// Replaces `out` with the message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&[TYPE_BATCH, u8::from(self.lane == Lane::Recovered)]);
        varint::put(out, u64::from(self.epoch.0));
        varint::put(out, self.seq.0);
        out.extend_from_slice(self.body);
    }

    fn decode(rest: &'a [u8]) -> Result<Self, DecodeError> {
        let (&lane, mut rest) = rest.split_first().ok_or(DecodeError::Truncated)?;
        let lane = match lane {
            0 => Lane::Live,
            1 => Lane::Recovered,
            _ => return Err(DecodeError::Reserved),
        };
        let epoch = u32::try_from(varint::take(&mut rest)?).map_err(|_| DecodeError::OutOfRange)?;
        let seq = varint::take(&mut rest)?;
        if seq == u64::MAX {
            return Err(DecodeError::OutOfRange);
        }
        Ok(Self { epoch: Epoch(epoch), seq: BatchSeq(seq), lane, body: rest })
    }
}

impl Control {
    /// Replaces `out` with the message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.clear();
        out.push(TYPE_CONTROL);
        // Serialising into a growing vector cannot fail: every type here has a length.
        if let Ok(mut bytes) = postcard::to_allocvec(self) {
            out.append(&mut bytes);
        }
    }

    /// Whether it can be sent: sealed, it fits a datagram.
    #[must_use]
    pub fn fits(&self) -> bool {
        postcard::to_allocvec(self).is_ok_and(|bytes| bytes.len() <= MAX_CONTROL)
    }

    fn decode(rest: &[u8]) -> Result<Self, DecodeError> {
        let (message, left) = postcard::take_from_bytes::<Self>(rest).map_err(|_| DecodeError::Malformed)?;
        if !left.is_empty() {
            return Err(DecodeError::Trailing);
        }
        if message.is_within_limits() { Ok(message) } else { Err(DecodeError::OutOfRange) }
    }

    fn is_within_limits(&self) -> bool {
        let short = |text: &String| text.len() <= TEXT_LIMIT && !text.chars().any(char::is_control);
        match self {
            Self::Hello(hello) => {
                [&hello.name, &hello.model, &hello.version].into_iter().all(short)
                    && hello.labels.len() <= LABEL_LIMIT
                    && hello.labels.iter().all(|(key, value)| short(key) && short(value))
                    && hello.preview.len() <= PREVIEW_LIMIT
                    && hello
                        .preview
                        .iter()
                        .all(|(sensor, unit, value)| short(sensor) && short(unit) && value.is_finite())
            }
            Self::Dictionary { first, sensors } | Self::Numbering { first, sensors, .. } => {
                usize::from(first.0) + sensors.len() <= usize::from(SensorNo::LIMIT)
                    && sensors.iter().all(SensorSpec::is_valid)
            }
            Self::Status(status) => status.floors.len() <= FLOOR_LIMIT,
            Self::Ack(ack) => ack.runs.len() <= RUN_LIMIT,
            Self::Claimed(claimed) => short(&claimed.other),
            Self::Ledger(report) => report.is_within_limits(),
            Self::Health(health) => {
                health.sources.len() <= SOURCE_LIMIT
                    && health.sources.iter().all(|source| {
                        let error = &source.error;
                        short(&source.source) && error.len() <= ERROR_LIMIT && !error.chars().any(char::is_control)
                    })
            }
            Self::Bye | Self::Welcome(_) | Self::Recorded { .. } | Self::Numbered { .. } => true,
        }
    }
}

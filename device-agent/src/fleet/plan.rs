//! The settings of a simulation, and what it got through.

use std::net::SocketAddr;
use std::time::Duration;

use wire::handshake::JoinToken;

use crate::netem::Conditions;

/// What to simulate.
#[derive(Debug, Clone)]
pub struct Plan {
    pub hub: SocketAddr,
    /// Join token of the devices.
    pub token: Option<JoinToken>,
    pub devices: u16,
    /// Sensors each.
    pub sensors: u16,
    /// Time between rounds; as fast as the hub acknowledges if `None`.
    pub interval: Option<Duration>,
    /// Readings a batch, when there is no interval.
    pub batch: usize,
    /// Batches a device keeps in flight.
    pub in_flight: u32,
    /// When to stop measuring; at the stop signal if `None`.
    pub duration: Option<Duration>,
    /// Seed of everything but the keys.
    pub seed: u64,
    /// Start of the devices' names.
    pub name: String,
    /// Labels of every device.
    pub labels: Vec<(String, String)>,
    /// What the devices measured before they are there.
    pub history: Option<History>,
    /// The network, both ways.
    pub conditions: Conditions,
    /// Clocks are wrong by up to this, either way.
    pub skew: Duration,
    /// Reboots of one device, per second.
    pub reboots: f64,
}

/// A past, made up: sent before what is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// How long it is.
    pub span: Duration,
    /// Whether something happened in it that is worth finding.
    pub fault: bool,
}

/// What came of it, in readings unless a name says otherwise.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Throughput {
    pub devices: u16,
    /// Devices that streamed at the end.
    pub streaming: usize,
    /// Measured and given to a spool.
    pub sent: u64,
    /// On the hub's disk, by its word.
    pub acked: u64,
    /// Dropped because a spool was full.
    pub dropped: u64,
    pub reboots: u64,
    pub datagrams_sent: u64,
    pub datagrams_received: u64,
    /// From the first session to the last acknowledgement.
    pub seconds: f64,
    /// Acknowledged readings a second.
    pub readings_per_s: f64,
    /// Processor time of this process for a million acknowledged readings.
    pub cpu_s_per_million: f64,
    /// From a closed batch to its acknowledgement.
    pub ack_ms_p50: f64,
    /// The same, for the slowest hundredth.
    pub ack_ms_p99: f64,
}

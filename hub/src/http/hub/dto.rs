//! The hub itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::{UnixMillis, when};
use crate::proto::command::JoinPolicy;
use crate::store::Stats;
use crate::tls;
use crate::zones::Rules;

/// The hub: who it is and how it is doing.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Hub {
    /// Text of its id.
    pub id: String,
    /// Version of the program.
    pub version: String,
    /// Six words of its key, to compare with the ones an agent shows.
    pub words: Vec<String>,
    /// When it started.
    pub started_at: String,
    /// Seconds since.
    pub uptime_s: i64,
    /// UDP port for devices.
    pub udp_port: u16,
    /// By which addresses others reach it.
    pub addresses: Addresses,
    /// Who may join.
    pub join: Join,
    /// Devices by status.
    pub devices: DeviceCounts,
    /// Maximum number of devices (`--max-devices`), including blocked ones.
    pub devices_max: usize,
    /// Number of series.
    pub series: usize,
    /// Maximum number of series (`--max-series`).
    pub series_max: usize,
    /// Readings stored since the start.
    pub readings_total: u64,
    /// Readings stored a second, over the last few seconds.
    pub readings_per_s: f64,
    /// 99 % of batches are acknowledged within this many milliseconds.
    pub ack_p99_ms: Option<f64>,
    /// Open live connections.
    pub ws_clients: usize,
    /// Alerts firing.
    pub alerts_firing: usize,
    /// How devices find the hub.
    pub discovery: Discovery,
    /// Machines that devices can get an agent for from here: `x86_64`, `aarch64`, `armhf`.
    pub agents: Vec<String>,
    /// Space that the readings use, and how long it will last.
    pub storage: Storage,
    /// What does not work at the moment; null when everything does.
    pub degraded: Option<String>,
    /// Load of the hub, from 0 to 6: how many of the services named by `given_up` are reduced.
    pub pressure: u8,
    /// Which services are reduced at the moment, in the order in which that happens: `previews`, `live_rate`,
    /// `history`, `joins`, `backfill`, `live`.
    pub given_up: Vec<String>,
    /// Whether it is served without TLS.
    pub plain_http: bool,
    /// The certificate it is served with; null without TLS.
    pub tls: Option<Tls>,
    /// Name of the time zone of its computer (`Europe/Berlin`), as `tz` of a query takes it; null where none is set.
    pub time_zone: Option<String>,
    /// Whose rules of time zones count, in `tz` of a query.
    pub time_zone_rules: TimeZoneRules,
}

/// The certificate that the hub is served with (`--tls`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Tls {
    /// Where it is from.
    pub mode: TlsMode,
    /// When it expires; with `auto` the hub makes another before.
    pub expires_at: String,
    /// SHA-256 of the hub's own certificate authority, which is at `/ca.crt`: `AB:CD:...`; null with `files`.
    pub fingerprint: Option<String>,
    /// What is wrong with it at the moment, such as files that are no pair; null when nothing is.
    pub problem: Option<String>,
}

/// Where a certificate is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TlsMode {
    /// Files that somebody else renews.
    Files,
    /// The hub's own certificate authority.
    Auto,
}

impl Tls {
    /// The one in use.
    #[must_use]
    pub(crate) fn of(tls: &tls::Tls) -> Self {
        Self {
            mode: match tls.mode() {
                tls::Mode::Files => TlsMode::Files,
                tls::Mode::Auto => TlsMode::Auto,
            },
            expires_at: when::moment(tls.expires_at()),
            fingerprint: tls.authority().map(|authority| authority.fingerprint),
            problem: tls.problem(),
        }
    }
}

/// The rules of time zones in use: those of the hub's computer or those built into the hub, whichever are newer.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct TimeZoneRules {
    /// Version of the tz database, such as `2026f`.
    pub version: String,
    /// Where they are from.
    pub source: RulesSource,
    /// Version of the computer's, where they are known and not newer.
    pub machine_version: Option<String>,
    /// Said when they are more than a year old, with what to do; null otherwise.
    pub warning: Option<String>,
}

/// Where rules of time zones are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RulesSource {
    /// The hub's program.
    BuiltIn,
    /// The hub's computer.
    Machine,
}

impl TimeZoneRules {
    /// Those in use.
    #[must_use]
    pub(crate) fn of(rules: Rules, now: UnixMillis) -> Self {
        Self {
            warning: rules.warning(now),
            source: if rules.dir.is_some() { RulesSource::Machine } else { RulesSource::BuiltIn },
            machine_version: rules.older.map(|(version, _)| version),
            version: rules.version,
        }
    }
}

/// By which addresses others reach the hub, as `host:port`, the likeliest first. Empty where it listens on loopback only.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
pub(crate) struct Addresses {
    /// URL of its page, if it was set with `--url`.
    pub url: Option<String>,
    /// Browsers and programs.
    pub page: Vec<String>,
    /// Devices, by UDP.
    pub agents: Vec<String>,
}

/// Space that the readings use, and how long it will last.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Storage {
    /// Bytes of the database with its log.
    pub bytes: u64,
    /// Bytes of it that are in use; the rest is used next.
    pub used_bytes: u64,
    /// Maximum of `bytes` (`--max-size`); null without one.
    pub max_bytes: Option<u64>,
    /// Bytes free on the disk.
    pub disk_free_bytes: Option<u64>,
    /// How it stands.
    pub state: StorageState,
    /// When the newest reading arrived that was deleted because of `max_bytes` since the start; null if none was.
    pub recycled_to: Option<String>,
    /// When the pages of the database were last checked and found intact: at the start, and once a week.
    pub checked_at: Option<String>,
    /// Whether all of it was checked then; a part when there was not the time.
    pub checked_whole: bool,
    /// Bytes it grows by, a day, measured over the last day; null in the first hour.
    pub growth_bytes_per_day: Option<f64>,
    /// Days until `max_bytes`, or the disk, is reached at that rate; null when it does not grow.
    pub full_in_days: Option<f64>,
    /// Bytes written to the disk, a day, measured over the last day: what wears flash.
    pub written_bytes_per_day: Option<f64>,
}

/// How the storage stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StorageState {
    /// There is room.
    Ok,
    /// Four fifths of the cap are used, or the disk is nearly full.
    NearlyFull,
    /// The oldest readings give way to new ones.
    Recycling,
}

impl Storage {
    /// How it stands by the store's own figures.
    #[must_use]
    pub(crate) fn of(stats: &Stats) -> Self {
        let state = if stats.recycled_to.is_some() {
            StorageState::Recycling
        } else if stats.is_nearly_full() {
            StorageState::NearlyFull
        } else {
            StorageState::Ok
        };
        Self {
            bytes: stats.file_bytes + stats.wal_bytes,
            used_bytes: stats.used_bytes,
            max_bytes: stats.max_bytes,
            disk_free_bytes: stats.room.map(|room| room.free),
            state,
            recycled_to: stats.recycled_to.map(when::moment),
            checked_at: stats.checked.map(|checked| when::moment(checked.at)),
            checked_whole: stats.checked.is_some_and(|checked| checked.whole),
            growth_bytes_per_day: stats.growth.bytes_per_day,
            full_in_days: stats.growth.full_in_days,
            written_bytes_per_day: stats.growth.written_per_day,
        }
    }
}

/// Who may join.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Join {
    /// Outside an open window.
    pub policy: Policy,
    /// End of the open window.
    pub window_until: Option<String>,
}

/// Devices by status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct DeviceCounts {
    /// Sending.
    pub online: usize,
    /// Silent.
    pub offline: usize,
    /// Asking to be adopted.
    pub pending: usize,
    /// Refused.
    pub blocked: usize,
}

/// How devices find the hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Discovery {
    /// Whether it answers.
    pub enabled: bool,
    /// Multicast group it listens on.
    pub group: String,
    /// Search requests answered since the start.
    pub probes: u64,
}

/// Who may open a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Nobody new.
    Closed,
    /// Only with a join token.
    Token,
    /// Anybody may ask and waits for a click; join tokens work.
    Click,
    /// Anybody.
    Open,
}

impl From<JoinPolicy> for Policy {
    fn from(policy: JoinPolicy) -> Self {
        match policy {
            JoinPolicy::Closed => Self::Closed,
            JoinPolicy::Token => Self::Token,
            JoinPolicy::Click => Self::Click,
            JoinPolicy::Open => Self::Open,
        }
    }
}

impl From<Policy> for JoinPolicy {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Closed => Self::Closed,
            Policy::Token => Self::Token,
            Policy::Click => Self::Click,
            Policy::Open => Self::Open,
        }
    }
}

/// What to change about the hub.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HubPatch {
    /// Who may join.
    pub join: Option<JoinPatch>,
}

/// A policy, or a window during which anybody may join; one of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JoinPatch {
    /// Policy from here on; ends an open window.
    pub policy: Option<Policy>,
    /// Lets anybody in for this long, 1m to 15m; `0s` closes the window.
    pub open_for: Option<String>,
}

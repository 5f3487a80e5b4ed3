//! Devices and their sensors.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::http::request::text;
use crate::model::catalog::Catalog;
use crate::model::device::{self, DevicePatch as Patch, Pending, Standing};
use crate::model::{UnixMillis, when};
use crate::presence::Presence;

/// What a device is to the hub at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// Authenticated data keeps coming.
    Online,
    /// Adopted, but silent.
    Offline,
    /// Asks to be adopted.
    Pending,
    /// Refused.
    Blocked,
}

impl std::str::FromStr for Status {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "online" => Ok(Self::Online),
            "offline" => Ok(Self::Offline),
            "pending" => Ok(Self::Pending),
            "blocked" => Ok(Self::Blocked),
            _ => Err(()),
        }
    }
}

/// A device.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Device {
    /// Text of its id: the hash of its key, or of the name it is pushed by.
    pub id: String,
    /// Id of its hardware, by the hash of its key: another than its own once it was replaced; null without a key.
    pub hardware: Option<String>,
    /// Name shown to people.
    pub name: String,
    /// What it is to the hub.
    pub status: Status,
    /// Six words to compare with the ones the device shows; none of a device without a key: its readings come by HTTP, or
    /// were imported.
    pub words: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Hardware or operating system.
    pub model: Option<String>,
    /// Version of its agent.
    pub version: Option<String>,
    /// Where it was last heard.
    pub address: Option<String>,
    /// When it was adopted; for a pending one, first heard.
    pub first_seen: String,
    /// When it was last heard.
    pub last_seen: Option<String>,
    /// Expected time between readings, in milliseconds.
    pub interval_ms: Option<u32>,
    /// What its owner wrote about it; empty where that is nothing.
    pub notes: String,
    /// Its clock minus the hub's, in milliseconds: as it measured it itself, or of a device without a link by how its newest
    /// readings lie to the moment they come; null while unknown.
    pub clock_offset_ms: Option<f64>,
    /// How its link is doing; null until it is heard, and while readings of it only come by HTTP.
    pub link: Option<Link>,
    /// Its sources that give no readings, as it reports them; the others work.
    pub source_errors: Vec<SourceError>,
    /// Another machine uses its identity; null while none does.
    pub conflict: Option<Conflict>,
    /// Failing sources besides those in `source_errors`, for which its message had no room.
    pub more_source_errors: u16,
    /// A sample of what it measures, while it is pending.
    pub preview: Vec<Preview>,
    /// Number of its sensors.
    pub sensors: usize,
}

/// How a device's link is doing.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Link {
    /// Packets lost on the way in the last five minutes, in percent.
    pub loss_pct: f64,
    /// Round trip in milliseconds.
    pub rtt_ms: Option<f64>,
    /// Device clock minus hub clock, in milliseconds.
    pub clock_offset_ms: Option<f64>,
    /// How fast the device clock runs away from the hub's, in parts per million; positive: it runs fast.
    pub clock_drift_ppm: Option<f64>,
    /// Batches waiting on the device.
    pub spool_batches: u64,
    /// Readings the device had to drop since its first start.
    pub dropped_readings: u64,
    /// Age of the session in seconds.
    pub session_age_s: i64,
}

/// Two machines use one identity: a copied card, a restored snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Conflict {
    /// Their addresses: first the one the hub accepts, then the one whose readings it refuses.
    pub addresses: Vec<String>,
    /// Since when.
    pub since: String,
    /// What to do.
    pub hint: String,
}

impl From<device::Conflict> for Conflict {
    fn from(conflict: device::Conflict) -> Self {
        let device::Conflict { holder, other, since } = conflict;
        Self {
            addresses: [holder, other].map(whence).to_vec(),
            since: when::moment(since),
            hint: format!(
                "The hub continues with {}; it refuses readings of {}, which keeps them. On the copy: stop the agent, delete `identity` in its state folder, start it, and adopt it here.",
                whence(holder),
                whence(other)
            ),
        }
    }
}

/// A source of a device that gives no readings, or something to be known of one.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct SourceError {
    /// Its name on the device.
    pub source: String,
    /// What went wrong the last time.
    pub error: String,
    /// Since when, by the device's clock.
    pub since: String,
    /// How often since then; 0 where nothing fails and this is only to be known: a value left out and why, a slow file.
    pub count: u32,
}

/// One value of a pending device's sample.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Preview {
    /// Sensor.
    pub sensor: String,
    /// Unit code.
    pub unit: String,
    /// Value.
    pub value: f64,
}

fn said(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// An address for people; a port of 0 is none.
fn whence(address: SocketAddr) -> String {
    if address.port() == 0 { address.ip().to_canonical().to_string() } else { address.to_string() }
}

fn words(id: crate::model::DeviceId) -> Vec<String> {
    id.words().map(str::to_owned).to_vec()
}

/// The interval a device is expected to keep: what a person set, else its slowest sensor's.
#[must_use]
pub(crate) fn expected_interval(device: &device::Device, catalog: &Catalog) -> Option<u32> {
    let slowest = || catalog.series_of(device.no).map(|series| series.interval_ms).max().filter(|ms| *ms > 0);
    device.interval_ms.or_else(slowest)
}

/// The status of a device with a row.
#[must_use]
pub(crate) fn status(device: &device::Device, catalog: &Catalog, presence: &Presence, now: UnixMillis) -> Status {
    let interval = expected_interval(device, catalog).unwrap_or(0);
    match device.standing {
        Standing::Blocked => Status::Blocked,
        Standing::Adopted if presence.is_online(device.no, interval, now) => Status::Online,
        Standing::Adopted => Status::Offline,
    }
}

impl Device {
    /// An adopted or blocked device.
    #[must_use]
    pub(crate) fn of(device: &device::Device, catalog: &Catalog, presence: &Presence, now: UnixMillis) -> Self {
        let (link, pushed, health, conflict) = {
            let now = presence.read();
            let health = now.health.get(&device.no).cloned().unwrap_or_default();
            (
                now.links.get(&device.no).copied(),
                now.pushed.get(&device.no).copied(),
                health,
                now.conflicts.get(&device.no).copied(),
            )
        };
        let heard = link.map(|link| (link.address, link.last_seen));
        let heard = heard.or_else(|| pushed.map(|pushed| (pushed.address, pushed.last_seen)));
        let address = heard.map(|(address, _)| address).or(device.address);
        let last_seen = device.last_seen.max(heard.map(|(_, last_seen)| last_seen));
        Self {
            id: device.id.to_string(),
            hardware: device.has_key().then(|| device::id_of(&device.key).to_string()),
            name: device.name.clone(),
            status: status(device, catalog, presence, now),
            words: if device.has_key() { words(device::id_of(&device.key)) } else { Vec::new() },
            labels: device.labels.clone(),
            model: said(&device.model),
            version: said(&device.version),
            address: address.map(whence),
            first_seen: when::moment(device.first_seen),
            last_seen: last_seen.map(when::moment),
            interval_ms: expected_interval(device, catalog),
            notes: device.notes.clone(),
            clock_offset_ms: match link {
                Some(link) => link.clock_offset_ms,
                None => pushed.and_then(|pushed| pushed.clock_offset_ms()).map(|ms| ms as f64),
            },
            link: link.map(|link| Link {
                loss_pct: link.loss_pct,
                rtt_ms: link.rtt_ms,
                clock_offset_ms: link.clock_offset_ms,
                clock_drift_ppm: health.drift_ppb.map(|ppb| ppb as f64 / 1_000.0),
                spool_batches: link.spool_batches,
                dropped_readings: link.dropped_readings,
                session_age_s: now.since(link.session_since).max(0) / 1000,
            }),
            conflict: conflict.map(Conflict::from),
            source_errors: health.sources.into_iter().map(SourceError::from).collect(),
            more_source_errors: health.more,
            preview: Vec::new(),
            sensors: catalog.series_of(device.no).count(),
        }
    }
}

impl From<wire::message::SourceError> for SourceError {
    fn from(said: wire::message::SourceError) -> Self {
        Self { source: said.source, error: said.error, since: when::moment(said.since), count: said.count }
    }
}

impl From<&Pending> for Device {
    fn from(pending: &Pending) -> Self {
        let preview = |(sensor, unit, value): &(String, String, f64)| Preview {
            sensor: sensor.clone(),
            unit: unit.clone(),
            value: *value,
        };
        Self {
            id: pending.id.to_string(),
            hardware: Some(pending.id.to_string()),
            name: pending.introduction.name.clone(),
            status: Status::Pending,
            words: words(pending.id),
            labels: pending.introduction.labels.clone(),
            model: said(&pending.introduction.model),
            version: said(&pending.introduction.version),
            address: Some(pending.address.to_string()),
            first_seen: when::moment(pending.first_seen),
            last_seen: Some(when::moment(pending.last_seen)),
            interval_ms: None,
            notes: String::new(),
            clock_offset_ms: None,
            link: None,
            conflict: None,
            source_errors: Vec::new(),
            more_source_errors: 0,
            preview: pending.preview.iter().map(preview).collect(),
            sensors: pending.preview.len(),
        }
    }
}

/// What to change about a device; what is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DevicePatch {
    /// New name, unique among devices.
    name: Option<String>,
    /// All labels; they replace the present ones.
    labels: Option<BTreeMap<String, String>>,
    /// Expected time between readings in milliseconds; null goes back to what the sensors say.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    interval_ms: Option<Option<u32>>,
    /// Free text about it, of at most 2,000 characters; an empty one takes it away.
    notes: Option<String>,
}

/// Tells `null` from absent.
fn given<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<u32>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl TryFrom<DevicePatch> for Patch {
    type Error = ApiError;

    fn try_from(patch: DevicePatch) -> Result<Self, ApiError> {
        if let Some(ms) = patch.interval_ms.flatten().filter(|ms| !(100..=86_400_000).contains(ms)) {
            let detail = format!("`interval_ms` must be between 100 and 86400000 (a day), not {ms}");
            return Err(ApiError::invalid("interval_ms", detail));
        }
        Ok(Self {
            name: patch.name.map(|name| text::device_name("name", name)).transpose()?,
            labels: patch.labels.map(text::labels).transpose()?,
            interval_ms: patch.interval_ms,
            notes: patch.notes.map(text::notes).transpose()?,
        })
    }
}

/// How to adopt a device.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdoptRequest {
    /// Name to give it; what it calls itself otherwise.
    pub name: Option<String>,
    /// Labels to give it, on top of its own.
    pub labels: Option<BTreeMap<String, String>>,
}

/// Which hardware takes the place of a device's.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplaceRequest {
    /// Id of the new hardware: `hardware` of a device that waits to be adopted or that was, or `was` of a replacement. The id of
    /// a device means the hardware it has now.
    pub by: String,
}

/// A change of a device's hardware.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Swap {
    /// When.
    pub at: String,
    /// Id of the hardware that went; it is put back by replacing with it.
    pub was: String,
    /// When that was heard last.
    pub last_seen: Option<String>,
}

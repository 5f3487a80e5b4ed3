//! Where readings come from: the machine's own `/proc` and `/sys`, one kind of source a file.
//!
//! ```text
//!   Host ──▶ Trip with an Errand: list a class, describe a device, read a channel ──▶ crew::Crew ──▶ Samples
//!    ├── home       who is here, who is away    └── files   small files kept open
//!    ├── register   which name a thing has          limits  what a value can be
//!    └── origin     what stays of a thing
//! ```
//!
//! Every path hangs under a root folder, so that a test hands it a fixture tree. Each file has an [`errand::Errand`]
//! of its own, read on a thread of the crew, those that are well together with others of their device ([`tour`]): one that
//! fails, is slow or never answers costs itself, and is named in [`Host::troubles`] and [`Host::remarks`]. What each source
//! reads, names and drops: `hub/docs/sources.md`.

mod cpu;
mod disk;
mod errand;
mod files;
mod home;
mod host;
mod hwmon;
mod iio;
mod inventory;
mod limits;
mod load;
mod memory;
mod naming;
mod network;
mod open;
mod origin;
mod passing;
mod power;
mod proof;
mod register;
mod remarks;
pub mod replay;
mod samples;
mod table;
mod thermal;
mod thing;
mod tour;
mod trip;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub(crate) use files::{Content, Files, entries};
pub use host::Host;
pub use remarks::Remark;
pub use samples::{Sample, Samples};
pub use table::{Apart, Giver, Moment, SensorTable, TableFull};

/// Why a source gave nothing this time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A file could not be read.
    #[error("{}: {why}", .path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the file system said.
        why: String,
    },
    /// A file does not look as its format promises.
    #[error("{}: holds no number where one belongs", .0.display())]
    Format(PathBuf),
    /// A file that somebody waits for.
    #[error("{}: no answer", .0.display())]
    NoAnswer(PathBuf),
}

/// A kind of source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Class {
    /// `/proc/stat`: share of time spent working.
    Cpu,
    /// `/proc/meminfo`.
    Memory,
    /// `/proc/loadavg` and `/proc/uptime`.
    Load,
    /// `/proc/self/mountinfo` and `statvfs`.
    Disk,
    /// `/proc/net/dev`.
    Network,
    /// `/sys/class/hwmon`: monitoring chips.
    Hwmon,
    /// `/sys/class/thermal`: thermal zones.
    Thermal,
    /// `/sys/bus/iio`.
    Iio,
    /// `/sys/class/power_supply`.
    Power,
}

impl Class {
    /// All of them, in the order in which they are told.
    const ALL: [Self; 9] = [
        Self::Cpu,
        Self::Memory,
        Self::Load,
        Self::Disk,
        Self::Network,
        Self::Hwmon,
        Self::Thermal,
        Self::Iio,
        Self::Power,
    ];

    /// What to say in logs and in `status`.
    const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Load => "load",
            Self::Disk => "disk",
            Self::Network => "network",
            Self::Hwmon => "hwmon",
            Self::Thermal => "thermal",
            Self::Iio => "iio",
            Self::Power => "power",
        }
    }

    /// What to call a device that says no name.
    const fn unnamed(self) -> &'static str {
        match self {
            Self::Hwmon => "chip",
            Self::Thermal => "zone",
            Self::Power => "supply",
            Self::Disk => "root",
            Self::Iio | Self::Cpu | Self::Memory | Self::Load | Self::Network => "device",
        }
    }

    /// The folder in which the kernel lists its devices; for what is no list of devices that of the whole machine.
    const fn folder(self) -> &'static str {
        match self {
            Self::Hwmon => "sys/class/hwmon",
            Self::Thermal => "sys/class/thermal",
            Self::Iio => "sys/bus/iio/devices",
            Self::Power => "sys/class/power_supply",
            Self::Cpu | Self::Memory | Self::Load | Self::Disk | Self::Network => "",
        }
    }

    /// How the folders of its devices are called, before their number; supplies have names.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Hwmon => "hwmon",
            Self::Thermal => "thermal_zone",
            Self::Iio => "iio:device",
            Self::Power | Self::Cpu | Self::Memory | Self::Load | Self::Disk | Self::Network => "",
        }
    }
}

/// Longest part of a sensor name, in bytes.
const LONGEST_PART: usize = 32;

/// A part of a sensor name: lower case, without spaces and dots, which separate parts. One that is too long ends in a number
/// made of the whole. Nothing where there is nothing to make a name of.
pub(crate) fn name_part(text: &str) -> String {
    let text = text.trim().trim_matches('/');
    let cut = cut_part(text);
    if text.chars().count() <= LONGEST_PART {
        return cut;
    }
    naming::apart(&cut, text, LONGEST_PART)
}

/// The same as earlier versions made it, which cut what was too long: two may have the same.
fn cut_part(text: &str) -> String {
    let plain =
        |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | ':') { c.to_ascii_lowercase() } else { '_' };
    text.trim().trim_matches('/').chars().map(plain).take(LONGEST_PART).collect()
}

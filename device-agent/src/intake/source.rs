//! The configuration of a source, and the name by which it is known.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::measured::{Format, Naming};
use crate::sensor::Giver;

/// A 1-Wire thermometer takes most of a second to measure, and rooms change slowly.
pub(super) const ONE_WIRE_EVERY: Duration = Duration::from_secs(10);

/// Where a `listen` source listens; local in either case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A loopback address.
    Udp(std::net::SocketAddr),
    /// A datagram socket in the file system.
    Unix(PathBuf),
}

/// A source as configured.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// Thermometers on the 1-Wire bus of the machine whose `/` is here.
    OneWire(PathBuf),
    File {
        path: PathBuf,
        /// What is in it.
        format: Format,
        /// How it is called.
        naming: Naming,
        /// How often it is read.
        every: Duration,
    },
    Exec {
        command: Vec<String>,
        /// What it prints.
        format: Format,
        /// How it is called.
        naming: Naming,
        /// How often it runs.
        every: Duration,
        /// How long it may take.
        timeout: Duration,
    },
    /// Other programs.
    Listen {
        address: Address,
        /// Put before each name, with a dot.
        prefix: String,
        /// What a timestamp's unit is, in nanoseconds.
        precision: i64,
    },
}

impl Source {
    /// What to say in logs and in `status`.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::OneWire(_) => "1-wire".to_owned(),
            Self::File { naming, .. } => format!("file {}", naming.name),
            Self::Exec { naming, .. } => format!("exec {}", naming.name),
            Self::Listen { address: Address::Udp(address), .. } => format!("listen {address}"),
            Self::Listen { address: Address::Unix(path), .. } => format!("listen {}", path.display()),
        }
    }

    /// The same, with digits made of what it reads and how: whatever the order of the tables, it is the same one.
    fn key(&self) -> String {
        let reads = match self {
            Self::File { path, format, .. } => format!("{} {format:?}", path.display()),
            Self::Exec { command, format, .. } => format!("{command:?} {format:?}"),
            Self::OneWire(_) | Self::Listen { .. } => return self.label(),
        };
        format!("{} {:08x}", self.label(), crc32c::crc32c(reads.as_bytes()))
    }

    /// The name of its sensor, where it has one that is known.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::File { format: Format::Number, naming, .. } | Self::Exec { format: Format::Number, naming, .. } => {
                Some(&naming.name)
            }
            Self::OneWire(_) | Self::Listen { .. } | Self::File { .. } | Self::Exec { .. } => None,
        }
    }

    pub(super) fn interval_ms(&self) -> u32 {
        let every = match self {
            Self::OneWire(_) => ONE_WIRE_EVERY,
            Self::File { every, .. } | Self::Exec { every, .. } => *every,
            Self::Listen { .. } => Duration::ZERO,
        };
        u32::try_from(every.as_millis()).unwrap_or(u32::MAX)
    }
}

/// Sources of sensors, as the sensors' table knows them: each has a key of its own.
#[must_use]
pub fn givers(sources: &[Source]) -> Vec<Giver> {
    let labels = counted(sources.iter().map(Source::label).collect());
    let keys = counted(sources.iter().map(Source::key).collect());
    let names = sources.iter().map(|source| source.name().map(str::to_owned));
    let givers = keys.into_iter().zip(labels).zip(names);
    givers.map(|((key, label), name)| Giver { key, label, name }).collect()
}

/// Of several that are called alike all but the first are counted.
fn counted(labels: Vec<String>) -> Vec<String> {
    let counted = labels.iter().enumerate().map(|(at, label)| {
        let before = labels.iter().take(at).filter(|other| *other == label).count();
        if before == 0 { label.clone() } else { format!("{label} ({})", before + 1) }
    });
    counted.collect()
}

/// A path below the folder that stands for `/`.
#[must_use]
pub fn under(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

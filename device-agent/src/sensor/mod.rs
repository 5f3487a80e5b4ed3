//! Where readings come from: the machine's own `/proc` and `/sys`, one kind of source a file.
//!
//! A [`Source`] turns files into [`Samples`]: name, unit, kind and value. Every path hangs under a root folder, so that a
//! test hands it a fixture tree. A source that fails says so and the others go on, as do its own other sensors; so it does when
//! one of its sensors cannot be read, unless the configuration leaves that one out. A value that is not finite is left out.

mod cpu;
mod disk;
mod iio;
mod load;
mod memory;
mod network;
mod passing;
mod power;
pub mod replay;
mod table;
mod temperature;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use wire::{SensorKind, UnixMillis};

use crate::trouble::Trouble;
pub use table::{SensorTable, TableFull};

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
}

/// One measured value with the words that describe it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample<'a> {
    /// Such as `mem.used_pct`.
    pub name: &'a str,
    /// UCUM-like code.
    pub unit: &'static str,
    /// Gauge or counter.
    pub kind: SensorKind,
    /// Always finite.
    pub value: f64,
}

/// What one round of sampling gave; reused from round to round, so that a round in which all is well allocates nothing.
#[derive(Debug, Default)]
pub struct Samples {
    names: String,
    rows: Vec<(usize, &'static str, SensorKind, f64)>,
    /// Sensors that should be there and gave nothing.
    failed: Vec<(String, Error)>,
}

impl Samples {
    /// Forgets the last round.
    pub fn clear(&mut self) {
        self.names.clear();
        self.rows.clear();
        self.failed.clear();
    }

    /// Adds a level.
    pub fn gauge(&mut self, name: std::fmt::Arguments<'_>, unit: &'static str, value: f64) {
        self.add(name, unit, SensorKind::Gauge, value);
    }

    /// Adds a total that only grows.
    pub fn counter(&mut self, name: std::fmt::Arguments<'_>, unit: &'static str, value: f64) {
        self.add(name, unit, SensorKind::Counter, value);
    }

    /// Adds one of a few levels: a door, a plug.
    pub fn state(&mut self, name: std::fmt::Arguments<'_>, value: f64) {
        self.add(name, "", SensorKind::State, value);
    }

    /// Notes that a sensor cannot be read. The other ones of its source are.
    pub fn fail(&mut self, name: String, error: Error) {
        self.failed.push((name, error));
    }

    fn add(&mut self, name: std::fmt::Arguments<'_>, unit: &'static str, kind: SensorKind, value: f64) {
        if value.is_finite() {
            let _ = std::fmt::Write::write_fmt(&mut self.names, name);
            self.rows.push((self.names.len(), unit, kind, value));
        }
    }

    /// What was added since [`Samples::clear`].
    pub fn iter(&self) -> impl Iterator<Item = Sample<'_>> {
        let mut start = 0;
        self.rows.iter().map(move |&(end, unit, kind, value)| {
            let name = self.names.get(start..end).unwrap_or_default();
            start = end;
            Sample { name, unit, kind, value }
        })
    }
}

/// One kind of thing to measure.
#[derive(Debug)]
pub enum Source {
    /// `/proc/stat`: share of time spent working.
    Cpu(cpu::Cpu),
    /// `/proc/meminfo`.
    Memory,
    /// `/proc/loadavg` and `/proc/uptime`.
    Load,
    /// `/proc/self/mountinfo` and `statvfs`.
    Disk,
    /// `/proc/net/dev`.
    Network,
    /// `/sys/class/hwmon` and `/sys/class/thermal`.
    Temperature,
    /// `/sys/bus/iio`.
    Iio,
    /// `/sys/class/power_supply`.
    Power,
}

impl Source {
    /// What to say in logs and in `status`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Cpu(_) => "cpu",
            Self::Memory => "memory",
            Self::Load => "load",
            Self::Disk => "disk",
            Self::Network => "network",
            Self::Temperature => "temperature",
            Self::Iio => "iio",
            Self::Power => "power",
        }
    }

    /// Measures, adding to `samples` what its sensors gave and which of them failed.
    ///
    /// # Errors
    /// [`Error`] when the source as a whole gave nothing; what it added before stays.
    pub fn sample(&mut self, root: &Path, samples: &mut Samples) -> Result<(), Error> {
        match self {
            Self::Cpu(cpu) => cpu.sample(root, samples),
            Self::Memory => memory::sample(root, samples),
            Self::Load => load::sample(root, samples),
            Self::Disk => disk::sample(root, samples),
            Self::Network => network::sample(root, samples),
            Self::Temperature => temperature::sample(root, samples),
            Self::Iio => iio::sample(root, samples),
            Self::Power => power::sample(root, samples),
        }
    }
}

/// The machine's own sources, and what is wrong with each.
#[derive(Debug)]
pub struct Host {
    root: PathBuf,
    skip: Vec<String>,
    /// Of what is left out by itself, what is wanted all the same.
    include: Vec<String>,
    sources: Vec<(Source, Option<Trouble>)>,
}

impl Host {
    /// Every source of a Linux machine whose `/` is `root`, without the sensors named in `skip`, and without the network cards
    /// of containers.
    #[must_use]
    pub fn new(root: &Path, skip: Vec<String>) -> Self {
        let sources = [
            Source::Cpu(cpu::Cpu::default()),
            Source::Memory,
            Source::Load,
            Source::Disk,
            Source::Network,
            Source::Temperature,
            Source::Iio,
            Source::Power,
        ];
        Self {
            root: root.to_owned(),
            skip,
            include: Vec::new(),
            sources: sources.into_iter().map(|source| (source, None)).collect(),
        }
    }

    /// Of what is left out by itself, measures what is named here all the same.
    #[must_use]
    pub fn including(self, include: Vec<String>) -> Self {
        Self { include, ..self }
    }

    /// Measures everything at `now`. Calls `changed` for each source that began to fail, with its error, or ceased to.
    pub fn sample(&mut self, now: UnixMillis, samples: &mut Samples, mut changed: impl FnMut(&str, Option<&str>)) {
        samples.clear();
        for (source, trouble) in &mut self.sources {
            let whole = source.sample(&self.root, samples).err().map(|error| error.to_string());
            let skips = |name: &str| self.skip.iter().any(|pattern| crate::deadband::matches(pattern, name));
            let error = whole.or_else(|| summary(samples.failed.iter().filter(|(name, _)| !skips(name))));
            samples.failed.clear();
            if Trouble::note(trouble, source.name(), error.as_deref(), now).is_some() {
                changed(source.name(), error.as_deref());
            }
        }
    }

    /// Whether the configuration leaves this sensor out.
    #[must_use]
    pub fn skips(&self, name: &str) -> bool {
        let is_in = |list: &[String]| list.iter().any(|pattern| crate::deadband::matches(pattern, name));
        is_in(&self.skip) || (passing::is_card(name) && !is_in(&self.include))
    }

    /// The sources that failed at the last round.
    pub fn troubles(&self) -> impl Iterator<Item = &Trouble> {
        self.sources.iter().filter_map(|(_, trouble)| trouble.as_ref())
    }
}

/// The first of the sensors that failed, and how many others did.
fn summary<'a>(mut failed: impl Iterator<Item = &'a (String, Error)>) -> Option<String> {
    let (_, first) = failed.next()?;
    match failed.count() {
        0 => Some(first.to_string()),
        more => Some(format!("{first}; and {more} more")),
    }
}

/// Reads a small text file under the root.
fn read(root: &Path, path: &str) -> Result<String, Error> {
    let path = root.join(path);
    fs::read(&path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .map_err(|error| Error::Read { path, why: error.to_string() })
}

/// What a small file of a driver's holds.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Content {
    /// A finite number.
    Number(f64),
    /// The driver has nothing to say now, or never has: many files in `/sys` are there without hardware behind them.
    Nothing,
    /// There is no such file.
    NoFile,
}

/// How drivers say that there is nothing to measure: no such device, no data, asleep, ask again. Anything else that goes
/// wrong (a bus that does not answer, a cable) is an error.
const NOTHING: [Errno; 7] =
    [Errno::NODEV, Errno::NXIO, Errno::NODATA, Errno::OPNOTSUPP, Errno::INVAL, Errno::AGAIN, Errno::PERM];

/// The number in a small file.
fn number(path: &Path) -> Result<Content, Error> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Content::NoFile),
        Err(error) if Errno::from_io_error(&error).is_some_and(|error| NOTHING.contains(&error)) => {
            return Ok(Content::Nothing);
        }
        Err(error) => return Err(Error::Read { path: path.to_owned(), why: error.to_string() }),
    };
    let value = String::from_utf8_lossy(&bytes).trim().parse().ok().filter(|value: &f64| value.is_finite());
    value.map(Content::Number).ok_or_else(|| Error::Format(path.to_owned()))
}

/// Folders `<prefix>0`, `<prefix>1`, ... in the order of their numbers, so that names stay the same at each boot.
fn folders(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter_map(|entry| Some((entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?, entry.path())))
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, path)| path).collect()
}

/// A part of a sensor name: lower case, without spaces and dots, which separate parts.
pub(crate) fn name_part(text: &str) -> String {
    let part: String = text
        .trim()
        .trim_matches('/')
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == ':' { c.to_ascii_lowercase() } else { '_' })
        .take(32)
        .collect();
    if part.is_empty() { "root".to_owned() } else { part }
}

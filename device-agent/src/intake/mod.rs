//! Readings that take time or come from outside: files, commands, other programs, and the slow 1-Wire bus.
//!
//! ```text
//!   file, 1-Wire ──▶ a blocking thread ┐
//!   exec ──────────▶ a child process   ├──▶ one bounded channel ──▶ the agent's loop
//!   listen ────────▶ a local socket    ┘
//! ```
//!
//! Each source has a task of its own, so that one that hangs holds up nobody, and reports what it gave together with what
//! went wrong. When the loop is busy the channel fills, and sources wait: nothing is kept without bound.

mod content;
mod exec;
mod file;
pub mod json;
pub mod line;
mod listen;
mod lost;
mod number;
mod onewire;
mod scratchpad;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{info, warn};
use wire::{SensorKind, UnixMillis};

use crate::clock::{self, Now};
use crate::sensor::{Giver, Remark};
use crate::trouble::{Change, Trouble};
use content::Taken;
pub use lost::Lost;

/// Rounds of readings that may wait for the loop: more than it leaves waiting while it writes its spool.
const QUEUE: usize = 32;
/// Bytes taken from a file, a command's output or a datagram: more than UDP can carry, and a screen of text from each of two
/// hundred sensors. What JSON of this length becomes in memory is 4 MiB at most.
const MOST_BYTES: usize = 256 << 10;
/// How long after the last of them what was lost of a source is shown as its trouble.
const TOLD_FOR: Duration = Duration::from_secs(600);
/// Characters of a word or line that is no reading, in the message that says so.
const MOST_SHOWN: usize = 40;
/// From here on a file that gives no answer is said to hang.
const HANGS: Duration = Duration::from_secs(2);
/// From here on a file that usually takes so long is said to be slow.
const SLOW: Duration = Duration::from_millis(300);
/// A 1-Wire thermometer takes most of a second to measure, and rooms change slowly.
const ONE_WIRE_EVERY: Duration = Duration::from_secs(10);

/// One reading with the words that describe its sensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Name of the sensor.
    pub name: String,
    /// UCUM-like code.
    pub unit: String,
    /// Gauge, counter or state.
    pub kind: SensorKind,
    /// When, if the source says so; else when it arrived.
    pub at: Option<UnixMillis>,
    /// The value; not checked to be finite.
    pub value: f64,
}

/// What a source gave at once.
#[derive(Debug)]
pub struct Arrived {
    source: usize,
    /// When.
    pub at: Now,
    /// Readings.
    pub readings: Vec<Measured>,
    /// How often they come, in milliseconds; 0 if they come as they please.
    pub interval_ms: u32,
    trouble: Option<String>,
    /// What came and is no reading.
    pub lost: Lost,
    /// What is to be known of the source though it does not fail.
    remark: Option<String>,
}

/// How numbers without words are called.
#[derive(Debug, Clone, PartialEq)]
pub struct Naming {
    /// Sensor name, or the start of it where a source gives several values.
    pub name: String,
    /// UCUM-like code.
    pub unit: String,
    /// Gauge, counter or state.
    pub kind: SensorKind,
    /// Every value is multiplied with this.
    pub scale: f64,
}

/// How a text becomes numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum Format {
    /// The first word is a number, see `number`.
    Number,
    /// The number at this JSON pointer, or every number below it, named by its keys.
    Json(String),
    /// Influx line protocol.
    Influx,
}

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
    /// A file.
    File {
        /// Which.
        path: PathBuf,
        /// What is in it.
        format: Format,
        /// How it is called.
        naming: Naming,
        /// How often it is read.
        every: Duration,
    },
    /// A command.
    Exec {
        /// Program and arguments.
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
        /// Where.
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

    fn interval_ms(&self) -> u32 {
        let every = match self {
            Self::OneWire(_) => ONE_WIRE_EVERY,
            Self::File { every, .. } | Self::Exec { every, .. } => *every,
            Self::Listen { .. } => Duration::ZERO,
        };
        u32::try_from(every.as_millis()).unwrap_or(u32::MAX)
    }

    /// Measures once: what there is, and what is wrong. For sources that are asked, one at a time.
    async fn take(&self, runner: &mut exec::Runner) -> Taken {
        let taken = match self.clone() {
            Self::File { path, format, naming, .. } => {
                apart(move || {
                    let mut taken = file::read(&path)?.numbers(&format, &naming);
                    taken.trouble = taken.trouble.map(|why| format!("{}: {why}", path.display()));
                    Ok(taken)
                })
                .await
            }
            Self::Exec { command, format, naming, timeout, .. } => {
                runner.output(&command, timeout).await.map(|output| output.numbers(&format, &naming))
            }
            Self::OneWire(_) | Self::Listen { .. } => Ok(Taken::default()),
        };
        taken.unwrap_or_else(Taken::nothing)
    }
}

/// Who gives sensors, as the sensors' table knows them: each source, called unlike all others.
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

/// The tasks of all sources, and what went wrong with each.
#[derive(Debug)]
pub struct Intake {
    arrivals: mpsc::Receiver<Arrived>,
    sources: Vec<Standing>,
    _tasks: JoinSet<()>,
}

/// How a source does.
#[derive(Debug)]
struct Standing {
    key: String,
    label: String,
    trouble: Option<Trouble>,
    remark: Option<Remark>,
    lost: Lost,
    /// Until when what was lost is its trouble.
    told_until: Option<Instant>,
}

impl Intake {
    /// Starts a task for each source; must be called inside the runtime.
    #[must_use]
    pub fn start(sources: Vec<Source>) -> Self {
        let (sender, arrivals) = mpsc::channel(QUEUE);
        let standing = |Giver { key, label, .. }| Standing {
            key,
            label,
            trouble: None,
            remark: None,
            lost: Lost::default(),
            told_until: None,
        };
        let labels = givers(&sources).into_iter().map(standing).collect();
        let mut tasks = JoinSet::new();
        for (number, source) in sources.into_iter().enumerate() {
            let outlet = Outlet { source: number, interval_ms: source.interval_ms(), sender: sender.clone() };
            tasks.spawn(work(source, outlet));
        }
        Self { arrivals, sources: labels, _tasks: tasks }
    }

    /// Waits for what a source gives next; for ever if there is none. Cancel-safe.
    pub async fn next(&mut self) -> Arrived {
        match self.arrivals.recv().await {
            Some(arrived) => arrived,
            None => std::future::pending().await,
        }
    }

    /// What has arrived already.
    pub fn try_next(&mut self) -> Option<Arrived> {
        self.arrivals.try_recv().ok()
    }

    /// What the sensors' table knows the source of this by.
    #[must_use]
    pub fn key_of(&self, arrived: &Arrived) -> &str {
        self.sources.get(arrived.source).map_or("", |standing| &standing.key)
    }

    /// Remembers whether the source is well and what of it was lost, and logs when that changes.
    pub fn note(&mut self, arrived: &Arrived, now: UnixMillis) {
        let Some(standing) = self.sources.get_mut(arrived.source) else { return };
        if !arrived.lost.is_none() {
            standing.lost.add(&arrived.lost);
            standing.told_until = Some(clock::now().mono + TOLD_FOR);
        }
        let since = standing.remark.as_ref().map_or(now, |remark| remark.since);
        let remark = |text: &String| Remark { source: standing.label.clone(), text: text.clone(), since };
        standing.remark = arrived.remark.as_ref().map(remark);
        let lost = standing.told_until.map(|_| standing.lost.to_string());
        standing.say(arrived.trouble.clone().or(lost).as_deref(), now);
    }

    /// Ceases to tell of what was lost a while ago. It stays in [`Intake::lost`].
    pub fn tend(&mut self, now: Now) {
        for standing in &mut self.sources {
            if standing.told_until.is_some_and(|until| now.mono >= until) {
                standing.told_until = None;
                standing.say(None, now.unix);
            }
        }
    }

    /// Sources that fail, and why.
    pub fn troubles(&self) -> impl Iterator<Item = &Trouble> {
        self.sources.iter().filter_map(|standing| standing.trouble.as_ref())
    }

    /// What is to be known of sources that do not fail.
    pub fn remarks(&self) -> impl Iterator<Item = &Remark> {
        self.sources.iter().filter_map(|standing| standing.remark.as_ref())
    }

    /// Sources of which something was lost since the start.
    pub fn lost(&self) -> impl Iterator<Item = (&str, &Lost)> {
        let all = self.sources.iter().map(|standing| (&*standing.label, &standing.lost));
        all.filter(|(_, lost)| !lost.is_none())
    }
}

impl Standing {
    fn say(&mut self, why: Option<&str>, now: UnixMillis) {
        let Self { label, trouble, .. } = self;
        match Trouble::note(trouble, label, why, now) {
            Some(Change::Began) => warn!(source = label, "{label} fails: {}", why.unwrap_or_default()),
            Some(Change::Ended) => info!(source = label, "{label} works again"),
            None => {}
        }
    }
}

/// A task's way to the loop.
struct Outlet {
    source: usize,
    interval_ms: u32,
    sender: mpsc::Sender<Arrived>,
}

impl Outlet {
    /// `false` when nobody listens any more.
    async fn give(&self, taken: Taken) -> bool {
        let Taken { readings, trouble, lost, remark } = taken;
        let Self { source, interval_ms, .. } = *self;
        let arrived = Arrived { source, at: clock::now(), readings, interval_ms, trouble, lost, remark };
        self.sender.send(arrived).await.is_ok()
    }
}

async fn work(source: Source, outlet: Outlet) {
    let every = match &source {
        Source::Listen { address, prefix, precision } => {
            return listen::listen(address, prefix, *precision, &outlet).await;
        }
        Source::OneWire(root) => return onewire::watch(root, ONE_WIRE_EVERY, &outlet).await,
        Source::File { every, .. } | Source::Exec { every, .. } => *every,
    };
    let mut due = clock::now().mono;
    let (mut usual, mut runner) = (None, exec::Runner::default());
    loop {
        let Some(taken) = await_answer(&source, &outlet, &mut usual, &mut runner).await else { return };
        if !outlet.give(taken).await {
            return;
        }
        // Rounds that were missed, because the source was slow, are skipped.
        due = (due + every).max(clock::now().mono);
        clock::sleep_until(Some(due)).await;
    }
}

/// What a source gives this time, however long that takes; meanwhile a file that gives no answer is named. `None` when nobody
/// listens any more.
async fn await_answer(
    source: &Source,
    outlet: &Outlet,
    usual: &mut Option<Duration>,
    runner: &mut exec::Runner,
) -> Option<Taken> {
    let began = clock::now().mono;
    let mut taking = std::pin::pin!(source.take(runner));
    let mut patience = HANGS;
    let Source::File { path, every, .. } = source else { return Some(taking.await) };
    let mut taken = loop {
        match tokio::time::timeout(patience, &mut taking).await {
            Ok(taken) => break taken,
            Err(_) => {
                let why = format!("{}: no answer{}", path.display(), usually(*usual, ", usually after "));
                if !outlet.give(Taken::nothing(why)).await {
                    return None;
                }
                patience = (*every).max(HANGS);
            }
        }
    };
    let took = clock::now().mono.saturating_duration_since(began);
    *usual = Some(usual.map_or(took, |usual| (usual * 3 + took) / 4));
    taken.remark = Some(usually(*usual, "slow, usually takes ")).filter(|text| !text.is_empty());
    Some(taken)
}

/// How long something usually takes, in words, if that is long.
fn usually(usual: Option<Duration>, words: &str) -> String {
    let usual = usual.filter(|usual| *usual >= SLOW);
    usual.map_or_else(String::new, |usual| format!("{words}{:.2} s", usual.as_secs_f64()))
}

/// Runs what may block on a thread of its own.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?
}

impl Naming {
    fn measured(&self, rest: &str, value: f64) -> Measured {
        let name = match (self.name.is_empty(), rest.is_empty()) {
            (_, true) => self.name.clone(),
            (true, false) => rest.to_owned(),
            (false, false) => format!("{}.{rest}", self.name),
        };
        Measured { name, unit: self.unit.clone(), kind: self.kind, at: None, value: value * self.scale }
    }
}

/// The first characters of a text from outside, fit for one line of a log.
fn shown(text: &str, most: usize) -> String {
    text.chars().take(most).map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// A path below the folder that stands for `/`.
#[must_use]
pub fn under(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

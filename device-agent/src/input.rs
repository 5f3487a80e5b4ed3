//! What an agent measures: the machine it runs on, or a recording that is played back.

use std::path::Path;
use std::time::{Duration, Instant};

use tracing::{info, warn};
use wire::{Lane, SensorKind, SensorSpec, UnixMillis};

use crate::clock::Now;
use crate::sampler::Schedule;
use crate::sensor::{Host, Remark, Samples};
use crate::spool::LIVE_FOR;
use crate::trouble::Trouble;

/// Batches of a recording that may wait in the spool: enough to keep the connection busy, few enough to stay in memory.
const RECORDING_AHEAD: usize = 512;
/// Readings of a recording that are taken in a row, so that acknowledgements are handled in between.
const RECORDING_CHUNK: usize = 4_096;
/// How early or late a task may run whose time does not matter much.
const ABOUT: Duration = Duration::from_millis(250);

/// Where readings come from.
#[derive(Debug)]
pub enum Input {
    /// The machine's own sensors.
    Host {
        host: Box<Host>,
        schedule: Schedule,
        /// Reused from round to round.
        samples: Samples,
        /// A round has been taken.
        begun: bool,
    },
    Recording {
        /// Name of its sensor.
        sensor: String,
        /// Times and values, in the order they are sent.
        series: Vec<(UnixMillis, f64)>,
        /// How many are sent.
        position: usize,
        /// How much faster than it was recorded; as fast as the hub takes it if `None`.
        speed: Option<f64>,
        /// When playing began.
        since: Instant,
    },
}

/// What a call to [`Input::round`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It was not time.
    NotYet,
    /// Readings were taken.
    Round,
    /// The last readings were taken.
    Ended,
}

impl Input {
    /// The lane in which what comes next travels: a recording whose times are of now is as good as measured.
    #[must_use]
    pub fn lane(&self, now: UnixMillis) -> Lane {
        match self {
            Self::Host { .. } => Lane::Live,
            Self::Recording { series, position, .. } => {
                series.get(*position).map_or(Lane::Recovered, |next| lane_of(next.0, now))
            }
        }
    }

    /// Readings of a recording that were taken, of how many.
    #[must_use]
    pub fn played(&self) -> Option<(usize, usize)> {
        match self {
            Self::Host { .. } => None,
            Self::Recording { series, position, .. } => Some((*position, series.len())),
        }
    }

    /// The machine's own sensors, every so often.
    #[must_use]
    pub fn host(host: Host, schedule: Schedule) -> Self {
        Self::Host { host: Box::new(host), schedule, samples: Samples::default(), begun: false }
    }

    /// When there is something to do at `now`, while `waiting` batches wait in the spool; `None` if that has to change first.
    #[must_use]
    pub fn wake_at(&self, now: Instant, waiting: usize) -> Option<Instant> {
        match self {
            Self::Host { host, schedule, .. } => [Some(schedule.next()), host.wake_at(now)].into_iter().flatten().min(),
            Self::Recording { .. } if waiting >= RECORDING_AHEAD => None,
            Self::Recording { series, position, speed, since, .. } => {
                let (first, next) = (series.first()?, series.get(*position)?);
                since.checked_add(played(first.0, next.0, *speed))
            }
        }
    }

    /// The next round of the sensors if it is at about `at`, else `at`: work that can wait a little need not wake the machine.
    #[must_use]
    pub fn round_about(&self, at: Instant) -> Instant {
        let Self::Host { schedule, .. } = self else { return at };
        let next = schedule.next();
        if next + ABOUT >= at && next <= at + ABOUT { next } else { at }
    }

    /// Takes what is due and gives each reading to `take`.
    pub fn round(
        &mut self,
        now: Now,
        waiting: usize,
        mut take: impl FnMut(&str, &str, SensorKind, UnixMillis, f64),
    ) -> Progress {
        let lane = self.lane(now.unix);
        match self {
            Self::Host { host, schedule, samples, begun } => {
                if !measure(host, schedule, samples, begun, now) {
                    return Progress::NotYet;
                }
                for sample in samples.iter().filter(|sample| !host.skips(sample.name)) {
                    take(sample.name, sample.unit, sample.kind, sample.at, sample.value);
                }
                Progress::Round
            }
            Self::Recording { .. } if self.wake_at(now.mono, waiting).is_none_or(|at| now.mono < at) => {
                Progress::NotYet
            }
            Self::Recording { sensor, series, position, speed, since } => {
                let elapsed = now.mono.saturating_duration_since(*since);
                let first = series.first().map_or(now.unix, |first| first.0);
                for _ in 0..RECORDING_CHUNK {
                    match series.get(*position) {
                        // One lane a round: who gathers them asks before each.
                        Some((at, _)) if lane_of(*at, now.unix) != lane => break,
                        Some((at, value)) if played(first, *at, *speed) <= elapsed => {
                            take(sensor, "", SensorKind::Gauge, *at, *value);
                            *position += 1;
                        }
                        _ => break,
                    }
                }
                if *position == series.len() { Progress::Ended } else { Progress::Round }
            }
        }
    }

    /// Whether nothing more will come.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        match self {
            Self::Host { .. } => false,
            Self::Recording { series, position, .. } => *position == series.len(),
        }
    }

    /// Whether the configuration leaves this sensor out.
    #[must_use]
    pub fn skips(&self, name: &str) -> bool {
        matches!(self, Self::Host { host, .. } if host.skips(name))
    }

    /// Waits until a sensor answered. Cancel-safe.
    pub async fn news(&self) {
        match self {
            Self::Host { host, .. } => host.news().await,
            Self::Recording { .. } => std::future::pending().await,
        }
    }

    /// Remembers in the state folder which name each sensor has; `earlier` are the sensors of earlier runs.
    pub fn remember(&mut self, folder: &Path, earlier: &[SensorSpec]) {
        if let Self::Host { host, .. } = self {
            host.remember(folder, earlier);
        }
    }

    /// Sources that fail, and why.
    pub fn troubles(&self) -> impl Iterator<Item = &Trouble> {
        self.its_host().into_iter().flat_map(Host::troubles)
    }

    /// What is to be known of sources that do not fail.
    pub fn remarks(&self) -> impl Iterator<Item = &Remark> {
        self.its_host().into_iter().flat_map(Host::remarks)
    }

    fn its_host(&self) -> Option<&Host> {
        match self {
            Self::Host { host, .. } => Some(host),
            Self::Recording { .. } => None,
        }
    }
}

/// Begins a round when it is time, and takes in what came back; says whether there is something in `samples`.
fn measure(host: &mut Host, schedule: &mut Schedule, samples: &mut Samples, begun: &mut bool, now: Now) -> bool {
    let changed = |source: &str, error: Option<&str>| match error {
        Some(error) => warn!(source, "{source} fails: {error}"),
        None => info!(source, "{source} works again"),
    };
    // Waited for once, so that the first introduction has something to show.
    if !std::mem::replace(begun, true) {
        schedule.round(now.mono);
        host.look(now, samples, changed);
        return true;
    }
    if now.mono >= schedule.next() {
        schedule.round(now.mono);
        host.begin(now);
        // It is under way: who comes back says so.
        return false;
    }
    host.collect(now, changed);
    let some = host.has_some();
    if some {
        host.take(samples);
    }
    some
}

fn lane_of(at: UnixMillis, now: UnixMillis) -> Lane {
    let is_now = now.since(at).unsigned_abs() <= LIVE_FOR.as_millis() as u64;
    if is_now { Lane::Live } else { Lane::Recovered }
}

/// How long after the start a reading is due.
fn played(first: UnixMillis, at: UnixMillis, speed: Option<f64>) -> Duration {
    let Some(speed) = speed else { return Duration::ZERO };
    let recorded = Duration::from_millis(u64::try_from(at.since(first)).unwrap_or(0));
    Duration::try_from_secs_f64(recorded.as_secs_f64() / speed).unwrap_or(Duration::MAX)
}

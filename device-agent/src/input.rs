//! What an agent measures: the machine it runs on, or a recording that is played back.

use std::time::{Duration, Instant};

use tracing::{info, warn};
use wire::{Lane, SensorKind, UnixMillis};

use crate::clock::Now;
use crate::sampler::Schedule;
use crate::sensor::{Host, Samples};
use crate::trouble::Trouble;

/// Batches of a recording that may wait in the spool: enough to keep the line busy, little enough to stay in memory.
const RECORDING_AHEAD: usize = 512;
/// Readings of a recording taken at once, so that acknowledgements are heard in between.
const RECORDING_CHUNK: usize = 4_096;

/// Where readings come from.
#[derive(Debug)]
pub enum Input {
    /// The machine's own sensors.
    Host {
        /// Which.
        host: Host,
        /// When.
        schedule: Schedule,
        /// Reused from round to round.
        samples: Samples,
        /// The table of sensors is full, and the user knows.
        told_full: bool,
    },
    /// A recorded series.
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
    /// The lane its readings travel in.
    #[must_use]
    pub const fn lane(&self) -> Lane {
        match self {
            Self::Host { .. } => Lane::Live,
            Self::Recording { .. } => Lane::Recovered,
        }
    }

    /// When the next round is due, while `waiting` batches wait in the spool; `None` if that has to change first.
    #[must_use]
    pub fn wake_at(&self, waiting: usize) -> Option<Instant> {
        match self {
            Self::Host { schedule, .. } => Some(schedule.next()),
            Self::Recording { .. } if waiting >= RECORDING_AHEAD => None,
            Self::Recording { series, position, speed, since, .. } => {
                let (first, next) = (series.first()?, series.get(*position)?);
                since.checked_add(played(first.0, next.0, *speed))
            }
        }
    }

    /// Takes what is due and gives each reading to `take`, which says whether there was a number for its sensor.
    pub fn round(
        &mut self,
        now: Now,
        waiting: usize,
        mut take: impl FnMut(&str, &str, SensorKind, UnixMillis, f64) -> bool,
    ) -> Progress {
        if self.wake_at(waiting).is_none_or(|at| now.mono < at) {
            return Progress::NotYet;
        }
        match self {
            Self::Host { host, schedule, samples, told_full } => {
                schedule.round(now.mono);
                host.sample(now.unix, samples, |source, error| match error {
                    Some(error) => warn!(source, "{source} fails: {error}"),
                    None => info!(source, "{source} is well again"),
                });
                for sample in samples.iter().filter(|sample| !host.skips(sample.name)) {
                    if !take(sample.name, sample.unit, sample.kind, now.unix, sample.value) {
                        tell_full_once(told_full, sample.name);
                    }
                }
                Progress::Round
            }
            Self::Recording { sensor, series, position, speed, since } => {
                let elapsed = now.mono.saturating_duration_since(*since);
                let first = series.first().map_or(now.unix, |first| first.0);
                for _ in 0..RECORDING_CHUNK {
                    match series.get(*position) {
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

    /// Says, the first time, that there is no number left for a sensor.
    pub fn tell_full(&mut self, name: &str) {
        if let Self::Host { told_full, .. } = self {
            tell_full_once(told_full, name);
        }
    }

    /// Sources that fail, and why.
    pub fn troubles(&self) -> impl Iterator<Item = &Trouble> {
        let host = match self {
            Self::Host { host, .. } => Some(host),
            Self::Recording { .. } => None,
        };
        host.into_iter().flat_map(Host::troubles)
    }
}

fn tell_full_once(told_full: &mut bool, name: &str) {
    if !std::mem::replace(told_full, true) {
        warn!("{name} and perhaps others are left out: {}", crate::sensor::TableFull);
    }
}

/// How long after the start a reading is due.
fn played(first: UnixMillis, at: UnixMillis, speed: Option<f64>) -> Duration {
    let Some(speed) = speed else { return Duration::ZERO };
    let recorded = Duration::from_millis(u64::try_from(at.since(first)).unwrap_or(0));
    Duration::try_from_secs_f64(recorded.as_secs_f64() / speed).unwrap_or(Duration::MAX)
}

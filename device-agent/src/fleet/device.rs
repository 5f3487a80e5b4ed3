//! One simulated device: made-up values that walk in tenths, real batches, a clock that may be wrong.

use std::time::{Duration, Instant};

use wire::batch::BatchBuilder;
use wire::message::PREVIEW_LIMIT;
use wire::{BatchSeq, Epoch, KeyPair, Lane, Reading, SensorKind, SensorNo, SensorSpec, UnixMillis};

use super::Plan;
use super::past::{self, Past};
use crate::clock::Now;
use crate::feed::Feed;
use crate::random::Random;
use crate::sampler::Schedule;

/// Name, unit and home value in tenths.
const KINDS: [(&str, &str, i64); 6] = [
    ("temperature", "Cel", 215),
    ("humidity", "%", 450),
    ("pressure", "hPa", 10_130),
    ("battery", "%", 780),
    ("vibration", "mm/s", 31),
    ("current", "A", 127),
];

/// One simulated device.
pub(super) struct Device {
    pub(super) feed: Feed,
    pub(super) keys: KeyPair,
    pub(super) epoch: Epoch,
    pub(super) skew_ms: i64,
    pub(super) random: Random,
    pub(super) builder: BatchBuilder,
    pub(super) schedule: Schedule,
    /// Tenths, one a sensor.
    pub(super) values: Vec<i64>,
    /// Time of the newest reading: readings of a sensor never share a time.
    pub(super) newest: i64,
    pub(super) sensor: u16,
    /// What is still to be told of the time before the start.
    pub(super) past: Option<Past>,
    pub(super) reboot_at: Option<Instant>,
    /// A batch whose acknowledgement is awaited.
    pub(super) awaited: Option<(Epoch, BatchSeq, Instant)>,
    pub(super) scheduled: Option<Instant>,
}

impl Device {
    /// The moment by this device's clock.
    pub(super) fn time(&self, now: Now) -> Now {
        Now { unix: now.unix.plus(self.skew_ms), ..now }
    }

    /// One reading of every sensor, if the round is due.
    pub(super) fn measure_round(&mut self, now: Now, number: u16, plan: &Plan) -> u64 {
        if now.mono < self.schedule.next() {
            return 0;
        }
        self.schedule.round(now.mono);
        self.stamp(now);
        let mut taken = 0;
        for sensor in 0..self.values.len() as u16 {
            let at = UnixMillis(self.newest);
            let value = match plan.history {
                Some(_) => past::live(sensor, number, at, self.calm_value(sensor)),
                None => self.value(sensor),
            };
            let reading = Reading { sensor: SensorNo(sensor), at, value };
            taken += 1;
            if !self.builder.push(&reading) {
                self.close(Lane::Live, now.mono);
                self.builder.push(&reading);
            }
        }
        self.close(Lane::Live, now.mono);
        self.feed.report(now);
        taken
    }

    /// As much of the time before the start as may be in flight, a batch at a time.
    pub(super) fn remember(&mut self, now: Now, plan: &Plan) -> u64 {
        let Some(mut past) = self.past.take() else { return 0 };
        let mut taken = 0;
        while self.feed.uplink.is_streaming() && self.feed.spool.len() < plan.in_flight as usize && !past.is_over() {
            while let Some(at) = past.at() {
                let sensor = self.sensor;
                let value = past.value(sensor, self.calm_value(sensor));
                if !self.builder.push(&Reading { sensor: SensorNo(sensor), at, value }) {
                    break;
                }
                taken += 1;
                self.sensor = (sensor + 1) % self.values.len().max(1) as u16;
                if self.sensor == 0 {
                    past.steps();
                }
            }
            self.close(Lane::Recovered, now.mono);
        }
        self.past = Some(past).filter(|past| !past.is_over());
        taken
    }

    /// The moment of the next readings, later than all before: two of a sensor in one millisecond, as a late round and the
    /// one after it may be, would be stored as one.
    fn stamp(&mut self, now: Now) {
        self.newest = now.unix.0.max(self.newest.saturating_add(1));
    }

    /// As many batches as may be in flight.
    pub(super) fn measure_ahead(&mut self, now: Now, plan: &Plan) -> u64 {
        let mut taken = 0;
        while self.feed.uplink.is_streaming() && self.feed.spool.len() < plan.in_flight as usize {
            for _ in 0..plan.batch {
                if self.sensor == 0 {
                    self.stamp(now);
                }
                let value = self.value(self.sensor);
                let reading = Reading { sensor: SensorNo(self.sensor), at: UnixMillis(self.newest), value };
                if !self.builder.push(&reading) {
                    break;
                }
                taken += 1;
                self.sensor = (self.sensor + 1) % self.values.len().max(1) as u16;
            }
            self.close(Lane::Live, now.mono);
        }
        taken
    }

    /// The next value of a sensor: a walk in tenths that stays near where it began.
    fn value(&mut self, sensor: u16) -> f64 {
        let bits = self.random.bits();
        let Some(tenths) = self.values.get_mut(usize::from(sensor)) else { return 0.0 };
        let step = (bits % 7) as i64 - 3;
        let home = kind_of(sensor).2 - *tenths;
        *tenths += step + home.signum() * i64::from(bits >> 60 == 0);
        *tenths as f64 / 10.0
    }

    /// The next value of a device with a past: so near its home that days, and what is unusual, can be seen.
    fn calm_value(&mut self, sensor: u16) -> f64 {
        let bits = self.random.bits();
        let Some(tenths) = self.values.get_mut(usize::from(sensor)) else { return 0.0 };
        let home = kind_of(sensor).2 - *tenths;
        *tenths += (bits % 3) as i64 - 1 + home / 4;
        *tenths as f64 / 10.0
    }

    fn close(&mut self, lane: Lane, now: Instant) {
        if self.builder.is_empty() {
            return;
        }
        let readings = u16::try_from(self.builder.len()).unwrap_or(u16::MAX);
        let seq = self.feed.spool.append(self.builder.finish(), readings, self.values.len() as u16, lane, now);
        if self.awaited.is_none() {
            self.awaited = Some((self.epoch, seq, now));
        }
    }
}

/// When the next reboot is; never, at a rate of 0.
pub(super) fn next_reboot(per_second: f64, random: &mut Random, now: Instant) -> Option<Instant> {
    // Exponential: a reboot does not know of the one before.
    let wait = -(1.0 - random.unit()).ln() / per_second;
    Duration::try_from_secs_f64(wait).ok().and_then(|wait| now.checked_add(wait))
}

/// Name, unit and home value of a sensor.
pub(super) fn kind_of(sensor: u16) -> (&'static str, &'static str, i64) {
    KINDS[usize::from(sensor) % KINDS.len()]
}

/// What a device that asks to be adopted shows of itself.
pub(super) fn preview(specs: &[SensorSpec]) -> Vec<(String, String, f64)> {
    let one = |(sensor, spec): (usize, &SensorSpec)| {
        (spec.name.clone(), spec.unit.clone(), kind_of(sensor as u16).2 as f64 / 10.0)
    };
    specs.iter().enumerate().take(PREVIEW_LIMIT).map(one).collect()
}

/// The sensors of every device.
pub(super) fn specs(plan: &Plan) -> Vec<SensorSpec> {
    let interval_ms = plan.interval.map_or(0, |interval| u32::try_from(interval.as_millis()).unwrap_or(u32::MAX));
    let spec = |sensor: u16| {
        let (name, unit, _) = kind_of(sensor);
        let round = usize::from(sensor) / KINDS.len();
        let name = if round == 0 { name.to_owned() } else { format!("{name}.{}", round + 1) };
        SensorSpec { name, unit: unit.to_owned(), kind: SensorKind::Gauge, interval_ms }
    };
    (0..plan.sensors).map(spec).collect()
}

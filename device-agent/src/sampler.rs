//! Puts measured values into numbered batches.
//!
//! While the hub is connected, a batch is closed after each round, so that no reading waits for the next round. While the hub is
//! away, batches are filled to the size of a datagram: fewer and better packed ones to keep and to send later. Until the spool
//! writes to disk a batch is filled for at most [`FILL_FOR`]; after that the journal has the batch that is being filled.

use std::time::{Duration, Instant};

use wire::batch::{BatchBuilder, MAX_BODY};
use wire::{Lane, Reading};

use crate::spool::Spool;

/// How long a batch may gather readings while nothing of it is on disk.
pub const FILL_FOR: Duration = Duration::from_secs(10);

/// The batch that is being filled.
#[derive(Debug)]
pub struct Gather {
    builder: BatchBuilder,
    lane: Lane,
    /// One past the highest sensor in the batch.
    sensors: u16,
    since: Option<Instant>,
}

impl Gather {
    /// Gathers batches for a lane.
    #[must_use]
    pub fn new(lane: Lane) -> Self {
        Self { builder: BatchBuilder::new(MAX_BODY), lane, sensors: 0, since: None }
    }

    /// Changes the lane, and closes the batch of the lane before.
    pub fn set_lane(&mut self, lane: Lane, spool: &mut Spool, now: Instant) {
        if lane != self.lane {
            self.close(spool, now);
            self.lane = lane;
        }
    }

    /// Adds a reading; a full batch goes to the spool first. Nothing below zero (`-0`, of a battery at rest or a scale of -1) is
    /// nothing.
    pub fn push(&mut self, reading: &Reading, spool: &mut Spool, now: Instant) {
        let reading = Reading { value: reading.value + 0.0, ..*reading };
        if !self.builder.push(&reading) {
            self.close(spool, now);
            // An empty batch has room for any reading.
            self.builder.push(&reading);
        }
        self.since.get_or_insert(now);
        self.sensors = self.sensors.max(reading.sensor.0.saturating_add(1));
    }

    /// Closes the batch if its time has come: at once while readings flow.
    pub fn round_ends(&mut self, flowing: bool, spool: &mut Spool, now: Instant) {
        let waited = self.since.is_some_and(|since| now.saturating_duration_since(since) >= FILL_FOR);
        if flowing || (waited && !spool.is_spilling()) {
            self.close(spool, now);
        }
    }

    /// Keeps a copy of the batch in the spool's journal, as far as the spool wants one.
    ///
    /// # Errors
    /// The disk refused.
    pub fn journal(&self, spool: &mut Spool) -> std::io::Result<()> {
        if self.is_empty() || !spool.is_spilling() {
            return Ok(());
        }
        let readings = u16::try_from(self.builder.len()).unwrap_or(u16::MAX);
        spool.journal(&self.builder.clone().finish(), readings, self.sensors)
    }

    /// Hands the batch to the spool, if there is anything in it.
    pub fn close(&mut self, spool: &mut Spool, now: Instant) {
        if !self.builder.is_empty() {
            let readings = u16::try_from(self.builder.len()).unwrap_or(u16::MAX);
            // Its age counts from its first reading: for going to disk, and for being live.
            let since = self.since.unwrap_or(now);
            spool.append(self.builder.finish(), readings, self.sensors, self.lane, since);
        }
        (self.sensors, self.since) = (0, None);
    }

    /// Readings in the batch that is being filled.
    #[must_use]
    pub fn len(&self) -> usize {
        self.builder.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.builder.is_empty()
    }
}

/// When to sample: every interval, in step with the clock's whole intervals; rounds that were missed are skipped.
#[derive(Debug)]
pub struct Schedule {
    interval: Duration,
    next: Instant,
}

impl Schedule {
    /// The first round is now.
    #[must_use]
    pub const fn new(interval: Duration, now: Instant) -> Self {
        Self { interval, next: now }
    }

    /// When the next round is.
    #[must_use]
    pub const fn next(&self) -> Instant {
        self.next
    }

    /// A round takes place now. Returns how many were missed before it.
    pub fn round(&mut self, now: Instant) -> u32 {
        let mut missed = 0;
        self.next += self.interval;
        if self.next <= now {
            let late = now.duration_since(self.next).as_nanos() / self.interval.as_nanos().max(1) + 1;
            missed = u32::try_from(late).unwrap_or(u32::MAX);
            self.next += self.interval.saturating_mul(missed);
        }
        missed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::Limits;
    use wire::{Epoch, SensorNo, UnixMillis};

    #[test]
    fn missed_rounds_are_skipped_not_made_up_for() {
        let t0 = crate::clock::now().mono;
        let mut schedule = Schedule::new(Duration::from_secs(1), t0);
        assert_eq!(schedule.round(t0), 0);
        assert_eq!(schedule.next(), t0 + Duration::from_secs(1));
        assert_eq!(schedule.round(t0 + Duration::from_millis(4500)), 3);
        assert_eq!(schedule.next(), t0 + Duration::from_secs(5));
    }

    #[test]
    fn a_batch_closes_with_the_round_while_readings_flow_and_fills_while_they_do_not() {
        let t0 = crate::clock::now().mono;
        let mut spool = Spool::in_memory(Epoch(1), Limits::default(), t0);
        let mut gather = Gather::new(Lane::Live);
        let one = Reading { sensor: SensorNo(3), at: UnixMillis(1), value: 0.5 };
        gather.push(&one, &mut spool, t0);
        gather.round_ends(true, &mut spool, t0);
        assert_eq!(spool.len(), 1);
        for second in 0..10 {
            gather.push(&one, &mut spool, t0 + Duration::from_secs(second));
            gather.round_ends(false, &mut spool, t0 + Duration::from_secs(second));
        }
        assert_eq!((spool.len(), gather.len()), (1, 10));
        gather.round_ends(false, &mut spool, t0 + FILL_FOR);
        assert_eq!((spool.len(), gather.is_empty()), (2, true));
        assert_eq!(spool.take_live(t0).map(|batch| batch.sensors), Some(4));
    }

    #[test]
    fn nothing_below_zero_is_nothing() {
        let t0 = crate::clock::now().mono;
        let mut spool = Spool::in_memory(Epoch(1), Limits::default(), t0);
        let mut gather = Gather::new(Lane::Live);
        for value in [-0.0, -0.5] {
            gather.push(&Reading { sensor: SensorNo(3), at: UnixMillis(1), value }, &mut spool, t0);
        }
        gather.close(&mut spool, t0);
        let mut rows = wire::batch::Rows::default();
        wire::batch::decode(&spool.take_live(t0).unwrap().body, &mut rows).unwrap();
        assert_eq!(rows.value, [0.0, -0.5]);
        assert!(rows.value[0].is_sign_positive());
    }
}

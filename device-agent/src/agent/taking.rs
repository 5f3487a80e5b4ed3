//! The way of a reading into the spool: it is sampled or arrives from a source with its own pace, gets a sensor number,
//! passes its deadband, and is stamped with a correct time.

use tracing::{error, info, warn};
use wire::{BatchSeq, Reading, SensorKind, SensorNo, UnixMillis};

use super::Agent;
use super::moments::{Held, Holding, Moments};
use crate::clock::{self, Now};
use crate::deadband::{self, Deadband};
use crate::feed::Feed;
use crate::input::{Input, Progress};
use crate::intake::Arrived;
use crate::sampler::Gather;
use crate::sensor::{Apart, Moment, Remark, SensorTable};
use crate::timeline::Repair;

/// Source name of sensors that no configured source gives: the machine itself.
const MACHINE: &str = "";

impl Agent {
    /// Notices when the clock is set, and moves what was taken before it was.
    pub(super) fn keep_time(&mut self, now: Now) {
        // A recording brings its times along.
        if matches!(self.input, Input::Recording { .. }) {
            return;
        }
        let steps = self.timeline.steps();
        let repair = self.timeline.look(now, clock::suspended_ms(), self.feed.uplink.clock_offset_ms());
        if self.timeline.steps() != steps {
            self.feed.uplink.forget_clock_offset(now);
            self.moments.forget();
        }
        if let Some(repair) = repair {
            self.gather.close(&mut self.feed.spool, now.mono);
            self.repair(repair, self.feed.spool.next_number());
        }
        if self.timeline.steps() != steps {
            self.mark_step(now);
        }
        self.feed.spool.hold_back(!self.timeline.is_sure());
    }

    /// A step leaves its mark among the readings: a chart shows where the clock was set, and an alert can watch for it.
    fn mark_step(&mut self, now: Now) {
        let value = seconds(self.timeline.last_step());
        let at = self.timeline.stamp(now);
        let Self { feed, gather, table, deadband, settings, taken, told_apart, .. } = self;
        let mut intake = Taking { table, deadband, gather, feed, taken, told_apart, skip: &settings.skip, now };
        intake.take("clock.step", ("s", SensorKind::Gauge, 0), at, value);
        self.tell_sensors(now);
    }

    fn repair(&mut self, repair: Repair, until: BatchSeq) {
        let moves = match repair {
            Repair::Move(ms) => {
                info!(ms, "the clock was wrong at the start: readings since then are moved by {} s", seconds(ms));
                let from = self.clock_from;
                if !self.timeline.is_unknown() {
                    self.clock_from = until;
                }
                vec![(from, until, ms)]
            }
            Repair::Step(ms) => {
                warn!(ms, "the clock was set by {} s", seconds(ms));
                self.stretches.stepped(self.clock_from, until, ms);
                self.clock_from = until;
                return;
            }
            Repair::Judge(ahead) => self.stretches.judged(ahead),
        };
        for (from, until, ms) in moves {
            if matches!(repair, Repair::Judge(_)) {
                info!(ms, "the clock is right now: earlier readings are moved by {} s", seconds(ms));
            }
            if let Err(error) = self.feed.spool.moved(from, until, ms) {
                error!("cannot save that the clock was wrong: {error}");
            }
        }
    }

    pub(super) fn sample(&mut self, now: Now) {
        // Everything that waits goes by monotonic time; only readings say what time it is.
        let now = Now { unix: self.timeline.stamp(now), ..now };
        let Self { input, feed, gather, table, deadband, settings, taken, told_apart, .. } = self;
        let interval_ms = u32::try_from(settings.interval.as_millis()).unwrap_or(u32::MAX);
        // From the start, so that the first introduction has one.
        let wants_preview = !feed.uplink.is_streaming();
        gather.set_lane(input.lane(now.unix), &mut feed.spool, now.mono);
        let mut preview = Vec::new();
        let mut intake = Taking { table, deadband, gather, feed, taken, told_apart, skip: &settings.skip, now };
        let waiting = intake.feed.spool.waiting();
        let progress = input.round(now, waiting, |name: &str, unit: &str, kind: SensorKind, at, value| {
            if wants_preview && preview.len() < wire::message::PREVIEW_LIMIT {
                preview.push((name.to_owned(), unit.to_owned(), value + 0.0));
            }
            intake.take(name, (unit, kind, interval_ms), at, value)
        });
        match progress {
            Progress::NotYet => return,
            Progress::Round => gather.round_ends(feed.uplink.is_streaming(), &mut feed.spool, now.mono),
            Progress::Ended => gather.close(&mut feed.spool, now.mono),
        }
        if wants_preview {
            feed.uplink.set_preview(preview);
        }
        self.tell_sensors(now);
    }

    /// Takes in what sources of their own pace gave.
    pub(super) fn take_arrived(&mut self, first: Arrived) {
        let now = clock::now();
        // What is taken in behind a step of the clock is no part of what is moved by it.
        self.keep_time(now);
        let now = Now { unix: self.timeline.stamp(now), ..now };
        let correction = self.timeline.correction();
        let (mut held, mut replaced) = (Held::default(), 0);
        let mut next = Some(first);
        while let Some(mut arrived) = next {
            let Self { input, feed, gather, table, deadband, settings, taken, told_apart, moments, .. } = self;
            let mut intake = Taking { table, deadband, gather, feed, taken, told_apart, skip: &settings.skip, now };
            let by = self.intake.key_of(&arrived);
            let mut round = Round { held: &mut held, moments, replaced: &mut replaced };
            for reading in &arrived.readings {
                if !reading.value.is_finite() || input.skips(&reading.name) {
                    continue;
                }
                let words = (&*reading.unit, reading.kind, arrived.interval_ms);
                let Some(sensor) = intake.admit((&reading.name, by), words, reading.value) else { continue };
                // Another program of this machine has its time from the same clock.
                match reading.at.map(|at| at.plus(correction)) {
                    Some(at) => {
                        let reading = Reading { sensor, at, value: reading.value };
                        arrived.lost.replaced += u64::from(round.own(&mut intake, reading));
                    }
                    None if round.place(
                        &mut intake,
                        sensor,
                        self.timeline.stamp_of(arrived.at.mono),
                        reading.value,
                    ) => {}
                    None => {
                        arrived.lost.crowded += 1;
                        continue;
                    }
                }
                intake.told(sensor, reading.value);
            }
            self.intake.note(&arrived, now.unix);
            next = self.intake.try_next();
        }
        let Self { feed, gather, table, deadband, settings, taken, told_apart, .. } = self;
        let mut intake = Taking { table, deadband, gather, feed, taken, told_apart, skip: &settings.skip, now };
        held.all().for_each(|reading| intake.push(&reading));
        self.overwritten.add(replaced, (self.epoch, self.feed.spool.next_number()));
        self.gather.round_ends(self.feed.uplink.is_streaming(), &mut self.feed.spool, now.mono);
        self.tell_sensors(now);
    }
}

/// As a line of the log says it.
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// The times of what is taken in at once.
struct Round<'a> {
    held: &'a mut Held,
    moments: &'a mut Moments,
    /// Of those that are in the spool.
    replaced: &'a mut u64,
}

impl Round<'_> {
    /// Takes a reading that brought its time along; says whether it takes the place of another.
    fn own(&mut self, intake: &mut Taking<'_>, reading: Reading) -> bool {
        let replaces = self.moments.own(reading.sensor, reading.at);
        match self.held.hold(reading) {
            Holding::Replaced => true,
            Holding::Next(before) => {
                if let Some(before) = before {
                    intake.push(&before);
                }
                // The other one is in the spool, or on its way.
                *self.replaced += u64::from(replaces);
                replaces
            }
        }
    }

    /// Takes a reading without a time of its own; says whether there was room for it.
    fn place(&mut self, intake: &mut Taking<'_>, sensor: SensorNo, arrived: UnixMillis, value: f64) -> bool {
        let Some(at) = self.moments.place(sensor, arrived) else { return false };
        if let Some(before) = self.held.take(sensor) {
            intake.push(&before);
        }
        intake.push(&Reading { sensor, at, value });
        true
    }
}

/// What a reading passes on its way to the spool.
struct Taking<'a> {
    table: &'a mut SensorTable,
    deadband: &'a mut Deadband,
    gather: &'a mut Gather,
    feed: &'a mut Feed,
    taken: &'a mut u64,
    told_apart: &'a mut Vec<Remark>,
    skip: &'a [String],
    now: Now,
}

impl Taking<'_> {
    /// Takes a reading of the machine's own. Leaves out one whose sensor has no number: the table remembers that it was asked
    /// for one.
    fn take(&mut self, name: &str, words: (&str, SensorKind, u32), at: UnixMillis, value: f64) {
        if let Some(sensor) = self.admit((name, MACHINE), words, value) {
            self.push(&Reading { sensor, at, value });
            self.told(sensor, value);
        }
    }

    /// The number of the sensor that source `by` calls so, if it has one and its deadband lets the value pass.
    fn admit(
        &mut self,
        (name, by): (&str, &str),
        (unit, kind, interval_ms): (&str, SensorKind, u32),
        value: f64,
    ) -> Option<SensorNo> {
        let spool = &self.feed.spool;
        let moment = Moment { now: self.now.mono, batch: (spool.epoch(), spool.next_number()) };
        let apart = self.table.told_apart(name, by);
        let called = apart.as_ref().map_or(name, |apart| &apart.name);
        if let Some(apart) = &apart {
            if self.skip.iter().any(|pattern| deadband::matches(pattern, called)) {
                return None;
            }
            remark(self.told_apart, apart, name, self.now.unix);
        }
        let (name, whose) = (called, (called, by));
        let number = match self.deadband.rule(name) {
            Some(rule) => {
                let (unit, kind) = (rule.unit.as_deref().unwrap_or(unit), rule.kind.unwrap_or(kind));
                self.table.number(whose, unit, kind, rule.expect_every(interval_ms), moment)
            }
            None => self.table.number(whose, unit, kind, interval_ms, moment),
        };
        let sensor = number.ok()?;
        self.deadband.admits(name, sensor, value, self.now.mono).then_some(sensor)
    }

    /// What is not told, for want of room, keeps no later one back.
    fn told(&mut self, sensor: SensorNo, value: f64) {
        self.deadband.told(sensor, value, self.now.mono);
    }

    fn push(&mut self, reading: &Reading) {
        self.gather.push(reading, &mut self.feed.spool, self.now.mono);
        *self.taken += 1;
    }
}

/// Says once why a sensor is not called as its source calls it.
fn remark(told: &mut Vec<Remark>, Apart { name, by, owner }: &Apart, called: &str, now: UnixMillis) {
    if told.len() >= usize::from(SensorNo::LIMIT) || told.iter().any(|remark| remark.source == *name) {
        return;
    }
    let owner = owner.as_deref().unwrap_or("another source");
    let text = format!("{by} calls it {called}, but {owner} has a sensor of that name");
    warn!("{name}: {text}");
    told.push(Remark { source: name.clone(), text, since: now });
}

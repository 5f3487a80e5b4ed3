//! The machine that this agent runs on: when each thing on it is read, and what came back. Which of them are in trouble is
//! for [`judgement`] to say.
//!
//! A round hands every errand that has returned from the last round to the crew, alone or on a tour. Quick errands return within
//! milliseconds and make up the round; slow ones deliver later; one that hangs is not asked a second time, and one that was not
//! asked because so many hang is not reported as giving no answer. Every [`LOOK_EVERY`] the machine is searched for new things.

mod judgement;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use tracing::warn;
use wire::{SensorSpec, UnixMillis};

use super::errand::Brought;
use super::inventory::Inventory;
use super::register::Register;
use super::remarks::Remark;
use super::thing::HANGS;
use super::tour::{Job, Stop, Stops};
use super::trip::Trip;
use super::{Class, Samples};
use crate::clock::{self, Now};
use crate::crew::{Crew, Done, Limits, PATIENCE, Pace};
use crate::trouble::{Named, Trouble};

/// How often the machine is searched for devices that came or went.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long a round waits for errands that are usually quick.
const ROUND: Duration = Duration::from_millis(250);
/// Slow errands that wait for a thread; a pipe need not.
const MOST_WAITING: usize = 16;
/// What hangs at the same time: the drives of a large server, or three files of each of twenty chips. Those that answer have
/// sixteen threads more to lose, then each class one; 97 and the classes in all, of which one works as long as all is well. One that hangs
/// takes a few kilobytes.
const LIMITS: Limits =
    Limits { slow: 16, place: 3, untried: 64, hung: 80, kinds: Class::ALL.len(), patience: PATIENCE, abreast: 1 };

/// The machine's own sources, and what is wrong with each.
#[derive(Debug)]
pub struct Host {
    crew: Crew<Job>,
    inventory: Inventory,
    looked_at: Option<Instant>,
    /// When the round under way began.
    round: Option<Now>,
    /// What was sent off in it, is not slow, and is not back.
    awaited: usize,
    samples: Samples,
    back: Vec<Done<Job>>,
    troubles: BTreeMap<Class, Option<Trouble>>,
    named: BTreeMap<Class, Named>,
    remarks: Vec<Remark>,
}

impl Host {
    /// Every source of a Linux machine whose `/` is `root`, without the sensors named in `skip`, and without the network cards
    /// of containers.
    #[must_use]
    pub fn new(root: &Path, skip: Vec<String>) -> Self {
        Self {
            crew: Crew::new(LIMITS),
            inventory: Inventory::new(root, skip),
            looked_at: None,
            round: None,
            awaited: 0,
            samples: Samples::default(),
            back: Vec::new(),
            troubles: Class::ALL.iter().map(|class| (*class, None)).collect(),
            named: BTreeMap::new(),
            remarks: Vec::new(),
        }
    }

    /// Measures the sensors named here although they are left out by default.
    #[must_use]
    pub fn including(mut self, include: Vec<String>) -> Self {
        self.inventory.include = include;
        self
    }

    /// Remembers in the state folder which name each thing has; `earlier` are the sensors of earlier runs.
    pub fn remember(&mut self, folder: &Path, earlier: &[SensorSpec]) {
        self.inventory.earlier = earlier.iter().map(|spec| spec.name.clone()).collect();
        match Register::open(folder) {
            Ok(register) => self.inventory.register = register,
            Err(error) => warn!("cannot read which sensor had which name: {error}"),
        }
    }

    /// Begins a round: everything that is here is read. What is still away is not asked a second time.
    pub fn begin(&mut self, now: Now) {
        // One that is not over goes on with it: else short rounds would never end while something hangs.
        if self.round.is_none() {
            (self.round, self.awaited) = (Some(now), 0);
        }
        self.inventory.round_begins();
        let looks = self.looked_at.is_none_or(|at| now.mono.saturating_duration_since(at) >= LOOK_EVERY);
        let Self { inventory: Inventory { home, .. }, crew, awaited, .. } = self;
        if looks {
            self.looked_at = Some(now.mono);
            home.refresh();
        }
        let leaving = home.leave(looks, now.mono);
        send(crew, leaving, awaited);
    }

    /// Takes in what came back. Calls `changed` for each source that fails with something new, with that, or ceased to.
    pub fn collect(&mut self, now: Now, mut changed: impl FnMut(&str, Option<&str>)) {
        // Most of what wakes the agent is no business of the sensors.
        if !self.is_at_work() {
            return;
        }
        self.crew.tend(now.mono);
        let mut back = std::mem::take(&mut self.back);
        self.crew.take(&mut back);
        for done in back.drain(..) {
            self.take_back(done, now);
        }
        self.back = back;
        for number in self.inventory.home.late_tours(now.mono) {
            self.end_tour(number, now);
        }
        let fresh = self.inventory.name_devices(now.mono);
        self.lend(&fresh, now.mono);
        let is_back = self.awaited == 0 && !self.crew.is_busy(now.mono);
        let over = |began: Now| is_back || now.mono.saturating_duration_since(began.mono) >= ROUND;
        let ends = self.round.is_some_and(over);
        // Within a round an answer may still come.
        if self.round.is_some() && !ends {
            return;
        }
        let overdue = self.overdue(now.mono);
        if ends {
            self.round = None;
            self.remark(now, &overdue);
        }
        self.judge(now, ends, &overdue, &mut changed);
    }

    /// Whether there is something to take: a round that is whole, or what came after its round.
    #[must_use]
    pub fn has_some(&self) -> bool {
        self.round.is_none() && !self.samples.is_empty()
    }

    /// What was measured since it was taken last.
    pub fn take(&mut self, into: &mut Samples) {
        into.clear();
        std::mem::swap(&mut self.samples, into);
    }

    /// Measures once, waiting until everything that is quick is there: for those who have nothing else to do meanwhile.
    pub fn look(&mut self, now: Now, samples: &mut Samples, mut changed: impl FnMut(&str, Option<&str>)) {
        self.looked_at = None;
        self.begin(now);
        let began = clock::mono();
        while self.round.is_some() {
            self.crew.wait(clock::mono() + PATIENCE);
            let passed = clock::mono().saturating_duration_since(began);
            self.collect(now.plus(passed), &mut changed);
        }
        self.take(samples);
    }

    /// Measures once, waiting until everything has answered or is known to hang: for those who look for what is wrong.
    pub fn look_to_the_end(&mut self, now: Now, samples: &mut Samples) {
        let began = clock::mono();
        self.look(now, samples, |_, _| {});
        let mut late = Samples::default();
        loop {
            let passed = clock::mono().saturating_duration_since(began);
            if !self.inventory.home.any_away() || passed >= HANGS + ROUND {
                return;
            }
            self.crew.wait(clock::mono() + PATIENCE);
            self.collect(now.plus(passed), |_, _| {});
            self.take(&mut late);
            samples.append(&late, now.unix);
        }
    }

    /// Waits until something came back. Cancel-safe.
    pub async fn news(&self) {
        self.crew.news().await;
    }

    /// When [`Host::collect`] is to be called although nothing came back.
    #[must_use]
    pub fn wake_at(&self, now: Instant) -> Option<Instant> {
        if !self.is_at_work() {
            return None;
        }
        if self.round.is_some() || self.crew.is_busy(now) {
            return Some(now + PATIENCE);
        }
        let hangs = self.crew.away().into_iter().filter_map(|away| Some(away.given? + HANGS)).filter(|at| *at > now);
        // One file keeps the others of its tour waiting no longer than that, also behind the end of the round.
        hangs.chain(self.inventory.home.late_at().map(|at| at.max(now))).min()
    }

    /// Whether the configuration leaves this sensor out.
    #[must_use]
    pub fn skips(&self, name: &str) -> bool {
        self.inventory.skips(name)
    }

    /// The sources that fail.
    pub fn troubles(&self) -> impl Iterator<Item = &Trouble> {
        self.troubles.values().filter_map(Option::as_ref)
    }

    /// What is to be known of sources that do not fail.
    pub fn remarks(&self) -> impl Iterator<Item = &Remark> {
        self.remarks.iter()
    }

    fn lend(&mut self, numbers: &[u32], now: Instant) {
        if numbers.is_empty() {
            return;
        }
        let Self { inventory: Inventory { home, .. }, crew, awaited, .. } = self;
        let leaving = numbers.iter().filter_map(|number| home.leave_one(*number, now));
        send(crew, leaving, awaited);
    }

    fn take_back(&mut self, done: Done<Job>, now: Now) {
        let is_of_round = self.round.is_some_and(|began| done.work.lent() >= Some(began.mono));
        self.awaited = self.awaited.saturating_sub(usize::from(is_of_round && done.pace != Pace::Slow));
        self.inventory.home.is_back();
        match done.work {
            Job::Trip(trip) => self.take_trip(trip, (done.output, done.pace), done.took, now),
            Job::Tour(number, _, lent, stops) => self.take_tour(number, (lent, &stops), done.took, now),
        }
    }

    fn take_trip(&mut self, mut trip: Trip, (brought, pace): (Brought, Pace), took: Duration, now: Now) {
        let number = trip.number;
        // A device that is gone has nobody who waits for it.
        if !self.inventory.home.wants(number) {
            return;
        }
        if brought == Brought::Told && pace != Pace::Slow && trip.errand.wants_time() {
            if self.crew.slow(now.mono) < MOST_WAITING {
                self.inventory.home.leaves();
                // One value of a battery that hangs must not delay its other values.
                let before = std::mem::take(&mut trip.errand.samples);
                self.samples.append(&before, answered(trip.lent, now));
                trip.errand.before = before;
                return self.crew.give([(Pace::Slow, Job::Trip(trip))]);
            }
            trip.errand.give_up();
        }
        let Some(thing) = self.inventory.things.get_mut(&number) else { return };
        let at = answered(trip.lent, now);
        if let Brought::Value(quantity, value) = brought {
            self.samples.add_at(at, &trip.name, quantity.unit, quantity.kind, value);
            thing.measured(took, now.mono);
        } else {
            let before = std::mem::take(&mut trip.errand.before);
            self.samples.append_but(&before, &trip.errand.samples, at);
            thing.note(&mut trip.errand, took, now.mono);
        }
        (trip.pace, trip.is_well) = (thing.pace(), thing.is_well());
        let (class, found) = (trip.errand.class, trip.errand.found.take());
        self.inventory.noted(number);
        self.inventory.home.come(trip);
        if let Some(found) = found {
            let next = self.inventory.found(number, class, found);
            self.lend(&next, now.mono);
        }
    }

    /// Takes in a tour. As long as all its sensors are well, nothing but their values is looked at.
    fn take_tour(&mut self, number: u32, (lent, stops): (Instant, &Stops), took: Duration, now: Now) {
        let Self { inventory: Inventory { home, .. }, samples, .. } = self;
        let at = answered(Some(lent), now);
        let is_whole = !home.any_gone(number);
        if let Some(said) = home.tour_mut(number).filter(|_| is_whole).and_then(|tour| tour.come(at)) {
            return samples.append(said, at);
        }
        if let Some((mut trip, (file, value))) = home.hung(number).zip(stops.late()) {
            let brought = value.map(|value| Brought::Value(file.quantity, value));
            trip.direct = Some(file);
            return match brought {
                Some(brought) => self.take_trip(trip, (brought, Pace::Quick), took, now),
                None => self.ask_alone(trip, now.mono),
            };
        }
        self.end_tour(number, now);
    }

    /// Takes a tour apart that did not go as it should.
    fn end_tour(&mut self, number: u32, now: Now) {
        for stop in self.inventory.home.end_tour(number) {
            match stop {
                Stop::Hangs(trip) => self.inventory.home.hangs(number, trip),
                Stop::Alone(trip) => self.ask_alone(trip, now.mono),
                Stop::Value(mut trip, value) => {
                    let Some(quantity) = trip.direct.as_ref().map(|file| file.quantity) else { continue };
                    if self.inventory.home.wants(trip.number) {
                        let at = answered(trip.lent, now);
                        self.samples.add_at(at, &trip.name, quantity.unit, quantity.kind, value);
                        // How long each takes has to be seen again.
                        trip.is_well = false;
                        self.inventory.home.come(trip);
                    }
                }
            }
        }
    }

    fn ask_alone(&mut self, mut trip: Trip, now: Instant) {
        let number = trip.number;
        if self.inventory.home.wants(number) {
            trip.is_well = false;
            self.inventory.home.come(trip);
            self.lend(&[number], now);
        }
    }

    /// Whether a round is under way, or something is away.
    fn is_at_work(&self) -> bool {
        self.round.is_some() || self.inventory.home.any_away()
    }
}

/// Gives work to the crew; the round waits for what is not slow.
fn send(crew: &Crew<Job>, leaving: impl Iterator<Item = (Pace, Job)>, awaited: &mut usize) {
    crew.give(leaving.inspect(|(pace, _)| *awaited += usize::from(*pace != Pace::Slow)));
}

/// The time of an answer that came `now`: that of its question, unless the answer was long in coming.
fn answered(lent: Option<Instant>, now: Now) -> UnixMillis {
    let away = lent.map_or(Duration::ZERO, |lent| now.mono.saturating_duration_since(lent));
    if away < HANGS / 2 { now.unix.plus(-i64::try_from(away.as_millis()).unwrap_or(0)) } else { now.unix }
}

//! The machine this agent runs on: when each thing on it is read, and what is wrong with which.
//!
//! A round gives every errand that is back from the last one to the crew. What is quick comes back within milliseconds and
//! makes up the round; what is slow comes when it comes; what hangs is not asked a second time, and what was not asked because
//! so much hangs is not said to give no answer. What there is is looked for anew every [`LOOK_EVERY`].

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use tracing::warn;
use wire::SensorSpec;

use super::errand::{Outcome, Trip};
use super::inventory::Inventory;
use super::register::Register;
use super::remarks::{self, Remark};
use super::thing::{HANGS, Purpose, Thing};
use super::{Class, Error, Samples};
use crate::clock::{self, Now};
use crate::crew::{Crew, Done, Limits, PATIENCE, Pace};
use crate::trouble::Trouble;

/// How often devices that came and went are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// A round waits so long for what is usually quick.
const ROUND: Duration = Duration::from_millis(250);
/// Slow errands that wait for a thread; a pipe need not.
const MOST_WAITING: usize = 16;
/// What hangs at the same time: the drives of a large server, or three files of each of twenty chips. Those that answer have
/// sixteen threads more to lose, then each class one; 106 in all, of which one works as long as all is well. One that hangs
/// takes a few kilobytes.
const LIMITS: Limits =
    Limits { slow: 16, place: 3, untried: 64, hung: 80, kinds: Class::ALL.len(), patience: PATIENCE, abreast: 1 };

/// The machine's own sources, and what is wrong with each.
#[derive(Debug)]
pub struct Host {
    crew: Crew<Box<Trip>>,
    inventory: Inventory,
    looked_at: Option<Instant>,
    /// When the round under way began.
    round: Option<Now>,
    /// Something may be away.
    any_away: bool,
    samples: Samples,
    back: Vec<Done<Box<Trip>>>,
    troubles: BTreeMap<Class, Option<Trouble>>,
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
            any_away: false,
            samples: Samples::default(),
            back: Vec::new(),
            troubles: Class::ALL.iter().map(|class| (*class, None)).collect(),
            remarks: Vec::new(),
        }
    }

    /// Of what is left out by itself, measures what is named here all the same.
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
            Err(error) => warn!("cannot see which thing had which name: {error}"),
        }
    }

    /// Begins a round: everything that is here is read. What is still away is not asked a second time.
    pub fn begin(&mut self, now: Now) {
        // One that is not over goes on with it: else short rounds would never end while something hangs.
        self.round.get_or_insert(now);
        self.inventory.round_begins();
        let looks = self.looked_at.is_none_or(|at| now.mono.saturating_duration_since(at) >= LOOK_EVERY);
        if looks {
            self.looked_at = Some(now.mono);
            self.inventory
                .things
                .values_mut()
                .filter_map(|thing| thing.home.as_mut())
                .for_each(|trip| trip.errand.refresh());
        }
        let due = |thing: &Thing| match thing.purpose {
            Purpose::List => looks,
            // Once it is listed.
            Purpose::Describe => false,
            Purpose::Measure => true,
        };
        let things = self.inventory.things.values_mut().filter(|thing| due(thing));
        self.crew.give(things.filter_map(|thing| thing.lend(now.mono)));
        self.any_away = true;
    }

    /// Takes in what came back. Calls `changed` for each source that began to fail, with its error, or ceased to.
    pub fn collect(&mut self, now: Now, mut changed: impl FnMut(&str, Option<&str>)) {
        // Most of what wakes the agent is no business of the sensors.
        if !self.any_away {
            return;
        }
        self.crew.tend(now.mono);
        let mut back = std::mem::take(&mut self.back);
        self.crew.take(&mut back);
        for done in back.drain(..) {
            self.take_back(done, now);
        }
        self.back = back;
        let fresh = self.inventory.name_devices(now.mono);
        self.lend(&fresh, now.mono);
        let over = |began: Now| now.mono.saturating_duration_since(began.mono) >= ROUND || !self.is_under_way(now.mono);
        let ends = self.round.is_some_and(over);
        if ends {
            self.round = None;
            self.remark(now);
        }
        // Within a round an answer may still come.
        if self.round.is_none() {
            self.see_begun(now.mono);
            self.judge(now, ends, &mut changed);
        }
        let things = self.inventory.things.values();
        self.any_away = self.round.is_some() || things.into_iter().any(|thing| thing.lent.is_some());
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

    /// Waits until something came back. Cancel-safe.
    pub async fn news(&self) {
        self.crew.news().await;
    }

    /// When [`Host::collect`] is to be called although nothing came back.
    #[must_use]
    pub fn wake_at(&self, now: Instant) -> Option<Instant> {
        if !self.any_away {
            return None;
        }
        let tends = (self.round.is_some() || self.crew.is_busy(now)).then(|| now + PATIENCE);
        let lent = self.inventory.things.values().filter_map(|thing| thing.lent);
        let hangs = lent.map(|lent| lent + HANGS).filter(|at| *at > now).min();
        [tends, hangs].into_iter().flatten().min()
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
        let things = &mut self.inventory.things;
        self.crew.give(numbers.iter().filter_map(|number| things.get_mut(number)?.lend(now)));
        self.any_away = true;
    }

    fn take_back(&mut self, Done { work: mut trip, output, pace, took }: Done<Box<Trip>>, now: Now) {
        // Of what is well nothing is looked at but what came back.
        let number = if let Outcome::Value(number, ..) = output { number } else { trip.number };
        // A device that is gone has nobody who waits for it.
        let Some(thing) = self.inventory.things.get_mut(&number) else { return };
        if let Outcome::Value(_, quantity, value) = output {
            let at = thing.answered(now);
            self.samples.add_at(at, &thing.name, quantity.unit, quantity.kind, value);
            thing.measured(took, now.mono);
            thing.home = Some(trip);
            return;
        }
        let errand = &mut *trip.errand;
        if pace != Pace::Slow && errand.wants_time() {
            if self.crew.slow(now.mono) < MOST_WAITING {
                return self.crew.give([(Pace::Slow, trip)]);
            }
            errand.give_up();
        }
        self.samples.append(&errand.samples, thing.answered(now));
        thing.note(errand, took, now.mono);
        let (class, found) = (errand.class, errand.found.take());
        thing.home = Some(trip);
        if let Some(found) = found {
            let next = self.inventory.found(number, class, found);
            self.lend(&next, now.mono);
        }
    }

    /// Whether something is away that is usually back at once.
    fn is_under_way(&self, now: Instant) -> bool {
        let waits = |thing: &Thing| thing.lent.is_some() && thing.last_took().is_none_or(|took| took < PATIENCE);
        self.crew.is_busy(now) || self.inventory.things.values().any(waits)
    }

    /// What is long away hangs only if a thread is at it.
    fn see_begun(&mut self, now: Instant) {
        let overdue = self.inventory.things.iter_mut().filter(|(_, thing)| thing.is_overdue(now));
        let mut overdue = overdue.peekable();
        if overdue.peek().is_some() {
            let begun = self.crew.begun();
            overdue.for_each(|(number, thing)| thing.begun = begun.get(number).copied());
        }
    }

    /// Says which sources fail, and counts that once a round.
    fn judge(&mut self, now: Now, counts: bool, changed: &mut impl FnMut(&str, Option<&str>)) {
        let failing = self.failing(now.mono);
        for class in Class::ALL {
            let error = failing.get(&class).map(|said| said.join("; "));
            let trouble = self.troubles.entry(class).or_default();
            let changes = trouble.is_some() != error.is_some();
            if (counts || changes) && Trouble::note(trouble, class.name(), error.as_deref(), now.unix).is_some() {
                changed(class.name(), error.as_deref());
            }
        }
    }

    /// What fails of each class, one thing after the other.
    fn failing(&self, now: Instant) -> BTreeMap<Class, Vec<String>> {
        let mut failing: BTreeMap<Class, Vec<String>> = BTreeMap::new();
        for class in Class::ALL {
            let of_class = self.inventory.things.values().filter(|thing| thing.class == class);
            let waits = of_class.filter(|thing| thing.begun.is_none() && thing.is_overdue(now)).count();
            if waits > 0 {
                failing.entry(class).or_default().push(format!("{waits} not asked while so many give no answer"));
            }
        }
        for thing in self.inventory.things.values() {
            let usual = || thing.usual().map_or_else(String::new, |usual| format!(", usually after {usual}"));
            let mut say = |text| failing.entry(thing.class).or_default().push(text);
            if thing.hangs(now) {
                say(format!("{}{}", Error::NoAnswer(thing.file.clone()), usual()));
                continue;
            }
            for (_, error) in thing.failed.iter().filter(|(name, _)| !self.inventory.skips(name)) {
                let usual = if matches!(error, Error::NoAnswer(_)) { usual() } else { String::new() };
                say(format!("{error}{usual}"));
            }
        }
        failing
    }

    /// Says what is left out, what is slow, and what is to be known of names.
    fn remark(&mut self, now: Now) {
        let mut said: Vec<(String, String)> = Vec::new();
        for thing in self.inventory.things.values() {
            if let Some(usual) = thing.usual().filter(|_| !thing.hangs(now.mono) && thing.failed.is_empty()) {
                let text = format!("{}: slow, usually takes {usual}", thing.file.display());
                said.push((thing.class.name().to_owned(), text));
            }
            said.extend(thing.left_out.iter().filter(|(name, _)| !self.inventory.skips(name)).cloned());
        }
        said.extend(self.inventory.naming());
        remarks::update(&mut self.remarks, said, now.unix);
    }
}

#[cfg(test)]
mod tests;

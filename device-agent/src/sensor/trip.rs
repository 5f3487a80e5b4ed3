//! An errand on its way, and what a round has to know of it while all is well: small, so that two hundred of them lie side by
//! side in memory. Whatever is more than a number is in the errand, or in the thing that it is about.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use wire::UnixMillis;

use super::errand::{Errand, Task};
use super::files::{LONGEST_NUMBER, number_in};
use super::limits::Quantity;
use super::open::Open;
use super::thing::HANGS;
use crate::clock::Now;
use crate::crew::{Kin, Pace, Work};

/// An errand, here or on its way.
#[derive(Debug)]
pub(super) struct Trip {
    /// Whose it is.
    number: u32,
    kin: Kin,
    /// When it was sent off last.
    pub(super) lent: Option<Instant>,
    /// How it is expected to go.
    pub(super) pace: Pace,
    /// Of its thing there is nothing to be said, nor will be as long as it gives a number at once.
    pub(super) is_well: bool,
    /// The sensor, if it is one.
    pub(super) name: Arc<str>,
    /// A short way to the one number that it gave the last time.
    direct: Option<Direct>,
    pub(super) errand: Box<Errand>,
}

/// A file whose number is a sensor's value.
#[derive(Debug)]
struct Direct {
    open: Open,
    quantity: &'static Quantity,
}

/// What came of an errand.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome {
    /// Its sensor measures so much; nothing else is to be told.
    Value(&'static Quantity, f64),
    /// It is told in the errand.
    Told,
}

impl Trip {
    /// Never sent off.
    pub(super) fn new(number: u32, name: Arc<str>, folder: &str, errand: Errand) -> Self {
        let point = if let Task::Disk(disk) = &errand.task { disk.point() } else { String::new() };
        let place = hash_of((errand.class, folder, point));
        let kin = Kin { kind: hash_of(errand.class), driver: place, place };
        let (lent, pace) = (None, Pace::Untried);
        Self { number, kin, lent, pace, is_well: false, name, direct: None, errand: Box::new(errand) }
    }

    /// The same for a device of this driver.
    pub(super) fn of_driver(mut self, driver: &str) -> Self {
        self.kin.driver = hash_of((self.errand.class, driver));
        self
    }

    /// Sends it off.
    pub(super) fn leave(mut self, now: Instant) -> (Pace, Self) {
        self.lent = Some(now);
        (self.pace, self)
    }

    /// Of when its answer is that came `now`: of the moment in which it was asked for, unless it was long in coming.
    pub(super) fn answered(&self, now: Now) -> UnixMillis {
        let away = self.lent.map_or(Duration::ZERO, |lent| now.mono.saturating_duration_since(lent));
        if away < HANGS / 2 { now.unix.plus(-i64::try_from(away.as_millis()).unwrap_or(0)) } else { now.unix }
    }

    /// Looks again for files that were not there.
    pub(super) fn refresh(&mut self) {
        // Who takes the short way asks for no other file.
        if self.direct.is_none() {
            self.errand.refresh();
        }
    }
}

impl Direct {
    /// The value, if there is one as there was the last time: for everything else the errand has words.
    fn value(&mut self) -> Option<f64> {
        let mut buffer = [0; LONGEST_NUMBER];
        if self.open.is_replaced() {
            return None;
        }
        let (length, _) = self.open.read(&mut buffer, Duration::ZERO).ok()??;
        self.quantity.read(number_in(buffer.get(..length)?)?).ok()
    }
}

impl Work for Trip {
    type Output = Outcome;

    fn number(&self) -> u32 {
        self.number
    }

    fn kin(&self) -> Kin {
        self.kin
    }

    fn given(&self) -> Option<Instant> {
        self.lent
    }

    fn run(&mut self, pace: Pace) -> Outcome {
        if let Some(direct) = &mut self.direct {
            if let Some(value) = direct.value() {
                return Outcome::Value(direct.quantity, value);
            }
        }
        let outcome = self.errand.run(pace);
        self.direct = match outcome {
            Outcome::Value(quantity, _) => self.errand.hand_on().map(|open| Direct { open, quantity }),
            Outcome::Told => None,
        };
        outcome
    }
}

fn hash_of(what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

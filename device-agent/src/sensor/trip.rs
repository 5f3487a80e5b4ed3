//! An errand on its way to a thread and back, and what a round has to know of it while all is well. Everything that is
//! more than a number is in the errand, or in the thing that it reads.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::errand::{Brought, Errand, Task};
use super::limits::Quantity;
use super::number::{LONGEST_NUMBER, number_in};
use super::open::Open;
use crate::crew::{Kin, Pace};

/// An errand, here or on its way.
#[derive(Debug)]
pub(super) struct Trip {
    /// Whose it is.
    pub(super) number: u32,
    pub(super) kin: Kin,
    /// When it was sent off last.
    pub(super) lent: Option<Instant>,
    /// How it is expected to go.
    pub(super) pace: Pace,
    /// Of its thing there is nothing to be said, nor will be as long as it gives a number at once.
    pub(super) is_well: bool,
    /// The sensor, if it is one.
    pub(super) name: Arc<str>,
    /// A short way to the one number that it gave the last time.
    pub(super) direct: Option<Direct>,
    pub(super) errand: Box<Errand>,
}

/// A file whose number is a sensor's value.
#[derive(Debug)]
pub(super) struct Direct {
    open: Open,
    pub(super) quantity: &'static Quantity,
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

    /// Whether it may be read together with others of its device.
    pub(super) fn may_tour(&self) -> bool {
        self.is_well && self.direct.is_some()
    }

    pub(super) fn run(&mut self, pace: Pace) -> Brought {
        if let Some(direct) = &mut self.direct {
            if let Some(value) = direct.value() {
                return Brought::Value(direct.quantity, value);
            }
        }
        let brought = self.errand.run(pace);
        self.direct = match brought {
            Brought::Value(quantity, _) => self.errand.hand_on().map(|open| Direct { open, quantity }),
            Brought::Told | Brought::Toured => None,
        };
        brought
    }
}

impl Direct {
    /// The value, if there is one as there was the last time: for everything else the errand has words.
    pub(super) fn value(&mut self) -> Option<f64> {
        let mut buffer = [0; LONGEST_NUMBER];
        if self.open.is_replaced() {
            return None;
        }
        let (length, _) = self.open.read(&mut buffer, Duration::ZERO).ok()??;
        self.quantity.read(number_in(buffer.get(..length)?)?).ok()
    }
}

/// Half of a hash: it only has to tell a few hundred apart.
fn hash_of(what: impl Hash) -> u32 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish() as u32
}

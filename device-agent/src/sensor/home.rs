//! The errands that are here, and what is to be known of those that are away. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::errand::Task;
use super::trip::Trip;
use crate::crew::{Pace, Work as _};

/// Errands that are here. Those that measure lie side by side in the order of their numbers: in a round in which all is well
/// nothing else is looked at.
#[derive(Debug, Default)]
pub(super) struct Home {
    measuring: Vec<Trip>,
    looking: BTreeMap<u32, Looking>,
    /// Those that are away and need not come back: there is nothing any more to read.
    gone: BTreeSet<u32>,
    away: usize,
}

/// An errand that looks for devices, or at one.
#[derive(Debug)]
struct Looking {
    /// Nothing while it is away.
    trip: Option<Trip>,
    /// Since when it is away, or was the last time.
    lent: Option<Instant>,
    /// It is due in every round that looks, not only when it is asked for.
    always: bool,
}

impl Home {
    /// One that was never sent off.
    pub(super) fn add(&mut self, trip: Trip) {
        let always = matches!(trip.errand.task, Task::List);
        if always || matches!(trip.errand.task, Task::Describe(_)) {
            self.looking.insert(trip.number(), Looking { trip: Some(trip), lent: None, always });
        } else {
            self.measuring.push(trip);
        }
    }

    /// Sends off what is due in a round, which `looks` for devices or does not.
    pub(super) fn leave(&mut self, looks: bool, now: Instant) -> impl Iterator<Item = (Pace, Trip)> {
        let Self { measuring, looking, away, .. } = self;
        // What was slow came back behind the others.
        if !measuring.is_sorted_by_key(Trip::number) {
            measuring.sort_unstable_by_key(Trip::number);
        }
        let due = looking.values_mut().filter(move |looking| looks && looking.always);
        let looking = due.filter_map(move |looking| looking.leave(now));
        looking.chain(measuring.drain(..).map(move |trip| trip.leave(now))).inspect(|_| *away += 1)
    }

    /// Sends off this one, if it is here.
    pub(super) fn leave_one(&mut self, number: u32, now: Instant) -> Option<(Pace, Trip)> {
        let leaving = match self.looking.get_mut(&number) {
            Some(looking) => looking.leave(now),
            None => {
                let at = self.measuring.iter().position(|trip| trip.number() == number)?;
                Some(self.measuring.swap_remove(at).leave(now))
            }
        };
        self.away += usize::from(leaving.is_some());
        leaving
    }

    /// Whether one that came back is still wanted; if not, that is the last of it.
    pub(super) fn wants(&mut self, number: u32) -> bool {
        let is_gone = !self.gone.is_empty() && self.gone.remove(&number);
        self.away -= usize::from(is_gone);
        !is_gone
    }

    /// One is back.
    pub(super) fn come(&mut self, trip: Trip) {
        self.away -= 1;
        match self.looking.get_mut(&trip.number()) {
            Some(looking) => looking.trip = Some(trip),
            None => self.measuring.push(trip),
        }
    }

    /// There is nothing any more for it to read.
    pub(super) fn forget(&mut self, number: u32) {
        let is_away = match self.looking.remove(&number) {
            Some(looking) => looking.trip.is_none(),
            None => {
                let at = self.measuring.iter().position(|trip| trip.number() == number);
                at.map(|at| self.measuring.swap_remove(at)).is_none()
            }
        };
        if is_away {
            self.gone.insert(number);
        }
    }

    /// One that measures, if it is here.
    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut Trip> {
        self.measuring.iter_mut().find(|trip| trip.number() == number)
    }

    /// Has those that are here look again for files that were not there.
    pub(super) fn refresh(&mut self) {
        let looking = self.looking.values_mut().filter_map(|looking| looking.trip.as_mut());
        looking.chain(&mut self.measuring).for_each(Trip::refresh);
    }

    /// Whether some are away.
    pub(super) fn any_away(&self) -> bool {
        self.away > 0
    }

    /// Since when one that looks is away.
    pub(super) fn away_since(&self, number: u32) -> Option<Instant> {
        self.looking.get(&number).filter(|looking| looking.trip.is_none())?.lent
    }
}

impl Looking {
    fn leave(&mut self, now: Instant) -> Option<(Pace, Trip)> {
        self.lent = Some(now);
        self.trip.take().map(|trip| trip.leave(now))
    }
}

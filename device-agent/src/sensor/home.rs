//! Errands that wait for their next round, and what has to be known of those that are running. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::errand::Task;
use super::tour::{Job, Stop, Tour};
use super::trip::Trip;
use crate::crew::Pace;

/// The errands that are here, and who goes together.
#[derive(Debug, Default)]
pub(super) struct Home {
    /// Those that measure and are asked alone.
    measuring: Vec<Trip>,
    /// Those that are well, by device.
    tours: Vec<Tour>,
    /// The errands whose file a thread hangs at since their tour was given up, by the number of that.
    hanging: BTreeMap<u32, Trip>,
    looking: BTreeMap<u32, Looking>,
    /// Those that are away and need not come back: there is nothing any more to read.
    gone: BTreeSet<u32>,
    away: usize,
    tours_made: u32,
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
            self.looking.insert(trip.number, Looking { trip: Some(trip), lent: None, always });
        } else {
            self.measuring.push(trip);
        }
    }

    /// Sends off what is due in a round, which `looks` for devices or does not.
    pub(super) fn leave(&mut self, looks: bool, now: Instant) -> impl Iterator<Item = (Pace, Job)> {
        self.gather();
        let Self { measuring, looking, tours, away, .. } = self;
        // What was slow came back behind the others.
        measuring.sort_unstable_by_key(|trip| trip.number);
        let due = looking.values_mut().filter(move |looking| looks && looking.always);
        let looking = due.filter_map(move |looking| looking.leave(now));
        let tours = tours.iter_mut().filter_map(move |tour| tour.leave(now));
        looking.chain(measuring.drain(..).map(move |trip| Job::of(trip, now))).chain(tours).inspect(|_| *away += 1)
    }

    /// Sends off this one, if it is here.
    pub(super) fn leave_one(&mut self, number: u32, now: Instant) -> Option<(Pace, Job)> {
        let leaving = match self.looking.get_mut(&number) {
            Some(looking) => looking.leave(now),
            None => self.take(number).map(|trip| Job::of(trip, now)),
        };
        self.away += usize::from(leaving.is_some());
        leaving
    }

    /// One that measures, taken out, if it is here.
    fn take(&mut self, number: u32) -> Option<Trip> {
        let at = self.measuring.iter().position(|trip| trip.number == number)?;
        Some(self.measuring.swap_remove(at))
    }

    /// One goes off again that was on its way back.
    pub(super) fn leaves(&mut self) {
        self.away += 1;
    }

    /// One piece of work is done.
    pub(super) fn is_back(&mut self) {
        self.away = self.away.saturating_sub(1);
    }

    /// Whether one that came back is still wanted; if not, that is the last of it.
    pub(super) fn wants(&mut self, number: u32) -> bool {
        self.gone.is_empty() || !self.gone.remove(&number)
    }

    /// Whether somebody on this tour need not come back.
    pub(super) fn any_gone(&self, tour: u32) -> bool {
        let is_gone = |tour: &Tour| tour.numbers().any(|number| self.gone.contains(&number));
        !self.gone.is_empty() && self.tours.iter().find(|one| one.number == tour).is_some_and(is_gone)
    }

    /// One that came back is here.
    pub(super) fn come(&mut self, trip: Trip) {
        match self.looking.get_mut(&trip.number) {
            Some(looking) => looking.trip = Some(trip),
            None => self.measuring.push(trip),
        }
    }

    /// The tour of this number.
    pub(super) fn tour_mut(&mut self, number: u32) -> Option<&mut Tour> {
        self.tours.iter_mut().find(|tour| tour.number == number)
    }

    /// Takes apart the tour of this number.
    pub(super) fn end_tour(&mut self, number: u32) -> Vec<Stop> {
        let at = self.tours.iter().position(|tour| tour.number == number);
        at.map(|at| self.tours.remove(at).end().collect()).unwrap_or_default()
    }

    /// Sends off the first tour, and a thread gets no further than to its first file.
    #[cfg(test)]
    pub(super) fn hold_up_tour(&mut self, now: Instant) -> Option<u32> {
        self.gather();
        let tour = self.tours.first_mut()?;
        tour.leave(now)?;
        tour.begins(now);
        self.away += 1;
        Some(tour.number)
    }

    /// The tours of which a file takes too long.
    pub(super) fn late_tours(&self, now: Instant) -> Vec<u32> {
        let is_late = |tour: &&Tour| tour.late_at().is_some_and(|at| now >= at);
        self.tours.iter().filter(is_late).map(|tour| tour.number).collect()
    }

    /// When the first of the tours is late, if it gets no further.
    pub(super) fn late_at(&self) -> Option<Instant> {
        self.tours.iter().filter_map(Tour::late_at).min()
    }

    /// One hangs at whose file a thread is left by a tour.
    pub(super) fn hangs(&mut self, tour: u32, trip: Trip) {
        self.hanging.insert(tour, trip);
    }

    /// The one that hung since its tour was given up.
    pub(super) fn hung(&mut self, tour: u32) -> Option<Trip> {
        self.hanging.remove(&tour)
    }

    /// Whose a piece of work is that is long away: of a tour, the one that hangs, or everyone on it as long as none is asked.
    pub(super) fn whose(&self, number: u32, is_begun: bool) -> Vec<u32> {
        match (self.hanging.get(&number), self.tours.iter().find(|tour| tour.number == number)) {
            (Some(trip), _) => vec![trip.number],
            (None, Some(tour)) if !is_begun => tour.numbers().collect(),
            (None, _) => vec![number],
        }
    }

    /// There is nothing any more for it to read.
    pub(super) fn forget(&mut self, number: u32) {
        // The others of its tour go together again in the next round.
        let tour = self.tours.iter().find(|tour| tour.lent.is_none() && tour.has(number)).map(|tour| tour.number);
        if let Some(tour) = tour {
            let stops = self.end_tour(tour).into_iter();
            self.measuring.extend(stops.map(Stop::into_trip));
        }
        let is_away = match self.looking.remove(&number) {
            Some(looking) => looking.trip.is_none(),
            None => self.take(number).is_none(),
        };
        if is_away {
            self.gone.insert(number);
        }
    }

    /// One that measures and is asked alone, if it is here.
    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut Trip> {
        self.measuring.iter_mut().find(|trip| trip.number == number)
    }

    /// Has those that are here look again for files that were not there; who is on a tour asks for one that is.
    pub(super) fn refresh(&mut self) {
        let looking = self.looking.values_mut().filter_map(|looking| looking.trip.as_mut());
        looking.chain(&mut self.measuring).for_each(|trip| trip.errand.refresh());
    }

    /// Whether some are away.
    pub(super) fn any_away(&self) -> bool {
        self.away > 0
    }

    /// For how long one that looks is away.
    pub(super) fn away_for(&self, number: u32, now: Instant) -> Option<Duration> {
        let lent = self.looking.get(&number).filter(|looking| looking.trip.is_none())?.lent?;
        Some(now.saturating_duration_since(lent))
    }

    /// Those that are well go together from here on.
    fn gather(&mut self) {
        if !self.measuring.iter().any(Trip::may_tour) {
            return;
        }
        self.measuring.sort_unstable_by_key(|trip| trip.number);
        let (joining, alone) = std::mem::take(&mut self.measuring).into_iter().partition(Trip::may_tour);
        self.measuring = alone;
        let joining: Vec<Trip> = joining;
        for trip in joining {
            let fits = |tour: &&mut Tour| tour.lent.is_none() && tour.kin == trip.kin;
            if let Some(tour) = self.tours.iter_mut().find(fits) {
                tour.join(trip);
                continue;
            }
            // From the other end than those of errands.
            self.tours_made = self.tours_made.wrapping_add(1);
            let mut tour = Tour::new(u32::MAX - self.tours_made, trip.kin);
            tour.join(trip);
            self.tours.push(tour);
        }
    }
}

impl Looking {
    fn leave(&mut self, now: Instant) -> Option<(Pace, Job)> {
        let trip = self.trip.take()?;
        self.lent = Some(now);
        Some(Job::of(trip, now))
    }
}

//! Reads the healthy files of one device one after the other in one piece of work: only one number a file goes to the thread and
//! back, and the rest of what the thread needs stays where it was.
//!
//! A file that does not give its number at once is read alone, in the same round. If one file takes long the tour is given up: the
//! files that were not read yet are read one by one, and only the thread of the file that hangs is lost.

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wire::UnixMillis;

use super::Samples;
use super::errand::Brought;
use super::trip::{Direct, Trip};
use crate::clock;
use crate::crew::{Kin, PATIENCE, Pace, Work};

/// What is handed to a thread.
#[derive(Debug)]
pub(super) enum Job {
    Trip(Trip),
    /// Several files: the number of the tour, what they are like, since when they are away.
    Tour(u32, Kin, Instant, Arc<Stops>),
}

impl Job {
    /// Sends an errand off.
    pub(super) fn of(trip: Trip, now: Instant) -> (Pace, Self) {
        let (pace, trip) = trip.leave(now);
        (pace, Self::Trip(trip))
    }
}

/// The files of a tour, shared with the thread that reads them.
#[derive(Debug, Default)]
pub(super) struct Stops(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Nothing while one is being read.
    files: Vec<Option<Direct>>,
    values: Vec<Option<f64>>,
    next: usize,
    /// Since when one is being read.
    since: Option<Instant>,
    /// How long it took with the slowest.
    longest: Duration,
    /// What a thread had in hand as the tour was given up.
    late: Option<(Direct, Option<f64>)>,
}

/// A tour and its trips, as home keeps them.
#[derive(Debug)]
pub(super) struct Tour {
    pub(super) number: u32,
    pub(super) kin: Kin,
    stops: Arc<Stops>,
    /// In the order of the stops; each without its file, which is there.
    trips: Vec<Trip>,
    /// What they are called, and what they said last.
    samples: Samples,
    /// Since when it is away.
    pub(super) lent: Option<Instant>,
}

/// How it went with one of a tour that is over.
#[derive(Debug)]
pub(super) enum Stop {
    /// It measured so much.
    Value(Trip, f64),
    /// It has to be asked alone.
    Alone(Trip),
    /// A thread is at it.
    Hangs(Trip),
}

impl Tour {
    /// A tour on which nobody is.
    pub(super) fn new(number: u32, kin: Kin) -> Self {
        Self { number, kin, stops: Arc::default(), trips: Vec::new(), samples: Samples::default(), lent: None }
    }

    /// One more goes along; while the tour is here.
    pub(super) fn join(&mut self, mut trip: Trip) {
        let Some(file) = trip.direct.take() else { return };
        self.samples.add(&trip.name, file.quantity.unit, file.quantity.kind, 0.0);
        let mut state = self.stops.lock();
        state.files.push(Some(file));
        state.values.push(None);
        self.trips.push(trip);
    }

    /// Sends it off, if it is here.
    pub(super) fn leave(&mut self, now: Instant) -> Option<(Pace, Job)> {
        if self.lent.is_some() {
            return None;
        }
        self.lent = Some(now);
        let mut state = self.stops.lock();
        (state.next, state.since, state.longest) = (0, None, Duration::ZERO);
        Some((Pace::Quick, Job::Tour(self.number, self.kin, now, Arc::clone(&self.stops))))
    }

    /// Whether somebody is on it.
    pub(super) fn has(&self, number: u32) -> bool {
        self.numbers().any(|one| one == number)
    }

    /// It is back. If all went well it is ready for the next round, and its values are those it returns.
    pub(super) fn come(&mut self, at: UnixMillis) -> Option<&Samples> {
        let state = self.stops.lock();
        let is_whole = state.next == state.files.len() && state.values.iter().all(Option::is_some);
        if !is_whole || state.longest >= PATIENCE {
            return None;
        }
        self.lent = None;
        self.samples.set(state.values.iter().flatten().copied(), at);
        Some(&self.samples)
    }

    /// The things on it.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.trips.iter().map(|trip| trip.number)
    }

    /// As if a thread began to read its first file.
    #[cfg(test)]
    pub(super) fn begins(&self, now: Instant) {
        self.stops.lock().since = Some(now);
    }

    /// When the file that is being read takes too long, if it is away and one is.
    pub(super) fn late_at(&self) -> Option<Instant> {
        self.lent.and_then(|_| self.stops.lock().since).map(|since| since + PATIENCE)
    }

    /// Ends it. Whoever still reads finds nothing more to do.
    pub(super) fn end(self) -> impl Iterator<Item = Stop> {
        let mut state = self.stops.lock();
        let (files, values, next) = (std::mem::take(&mut state.files), std::mem::take(&mut state.values), state.next);
        drop(state);
        let stops = files.into_iter().zip(values).enumerate();
        self.trips.into_iter().zip(stops).map(move |(mut trip, (at, (file, value)))| {
            let hangs = file.is_none();
            (trip.direct, trip.lent) = (file, self.lent);
            match value {
                _ if hangs => Stop::Hangs(trip),
                // What it may hold is of the round before.
                _ if at >= next => Stop::Alone(trip),
                Some(value) => Stop::Value(trip, value),
                None => {
                    trip.direct = None;
                    Stop::Alone(trip)
                }
            }
        })
    }
}

impl Stop {
    /// The errand, however it went.
    pub(super) fn into_trip(self) -> Trip {
        match self {
            Self::Value(trip, _) | Self::Alone(trip) | Self::Hangs(trip) => trip,
        }
    }
}

impl Stops {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What came at last of the one that hung when the tour was given up.
    pub(super) fn late(&self) -> Option<(Direct, Option<f64>)> {
        self.lock().late.take()
    }

    fn run(&self) {
        // One look at the clock a file: the next begins as the last one ends.
        let mut now = clock::mono();
        let mut state = self.lock();
        loop {
            let at = state.next;
            let Some(mut file) = state.files.get_mut(at).and_then(Option::take) else {
                state.since = None;
                return;
            };
            (state.next, state.since) = (at + 1, Some(now));
            drop(state);
            let value = file.value();
            let began = std::mem::replace(&mut now, clock::mono());
            state = self.lock();
            state.longest = state.longest.max(now.saturating_duration_since(began));
            state.put_back(at, file, value);
        }
    }
}

impl State {
    /// One was read; by then the tour may be given up.
    fn put_back(&mut self, at: usize, file: Direct, value: Option<f64>) {
        match self.files.get_mut(at).zip(self.values.get_mut(at)) {
            Some((stop, last)) => (*stop, *last) = (Some(file), value),
            None => self.late = Some((file, value)),
        }
    }
}

impl Job {
    /// Since when it is away.
    pub(super) fn lent(&self) -> Option<Instant> {
        match self {
            Self::Trip(trip) => trip.lent,
            Self::Tour(_, _, lent, _) => Some(*lent),
        }
    }
}

impl Work for Job {
    type Output = Brought;

    fn number(&self) -> u32 {
        match self {
            Self::Trip(trip) => trip.number,
            Self::Tour(number, ..) => *number,
        }
    }

    fn kin(&self) -> Kin {
        match self {
            Self::Trip(trip) => trip.kin,
            Self::Tour(_, kin, ..) => *kin,
        }
    }

    fn given(&self) -> Option<Instant> {
        self.lent()
    }

    fn run(&mut self, pace: Pace) -> Brought {
        match self {
            Self::Trip(trip) => trip.run(pace),
            Self::Tour(_, _, _, stops) => {
                stops.run();
                Brought::Toured
            }
        }
    }
}

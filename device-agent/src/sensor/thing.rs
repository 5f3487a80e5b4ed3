//! What is read again and again, and how it went the last times.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use wire::UnixMillis;

use super::errand::{Errand, Trip};
use super::{Class, Error};
use crate::clock::Now;
use crate::crew::{LONG, PATIENCE, Pace};

/// From here on what gives no answer is said to hang.
pub(super) const HANGS: Duration = Duration::from_secs(2);
/// From here on what usually takes so long is said to be slow.
const SLOW: Duration = Duration::from_millis(300);
/// What came after so long had hung, and says nothing of how long it usually takes.
const HUNG: Duration = Duration::from_secs(60);
/// A value that was left out is told for so long, so that one that comes and goes is seen.
const TOLD_FOR: Duration = Duration::from_secs(60);

/// What an errand is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To see which devices there are.
    List,
    /// To see what a device has.
    Describe,
    /// To measure.
    Measure,
}

/// An errand, here or on its way, and how it went.
#[derive(Debug)]
pub(super) struct Thing {
    pub(super) class: Class,
    pub(super) purpose: Purpose,
    /// What it reads, for people.
    pub(super) file: PathBuf,
    /// The sensor, if it is one.
    pub(super) name: String,
    pub(super) home: Option<Box<Trip>>,
    /// Since when it is away.
    pub(super) lent: Option<Instant>,
    /// Since when a thread is at it, as far as that was asked.
    pub(super) begun: Option<Instant>,
    /// How long it took the last time, and usually.
    took: Option<(Duration, Duration)>,
    /// Sensors that failed, and why.
    pub(super) failed: Vec<(String, Error)>,
    /// Sensors whose value was not taken, and why.
    pub(super) left_out: Vec<(String, String)>,
    left_out_at: Option<Instant>,
}

impl Thing {
    pub(super) fn new((class, purpose): (Class, Purpose), (file, name): (PathBuf, &str), trip: Box<Trip>) -> Self {
        Self {
            class,
            purpose,
            file,
            name: name.to_owned(),
            home: Some(trip),
            lent: None,
            begun: None,
            took: None,
            failed: Vec::new(),
            left_out: Vec::new(),
            left_out_at: None,
        }
    }

    /// Sends it off, if it is here.
    pub(super) fn lend(&mut self, now: Instant) -> Option<(Pace, Box<Trip>)> {
        let trip = self.home.take()?;
        (self.lent, self.begun) = (Some(now), None);
        let pace = match self.last_took() {
            Some(took) if took < PATIENCE => Pace::Quick,
            Some(took) if took < LONG => Pace::Slow,
            _ => Pace::Untried,
        };
        Some((pace, trip))
    }

    /// It is here again. Returns of when its answer is: of the moment in which it was asked for, unless it was long in coming.
    pub(super) fn answered(&mut self, now: Now) -> UnixMillis {
        let away = self.lent.take().map_or(Duration::ZERO, |lent| now.mono.saturating_duration_since(lent));
        if away < HANGS / 2 { now.unix.plus(-i64::try_from(away.as_millis()).unwrap_or(0)) } else { now.unix }
    }

    /// It is back with a value, after so long.
    pub(super) fn measured(&mut self, took: Duration, now: Instant) {
        self.failed.clear();
        self.note_time(took);
        self.forget_left_out(now);
    }

    /// It is back, after so long, with what is told in the errand.
    pub(super) fn note(&mut self, errand: &mut Errand, took: Duration, now: Instant) {
        self.failed.clear();
        self.failed.append(&mut errand.samples.failed);
        if let Err(error) = std::mem::replace(&mut errand.result, Ok(())) {
            self.failed.insert(0, (self.name.clone(), error));
        }
        // How long nothing came is not how long an answer takes.
        if !self.failed.iter().any(|(_, error)| matches!(error, Error::NoAnswer(_))) {
            self.note_time(took);
        }
        if errand.samples.left_out.is_empty() {
            return self.forget_left_out(now);
        }
        self.left_out.clear();
        self.left_out.append(&mut errand.samples.left_out);
        self.left_out_at = Some(now);
    }

    fn note_time(&mut self, took: Duration) {
        let before = self.took.map(|(_, usual)| usual);
        let usual = before.map_or(took, |usual| if took < HUNG { (usual * 3 + took) / 4 } else { usual });
        self.took = Some((took, usual));
    }

    fn forget_left_out(&mut self, now: Instant) {
        if self.left_out_at.is_some_and(|at| now.saturating_duration_since(at) >= TOLD_FOR) {
            self.left_out.clear();
            self.left_out_at = None;
        }
    }

    /// How long it took the last time, if it ever came back.
    pub(super) fn last_took(&self) -> Option<Duration> {
        self.took.map(|(last, _)| last)
    }

    /// Whether it has been away for so long that it hangs, or waits for a thread.
    pub(super) fn is_overdue(&self, now: Instant) -> bool {
        self.lent.is_some_and(|lent| now.saturating_duration_since(lent) >= HANGS)
    }

    /// Whether a thread has been at it for so long that it hangs.
    pub(super) fn hangs(&self, now: Instant) -> bool {
        self.is_overdue(now) && self.begun.is_some_and(|begun| now.saturating_duration_since(begun) >= HANGS)
    }

    /// How long it usually takes, in words, if that is long.
    pub(super) fn usual(&self) -> Option<String> {
        let usual = self.took.map(|(_, usual)| usual).filter(|usual| *usual >= SLOW)?.as_secs_f64();
        Some(if usual < 1.0 { format!("{usual:.2} s") } else { format!("{usual:.1} s") })
    }
}

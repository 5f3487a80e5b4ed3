//! How loaded the hub is, and which work it gives up at which load, in a published order. PURE but for its counters.
//!
//! ```text
//!   fill of the way to the disk   30 %         45 %          60 %         70 %      80 %          100 %
//!   given up from there on        previews ──▶ live rate ──▶ history ──▶ joins ──▶ backfill ──▶ live readings
//! ```
//!
//! Alert evaluation and the outbox are never given up. Readings that are not acknowledged stay on their device, so they are
//! not lost, only late. The level rises at once and falls only after [`CALM`] at less than half of where its step begins: a burst that one
//! commit swallows costs two seconds of slower pages, not a flicker.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Work that is given up, first to last. Code that does such work asks [`Pressure::sheds`] first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shed {
    /// What devices that wait for adoption show of their sensors.
    Previews,
    /// Live pages get a frame a second, the newest of each series.
    LiveRate,
    /// Queries over the past: 503 with `Retry-After`.
    History,
    /// Devices that the hub does not know.
    Joins,
    /// Readings from while the hub was away.
    Backfill,
    /// Everything that comes and finds no room.
    Live,
}

impl Shed {
    /// All, in order.
    pub const ALL: [Self; 6] = [Self::Previews, Self::LiveRate, Self::History, Self::Joins, Self::Backfill, Self::Live];

    /// The label of its counter.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Previews => "previews",
            Self::LiveRate => "live_rate",
            Self::History => "history",
            Self::Joins => "joins",
            Self::Backfill => "backfill",
            Self::Live => "live",
        }
    }
}

/// How full the queue to the disk is when each of them is given up.
const FROM: [f64; Shed::ALL.len()] = [0.30, 0.45, 0.60, 0.70, 0.80, 1.0];
/// How long the queue must be emptier before the level falls.
const CALM: Duration = Duration::from_secs(2);

/// Turns the fill into a level. PURE.
#[derive(Debug, Default)]
pub struct Gauge {
    level: u8,
    calm_since: Option<Instant>,
}

impl Gauge {
    /// How many of [`Shed::ALL`] are given up at `fill`, from 0 to 1, given what was before.
    pub fn observe(&mut self, now: Instant, fill: f64) -> u8 {
        let wanted = FROM.iter().filter(|from| fill >= **from).count() as u8;
        let begins = FROM.get(usize::from(self.level).wrapping_sub(1)).copied().unwrap_or(0.0);
        if wanted >= self.level || fill >= begins / 2.0 {
            self.level = self.level.max(wanted);
            self.calm_since = None;
        } else if now.saturating_duration_since(*self.calm_since.get_or_insert(now)) >= CALM {
            self.level = wanted;
            self.calm_since = None;
        }
        self.level
    }
}

/// The level for everybody to ask, and what was given up since the start. One task sets it.
#[derive(Debug, Default)]
pub struct Pressure {
    level: AtomicU8,
    begun: [AtomicU64; Shed::ALL.len()],
    shed: [AtomicU64; Shed::ALL.len()],
}

impl Pressure {
    /// Sets the level.
    pub fn set(&self, level: u8) {
        let before = self.level.load(Ordering::Relaxed);
        // Written only when it changes: the line is read by every core.
        if before != level {
            for begun in self.begun.iter().take(usize::from(level)).skip(usize::from(before)) {
                begun.fetch_add(1, Ordering::Release);
            }
            self.level.store(level, Ordering::Relaxed);
        }
    }

    /// How many of [`Shed::ALL`] are given up.
    #[must_use]
    pub fn level(&self) -> u8 {
        self.level.load(Ordering::Relaxed)
    }

    /// Whether this is given up. If so it is counted: the caller does without.
    pub fn sheds(&self, what: Shed) -> bool {
        let does = self.level() > what as u8;
        if does {
            self.count(what);
        }
        does
    }

    /// Counts one that found no room.
    pub fn count(&self, what: Shed) {
        if let Some(counter) = self.shed.get(what as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What is given up at the moment, in order.
    pub fn given_up(&self) -> impl Iterator<Item = &'static str> {
        Shed::ALL.into_iter().take(usize::from(self.level())).map(Shed::name)
    }

    /// How often the hub began to give each up since the start, in order: never more often than what comes before it.
    pub fn begun(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        // The last first: what begins in between is counted by those that are read later, and they come before it.
        let mut counts = [0; Shed::ALL.len()];
        for (count, begun) in counts.iter_mut().zip(&self.begun).rev() {
            *count = begun.load(Ordering::Acquire);
        }
        Shed::ALL.into_iter().map(Shed::name).zip(counts)
    }

    /// How much of each was given up since the start, in order.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Shed::ALL.iter().zip(&self.shed).map(|(what, count)| (what.name(), count.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a start for virtual time")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn what_rises_gives_up_in_the_published_order() {
        let (mut gauge, pressure, now) = (Gauge::default(), Pressure::default(), start());
        let mut seen = Vec::new();
        for percent in 0..=100 {
            pressure.set(gauge.observe(now, f64::from(percent) / 100.0));
            if let Some(new) = pressure.given_up().last().filter(|new| seen.last() != Some(new)) {
                seen.push(new);
            }
        }
        assert_eq!(seen, ["previews", "live_rate", "history", "joins", "backfill", "live"]);
    }

    #[test]
    fn a_jump_gives_up_everything_before_what_comes_last() {
        let (mut gauge, now) = (Gauge::default(), start());
        assert_eq!(gauge.observe(now, 0.85), 5);
        assert_eq!(gauge.observe(now, 1.0), 6);
    }

    #[test]
    fn it_falls_only_after_two_calm_seconds_and_then_at_once() {
        let (mut gauge, t0) = (Gauge::default(), start());
        let at = |ms| t0 + Duration::from_millis(ms);
        gauge.observe(t0, 0.8);
        assert_eq!(gauge.observe(at(100), 0.1), 5);
        assert_eq!(gauge.observe(at(1_900), 0.45), 5, "not below half");
        assert_eq!(gauge.observe(at(2_500), 0.0), 5, "calm from here on");
        assert_eq!(gauge.observe(at(4_499), 0.0), 5);
        assert_eq!(gauge.observe(at(4_500), 0.31), 1, "to where the fill is");
        assert_eq!(gauge.observe(at(9_000), 0.2), 1);
        assert_eq!(gauge.observe(at(9_000), 0.1), 1);
        assert_eq!(gauge.observe(at(11_000), 0.0), 0);
    }

    #[test]
    fn counts_that_are_read_while_they_rise_are_in_order() {
        let pressure = Pressure::default();
        std::thread::scope(|scope| {
            scope.spawn(|| (0..20_000).for_each(|round| pressure.set(if round % 2 == 0 { 6 } else { 0 })));
            for _ in 0..20_000 {
                let begun: Vec<u64> = pressure.begun().map(|(_, count)| count).collect();
                assert!(begun.is_sorted_by(|earlier, later| earlier >= later), "{begun:?}");
            }
        });
    }

    #[test]
    fn what_is_given_up_is_counted_and_the_rest_is_not() {
        let pressure = Pressure::default();
        pressure.set(2);
        assert!(pressure.sheds(Shed::Previews) && pressure.sheds(Shed::LiveRate) && !pressure.sheds(Shed::History));
        pressure.set(0);
        pressure.set(1);
        assert_eq!(pressure.begun().take(3).collect::<Vec<_>>(), [("previews", 2), ("live_rate", 1), ("history", 0)]);
        assert_eq!(pressure.counts().take(3).collect::<Vec<_>>(), [("previews", 1), ("live_rate", 1), ("history", 0)]);
    }
}

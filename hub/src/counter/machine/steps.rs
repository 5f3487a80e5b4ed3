//! The last levels of a counter, and how fast it rose between them.

use crate::model::UnixMillis;
use crate::model::reading::Point;

/// A value, and the first and the last time it was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Level {
    pub(super) value: f64,
    pub(super) from: UnixMillis,
    pub(super) to: UnixMillis,
}

impl Level {
    pub(super) const fn of(point: Point) -> Self {
        Self { value: point.value, from: point.at, to: point.at }
    }
}

/// The last levels, each higher than the one before: two behind the newest can still turn out to be blips.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Steps {
    pub(super) levels: [Option<Level>; 3],
    pub(super) count: usize,
}

impl Steps {
    pub(super) fn at(&self, from_top: usize) -> Option<Level> {
        self.levels.get(self.count.checked_sub(from_top + 1)?).copied().flatten()
    }

    pub(super) fn top(&mut self) -> Option<&mut Level> {
        self.levels.get_mut(self.count.checked_sub(1)?)?.as_mut()
    }

    /// Adds a level; the oldest goes when there is no place.
    pub(super) fn push(&mut self, level: Level) -> Option<Level> {
        let oldest = if self.count == self.levels.len() { self.shift() } else { None };
        if let Some(place) = self.levels.get_mut(self.count) {
            *place = Some(level);
            self.count += 1;
        }
        oldest
    }

    /// Takes the oldest.
    pub(super) fn shift(&mut self) -> Option<Level> {
        let oldest = self.levels[0].take();
        self.levels.rotate_left(1);
        self.count = self.count.saturating_sub(1);
        oldest
    }

    pub(super) fn pop(&mut self) {
        self.count = self.count.saturating_sub(1);
        if let Some(place) = self.levels.get_mut(self.count) {
            *place = None;
        }
    }

    /// From one level to the next: how much, and in how many milliseconds.
    pub(super) fn rises(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.levels.windows(2).filter_map(|pair| {
            let (before, after) = (pair.first().copied().flatten()?, pair.get(1).copied().flatten()?);
            Some((after.value - before.value, after.from.since(before.to).max(1) as f64))
        })
    }

    /// Growth a millisecond, the oldest first.
    pub(super) fn speeds(&self) -> [f64; 2] {
        let mut speeds = self.rises().map(|(rise, time)| rise / time);
        [speeds.next().unwrap_or_default(), speeds.next().unwrap_or_default()]
    }

    pub(super) fn largest_rise(&self) -> f64 {
        self.rises().map(|(rise, _)| rise).fold(0.0, f64::max)
    }

    pub(super) fn fastest(&self) -> f64 {
        self.speeds().into_iter().fold(0.0, f64::max)
    }
}

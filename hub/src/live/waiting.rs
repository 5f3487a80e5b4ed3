//! Rows that wait for the next frame: all of them, or the newest of each series where they are too many. PURE.

use std::collections::HashMap;

use super::room::Room;
use crate::model::reading::{Point, SeriesId};
use crate::model::{Lane, UnixMillis};

/// What is due to be sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    /// Readings as measured, or kept while the hub was away.
    pub lane: Lane,
    /// Rows in the order they came.
    pub rows: Vec<(SeriesId, Point)>,
    /// Rows with device times from here on are missing.
    pub gap: Option<UnixMillis>,
}

/// Rows of one lane that a subscription has not been sent yet.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) rows: Vec<(SeriesId, Point)>,
    /// Where each series stands in `rows`; empty until there are too many rows to keep all.
    newest: HashMap<SeriesId, usize>,
    gap: Option<UnixMillis>,
}

impl Waiting {
    pub(super) const fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.gap.is_none()
    }

    /// Keeps every row up to `most` while there is `room`, then the newest of each series.
    pub(super) fn push(&mut self, series: SeriesId, point: Point, most: usize, room: &mut Room) {
        if self.newest.is_empty() && self.rows.len() < most && room.take() {
            self.rows.push((series, point));
            return;
        }
        if self.newest.is_empty() {
            self.conflate(room);
        }
        self.keep(series, point, room);
    }

    /// From here on only the newest row of each series is kept.
    fn conflate(&mut self, room: &mut Room) {
        let rows = std::mem::take(&mut self.rows);
        room.give_back(rows.len());
        for (series, point) in rows {
            self.keep(series, point, room);
        }
    }

    fn keep(&mut self, series: SeriesId, point: Point, room: &mut Room) {
        let place = self.newest.get(&series).and_then(|place| self.rows.get_mut(*place));
        let missing = if let Some((_, row)) = place {
            let (older, newer) = if row.at <= point.at { (*row, point) } else { (point, *row) };
            *row = newer;
            older
        } else if room.take() {
            self.newest.insert(series, self.rows.len());
            self.rows.push((series, point));
            return;
        } else {
            point
        };
        self.gap = Some(self.gap.map_or(missing.at, |gap| gap.min(missing.at)));
    }

    /// All of it as a frame, if there is any.
    pub(super) fn take(&mut self, lane: Lane) -> Option<Frame> {
        if self.is_empty() {
            return None;
        }
        self.newest = HashMap::new();
        Some(Frame { lane, rows: std::mem::take(&mut self.rows), gap: self.gap.take() })
    }
}

//! One subscription of one listener: which series it wants, and what it has not been sent yet. PURE.
//!
//! Rows wait until the next frame is due (`max_hz`). Up to [`WAITING_ROWS`] every row is kept; beyond that only the newest
//! of each series, and the frame says from when on rows are missing, so that the listener can fetch them. So it is while the
//! hub is overloaded, with a frame a second at most. Readings of the recovered lane wait apart from live ones and leave in frames
//! of their own. All subscriptions of a listener share a [`Room`]: when it is full, rows are missing as well.

use std::time::{Duration, Instant};

use super::filter::Filter;
use super::room::Room;
use super::verdicts::Verdicts;
use super::waiting::{Frame, Waiting};
use crate::model::Lane;
use crate::model::catalog::Catalog;
use crate::model::reading::Batch;

/// Rows kept one by one between two frames: a thousand devices of four sensors at once. Beyond it, the newest per series.
pub(crate) const WAITING_ROWS: usize = 4_096;

/// Time between two frames while the hub is overloaded.
pub(super) const PRESSED_EVERY: Duration = Duration::from_secs(1);

/// Rows of one message: at 200 bytes each it stays below the socket's write buffer of 256 KiB.
pub(crate) const FRAME_ROWS: usize = 1_024;

/// See the module's header.
#[derive(Debug)]
pub(crate) struct Subscription {
    filter: Filter,
    every: Duration,
    pressed: bool,
    due: Option<Instant>,
    verdicts: Verdicts,
    pub(super) live: Waiting,
    recovered: Waiting,
}

impl Subscription {
    /// Sends at most `max_hz` frames a second; at least one in ten seconds, at most a hundred a second.
    #[must_use]
    pub(crate) fn new(filter: Filter, max_hz: f64) -> Self {
        Self {
            filter,
            every: Duration::from_secs_f64(1.0 / max_hz.clamp(0.1, 100.0)),
            pressed: false,
            due: None,
            verdicts: Verdicts::default(),
            live: Waiting::default(),
            recovered: Waiting::default(),
        }
    }

    /// Bytes that it takes to know which series it wants.
    #[must_use]
    pub(crate) const fn known_bytes(&self) -> usize {
        self.verdicts.bytes()
    }

    /// Says whether the hub is pressed: then at most a frame of [`PRESSED_EVERY`], with the newest row of each series.
    pub(crate) const fn set_pressed(&mut self, pressed: bool) {
        self.pressed = pressed;
    }

    /// Takes the rows it wants into its listener's `room`. `catalog` is asked once a series.
    pub(crate) fn observe(&mut self, now: Instant, batch: &Batch, catalog: &Catalog, room: &mut Room) {
        let waiting = match batch.lane {
            Lane::Live => &mut self.live,
            Lane::Recovered => &mut self.recovered,
        };
        for (series, point) in batch.rows() {
            if self.verdicts.get_or(series, || self.filter.wants(series, catalog)) {
                waiting.push(series, point, if self.pressed { 0 } else { WAITING_ROWS }, room);
            }
        }
        if !(self.live.is_empty() && self.recovered.is_empty()) {
            // The first row after a pause leaves at once; the ones after it wait for the frame.
            self.due.get_or_insert(now);
        }
    }

    /// A device was renamed, came or went, or has other labels: what its series mean has to be asked again.
    pub(crate) fn forget_verdicts(&mut self) {
        self.verdicts = Verdicts::default();
    }

    /// Ends it: what waits goes nowhere, and its listener's `room` is free again.
    pub(crate) fn end(self, room: &mut Room) {
        room.give_back(self.live.rows.len() + self.recovered.rows.len());
    }

    /// When the next frame may leave; `None` while nothing waits.
    #[must_use]
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        if self.live.is_empty() && self.recovered.is_empty() { None } else { self.due }
    }

    /// What is due, out of its listener's `room`. Live readings leave before recovered ones.
    pub(crate) fn poll(&mut self, now: Instant, room: &mut Room) -> Vec<Frame> {
        if self.due.is_none_or(|due| due > now) {
            return Vec::new();
        }
        let frames: Vec<_> = [(Lane::Live, &mut self.live), (Lane::Recovered, &mut self.recovered)]
            .into_iter()
            .filter_map(|(lane, waiting)| waiting.take(lane))
            .collect();
        room.give_back(frames.iter().map(|frame| frame.rows.len()).sum());
        let every = if self.pressed { self.every.max(PRESSED_EVERY) } else { self.every };
        self.due = if frames.is_empty() { None } else { Some(now + every) };
        frames
    }
}

//! Reads again from the store what a rate or a deviation has to remember: after a start, and for a new rule.
//!
//! A window follows from stored readings. Saving it as well would be a second truth that costs a write a step, and
//! without the past a new rule over a day would know nothing until tomorrow. Reading it again costs one query a series,
//! one at a time, while the hub works. Until it is done the rule knows only the readings that came since, and decides
//! nothing as long as they are too few.

use super::engine::Engine;
use super::upload::FUTURE_MS;
use super::window::Window;
use crate::counter::Lead;
use crate::model::UnixMillis;
use crate::model::reading::{Point, SeriesId};
use crate::model::rule::RuleId;

/// A window to be filled: tell it what lies before `from` if it wants that ([`Recall::begin_behind`]), read the series' points with
/// `from <= at < to`, oldest first, hand them to [`Recall::take`], and it to [`Engine::recalled`].
#[derive(Debug)]
pub struct Recall {
    pub series: SeriesId,
    /// Start, included.
    pub from: UnixMillis,
    /// End, not included.
    pub to: UnixMillis,
    rule: RuleId,
    window: Box<Window>,
    /// The device's clock minus the hub's, in milliseconds, as far as it is known.
    ahead_ms: i64,
}

impl Recall {
    /// Whether it wants to know what lies before.
    #[must_use]
    pub const fn wants_lead(&self) -> bool {
        self.window.wants_lead()
    }

    /// Begins behind what lies before.
    pub fn begin_behind(&mut self, lead: &Lead) {
        self.window.begin_behind(lead);
    }

    /// Takes some of the points, in order.
    pub fn take(&mut self, points: &[Point]) {
        for point in points {
            self.window.take(Point { at: point.at.plus(-self.ahead_ms), ..*point });
        }
    }
}

impl Engine {
    /// The next window that the store may know more of; each is asked for once.
    pub fn next_recall(&mut self, now: UnixMillis) -> Option<Recall> {
        loop {
            let (slot, rule) = self.forgetful.pop_front()?;
            let Some(track) = self.tracks.get_mut(slot as usize) else { continue };
            let Some(watch) = track.watches.iter_mut().find(|watch| watch.rule == rule) else { continue };
            let (Some(rule), Some(window)) = (self.rules.get(rule), &watch.window) else { continue };
            watch.recalled = true;
            let Some(empty) = Window::new(window.condition(), window.kind()) else { continue };
            let ahead_ms = self.clocks.get(&track.device).copied().unwrap_or(0);
            return Some(Recall {
                series: track.series,
                from: now.plus(ahead_ms).plus(-empty.reach_ms()),
                to: now.plus(ahead_ms).plus(FUTURE_MS),
                rule: rule.rule.id,
                window: Box::new(empty),
                ahead_ms,
            });
        }
    }

    /// Puts a filled window where it belongs, if its rule still is what it was and it reaches back further than what came
    /// meanwhile. The few readings since it was read are not in it.
    pub fn recalled(&mut self, recall: Recall) {
        let Some(slot) = self.slot(recall.series) else { return };
        let Some(track) = self.tracks.get_mut(slot as usize) else { return };
        for watch in &mut track.watches {
            let is_it = self.rules.get(watch.rule).is_some_and(|rule| rule.rule.id == recall.rule);
            let Some(window) = watch.window.as_mut().filter(|_| is_it) else { continue };
            let same = window.condition() == recall.window.condition() && window.kind() == recall.window.kind();
            let older = recall.window.began().is_some_and(|began| window.began().is_none_or(|has| began < has));
            if same && older {
                *window = recall.window;
                return;
            }
        }
    }
}

//! Counts the devices of all rules that do so anew: after a start, and after rules or devices changed. PURE.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::condition::{Compiled, Judged};
use super::count::Count;
use super::engine::Engine;
use super::instance::{Instance, Step};
use super::track::{Track, Watch};
use crate::model::alert::{Alert, AlertId, Subject};
use crate::model::device::DeviceNo;
use crate::model::reading::{Point, SeriesId};
use crate::model::rule::Condition;

impl Engine {
    /// Counts anew by the states of all series.
    pub(super) fn recount(&mut self) {
        self.room.bounds.clear();
        self.counts.values_mut().for_each(Count::clear);
        for track in &mut self.tracks {
            let (device, series) = (track.device, track.series);
            for watch in &mut track.watches {
                let (Some(count), Some(rule)) = (self.counts.get_mut(&watch.rule), self.rules.get(watch.rule)) else {
                    continue;
                };
                watch.open = state(rule, (device, series), track.recent.back(), watch.open.as_ref());
                if watch.open.is_some() {
                    count.turn(device, &track.device_name, true);
                }
            }
        }
    }
}

/// The state of a series of a rule that counts devices: what is open, or what was said last before a start, or before there was the rule.
fn state(
    rule: &Compiled,
    (device, series): (DeviceNo, SeriesId),
    last: Option<&Point>,
    open: Option<&Arc<Alert>>,
) -> Option<Arc<Alert>> {
    let rule = rule.of_series();
    let condition = &rule.rule.spec.condition;
    let (None, Condition::Threshold { .. }, Some(last)) = (open, condition, last) else { return open.cloned() };
    let about = Subject::Series { device, series };
    let instance = Instance { rule, about, open: None, next: AlertId(0) };
    match instance.on_reading(last.at, Some(Judged::of(condition, last.value)), true) {
        Step::Become(alert, _) => Some(alert),
        Step::Stay | Step::Worsen(_) | Step::Cancel => None,
    }
}

/// How many devices are in the state of a rule at this place, by these tracks.
pub(super) fn devices(tracks: &[Track], place: usize, rule: &Compiled) -> usize {
    let in_state = |track: &&Track| {
        let watch = track.watches.iter().find(|watch| watch.rule == place);
        let is_in = |watch: &Watch| {
            state(rule, (track.device, track.series), track.recent.back(), watch.open.as_ref()).is_some()
        };
        watch.is_some_and(is_in)
    };
    tracks.iter().filter(in_state).map(|track| track.device).collect::<BTreeSet<_>>().len()
}

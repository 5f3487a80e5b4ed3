//! Counts the devices of all rules that do so anew: after a start, and after rules or devices changed. PURE.

use super::condition::Judged;
use super::count::Count;
use super::engine::Engine;
use super::instance::{Instance, Step};
use crate::model::alert::{AlertId, Subject};
use crate::model::rule::Condition;

impl Engine {
    /// Counts anew by the states of all series.
    pub(super) fn recount(&mut self) {
        self.counts.values_mut().for_each(Count::clear);
        for track in &mut self.tracks {
            let (device, series) = (track.device, track.series);
            for watch in &mut track.watches {
                let (Some(count), Some(rule)) = (self.counts.get_mut(&watch.rule), self.rules.get(watch.rule)) else {
                    continue;
                };
                let rule = rule.of_series();
                let condition = &rule.rule.spec.condition;
                // What was said last before a start, or before there was the rule, is said still.
                if watch.open.is_none()
                    && matches!(condition, Condition::Threshold { .. })
                    && let Some(last) = track.recent.last()
                {
                    let about = Subject::Series { device, series };
                    let instance = Instance { rule, about, open: None, next: AlertId(0) };
                    if let Step::Become(alert, _) =
                        instance.on_reading(last.at, Some(Judged::of(condition, last.value)), true)
                    {
                        watch.open = Some(alert);
                    }
                }
                if watch.open.is_some() {
                    count.turn(device, &track.device_name, true);
                }
            }
        }
    }
}

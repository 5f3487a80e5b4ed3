//! What a group of readings, or the passing of time, means to rules that count devices.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Draft;
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertId, AlertState, Transition};
use crate::rules::instance::{Step, is_written};
use crate::rules::slot::Slot;
use crate::rules::track::Track;

impl Draft<'_> {
    /// What is decided of one series of a rule that counts devices: nobody is told of it, the device is in the state or not.
    pub(super) fn turn(&mut self, track: &Track, at: usize, watch: usize, step: Step) {
        let (open, when) = match step {
            Step::Stay => return,
            Step::Worsen(alert) => return self.changes[at].set_open(watch, Some(alert)),
            Step::Cancel => (None, self.now),
            Step::Become(alert, when) => (Some(alert).filter(|alert| alert.state == AlertState::Firing), when),
        };
        let (was, is) = (self.changes[at].open(track, watch).is_some(), open.is_some());
        self.changes[at].set_open(watch, open);
        let place = track.watches[watch].rule;
        if let Some(count) = self.engine.counts.get(&place).filter(|_| was != is) {
            let count = self.counts.entry(place).or_insert_with(|| count.clone());
            count.turn(track.device, &track.device_name, is);
            let last = self.turned.entry(place).or_insert(when);
            *last = when.max(*last);
        }
    }

    /// What time means for these tracks, and for these rules that count devices.
    pub(in crate::rules) fn pass(&mut self, due: impl Iterator<Item = Slot>, counting: impl Iterator<Item = usize>) {
        due.for_each(|slot| self.due(slot));
        let turned = self.weigh_turned();
        let now = self.now;
        counting.filter(|place| !turned.contains_key(place)).for_each(|place| self.weigh(place, now));
    }

    /// Weighs the rules of which a device turned; which they were.
    pub(super) fn weigh_turned(&mut self) -> BTreeMap<usize, UnixMillis> {
        let turned = std::mem::take(&mut self.turned);
        for (place, at) in &turned {
            self.weigh(*place, *at);
        }
        turned
    }

    /// Decides what the number of devices means that are in the state of a rule.
    pub(in crate::rules) fn weigh(&mut self, place: usize, at: UnixMillis) {
        let (Some(rule), Some(count)) = (self.engine.rules.get(place), self.engine.counts.get(&place)) else { return };
        let count = self.counts.entry(place).or_insert_with(|| count.clone());
        if !count.is_known(rule, self.now) {
            return;
        }
        let step = count.weigh(rule, at, AlertId(self.next_alert));
        let was = count.open.clone();
        match step {
            Step::Stay => {}
            Step::Worsen(alert) => {
                let is_told = was.is_some_and(|was| is_written(&was, &alert));
                count.open = Some(Arc::clone(&alert));
                if is_told {
                    self.transitions.push(Transition::Amend(Alert::clone(&alert)));
                }
            }
            Step::Cancel => {
                count.open = None;
                self.transitions.extend(was.map(|alert| Transition::Cancel(alert.id, None)));
            }
            Step::Become(mut alert, when) => {
                if alert.state != AlertState::Resolved {
                    Arc::make_mut(&mut alert).parts = count.named(rule);
                }
                self.next_alert += u64::from(was.is_none());
                count.open = Some(Arc::clone(&alert)).filter(|alert| alert.state != AlertState::Resolved);
                self.put(&alert, when, Vec::new());
            }
        }
    }
}

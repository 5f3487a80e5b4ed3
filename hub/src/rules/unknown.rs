//! Of which alerts nobody knows whether they are still true, because nothing is heard of what they are about. PURE.
//!
//! An alert about values that fires is unknown while its device is offline (a rule says so), and while nothing came of its series, nor
//! of another sensor that it looks at, for three of its intervals, of its usual pauses between readings or uploads, and a minute. It
//! does not end by that, nobody is told, and the next reading makes it what it was, or ends it. It is on disk, so that it can be asked
//! for; after a start what was unknown stays so until something is heard.

use std::collections::HashSet;
use std::sync::Arc;

use super::engine::{Engine, Proposed};
use super::instance::spoke;
use super::track::{Change, Track, Watch};
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertState, Transition};
use crate::model::device::DeviceNo;

impl Engine {
    /// Notes which alerts are unknown from here on, and which are known again.
    pub(super) fn mark_unknown(&self, now: UnixMillis, proposed: &mut Proposed) {
        let offline: HashSet<DeviceNo> = self.devices.offline().collect();
        for (slot, track) in (0..).zip(&self.tracks) {
            let mut change: Option<Change> = None;
            for (place, watch) in track.watches.iter().enumerate() {
                let Some(alert) = &watch.open else { continue };
                let is_about_values =
                    self.rules.get(watch.rule).is_some_and(|rule| rule.rule.spec.condition.is_about_values());
                // What is counted is no alert of its own.
                let is_counted = self.counts.contains_key(&watch.rule);
                if alert.state != AlertState::Firing || !is_about_values || is_counted {
                    continue;
                }
                let unknown_since = self.unheard(now, track, watch, alert, offline.contains(&track.device));
                if unknown_since.is_some() == alert.unknown_since.is_some() {
                    continue;
                }
                let alert = Alert { unknown_since, learned_at: now, ..Alert::clone(alert) };
                proposed.transitions.push(Transition::Amend(alert.clone()));
                let change = change.get_or_insert_with(|| Change::of(slot, track));
                change.set_open(place, Some(Arc::new(alert)));
            }
            proposed.room.changes.extend(change);
        }
    }

    /// Since when nothing was heard of what an alert is about, if it is unknown by that.
    fn unheard(
        &self,
        now: UnixMillis,
        track: &Track,
        watch: &Watch,
        alert: &Alert,
        is_offline: bool,
    ) -> Option<UnixMillis> {
        let heard = track.pulse(watch, self.started).heard;
        let stays = alert.unknown_since.is_some() && !spoke(heard, self.started);
        let waited = now.since(heard.unwrap_or(self.started).max(self.started));
        let is_unknown = is_offline || stays || waited > track.rhythm.expected_within_ms();
        is_unknown.then(|| alert.unknown_since.or(heard).unwrap_or(now))
    }
}

//! Rules about devices as a whole: one is offline, a source of it fails, its clock is off. PURE.
//!
//! ```text
//!   look_for(now, looked)   once a second: how devices are
//!   offline                 nothing heard for `after`, and for three of its intervals; over when it is heard again
//!   source_failing          its agent says so; over when it says that none fails
//!   clock_off               its agent's clock is further off than `by`; over when it is not
//! ```
//!
//! Something is true of a device once it was so at [`LOOKS`] looks in a row: after a hub slept all devices seem to have been
//! silent for hours. After a start nothing is true before [`GRACE_MS`], and no device is away before it had time to come back
//! (three hours, if its readings are pushed each hour); one that never came is not away. Of a device that is offline nobody
//! knows whether its sources fail or what its clock says: such an alert neither ends nor begins.
//!
//! `hold` and `clear_for` are measured by the hub's clock.

mod found;
pub(super) mod open;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use self::found::{Found, found, is_known, measured};
use self::open::Of;
use super::condition::{Compiled, same_meaning};
use super::draft::Draft;
use super::engine::{Engine, Proposed};
use super::instance::{GRACE_MS, end, is_written};
use super::renumbered::of_device;
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertId, AlertState, Subject, Transition};
use crate::model::catalog::Catalog;
use crate::model::device::Standing;
use crate::model::looked::Looked;
use crate::model::rule::{Condition, DeviceState};

/// Looks in a row at which something was so of a device before it counts, whatever the clock says.
const LOOKS: u32 = 5;

impl Engine {
    /// Decides what it means how devices are, and of which alerts nobody knows whether they are still true.
    #[must_use]
    pub fn look_for(&mut self, now: UnixMillis, catalog: &Catalog, looked: &Looked) -> Proposed {
        // Deleted meanwhile: the store removed the row of the alert with the device's.
        self.devices.open.retain(|(_, device), _| catalog.device(*device).is_some());
        let mut proposed = Proposed { next_alert: self.next_alert, ..Proposed::default() };
        let mut looks = HashMap::new();
        for rule in &self.rules {
            let Condition::Device(state) = rule.rule.spec.condition else { continue };
            if rule.rule.spec.enabled {
                self.look(&mut proposed, &mut looks, (now, catalog, looked), (rule, state));
            }
        }
        self.devices.looks = looks;
        self.mark_unknown(now, &mut proposed);
        proposed
    }

    /// What one rule says of all devices.
    fn look(
        &self,
        proposed: &mut Proposed,
        looks: &mut HashMap<Of, u32>,
        (now, catalog, looked): (UnixMillis, &Catalog, &Looked),
        (rule, state): (&Compiled, DeviceState),
    ) {
        let id = rule.rule.id;
        let covers = |device| {
            let device = catalog.device(device).filter(|device| device.standing == Standing::Adopted);
            device.is_some_and(|device| rule.covers_device(device))
        };
        for found in found(state, looked).filter(|found| covers(found.device)) {
            let of = (id, found.device);
            let count = self.devices.looks.get(&of).map_or(1, |count| count.saturating_add(1));
            looks.insert(of, count);
            let is_true = count >= LOOKS && now >= found.due && now >= self.started.plus(GRACE_MS);
            let open = self.devices.open.get(&of);
            if is_true || open.is_some() {
                bad(proposed, rule, open, &found, now);
            }
        }
        for (device, open) in self.devices.of(id).filter(|(device, _)| !looks.contains_key(&(id, *device))) {
            let is_watched = covers(device);
            if !is_watched || is_known(state, device, looked) {
                let last = measured(state, device, looked).filter(|_| is_watched);
                let clear_for_ms = if is_watched { rule.clear_for_ms } else { 0 };
                good(proposed, open, (now, clear_for_ms), last);
            }
        }
    }

    /// Proposes the end of alerts about devices that no rule of these is about any more.
    pub(super) fn leave_devices(
        &self,
        draft: &mut Draft<'_>,
        catalog: &Catalog,
        rules: &[Compiled],
        now: UnixMillis,
    ) -> Vec<(Of, Option<Arc<Alert>>)> {
        let both = |of: &Of| {
            let old = self.rules.iter().find(|rule| rule.rule.id == of.0);
            old.zip(rules.iter().find(|rule| rule.rule.id == of.0))
        };
        let mut left = Vec::new();
        for (of, alert) in &self.devices.open {
            let Some(device) = catalog.device(of.1) else {
                left.push((*of, None));
                continue;
            };
            let both = both(of).filter(|(_, new)| new.rule.spec.enabled && new.covers_device(device));
            if both.is_some_and(|(old, new)| same_meaning(&old.rule.spec, &new.rule.spec)) {
                continue;
            }
            let goes_on = both.and_then(|both| of_device(alert, both, now));
            match &goes_on {
                Some(alert) => draft.amended(alert),
                None => draft.emit(end(alert, now), (alert.id, alert.device()), &[]),
            }
            left.push((*of, goes_on.map(Arc::new)));
        }
        left
    }
}

/// It is so of a device.
fn bad(proposed: &mut Proposed, rule: &Compiled, open: Option<&Arc<Alert>>, found: &Found, now: UnixMillis) {
    let Some(open) = open else {
        let alert = begin(AlertId(proposed.next_alert), rule, found, now);
        proposed.next_alert += 1;
        return put(proposed, if rule.hold_ms == 0 { fire(&alert, found, now) } else { alert }, now);
    };
    match open.state {
        // It has been so since the hub learned of it.
        AlertState::Pending if now.since(open.learned_at) >= rule.hold_ms => put(proposed, fire(open, found, now), now),
        AlertState::Firing => {
            let worse = open.worsened(found.value);
            if worse.is_some() || open.well_since.is_some() {
                let worse = Alert { well_since: None, ..worse.unwrap_or_else(|| Alert::clone(open)) };
                if is_written(open, &worse) {
                    proposed.transitions.push(Transition::Amend(worse.clone()));
                }
                keep(proposed, worse);
            }
        }
        AlertState::Pending | AlertState::Resolved | AlertState::Historical => {}
    }
}

/// It is not so any more.
fn good(proposed: &mut Proposed, open: &Arc<Alert>, (now, clear_for_ms): (UnixMillis, i64), last: Option<f64>) {
    match open.state {
        AlertState::Pending => {
            proposed.transitions.push(Transition::Cancel(open.id, open.device()));
            proposed.devices.extend(open.device().map(|device| ((open.rule, device), None)));
        }
        AlertState::Firing => {
            let since = open.well_since.unwrap_or(now);
            if now.since(since) >= clear_for_ms {
                let (state, resolved_at) = (AlertState::Resolved, Some(now));
                put(proposed, Alert { state, resolved_at, last, well_since: None, ..Alert::clone(open) }, now);
            } else if open.well_since.is_none() {
                let well = Alert { well_since: Some(since), ..Alert::clone(open) };
                proposed.transitions.push(Transition::Amend(well.clone()));
                keep(proposed, well);
            }
        }
        AlertState::Resolved | AlertState::Historical => {}
    }
}

fn fire(alert: &Alert, found: &Found, now: UnixMillis) -> Alert {
    let (state, value) = (AlertState::Firing, found.value);
    Alert { state, value, worst: value, fired_at: Some(now), ..alert.clone() }
}

fn put(proposed: &mut Proposed, alert: Alert, now: UnixMillis) {
    let alert = Alert { learned_at: now, ..alert };
    keep(proposed, alert.clone());
    proposed.transitions.push(Transition::Put { alert, occurred_at: now, points: Vec::new() });
}

fn keep(proposed: &mut Proposed, alert: Alert) {
    let Some(device) = alert.device() else { return };
    let stays = matches!(alert.state, AlertState::Pending | AlertState::Firing);
    proposed.devices.push(((alert.rule, device), stays.then(|| Arc::new(alert))));
}

fn begin(id: AlertId, rule: &Compiled, found: &Found, now: UnixMillis) -> Alert {
    let rule = &rule.rule;
    Alert {
        id,
        rule: rule.id,
        rule_name: rule.spec.name.clone(),
        tags: Arc::new(rule.spec.tags.clone()),
        severity: rule.spec.severity,
        about: Subject::Device(found.device),
        state: AlertState::Pending,
        measure: rule.spec.condition.measure(),
        value: found.value,
        worst: found.value,
        last: None,
        threshold: found.threshold,
        started_at: found.since.unwrap_or(now),
        parts: Arc::default(),
        usual: None,
        well_since: None,
        fired_at: None,
        resolved_at: None,
        acked: None,
        new_normal: false,
        unknown_since: None,
        learned_at: now,
    }
}

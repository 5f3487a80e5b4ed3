//! What readings tell that came late: of what lasts still, and of what was over.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Draft, ONCE_MS};
use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertId, AlertState, Transition};
use crate::model::reading::SeriesId;
use crate::rules::engine::Told;
use crate::rules::track::Watch;

impl Draft<'_> {
    /// A rule is true still of a series, by readings that came late: since when, and since when it has been so for long
    /// enough. `false` when it is over by what came meanwhile.
    pub(in crate::rules) fn lasting(&mut self, series: SeriesId, newest: UnixMillis, found: &Alert) -> bool {
        let slot = self.engine.slot(series);
        let Some((slot, track)) = slot.and_then(|slot| Some((slot, self.engine.tracks.get(slot as usize)?))) else {
            return false;
        };
        let is_it =
            |watch: &Watch| self.engine.rules.get(watch.rule).is_some_and(|compiled| compiled.rule.id == found.rule);
        let Some(watch) = track.watches.iter().position(is_it) else { return false };
        let at = self.touch(slot, track);
        let change = &mut self.changes[at];
        let open = change.open(track, watch).cloned();
        let is_overtaken = change.last.is_some_and(|last| last > newest);
        let is_current = self.now.since(newest) <= change.patience_ms(track);
        let alert = match open {
            None if is_overtaken || !is_current => return false,
            None => {
                self.next_alert += 1;
                Alert { id: AlertId(self.next_alert - 1), ..found.clone() }
            }
            Some(open) if open.started_at <= found.started_at => return true,
            Some(open) if open.state == AlertState::Pending => Alert { id: open.id, ..found.clone() },
            // Somebody was told of it: only its beginning was not known.
            Some(open) => {
                let fired_at = open.fired_at.min(found.fired_at.or(open.fired_at));
                let worst = open.worsened(found.worst).unwrap_or_else(|| Alert::clone(&open));
                let alert = Arc::new(Alert { started_at: found.started_at, fired_at, ..worst });
                change.set_open(watch, Some(Arc::clone(&alert)));
                self.amended(&alert);
                return true;
            }
        };
        change.last = change.last.max(Some(newest));
        change.set_open(watch, Some(Arc::new(alert.clone())));
        let points = change.recent(track);
        self.put(&alert, alert.fired_at.unwrap_or(alert.started_at), points);
        true
    }

    /// An entry of what was over when the hub learned of it; its number where it is a new one.
    pub(in crate::rules) fn enter(&mut self, mut alert: Alert, is_new: bool) {
        if is_new {
            alert.id = AlertId(self.next_alert);
            self.next_alert += 1;
        }
        self.put(&alert, alert.fired_at.unwrap_or(alert.started_at), Vec::new());
        if is_new {
            self.past.push((alert, Vec::new()));
        }
    }

    /// Tells of what was over, once a rule and device; which ones that are.
    pub(super) fn tell_past(&mut self) -> Vec<Told> {
        let mut counts: BTreeMap<Told, u32> = BTreeMap::new();
        let past = std::mem::take(&mut self.past);
        let told_of = |alert: &Alert| Some((alert.rule, alert.device()?));
        for key in past.iter().filter_map(|(alert, _)| told_of(alert)) {
            *counts.entry(key).or_default() += 1;
        }
        let told: Vec<_> = counts.keys().copied().collect();
        for (alert, points) in past {
            let Some(key) = told_of(&alert) else { continue };
            // The first of each takes the count along.
            let Some(count) = counts.remove(&key) else { continue };
            let is_told = self.engine.past.get(&key).is_some_and(|at| self.now.since(*at) < ONCE_MS);
            if !is_told {
                let alert = Alert { learned_at: self.now, ..alert };
                self.transitions.push(Transition::TellPast { alert, count, points });
            }
        }
        told
    }
}

//! Which rules watch which series. Patterns and labels are matched once a series, of rules that can be about its device; after that it
//! is one load from a list.
//!
//! A series is matched at its first reading. When rules or its device change, all series are matched again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::condition::{Compiled, millis, same_meaning};
use super::engine::{Engine, LATE_MS, Watched, Watching};
use super::look::Look;
use super::matching::Matching;
use super::rhythm::Rhythm;
use super::slot::Slot;
use super::track::{Past, Track, Watch};
use crate::model::SensorKind;
use crate::model::catalog::Catalog;
use crate::model::reading::SeriesId;
use crate::model::rule::{Condition, RuleId};

impl Engine {
    /// What each rule watches, and those that look back know by now.
    #[must_use]
    pub fn watching(&self) -> BTreeMap<RuleId, Watching> {
        let new = |rule: &Compiled| Watching { version: rule.rule.version, ..Watching::default() };
        let mut all: Vec<_> = self.rules.iter().map(new).collect();
        // Asked for each second, of all series: one walk.
        for track in &self.tracks {
            for watch in &track.watches {
                let both = all.get_mut(watch.rule).zip(self.rules.get(watch.rule));
                let Some((watching, compiled)) = both else { continue };
                watching.series += 1;
                let waits = watch.window.as_ref().is_some_and(|window| window.measured().is_none());
                watching.waiting += usize::from(waits);
                watching.note_pace(&compiled.rule.spec.condition, track.rhythm.every_ms());
            }
        }
        for ((place, compiled), watching) in self.rules.iter().enumerate().zip(&mut all) {
            // Most look at nothing beside their own series.
            if watching.series == 0 || compiled.sources.is_empty() {
                continue;
            }
            let watched = self.sources.watches.keys().filter(|here| here.0 == place);
            let watched: Vec<_> = watched.copied().collect();
            let has = |part| watched.iter().any(|here| self.sources.feed(*here, part).is_some());
            let missing = compiled.sources.iter().filter(|(part, _)| !has(*part)).map(|(_, sensor)| sensor.clone());
            watching.missing = missing.collect::<BTreeSet<_>>().into_iter().collect();
        }
        self.rules.iter().map(|compiled| compiled.rule.id).zip(all).collect()
    }

    pub(super) fn slot(&self, series: SeriesId) -> Option<Slot> {
        match self.watched.get(series.0 as usize) {
            Some(&Watched::By(slot)) => Some(slot),
            Some(Watched::Unknown | Watched::No) | None => None,
        }
    }

    /// Finds out who watches a series, once.
    pub(super) fn meet(&mut self, catalog: &Catalog, series: SeriesId) {
        let known = self.watched.get(series.0 as usize).copied().unwrap_or(Watched::Unknown);
        if known != Watched::Unknown {
            return;
        }
        let Some(mut track) = self.bare_track(catalog, series, (&self.rules, &self.matching)) else { return };
        for watch in &mut track.watches {
            let Some(rule) = self.rules.get(watch.rule) else { continue };
            let Some(alert) = self.resuming.remove(&(rule.rule.id, series)) else { continue };
            match &rule.of_series().rule.spec.condition {
                Condition::Threshold { .. }
                | Condition::Rate { .. }
                | Condition::Increase { .. }
                | Condition::Deviation { .. }
                | Condition::Figure { .. }
                | Condition::Stuck { .. }
                | Condition::Seasonal { .. }
                | Condition::Difference { .. }
                | Condition::Count { .. }
                | Condition::Joined { .. }
                | Condition::Forecast { .. }
                | Condition::Device(_) => {
                    track.last = track.last.max(Some(alert.started_at));
                    track.rhythm.remember_last(alert.started_at);
                }
                Condition::Silence { after } => {
                    track.heard = track.heard.max(Some(alert.started_at.plus(-millis(*after))));
                }
            }
            if let Some(together) = watch.window.as_mut().and_then(Look::beside_mut) {
                together.resume(&alert.parts);
            }
            watch.open = Some(alert);
        }
        if track.watches.is_empty() && track.feeds.is_empty() {
            self.mark(series, Watched::No);
        } else {
            let (device, has_others) = (track.device, !track.feeds.is_empty());
            self.add(track);
            if has_others && let Some(slot) = self.slot(series) {
                self.meet_around(catalog, slot);
            }
            self.fill(Some(device));
        }
    }

    /// A track without a past; `None` when the series is not in the catalog (any more).
    pub(super) fn bare_track(
        &self,
        catalog: &Catalog,
        id: SeriesId,
        (rules, matching): (&[Compiled], &Matching),
    ) -> Option<Track> {
        let series = catalog.series(id)?;
        let device = catalog.device(series.device)?;
        let of_device: Vec<_> = matching.of(device).into_iter().filter_map(|at| Some((at, rules.get(at)?))).collect();
        let covering: Vec<_> = of_device.iter().copied().filter(|(_, rule)| rule.covers(device, series)).collect();
        let feeds = of_device.iter().flat_map(|&(at, rule)| rule.feeds(device, series).map(move |part| (at, part)));
        let interval_ms = device.interval_ms.unwrap_or(series.interval_ms);
        let mut rhythm = Rhythm::new(interval_ms);
        rhythm.remember_uploads(device.pushed_every_ms);
        Some(Track {
            series: id,
            device: series.device,
            device_name: device.name.as_str().into(),
            kind: series.kind,
            unit: series.unit.as_str().into(),
            late_ms: LATE_MS.max(2 * i64::from(interval_ms)),
            judged: covering.iter().any(|(_, rule)| rule.is_reviewed()),
            last: None,
            heard: None,
            rhythm,
            recent: VecDeque::new(),
            watches: covering.into_iter().map(|(at, rule)| watch(at, rule, series.kind)).collect(),
            feeds: feeds.collect(),
            queued: None,
        })
    }

    pub(super) fn is_same(&self, was: &Watch, rules: &[Compiled], watch: &Watch) -> bool {
        let (Some(old), Some(new)) = (self.rules.get(was.rule), rules.get(watch.rule)) else { return false };
        old.rule.id == new.rule.id && same_meaning(&old.rule.spec, &new.rule.spec)
    }

    pub(super) fn add(&mut self, track: Track) {
        let Ok(slot) = Slot::try_from(self.tracks.len()) else { return };
        for watch in &track.watches {
            match &watch.window {
                Some(Look::Back(_)) if watch.past == Past::Unasked => {
                    self.forgetful.push_back((slot, watch.rule, None))
                }
                Some(Look::Beside(_, together)) if watch.past == Past::Unasked => {
                    let parts = (0..together.parts()).map(|part| (slot, watch.rule, Some(part)));
                    self.forgetful.extend(parts);
                }
                Some(_) | None => {}
            }
        }
        for watch in &track.watches {
            if let Some(count) = self.counts.get_mut(&watch.rule) {
                count.meet(track.device, &track.unit, track.rhythm.interval_ms);
            }
        }
        self.mark(track.series, Watched::By(slot));
        self.unread.push(track.looks_back());
        self.tracks.push(track);
        self.connect(slot);
        self.queue(slot, true);
    }

    fn mark(&mut self, series: SeriesId, watched: Watched) {
        let at = series.0 as usize;
        if at >= self.watched.len() {
            self.watched.resize(at + 1, Watched::Unknown);
        }
        self.watched[at] = watched;
    }
}

fn watch(rule: usize, compiled: &Compiled, kind: SensorKind) -> Watch {
    let window = Look::new(&compiled.of_series().rule.spec.condition, kind);
    Watch { rule, open: None, window, past: Past::Unasked }
}

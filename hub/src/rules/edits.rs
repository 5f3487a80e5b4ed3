//! Other rules, and devices that are called otherwise: which alerts go on, and which end. PURE.

use super::condition::{Compiled, only_numbers_differ, same_meaning};
use super::count;
use super::draft::Draft;
use super::engine::{Engine, Proposed, Rebuilt};
use super::instance::end;
use super::matching::Matching;
use super::recount;
use super::renumbered::recounted;
use crate::model::UnixMillis;
use crate::model::catalog::Catalog;
use crate::model::rule::Rule;

impl Engine {
    /// Proposes other rules. An open alert of a rule that is gone, off, no longer covers its series or means something
    /// else resolves (a pending one is cancelled); a changed name or list of webhooks ends nothing. Where only numbers changed one
    /// that fires goes on as long as it is true by what was measured last (see `renumbered`).
    ///
    /// A deleted device's alerts go with it, without a transition: the store has removed their rows already.
    #[must_use]
    pub fn set_rules(&self, now: UnixMillis, catalog: &Catalog, rules: Vec<Rule>) -> Proposed {
        let rules: Vec<_> = rules.into_iter().map(Compiled::new).collect();
        let matching = Matching::new(&rules);
        let mut draft = Draft::new(self, now);
        let mut tracks = Vec::new();
        for track in &self.tracks {
            let Some(mut kept) = self.bare_track(catalog, track.series, (&rules, &matching)) else { continue };
            for was in &track.watches {
                if let Some(watch) = kept.watches.iter_mut().find(|watch| self.is_same(was, &rules, watch)) {
                    watch.go_on(was);
                    continue;
                }
                let mut others = kept.watches.iter_mut();
                let goes_on = others.any(|watch| self.renumber(&mut draft, (track, was), &rules, (watch, now)));
                let is_counted = self.counts.contains_key(&was.rule);
                if let Some(alert) = was.open.as_ref().filter(|_| !goes_on && !is_counted) {
                    draft.emit(end(alert, now), (alert.id, alert.device()), &track.recent);
                }
            }
            if !kept.watches.is_empty() || !kept.feeds.is_empty() {
                kept.last = track.last;
                kept.heard = track.heard;
                kept.rhythm = track.rhythm.with_interval(kept.rhythm.interval_ms);
                kept.recent.clone_from(&track.recent);
                tracks.push(kept);
            }
        }
        let devices = self.leave_devices(&mut draft, catalog, &rules, now);
        let mut counts = count::all(&rules, now, |_| None);
        for (place, count) in &self.counts {
            let Some(old) = self.rules.get(*place) else { continue };
            let is_it = |new: &Compiled| {
                let (was, is) = (&old.rule.spec, &new.rule.spec);
                new.rule.id == old.rule.id && (same_meaning(was, is) || only_numbers_differ(was, is))
            };
            let it = rules.iter().enumerate().find(|(_, new)| is_it(new));
            let Some((place, new, goes_on)) = it.and_then(|(place, new)| Some((place, new, counts.get_mut(&place)?)))
            else {
                count.open.iter().for_each(|alert| draft.emit(end(alert, now), (alert.id, None), &[]));
                continue;
            };
            goes_on.go_on(count, old.is_about_the_same(new));
            if let Some(alert) = count.open.as_ref().filter(|_| !same_meaning(&old.rule.spec, &new.rule.spec)) {
                let known = (recount::devices(&tracks, place, new), now >= count.all_known_at(new));
                goes_on.open = recounted(&mut draft, alert, new, known, now);
            }
        }
        let was = |id| self.rules.iter().find(|old| old.rule.id == id);
        let is_other =
            |new: &&Compiled| was(new.rule.id).is_some_and(|old| !same_meaning(&old.rule.spec, &new.rule.spec));
        let edited = rules.iter().filter(is_other).map(|new| new.rule.id).collect();
        Proposed { devices, rebuilt: Some(Rebuilt { rules, matching, edited, tracks, counts }), ..draft.finish() }
    }

    /// Proposes what follows from a device renamed, relabelled, deleted or given another interval. New series and
    /// devices need no call: they are met by [`Engine::prepare`].
    #[must_use]
    pub fn catalog_changed(&self, now: UnixMillis, catalog: &Catalog) -> Proposed {
        self.set_rules(now, catalog, self.rules().cloned().collect())
    }
}

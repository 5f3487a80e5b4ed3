//! Connects the tracks of a device that a rule looks at beside each other, and shows them what was said last. PURE.

use super::engine::Engine;
use super::slot::Slot;
use super::sources::Here;
use super::track::Track;
use crate::model::UnixMillis;
use crate::model::catalog::{Catalog, Series};
use crate::model::device::DeviceNo;
use crate::model::reading::Point;

impl Engine {
    /// Enters a track that was added.
    pub(super) fn connect(&mut self, slot: Slot) {
        let Some(track) = self.tracks.get(slot as usize) else { return };
        for (place, watch) in track.watches.iter().enumerate() {
            if self.rules.get(watch.rule).is_some_and(|rule| !rule.sources.is_empty()) {
                self.sources.watches.entry((watch.rule, track.device)).or_default().push((slot, place));
            }
        }
        for &(rule, part) in &track.feeds {
            self.sources.feeds.entry((rule, track.device)).or_default().push((slot, part));
        }
    }

    /// The unit of a part of a rule on a track; none of a sensor that the device does not have.
    pub(super) fn unit_of_part<'a>(&'a self, track: &'a Track, rule: usize, part: usize) -> &'a str {
        let beside = self.sources.feed((rule, track.device), part).and_then(|slot| self.tracks.get(slot as usize));
        let is_other = self.rules.get(rule).is_some_and(|rule| rule.sources.iter().any(|(of, _)| *of == part));
        match beside {
            Some(beside) => &beside.unit,
            None if is_other => "",
            None => &track.unit,
        }
    }

    /// Shows the watches of a device, or of all, what was said last of what they look at.
    pub(super) fn fill(&mut self, device: Option<DeviceNo>) {
        let is_wanted = |here: &Here| device.is_none_or(|device| device == here.1);
        for (here, watches) in self.sources.watches.iter().filter(|(here, _)| is_wanted(here)) {
            let feeds = self.sources.feeds.get(here).map_or(&[][..], Vec::as_slice);
            let said = |tracks: &[Track], slot: Slot| {
                let track = tracks.get(slot as usize)?;
                let last = track.recent.back()?;
                let last = Point { at: track.last.unwrap_or(last.at), ..*last };
                Some((track.kind, last, track.heard.unwrap_or(UnixMillis(i64::MIN))))
            };
            let beside: Vec<_> =
                feeds.iter().filter_map(|(slot, part)| Some((*part, said(&self.tracks, *slot)?))).collect();
            for &(slot, place) in watches {
                let own = said(&self.tracks, slot);
                let watch = self.tracks.get_mut(slot as usize).and_then(|track| track.watches.get_mut(place));
                let look = watch.and_then(|watch| watch.window.as_mut());
                let Some(together) = look.and_then(|look| look.beside_mut()) else { continue };
                if let Some((kind, last, _)) = own {
                    together.remember(kind, last);
                }
                for &(part, (kind, last, heard)) in &beside {
                    together.feed(part, kind, last, heard);
                }
            }
        }
    }

    /// Meets the series that a rule is about which looks at this one beside them: it may be true of them before they say anything.
    pub(super) fn meet_around(&mut self, catalog: &Catalog, slot: Slot) {
        let Some(track) = self.tracks.get(slot as usize) else { return };
        let (Some(device), of) = (catalog.device(track.device), track.device) else { return };
        let rules: Vec<_> = track.feeds.iter().filter_map(|(rule, _)| self.rules.get(*rule)).collect();
        let covered = |series: &&Series| rules.iter().any(|rule| rule.covers(device, series));
        let around: Vec<_> = catalog.series_of(of).filter(covered).map(|series| series.id).collect();
        around.into_iter().for_each(|series| self.meet(catalog, series));
    }
}

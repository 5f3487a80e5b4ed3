//! Which series rules look at beside their own, and which tracks these are. PURE.

use std::collections::HashMap;

use super::slot::Slot;
use crate::model::device::DeviceNo;

/// A rule, by its place, on a device.
pub(super) type Here = (usize, DeviceNo);

/// Who looks beside its own series, and at whom.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// The watches of the rule: the track, and the place of the watch in it.
    pub(super) watches: HashMap<Here, Vec<(Slot, usize)>>,
    /// The series that it looks at beside: the track, and the part it is.
    pub(super) feeds: HashMap<Here, Vec<(Slot, usize)>>,
}

impl Sources {
    pub(super) fn is_empty(&self) -> bool {
        self.feeds.is_empty()
    }

    /// The watches of a rule on a device.
    pub(super) fn watches(&self, here: Here) -> &[(Slot, usize)] {
        self.watches.get(&here).map_or(&[], Vec::as_slice)
    }

    /// The series that is a part of a rule on a device.
    pub(super) fn feed(&self, here: Here, part: usize) -> Option<Slot> {
        self.feeds.get(&here)?.iter().find(|(_, of)| *of == part).map(|(slot, _)| *slot)
    }
}

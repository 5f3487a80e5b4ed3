//! The state of the engine, and what it proposes. PURE. Its operations are in [`super`].

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::condition::Compiled;
use super::count::Count;
use super::devices::open::{Devices, Of};
use super::late::{Backlog, Stretches};
use super::matching::Matching;
use super::slot::Slot;
use super::sources::Sources;
use super::track::{Room, Track};
use crate::model::UnixMillis;
use crate::model::alert::{Ailment, Alert, Transition};
use crate::model::device::DeviceNo;
use crate::model::reading::{SeriesId, Stretch};
use crate::model::rule::{Condition, RuleId};
use crate::model::seldom::Seldom;

/// A reading this old when it arrives is late, however short its interval.
pub(super) const LATE_MS: i64 = 60_000;

/// A rule and a device, of which somebody was told what was over.
pub(super) type Told = (RuleId, DeviceNo);

/// Whether rules watch a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watched {
    Unknown,
    No,
    By(Slot),
}

/// Every rule on every series it watches.
#[derive(Debug)]
pub struct Engine {
    pub(super) rules: Vec<Compiled>,
    /// Which of them can be about a device.
    pub(super) matching: Matching,
    /// By series number: who watches it, as far as is known.
    pub(super) watched: Vec<Watched>,
    pub(super) tracks: Vec<Track>,
    /// By track: whether what its rules look back at may still have to be read.
    pub(super) unread: Vec<bool>,
    /// Tracks that need time to pass, by the moment they want to be looked at.
    pub(super) deadlines: BTreeSet<(UnixMillis, Slot)>,
    /// Watches whose window began empty: the store may know more. By track, rule, and of several series that it looks at the part.
    pub(super) forgetful: VecDeque<(Slot, usize, Option<usize>)>,
    /// Which series rules look at beside their own.
    pub(super) sources: Sources,
    /// Late readings that nobody has looked at.
    pub(super) backlog: Backlog,
    /// Open alerts from before the restart whose series has not been met yet.
    pub(super) resuming: HashMap<(RuleId, SeriesId), Arc<Alert>>,
    /// What ails the hub itself.
    pub(super) ailing: BTreeMap<Ailment, Arc<Alert>>,
    /// What rules say of devices as a whole.
    pub(super) devices: Devices,
    /// Of the rules that count devices, by their place: how many are in the state.
    pub(super) counts: BTreeMap<usize, Count>,
    /// Open alerts about several devices whose rule is gone.
    pub(super) lost: Vec<Arc<Alert>>,
    pub(super) next_alert: u64,
    /// For the changes of the next group, with what is known of readings that decide nothing.
    pub(super) room: Room,
    /// Clocks of devices minus the hub's, in milliseconds, where that is known.
    pub(super) clocks: HashMap<DeviceNo, i64>,
    /// When the hub started.
    pub(super) started: UnixMillis,
    /// What was over when the hub learned of it, and when somebody was last told or would have been.
    pub(super) past: BTreeMap<Told, UnixMillis>,
}

/// How many series a rule watches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Watching {
    /// Of which version of the rule that is.
    pub version: u32,
    /// All of them.
    pub series: usize,
    /// Those, of a rule that looks back, that have not reported enough yet, or reported too seldom of late.
    pub waiting: usize,
    /// Other sensors that it names and none of the devices has that it watches: without them it may never fire.
    pub missing: Vec<String>,
    /// How many of them report too seldom for what it looks back at, and the one that does most seldom.
    pub seldom: Option<(usize, Seldom)>,
}

impl Watching {
    /// Takes note of a series whose readings come each so many milliseconds, as far as that is known.
    pub(super) fn note_pace(&mut self, condition: &Condition, every_ms: i64) {
        let every = Duration::from_millis(every_ms.max(0).unsigned_abs());
        let Some(seldom) = Seldom::of(condition, every) else { return };
        self.seldom = Some(match self.seldom.take() {
            Some((count, other)) => (count + 1, if other.every >= seldom.every { other } else { seldom }),
            None => (1, seldom),
        });
    }
}

/// What should happen. Commit the transitions, then hand it to [`Engine::apply`]; or drop it, and nothing happened.
#[derive(Debug, Default)]
pub struct Proposed {
    /// Alert changes, in order.
    pub transitions: Vec<Transition>,
    /// Late readings that wait to be looked at, where that changes: to be committed too, `None` when there are none any more.
    pub waiting: Vec<(SeriesId, Option<Stretch>)>,
    /// What changes of tracks, in the room for it.
    pub(super) room: Room,
    /// Readings that came too late to decide anything, and when they came.
    pub(super) late: (UnixMillis, Vec<(Slot, Stretches)>),
    /// Of which rules and devices it tells what was over.
    pub(super) told: Vec<Told>,
    /// What begins or ceases to ail the hub.
    pub(super) ailing: Vec<(Ailment, Option<Arc<Alert>>)>,
    /// What rules say of devices that changes.
    pub(super) devices: Vec<(Of, Option<Arc<Alert>>)>,
    /// How many devices are in the state of a rule, by its place.
    pub(super) counts: BTreeMap<usize, Count>,
    pub(super) next_alert: u64,
    pub(super) rebuilt: Option<Rebuilt>,
}

impl Proposed {
    /// Whether what this rule said before counts no more: it is deleted, off from then on, or asks something else.
    #[must_use]
    pub fn renews(&self, rule: RuleId) -> bool {
        let stays = |rebuilt: &Rebuilt| {
            let is_there = rebuilt.rules.iter().any(|one| one.rule.id == rule && one.rule.spec.enabled);
            is_there && !rebuilt.edited.contains(&rule)
        };
        rule != RuleId::HUB && self.rebuilt.as_ref().is_some_and(|rebuilt| !stays(rebuilt))
    }

    /// Whether a person caused it, by a change of rules or devices.
    #[must_use]
    pub const fn is_by_hand(&self) -> bool {
        self.rebuilt.is_some()
    }

    /// Whether applying it would change nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.transitions.is_empty()
            && self.room.changes.is_empty()
            && self.room.noted.is_empty()
            && self.late.1.is_empty()
            && self.told.is_empty()
            && self.waiting.is_empty()
            && self.ailing.is_empty()
            && self.devices.is_empty()
            && self.counts.is_empty()
            && self.rebuilt.is_none()
    }
}

/// The engine under other rules: the tracks that stay, each with its watches anew.
#[derive(Debug)]
pub(super) struct Rebuilt {
    pub(super) rules: Vec<Compiled>,
    /// Which of them are about which devices.
    pub(super) matching: Matching,
    /// Those of them that ask something else than before.
    pub(super) edited: Vec<RuleId>,
    pub(super) tracks: Vec<Track>,
    /// Of those of the new rules that count devices.
    pub(super) counts: BTreeMap<usize, Count>,
}

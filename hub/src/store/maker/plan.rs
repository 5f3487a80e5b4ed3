//! PURE. What the maker does at a look, step by step.
//!
//! ```text
//!   every 250 ms   pack who is due ──▶ sweep ──▶ make room ─┐
//!   every minute   copy who is who ──▶ merge ──▶ let go ──▶ give back ──▶ measure
//! ```
//!
//! A step that fails ends the look, and the next one begins anew. A device is due with [`POINTS`] points of one series, or when its oldest
//! batch has waited [`AGE`]; when the journal reaches its limit (`cap`) the largest devices are due, without a rest, until it is half as
//! long. Nothing is merged then.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use super::trust::Trust;
use crate::model::UnixMillis;
use crate::model::device::DeviceNo;
use crate::model::room::{NEARLY_FULL, ROOM_AGAIN, Room};
use crate::store::engine::upkeep::CatalogState;
use crate::store::head::Waiting;

/// Points of a series worth a block.
const POINTS: u32 = 1024;
/// Longest a reading waits for its block.
const AGE: i64 = 2 * 3_600_000;
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(250);
/// Dead rows worth a sweep.
const SWEEP: usize = 8 << 20;
/// Time between two looks for what is too small and what is too old.
const TIDY: Duration = Duration::from_mins(1);
/// The catalog (devices, sensors, rules) is copied aside at least this often, even when it did not change.
const COPY: Duration = Duration::from_hours(24);

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Make blocks of what waits of these devices, in this order.
    Pack(Vec<DeviceNo>),
    /// Delete journal rows that count no longer.
    Sweep,
    /// Have the oldest readings go, if the cap needs it.
    MakeRoom,
    /// Copy who is who, if that is due, and see how much room the disk has.
    KeepHouse,
    /// Merge small cuts that have waited long enough.
    Merge,
    /// Delete what is too old at this moment.
    LetGo(UnixMillis),
    /// Give free pages back to the disk.
    GiveBack,
    /// See how fast the file grows at this moment; keep that if the clock can be believed.
    Measure { at: UnixMillis, sure: bool },
}

/// What waits to be packed.
pub(super) struct Journal {
    pub(super) waiting: Vec<Waiting>,
    /// How long it is, and from which length on there is no time to rest.
    pub(super) bytes: usize,
    pub(super) most: usize,
}

/// The next step of a look.
#[derive(Debug, Clone, Copy)]
enum Stage {
    Pack,
    Sweep,
    MakeRoom,
    KeepHouse,
    Merge,
    LetGo,
    GiveBack { at: UnixMillis, sure: bool },
    Measure { at: UnixMillis, sure: bool },
    Done,
}

/// What the maker remembers to know what is due.
pub(super) struct Plan {
    stage: Stage,
    due: Vec<DeviceNo>,
    is_pressed: bool,
    /// Dead rows (in bytes) from which on they are swept at this look.
    sweeps_at: usize,
    /// Journal bytes that count no longer, about. A start does not know and sweeps once.
    dead: usize,
    /// When there was a look for what is too small and what is too old last.
    tidied: Instant,
    /// When who is who was copied last, and what told its state apart from others.
    copied: Option<(Instant, CatalogState)>,
    /// Whether it was said that the disk is nearly full.
    is_low: bool,
    /// Whether the clock can be believed.
    trust: Trust,
}

impl Plan {
    /// Begins now; `believed` is the last moment at which the clock was believed before the start.
    pub(super) fn new(now: Instant, believed: Option<UnixMillis>) -> Self {
        Self {
            stage: Stage::Done,
            due: Vec::new(),
            is_pressed: false,
            sweeps_at: SWEEP,
            dead: SWEEP,
            tidied: now,
            copied: None,
            is_low: false,
            trust: Trust::new(believed),
        }
    }

    /// When the next look is, after what was done until now.
    pub(super) fn next_look(now: Instant) -> Instant {
        now + LOOK
    }

    /// Begins a look.
    pub(super) fn look(&mut self, journal: Journal, wall: UnixMillis) {
        self.is_pressed = journal.bytes >= journal.most;
        self.sweeps_at = SWEEP.min(journal.most / 4);
        self.due = due(journal, wall);
        self.stage = Stage::Pack;
    }

    /// Whether the journal is so long that there is no time to rest.
    pub(super) const fn is_pressed(&self) -> bool {
        self.is_pressed
    }

    /// The next step of the look; `None` when there is nothing to do before the next.
    pub(super) fn next(&mut self, now: Instant, wall: UnixMillis) -> Option<Step> {
        loop {
            let (step, then) = match self.stage {
                Stage::Pack => {
                    let due = std::mem::take(&mut self.due);
                    ((!due.is_empty()).then_some(Step::Pack(due)), Stage::Sweep)
                }
                Stage::Sweep => ((self.dead >= self.sweeps_at).then_some(Step::Sweep), Stage::MakeRoom),
                Stage::MakeRoom => (Some(Step::MakeRoom), Stage::KeepHouse),
                Stage::KeepHouse if now.duration_since(self.tidied) < TIDY => (None, Stage::Done),
                Stage::KeepHouse => {
                    self.tidied = now;
                    (Some(Step::KeepHouse), Stage::Merge)
                }
                Stage::Merge => ((!self.is_pressed).then_some(Step::Merge), Stage::LetGo),
                Stage::LetGo => {
                    let believed = self.trust.moment(wall, now);
                    (believed.map(Step::LetGo), Stage::GiveBack { at: wall, sure: believed.is_some() })
                }
                Stage::GiveBack { at, sure } => (Some(Step::GiveBack), Stage::Measure { at, sure }),
                Stage::Measure { at, sure } => (Some(Step::Measure { at, sure }), Stage::Done),
                Stage::Done => return None,
            };
            self.stage = then;
            if step.is_some() {
                return step;
            }
        }
    }

    /// So many bytes of the journal count no longer.
    pub(super) const fn packed(&mut self, bytes: usize) {
        self.dead += bytes;
    }

    pub(super) const fn swept(&mut self) {
        self.dead = 0;
    }

    /// Bytes of the journal that count no longer, about.
    pub(super) const fn dead(&self) -> usize {
        self.dead
    }

    /// Whether who is who has to be copied, as it is now.
    pub(super) fn copy_is_due(&self, now: Instant, state: &CatalogState) -> bool {
        self.copied.as_ref().is_none_or(|(at, of)| of != state || now.duration_since(*at) >= COPY)
    }

    /// Who is who was copied.
    pub(super) const fn copied(&mut self, now: Instant, state: CatalogState) {
        self.copied = Some((now, state));
    }

    /// Takes note of the room that the disk has, where the system says; whether to say that it is nearly full: once, until there is
    /// clearly more again.
    pub(super) fn says_low(&mut self, room: Option<Room>) -> bool {
        let limit = if self.is_low { ROOM_AGAIN } else { NEARLY_FULL };
        let is_low = room.is_some_and(|room| room.used_pct() >= limit);
        let was_low = std::mem::replace(&mut self.is_low, is_low);
        is_low && !was_low
    }
}

/// Devices that are due, longest waiting first; where the journal is too long, the largest first.
fn due(Journal { mut waiting, bytes, most }: Journal, now: UnixMillis) -> Vec<DeviceNo> {
    if bytes >= most {
        waiting.sort_unstable_by_key(|waiting| std::cmp::Reverse(waiting.bytes));
        let mut enough = bytes / 2;
        waiting.retain(|waiting| {
            let wanted = enough > 0;
            enough = enough.saturating_sub(waiting.bytes);
            wanted
        });
    } else {
        waiting.retain(|waiting| waiting.points >= POINTS || now.since(waiting.since) >= AGE);
        waiting.sort_unstable_by_key(|waiting| waiting.since);
    }
    waiting.into_iter().map(|waiting| waiting.device).collect()
}

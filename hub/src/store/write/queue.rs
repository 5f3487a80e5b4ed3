//! PURE. Writes that wait to be committed, in what groups they go, and what waits for what.
//!
//! ```text
//!   offer ──▶ [ waiting ] ──▶ next ──▶ Group    take, take .. until it is large or old enough; then committed, hold_back
//!                                ├───▶ Wait     until a moment, or until something is offered
//!                                └───▶ Refuse   readings that get no room
//! ```
//!
//! - A group ends with the write that fills its budget, and after [`GROUP_TIME`], so that nobody's latency is a throughput trick.
//! - Writes go in the order in which they came. Only while readings have no room do others go before them.
//! - Readings wait for room under the cap at most [`ROOM_WAIT`]; then they are refused, and so are those that come, until there is
//!   room. While the disk is full they are refused at once, so that deleting has some, and alerts are told.
//! - They also wait a moment when the journal is longer than it should be: what packs it goes on.
//! - What came without readings waits up to one eighth of the last commit's duration for the next, so that both share a sync. Committed
//!   alone it would delay those readings, and the alerts they raise, by a whole sync.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Writes that may wait: some seconds of group commits from ingest and every request of a busy HTTP server.
pub(super) const PLACES: usize = 256;
/// Longest time a group may take to apply before it is committed.
const GROUP_TIME: Duration = Duration::from_millis(50);
/// Longest that readings wait for room under the cap before they are refused; the oldest go meanwhile.
const ROOM_WAIT: Duration = Duration::from_secs(2);
/// Time between two looks for room.
const ROOM_LOOK: Duration = Duration::from_millis(2);
/// Pause between groups when the journal is twice as long as it should be, growing from nothing at half of that excess.
const HOLD_BACK: Duration = Duration::from_millis(128);
/// The part of a commit's duration that is waited for readings to follow.
const READINGS_FOLLOW: u32 = 8;
/// A wait for them that is shorter than this is none.
const LEAST_WAIT: Duration = Duration::from_millis(1);

/// What the queue knows of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Readings and what they caused.
    Readings,
    /// Of those who send readings, without any: alerts, what devices gave up.
    Alerts,
    /// A rare change by a person or a housekeeper.
    Change,
}

/// What there is for readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    Plenty,
    /// So little of the cap is left that it is for deletions, and for blocks that wait.
    Shut,
    /// None, and the disk is full.
    Full,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<W> {
    /// Nothing waits: only what comes gives something to do.
    Idle,
    /// Ask again at this moment, or when something was offered.
    Wait(Instant),
    /// Answer these that there is no room.
    Refuse(Vec<W>),
    /// Commit a group: [`Queue::take`] gives its writes.
    Group {
        /// Whether there are readings that may be in it.
        readings: bool,
        /// Whether it says, once it is committed, that there is room for readings.
        tells_room: bool,
    },
}

struct Waiting<W> {
    kind: Kind,
    bytes: usize,
    write: W,
}

/// The group that is being made.
struct Group {
    began: Instant,
    writes: usize,
    bytes: usize,
    /// Whether readings may be in it.
    takes_readings: bool,
    /// Whether there were any when it began.
    readings: bool,
}

/// Writes that wait.
pub(super) struct Queue<W> {
    waiting: VecDeque<Waiting<W>>,
    /// How many of them bring readings, and how many are alerts.
    readings: usize,
    alerts: usize,
    /// Whether nothing will be offered any longer.
    is_closed: bool,
    /// Whether the disk was full at the last look.
    was_full: bool,
    /// Since when readings have been waiting for room; kept when they are refused, until there is room.
    shut_since: Option<Instant>,
    /// Until when readings are held back for blocks to be made.
    held_until: Option<Instant>,
    /// How long others wait for readings to follow the last ones.
    readings_until: Option<Instant>,
    group: Option<Group>,
}

impl<W> Queue<W> {
    pub(super) const fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            readings: 0,
            alerts: 0,
            is_closed: false,
            was_full: false,
            shut_since: None,
            held_until: None,
            readings_until: None,
            group: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether nothing waits for the next group: readings that get no room do not.
    pub(super) fn is_idle(&self) -> bool {
        let takes_readings = self.group.as_ref().is_none_or(|group| group.takes_readings);
        self.waiting.len() == if takes_readings { 0 } else { self.readings }
    }

    /// How many may be offered.
    pub(super) fn places(&self) -> usize {
        PLACES.saturating_sub(self.waiting.len())
    }

    /// Takes a write in, with the payload bytes it brings. Whoever offers more than there are [places](Self::places) for makes the
    /// queue longer than it should be.
    pub(super) fn offer(&mut self, kind: Kind, bytes: usize, write: W) {
        self.readings += usize::from(kind == Kind::Readings);
        self.alerts += usize::from(kind == Kind::Alerts);
        self.waiting.push_back(Waiting { kind, bytes, write });
    }

    /// Nothing will be offered any longer: nobody waits for what follows.
    pub(super) const fn close(&mut self) {
        self.is_closed = true;
    }

    pub(super) const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// What is to be done now.
    pub(super) fn next(&mut self, now: Instant, room: Room) -> Next<W> {
        if self.waiting.is_empty() {
            return Next::Idle;
        }
        if let Some(until) = self.readings_until.filter(|until| now < *until)
            && self.readings + self.alerts == 0
            && self.places() > 0
            && !self.is_closed
        {
            return Next::Wait(until);
        }
        let full = room == Room::Full;
        let room_again = std::mem::replace(&mut self.was_full, full) && !full;
        if full && self.readings > 0 {
            return Next::Refuse(self.take_readings());
        }
        let held_until = self.held_until.filter(|until| now < *until);
        let shut = room == Room::Shut || held_until.is_some();
        if shut && self.readings > 0 {
            let refused_at = *self.shut_since.get_or_insert(now) + ROOM_WAIT;
            if now >= refused_at {
                return Next::Refuse(self.take_readings());
            }
            if self.readings == self.waiting.len() {
                let look = if room == Room::Shut { now + ROOM_LOOK } else { held_until.unwrap_or(now) };
                return Next::Wait(look.min(refused_at));
            }
        }
        if !shut {
            self.shut_since = None;
        }
        let readings = !shut && self.readings > 0;
        self.group = Some(Group { began: now, writes: 0, bytes: 0, takes_readings: !shut, readings });
        // Alerts and deletions succeed where readings do not: only readings say that there is room again, and not those that were
        // just refused or wait.
        Next::Group { readings, tells_room: room_again || readings && !full }
    }

    /// The next write of the group, unless it is large enough (payload bytes) or old enough.
    pub(super) fn take(&mut self, now: Instant, budget: usize) -> Option<W> {
        let group = self.group.as_mut()?;
        if group.writes > 0 && (group.bytes >= budget || now.duration_since(group.began) >= GROUP_TIME) {
            return None;
        }
        let place = match group.takes_readings {
            true => 0,
            false => self.waiting.iter().position(|waiting| waiting.kind != Kind::Readings)?,
        };
        let Waiting { kind, bytes, write } = self.waiting.remove(place)?;
        group.writes += 1;
        group.bytes += bytes;
        self.left(kind);
        Some(write)
    }

    /// The group could not be committed at all: everybody who could have been in it.
    pub(super) fn take_rest(&mut self) -> Vec<W> {
        let others_only = self.group.as_ref().is_some_and(|group| !group.takes_readings);
        self.take_where(|kind| !(others_only && kind == Kind::Readings))
    }

    /// The group was committed: how long that took, and for how long the next ones are waited for.
    pub(super) fn committed(&mut self, now: Instant) -> Duration {
        let Some(group) = &self.group else { return Duration::ZERO };
        let took = now.duration_since(group.began);
        let patience = took / READINGS_FOLLOW;
        self.readings_until = (group.readings && patience >= LEAST_WAIT).then(|| now + patience);
        took
    }

    /// Slows readings down when blocks are not made as fast as they come: a journal without an end is no promise. `bytes` is how
    /// long it is, `most` how long it should be.
    pub(super) fn hold_back(&mut self, now: Instant, bytes: usize, most: usize) {
        let over = bytes.saturating_sub(most + most / 2);
        let pause = HOLD_BACK.mul_f64((over as f64 / most as f64).min(1.0));
        self.held_until = (!pause.is_zero()).then(|| now + pause);
    }

    fn take_readings(&mut self) -> Vec<W> {
        self.take_where(|kind| kind == Kind::Readings)
    }

    fn take_where(&mut self, is_taken: impl Fn(Kind) -> bool) -> Vec<W> {
        let (taken, stay): (Vec<_>, _) = self.waiting.drain(..).partition(|waiting| is_taken(waiting.kind));
        self.waiting = VecDeque::from(stay);
        taken.iter().for_each(|taken| self.left(taken.kind));
        taken.into_iter().map(|taken| taken.write).collect()
    }

    fn left(&mut self, kind: Kind) {
        self.readings -= usize::from(kind == Kind::Readings);
        self.alerts -= usize::from(kind == Kind::Alerts);
    }
}

//! Decides which piece of work begins next, and how many run at a time. Pure. A piece that hangs keeps its thread, so every piece
//! that is begun may cost one; these rules say which pieces may.
//!
//! - Pieces that answered the last time go first. While something hangs, pieces that are least like it go first: of other kinds, of
//!   other drivers, of other places. Within a place where something hangs the last piece goes first, because pieces that hang are
//!   mostly neighbours.
//! - Pieces that did not answer are not begun while [`Limits::untried`] pieces hang, except those of a kind of which nothing hangs.
//!   Every [`TURN`] one of them is begun all the same, as long as fewer than [`Limits::hung`] hang.
//! - Where as many hang and one more of those that answered does, the rest of its kind that waits is untried from then on.
//! - Where [`Limits::hung`] hang, each kind has one thread more, and is not begun again once that one hangs too: there is
//!   always one for a kind of which nothing hangs.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::work::{Away, Kin, Limits, Pace, Work};

/// Slow work that takes longer than this hangs.
pub(crate) const LONG: Duration = Duration::from_secs(5);
/// Pause after which one more piece is tried although so many hang that none would be.
const TURN: Duration = Duration::from_secs(10);
/// Pieces that are tried at the same time while one after the other hangs.
const WIDEST: usize = 32;

pub(super) struct Lanes<W: Work> {
    limits: Limits,
    quick: VecDeque<W>,
    untried: VecDeque<W>,
    slow: VecDeque<W>,
    running: Vec<Running>,
    begun: u64,
    /// The youngest piece that was seen to hang.
    noted: u64,
    /// Pieces that are tried beside each other; more while they hang.
    width: usize,
    /// When something was begun last that had not answered.
    tried: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct Running {
    begun: u64,
    number: u32,
    kin: Kin,
    pace: Pace,
    given: Option<Instant>,
    since: Instant,
    /// The one that its kind may have where [`Limits::hung`] hang.
    last: bool,
}

/// What is under way.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    hung: usize,
    quick: usize,
    untried: usize,
    slow: usize,
}

impl<W: Work> Lanes<W> {
    pub(super) fn new(limits: Limits) -> Self {
        let (quick, untried, slow) = (VecDeque::new(), VecDeque::new(), VecDeque::new());
        Self {
            limits,
            quick,
            untried,
            slow,
            running: Vec::new(),
            begun: 0,
            noted: 0,
            width: limits.abreast,
            tried: None,
        }
    }

    /// Puts work in its lane.
    pub(super) fn give(&mut self, work: impl IntoIterator<Item = (Pace, W)>, now: Instant) {
        // What is given now has answered since.
        self.note(now);
        if !self.is_busy(now) {
            self.width = self.limits.abreast;
        }
        for (pace, work) in work {
            match pace {
                Pace::Quick => self.quick.push_back(work),
                Pace::Untried => self.untried.push_back(work),
                Pace::Slow => self.slow.push_back(work),
            }
        }
        self.order(now);
    }

    /// Notices pieces of work that began to hang since the last call.
    pub(super) fn tend(&mut self, now: Instant) {
        self.note(now);
        self.order(now);
    }

    /// The next piece, which is under way from here on. The number is its own, for [`Lanes::end`].
    pub(super) fn pick(&mut self, now: Instant) -> Option<(u64, W, Pace)> {
        // As long as all is well there is nothing to weigh.
        let is_well = self.running.is_empty();
        let tally = if is_well { Tally::default() } else { self.tally(now) };
        let well = if is_well { self.quick.pop_front() } else { None };
        let (work, pace) = match well {
            Some(work) => (work, Pace::Quick),
            None => self.choose(tally, now)?,
        };
        self.begun += 1;
        let last = tally.hung >= self.limits.hung;
        let (number, kin, given) = (work.number(), work.kin(), work.given());
        self.running.push(Running { begun: self.begun, number, kin, pace, given, since: now, last });
        Some((self.begun, work, pace))
    }

    /// A piece has come to its end. Returns whether that is news for those who wait: a round of quick work is one piece of it.
    pub(super) fn end(&mut self, begun: u64, pace: Pace) -> bool {
        self.running.retain(|running| running.begun != begun);
        match pace {
            Pace::Quick => self.quick.is_empty(),
            Pace::Untried => self.untried.is_empty() || !self.running.is_empty(),
            Pace::Slow => true,
        }
    }

    /// Threads there is work for at once.
    pub(super) fn wanted(&self, now: Instant) -> usize {
        if self.quick.is_empty() && self.untried.is_empty() && self.slow.is_empty() {
            return 0;
        }
        let tally = self.tally(now);
        let quick = if tally.quick == 0 { self.width.min(self.quick.len()) } else { 0 };
        let tries = tally.quick + tally.untried == 0 && self.next_untried(tally, now).is_some();
        let untried = if tries { self.width.min(self.untried.len()) } else { 0 };
        quick.max(untried) + self.slow_room(tally, now)
    }

    /// Whether quick work waits or is under way.
    pub(super) fn is_busy(&self, now: Instant) -> bool {
        let tally = self.tally(now);
        !self.quick.is_empty() || tally.quick + tally.untried > 0 || self.next_untried(tally, now).is_some()
    }

    /// Whether something waits for a thread.
    pub(super) fn waits(&self) -> bool {
        !(self.quick.is_empty() && self.untried.is_empty() && self.slow.is_empty())
    }

    /// Slow pieces that are under way or wait for a thread.
    pub(super) fn slow(&self, now: Instant) -> usize {
        self.slow.len() + self.tally(now).slow
    }

    /// What is under way, and what waits.
    pub(super) fn away(&self) -> Vec<Away> {
        let begun =
            |running: &Running| Away { number: running.number, given: running.given, begun: Some(running.since) };
        let waits = |work: &W| Away { number: work.number(), given: work.given(), begun: None };
        let waiting = self.quick.iter().chain(&self.untried).chain(&self.slow).map(waits);
        self.running.iter().map(begun).chain(waiting).collect()
    }

    /// What is under way.
    #[cfg(test)]
    pub(super) fn running(&self) -> impl Iterator<Item = &Running> {
        self.running.iter()
    }

    fn choose(&mut self, tally: Tally, now: Instant) -> Option<(W, Pace)> {
        // One at a time always; more only as long as they may all hang.
        if tally.quick == 0 || tally.at_risk() < self.limits.hung {
            let tried = self.tried(tally, now);
            let may =
                |kin| self.may_be_tried(&tried, kin, now) && (tally.hung < self.limits.hung || !self.is_lost(kin));
            let at = self.position(&self.quick, may);
            if let Some(work) = at.and_then(|at| self.quick.remove(at)) {
                return Some((work, Pace::Quick));
            }
        }
        if let Some(at) = self.next_untried(tally, now) {
            self.tried = Some(now);
            return self.untried.remove(at).map(|work| (work, Pace::Untried));
        }
        if tally.slow >= self.limits.slow {
            return None;
        }
        let at = self.position(&self.slow, |kin| self.may_be_slow(kin, tally, &[], now))?;
        self.slow.remove(at).map(|work| (work, Pace::Slow))
    }

    /// The first that has not answered and may be begun.
    fn next_untried(&self, tally: Tally, now: Instant) -> Option<usize> {
        let has_room = tally.at_risk() < self.limits.untried;
        if self.untried.is_empty() || (tally.at_risk() >= self.limits.hung && tally.hung < self.limits.hung) {
            return None;
        }
        let tried = self.tried(tally, now);
        let rested = self.tried.is_none_or(|at| now.saturating_duration_since(at) >= TURN);
        let has_turn = rested && tally.untried == 0 && tally.hung < self.limits.hung;
        self.position(&self.untried, |kin| {
            let of_place = self.running.iter().filter(|running| running.kin.place == kin.place).count();
            let may = has_room || !self.hung(now).any(|hung| hung.kind == kin.kind);
            ((may && of_place < (self.limits.untried / 4).max(1)) || has_turn)
                && self.may_be_tried(&tried, kin, now)
                && (tally.hung < self.limits.hung || !self.is_lost(kin))
        })
    }

    /// Whether a slow piece may be begun beside what is under way and what is `planned`.
    fn may_be_slow(&self, kin: Kin, tally: Tally, planned: &[Kin], now: Instant) -> bool {
        let active = self.running.iter().filter(|running| running.pace == Pace::Slow && !self.hangs(running, now));
        let of_place = active.map(|running| running.kin).chain(planned.iter().copied());
        let crowded = tally.hung >= self.limits.hung
            && (self.is_lost(kin) || planned.iter().any(|planned| planned.kind == kin.kind));
        !crowded && of_place.filter(|other| other.place == kin.place).count() < self.limits.place
    }

    /// Pieces of slow work that could be begun.
    fn slow_room(&self, tally: Tally, now: Instant) -> usize {
        let room = self.limits.slow.saturating_sub(tally.slow);
        let mut planned = Vec::new();
        for work in &self.slow {
            if planned.len() < room && self.may_be_slow(work.kin(), tally, &planned, now) {
                planned.push(work.kin());
            }
        }
        planned.len()
    }

    fn position(&self, queue: &VecDeque<W>, may: impl Fn(Kin) -> bool) -> Option<usize> {
        queue.iter().position(|work| may(work.kin()))
    }

    /// Sees who hangs that did not before: company is to come faster, and where much hangs, what has not been asked since then
    /// is not trusted any more.
    fn note(&mut self, now: Instant) {
        let fresh = self
            .running
            .iter()
            .filter(|running| running.pace != Pace::Slow && running.begun > self.noted && self.hangs(running, now));
        let fresh: Vec<(u64, Pace, u32)> =
            fresh.map(|running| (running.begun, running.pace, running.kin.kind)).collect();
        let Some(youngest) = fresh.iter().map(|(begun, ..)| *begun).max() else { return };
        self.noted = youngest;
        self.width = (self.width * 2).min(WIDEST);
        if self.tally(now).hung < self.limits.untried {
            return;
        }
        self.distrust(|kin| fresh.iter().any(|(_, pace, kind)| *pace == Pace::Quick && *kind == kin.kind));
    }

    /// Puts some quick pieces to the untried ones: how they will go is not known any more.
    fn distrust(&mut self, which: impl Fn(Kin) -> bool) {
        let (distrusted, rest) = std::mem::take(&mut self.quick).into_iter().partition(|work| which(work.kin()));
        self.quick = rest;
        let mut distrusted: VecDeque<W> = distrusted;
        self.untried.append(&mut distrusted);
    }

    /// Sorts pieces that are least like the hanging ones to the front.
    fn order(&mut self, now: Instant) {
        if self.running.is_empty() || (self.quick.is_empty() && self.untried.is_empty()) {
            return;
        }
        let hung: Vec<Kin> = self.hung(now).collect();
        if hung.is_empty() {
            return;
        }
        if hung.len() >= self.limits.hung {
            // A kind that has lost its last thread is not waited for.
            let lost = self.running.iter().filter(|running| running.last && self.hangs(running, now));
            let lost: Vec<u32> = lost.map(|running| running.kin.kind).collect();
            self.distrust(|kin| lost.contains(&kin.kind));
        }
        sort(&mut self.quick, &hung);
        sort(&mut self.untried, &hung);
    }

    fn tally(&self, now: Instant) -> Tally {
        let mut tally = Tally::default();
        for running in &self.running {
            match running.pace {
                _ if self.hangs(running, now) => tally.hung += 1,
                Pace::Quick => tally.quick += 1,
                Pace::Untried => tally.untried += 1,
                Pace::Slow => tally.slow += 1,
            }
        }
        tally
    }

    /// What hangs.
    fn hung(&self, now: Instant) -> impl Iterator<Item = Kin> {
        self.running.iter().filter(move |running| self.hangs(running, now)).map(|running| running.kin)
    }

    fn hangs(&self, running: &Running, now: Instant) -> bool {
        let allowed = if running.pace == Pace::Slow { LONG } else { self.limits.patience };
        now.saturating_duration_since(running.since) >= allowed
    }

    /// Where something hangs, whether a piece may be tried beside those that are: not in the same place, and not where more
    /// hangs than where they are, whose places may yet do better.
    fn may_be_tried(&self, tried: &[Kin], kin: Kin, now: Instant) -> bool {
        let hung = |place: u32| self.hung(now).filter(|hung| hung.place == place).count();
        tried.iter().all(|tried| tried.place != kin.place && hung(kin.place) <= hung(tried.place))
    }

    /// What is under way that is not slow, where something hangs.
    fn tried(&self, tally: Tally, now: Instant) -> Vec<Kin> {
        let tried = |running: &&Running| tally.hung > 0 && running.pace != Pace::Slow && !self.hangs(running, now);
        self.running.iter().filter(tried).map(|running| running.kin).collect()
    }

    /// Whether the last thread of this kind is taken.
    fn is_lost(&self, kin: Kin) -> bool {
        self.running.iter().any(|running| running.last && running.kin.kind == kin.kind)
    }
}

#[cfg(test)]
impl Running {
    /// Whether it is in this place.
    pub(super) fn is_in(&self, place: u32) -> bool {
        self.kin.place == place
    }
}

impl Tally {
    /// Threads that may be lost: those of slow work have a bound of their own.
    fn at_risk(self) -> usize {
        self.hung + self.quick + self.untried
    }
}

/// See the head of this file.
fn sort<W: Work>(queue: &mut VecDeque<W>, hung: &[Kin]) {
    let mut counts: [HashMap<u32, usize>; 3] = Default::default();
    for kin in hung {
        for (counts, part) in counts.iter_mut().zip([kin.kind, kin.driver, kin.place]) {
            *counts.entry(part).or_default() += 1;
        }
    }
    let mut all: Vec<(u32, u32)> = queue.iter().map(|work| (work.kin().place, work.number())).collect();
    all.sort_unstable();
    queue.make_contiguous().sort_by_cached_key(|work| {
        let Kin { kind, driver, place } = work.kin();
        let [kinds, drivers, places] = &counts;
        let count = |counts: &HashMap<u32, usize>, part: u32| counts.get(&part).copied().unwrap_or(0);
        let before = all.partition_point(|other| *other < (place, work.number()));
        let first = all.partition_point(|other| *other < (place, 0));
        let end = all.partition_point(|other| *other <= (place, u32::MAX));
        let hung = count(places, place);
        let rank = if hung == 0 { before - first } else { end - before };
        (count(kinds, kind), count(drivers, driver), hung, rank)
    });
}

//! Room for what is held in memory for somebody: bodies that come in, answers that are on their way. Whoever asks has a share,
//! so that one takes it from no other, and all together have no more than there is: of each kind, and of all kinds.

pub(in crate::http) mod asker;
pub(in crate::http) mod places;
pub(in crate::http) mod rooms;
pub(in crate::http) mod sockets;
mod strangers;
pub(in crate::http) mod throttle;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::principal::By;

/// Bytes of a unit of room: a KiB.
const UNIT: usize = 1 << 10;
/// Above this many shares, those that nobody holds any more are forgotten.
const REMEMBERED: usize = 64;

/// Bytes by which a growing share grows.
const STEP: usize = 64 << 10;

/// Bytes that stand for one place, in a room that counts places.
pub(in crate::http) const PLACE: usize = UNIT;

/// Memory that several kinds of room are parts of.
#[derive(Debug, Clone)]
pub(in crate::http) struct House(Arc<Semaphore>);

impl House {
    /// A house of so many bytes.
    pub(in crate::http) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes / UNIT)))
    }
}

/// Room, in units of a KiB.
#[derive(Debug)]
pub(in crate::http) struct Shares {
    house: House,
    all: Arc<Semaphore>,
    each: usize,
    of: Mutex<HashMap<By, Weak<Semaphore>>>,
}

/// The part of a room that one caller may take.
#[derive(Debug, Clone)]
pub(in crate::http) struct Share {
    house: House,
    all: Arc<Semaphore>,
    own: Arc<Semaphore>,
}

/// Room that was taken; given back when dropped.
#[derive(Debug)]
pub(in crate::http) struct Taken {
    own: OwnedSemaphorePermit,
    all: OwnedSemaphorePermit,
    house: OwnedSemaphorePermit,
}

impl Taken {
    fn add(&mut self, more: Self) {
        self.own.merge(more.own);
        self.all.merge(more.all);
        self.house.merge(more.house);
    }

    /// Gives back what is more than so many bytes.
    fn shrink(&mut self, bytes: usize) {
        let surplus = self.own.num_permits().saturating_sub(units(bytes) as usize);
        drop((self.own.split(surplus), self.all.split(surplus), self.house.split(surplus)));
    }
}

impl Shares {
    /// Room for `all` bytes, of which one asker takes at most `each`.
    pub(in crate::http) fn new(all: usize, each: usize) -> Self {
        Self::within(&House::new(all), all, each)
    }

    /// The same, as a part of a house in which others may have taken what there is.
    pub(in crate::http) fn within(house: &House, all: usize, each: usize) -> Self {
        let all = Arc::new(Semaphore::new(all / UNIT));
        Self { house: house.clone(), all, each: each / UNIT, of: Mutex::default() }
    }

    /// Places free, of a room that counts places.
    #[cfg(test)]
    pub(in crate::http) fn places(&self) -> usize {
        self.all.available_permits()
    }

    /// The share of somebody; the same for all that they ask at once.
    pub(in crate::http) fn of(&self, by: By) -> Share {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let own = of.get(&by).and_then(Weak::upgrade).unwrap_or_else(|| {
            if of.len() >= REMEMBERED {
                of.retain(|_, share| share.strong_count() > 0);
            }
            let own = Arc::new(Semaphore::new(self.each));
            of.insert(by, Arc::downgrade(&own));
            own
        });
        Share { house: self.house.clone(), all: Arc::clone(&self.all), own }
    }
}

impl Share {
    /// Takes room for so many bytes, or nothing.
    pub(in crate::http) fn try_take(&self, bytes: usize) -> Option<Taken> {
        let units = units(bytes);
        let own = Arc::clone(&self.own).try_acquire_many_owned(units).ok()?;
        let all = Arc::clone(&self.all).try_acquire_many_owned(units).ok()?;
        let house = Arc::clone(&self.house.0).try_acquire_many_owned(units).ok()?;
        Some(Taken { own, all, house })
    }

    /// The same, waited for.
    pub(in crate::http) async fn take(&self, bytes: usize) -> Option<Taken> {
        let units = units(bytes);
        let own = Arc::clone(&self.own).acquire_many_owned(units).await.ok()?;
        let all = Arc::clone(&self.all).acquire_many_owned(units).await.ok()?;
        let house = Arc::clone(&self.house.0).acquire_many_owned(units).await.ok()?;
        Some(Taken { own, all, house })
    }
}

/// Room for what becomes larger while it is made or read: its first bytes are free.
#[derive(Debug)]
pub(in crate::http) struct Growing {
    share: Share,
    taken: Option<Taken>,
    used: usize,
    free: usize,
}

impl Growing {
    pub(in crate::http) const fn new(share: Share, free: usize) -> Self {
        Self { share, taken: None, used: 0, free }
    }

    /// Whether there is room for so many bytes more.
    pub(in crate::http) fn grow(&mut self, bytes: usize) -> bool {
        self.used += bytes;
        let missing = self.missing(0);
        if missing == 0 {
            return true;
        }
        self.add(self.share.try_take(missing.next_multiple_of(STEP)).or_else(|| self.share.try_take(missing)))
    }

    /// Whether there is room for so many bytes more before they are there, or for as many as make `most` in all.
    pub(in crate::http) fn foresee(&mut self, bytes: usize, most: usize) -> bool {
        let missing = self.missing(bytes).min(most.saturating_sub(self.granted()));
        missing == 0 || self.add(self.share.try_take(missing))
    }

    /// Waits until so many bytes in all are taken, for what is read or made later.
    pub(in crate::http) async fn hold(&mut self, bytes: usize) -> bool {
        let missing = bytes.saturating_sub(self.free + self.granted());
        missing == 0 || {
            let more = self.share.take(missing).await;
            self.add(more)
        }
    }

    /// It is to be of another size; whether there is room for that. If not it stays as it was.
    pub(in crate::http) fn becomes(&mut self, bytes: usize) -> bool {
        let before = self.used;
        if bytes > before {
            let has_room = self.grow(bytes - before);
            self.used = if has_room { bytes } else { before };
            return has_room;
        }
        self.used = bytes;
        self.fit();
        true
    }

    /// What is to be taken for so many bytes more.
    fn missing(&self, bytes: usize) -> usize {
        (self.used + bytes).saturating_sub(self.free + self.granted())
    }

    /// What is taken.
    fn granted(&self) -> usize {
        self.taken.as_ref().map_or(0, |taken| taken.own.num_permits() * UNIT)
    }

    /// Adds what was taken of its share; whether it was.
    fn add(&mut self, more: Option<Taken>) -> bool {
        let Some(more) = more else { return false };
        match &mut self.taken {
            Some(taken) => taken.add(more),
            taken @ None => *taken = Some(more),
        }
        true
    }

    /// Gives back what was taken and is not needed for what is there.
    pub(in crate::http) fn fit(&mut self) {
        let needed = self.used.saturating_sub(self.free);
        if let Some(taken) = &mut self.taken {
            taken.shrink(needed);
        }
    }

    /// Bytes so far.
    pub(in crate::http) const fn used(&self) -> usize {
        self.used
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_takes_from_no_other_and_all_together_take_no_more_than_there_is() {
        let shares = Shares::new(100 * UNIT, 60 * UNIT);
        let (one, again, other) = (shares.of(By::Token(1)), shares.of(By::Token(1)), shares.of(By::File));
        let first = one.try_take(50 * UNIT).unwrap();
        assert!(again.try_take(11 * UNIT).is_none(), "what they ask at once shares a share");
        let _second = again.try_take(10 * UNIT).unwrap();
        assert!(other.try_take(41 * UNIT).is_none(), "there is no more");
        let _others = other.try_take(39 * UNIT + 1).unwrap();
        drop(first);
        assert!(one.try_take(50 * UNIT).is_some());
    }

    #[test]
    fn several_kinds_of_room_have_no_more_together_than_their_house() {
        let house = House::new(100 * UNIT);
        let (answers, bodies) =
            (Shares::within(&house, 80 * UNIT, 80 * UNIT), Shares::within(&house, 60 * UNIT, 60 * UNIT));
        let (reads, writes) = (answers.of(By::Token(1)), bodies.of(By::Token(2)));
        let answer = reads.try_take(80 * UNIT).unwrap();
        assert!(writes.try_take(21 * UNIT).is_none(), "there is no more");
        assert_eq!(bodies.places(), 60, "nothing is kept of what was not had");
        let _body = writes.try_take(20 * UNIT).unwrap();
        drop(answer);
        assert!(writes.try_take(40 * UNIT).is_some());
    }

    #[test]
    fn what_grows_takes_room_as_it_needs_it_and_gives_all_of_it_back() {
        let shares = Shares::new(10 * STEP, 10 * STEP);
        let mut growing = Growing::new(shares.of(By::File), UNIT);
        assert!(growing.grow(UNIT) && shares.all.available_permits() == 10 * STEP / UNIT);
        assert!((0..10 * STEP).step_by(UNIT).all(|_| growing.grow(UNIT)) && !growing.grow(UNIT));
        drop(growing);
        assert_eq!(shares.all.available_permits(), 10 * STEP / UNIT);
        // Taken before it is known how much it becomes.
        let mut growing = Growing::new(shares.of(By::File), UNIT);
        assert!(growing.foresee(5 * STEP, usize::MAX));
        assert!(growing.grow(2 * STEP) && shares.all.available_permits() < 6 * STEP / UNIT);
        growing.fit();
        assert_eq!(shares.all.available_permits(), 8 * STEP / UNIT + 1);
        drop(growing);
        assert_eq!(shares.all.available_permits(), 10 * STEP / UNIT);
    }

    #[test]
    fn what_changes_its_size_keeps_what_it_needs() {
        let shares = Shares::new(10 * STEP, 4 * STEP);
        let mut growing = Growing::new(shares.of(By::File), UNIT);
        assert!(growing.becomes(UNIT) && shares.places() == 10 * STEP / UNIT);
        assert!(growing.becomes(3 * STEP + UNIT) && shares.places() == 7 * STEP / UNIT);
        assert!(growing.becomes(STEP + UNIT) && shares.places() == 9 * STEP / UNIT);
        assert!(!growing.becomes(9 * STEP) && growing.used() == STEP + UNIT, "more than its share");
        assert!(growing.becomes(0) && shares.places() == 10 * STEP / UNIT);
    }

    #[test]
    fn who_asked_before_is_forgotten_and_who_still_holds_something_is_not() {
        let shares = Shares::new(100 * UNIT, UNIT);
        let holds = shares.of(By::Token(0));
        let _taken = holds.try_take(UNIT).unwrap();
        drop(holds);
        for id in 1..10_000 {
            shares.of(By::Token(id));
        }
        assert!(shares.of.lock().unwrap().len() <= REMEMBERED + 1);
        assert!(shares.of(By::Token(0)).try_take(1).is_none());
    }
}

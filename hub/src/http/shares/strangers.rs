//! Connections of whoever has not shown yet who they are: so many places, in which the oldest gives way to the newest.
//!
//! Anybody may open connections from as many addresses as they can make up, and say nothing or never end. A table that is full and
//! keeps what it has would lock out everybody else; here whoever comes gets a place, and has it for as long as it takes so many
//! others to come: long enough to say who they are, and then they are no stranger. One that is not being answered gives way before
//! one that is.
//!
//! What they have sent of a head or a handshake that is not whole yet is kept in memory: of that, too, all of them have so much
//! together ([`BEGUN`]), for which the oldest give way.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::http::limits::BEGUN;

/// Bytes of an incomplete handshake or head that one connection keeps at most.
const KEPT: usize = 32 << 10;

/// The table.
#[derive(Debug)]
pub(in crate::http) struct Strangers {
    open: Mutex<Table>,
    most: usize,
    gave_way: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    /// By age.
    by: BTreeMap<u64, Entry>,
    taken: usize,
    /// Bytes of what they have begun.
    begun: usize,
}

#[derive(Debug)]
struct Entry {
    places: usize,
    /// Requests that are being answered.
    asked: usize,
    /// Bytes since the last of those began.
    begun: usize,
    way: CancellationToken,
}

/// One connection in it, until dropped.
#[derive(Debug)]
pub(in crate::http) struct Stranger {
    number: u64,
    way: CancellationToken,
    of: Arc<Strangers>,
}

impl Strangers {
    /// A table of so many places; those that gave way are counted.
    pub(in crate::http) fn new(most: usize, gave_way: Arc<AtomicU64>) -> Self {
        Self { open: Mutex::default(), most, gave_way }
    }

    /// A place for whoever comes.
    pub(in crate::http) fn enter(self: &Arc<Self>) -> Stranger {
        let way = CancellationToken::new();
        let mut open = self.lock();
        let number = open.next;
        open.next += 1;
        open.by.insert(number, Entry { places: 1, asked: 0, begun: 0, way: way.clone() });
        open.taken += 1;
        self.make_room(&mut open, number);
        drop(open);
        Stranger { number, way, of: Arc::clone(self) }
    }

    /// Ends those that give way, until the rest has room; never the one it is for.
    fn make_room(&self, open: &mut Table, for_one: u64) {
        while open.taken > self.most || open.begun > BEGUN {
            let others = || open.by.iter().filter(|(number, _)| **number != for_one);
            let oldest = others().find(|(_, entry)| entry.asked == 0).or_else(|| others().next());
            let Some(oldest) = oldest.map(|(number, _)| *number) else { return };
            if let Some(entry) = open.remove(oldest) {
                entry.way.cancel();
                self.gave_way.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn remove(&mut self, number: u64) -> Option<Entry> {
        let entry = self.by.remove(&number)?;
        self.taken -= entry.places;
        self.begun -= entry.begun;
        Some(entry)
    }
}

impl Stranger {
    /// Cancelled when it gives way.
    pub(in crate::http) const fn way(&self) -> &CancellationToken {
        &self.way
    }

    /// Takes so many places more, others give way for them; whether there are as many.
    pub(in crate::http) fn widen(&self, more: usize) -> bool {
        let mut open = self.of.lock();
        let Some(entry) = open.by.get_mut(&self.number).filter(|entry| entry.places + more <= self.of.most) else {
            return false;
        };
        entry.places += more;
        open.taken += more;
        self.of.make_room(&mut open, self.number);
        true
    }

    /// One request more that is being answered, and so it is whole; or one less.
    pub(in crate::http) fn asks(&self, more: bool) {
        let mut open = self.of.lock();
        let Some(entry) = open.by.get_mut(&self.number) else { return };
        entry.asked = if more { entry.asked + 1 } else { entry.asked.saturating_sub(1) };
        let begun = std::mem::take(&mut entry.begun);
        open.begun -= begun;
    }

    /// So many bytes came of something that is not whole yet: others give way for them.
    pub(in crate::http) fn begins(&self, bytes: usize) {
        let mut open = self.of.lock();
        // What comes while a request is being answered is its body, or waits to be read until it was answered.
        let Some(entry) = open.by.get_mut(&self.number).filter(|entry| entry.asked == 0) else { return };
        let more = bytes.min(KEPT - entry.begun);
        entry.begun += more;
        open.begun += more;
        self.of.make_room(&mut open, self.number);
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.of.lock().remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(most: usize) -> (Arc<Strangers>, Arc<AtomicU64>) {
        let gave_way = Arc::<AtomicU64>::default();
        (Arc::new(Strangers::new(most, Arc::clone(&gave_way))), gave_way)
    }

    fn stay(of: &[&Stranger]) -> Vec<bool> {
        of.iter().map(|stranger| !stranger.way().is_cancelled()).collect()
    }

    #[test]
    fn whoever_comes_has_a_place_and_the_oldest_that_is_not_being_answered_gives_way() {
        let (strangers, gave_way) = table(3);
        let (first, second, third) = (strangers.enter(), strangers.enter(), strangers.enter());
        first.asks(true);
        let fourth = strangers.enter();
        assert_eq!(stay(&[&first, &second, &third, &fourth]), [true, false, true, true]);
        first.asks(false);
        let fifth = strangers.enter();
        assert_eq!(stay(&[&first, &third, &fourth, &fifth]), [false, true, true, true]);
        // All are being answered: the oldest, for whoever comes must get in.
        [&third, &fourth, &fifth].into_iter().for_each(|stranger| stranger.asks(true));
        let sixth = strangers.enter();
        assert_eq!(stay(&[&third, &fourth, &fifth, &sixth]), [false, true, true, true]);
        assert_eq!((gave_way.load(Ordering::Relaxed), strangers.lock().taken), (3, 3));
        drop((first, second, third, fourth, fifth, sixth));
        assert_eq!(strangers.lock().taken, 0);
    }

    #[test]
    fn what_was_begun_has_a_room_and_one_that_goes_on_without_end_takes_it_from_few() {
        let (strangers, _) = table(10_000);
        let all: Vec<_> = (0..BEGUN / 16_384).map(|_| strangers.enter()).collect();
        all.iter().for_each(|stranger| stranger.begins(16_384));
        let is_there = |stranger: &Stranger| !stranger.way().is_cancelled();
        assert!(all.iter().all(is_there));
        let next = strangers.enter();
        next.begins(1);
        assert_eq!(all.iter().position(is_there), Some(1), "the oldest gives way");
        (0..1_000).for_each(|_| next.begins(16_384));
        assert_eq!(all.iter().position(is_there), Some(2));
        // Who was answered has begun nothing yet.
        next.asks(true);
        next.begins(5);
        next.asks(false);
        assert_eq!(strangers.lock().begun, (all.len() - 2) * 16_384);
        drop((all, next));
        assert_eq!(strangers.lock().begun, 0);
    }

    #[test]
    fn one_that_carries_several_requests_has_as_many_places() {
        let (strangers, _) = table(10);
        let others: Vec<_> = (0..9).map(|_| strangers.enter()).collect();
        let wide = strangers.enter();
        assert!(wide.widen(7) && !wide.widen(3));
        assert_eq!(
            stay(&others.iter().collect::<Vec<_>>()),
            [false, false, false, false, false, false, false, true, true]
        );
        assert!(!others[0].widen(1), "it gave way");
        drop(wide);
        assert_eq!(strangers.lock().taken, 2);
    }
}

//! The receive window of one epoch of one device: which batches arrived, and which are on disk.
//!
//! ```text
//!   committed (mark and islands)    in flight: on its way to the disk    anything else: never seen    ──▶ BatchSeq
//! ```
//!
//! Only `committed` is ever acknowledged. What is let in has room there once it is committed: at any time
//! `committed` has fewer than [`SeqSet::MAX_ISLANDS`] islands, and would have if all that is in flight made its own.

use std::collections::BTreeSet;

use wire::{BatchSeq, SeqSet};

/// What became of a batch number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// First time: pass it on.
    New,
    /// On disk already: say so again.
    Committed,
    /// On its way to the disk: the acknowledgement will come.
    InFlight,
    /// Too many holes to remember another: drop it, the device repeats.
    NoRoom,
}

#[derive(Debug, Default)]
pub(super) struct Window {
    committed: SeqSet,
    /// Bounded by the queues between here and the disk.
    in_flight: BTreeSet<BatchSeq>,
}

impl Window {
    /// The window of an epoch whose committed batches are known.
    pub(super) const fn restored(committed: SeqSet) -> Self {
        Self { committed, in_flight: BTreeSet::new() }
    }

    pub(super) const fn committed(&self) -> &SeqSet {
        &self.committed
    }

    /// Whether something is on its way to the disk.
    pub(super) fn is_waiting(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// What would become of a number, without remembering it.
    pub(super) fn arrival(&self, seq: BatchSeq) -> Arrival {
        if self.committed.contains(seq) {
            Arrival::Committed
        } else if self.in_flight.contains(&seq) {
            Arrival::InFlight
        } else if self.has_room_for(seq) {
            Arrival::New
        } else {
            Arrival::NoRoom
        }
    }

    /// Remembers that a batch arrived and was passed on.
    pub(super) fn receive(&mut self, seq: BatchSeq) -> Arrival {
        let arrival = self.arrival(seq);
        if arrival == Arrival::New {
            self.in_flight.insert(seq);
        }
        arrival
    }

    /// Remembers that a batch is on disk.
    pub(super) fn commit(&mut self, seq: BatchSeq) {
        self.in_flight.remove(&seq);
        self.committed.insert(seq);
    }

    /// Forgets that a batch arrived: it was not committed, and must be let in again.
    pub(super) fn forget(&mut self, seq: BatchSeq) {
        self.in_flight.remove(&seq);
    }

    /// The device holds nothing below `floor`: what is missing there will never come. Returns how many batches that is.
    pub(super) fn raise(&mut self, floor: BatchSeq) -> u64 {
        let coming = self.in_flight.range(self.committed.mark()..floor.max(self.committed.mark())).count() as u64;
        let missing = self.committed.missing_below(floor).saturating_sub(coming);
        self.committed.raise_mark(floor);
        missing
    }

    /// Whether the number can be committed whatever else is committed before it.
    fn has_room_for(&self, seq: BatchSeq) -> bool {
        // One that touches what is there makes no island of its own: holes can always be filled.
        let touches = seq == self.committed.mark()
            || self.committed.contains(BatchSeq(seq.0.saturating_add(1)))
            || seq.0.checked_sub(1).is_some_and(|before| self.committed.contains(BatchSeq(before)));
        touches || self.committed.islands().len() + self.in_flight.len() < SeqSet::MAX_ISLANDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_committed_is_acknowledged() {
        let mut window = Window::default();
        assert_eq!(window.receive(BatchSeq(0)), Arrival::New);
        assert_eq!(window.receive(BatchSeq(0)), Arrival::InFlight);
        assert_eq!(window.committed().mark(), BatchSeq(0));
        window.commit(BatchSeq(0));
        assert_eq!(window.arrival(BatchSeq(0)), Arrival::Committed);
        assert_eq!(window.committed().mark(), BatchSeq(1));
    }

    #[test]
    fn a_batch_that_was_not_committed_may_come_again() {
        let mut window = Window::default();
        window.receive(BatchSeq(0));
        window.commit(BatchSeq(0));
        window.receive(BatchSeq(1));
        window.forget(BatchSeq(1));
        assert_eq!(window.receive(BatchSeq(1)), Arrival::New);
        assert_eq!(window.arrival(BatchSeq(0)), Arrival::Committed);
    }

    #[test]
    fn a_refusal_lets_in_what_was_refused_and_nothing_else() {
        let mut window = Window::default();
        for seq in 0..4 {
            window.receive(BatchSeq(seq));
        }
        window.forget(BatchSeq(1));
        assert_eq!(window.arrival(BatchSeq(1)), Arrival::New);
        for seq in [0, 2, 3] {
            assert_eq!(window.arrival(BatchSeq(seq)), Arrival::InFlight, "{seq}");
        }
    }

    #[test]
    fn what_is_let_in_has_room_when_it_is_committed_in_any_order() {
        let mut window = Window::default();
        let let_in: Vec<BatchSeq> =
            (1..4_000).map(BatchSeq).filter(|seq| window.receive(*seq) == Arrival::New).collect();
        assert_eq!(let_in.len(), SeqSet::MAX_ISLANDS);
        for seq in let_in.iter().step_by(2).chain(let_in.iter().skip(1).step_by(2)) {
            window.commit(*seq);
            assert_eq!(window.arrival(*seq), Arrival::Committed);
        }
    }

    #[test]
    fn a_full_window_still_lets_holes_be_filled() {
        let mut window = Window::default();
        for seq in (1..=2 * SeqSet::MAX_ISLANDS as u64).step_by(2).map(BatchSeq) {
            assert_eq!(window.receive(seq), Arrival::New);
            window.commit(seq);
        }
        assert_eq!(window.receive(BatchSeq(1_000_000)), Arrival::NoRoom);
        assert_eq!(window.receive(BatchSeq(0)), Arrival::New);
        assert_eq!(window.receive(BatchSeq(1_000)), Arrival::New);
    }

    #[test]
    fn a_floor_does_not_count_what_is_on_its_way() {
        let mut window = Window::default();
        window.receive(BatchSeq(1));
        window.receive(BatchSeq(7));
        assert_eq!(window.raise(BatchSeq(5)), 4);
        assert_eq!(window.raise(BatchSeq(5)), 0);
    }

    #[test]
    fn a_floor_gives_up_what_will_never_come() {
        let mut window = Window::default();
        for seq in [0, 1, 4] {
            window.receive(BatchSeq(seq));
            window.commit(BatchSeq(seq));
        }
        assert_eq!(window.raise(BatchSeq(4)), 2);
        assert_eq!(window.committed().mark(), BatchSeq(5));
    }
}

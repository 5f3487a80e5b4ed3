//! The receive window of one epoch of one device: which batches arrived, and which are on disk.
//!
//! ```text
//!   committed    │ received, not yet on disk │ holes     ──▶ BatchSeq
//! ```
//!
//! Invariant: `committed` is a subset of `received`. Only `committed` is ever acknowledged.

use wire::{BatchSeq, Inserted, SeqSet};

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
    received: SeqSet,
    committed: SeqSet,
}

impl Window {
    /// The window of an epoch whose committed batches are known.
    pub(super) fn restored(committed: SeqSet) -> Self {
        Self { received: committed.clone(), committed }
    }

    pub(super) const fn committed(&self) -> &SeqSet {
        &self.committed
    }

    /// What would become of a number, without remembering it.
    pub(super) fn arrival(&self, seq: BatchSeq) -> Arrival {
        match (self.committed.contains(seq), self.received.contains(seq)) {
            (true, _) => Arrival::Committed,
            (false, true) => Arrival::InFlight,
            (false, false) => Arrival::New,
        }
    }

    /// Remembers that a batch arrived and was passed on.
    pub(super) fn receive(&mut self, seq: BatchSeq) -> Arrival {
        match self.received.insert(seq) {
            Inserted::New => Arrival::New,
            Inserted::Repeat => self.arrival(seq),
            Inserted::Full => Arrival::NoRoom,
        }
    }

    /// Remembers that a batch is on disk.
    pub(super) fn commit(&mut self, seq: BatchSeq) {
        self.committed.insert(seq);
        self.received.insert(seq);
    }

    /// Forgets that a batch arrived: it was not committed, and must be let in again.
    pub(super) fn forget(&mut self, seq: BatchSeq) {
        if !self.committed.contains(seq) {
            self.received = self.committed.clone();
        }
    }

    /// The device holds nothing below `floor`: what is missing there will never come. Returns how many batches that is.
    pub(super) fn raise(&mut self, floor: BatchSeq) -> u64 {
        let missing = self.received.missing_below(floor);
        self.received.raise_mark(floor);
        self.committed.raise_mark(floor);
        missing
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

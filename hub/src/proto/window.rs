//! The receive window of one epoch of one device: which batches arrived, and which are on disk.
//!
//! ```text
//!   committed (mark and islands)    in flight: on its way to the disk    anything else: never seen    ──▶ BatchSeq
//! ```
//!
//! Only `committed` is ever acknowledged. What is let in has room there once it is committed: at any time
//! `committed` has fewer than [`SeqSet::MAX_ISLANDS`] islands, and would have if all that is in flight made its own.
//!
//! A number alone does not prove that a batch is on disk: a copy of a device, or a device whose state was set back, gives the same
//! numbers to other readings. So digests of the newest batches are kept, as many as a device may have on the way.

use std::collections::BTreeMap;

use wire::{BatchSeq, SeqSet};

use crate::model::reading::Digest;

/// What became of a batch number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// First time: pass it on.
    New,
    /// On disk already, with the same contents: say so again.
    Committed,
    /// The number is used, by other contents or by such that are not remembered: to be stored all the same.
    Used,
    /// On its way to the disk: the acknowledgement will come.
    InFlight,
    /// Too many holes to remember another: drop it, the device repeats.
    NoRoom,
}

/// A batch on its way to the disk.
#[derive(Debug, Clone, Copy)]
struct Coming {
    digest: Digest,
    /// The session it came in: only there it is acknowledged.
    session: u32,
}

#[derive(Debug, Default)]
pub(super) struct Window {
    committed: SeqSet,
    /// Bounded by the queues between here and the disk.
    in_flight: BTreeMap<BatchSeq, Coming>,
    digests: Digests,
}

/// Digests of the newest committed batches, by the last bits of their numbers.
#[derive(Debug, Default)]
struct Digests(Vec<Option<(BatchSeq, Digest)>>);

impl Digests {
    /// Least and most places: a network that loses half has some dozens between the oldest on its way and the newest, a device
    /// with a backlog twice its credit.
    const LEAST: usize = 64;
    const MOST: usize = 512;

    /// Room for four times as many as are on their way here: acknowledgements are as well.
    fn reserve(&mut self, in_flight: usize) {
        let wanted = (4 * in_flight).next_power_of_two().clamp(Self::LEAST, Self::MOST);
        if wanted > self.0.len() {
            let old = std::mem::replace(&mut self.0, vec![None; wanted]);
            old.into_iter().flatten().for_each(|(seq, digest)| self.note(seq, digest));
        }
    }

    fn note(&mut self, seq: BatchSeq, digest: Digest) {
        let place = seq.0 as usize % self.0.len().max(1);
        if let Some(place) = self.0.get_mut(place) {
            *place = Some((seq, digest));
        }
    }

    fn get(&self, seq: BatchSeq) -> Option<Digest> {
        let place = *self.0.get(seq.0 as usize % self.0.len().max(1))?;
        place.filter(|(noted, _)| *noted == seq).map(|(_, digest)| digest)
    }
}

impl Window {
    /// The window of an epoch whose committed batches are known.
    pub(super) const fn restored(committed: SeqSet) -> Self {
        Self { committed, in_flight: BTreeMap::new(), digests: Digests(Vec::new()) }
    }

    pub(super) const fn committed(&self) -> &SeqSet {
        &self.committed
    }

    /// Whether something is on its way to the disk.
    pub(super) fn is_waiting(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// What would become of a number, without remembering it.
    pub(super) fn arrival(&self, seq: BatchSeq, digest: Digest) -> Arrival {
        if self.committed.contains(seq) {
            if self.digests.get(seq) == Some(digest) { Arrival::Committed } else { Arrival::Used }
        } else if self.in_flight.contains_key(&seq) {
            Arrival::InFlight
        } else if self.has_room_for(seq) {
            Arrival::New
        } else {
            Arrival::NoRoom
        }
    }

    /// Remembers that a batch arrived in a session and was passed on.
    pub(super) fn receive(&mut self, seq: BatchSeq, digest: Digest, session: u32) -> Arrival {
        let arrival = self.arrival(seq, digest);
        if arrival == Arrival::New {
            self.in_flight.insert(seq, Coming { digest, session });
            self.digests.reserve(self.in_flight.len());
        }
        arrival
    }

    /// Remembers that a batch is on disk; the session it came in.
    pub(super) fn commit(&mut self, seq: BatchSeq) -> Option<u32> {
        let coming = self.in_flight.remove(&seq);
        self.committed.insert(seq);
        let Coming { digest, session } = coming?;
        self.digests.note(seq, digest);
        Some(session)
    }

    /// Remembers contents that are on disk.
    pub(super) fn remember(&mut self, seq: BatchSeq, digest: Digest) {
        self.digests.reserve(0);
        self.digests.note(seq, digest);
    }

    /// Remembers that another batch of a number that is used is on disk as well.
    pub(super) fn stored_aside(&mut self, seq: BatchSeq, digest: Digest) {
        self.digests.reserve(0);
        self.digests.note(seq, digest);
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

    const SESSION: u32 = 7;

    fn digest(seq: BatchSeq) -> Digest {
        Digest::of(&seq.0.to_le_bytes())
    }

    fn receive(window: &mut Window, seq: u64) -> Arrival {
        window.receive(BatchSeq(seq), digest(BatchSeq(seq)), SESSION)
    }

    #[test]
    fn a_number_is_a_repeat_only_with_the_contents_it_had() {
        let mut window = Window::default();
        let other = Digest::of(b"other readings");
        receive(&mut window, 0);
        assert_eq!(window.commit(BatchSeq(0)), Some(SESSION));
        assert_eq!(window.arrival(BatchSeq(0), digest(BatchSeq(0))), Arrival::Committed);
        assert_eq!(window.arrival(BatchSeq(0), other), Arrival::Used);
        window.stored_aside(BatchSeq(0), other);
        assert_eq!(window.arrival(BatchSeq(0), other), Arrival::Committed);

        // After a restart nothing is known of the contents, and what was given up never had any.
        let mut restored = Window::restored(window.committed().clone());
        assert_eq!(restored.arrival(BatchSeq(0), digest(BatchSeq(0))), Arrival::Used);
        restored.raise(BatchSeq(5));
        assert_eq!(restored.arrival(BatchSeq(3), digest(BatchSeq(3))), Arrival::Used);
    }

    #[test]
    fn as_many_contents_are_remembered_as_a_device_has_on_its_way() {
        let mut window = Window::default();
        (0..256).for_each(|seq| assert_eq!(receive(&mut window, seq), Arrival::New));
        (0..256).for_each(|seq| assert_eq!(window.commit(BatchSeq(seq)), Some(SESSION)));
        for seq in (0..256).map(BatchSeq) {
            assert_eq!(window.arrival(seq, digest(seq)), Arrival::Committed, "{seq:?}");
        }
    }

    #[test]
    fn only_what_is_committed_is_acknowledged() {
        let mut window = Window::default();
        assert_eq!(receive(&mut window, 0), Arrival::New);
        assert_eq!(receive(&mut window, 0), Arrival::InFlight);
        assert_eq!(window.committed().mark(), BatchSeq(0));
        window.commit(BatchSeq(0));
        assert_eq!(window.arrival(BatchSeq(0), digest(BatchSeq(0))), Arrival::Committed);
        assert_eq!(window.committed().mark(), BatchSeq(1));
    }

    #[test]
    fn a_batch_that_was_not_committed_may_come_again() {
        let mut window = Window::default();
        receive(&mut window, 0);
        window.commit(BatchSeq(0));
        receive(&mut window, 1);
        window.forget(BatchSeq(1));
        assert_eq!(receive(&mut window, 1), Arrival::New);
        assert_eq!(window.arrival(BatchSeq(0), digest(BatchSeq(0))), Arrival::Committed);
    }

    #[test]
    fn a_refusal_lets_in_what_was_refused_and_nothing_else() {
        let mut window = Window::default();
        for seq in 0..4 {
            receive(&mut window, seq);
        }
        window.forget(BatchSeq(1));
        assert_eq!(window.arrival(BatchSeq(1), digest(BatchSeq(1))), Arrival::New);
        for seq in [0, 2, 3] {
            assert_eq!(window.arrival(BatchSeq(seq), digest(BatchSeq(seq))), Arrival::InFlight, "{seq}");
        }
    }

    #[test]
    fn what_is_let_in_has_room_when_it_is_committed_in_any_order() {
        let mut window = Window::default();
        let let_in: Vec<BatchSeq> =
            (1..4_000).map(BatchSeq).filter(|seq| receive(&mut window, seq.0) == Arrival::New).collect();
        assert_eq!(let_in.len(), SeqSet::MAX_ISLANDS);
        for seq in let_in.iter().step_by(2).chain(let_in.iter().skip(1).step_by(2)) {
            window.commit(*seq);
            assert_eq!(window.arrival(*seq, digest(*seq)), Arrival::Committed);
        }
    }

    #[test]
    fn a_full_window_still_lets_holes_be_filled() {
        let mut window = Window::default();
        for seq in (1..=2 * SeqSet::MAX_ISLANDS as u64).step_by(2).map(BatchSeq) {
            assert_eq!(receive(&mut window, seq.0), Arrival::New);
            window.commit(seq);
        }
        assert_eq!(receive(&mut window, 1_000_000), Arrival::NoRoom);
        assert_eq!(receive(&mut window, 0), Arrival::New);
        assert_eq!(receive(&mut window, 1_000), Arrival::New);
    }

    #[test]
    fn a_floor_does_not_count_what_is_on_its_way() {
        let mut window = Window::default();
        receive(&mut window, 1);
        receive(&mut window, 7);
        assert_eq!(window.raise(BatchSeq(5)), 4);
        assert_eq!(window.raise(BatchSeq(5)), 0);
    }

    #[test]
    fn a_floor_gives_up_what_will_never_come() {
        let mut window = Window::default();
        for seq in [0, 1, 4] {
            receive(&mut window, seq);
            window.commit(BatchSeq(seq));
        }
        assert_eq!(window.raise(BatchSeq(4)), 2);
        assert_eq!(window.committed().mark(), BatchSeq(5));
    }
}

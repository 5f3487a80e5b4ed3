//! What the hub is told of the spool: the ledger's report, and what will never come.

use std::collections::BTreeMap;
use std::time::Instant;

use wire::ledger::Report;
use wire::{BatchSeq, Epoch, Hour};

use super::Spool;

impl Spool {
    /// The ledger's report that the hub should have, if there is one; the same until [`Spool::recorded`].
    pub fn report(&mut self, now: Instant) -> Option<&Report> {
        if self.books.ledger.is_due(self.is_empty(), self.opened, now) {
            self.books.ledger.seal(self.holds_from(), (self.epoch, self.next), now);
        }
        self.books.ledger.sent()
    }

    /// The hub has this report on disk.
    pub fn recorded(&mut self, epoch: Epoch, number: u32) {
        self.books.ledger.recorded(epoch, number);
    }

    /// Makes the next [`Spool::report`] contain everything.
    pub fn tell_all(&mut self) {
        self.books.ledger.tell_all();
    }

    /// Whether the hub has everything the ledger says.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.books.ledger.is_told()
    }

    /// Per epoch, newest first: nothing below this number is held, so nothing below will ever come.
    #[must_use]
    pub fn floors(&self) -> Vec<(Epoch, BatchSeq)> {
        let mut floors: BTreeMap<Epoch, BatchSeq> = BTreeMap::new();
        let mut from = (Epoch(0), BatchSeq(0));
        while let Some((&(epoch, first), _)) = self.listed.held.range(from..).next() {
            floors.insert(epoch, first);
            let Some(next) = epoch.0.checked_add(1) else { break };
            from = (Epoch(next), BatchSeq(0));
        }
        for cold in self.cold.segments.values() {
            let floor = floors.entry(cold.epoch).or_insert(cold.first);
            *floor = (*floor).min(cold.first);
        }
        floors.entry(self.epoch).or_insert(self.next);
        floors.into_iter().rev().take(wire::message::FLOOR_LIMIT).collect()
    }

    /// The oldest batch that is held, or else the next one there will be.
    #[must_use]
    pub fn oldest(&self) -> (Epoch, BatchSeq) {
        let listed = self.listed.held.keys().next().copied();
        let cold = self.cold.segments.values().map(|cold| (cold.epoch, cold.first)).min();
        [listed, cold].into_iter().flatten().min().unwrap_or((self.epoch, self.next))
    }

    /// Hour of the oldest batch that is held.
    fn holds_from(&self) -> Option<Hour> {
        let first_of = |epoch, seq, body: &[u8]| {
            wire::batch::starts_at(body).map(|at| at.plus(self.books.moved((epoch, seq))).hour())
        };
        let listed = self.listed.held.first_key_value().map(|(key, held)| {
            let body = self.files.body(held);
            body.and_then(|body| first_of(key.0, key.1, &body)).unwrap_or_else(|| self.hour_of(held.taken))
        });
        let cold = self.cold.segments.first_key_value().map(|(number, cold)| {
            let record = self.files.disk.as_ref().and_then(|disk| disk.bodies(*number)?.1.into_iter().next());
            let first = record.and_then(|(record, body)| first_of(cold.epoch, record.seq, &body));
            first.unwrap_or_else(|| self.hour_of(cold.newest))
        });
        [listed, cold].into_iter().flatten().min()
    }
}

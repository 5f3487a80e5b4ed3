//! What is held was taken by a wrong clock: the ledger counts it anew, and what is not sent yet will say so.

use std::io;
use std::sync::Arc;

use wire::{BatchSeq, Epoch};

use super::Spool;
use super::ledger::Ledger;

impl Spool {
    /// Batches of this boot from `from` on, before `until`, were taken by a clock that was `ms` behind: those that are not
    /// sent yet will say so.
    ///
    /// # Errors
    /// The disk refused: the next start will not know it.
    pub fn moved(&mut self, from: BatchSeq, until: BatchSeq, ms: i64) -> io::Result<()> {
        let epoch = self.epoch;
        if from < until && ms != 0 {
            self.each_held(epoch, from, until, |ledger, body, moved| ledger.shift(epoch, body, moved, moved + ms));
        }
        self.books.shifts.add(epoch, from, until, ms)
    }

    /// Shows every held batch of a stretch that was not handed out, with how far it is moved.
    fn each_held(
        &mut self,
        epoch: Epoch,
        from: BatchSeq,
        until: BatchSeq,
        mut with: impl FnMut(&mut Ledger, &[u8], i64),
    ) {
        let mut bodies: Vec<(BatchSeq, Arc<[u8]>)> = Vec::new();
        let listed =
            self.listed.held.range((epoch, from)..(epoch, until)).filter(|(key, _)| !self.lanes.handed.contains(*key));
        bodies.extend(listed.filter_map(|(key, held)| Some((key.1, self.files.body(held)?))));
        for (number, _) in self.cold.segments.iter().filter(|(_, cold)| cold.epoch == epoch) {
            let records = self.files.disk.as_ref().and_then(|disk| disk.bodies(*number)).map(|(_, records)| records);
            let inside = records.into_iter().flatten().filter(|(record, _)| (from..until).contains(&record.seq));
            bodies.extend(inside.map(|(record, body)| (record.seq, Arc::from(body))));
        }
        for (seq, body) in bodies {
            let moved = self.books.moved((epoch, seq));
            with(&mut self.books.ledger, &body, moved);
        }
    }
}

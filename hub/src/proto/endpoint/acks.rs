//! What devices are told: their batches that are on disk, and nothing else.

use std::collections::VecDeque;

use wire::message::{Ack, Control, RUN_LIMIT};

use super::{Endpoint, Entry, known_sensors};
use crate::model::{BatchSeq, Epoch, PublicKey};
use crate::proto::Moment;
use crate::proto::counters::Counters;

impl Endpoint {
    pub(super) fn owe_ack(
        due: &mut VecDeque<PublicKey>,
        entry: &mut Entry,
        key: PublicKey,
        epoch: Epoch,
        seq: BatchSeq,
    ) {
        entry.unacked.push((epoch, seq));
        Self::queue_ack(due, entry, key);
    }

    pub(super) fn queue_ack(due: &mut VecDeque<PublicKey>, entry: &mut Entry, key: PublicKey) {
        if !entry.ack_queued {
            entry.ack_queued = true;
            due.push_back(key);
        }
    }

    /// Writes what a device is owed: for each epoch its mark and the runs around what has just reached the disk.
    pub(super) fn write_acks(&mut self, moment: Moment, key: PublicKey) {
        let credit = self.credit();
        let Some(entry) = self.devices.get_mut(&key) else { return };
        let Some(session) = self.sessions.current(&key) else {
            // No way to it now; it will repeat, and be told then.
            entry.unacked.clear();
            entry.ack_queued = false;
            return;
        };
        entry.ack_queued = false;
        let mut owed = std::mem::take(&mut entry.unacked);
        owed.sort_unstable();
        owed.dedup();
        let (echo_counter, echo_received) = session.echo;
        let known_sensors = known_sensors(entry);
        let mut acks = Vec::new();
        for group in owed.chunk_by(|one, next| one.0 == next.0) {
            let epoch = group[0].0;
            let Some(window) = entry.windows.get(&epoch) else { continue };
            let committed = window.committed();
            let mut runs: Vec<(u64, u64)> = group
                .iter()
                .filter(|(_, seq)| *seq >= committed.mark())
                .filter_map(|(_, seq)| committed.run_of(*seq))
                .map(|run| (run.start, run.end))
                .collect();
            runs.dedup();
            // At least one acknowledgement for the mark; one more for every `RUN_LIMIT` runs.
            let mut chunks: Vec<Vec<(u64, u64)>> = runs.chunks(RUN_LIMIT).map(<[_]>::to_vec).collect();
            if chunks.is_empty() {
                chunks.push(Vec::new());
            }
            acks.extend(chunks.into_iter().map(|runs| (epoch, committed.mark(), runs)));
        }
        if acks.is_empty() {
            let newest = entry.windows.iter().max_by_key(|(epoch, _)| **epoch);
            let (epoch, mark) =
                newest.map_or((Epoch(0), BatchSeq(0)), |(epoch, window)| (*epoch, window.committed().mark()));
            acks.push((epoch, mark, Vec::new()));
        }
        for (epoch, mark, runs) in acks {
            let ack = Ack { epoch, mark, runs, credit, known_sensors, echo_counter, echo_received, now: moment.wall };
            Counters::count(&self.counters.acks);
            self.send(key, &Control::Ack(ack));
        }
    }
}

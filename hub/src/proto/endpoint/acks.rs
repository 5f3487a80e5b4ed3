//! Acknowledgements: each session is told which of the batches that came in it are on disk, and nothing else.

use wire::message::{Ack, Control, RUN_LIMIT};

use super::Endpoint;
use super::outgoing::Outgoing;
use super::peer::known_sensors;
use crate::model::{BatchSeq, Epoch};
use crate::proto::Moment;
use crate::proto::counters::Counters;
use crate::proto::session::Sessions;

/// What one acknowledgement says of batches: the boot, the mark, the runs above it.
type Named = (Epoch, BatchSeq, Vec<(u64, u64)>);

impl Outgoing {
    /// Owes a session the acknowledgement of a batch that is on disk.
    pub(super) fn owe_ack(&mut self, sessions: &mut Sessions, session: u32, epoch: Epoch, seq: BatchSeq) {
        if let Some(session) = sessions.get_mut(session) {
            session.owe(epoch, seq);
        }
        self.queue_ack(sessions, session);
    }

    /// Owes a session an acknowledgement, if only as a sign of life.
    pub(super) fn queue_ack(&mut self, sessions: &mut Sessions, session: u32) {
        // Without it there is no way to the device now; it will repeat, and be told then.
        if let Some(open) = sessions.get_mut(session).filter(|open| !open.ack_queued) {
            open.ack_queued = true;
            self.ack_due.push_back(session);
        }
    }
}

impl Endpoint {
    /// Writes what a session is owed: for each epoch its mark and the runs around what has just reached the disk.
    pub(super) fn write_acks(&mut self, moment: Moment, index: u32) {
        let credit = self.incoming.credit();
        let Some(session) = self.front.sessions.get_mut(index) else { return };
        session.ack_queued = false;
        let mut owed = std::mem::take(&mut session.owed);
        let Some(peer) = self.roster.devices.get(&session.peer) else { return };
        owed.sort_unstable();
        owed.dedup();
        let (echo_counter, echo_received) = session.echo;
        let known_sensors = known_sensors(peer);
        let mut acks: Vec<Named> = Vec::new();
        for group in owed.chunk_by(|one, next| one.0 == next.0) {
            let epoch = group[0].0;
            let Some(known) = session.known(epoch) else { continue };
            let mut runs: Vec<(u64, u64)> = group
                .iter()
                .filter(|(_, seq)| *seq >= known.mark())
                .filter_map(|(_, seq)| known.run_of(*seq))
                .map(|run| (run.start, run.end))
                .collect();
            runs.dedup();
            // At least one acknowledgement for the mark; one more for every `RUN_LIMIT` runs.
            let mut chunks: Vec<Vec<(u64, u64)>> = runs.chunks(RUN_LIMIT).map(<[_]>::to_vec).collect();
            if chunks.is_empty() {
                chunks.push(Vec::new());
            }
            acks.extend(chunks.into_iter().map(|runs| (epoch, known.mark(), runs)));
        }
        if acks.is_empty() {
            // A sign of life, with what was said before.
            let (epoch, mark) = session.newest_mark().unwrap_or((Epoch(0), BatchSeq(0)));
            acks.push((epoch, mark, Vec::new()));
        }
        for (epoch, mark, runs) in acks {
            let ack = Ack { epoch, mark, runs, credit, known_sensors, echo_counter, echo_received, now: moment.wall };
            Counters::count(&self.counters.acks);
            self.send(index, &Control::Ack(ack));
        }
    }
}

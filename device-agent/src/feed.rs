//! Connects an uplink with the spool that it empties: the few lines that all kinds of agents share.

use crate::clock::Now;
use crate::spool::Spool;
use crate::uplink::{Event, Uplink};
use wire::Lane;

/// Both halves of one device.
#[derive(Debug)]
pub struct Feed {
    /// Sends, repeats and listens.
    pub uplink: Uplink,
    /// Keeps until acknowledged.
    pub spool: Spool,
}

impl Feed {
    /// Carries acknowledgements to the spool and batches to the uplink; every other event goes to `notice`.
    ///
    /// Live batches first, then backlog, each as far as the hub's credit goes.
    pub fn settle(&mut self, now: Now, mut notice: impl FnMut(&mut Self, Event)) {
        while let Some(event) = self.uplink.poll_event() {
            match event {
                Event::Acked { epoch, mark, runs } => {
                    self.spool.trim(epoch, mark, &runs);
                }
                lost @ Event::Lost { .. } => {
                    self.spool.rewind();
                    notice(self, lost);
                }
                Event::Recorded { epoch, number } => self.spool.recorded(epoch, number),
                other @ (Event::Found { .. }
                | Event::Several { .. }
                | Event::Foreign { .. }
                | Event::Silent { .. }
                | Event::Pending { .. }
                | Event::Adopted { .. }
                | Event::Claimed(_)) => notice(self, other),
            }
        }
        while self.uplink.has_room(Lane::Live) {
            let Some(batch) = self.spool.take_live(now.mono) else { break };
            self.uplink.push(batch);
        }
        while self.uplink.has_room(Lane::Recovered) {
            let Some(batch) = self.spool.take_backlog() else { break };
            self.uplink.push(batch);
        }
    }

    /// Tells the uplink what its next status should say, and what the ledger has to tell.
    pub fn report(&mut self, now: Now) {
        self.uplink.report(self.spool.len() as u64, self.spool.dropped(), self.spool.floors());
        self.uplink.tell_ledger(self.spool.report(now.mono), now);
    }
}

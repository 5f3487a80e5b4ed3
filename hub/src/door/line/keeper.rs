//! Takes what came to the disk: one group of readings at a time, of all senders that wait.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::parcel::Parcel;
use crate::door::tally::{Dropped, Tally};
use crate::door::weighed::Weighed;
use crate::ingest::gather::Gathered;
use crate::ingest::gather::arrivals::Arrivals;
use crate::ingest::gather::lines::gather_coming;
use crate::ingest::newcomers::Maker;
use crate::ingest::way::{Sends, Stored, Way};
use crate::model::view::View;
use crate::store::Origin;

/// Bytes of text in a group: it is read within some milliseconds.
const GROUP: usize = 256 << 10;
/// How long a group waits for room in the queue to the disk.
const ROOM_WITHIN: Duration = Duration::from_secs(10);
/// Pause before a group is tried again that found no room, where its senders wait for it.
const AGAIN: Duration = Duration::from_secs(1);

/// Stores parcels.
pub(super) struct Keeper<'a> {
    way: Way,
    tally: &'a Tally,
    sends: Sends,
    /// Moments of lines without a time.
    arrivals: Arrivals,
    /// Where senders wait: a group is tried until it is stored, or until this. Else it is tried once.
    until: Option<CancellationToken>,
}

impl<'a> Keeper<'a> {
    pub(super) fn new(way: Way, tally: &'a Tally, door: &'static str, until: Option<CancellationToken>) -> Self {
        let sends = Sends {
            by: Some(Maker::Door(door)),
            view: View::ALL,
            partial: true,
            whole: false,
            room_within: ROOM_WITHIN,
            once: true,
        };
        Self { way, tally, sends, arrivals: Arrivals::default(), until }
    }

    /// Runs until the last sender is gone and everything is stored.
    pub(super) async fn run(mut self, mut parcels: mpsc::Receiver<Weighed<Parcel>>) {
        let mut waiting = Vec::new();
        while parcels.recv_many(&mut waiting, 1).await > 0 {
            let mut bytes: usize = waiting.iter().map(|parcel| parcel.what.text.len()).sum();
            while bytes < GROUP
                && let Ok(more) = parcels.try_recv()
            {
                bytes += more.what.text.len();
                waiting.push(more);
            }
            let mut gathered = self.gather(&mut waiting);
            if !gathered.is_empty() {
                self.keep(&mut gathered).await;
            }
        }
    }

    /// The readings of some parcels, which are empty then.
    fn gather(&mut self, parcels: &mut Vec<Weighed<Parcel>>) -> Gathered {
        let mut gathered = Gathered::new(Origin::Pushed);
        if let Some(first) = parcels.first() {
            self.arrivals.forget_before(first.what.came);
        }
        for Weighed { what: Parcel { from, text, came }, .. } in parcels.drain(..) {
            gathered.comes_from(from);
            let read = gather_coming(&text, &mut gathered, came, &mut self.arrivals);
            self.tally.came(read.lines);
            if let Some(error) = read.errors.first() {
                self.tally.dropped(Dropped::Invalid, read.left_out, || format!("from {}: {error}", from.ip()));
            }
            if read.too_fast > 0 {
                let say = || format!("lines of {} without a time come faster than one a millisecond", from.ip());
                self.tally.dropped(Dropped::TooFast, read.too_fast, say);
            }
        }
        gathered
    }

    /// Stores readings, and counts what is not.
    async fn keep(&self, gathered: &mut Gathered) {
        let mut stored = Stored::default();
        self.store(gathered, &mut stored).await;
        if stored.replaced > 0 {
            let say = || "another reading of the same sensor and moment came behind".to_owned();
            self.tally.dropped(Dropped::Replaced, stored.replaced, say);
        }
        for (why, readings) in stored.left_out {
            self.tally.dropped(Dropped::NotTaken, readings, || why.to_string());
        }
    }

    /// The same, as often as it takes.
    async fn store(&self, gathered: &mut Gathered, stored: &mut Stored) {
        loop {
            let now = self.way.clock.wall();
            let Err(error) = self.way.store(gathered, &self.sends, now, stored).await else {
                self.tally.stored(gathered.len());
                self.way.heard_from_senders(gathered);
                return;
            };
            let why = Dropped::of(&error);
            let senders_wait = self.until.as_ref().filter(|until| why != Dropped::NotTaken && !until.is_cancelled());
            let Some(until) = senders_wait else {
                self.tally.dropped(why, gathered.len(), || error.to_string());
                return;
            };
            tokio::select! {
                () = until.cancelled() => {}
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
    }
}

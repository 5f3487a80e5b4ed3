//! Decides which batches are taken, which of their readings, and under which number. A batch that is not taken changes
//! nothing: the device sends it again.

use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::time::Instant;

use wire::DecodeError;
use wire::batch::{BatchBuilder, MAX_BODY, Rows, decode};
use wire::message;

use super::Endpoint;
use super::incoming::{CREDIT, MAX_BATCHES};
use super::peer::{Aside, Peer, known_sensors, trim_epochs};
use crate::model::reading::{Batch, BatchId, Digest, SeriesId, is_time};
use crate::model::{BatchSeq, Epoch, Lane, PublicKey, UnixMillis, numbering};
use crate::pressure::{Pressure, Shed};
use crate::proto::Moment;
use crate::proto::counters::{Counters, Drop};
use crate::proto::window::Arrival;

/// Extra places, only for devices that have nothing in the pipeline: in a burst each device's first batch gets through, so that its
/// alerts do not depend on luck.
const MAX_FIRST_BATCHES: usize = 256;
/// Batches of one device on their way to the disk under numbers of the hub: as many as it may have in flight.
const MAX_ASIDE: usize = CREDIT as usize;
/// Oldest age of a live reading, in milliseconds: an agent sends what is older in the other lane.
const LIVE_MS: i64 = 10_000;

impl Endpoint {
    /// Handles a batch that came in a session which speaks for its device.
    pub(super) fn handle_batch(
        &mut self,
        moment: Moment,
        key: PublicKey,
        session: u32,
        batch: message::Batch<'_>,
    ) -> Result<(), DecodeError> {
        if numbering::is_own(batch.epoch) {
            return Err(DecodeError::OutOfRange);
        }
        let Some(peer) = self.roster.adopted(&key) else {
            self.counters.dropped(Drop::NotAdopted);
            return Ok(());
        };
        // Asked before anything changes, so that a batch that is turned away can come again.
        if let Err(why) = may_come(peer, moment.now, batch.lane, self.incoming.batches.len(), &self.pressure) {
            self.counters.dropped(why);
            return Ok(());
        }
        let digest = Digest::of(batch.body);
        let is_done = |epoch, seq| self.front.sessions.get_mut(session).is_some_and(|open| open.is_done(epoch, seq));
        if is_on_disk(peer, &batch, digest, is_done) {
            self.counters.dropped(Drop::Repeat);
            self.outgoing.owe_ack(&mut self.front.sessions, session, batch.epoch, batch.seq);
            return Ok(());
        }
        self.incoming.rows.clear();
        decode(batch.body, &mut self.incoming.rows)?;
        let Some(stored) = stored(peer, &mut self.incoming.rows, &batch, moment.wall) else {
            self.counters.dropped(Drop::UnknownSensor);
            // An empty acknowledgement says which sensors are known.
            self.queue_ack(session);
            return Ok(());
        };
        let aside = Aside { session, epoch: batch.epoch, seq: batch.seq, digest };
        match numbered(peer, aside, self.incoming.next_aside) {
            Ok(id) => self.queue(id, batch.lane, moment.wall, stored),
            Err(why) => self.counters.dropped(why),
        }
        Ok(())
    }

    /// Lets a batch wait for the pipeline; its rows are those that were decoded last.
    fn queue(&mut self, id: BatchId, lane: Lane, received_at: UnixMillis, stored: Stored<'_>) {
        let Stored { series, payload, refused } = stored;
        if id.epoch == numbering::ASIDE {
            self.incoming.next_aside += 1;
            Counters::count(&self.counters.batches_aside);
        }
        Counters::count(&self.counters.batches);
        self.counters.readings_refused.fetch_add(refused, Ordering::Relaxed);
        self.incoming.batches.push_back(Batch {
            id,
            lane,
            received_at,
            payload: payload.into_owned(),
            series,
            at: self.incoming.rows.at.clone(),
            value: self.incoming.rows.value.clone(),
        });
    }
}

/// Whether a batch was stored before, so that only its acknowledgement is missing. `is_done`: whether the session saw to
/// one of this number whose own was used by other contents.
fn is_on_disk(
    peer: &Peer,
    batch: &message::Batch<'_>,
    digest: Digest,
    mut is_done: impl FnMut(Epoch, BatchSeq) -> bool,
) -> bool {
    match peer.windows.get(&batch.epoch).map(|window| window.arrival(batch.seq, digest)) {
        Some(Arrival::Committed) => true,
        Some(Arrival::Used) => is_done(batch.epoch, batch.seq),
        None | Some(Arrival::New | Arrival::InFlight | Arrival::NoRoom) => false,
    }
}

/// Whether a batch can be taken at all now, with so many in the queue.
fn may_come(peer: &Peer, now: Instant, lane: Lane, queued: usize, pressure: &Pressure) -> Result<(), Drop> {
    if peer.is_renumbering(now) {
        return Err(Drop::UnknownSensor);
    }
    // A device with nothing on the way finds room behind a full queue: otherwise it would be chance whether its alert is raised.
    let room = if peer.is_waiting() { MAX_BATCHES } else { MAX_BATCHES + MAX_FIRST_BATCHES };
    if queued >= room {
        pressure.count(Shed::Live);
        return Err(Drop::IngestQueue);
    }
    if lane == Lane::Recovered && pressure.sheds(Shed::Backfill) {
        return Err(Drop::Overload);
    }
    Ok(())
}

/// The part of a batch that is stored.
struct Stored<'a> {
    /// The series of each reading.
    series: Vec<SeriesId>,
    payload: Cow<'a, [u8]>,
    /// Readings that were left out.
    refused: u64,
}

/// Decides which readings of a batch are stored; `rows` are its readings, decoded. `None` when the device has to describe a sensor first.
fn stored<'a>(peer: &Peer, rows: &mut Rows, batch: &message::Batch<'a>, now: UnixMillis) -> Option<Stored<'a>> {
    let from = peer.taken_from(ahead_ms(batch.lane, rows, now));
    let is_its = |at: UnixMillis| is_time(at) && at >= from;
    match series_of(rows, &peer.sensors) {
        Some(series) if rows.at.iter().all(|at| is_its(*at)) => {
            Some(Stored { series, payload: Cow::Borrowed(batch.body), refused: 0 })
        }
        _ if rows.sensor.iter().all(|no| no.0 < known_sensors(peer)) => {
            let (payload, refused) = leave_out(rows, peer.sensors.len(), is_its);
            Some(Stored { series: series_of(rows, &peer.sensors)?, payload: Cow::Owned(payload), refused })
        }
        _ => None,
    }
}

/// The number under which a batch is stored: its own, or `aside`, a number of the hub's, if other contents have used its own.
fn numbered(peer: &mut Peer, batch: Aside, aside: u64) -> Result<BatchId, Drop> {
    let Aside { session, epoch, seq, digest } = batch;
    let device = peer.device.no;
    trim_epochs(&mut peer.windows, epoch);
    match peer.windows.entry(epoch).or_default().receive(seq, digest, session) {
        Arrival::New => Ok(BatchId { device, epoch, seq }),
        Arrival::Used if peer.has_aside(epoch, seq) => Err(Drop::Repeat),
        Arrival::Used if peer.aside.len() < MAX_ASIDE => {
            let seq = BatchSeq(aside);
            peer.aside.insert(seq, batch);
            Ok(BatchId { device, epoch: numbering::ASIDE, seq })
        }
        Arrival::NoRoom | Arrival::Used => Err(Drop::WindowFull),
        Arrival::InFlight | Arrival::Committed => Err(Drop::Repeat),
    }
}

/// How far the device's clock is ahead of ours, in milliseconds; 0 if it is right. Live readings tell it: they were measured just now.
fn ahead_ms(lane: Lane, rows: &Rows, now: UnixMillis) -> i64 {
    let newest = rows.at.iter().max().filter(|_| lane == Lane::Live);
    newest.map(|at| at.since(now)).filter(|ms| ms.unsigned_abs() > LIVE_MS.unsigned_abs()).unwrap_or(0)
}

/// The series of each reading; `None` when one has none.
fn series_of(rows: &Rows, sensors: &[SeriesId]) -> Option<Vec<SeriesId>> {
    // Allocated once: collecting options would begin with room for four and grow.
    let mut series = Vec::with_capacity(rows.len());
    for no in &rows.sensor {
        series.push(*sensors.get(usize::from(no.0))?);
    }
    Some(series)
}

/// Leaves out readings of sensors that are not `known` and readings from before the device had its hardware. Returns the body of
/// the rest, and how many were left out.
fn leave_out(rows: &mut Rows, known: usize, is_its: impl Fn(UnixMillis) -> bool) -> (Vec<u8>, u64) {
    let (all, mut body) = (std::mem::take(rows), BatchBuilder::new(MAX_BODY));
    let kept = all.iter().filter(|reading| usize::from(reading.sensor.0) < known && is_its(reading.at));
    // The body of fewer readings is shorter, but times are coded by their differences and a larger difference may need more bytes:
    // a reading that no longer fits is left out as well.
    for reading in kept.filter(|reading| body.push(reading)) {
        rows.sensor.push(reading.sensor);
        rows.at.push(reading.at);
        rows.value.push(reading.value);
    }
    let refused = all.len() - rows.len();
    (body.finish(), refused as u64)
}

//! One subscription of one listener: which series it wants, and what it has not been sent yet. PURE.
//!
//! Rows wait until the next frame is due (`max_hz`). Up to [`WAITING_ROWS`] every row is kept; beyond that only the newest
//! of each series, and the frame says from when on rows are missing, so that the listener can fetch them. So it is while the
//! hub is overloaded, with a frame a second at most. Readings of the recovered lane wait apart from live ones and leave in frames
//! of their own. All subscriptions of a listener share a [`Room`]: when it is full, rows are missing as well.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::model::catalog::Catalog;
use crate::model::device::Device;
use crate::model::glob::Glob;
use crate::model::reading::{Batch, Point, SeriesId};
use crate::model::view::View;
use crate::model::{Lane, UnixMillis};

/// Rows kept one by one between two frames: a thousand devices of four sensors at once. Beyond it, the newest per series.
pub(crate) const WAITING_ROWS: usize = 4_096;

/// Rows that all subscriptions of one listener keep between two frames, at most: every series of a thousand devices.
const LISTENER_ROWS: usize = 16_384;
/// Rows for which a listener always has room: what a page with a few charts shows at once.
const OWN_ROWS: usize = 512;
/// Rows that are lent at a time.
const LENT_ROWS: usize = 1_024;
/// Bytes that a row takes while it waits, with its place among the newest.
const ROW_BYTES: usize = 64;

/// Room of one listener for rows that wait: a few always, and more of them as it is lent, because all listeners share what
/// memory there is.
#[derive(Debug)]
pub(crate) struct Room {
    left: usize,
    all: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { left: OWN_ROWS, all: OWN_ROWS }
    }
}

impl Room {
    /// How many rows should be lent before `rows` more come; 0 when there is room for them, or no listener has more.
    #[must_use]
    pub(crate) fn wants(&self, rows: usize) -> usize {
        let missing = rows.saturating_sub(self.left);
        missing.next_multiple_of(LENT_ROWS).min(LISTENER_ROWS.saturating_sub(self.all))
    }

    /// Takes room for this many more rows.
    pub(crate) const fn lend(&mut self, rows: usize) {
        self.left += rows;
        self.all += rows;
    }

    /// Gives back what was lent, unless rows wait; whether there was any.
    pub(crate) const fn repay(&mut self) -> bool {
        let repays = self.left == self.all && self.all > OWN_ROWS;
        if repays {
            (self.left, self.all) = (OWN_ROWS, OWN_ROWS);
        }
        repays
    }

    /// Bytes of what was lent.
    #[must_use]
    pub(crate) const fn lent_bytes(&self) -> usize {
        Self::bytes_of(self.all - OWN_ROWS)
    }

    /// Bytes that so many rows take.
    #[must_use]
    pub(crate) const fn bytes_of(rows: usize) -> usize {
        rows * ROW_BYTES
    }

    /// A subscription ended: what waits in it goes nowhere.
    pub(crate) fn give_back(&mut self, ended: &Subscription) {
        self.left += ended.live.rows.len() + ended.recovered.rows.len();
    }

    const fn take(&mut self) -> bool {
        let has_room = self.left > 0;
        if has_room {
            self.left -= 1;
        }
        has_room
    }
}

/// Time between two frames while the hub is overloaded.
const PRESSED_EVERY: Duration = Duration::from_secs(1);

/// Rows of one message: at 200 bytes each it stays below the socket's write buffer of 256 KiB.
pub(crate) const FRAME_ROWS: usize = 1_024;

/// Which series a listener wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Glob over device id and name.
    pub device: Glob,
    /// Glob over sensor names.
    pub sensor: Glob,
    /// What the listener may see.
    pub view: View,
}

impl Filter {
    /// Whether a device is meant, by its id or its name, and may be seen.
    #[must_use]
    pub(crate) fn wants_device(&self, device: &Device) -> bool {
        self.view.has(device) && (self.device.matches(&device.name) || self.device.matches(&device.id.to_string()))
    }

    /// Whether a series is meant. A series the catalog does not know is not.
    #[must_use]
    pub(crate) fn wants(&self, series: SeriesId, catalog: &Catalog) -> bool {
        let Some(series) = catalog.series(series) else { return false };
        self.sensor.matches(&series.sensor)
            && catalog.device(series.device).is_some_and(|device| self.wants_device(device))
    }

    /// All series meant that exist.
    pub(crate) fn series<'a>(&'a self, catalog: &'a Catalog) -> impl Iterator<Item = SeriesId> + 'a {
        catalog
            .devices()
            .filter(|device| self.wants_device(device))
            .flat_map(|device| catalog.series_of(device.no))
            .filter(|series| self.sensor.matches(&series.sensor))
            .map(|series| series.id)
    }
}

/// What is due to be sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    /// Readings as measured, or kept while the hub was away.
    pub lane: Lane,
    /// Rows in the order they came.
    pub rows: Vec<(SeriesId, Point)>,
    /// Rows with device times from here on are missing.
    pub gap: Option<UnixMillis>,
}

/// See the module's header.
#[derive(Debug)]
pub(crate) struct Subscription {
    filter: Filter,
    every: Duration,
    pressed: bool,
    due: Option<Instant>,
    verdicts: Verdicts,
    live: Waiting,
    recovered: Waiting,
}

impl Subscription {
    /// Sends at most `max_hz` frames a second; at least one in ten seconds, at most a hundred a second.
    #[must_use]
    pub(crate) fn new(filter: Filter, max_hz: f64) -> Self {
        Self {
            filter,
            every: Duration::from_secs_f64(1.0 / max_hz.clamp(0.1, 100.0)),
            pressed: false,
            due: None,
            verdicts: Verdicts::default(),
            live: Waiting::default(),
            recovered: Waiting::default(),
        }
    }

    /// Bytes that it takes to know which series it wants.
    #[must_use]
    pub(crate) const fn known_bytes(&self) -> usize {
        self.verdicts.bits.len()
    }

    /// Says whether the hub is pressed: then at most a frame of [`PRESSED_EVERY`], with the newest row of each series.
    pub(crate) const fn set_pressed(&mut self, pressed: bool) {
        self.pressed = pressed;
    }

    /// Takes the rows it wants into its listener's `room`. `catalog` is asked once a series.
    pub(crate) fn observe(&mut self, now: Instant, batch: &Batch, catalog: &Catalog, room: &mut Room) {
        let waiting = match batch.lane {
            Lane::Live => &mut self.live,
            Lane::Recovered => &mut self.recovered,
        };
        for (series, point) in batch.rows() {
            if self.verdicts.get_or(series, || self.filter.wants(series, catalog)) {
                waiting.push(series, point, if self.pressed { 0 } else { WAITING_ROWS }, room);
            }
        }
        if !(self.live.is_empty() && self.recovered.is_empty()) {
            // The first row after a pause leaves at once; the ones after it wait for the frame.
            self.due.get_or_insert(now);
        }
    }

    /// A device was renamed, came or went, or has other labels: what its series mean has to be asked again.
    pub(crate) fn forget_verdicts(&mut self) {
        self.verdicts = Verdicts::default();
    }

    /// When the next frame may leave; `None` while nothing waits.
    #[must_use]
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        if self.live.is_empty() && self.recovered.is_empty() { None } else { self.due }
    }

    /// What is due, out of its listener's `room`. Live readings leave before recovered ones.
    pub(crate) fn poll(&mut self, now: Instant, room: &mut Room) -> Vec<Frame> {
        if self.due.is_none_or(|due| due > now) {
            return Vec::new();
        }
        let frames: Vec<_> = [(Lane::Live, &mut self.live), (Lane::Recovered, &mut self.recovered)]
            .into_iter()
            .filter_map(|(lane, waiting)| waiting.take(lane))
            .collect();
        room.left += frames.iter().map(|frame| frame.rows.len()).sum::<usize>();
        let every = if self.pressed { self.every.max(PRESSED_EVERY) } else { self.every };
        self.due = if frames.is_empty() { None } else { Some(now + every) };
        frames
    }
}

/// Two bits a series: asked, wanted. At the cap of 100,000 series 25 kB a subscription.
#[derive(Debug, Default)]
struct Verdicts {
    bits: Vec<u8>,
}

impl Verdicts {
    fn get_or(&mut self, series: SeriesId, ask: impl FnOnce() -> bool) -> bool {
        let (byte, shift) = (series.0 as usize / 4, series.0 % 4 * 2);
        if self.bits.len() <= byte {
            self.bits.resize(byte + 1, 0);
        }
        match self.bits[byte] >> shift & 0b11 {
            0 => {
                let wanted = ask();
                self.bits[byte] |= (if wanted { 0b11 } else { 0b01 }) << shift;
                wanted
            }
            known => known == 0b11,
        }
    }
}

#[derive(Debug, Default)]
struct Waiting {
    rows: Vec<(SeriesId, Point)>,
    /// Where each series stands in `rows`; empty until there are too many rows to keep all.
    newest: HashMap<SeriesId, usize>,
    gap: Option<UnixMillis>,
}

impl Waiting {
    const fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.gap.is_none()
    }

    /// Keeps every row up to `most` while there is `room`, then the newest of each series.
    fn push(&mut self, series: SeriesId, point: Point, most: usize, room: &mut Room) {
        if self.newest.is_empty() && self.rows.len() < most && room.take() {
            self.rows.push((series, point));
            return;
        }
        if self.newest.is_empty() {
            self.conflate(room);
        }
        self.keep(series, point, room);
    }

    fn conflate(&mut self, room: &mut Room) {
        let rows = std::mem::take(&mut self.rows);
        room.left += rows.len();
        for (series, point) in rows {
            self.keep(series, point, room);
        }
    }

    fn keep(&mut self, series: SeriesId, point: Point, room: &mut Room) {
        let place = self.newest.get(&series).and_then(|place| self.rows.get_mut(*place));
        let missing = if let Some((_, row)) = place {
            let (older, newer) = if row.at <= point.at { (*row, point) } else { (point, *row) };
            *row = newer;
            older
        } else if room.take() {
            self.newest.insert(series, self.rows.len());
            self.rows.push((series, point));
            return;
        } else {
            point
        };
        self.gap = Some(self.gap.map_or(missing.at, |gap| gap.min(missing.at)));
    }

    fn take(&mut self, lane: Lane) -> Option<Frame> {
        if self.is_empty() {
            return None;
        }
        self.newest = HashMap::new();
        Some(Frame { lane, rows: std::mem::take(&mut self.rows), gap: self.gap.take() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::catalog::Series;
    use crate::model::device::DeviceNo;
    use crate::model::reading::BatchId;
    use crate::model::{BatchSeq, DeviceId, Epoch, PublicKey, SensorKind};

    fn catalog() -> Catalog {
        let mut catalog = Catalog::default();
        for (no, name) in [(1, "shed"), (2, "house")] {
            let key = PublicKey([no as u8; 32]);
            catalog.put_device(Device { id: DeviceId::of(&key), key, name: name.to_owned(), ..Device::adopted(no) });
            for (offset, sensor) in ["temp", "hum"].into_iter().enumerate() {
                catalog.put_series(Series {
                    id: SeriesId(no * 10 + offset as u32),
                    device: DeviceNo(no),
                    sensor: sensor.to_owned(),
                    unit: String::new(),
                    kind: SensorKind::Gauge,
                    kind_by_owner: false,
                    interval_ms: 0,
                });
            }
        }
        catalog
    }

    fn batch(lane: Lane, rows: &[(u32, i64, f64)]) -> Batch {
        Batch {
            id: BatchId { device: DeviceNo(1), epoch: Epoch(0), seq: BatchSeq(0) },
            lane,
            received_at: UnixMillis(0),
            payload: Vec::new(),
            series: rows.iter().map(|row| SeriesId(row.0)).collect(),
            at: rows.iter().map(|row| UnixMillis(row.1)).collect(),
            value: rows.iter().map(|row| row.2).collect(),
        }
    }

    fn filter(device: &str, sensor: &str) -> Filter {
        Filter { device: Glob::new(device), sensor: Glob::new(sensor), view: View::ALL }
    }

    /// The room of a listener that was lent all it may have.
    fn full() -> Room {
        let mut room = Room::default();
        room.lend(room.wants(LISTENER_ROWS));
        room
    }

    #[expect(clippy::disallowed_methods, reason = "a start for virtual time")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn only_wanted_series_pass_by_name_and_by_id() {
        let (catalog, now, mut room) = (catalog(), start(), full());
        let id = DeviceId::of(&PublicKey([1; 32])).to_string();
        for device in ["sh*", id.as_str()] {
            let mut subscription = Subscription::new(filter(device, "t*"), 10.0);
            subscription.observe(
                now,
                &batch(Lane::Live, &[(10, 1, 1.0), (11, 1, 2.0), (20, 1, 3.0), (99, 1, 4.0)]),
                &catalog,
                &mut room,
            );
            let frames = subscription.poll(now, &mut room);
            assert_eq!(frames.len(), 1);
            assert_eq!(frames[0].rows, [(SeriesId(10), Point { at: UnixMillis(1), value: 1.0 })]);
        }
        assert_eq!(filter("*", "temp").series(&catalog).count(), 2);
    }

    #[test]
    fn frames_leave_at_most_max_hz_times_a_second() {
        let (catalog, now, mut room) = (catalog(), start(), full());
        let mut subscription = Subscription::new(filter("*", "*"), 10.0);
        subscription.observe(now, &batch(Lane::Live, &[(10, 1, 1.0)]), &catalog, &mut room);
        assert_eq!(subscription.poll(now, &mut room).len(), 1);
        subscription.observe(now, &batch(Lane::Live, &[(10, 2, 1.0)]), &catalog, &mut room);
        assert_eq!(subscription.poll(now, &mut room), []);
        assert_eq!(subscription.poll_timeout(), Some(now + Duration::from_millis(100)));
        assert_eq!(subscription.poll(now + Duration::from_millis(100), &mut room).len(), 1);
        assert_eq!(subscription.poll_timeout(), None);
    }

    #[test]
    fn too_many_rows_leave_as_the_newest_of_each_series_and_a_gap() {
        let (catalog, now, mut room) = (catalog(), start(), full());
        let mut subscription = Subscription::new(filter("*", "*"), 10.0);
        for at in 0..5_000 {
            subscription.observe(now, &batch(Lane::Live, &[(10, at, at as f64)]), &catalog, &mut room);
        }
        subscription.observe(now, &batch(Lane::Live, &[(20, 7, 7.0)]), &catalog, &mut room);
        let frames = subscription.poll(now, &mut room);
        assert_eq!(frames[0].rows.len(), 2);
        assert_eq!(frames[0].rows[0].1.at, UnixMillis(4_999));
        assert_eq!(frames[0].gap, Some(UnixMillis(0)));
        subscription.observe(now, &batch(Lane::Live, &[(10, 6_000, 1.0)]), &catalog, &mut room);
        assert_eq!(subscription.poll(now + Duration::from_secs(1), &mut room)[0].gap, None);
    }

    #[test]
    fn what_waits_for_a_listener_is_bounded_whatever_it_asks_for_and_the_rest_is_a_gap() {
        let (catalog, now, mut room) = (catalog(), start(), full());
        let mut all: Vec<_> = (0..500).map(|_| Subscription::new(filter("*", "*"), 10.0)).collect();
        for at in 0..100 {
            for subscription in &mut all {
                subscription.observe(now, &batch(Lane::Live, &[(10, at, 1.0), (11, at, 2.0)]), &catalog, &mut room);
            }
        }
        let held = |all: &[Subscription]| all.iter().map(|one| one.live.rows.len()).sum::<usize>();
        assert!(held(&all) <= LISTENER_ROWS && held(&all) + room.left == room.all);
        // Whoever ends makes room; what is sent as well.
        room.give_back(&all.remove(0));
        assert_eq!(held(&all) + room.left, LISTENER_ROWS);
        let frames: Vec<_> = all.iter_mut().flat_map(|one| one.poll(now, &mut room)).collect();
        assert_eq!(room.left, LISTENER_ROWS);
        assert_eq!(frames.len(), 499, "each hears that rows are missing");
        let newest = |frame: &Frame| frame.rows.last().is_some_and(|(_, point)| point.at == UnixMillis(99));
        assert!(frames.iter().all(|frame| newest(frame) || frame.gap.is_some()));
    }

    #[test]
    fn a_listener_has_little_room_of_its_own_and_is_lent_what_it_needs_up_to_a_bound() {
        let (catalog, now, mut room) = (catalog(), start(), Room::default());
        assert_eq!((room.wants(OWN_ROWS), room.lent_bytes()), (0, 0));
        let mut subscription = Subscription::new(filter("*", "*"), 10.0);
        let rows: Vec<_> = (0..2_000).map(|at| (10, at, at as f64)).collect();
        subscription.observe(now, &batch(Lane::Live, &rows), &catalog, &mut room);
        let frame = subscription.poll(now, &mut room).remove(0);
        assert!(frame.rows.len() <= OWN_ROWS && frame.gap.is_some(), "nothing was lent");
        let wanted = room.wants(rows.len());
        assert!((rows.len() - OWN_ROWS..rows.len() + LENT_ROWS).contains(&wanted), "{wanted}");
        room.lend(wanted);
        subscription.observe(now, &batch(Lane::Live, &rows), &catalog, &mut room);
        assert!(!room.repay(), "they wait");
        let frame = subscription.poll(now + Duration::from_secs(1), &mut room).remove(0);
        assert_eq!((frame.rows.len(), frame.gap), (2_000, None));
        assert!(room.repay() && !room.repay());
        room.lend(room.wants(1_000_000));
        assert_eq!((room.all, room.wants(1_000_000)), (LISTENER_ROWS, 0));
    }

    #[test]
    fn while_the_hub_is_pressed_a_frame_a_second_holds_the_newest_of_each_series() {
        let (catalog, now, mut room) = (catalog(), start(), full());
        let mut subscription = Subscription::new(filter("*", "*"), 10.0);
        subscription.set_pressed(true);
        for at in 1..=3 {
            subscription.observe(now, &batch(Lane::Live, &[(10, at, 1.0), (20, at, 2.0)]), &catalog, &mut room);
        }
        let frame = subscription.poll(now, &mut room).remove(0);
        assert_eq!(frame.rows.iter().map(|row| row.1.at.0).collect::<Vec<_>>(), [3, 3]);
        assert_eq!(frame.gap, Some(UnixMillis(1)));
        subscription.observe(now, &batch(Lane::Live, &[(10, 4, 1.0)]), &catalog, &mut room);
        assert_eq!(subscription.poll_timeout(), Some(now + PRESSED_EVERY));
        subscription.set_pressed(false);
        assert_eq!(subscription.poll(now + PRESSED_EVERY, &mut room).len(), 1);
    }

    #[test]
    fn recovered_readings_leave_in_frames_of_their_own() {
        let (catalog, now, mut room) = (catalog(), start(), full());
        let mut subscription = Subscription::new(filter("*", "*"), 10.0);
        subscription.observe(now, &batch(Lane::Recovered, &[(10, 1, 1.0)]), &catalog, &mut room);
        subscription.observe(now, &batch(Lane::Live, &[(10, 9, 1.0)]), &catalog, &mut room);
        let lanes: Vec<_> = subscription.poll(now, &mut room).iter().map(|frame| frame.lane).collect();
        assert_eq!(lanes, [Lane::Live, Lane::Recovered]);
    }
}

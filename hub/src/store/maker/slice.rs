//! PURE. How long the maker works at a time and how long it rests, and which devices are packed together.
//!
//! Packing, merging and sweeping are done in slices, each written by one transaction. After a slice the maker rests as long as it
//! worked, so that it takes half a core at most; while the journal is too long it does not rest, and its slices are longer, because each
//! write waits for a group to be committed, which takes longer than a short slice then.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::model::device::DeviceNo;

/// Work between two writes.
const SLICE: Duration = Duration::from_millis(5);
/// The same while the journal is too long.
const PRESSED_SLICE: Duration = Duration::from_millis(100);
/// Longest rest.
const REST: Duration = Duration::from_millis(20);

/// Work that was begun.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slice {
    began: Instant,
    length: Duration,
}

impl Slice {
    /// Begins now.
    pub(super) const fn begin(now: Instant) -> Self {
        Self { began: now, length: SLICE }
    }

    /// Begins now, and is longer while the journal is too long.
    pub(super) const fn of_packing(now: Instant, is_pressed: bool) -> Self {
        Self { began: now, length: if is_pressed { PRESSED_SLICE } else { SLICE } }
    }

    /// Whether it is long enough.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.began) >= self.length
    }

    /// The rest behind work that ends now.
    pub(super) fn rest(&self, now: Instant) -> Duration {
        now.duration_since(self.began).min(REST)
    }
}

/// Devices that are to be packed, each up to a row: what comes meanwhile is for the next look. One with much in the journal takes
/// several slices.
pub(super) struct Packing {
    left: VecDeque<(DeviceNo, Option<i64>)>,
    /// In the slice that is being packed: the devices, and the bytes of journal.
    devices: Vec<DeviceNo>,
    bytes: usize,
}

impl Packing {
    pub(super) fn of(devices: &[DeviceNo]) -> Self {
        let left = devices.iter().map(|device| (*device, None)).collect();
        Self { left, devices: Vec::new(), bytes: 0 }
    }

    pub(super) fn is_done(&self) -> bool {
        self.left.is_empty()
    }

    /// Begins a slice.
    pub(super) fn begin(&mut self) {
        self.devices.clear();
        self.bytes = 0;
    }

    /// The next device of the slice, and up to which row it is packed, if that is known; `None` when the slice is long enough,
    /// holds as much of the journal as one may, or would have a device twice: what was packed of it is written before.
    pub(super) fn next(&mut self, slice: Slice, now: Instant, most: usize) -> Option<(DeviceNo, Option<i64>)> {
        let (device, _) = self.left.front()?;
        if !self.devices.is_empty() && (slice.is_over(now) || self.bytes >= most || self.devices.contains(device)) {
            return None;
        }
        self.left.pop_front()
    }

    /// A device was packed, with so much of the journal; `more` is the row up to which there is more of it.
    pub(super) fn packed(&mut self, device: DeviceNo, bytes: usize, more: Option<i64>) {
        self.devices.push(device);
        self.bytes += bytes;
        if more.is_some() {
            self.left.push_back((device, more));
        }
    }

    /// Bytes of journal in the slice.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    const MS: Duration = Duration::from_millis(1);
    const MOST: usize = 100;

    fn device(number: u32) -> DeviceNo {
        DeviceNo(number)
    }

    #[test]
    fn a_slice_is_short_unless_the_journal_is_too_long_and_the_rest_is_as_long_but_not_longer_than_20_ms() {
        let now = Clock.now();
        for slice in [Slice::begin(now), Slice::of_packing(now, false)] {
            assert!(!slice.is_over(now + 4 * MS) && slice.is_over(now + 5 * MS));
            assert_eq!([3, 20, 400].map(|ms| slice.rest(now + ms * MS)), [3 * MS, 20 * MS, 20 * MS]);
        }
        let pressed = Slice::of_packing(now, true);
        assert!(!pressed.is_over(now + 99 * MS) && pressed.is_over(now + 100 * MS));
    }

    #[test]
    fn a_slice_ends_by_time_or_size_but_has_a_device() {
        let now = Clock.now();
        let slice = Slice::begin(now);
        let mut packing = Packing::of(&[device(1), device(2), device(3), device(4)]);
        packing.begin();
        assert_eq!(packing.next(slice, now + 9 * MS, MOST), Some((device(1), None)));
        packing.packed(device(1), 1, None);
        assert_eq!(packing.next(slice, now + 9 * MS, MOST), None, "it is late");
        packing.begin();
        assert_eq!(packing.next(slice, now, MOST), Some((device(2), None)));
        packing.packed(device(2), MOST - 1, None);
        assert_eq!(packing.next(slice, now, MOST), Some((device(3), None)));
        packing.packed(device(3), 1, None);
        assert_eq!((packing.next(slice, now, MOST), packing.bytes()), (None, MOST));
        packing.begin();
        assert_eq!(packing.next(slice, now, MOST), Some((device(4), None)));
        packing.packed(device(4), 1, None);
        assert!(packing.is_done() && packing.next(slice, now, MOST).is_none());
    }

    #[test]
    fn a_device_with_more_comes_again_behind_the_others_and_never_twice_in_a_slice() {
        let now = Clock.now();
        let slice = Slice::begin(now);
        let mut packing = Packing::of(&[device(1), device(2)]);
        packing.begin();
        assert_eq!(packing.next(slice, now, MOST), Some((device(1), None)));
        packing.packed(device(1), 9, Some(77));
        assert_eq!(packing.next(slice, now, MOST), Some((device(2), None)));
        packing.packed(device(2), 9, None);
        assert_eq!(packing.next(slice, now, MOST), None, "what was packed of it is not written yet");
        packing.begin();
        assert_eq!(packing.next(slice, now, MOST), Some((device(1), Some(77))));
    }
}

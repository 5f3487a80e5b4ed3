//! Which sensor numbers a batch uses: the device's own, or those that the hub assigns.
//!
//! ```text
//!   number   0 ......... 255 │ 256 ....... 511 │ 512 ....... 767 │ ...      LIMIT
//!   given by the device      │ the hub         │ the hub         │ the hub
//!   epoch  a boot of it, OWN │ OWN + 1         │ OWN + 2         │ ...
//! ```
//!
//! Readings that come by HTTP or from a file are not numbered by a device, so the hub acts as the sender: it assigns sensor numbers
//! above those a device can have, and makes batches like those of a device, in epochs of its own. A batch has room for 256 numbers
//! ([`SensorNo::LIMIT`]); which 256 they are is said by the epoch. So a device may have readings pushed or imported beside
//! those it sends itself, and neither numbering knows of the other.
//!
//! The hub sends each of its batches once: these epochs have no receive window. No device boots often enough to reach them,
//! and one that says it did is refused.

use super::{BatchSeq, Epoch, SensorNo};

/// Epochs from here on are the hub's own.
const OWN: u32 = 1 << 31;
/// Numbers a batch has room for.
const PAGE: u16 = SensorNo::LIMIT;

/// Batches that one request or file may come to: the low part of a number of the hub's own counts them.
pub const BITS: u32 = 20;
/// Stands in the number of a batch that was imported.
pub const IMPORTED: BatchSeq = BatchSeq(1 << 60);

/// Which request or file a batch of the hub's own came with.
#[must_use]
pub const fn ticket(seq: BatchSeq) -> u64 {
    (seq.0 & !IMPORTED.0) >> BITS
}

/// Whether a batch of the hub's own is history from a file.
#[must_use]
pub const fn is_imported(seq: BatchSeq) -> bool {
    seq.0 & IMPORTED.0 != 0
}

/// In which the hub stores what a device sends under a number that it gave to something else before: a state folder that was
/// set back, a copy of it. Its sensor numbers are the device's own.
pub const ASIDE: Epoch = Epoch(OWN);

/// The first number that the hub gives.
pub const FIRST: SensorNo = SensorNo(PAGE);
/// One behind the last: what a computer with many disks and cores has, ten times.
pub const LIMIT: SensorNo = SensorNo(PAGE + 4_096);

/// Whether sensor numbers in batches of this epoch are the device's own.
#[must_use]
pub const fn speaks_device(epoch: Epoch) -> bool {
    epoch.0 <= ASIDE.0
}

/// Whether batches of this epoch are made by the hub.
#[must_use]
pub const fn is_own(epoch: Epoch) -> bool {
    epoch.0 >= OWN
}

/// Whether batches of this epoch are pushed or imported: no device waits for word of them.
#[must_use]
pub const fn is_pushed(epoch: Epoch) -> bool {
    epoch.0 > OWN
}

/// The epoch whose batches speak of this number; `None` for a device's own, which come in boots.
#[must_use]
pub fn epoch_of(number: SensorNo) -> Option<Epoch> {
    (number.0 >= PAGE).then(|| Epoch(OWN + u32::from(number.0 / PAGE)))
}

/// What stands in a batch for a number.
#[must_use]
pub const fn within(number: SensorNo) -> SensorNo {
    SensorNo(number.0 % PAGE)
}

/// The number that stands in a batch of this epoch as `within`.
#[must_use]
pub fn number(epoch: Epoch, within: SensorNo) -> SensorNo {
    let page = if is_own(epoch) { u16::try_from(epoch.0 - OWN).unwrap_or(u16::MAX) } else { 0 };
    SensorNo(page.saturating_mul(PAGE).saturating_add(within.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_again_from_its_epoch_and_its_place() {
        for given in FIRST.0..LIMIT.0 {
            let given = SensorNo(given);
            let epoch = epoch_of(given).unwrap();
            assert!(is_own(epoch) && within(given).0 < SensorNo::LIMIT);
            assert_eq!(number(epoch, within(given)), given);
        }
        assert_eq!(epoch_of(SensorNo(255)), None);
        assert_eq!(number(Epoch(7), SensorNo(9)), SensorNo(9));
        // Nothing that is on a disk can be too much.
        assert_eq!(number(Epoch(u32::MAX), SensorNo(9)), SensorNo(u16::MAX));
    }
}

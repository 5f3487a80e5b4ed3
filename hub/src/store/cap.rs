//! PURE. Divides the size limit: how large the database may grow, how large its log, and when the oldest readings are deleted.
//!
//! ```text
//!   0 ──────────────── kept ──── high │ low hysteresis ──── shut ─────── full │ log (WAL) and its index │ cap
//!         readings come and go         the oldest go         only deletions     never entered by the database
//! ```
//!
//! SQLite itself refuses pages beyond `full`, so the database cannot break the cap whatever happens; the log cannot
//! because a group that could outgrow it waits for a checkpoint. Between `shut` and `full` readings wait and deletions
//! continue. So making room never has to wait for room: a deletion needs a handful of pages, and here a sixteenth is left.

/// Bytes of a page; larger than SQLite's default so that a batch of a datagram wastes little of one.
pub(super) const PAGE: i64 = 8192;

/// Journal that is not waited with, where nothing caps it. It is held in memory as well, up to twice as much when blocks are
/// not made as fast as readings come.
const JOURNAL: usize = 32 << 20;
/// The log at most, where nothing caps it.
const LOG: i64 = 64 << 20;
/// The log at most while the disk has little room: what is not copied back yet, and may make the file grow when it is,
/// stays below what is set apart (`room`).
const LITTLE_LOG: i64 = 1 << 20;
/// Most payload in a group: more gains nothing over the cost of one sync.
const GROUP: usize = 8 << 20;
/// The index of the log is 32 KiB for each 4,096 pages in it; this is more than that for the longest one.
const INDEX: i64 = 256 << 10;
/// Pages SQLite can number.
const MOST_PAGES: i64 = 4_294_967_294;

/// How a cap is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cap {
    /// The cap, in bytes of database, log and its index together.
    pub(super) bytes: Option<u64>,
    /// Pages the database may have.
    pub(super) full: i64,
    /// Bytes the log may have.
    pub(super) log: i64,
}

impl Cap {
    pub(super) fn of(bytes: Option<u64>) -> Self {
        let Some(cap) = bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX)) else {
            return Self { bytes, full: MOST_PAGES, log: LOG };
        };
        let log = (cap / 4).min(LOG);
        Self { bytes, full: ((cap - log - INDEX) / PAGE).clamp(1, MOST_PAGES), log }
    }

    /// The same with a short log: what is written in one step, and waits to be copied back, is a few hundred kilobytes.
    pub(super) fn in_small_steps(self) -> Self {
        Self { log: self.log.min(LITTLE_LOG), ..self }
    }

    /// Pages in use from which on the oldest must go.
    pub(super) const fn high(&self) -> i64 {
        self.full - self.full / 8
    }

    /// Pages in use down to which they go.
    pub(super) const fn low(&self) -> i64 {
        self.high() - self.full / 64
    }

    /// Pages in use from which on readings wait.
    pub(super) const fn shut(&self) -> i64 {
        self.full - self.full / 16
    }

    /// Bytes of journal that are not waited with: an eighth of the cap.
    pub(super) fn journal(&self) -> usize {
        self.bytes.map_or(JOURNAL, |bytes| JOURNAL.min(usize::try_from(bytes / 8).unwrap_or(JOURNAL)))
    }

    /// Payload of a group: what it writes must fit the rest of the log.
    pub(super) fn group(&self) -> usize {
        GROUP.min(usize::try_from(self.log / 8).unwrap_or(GROUP))
    }

    /// Journal that is cut into blocks in one transaction; two of these are the largest there is.
    pub(super) fn cut(&self) -> usize {
        usize::try_from(self.log / 4).unwrap_or(GROUP)
    }

    /// Bytes of log from which on nothing is written before it is copied back: the largest transaction and a group fit
    /// behind. Without a cap it only keeps the log from growing for ever, also while there is little room: then a query
    /// that reads it may make it longer than it should be, but holds nobody up.
    pub(super) const fn log_held(&self) -> i64 {
        if self.bytes.is_some() { self.log / 4 } else { LOG - LOG / 4 }
    }

    /// Bytes of log that are copied back even while writes wait.
    pub(super) const fn log_copied(&self) -> i64 {
        if self.bytes.is_some() { self.log / 8 } else { self.log / 8 * 3 }
    }

    /// Pages that blocks of so much journal may take, at worst.
    pub(super) fn pages_of(&self, journal: usize) -> i64 {
        // A page a table and index that grows, besides.
        const BESIDE: i64 = 16;
        i64::try_from(journal).unwrap_or(i64::MAX) / PAGE * 5 / 4 + BESIDE
    }

    /// Bytes the database may fill before the oldest go; `None` without a cap.
    pub(super) fn usable(&self) -> Option<u64> {
        self.bytes.map(|_| u64::try_from(self.high() * PAGE).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_cap_never_exceed_it() {
        for bytes in [1_u64 << 20, 16 << 20, 64 << 20, 1 << 30, 1 << 40] {
            let cap = Cap::of(Some(bytes));
            assert!(cap.full * PAGE + cap.log + INDEX <= bytes as i64 || cap.full == 1);
            assert!(cap.low() <= cap.high() && cap.high() <= cap.shut() && cap.shut() <= cap.full);
            assert!(cap.log_held() + 2 * cap.cut() as i64 + cap.group() as i64 <= cap.log);
            assert!(cap.journal() as u64 <= bytes / 8 && cap.group() as i64 <= cap.log / 8);
        }
        assert_eq!(Cap::of(None).usable(), None);
        let small = Cap::of(None).in_small_steps();
        assert!(small.log_copied() + small.cut() as i64 + small.group() as i64 <= LITTLE_LOG);
        assert_eq!(small.log_held(), Cap::of(None).log_held());
        assert_eq!(small.full, Cap::of(None).full);
    }
}

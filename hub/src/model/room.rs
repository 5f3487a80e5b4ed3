//! Free space on a disk, and when a disk is nearly full: one definition for alerts, the page, REST, the log and
//! `doctor`.

/// Per cent in use, of a disk or of what a cap allows, from which on it is nearly full.
///
/// Telemetry comes at a steady rate: what took a year to fill four fifths leaves three months to buy a disk or to decide
/// what may go. A later warning would come on a small disk with less left than a log, a copy before an upgrade and a
/// weekend take.
pub const NEARLY_FULL: f64 = 80.0;
/// Per cent in use below which it is no longer. A twentieth less, so that what is written and let go each hour is not told
/// each hour.
pub const ROOM_AGAIN: f64 = 75.0;
/// A disk is looked at as if it had no more than this: a fifth of it, 4 GiB, takes a hundred sensors at one reading a second
/// years to fill.
const ENOUGH_OF_A_DISK: u64 = 20 << 30;

/// Whether so many per cent in use are nearly all.
#[must_use]
pub fn is_nearly_full(used_pct: f64) -> bool {
    used_pct >= NEARLY_FULL
}

/// Room on a disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// What this user may still write.
    pub free: u64,
    /// All there is.
    pub total: u64,
}

impl Room {
    /// Whether at most a fifth is left, and not years of it all the same.
    #[must_use]
    pub fn is_nearly_full(&self) -> bool {
        is_nearly_full(self.used_pct())
    }

    /// Per cent in use, of a large disk of its last 20 GiB: no edge at which it jumps.
    #[must_use]
    pub fn used_pct(&self) -> f64 {
        let whole = self.total.clamp(1, ENOUGH_OF_A_DISK);
        (100.0 - self.free as f64 / whole as f64 * 100.0).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_is_little_unless_it_lasts_for_years() {
        let small = Room { free: 1 << 30, total: 8 << 30 };
        assert!(small.is_nearly_full() && (small.used_pct() - 87.5).abs() < 1e-9);
        let large = Room { free: 100 << 30, total: 1_000 << 30 };
        assert!(!large.is_nearly_full() && large.used_pct() == 0.0);
        // 96 % of a large disk, and it neither jumps nor flickers there.
        let at = |free: u64| Room { free, total: 100 << 30 };
        assert!(at(4 << 30).is_nearly_full() && !at((4 << 30) + 1).is_nearly_full());
        assert!((at(4 << 30).used_pct() - 80.0).abs() < 1e-9 && (at(5 << 30).used_pct() - 75.0).abs() < 1e-9);
    }
}

//! When a batch was taken, as far as a boot can know.

use std::time::Instant;

use wire::UnixMillis;
use wire::batch::Rows;

use crate::timeline::SET_FROM;

/// When the readings of a batch, or the newest of a segment, were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// In this boot.
    Here(Instant),
    /// In an earlier one, by its clock.
    Earlier(UnixMillis),
}

impl Taken {
    /// By the newest reading in the body of a batch; one whose time is not known is as old as this boot.
    pub(super) fn of_earlier(body: &[u8], moved_ms: i64, opened: Instant) -> Self {
        let mut rows = Rows::default();
        // What cannot be read to its end was readable up to there.
        let _ = wire::batch::decode(body, &mut rows);
        let newest = rows.at.iter().max().map(|at| at.plus(moved_ms));
        newest.filter(|at| *at >= SET_FROM).map_or(Self::Here(opened), Self::Earlier)
    }

    /// Since when the batch waits in this boot, which opened its spool at `opened`.
    pub(super) const fn since(self, opened: Instant) -> Instant {
        match self {
            Self::Here(at) => at,
            Self::Earlier(_) => opened,
        }
    }
}

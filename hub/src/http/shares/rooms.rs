//! All rooms of the hub: what there is of each is in [`limits`].

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::{House, PLACE, Shares};
use crate::http::limits;

/// One of each, for the whole hub.
#[derive(Debug)]
pub(in crate::http) struct Rooms {
    /// Rules being tried on the past.
    pub(in crate::http) trials: Semaphore,
    /// Turns of those who have an answer made.
    pub(in crate::http) turns: Shares,
    /// Requests that wait for one.
    pub(in crate::http) waiting: Shares,
    /// Places for exports.
    pub(in crate::http) exports: Shares,
    /// Exports that read the store at the moment.
    pub(in crate::http) export_pages: Semaphore,
    /// Programs that are read and packed for devices.
    pub(in crate::http) packing: Semaphore,
    /// Files being imported.
    pub(in crate::http) imports: Arc<Semaphore>,
    /// Room for bodies with readings.
    pub(in crate::http) unpacking: Shares,
    /// Such bodies being read.
    pub(in crate::http) reading: Semaphore,
    /// Room for other bodies.
    pub(in crate::http) bodies: Shares,
    /// Room for answers.
    pub(in crate::http) answers: Shares,
    /// Room for live connections.
    pub(in crate::http) live: Shares,
}

impl Default for Rooms {
    fn default() -> Self {
        let house = House::new(limits::IN_MEMORY);
        Self {
            trials: Semaphore::new(limits::TRIALS),
            turns: Shares::new(limits::TURNS * PLACE, limits::TURNS_OF_ONE * PLACE),
            waiting: Shares::new(limits::WAITING * PLACE, limits::WAITING_OF_ONE * PLACE),
            exports: Shares::new(limits::EXPORTS * PLACE, limits::EXPORTS_OF_ONE * PLACE),
            export_pages: Semaphore::new(limits::EXPORT_PAGES),
            packing: Semaphore::new(limits::PACKING),
            imports: Arc::new(Semaphore::new(limits::IMPORTS)),
            unpacking: Shares::within(&house, limits::UNPACKED, limits::UNPACKED / 2),
            reading: Semaphore::new(limits::READ_AT_ONCE),
            bodies: Shares::within(&house, limits::BODIES, limits::BODIES / 2),
            answers: Shares::within(&house, limits::ANSWERS, limits::ANSWERS_OF_ONE),
            live: Shares::new(limits::LIVE, limits::LIVE / 2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::principal::By;

    /// What one share grants at most, taken in steps of 64 KiB and kept.
    fn take_all(shares: &Shares, by: By) -> Vec<super::super::Taken> {
        let share = shares.of(by);
        std::iter::from_fn(|| share.try_take(64 << 10)).collect()
    }

    #[test]
    fn answers_that_nobody_reads_leave_readings_their_room() {
        let rooms = Rooms::default();
        let _answers: Vec<_> = (1..=3).flat_map(|id| take_all(&rooms.answers, By::Token(id))).collect();
        let left = take_all(&rooms.unpacking, By::Token(9)).len() * (64 << 10);
        assert_eq!(left, limits::IN_MEMORY - limits::ANSWERS);
        assert!(left >= 6 << 20, "room for a body of 80,000 readings, {left} bytes");
    }

    #[test]
    fn one_caller_leaves_the_others_a_part_of_each_room() {
        let rooms = Rooms::default();
        for shares in [&rooms.answers, &rooms.bodies, &rooms.unpacking, &rooms.live] {
            let of_one = take_all(shares, By::Token(1));
            assert!(shares.of(By::Token(2)).try_take(64 << 10).is_some(), "beside {} steps", of_one.len());
        }
        for shares in [&rooms.turns, &rooms.waiting, &rooms.exports] {
            let share = shares.of(By::Token(1));
            let of_one: Vec<_> = std::iter::from_fn(|| share.try_take(PLACE)).collect();
            assert!(shares.of(By::Token(2)).try_take(PLACE).is_some(), "beside {} places", of_one.len());
        }
    }
}

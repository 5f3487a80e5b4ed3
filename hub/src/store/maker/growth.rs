//! PURE. Estimates how fast the file grows, how much is written to the disk, and when the disk is full, from measurements some time apart.
//!
//! One measurement an hour is kept in the database for a little over a day, so a forecast survives a restart.

use crate::store::stats::{Growth, Look};

/// Looks further apart than this are not compared: a day, and the hour in which the next look falls.
pub(super) const OVER: i64 = 25 * 3_600_000;
/// Looks closer than this say nothing: the journal alone comes and goes by as much.
const LEAST: i64 = 3_600_000;
const DAY: f64 = 86_400_000.0;

/// Compares the newest look with the oldest of the last day. `room` is what is left for the file.
pub(super) fn growth(looks: &[Look], newest: Look, room: Option<u64>) -> Growth {
    let recent = |look: &&Look| (LEAST..=OVER).contains(&newest.at.since(look.at));
    let Some(oldest) = looks.iter().filter(recent).min_by_key(|look| look.at) else { return Growth::default() };
    let days = newest.at.since(oldest.at) as f64 / DAY;
    let bytes = (newest.used as f64 - oldest.used as f64) / days;
    Growth {
        bytes_per_day: Some(bytes),
        written_per_day: Some(newest.written.saturating_sub(oldest.written) as f64 / days),
        full_in_days: room.filter(|_| bytes >= 1.0).map(|room| room as f64 / bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UnixMillis;

    fn look(hours: i64, used: u64, written: u64) -> Look {
        Look { at: UnixMillis(hours * 3_600_000), used, written }
    }

    #[test]
    fn the_rate_is_that_of_the_last_day_and_tells_when_it_is_full() {
        let looks = [look(0, 0, 0), look(76, 1_000, 0), look(88, 1_500, 500)];
        let growth = growth(&looks, look(100, 2_000, 4_000), Some(43_000));
        assert_eq!((growth.bytes_per_day, growth.written_per_day), (Some(1_000.0), Some(4_000.0)));
        assert_eq!(growth.full_in_days, Some(43.0));
    }

    #[test]
    fn nobody_guesses_from_minutes_and_what_shrinks_is_never_full() {
        let half = Look { at: UnixMillis(1_800_000), used: 9, written: 9 };
        assert_eq!(growth(&[look(0, 0, 0)], half, Some(1)), Growth::default());
        assert_eq!(growth(&[look(0, 5, 0)], look(2, 4, 0), Some(1)).full_in_days, None);
    }
}

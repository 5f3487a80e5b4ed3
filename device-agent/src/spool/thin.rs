//! Thins out readings: a policy for people who prefer a coarse curve of a whole outage to a fine one of its end. Pure.
//!
//! Of each eight readings of a sensor the first, the lowest and the highest stay: peaks survive, as they do in a rollup.

use wire::batch::{self, BatchBuilder, MAX_BODY, Rows};
use wire::{BatchSeq, Epoch};

/// Readings of one sensor that are looked at together.
const WINDOW: usize = 8;

/// A segment as it would be with fewer readings.
pub(super) struct Thinner {
    pub(super) epoch: Epoch,
    pub(super) bytes: Vec<u8>,
    /// Readings before, and after.
    pub(super) readings: u64,
    pub(super) left: u64,
    /// The batches that change, before and after.
    pub(super) changed: Vec<(BatchSeq, Vec<u8>, Vec<u8>)>,
}

/// The body with fewer readings, and how many; `None` when there is nothing to leave out or the body cannot be read.
#[must_use]
pub fn thinned(body: &[u8]) -> Option<(Vec<u8>, u16)> {
    let mut rows = Rows::default();
    batch::decode(body, &mut rows).ok()?;
    let mut keep = vec![false; rows.len()];
    let mut sensors = rows.sensor.clone();
    sensors.sort_unstable();
    sensors.dedup();
    for sensor in sensors {
        let own: Vec<usize> = (0..rows.len()).filter(|row| rows.sensor.get(*row) == Some(&sensor)).collect();
        for window in own.chunks(WINDOW) {
            let value = |row: &&usize| rows.value.get(**row).copied().unwrap_or_default();
            let lowest = window.iter().min_by(|one, other| value(one).total_cmp(&value(other)));
            let highest = window.iter().max_by(|one, other| value(one).total_cmp(&value(other)));
            for row in [window.first(), lowest, highest].into_iter().flatten() {
                if let Some(keep) = keep.get_mut(*row) {
                    *keep = true;
                }
            }
        }
    }
    if keep.iter().all(|keep| *keep) {
        return None;
    }
    let mut builder = BatchBuilder::new(MAX_BODY);
    for (reading, _) in rows.iter().zip(keep).filter(|(_, keep)| *keep) {
        // Larger steps between readings may take more bytes than were left out.
        if !builder.push(&reading) {
            return None;
        }
    }
    let readings = u16::try_from(builder.len()).ok()?;
    let body = builder.finish();
    Some((body, readings))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::{Reading, SensorNo, UnixMillis};

    #[test]
    fn of_eight_readings_the_first_the_lowest_and_the_highest_stay() {
        let mut builder = BatchBuilder::new(MAX_BODY);
        let values = [5.0, 4.0, 9.0, 3.0, 6.0, 5.0, 5.0, 5.0];
        for (second, value) in values.into_iter().enumerate() {
            for sensor in 0..2 {
                let at = UnixMillis(1_000 * second as i64);
                builder.push(&Reading { sensor: SensorNo(sensor), at, value: value * f64::from(1 + sensor) });
            }
        }
        let (body, readings) = thinned(&builder.finish()).unwrap();
        let mut rows = Rows::default();
        batch::decode(&body, &mut rows).unwrap();
        assert_eq!((rows.len(), readings), (6, 6));
        assert_eq!(rows.value, [5.0, 10.0, 9.0, 18.0, 3.0, 6.0]);
        assert_eq!(rows.at.iter().map(|at| at.0).collect::<Vec<_>>(), [0, 0, 2_000, 2_000, 3_000, 3_000]);
        assert_eq!(thinned(b"\xff"), None);
    }
}

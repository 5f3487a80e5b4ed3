//! Finds the device that takes more than its fair share of the size limit, from a sample of the blocks: weighing all of them would
//! mean reading the whole file while everybody waits for room.
//!
//! If all devices take about as much, the oldest readings are deleted first, whosever they are. If one device takes more than twice
//! the average of the others, its own oldest readings are deleted for its new ones, and no other device's.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, named_params};

use crate::model::device::DeviceNo;
use crate::store::error::Result;

/// Rows of `times` that are weighed: the share of a device is known to some per cent.
const SAMPLE: u64 = 400;
/// Numbers that are tried for them: many of a row are gone.
const PROBES: u64 = 8_000;
/// Fewer rows of a device than this are chance.
const LEAST: u32 = 8;
/// How often what another has on average a device has that is greedy.
const TIMES: u64 = 2;

/// How many devices have a row: a step in the index each.
const DEVICES: &str = "WITH RECURSIVE found (device) AS (SELECT MIN(device) FROM times
    UNION ALL SELECT (SELECT MIN(device) FROM times WHERE device > found.device) FROM found WHERE found.device IS NOT NULL)
    SELECT COUNT(device) FROM found";
const ENDS: &str = "SELECT MIN(id), MAX(id) FROM times";
/// Readings of a row: its times, of each series.
const WEIGH: &str = "SELECT device, count * (SELECT COUNT(*) FROM block WHERE id >= :id << 32 AND id < (:id + 1) << 32)
    FROM times WHERE id = :id";

/// The device with the most readings, if it has more than twice what each of the others has on average.
pub(in crate::store) fn greediest(conn: &Connection) -> Result<Option<DeviceNo>> {
    let ends = conn.prepare_cached(ENDS)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (Some(first), Some(last)): (Option<i64>, Option<i64>) = ends else { return Ok(None) };
    let mut found: HashMap<DeviceNo, (u32, u64)> = HashMap::new();
    let mut rows = 0;
    let mut weigh = conn.prepare_cached(WEIGH)?;
    for id in ids(first, last) {
        let row =
            weigh.query_row(named_params! { ":id": id }, |row| Ok((row.get(0)?, row.get::<_, i64>(1)?))).optional()?;
        let Some((device, readings)) = row else { continue };
        let (count, sum) = found.entry(device).or_default();
        (*count, *sum) = (*count + 1, *sum + readings.unsigned_abs());
        rows += 1;
        if rows == SAMPLE {
            break;
        }
    }
    let all: u64 = found.values().map(|(_, sum)| sum).sum();
    let devices = conn.prepare_cached(DEVICES)?.query_row([], |row| row.get::<_, i64>(0))?.unsigned_abs();
    let largest = found.into_iter().max_by_key(|(_, (_, sum))| *sum);
    let is_greedy = |(_, (count, sum)): &(DeviceNo, (u32, u64))| {
        *count >= LEAST && sum * devices.saturating_sub(1) > TIMES * (all - sum)
    };
    Ok(largest.filter(is_greedy).map(|(device, _)| device))
}

/// Numbers to try, spread over all there are; each of few.
fn ids(first: i64, last: i64) -> impl Iterator<Item = i64> {
    let span = last.abs_diff(first).saturating_add(1);
    let few = span <= SAMPLE;
    // Knuth's multiplier: what is numbered in turn (one device after the other) must not be met in turn.
    let mut state = last.unsigned_abs();
    (0..if few { span } else { PROBES }).map(move |n| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        first.saturating_add_unsigned(if few { n } else { (state >> 16) % span })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `times` of some devices: how many rows, of how many readings each.
    fn blocks(devices: &[(u32, usize, usize)]) -> Connection {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(
            "CREATE TABLE times (id INTEGER PRIMARY KEY, device, count); CREATE TABLE block (id INTEGER PRIMARY KEY)",
        )
        .unwrap();
        // In turn, as they are cut.
        let most = devices.iter().map(|(_, rows, _)| *rows).max().unwrap_or(0);
        let all = (0..most).flat_map(|n| devices.iter().filter(move |(_, rows, _)| n < *rows));
        for (id, (device, _, readings)) in (1_i64..).zip(all) {
            conn.execute("INSERT INTO times VALUES (?, ?, ?)", (id, device, *readings as i64)).unwrap();
            conn.execute("INSERT INTO block VALUES (?)", [id << 32 | 7]).unwrap();
        }
        conn
    }

    #[test]
    fn who_has_more_than_twice_what_others_have_is_greedy_and_nobody_else() {
        let greedy = |devices: &[(u32, usize, usize)]| greediest(&blocks(devices)).unwrap();
        assert_eq!(greedy(&[]), None);
        assert_eq!(greedy(&[(1, 500, 1_000)]), None, "there is nobody else");
        assert_eq!(greedy(&[(1, 60, 1_000), (2, 60, 1_000), (3, 60, 1_000)]), None);
        assert_eq!(greedy(&[(1, 60, 1_000), (2, 40, 1_500), (3, 70, 900)]), None);
        assert_eq!(greedy(&[(1, 60, 1_000), (2, 110, 1_000)]), None);
        assert_eq!(greedy(&[(1, 60, 1_000), (2, 200, 1_000)]), Some(DeviceNo(2)), "of two");
        assert_eq!(greedy(&[(1, 60, 100), (2, 60, 5_000), (3, 60, 100)]), Some(DeviceNo(2)));
        assert_eq!(greedy(&[(1, 3_000, 1_000), (2, 60, 1_000), (3, 60, 1_000)]), Some(DeviceNo(1)));
        let fleet: Vec<_> = (1..=300).map(|device| (device, 20, 1_000)).collect();
        assert_eq!(greedy(&fleet), None);
    }

    #[test]
    fn what_is_gone_from_among_them_makes_nobody_greedy() {
        let conn = blocks(&[(1, 4_000, 1_000), (2, 4_000, 1_000), (3, 4_000, 1_000)]);
        conn.execute("DELETE FROM times WHERE device = 1 AND id < 6000", []).unwrap();
        conn.execute("DELETE FROM times WHERE id < 3000", []).unwrap();
        assert_eq!(greediest(&conn).unwrap(), None);
    }
}

//! Retention: readings that grew too old give way to their rollups, and old rollups go.
//!
//! ```text
//!   a device, a day:  blocks ──▶ fold into minutes and hours ──▶ one transaction: rollups in, blocks out, raw_from on
//! ```
//!
//! Days, because then no bucket of either rollup is half raw.

use rusqlite::{Connection, named_params};

use super::block;
use super::error::Result;
use super::rollup::{self, Folded};
use super::samples::{Sample, rank_of_block, settle};
use crate::model::UnixMillis;
use crate::model::device::DeviceNo;
use crate::model::reading::SeriesId;

const DAY: i64 = 86_400_000;
/// Rows of rollups deleted in one transaction.
pub(super) const EXPIRE_ROWS: i64 = 500;

/// How long each tier is kept, in milliseconds, and what the file may take: the journal takes an eighth of it at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) raw: i64,
    pub(super) minutes: i64,
    pub(super) hours: i64,
    pub(super) max_bytes: Option<u64>,
}

/// A day of a device whose raw readings are to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Old {
    pub(super) device: DeviceNo,
    pub(super) from: UnixMillis,
    pub(super) to: UnixMillis,
}

/// Start of the day that holds a moment.
pub(super) const fn day(at: UnixMillis) -> UnixMillis {
    UnixMillis(at.0.div_euclid(DAY) * DAY)
}

const ENDED: &str = "SELECT device, MIN(end_at) AS end_at FROM times GROUP BY device HAVING MIN(end_at) < :moment";

/// Devices with blocks that end before a moment, and where the oldest of them ends.
fn ended(conn: &Connection, moment: UnixMillis) -> Result<Vec<(DeviceNo, UnixMillis)>> {
    let mut statement = conn.prepare_cached(ENDED)?;
    let found = statement.query_map(named_params! { ":moment": moment.0 }, |row| {
        Ok((row.get("device")?, UnixMillis(row.get("end_at")?)))
    })?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// The oldest day of each device that lies before `moment`, which begins a day.
pub(super) fn old(conn: &Connection, moment: UnixMillis) -> Result<Vec<Old>> {
    let mut found = Vec::new();
    for (device, oldest_end) in ended(conn, moment)? {
        let to = day(oldest_end).plus(DAY).min(moment);
        // A block may begin days before it ends; what lies before `raw_from` is in rollups already.
        let first = block::spans(conn, device, (UnixMillis(i64::MIN), to))?.first().map_or(to, |span| span.start);
        let from = block::raw_from(conn, device)?.unwrap_or(first).max(day(first)).min(to);
        found.push(Old { device, from, to });
    }
    Ok(found)
}

/// The rollups of a device's readings in a time, added to what is stored of them.
pub(super) fn rolled(conn: &Connection, series: &[SeriesId], old: Old) -> Result<Vec<Folded>> {
    let spans = block::spans(conn, old.device, (old.from, old.to))?;
    let mut folded = Vec::new();
    for series in series {
        let mut samples = Vec::new();
        for span in &spans {
            let Some(values) = block::values(conn, span, *series)? else { continue };
            let Some(times) = block::times(conn, span)? else { continue };
            let rank = rank_of_block(span.id);
            let points = times.into_iter().map(UnixMillis).zip(values.plain());
            let inside = points.filter(|(at, _)| old.from <= *at && *at < old.to);
            samples.extend(inside.map(|(at, value)| Sample { at, rank, value }));
        }
        settle(&mut samples);
        folded.extend(rollup::fold(conn, *series, samples.into_iter().map(Sample::point))?);
    }
    Ok(folded)
}

//! What a picture draws of the readings: each of them where they are few, otherwise what they were in each bucket of time; and the one
//! that fired the alert, which an average hides.

use super::view::{self, Reading};
use crate::model::UnixMillis;
use crate::model::alert::{Alert, Measure};
use crate::model::reading::SeriesId;
use crate::store::{Aggregates, Buckets, Group, Query, Result, Store};

/// Buckets of the line, at most: one for two points of the picture.
const POINTS: i64 = 350;
/// Up to so many readings each is drawn.
const FEW: usize = 700;
/// Readings that are looked through for the one that fired an alert.
const NEAR: usize = 1_000;

/// The readings of a series in a time, its end included, and the one at which an alert fired.
pub(super) async fn around(
    store: &Store,
    series: SeriesId,
    alert: &Alert,
    (from, to): (UnixMillis, UnixMillis),
) -> Result<(Vec<Reading>, Option<(UnixMillis, f64)>)> {
    let step = (to.since(from) / POINTS).max(1);
    let mut edges: Vec<UnixMillis> = (0..=POINTS).map(|n| from.plus(n * step)).filter(|edge| *edge <= to).collect();
    // What is measured at the very end belongs to it.
    edges.push(to.plus(1).max(edges.last().map_or(to, |last| last.plus(1))));
    let end = edges.last().copied().unwrap_or(to);
    let wanted = Aggregates { count: true, min: true, max: true, avg: true, ..Aggregates::default() };
    let buckets = Buckets { edges: edges.clone() };
    let query = Query { series: vec![series], buckets, group: Group::None, wanted, kind: None };
    let columns = store.aggregate(query).await?.results.pop();
    let count: u64 = columns.iter().flat_map(|columns| &columns.count).sum();
    let spark = spark(store, series, alert, step).await?;
    if usize::try_from(count).is_ok_and(|count| count <= FEW) {
        let page = store.readings(series, from, end, FEW).await?;
        // Of a time whose readings are swept only the buckets know.
        if page.points.len() as u64 == count {
            let points = page.points.iter().filter(|point| point.value.is_finite());
            let one = |at, value| Reading { at, low: value, mean: value, high: value };
            return Ok((points.map(|point| one(point.at, point.value)).collect(), spark));
        }
    }
    let points =
        columns.map(|columns| view::points(&edges, &columns.min, &columns.avg, &columns.max)).unwrap_or_default();
    Ok((points, spark))
}

/// The value at which an alert fired: of one about the value itself what it keeps, otherwise the last reading by then.
async fn spark(store: &Store, series: SeriesId, alert: &Alert, step: i64) -> Result<Option<(UnixMillis, f64)>> {
    let Some(fired) = alert.fired_at else { return Ok(None) };
    if alert.measure == Measure::Value {
        return Ok(alert.value.filter(|value| value.is_finite()).map(|value| (fired, value)));
    }
    if alert.measure == Measure::Silence {
        return Ok(None);
    }
    let page = store.readings(series, fired.plus(-2 * step), fired.plus(1), NEAR).await?;
    let last = page.points.last().filter(|point| !page.more && point.value.is_finite());
    Ok(last.map(|point| (point.at, point.value)))
}

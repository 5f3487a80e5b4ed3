//! The head: recent points of every series in memory, so that what people look at costs no disk.
//!
//! ```text
//!   journal only │ floor │ every point, sorted by time ──▶ latest
//! ```
//!
//! Invariant: a stored point with `at > floor` is in the head. The head is a cache of the journal and nothing more; it
//! grows after a commit and is rebuilt at start.

use crate::model::UnixMillis;
use crate::model::reading::{Point, SeriesId};

/// Points all series may keep together: 32 MiB at 16 bytes each.
const BUDGET: usize = 2 << 20;
/// Most points of one series: eight minutes at one a second, what a fresh dashboard shows.
const MOST: usize = 512;
/// Fewest, when there are very many series.
const FEWEST: usize = 32;

/// Recent points by series.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// By series number, which is small and dense.
    series: Vec<Recent>,
}

#[derive(Debug, Clone)]
struct Recent {
    points: Vec<Point>,
    floor: UnixMillis,
    latest: Option<Point>,
    /// Whether `latest` differs from what is saved.
    unsaved: bool,
}

impl Default for Recent {
    fn default() -> Self {
        Self { points: Vec::new(), floor: UnixMillis(i64::MIN), latest: None, unsaved: false }
    }
}

impl Head {
    /// Adds a committed point; of several at one time the last added stays.
    pub(super) fn insert(&mut self, series: SeriesId, point: Point) {
        let cap = (BUDGET / self.series.len().max(1)).clamp(FEWEST, MOST);
        let recent = self.entry(series);
        if recent.latest.is_none_or(|latest| latest.at <= point.at) {
            recent.latest = Some(point);
            recent.unsaved = true;
        }
        if point.at > recent.floor {
            recent.insert(point, cap);
        }
    }

    /// Puts a latest point saved earlier.
    pub(super) fn restore_latest(&mut self, series: SeriesId, point: Point) {
        self.entry(series).latest = Some(point);
    }

    /// Says that points up to `floor` may be missing from the head.
    pub(super) fn raise_floor(&mut self, series: SeriesId, floor: UnixMillis) {
        let recent = self.entry(series);
        if floor > recent.floor {
            let gone = recent.points.partition_point(|point| point.at <= floor);
            recent.points.drain(..gone);
            recent.floor = floor;
        }
    }

    /// Forgets a series.
    pub(super) fn remove(&mut self, series: SeriesId) {
        if let Some(recent) = self.series.get_mut(series.0 as usize) {
            *recent = Recent::default();
        }
    }

    /// The newest point.
    pub(super) fn latest(&self, series: SeriesId) -> Option<Point> {
        self.series.get(series.0 as usize)?.latest
    }

    /// All points with `from <= at < to`, if the head has them all.
    pub(super) fn range(&self, series: SeriesId, from: UnixMillis, to: UnixMillis) -> Option<&[Point]> {
        let Some(recent) = self.series.get(series.0 as usize) else { return Some(&[]) };
        if from <= recent.floor && recent.floor != UnixMillis(i64::MIN) {
            return None;
        }
        let start = recent.points.partition_point(|point| point.at < from);
        let end = recent.points.partition_point(|point| point.at < to);
        Some(recent.points.get(start..end).unwrap_or_default())
    }

    /// Latest points that differ from what is saved.
    pub(super) fn unsaved(&self) -> impl Iterator<Item = (SeriesId, Point)> + '_ {
        let numbered = (0_u32..).map(SeriesId).zip(&self.series);
        numbered.filter(|(_, recent)| recent.unsaved).filter_map(|(id, recent)| Some((id, recent.latest?)))
    }

    /// Says that every latest point is saved.
    pub(super) fn mark_saved(&mut self) {
        for recent in &mut self.series {
            recent.unsaved = false;
        }
    }

    fn entry(&mut self, series: SeriesId) -> &mut Recent {
        let index = series.0 as usize;
        if index >= self.series.len() {
            self.series.resize_with(index + 1, Recent::default);
        }
        &mut self.series[index]
    }
}

impl Recent {
    fn insert(&mut self, point: Point, cap: usize) {
        if self.points.last().is_none_or(|last| last.at < point.at) {
            self.points.push(point);
        } else {
            match self.points.binary_search_by_key(&point.at, |other| other.at) {
                Ok(same) => self.points[same] = point,
                Err(place) => self.points.insert(place, point),
            }
        }
        if self.points.len() > cap {
            let gone = self.points.len() - cap / 2;
            if let Some(last_gone) = self.points.drain(..gone).next_back() {
                self.floor = last_gone.at;
            }
            self.points.shrink_to(cap);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: SeriesId = SeriesId(3);

    fn point(at: i64, value: f64) -> Point {
        Point { at: UnixMillis(at), value }
    }

    fn range(head: &Head, from: i64, to: i64) -> Option<Vec<Point>> {
        head.range(A, UnixMillis(from), UnixMillis(to)).map(<[Point]>::to_vec)
    }

    #[test]
    fn late_points_find_their_place_and_equal_times_keep_the_last() {
        let mut head = Head::default();
        for (at, value) in [(10, 1.0), (30, 3.0), (20, 2.0), (30, 4.0)] {
            head.insert(A, point(at, value));
        }
        assert_eq!(range(&head, 0, 30), Some(vec![point(10, 1.0), point(20, 2.0)]));
        assert_eq!(head.latest(A), Some(point(30, 4.0)));
        assert_eq!(head.latest(SeriesId(99)), None);
    }

    #[test]
    fn below_the_floor_the_head_does_not_answer() {
        let mut head = Head::default();
        (0..2000).for_each(|at| head.insert(A, point(at, 0.0)));
        assert_eq!(range(&head, 0, 2000), None);
        assert_eq!(range(&head, 1900, 2000).map(|points| points.len()), Some(100));
    }

    #[test]
    fn a_saved_latest_is_not_saved_again() {
        let mut head = Head::default();
        head.restore_latest(SeriesId(0), point(1, 1.0));
        head.insert(A, point(5, 1.0));
        assert_eq!(head.unsaved().collect::<Vec<_>>(), [(A, point(5, 1.0))]);
        head.mark_saved();
        assert_eq!(head.unsaved().count(), 0);
    }

    proptest! {
        #[test]
        fn what_the_head_answers_is_complete(times in prop::collection::vec(0_i64..3000, 0..4000), from in 0_i64..3000) {
            let mut head = Head::default();
            let mut all = std::collections::BTreeMap::new();
            for (value, at) in times.into_iter().enumerate() {
                head.insert(A, point(at, value as f64));
                all.insert(at, value as f64);
            }
            if let Some(points) = range(&head, from, 3000) {
                let expected: Vec<_> = all.range(from..).map(|(&at, &value)| point(at, value)).collect();
                prop_assert_eq!(points, expected);
            }
        }
    }
}

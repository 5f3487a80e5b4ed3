//! Aggregations: many series of a vector become one, or the most extreme of them stay. PURE.

use std::collections::BTreeMap;

use super::calls::{checked, sort};
use super::error::Error;
use super::labels::Labels;
use super::number::number;
use super::plan::Fold;
use super::value::{Row, merged};
use super::window::{order, quantile};

/// How series are put together.
pub(super) struct Grouping<'a> {
    /// Whether by these labels, or by all but these.
    pub(super) by: bool,
    pub(super) labels: &'a [String],
}

impl Grouping<'_> {
    /// Rows of a group beside each other, by their first value in it; the groups in the order of their first rows.
    pub(super) fn in_order(&self, rows: &mut Vec<Row>, highest: bool) {
        rows.sort_by(|a, b| a.labels.cmp(&b.labels));
        let mut groups: Vec<(Labels, Vec<Row>)> = Vec::new();
        for row in rows.drain(..) {
            let key = self.key(&row.labels);
            match groups.iter_mut().find(|(own, _)| *own == key) {
                Some((_, group)) => group.push(row),
                None => groups.push((key, vec![row])),
            }
        }
        for (_, mut group) in groups {
            sort(&mut group, highest);
            rows.append(&mut group);
        }
    }

    fn key(&self, labels: &Labels) -> Labels {
        if self.by { labels.only(self.labels) } else { labels.without(self.labels) }
    }

    fn groups(&self, rows: Vec<Row>) -> BTreeMap<Labels, Vec<Row>> {
        let mut groups: BTreeMap<Labels, Vec<Row>> = BTreeMap::new();
        for row in rows {
            groups.entry(self.key(&row.labels)).or_default().push(row);
        }
        groups
    }
}

/// One series a group.
pub(super) fn folded(fold: Fold, grouping: &Grouping<'_>, rows: Vec<Row>, q: Option<&[f64]>) -> Vec<Row> {
    let groups = grouping.groups(rows).into_iter();
    let folded = groups.map(|(labels, rows)| {
        let of = |moment: usize| {
            let values: Vec<f64> = rows.iter().filter_map(|row| row.values[moment]).collect();
            (!values.is_empty()).then(|| fold.of(&values, q.map_or(f64::NAN, |q| q[moment])))
        };
        Row { labels, values: (0..rows[0].values.len()).map(of).collect() }
    });
    folded.collect()
}

impl Fold {
    fn of(self, values: &[f64], q: f64) -> f64 {
        let (first, count) = (values[0], values.len() as f64);
        match self {
            Self::Avg => mean(values),
            Self::Count => count,
            Self::Group => 1.0,
            Self::Max => values.iter().fold(first, |max, &value| if max < value || max.is_nan() { value } else { max }),
            Self::Min => values.iter().fold(first, |min, &value| if min > value || min.is_nan() { value } else { min }),
            Self::Quantile => quantile(q, values),
            Self::Stddev => variance(values).sqrt(),
            Self::Stdvar => variance(values),
            Self::Sum | Self::Topk | Self::Bottomk | Self::CountValues => values.iter().sum(),
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    let mut mean = values[0];
    for (n, &value) in values.iter().enumerate().skip(1) {
        let count = (n + 1) as f64;
        let same = value.is_infinite() && (mean > 0.0) == (value > 0.0);
        if mean.is_infinite() && (same || value.is_finite()) {
            continue;
        }
        mean += value / count - mean / count;
    }
    mean
}

fn variance(values: &[f64]) -> f64 {
    let (mut mean, mut squares) = (values[0], 0.0);
    // The first is its own mean, also where it is infinite.
    for (n, value) in values.iter().enumerate().skip(1) {
        let delta = value - mean;
        mean += delta / (n + 1) as f64;
        squares += delta * (value - mean);
    }
    squares / values.len() as f64
}

/// The highest or lowest so many of each group at each moment, with their own labels.
pub(super) fn extreme(
    grouping: &Grouping<'_>,
    mut rows: Vec<Row>,
    most: &[f64],
    highest: bool,
) -> Result<Vec<Row>, Error> {
    let mut groups: BTreeMap<Labels, Vec<usize>> = BTreeMap::new();
    for (n, row) in rows.iter().enumerate() {
        groups.entry(grouping.key(&row.labels)).or_default().push(n);
    }
    for (moment, most) in most.iter().enumerate() {
        if most.is_nan() || most.is_infinite() {
            return Err(Error::execution("Scalar value of `topk` or `bottomk` must be a number of series"));
        }
        for places in groups.values() {
            let mut there: Vec<(f64, usize)> =
                places.iter().filter_map(|&place| Some((rows[place].values[moment]?, place))).collect();
            // What is no number is the last to stay; of equal ones the first stays.
            there.sort_by(|a, b| match (a.0.is_nan(), b.0.is_nan()) {
                (false, false) if highest => order(b.0, a.0),
                (false, false) => order(a.0, b.0),
                (a, b) => a.cmp(&b),
            });
            for (_, place) in there.iter().skip(most.max(0.0) as usize) {
                rows[*place].values[moment] = None;
            }
        }
    }
    Ok(rows)
}

/// How many series of each group have each value, which becomes a label; of all that not more than `most` counts.
pub(super) fn counted(grouping: &Grouping<'_>, rows: Vec<Row>, name: &str, most: usize) -> Result<Vec<Row>, Error> {
    checked(name)?;
    let mut counts: BTreeMap<Labels, Vec<Option<f64>>> = BTreeMap::new();
    for row in rows {
        let moments = row.values.len();
        for (moment, value) in row.values.iter().enumerate() {
            let Some(value) = value else { continue };
            let mut labels = grouping.key(&row.labels);
            labels.set(name, &number(*value));
            if counts.len() * moments > most {
                return Err(Error::TooMuch);
            }
            let count = &mut counts.entry(labels).or_insert_with(|| vec![None; moments])[moment];
            *count = Some(count.unwrap_or_default() + 1.0);
        }
    }
    merged(counts.into_iter().map(|(labels, values)| Row { labels, values }).collect())
}

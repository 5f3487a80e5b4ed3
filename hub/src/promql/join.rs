//! Operators between vectors: which series of two sides belong together, and what comes of them. PURE.

use std::collections::{HashMap, HashSet};

use super::error::Error;
use super::labels::Labels;
use super::math::Arith;
use super::plan::{Card, Matching, Op};
use super::value::{Row, merged};

impl Op {
    /// The value of two, and whether it stays.
    fn of_two(&self, left: f64, right: f64) -> (f64, bool) {
        match self {
            Self::Arith(arith) => (arith.of_two(left, right), true),
            Self::Compare { compare, bool: true } => (f64::from(u8::from(compare.holds(left, right))), true),
            Self::Compare { compare, bool: false } => (left, compare.holds(left, right)),
            Self::And | Self::Or | Self::Unless => (left, true),
        }
    }

    /// Whether the value is another thing than the metric said: then its name goes.
    const fn unnames(&self) -> bool {
        match self {
            Self::Arith(arith) => !matches!(arith, Arith::Atan2),
            Self::Compare { bool, .. } => *bool,
            Self::And | Self::Or | Self::Unless => false,
        }
    }
}

/// A vector and a number at each moment; `swapped` where the number stands on the left.
pub(super) fn with_scalar(op: &Op, rows: Vec<Row>, numbers: &[f64], swapped: bool) -> Result<Vec<Row>, Error> {
    let rows = rows.into_iter().map(|row| {
        let of = |(value, number): (Option<f64>, &f64)| {
            let value = value?;
            let (left, right) = if swapped { (*number, value) } else { (value, *number) };
            let (found, stays) = op.of_two(left, right);
            // Whichever side it stands on, what a comparison leaves is the vector's value.
            let found = if matches!(op, Op::Compare { bool: false, .. }) { value } else { found };
            stays.then_some(found)
        };
        let labels = if op.unnames() { row.labels.unnamed() } else { row.labels };
        Row { labels, values: row.values.into_iter().zip(numbers).map(of).collect() }
    });
    merged(rows.collect())
}

/// Two vectors.
pub(super) fn vectors(op: &Op, matching: &Matching, left: Vec<Row>, right: Vec<Row>) -> Result<Vec<Row>, Error> {
    match op {
        Op::And | Op::Unless => Ok(kept(matching, left, &right, matches!(op, Op::And))),
        Op::Or => united(matching, left, right),
        Op::Arith(_) | Op::Compare { .. } => calculated(op, matching, left, right),
    }
}

impl Matching {
    /// What has to be equal on both sides.
    fn key(&self, labels: &Labels) -> Labels {
        if self.on { labels.only(&self.labels) } else { labels.without(&self.labels) }
    }

    /// What a result is called.
    fn labels_of(&self, op: &Op, many: &Labels, one: &Labels) -> Labels {
        let mut labels = if op.unnames() { many.clone().unnamed() } else { many.clone() };
        if self.card == Card::OneToOne {
            if self.on {
                labels = labels.only(&self.labels);
            } else {
                labels.remove(&self.labels);
            }
        }
        for name in &self.include {
            labels.set(name, one.get(name));
        }
        labels
    }
}

/// Which moments have a value of any series, by what has to be equal.
fn moments(matching: &Matching, rows: &[Row]) -> HashMap<Labels, Vec<bool>> {
    let mut moments: HashMap<Labels, Vec<bool>> = HashMap::new();
    for row in rows {
        let there = moments.entry(matching.key(&row.labels)).or_insert_with(|| vec![false; row.values.len()]);
        there.iter_mut().zip(&row.values).for_each(|(there, value)| *there |= value.is_some());
    }
    moments
}

/// What of the left has a partner, or has none.
fn kept(matching: &Matching, left: Vec<Row>, right: &[Row], partnered: bool) -> Vec<Row> {
    let right = moments(matching, right);
    let rows = left.into_iter().map(|mut row| {
        let partners = right.get(&matching.key(&row.labels));
        for (n, value) in row.values.iter_mut().enumerate() {
            if partners.is_some_and(|partners| partners[n]) != partnered {
                *value = None;
            }
        }
        row
    });
    rows.collect()
}

/// The left, and what of the right has no partner there.
fn united(matching: &Matching, mut left: Vec<Row>, right: Vec<Row>) -> Result<Vec<Row>, Error> {
    let rest = kept(matching, right, &left, false);
    left.extend(rest);
    merged(left)
}

fn calculated(op: &Op, matching: &Matching, left: Vec<Row>, right: Vec<Row>) -> Result<Vec<Row>, Error> {
    let swapped = matching.card == Card::OneToMany;
    let (many, one) = if swapped { (right, left) } else { (left, right) };
    let side = if swapped { "left" } else { "right" };
    let mut ones: HashMap<Labels, Vec<usize>> = HashMap::new();
    for (n, row) in one.iter().enumerate() {
        ones.entry(matching.key(&row.labels)).or_default().push(n);
    }
    only_one_each((&one, &many), &ones, side)?;
    let mut taken: HashMap<(Labels, Labels), HashSet<usize>> = HashMap::new();
    let mut found = Vec::new();
    for row in &many {
        let key = matching.key(&row.labels);
        for &n in ones.get(&key).into_iter().flatten() {
            let partner = &one[n];
            let labels = matching.labels_of(op, &row.labels, &partner.labels);
            let of = |(many, one): (&Option<f64>, &Option<f64>)| {
                let (many, one) = ((*many)?, (*one)?);
                let (left, right) = if swapped { (one, many) } else { (many, one) };
                let (value, stays) = op.of_two(left, right);
                stays.then_some(value)
            };
            let values: Vec<_> = row.values.iter().zip(&partner.values).map(of).collect();
            // One of the side of one belongs to one alone; else the group's labels have to tell them apart.
            let (group, why) = if matching.card == Card::OneToOne {
                let why = "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)";
                ((key.clone(), Labels::default()), why)
            } else {
                let why = "multiple matches for labels: grouping labels must ensure unique matches";
                ((key.clone(), labels.clone()), why)
            };
            let taken = taken.entry(group).or_default();
            for (moment, _) in values.iter().enumerate().filter(|(_, value)| value.is_some()) {
                if !taken.insert(moment) {
                    return Err(Error::execution(why));
                }
            }
            found.push(Row { labels, values });
        }
    }
    merged(found)
}

/// No two of the side of one are there at the same moment with the same labels to match by, where there is anything to match.
fn only_one_each((one, many): (&[Row], &[Row]), ones: &HashMap<Labels, Vec<usize>>, side: &str) -> Result<(), Error> {
    for (key, places) in ones.iter().filter(|(_, places)| places.len() > 1) {
        let mut there = vec![false; one[places[0]].values.len()];
        for place in places {
            for (moment, (there, value)) in there.iter_mut().zip(&one[*place].values).enumerate() {
                let matched = many.iter().any(|row| row.values[moment].is_some());
                if *there && value.is_some() && matched {
                    let key: Vec<_> = key.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
                    return Err(Error::execution(format!(
                        "found duplicate series for the match group {{{}}} on the {side} hand-side of the operation; \
                         many-to-many matching not allowed: matching labels must be unique on one side",
                        key.join(", ")
                    )));
                }
                *there |= value.is_some();
            }
        }
    }
    Ok(())
}

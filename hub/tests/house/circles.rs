//! Which files import each other in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use crate::imports::Arrow;

/// Files that all lead to each other, by what they import of each other.
pub(crate) struct Circle<'a>(Vec<&'a Arrow>);

impl fmt::Display for Circle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|arrow| writeln!(f, "{arrow}"))
    }
}

/// The circles among these arrows.
pub(crate) fn of(arrows: &[Arrow]) -> Vec<Circle<'_>> {
    let mut to: BTreeMap<&Path, BTreeSet<&Path>> = BTreeMap::new();
    for arrow in arrows {
        to.entry(&arrow.from).or_default().insert(&arrow.to);
    }
    let reach: BTreeMap<&Path, BTreeSet<&Path>> = to.keys().map(|file| (*file, reached(file, &to))).collect();
    let lead_to_each_other = |one: &Path, other: &Path| {
        let leads = |from: &Path, to: &Path| reach.get(from).is_some_and(|reach| reach.contains(to));
        leads(one, other) && leads(other, one)
    };
    let mut seen = BTreeSet::new();
    let mut circles = Vec::new();
    for file in to.keys().copied() {
        let is_new = lead_to_each_other(file, file) && !seen.contains(file);
        let members: BTreeSet<&Path> =
            to.keys().copied().filter(|other| is_new && lead_to_each_other(file, other)).collect();
        if is_new {
            let inside = |arrow: &&Arrow| members.contains(&*arrow.from) && members.contains(&*arrow.to);
            circles.push(Circle(arrows.iter().filter(inside).collect()));
        }
        seen.extend(members);
    }
    circles
}

/// Everything that an import leads to from here.
fn reached<'a>(from: &'a Path, arrows: &BTreeMap<&'a Path, BTreeSet<&'a Path>>) -> BTreeSet<&'a Path> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from];
    while let Some(file) = next.pop() {
        next.extend(arrows.get(file).into_iter().flatten().copied().filter(|to| reached.insert(*to)));
    }
    reached
}

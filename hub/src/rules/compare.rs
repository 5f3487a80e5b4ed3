//! What one version of a rule would have done that another would not, on the same readings. PURE.
//!
//! Firings of the two belong together where they overlap, or begin within a minute of each other; a firing belongs to one at most.
//! Where a version fired more often than is listed ([`super::backtest::SPANS`]), only the time is compared that both lists cover.

use super::backtest::{Outcome, Span};
use crate::model::UnixMillis;

/// Ends of a firing that lie this near to each other are the same, in milliseconds.
pub const SAME_MS: i64 = 60_000;

/// How the firings of two versions differ on one series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// Only the new version fires.
    Appears(Span),
    /// Only the old one does.
    Vanishes(Span),
    /// Both do, and it begins or ends more than a minute earlier or later.
    Moves {
        /// By the old version.
        before: Span,
        /// By the new one.
        after: Span,
    },
}

impl Change {
    /// When it begins, by the version that fires first.
    #[must_use]
    pub fn at(&self) -> UnixMillis {
        match self {
            Self::Appears(span) | Self::Vanishes(span) => span.from,
            Self::Moves { before, after } => before.from.min(after.from),
        }
    }
}

/// What differs, in the order of time; and whether some of it lies beyond what is listed.
#[must_use]
pub fn changes(before: &Outcome, after: &Outcome) -> (Vec<Change>, bool) {
    let listed_until = [before, after].into_iter().filter_map(listed_until).min();
    let listed = |of: &Outcome| -> Vec<Span> {
        of.spans.iter().filter(|span| listed_until.is_none_or(|until| span.from <= until)).copied().collect()
    };
    let (old, new) = (listed(before), listed(after));
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    let mut changes = Vec::new();
    loop {
        let change = match (old.peek().copied(), new.peek().copied()) {
            (None, None) => break,
            (Some(before), None) => Change::Vanishes(*before),
            (None, Some(after)) => Change::Appears(*after),
            (Some(before), Some(after)) if belong(before, after) => {
                old.next();
                new.next();
                if is_same(Some(before.from), Some(after.from)) && is_same(before.to, after.to) {
                    continue;
                }
                changes.push(Change::Moves { before: *before, after: *after });
                continue;
            }
            (Some(before), Some(after)) if before.from < after.from => Change::Vanishes(*before),
            (Some(_), Some(after)) => Change::Appears(*after),
        };
        match change {
            Change::Vanishes(_) => drop(old.next()),
            Change::Appears(_) | Change::Moves { .. } => drop(new.next()),
        }
        changes.push(change);
    }
    (changes, listed_until.is_some())
}

/// Until when all firings are listed; `None` where that is to the end.
fn listed_until(of: &Outcome) -> Option<UnixMillis> {
    (of.fires > of.spans.len() as u64).then(|| of.spans.last().map(|span| span.from)).flatten()
}

fn belong(one: &Span, other: &Span) -> bool {
    let end = |span: &Span| span.to.unwrap_or(UnixMillis(i64::MAX));
    let overlap = one.from < end(other) && other.from < end(one);
    overlap || one.from.since(other.from).abs() <= SAME_MS
}

fn is_same(one: Option<UnixMillis>, other: Option<UnixMillis>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.since(other).abs() <= SAME_MS,
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: i64, to: i64) -> Span {
        let to = (to > 0).then_some(UnixMillis(to * 1_000));
        Span { from: UnixMillis(from * 1_000), to, value: None, worst: None, last: None, usual: None }
    }

    fn outcome(spans: &[(i64, i64)], fires: u64) -> Outcome {
        Outcome { fires, spans: spans.iter().map(|(from, to)| span(*from, *to)).collect(), ..Outcome::default() }
    }

    fn found(before: &[(i64, i64)], after: &[(i64, i64)]) -> Vec<Change> {
        let of = |spans: &[(i64, i64)]| outcome(spans, spans.len() as u64);
        let (changes, is_cut) = changes(&of(before), &of(after));
        assert!(!is_cut);
        changes
    }

    #[test]
    fn firings_appear_vanish_and_move_by_more_than_a_minute() {
        assert_eq!(found(&[(0, 100), (500, 600)], &[(0, 100), (500, 600)]), []);
        assert_eq!(found(&[(0, 100)], &[(60, 160)]), [], "a minute is the same");
        let moved = Change::Moves { before: span(0, 100), after: span(61, 100) };
        assert_eq!(found(&[(0, 100)], &[(61, 100)]), [moved]);
        let longer = Change::Moves { before: span(0, 100), after: span(0, 0) };
        assert_eq!(found(&[(0, 100)], &[(0, 0)]), [longer], "it fires still");
        let all = found(&[(0, 10), (1_000, 1_100)], &[(500, 510), (1_000, 1_100), (2_000, 2_100)]);
        let expected =
            [Change::Vanishes(span(0, 10)), Change::Appears(span(500, 510)), Change::Appears(span(2_000, 2_100))];
        assert_eq!(all, expected);
    }

    #[test]
    fn one_that_is_as_long_as_two_belongs_to_the_first_of_them() {
        let all = found(&[(0, 1_000)], &[(0, 200), (800, 1_000)]);
        let first = Change::Moves { before: span(0, 1_000), after: span(0, 200) };
        assert_eq!(all, [first, Change::Appears(span(800, 1_000))]);
    }

    #[test]
    fn what_is_not_listed_is_not_compared() {
        let many = outcome(&[(0, 10), (1_000, 1_010)], 7);
        let (all, is_cut) = changes(&many, &outcome(&[(0, 10), (5_000, 5_010)], 2));
        assert_eq!((all, is_cut), (vec![Change::Vanishes(span(1_000, 1_010))], true));
    }
}

//! Remembers which readings came too late to be judged on arrival, until the rules have looked at them after all. PURE.
//!
//! A backfill comes in no order (the newest first, an hour in a minute), so nothing is decided about it reading by reading:
//! the stretches of time it fills are noted, and looked at once it has settled, from what is stored. A series whose readings
//! are always late, because its device's clock is wrong, never settles; it is looked at every few minutes.
//!
//! What waits is also on disk, a series as one stretch, written with the readings: a hub that is killed looks at it when it
//! starts again.

use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::model::UnixMillis;
use crate::model::reading::{SeriesId, Stretch};

/// A backfill is over when no late reading of its series came for this long, in milliseconds.
const SETTLED_MS: i64 = 10_000;
/// A series is looked at this long after its first late reading in any case, in milliseconds.
const PATIENCE_MS: i64 = 5 * 60_000;
const MINUTE_MS: i64 = 60_000;
/// Stretches kept of a series, 16 bytes each; when there are more, the two nearest are joined.
const MOST: usize = 8;

impl Stretch {
    /// One moment.
    pub(super) const fn at(at: UnixMillis) -> Self {
        Self { from: at, to: at }
    }

    fn join(&mut self, other: Self) {
        self.from = self.from.min(other.from);
        self.to = self.to.max(other.to);
    }

    /// Time between the two; negative when they overlap.
    fn distance(self, other: Self) -> i64 {
        other.from.since(self.to).max(self.from.since(other.to))
    }

    /// From whole minute to whole minute: what is written down changes once a minute, not with every reading.
    fn in_minutes(self) -> Self {
        let floor = |at: UnixMillis| at.0.div_euclid(MINUTE_MS).saturating_mul(MINUTE_MS);
        Self { from: UnixMillis(floor(self.from)), to: UnixMillis(floor(self.to.plus(MINUTE_MS - 1))) }
    }
}

/// Some stretches of one series, at most [`MOST`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Stretches(Vec<Stretch>);

impl Stretches {
    /// Adds one; what lies within `near` milliseconds of it becomes one with it.
    pub(super) fn add(&mut self, mut added: Stretch, near: i64) {
        // The last one first: readings of a batch come in order.
        if let Some(at) = self.0.iter().rposition(|one| one.distance(added) <= near) {
            added.join(self.0.swap_remove(at));
            if let Some(at) = self.0.iter().position(|one| one.distance(added) <= near) {
                added.join(self.0.swap_remove(at));
            }
        } else if self.0.len() >= MOST
            && let Some(nearest) = self.0.iter_mut().min_by_key(|one| one.distance(added))
        {
            nearest.join(added);
            return;
        }
        self.0.push(added);
    }
}

/// All of them and what lies between.
fn hull(all: impl IntoIterator<Item = Stretch>) -> Option<Stretch> {
    all.into_iter().reduce(|mut hull, one| {
        hull.join(one);
        hull
    })
}

#[derive(Debug)]
struct Late {
    stretches: Stretches,
    /// When the first of it came, by the hub's clock, and the last.
    first: UnixMillis,
    last: UnixMillis,
}

impl Late {
    fn due(&self) -> UnixMillis {
        self.last.plus(SETTLED_MS).min(self.first.plus(PATIENCE_MS))
    }
}

/// What waits to be looked at, a series once.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    late: HashMap<SeriesId, Late>,
    /// When to look at which; may be early, then it finds out and is queued again.
    due: BTreeSet<(UnixMillis, SeriesId)>,
    /// Those of the series that were due last, oldest first.
    ready: VecDeque<(SeriesId, Stretch)>,
    /// The one that was given last.
    given: Option<(SeriesId, Stretch)>,
}

impl Backlog {
    /// Readings of a series came late.
    pub(super) fn note(&mut self, now: UnixMillis, series: SeriesId, stretches: &Stretches, near: i64) {
        let late = self.late.entry(series).or_insert_with(|| {
            let late = Late { stretches: Stretches::default(), first: now, last: now };
            self.due.insert((late.due(), series));
            late
        });
        late.last = now;
        for stretch in &stretches.0 {
            late.stretches.add(*stretch, near);
        }
    }

    /// What was known late of a series before this start. It settles like any other: until then agents are back, and it is known
    /// how far their clocks run ahead.
    pub(super) fn remember(&mut self, now: UnixMillis, series: SeriesId, stretch: Stretch) {
        self.note(now, series, &Stretches(vec![stretch]), 0);
    }

    /// What is to be on disk of a series once these came; `None` when it is there.
    pub(super) fn with(&self, series: SeriesId, came: &Stretches) -> Option<Stretch> {
        let given = self.given.filter(|(of, _)| *of == series).map(|(_, stretch)| stretch);
        let before = hull(self.waiting(series).chain(given)).map(Stretch::in_minutes);
        let after = hull(before.into_iter().chain(came.0.iter().copied()))?.in_minutes();
        (before != Some(after)).then_some(after)
    }

    /// What is to be on disk of a series once the stretch that was given last has been looked at.
    pub(super) fn rest(&self, series: SeriesId) -> Option<Stretch> {
        hull(self.waiting(series)).map(Stretch::in_minutes)
    }

    fn waiting(&self, series: SeriesId) -> impl Iterator<Item = Stretch> + '_ {
        let ready = self.ready.iter().filter(move |(of, _)| *of == series).map(|(_, stretch)| *stretch);
        let late = self.late.get(&series).into_iter().flat_map(|late| late.stretches.0.iter().copied());
        ready.chain(late)
    }

    /// When [`Backlog::next`] wants to be asked; may be early.
    pub(super) fn poll_timeout(&self) -> Option<UnixMillis> {
        if self.ready.is_empty() { self.due.first().map(|&(at, _)| at) } else { Some(UnixMillis(i64::MIN)) }
    }

    /// A stretch to look at, of a series that has settled by `by`; each is given once.
    pub(super) fn next(&mut self, by: UnixMillis) -> Option<(SeriesId, Stretch)> {
        while self.ready.is_empty() {
            let &(at, series) = self.due.first().filter(|&&(at, _)| at <= by)?;
            self.due.remove(&(at, series));
            match self.late.remove(&series) {
                Some(late) if late.due() > by => {
                    self.due.insert((late.due(), series));
                    self.late.insert(series, late);
                }
                Some(Late { stretches: Stretches(mut all), .. }) => {
                    all.sort_unstable_by_key(|stretch| stretch.from);
                    self.ready.extend(all.into_iter().map(|stretch| (series, stretch)));
                }
                None => {}
            }
        }
        self.given = self.ready.pop_front();
        self.given
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERIES: SeriesId = SeriesId(3);

    fn at(second: i64) -> UnixMillis {
        UnixMillis(second * 1_000)
    }

    fn stretch(from: i64, to: i64) -> Stretch {
        Stretch { from: at(from), to: at(to) }
    }

    fn stretches(all: &[Stretch]) -> Stretches {
        let mut stretches = Stretches::default();
        all.iter().for_each(|one| stretches.add(*one, 60_000));
        stretches
    }

    #[test]
    fn what_lies_close_together_is_one_stretch_in_whatever_order_it_comes() {
        let newest_first: Vec<_> = (0..360).rev().map(|ten| stretch(ten * 10, ten * 10 + 9)).collect();
        assert_eq!(stretches(&newest_first).0, [stretch(0, 3_599)]);
        let apart = [stretch(0, 10), stretch(200, 210)];
        assert_eq!(stretches(&apart).0, apart);
        assert_eq!(stretches(&[apart[0], apart[1], stretch(60, 150)]).0, [stretch(0, 210)]);
    }

    #[test]
    fn many_stretches_far_apart_grow_together_instead_of_becoming_more() {
        let many: Vec<_> = (0..1_000).map(|hour| Stretch::at(at(hour * 3_600))).collect();
        let kept = stretches(&many);
        assert_eq!(kept.0.len(), MOST);
        assert!(many.iter().all(|one| kept.0.iter().any(|kept| kept.from <= one.from && one.to <= kept.to)));
    }

    #[test]
    fn a_backfill_is_looked_at_once_it_has_settled() {
        let mut backlog = Backlog::default();
        for second in 0..60 {
            backlog.note(at(10_000 + second), SERIES, &stretches(&[Stretch::at(at(second))]), 60_000);
        }
        assert_eq!(backlog.poll_timeout(), Some(at(10_010)), "early");
        assert_eq!(backlog.next(at(10_068)), None);
        assert_eq!(backlog.poll_timeout(), Some(at(10_069)));
        assert_eq!(backlog.next(at(10_069)), Some((SERIES, stretch(0, 59))));
        assert_eq!(backlog.next(at(10_069)), None);
        assert_eq!(backlog.poll_timeout(), None, "and then it is forgotten");
    }

    #[test]
    fn a_device_that_is_always_late_is_looked_at_every_few_minutes() {
        let mut backlog = Backlog::default();
        let mut looks = 0;
        for second in 0..1_500 {
            backlog.note(at(second), SERIES, &stretches(&[Stretch::at(at(second - 7_200))]), 60_000);
            looks += usize::from(backlog.next(at(second)).is_some());
        }
        assert_eq!(looks, 4);
    }
}

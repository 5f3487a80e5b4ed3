//! What a device says of itself besides its status: the ledger's report until it is recorded, and what it finds wrong.

use std::time::{Duration, Instant};

use wire::ledger::Report;
use wire::message::{Control, Health, SourceError};

use crate::random::Random;

/// First wait for a report to be recorded, doubled with each attempt up to [`LONGEST_WAIT`]: a hub that writes gathers
/// reports for half a second, and an older hub never answers.
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How often health is said again to a hub that may have restarted; nobody confirms it.
const HEALTH_EVERY: Duration = Duration::from_secs(60);
/// A change is said at once, but a source that fails and recovers all the time is not worth a stream.
const HEALTH_AT_MOST: Duration = Duration::from_secs(5);

/// What waits to be said, and when.
#[derive(Debug, Default)]
pub(super) struct Reports {
    ledger: Option<Report>,
    ledger_due: Option<Instant>,
    attempts: u32,
    health: Health,
    health_due: Option<Instant>,
    /// When it was said last.
    health_said: Option<Instant>,
}

impl Reports {
    /// Says this report until it is recorded; another takes its place at once.
    pub(super) fn tell_ledger(&mut self, report: Option<&Report>, now: Instant) {
        if self.ledger.as_ref() == report {
            return;
        }
        self.ledger_due = report.map(|_| now);
        self.ledger = report.cloned();
        self.attempts = 0;
    }

    /// Says this: soon if it is news, with the next repetition if only numbers moved.
    pub(super) fn set_health(&mut self, health: Health, now: Instant) {
        let news = |one: &Health| {
            let of = |source: &SourceError| (source.source.clone(), source.error.clone(), source.since);
            (one.drift_ppb.is_some(), one.more, one.sources.iter().map(of).collect::<Vec<_>>())
        };
        if news(&self.health) != news(&health) {
            self.health_due = Some(self.health_said.map_or(now, |said| (said + HEALTH_AT_MOST).max(now)));
        }
        self.health = health;
    }

    /// A new session, perhaps with a hub that has restarted: everything is said again.
    pub(super) fn begin_session(&mut self, now: Instant) {
        self.attempts = 0;
        self.ledger_due = self.ledger.as_ref().map(|_| now);
        if self.health != Health::default() {
            self.health_due = Some(now);
        }
    }

    /// When [`Reports::next`] has something.
    pub(super) fn due(&self) -> Option<Instant> {
        [self.ledger_due, self.health_due].into_iter().flatten().min()
    }

    /// What is due.
    pub(super) fn next(&mut self, now: Instant, random: &mut Random) -> Option<Control> {
        if self.ledger_due.is_some_and(|due| now >= due) {
            let wait = (FIRST_WAIT * 2_u32.pow(self.attempts.min(6))).min(LONGEST_WAIT);
            self.attempts = self.attempts.saturating_add(1);
            self.ledger_due = Some(now + random.between(wait, wait * 5 / 4));
            return self.ledger.clone().map(Control::Ledger);
        }
        if self.health_due.is_some_and(|due| now >= due) {
            self.health_said = Some(now);
            // A hub that missed the end of a trouble hears it with the next one; nothing is said of nothing.
            self.health_due = (self.health != Health::default()).then(|| now + HEALTH_EVERY);
            return Some(Control::Health(self.health.clone()));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::Epoch;

    fn report(number: u32) -> Report {
        Report { epoch: Epoch(1), number, holds_from: None, entries: Vec::new() }
    }

    #[test]
    fn a_report_is_said_again_ever_more_slowly_until_another_takes_its_place() {
        let (mut reports, t0) = (Reports::default(), crate::clock::now().mono);
        let mut random = Random::new(1);
        reports.tell_ledger(Some(&report(0)), t0);
        let said: Vec<u64> =
            (0..200).filter(|second| reports.next(t0 + Duration::from_secs(*second), &mut random).is_some()).collect();
        assert!((8..=12).contains(&said.len()) && said[0] == 0, "{said:?}");
        let later = t0 + Duration::from_secs(200);
        reports.tell_ledger(Some(&report(1)), later);
        assert_eq!(reports.next(later, &mut random), Some(Control::Ledger(report(1))));
        reports.tell_ledger(None, later);
        assert_eq!((reports.next(later + LONGEST_WAIT * 2, &mut random), reports.due()), (None, None));
    }

    #[test]
    fn the_end_of_a_trouble_is_said_and_then_nothing_more() {
        let (mut reports, t0) = (Reports::default(), crate::clock::now().mono);
        let mut random = Random::new(1);
        let at = |seconds| t0 + Duration::from_secs(seconds);
        let bad = Health { more: 1, ..Health::default() };
        reports.set_health(bad.clone(), t0);
        assert_eq!(reports.next(t0, &mut random), Some(Control::Health(bad.clone())));
        assert_eq!(reports.next(at(60), &mut random), Some(Control::Health(bad)));
        reports.set_health(Health::default(), at(61));
        assert_eq!(reports.next(at(64), &mut random), None);
        assert_eq!(reports.next(at(65), &mut random), Some(Control::Health(Health::default())));
        assert_eq!(reports.due(), None);
    }
}

//! PURE. What the keeper remembers from one look to the next, so that nothing is done twice a day, or measured twice an hour.

use super::growth;
use crate::model::UnixMillis;
use crate::model::retention::Retention;
use crate::store::stats::Look;

/// Time between two looks at the growth that are kept.
const LOOK_EVERY: i64 = 3_600_000;

/// What was done and measured last.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Rollups were let go as of this day by this policy.
    rollups: Option<(UnixMillis, Retention)>,
    /// So were alerts and messages.
    alerts: Option<(UnixMillis, Retention)>,
    looks: Vec<Look>,
    /// Bytes the process had written at the last look that is kept, and the sum of all before it.
    written: (u64, u64),
}

impl Kept {
    /// After a start, with the looks of earlier ones; the process has written so many bytes.
    pub(super) fn new(looks: Vec<Look>, written: u64) -> Self {
        let before = looks.last().map_or(0, |look| look.written);
        Self { rollups: None, alerts: None, looks, written: (written, before) }
    }

    /// Whether rollups have to be let go on this day by this policy.
    pub(super) fn rollups_are_due(&self, today: &(UnixMillis, Retention)) -> bool {
        self.rollups.as_ref() != Some(today)
    }

    /// That was done.
    pub(super) fn rollups_are_done(&mut self, today: (UnixMillis, Retention)) {
        self.rollups = Some(today);
    }

    /// Whether alerts and messages have to be let go on this day by this policy.
    pub(super) fn alerts_are_due(&self, today: &(UnixMillis, Retention)) -> bool {
        self.alerts.as_ref() != Some(today)
    }

    /// That was done.
    pub(super) fn alerts_are_done(&mut self, today: (UnixMillis, Retention)) {
        self.alerts = Some(today);
    }

    pub(super) fn looks(&self) -> &[Look] {
        &self.looks
    }

    /// Bytes written to disks in all, when the process has written so many.
    pub(super) const fn written(&self, by_process: u64) -> u64 {
        let (at_last, before) = self.written;
        before + by_process.saturating_sub(at_last)
    }

    /// Whether a look at this moment is to be kept: one an hour, and the first after the clock was put back.
    pub(super) fn look_is_due(&self, now: UnixMillis) -> bool {
        self.looks.last().is_none_or(|last| now.since(last.at) >= LOOK_EVERY || last.at > now)
    }

    /// A look is kept, and those that are too old are not any longer.
    pub(super) fn keep(&mut self, look: Look, by_process: u64) {
        self.looks.retain(|old| (0..=growth::OVER).contains(&look.at.since(old.at)));
        self.looks.push(look);
        self.written = (by_process, look.written);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(at: i64, written: u64) -> Look {
        Look { at: UnixMillis(at), used: 0, written }
    }

    #[test]
    fn a_look_an_hour_is_kept_for_a_day_and_the_clock_may_be_put_back() {
        let mut kept = Kept::new(vec![look(0, 50)], 7);
        assert_eq!([LOOK_EVERY - 1, LOOK_EVERY, -1].map(|at| kept.look_is_due(UnixMillis(at))), [false, true, true]);
        // What this process wrote counts on from what earlier ones did.
        assert_eq!((kept.written(7), kept.written(9)), (50, 52));
        kept.keep(look(LOOK_EVERY, 52), 9);
        assert_eq!((kept.written(10), kept.looks().len()), (53, 2));
        kept.keep(look(growth::OVER + 1, 60), 17);
        assert_eq!(kept.looks().iter().map(|look| look.at.0).collect::<Vec<_>>(), [LOOK_EVERY, growth::OVER + 1]);
        kept.keep(look(5, 60), 17);
        assert_eq!(kept.looks().len(), 1, "of a future that was none");
    }

    #[test]
    fn rollups_are_let_go_once_a_day_and_when_the_policy_changes() {
        let mut kept = Kept::default();
        let today = (UnixMillis(1), Retention::default());
        assert!(kept.rollups_are_due(&today));
        kept.rollups_are_done(today.clone());
        assert!(!kept.rollups_are_due(&today) && kept.rollups_are_due(&(UnixMillis(2), Retention::default())));
    }
}

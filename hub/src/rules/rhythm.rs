//! How a series reports: how often, in which uploads, and how old its readings usually are when they arrive. PURE.
//!
//! *Late* and *silent* are relative to it: a logger that uploads each hour is neither, a device that sends each second soon is
//! both. What a device announces or a person sets takes precedence; the rest is learned from the last few readings.
//!
//! - **A `for` is held by readings**, not by the absence of them: two readings hold it together when the time between them is
//!   no longer than three times the usual, at least a minute ([`Rhythm::holds`]).
//! - **The usual delay** is what the newest reading of an upload is old when it comes, if it is so again a minute and more
//!   later ([`Rhythm::arrive`]). A backlog that is being sent becomes younger faster than time passes, so it is never usual;
//!   a clock that is slow by six minutes stays so.

use crate::model::UnixMillis;

/// Readings this near to each other hold a `for` together, however often the series reports.
const NEAR_MS: i64 = 60_000;
/// A pending alert is given up no sooner than this after the last reading, in milliseconds.
const PATIENCE_MS: i64 = 5 * 60_000;
/// Two uploads count as two if they are this far apart, in milliseconds.
const APART_MS: i64 = 1_000;
/// Time between two measurements of the delay, in milliseconds.
const LOOK_MS: i64 = 60_000;
/// Longest delay from before a restart that still counts as usual, in milliseconds: that of a logger that uploads once
/// a day.
const REMEMBERED_MS: i64 = 25 * 3_600_000;

/// What is known of how a series reports.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rhythm {
    /// Longest time between two readings as announced, or set by a person; 0 when neither.
    pub(super) interval_ms: i64,
    /// Event time of the last reading.
    last: Option<UnixMillis>,
    /// Times between the last three readings.
    gaps: [i64; 2],
    /// When the last upload came, and the times between the last three.
    came: Option<UnixMillis>,
    uploads: [i64; 2],
    delay: Delay,
}

/// How old the newest reading of an upload is when it comes.
#[derive(Debug, Clone, Copy, Default)]
struct Delay {
    since: Option<UnixMillis>,
    /// Least since then, in milliseconds.
    least: i64,
    /// 0 while none is usual.
    usual: i64,
}

impl Rhythm {
    pub(super) fn new(interval_ms: u32) -> Self {
        Self { interval_ms: interval_ms.into(), ..Self::default() }
    }

    /// Readings of its device were pushed so often, in milliseconds, before the hub started.
    pub(super) fn remember_uploads(&mut self, every_ms: Option<i64>) {
        self.uploads[0] = every_ms.unwrap_or(0);
    }

    /// How far apart its readings lie, in milliseconds: as announced or set, else as the last ones did, else as its uploads do; 0 where
    /// nothing says so.
    pub(super) fn every_ms(&self) -> i64 {
        let [one, other] = self.gaps;
        match self.interval_ms {
            0 if one > 0 && other > 0 => one.min(other),
            0 => self.uploads[0],
            announced => announced,
        }
    }

    /// What is taken for the time between two readings as long as nothing else says so, in milliseconds: how far they lie
    /// apart in what just was pushed, and where one came alone what lies between two pushes.
    pub(super) fn suppose_gap(&mut self, spacing_ms: i64) {
        if self.gaps == [0; 2] {
            self.gaps[0] = if spacing_ms > 0 { spacing_ms } else { self.uploads[0] };
        }
    }

    /// Event time of the last reading that was judged.
    pub(super) const fn last(&self) -> Option<UnixMillis> {
        self.last
    }

    /// What is usual beside the series' own interval: how old a reading is when it comes.
    pub(super) const fn usual_delay_ms(&self) -> i64 {
        self.delay.usual
    }

    /// A reading of before the hub started, which says nothing of how often they come.
    pub(super) fn remember_last(&mut self, at: UnixMillis) {
        self.last = self.last.max(Some(at));
    }

    /// Before the hub started the last reading was so old when it came, at `heard`: that was usual, until looks of this start
    /// say otherwise.
    pub(super) fn remember_delay(&mut self, heard: UnixMillis, age_ms: i64) {
        if self.delay.since.is_none() && (0..=REMEMBERED_MS).contains(&age_ms) {
            self.delay = Delay { since: Some(heard), least: age_ms, usual: age_ms };
        }
    }

    /// An upload came, the newest reading of which is so old.
    pub(super) fn arrive(&mut self, came: UnixMillis, age_ms: i64) {
        let apart = self.came.map_or(0, |before| came.since(before));
        if apart >= APART_MS {
            self.uploads = [apart, self.uploads[0]];
        }
        if self.came.is_none() || apart >= APART_MS {
            self.came = Some(came);
        }
        let Some(since) = self.delay.since else {
            self.delay = Delay { since: Some(came), least: age_ms, usual: 0 };
            return;
        };
        let passed = came.since(since);
        if passed < LOOK_MS {
            self.delay.least = self.delay.least.min(age_ms);
            return;
        }
        // Of a backlog the age falls faster than time passes.
        let is_steady = (self.delay.least - age_ms).abs() <= passed / 2;
        let usual = if is_steady { self.delay.least.max(age_ms) } else { 0 };
        self.delay = Delay { since: Some(came), least: age_ms, usual };
    }

    /// A reading decided nothing that came alone or with others of the last minute.
    pub(super) fn enter(&mut self, came: UnixMillis, taken: UnixMillis, is_pushed: bool) {
        if self.last.is_none_or(|last| taken >= last) {
            self.arrive(came, came.since(taken));
        }
        if is_pushed {
            self.suppose_gap(0);
        }
        self.beat(taken);
    }

    /// A reading is judged.
    pub(super) fn beat(&mut self, at: UnixMillis) {
        let gap = self.last.map_or(0, |last| at.since(last));
        if gap > 0 {
            self.gaps = [gap, self.gaps[0]];
        }
        self.last = self.last.max(Some(at));
    }

    /// Whether a reading goes on where the last one left off: no more can have happened between them than usually does.
    /// `strictly`: the hub was away and the device keeps what it measured meanwhile, so only what it announced counts.
    pub(super) fn holds(&self, at: UnixMillis, strictly: bool) -> bool {
        let Some(last) = self.last else { return true };
        let near = if strictly { self.interval_ms * 3 / 2 } else { self.near_ms() };
        at.since(last) <= near
    }

    fn near_ms(&self) -> i64 {
        let usual = self.interval_ms.max(self.gaps[0]).max(self.gaps[1]);
        usual.saturating_mul(3).max(NEAR_MS)
    }

    /// When the next reading is overdue, going by what was announced; the last one itself when nothing was.
    pub(super) fn speaks_until(&self) -> Option<UnixMillis> {
        Some(self.last?.plus(self.interval_ms))
    }

    /// How long after the last upload nothing is expected of the series any more.
    pub(super) fn gives_up_after_ms(&self) -> i64 {
        self.expected_within_ms().max(PATIENCE_MS)
    }

    /// Longest time in which something comes as a rule: three of its intervals, of its pauses between readings or uploads.
    pub(super) fn expected_within_ms(&self) -> i64 {
        self.near_ms().max(self.uploads[0].max(self.uploads[1]).saturating_mul(3))
    }

    /// The same device, with what it announces now.
    pub(super) fn with_interval(self, interval_ms: i64) -> Self {
        Self { interval_ms, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600;

    fn at(second: i64) -> UnixMillis {
        UnixMillis(second * 1_000)
    }

    fn usual_after(uploads: &[(i64, i64)]) -> i64 {
        let mut rhythm = Rhythm::default();
        uploads.iter().for_each(|&(second, age)| rhythm.arrive(at(second), age * 1_000));
        rhythm.usual_delay_ms() / 1_000
    }

    #[test]
    fn a_delay_that_comes_again_is_usual_and_that_of_a_backlog_is_not() {
        let slow_clock: Vec<_> = (0..62).map(|second| (second, 360)).collect();
        assert_eq!(usual_after(&slow_clock[..60]), 0, "nothing is usual before it came again");
        assert_eq!(usual_after(&slow_clock), 360);
        assert_eq!(usual_after(&[(0, 1_800), (HOUR, 1_500)]), 1_800);
        // Three days in an hour, oldest first.
        let backlog: Vec<_> = (0..HOUR).map(|second| (second, 3 * 86_400 - 72 * second)).collect();
        for end in 0..backlog.len() {
            assert_eq!(usual_after(&backlog[..end]), 0);
        }
    }

    #[test]
    fn readings_hold_together_by_what_is_usual_for_them() {
        let mut logger = Rhythm::default();
        [0, HOUR, 2 * HOUR].into_iter().for_each(|second| logger.beat(at(second)));
        assert!(logger.holds(at(5 * HOUR), false) && !logger.holds(at(5 * HOUR + 1), false));
        let mut quick = Rhythm::new(1_000);
        quick.beat(at(0));
        assert!(quick.holds(at(60), false) && !quick.holds(at(61), false));
        assert!(quick.holds(at(1), true) && !quick.holds(at(2), true));
    }
}

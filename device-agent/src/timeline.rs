//! Corrects the times of readings while the machine's clock is wrong. Pure.
//!
//! ```text
//!   boot in 1970 ──── readings with a wrong time ────▶ the hub tells its time ────▶ readings with a corrected time
//!                     kept, not sent: moved by the offset once it is known            until the machine's clock is set
//! ```
//!
//! Monotonic time never jumps, so wall time minus monotonic time, minus what the machine was suspended, is constant until somebody
//! sets the clock: a change is a step. If the clock was plainly unset before a step, the new time is used. Otherwise the hub's
//! clock decides which side of the step was wrong, and readings from the wrong side that are still held are moved. Until then
//! nothing is sent: the next answer of a hub decides it, and a reading that is at the hub cannot be moved any more.

use std::time::Instant;

use wire::UnixMillis;

use crate::clock::Now;

/// A clock before this was never set: 2024-01-01, before the first release.
pub(crate) const SET_FROM: UnixMillis = UnixMillis(1_704_067_200_000);
/// A smaller change of the clock is slewing, not a step; in milliseconds.
const STEP_MS: i64 = 1_000;

/// What is to be done with what was taken so far and is still held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// Move what was taken since the last step or the start by so many milliseconds; the question is settled.
    Move(i64),
    /// What was taken so far was taken before a step of so many milliseconds. Ask the hub for the time anew.
    Step(i64),
    /// What is taken now is ahead of the hub's clock by so many milliseconds: that judges what was taken before each
    /// [`Repair::Step`] since the last judgement.
    Judge(i64),
}

/// Both clocks, and what is known of their difference.
#[derive(Debug)]
pub struct Timeline {
    anchor: Now,
    /// What [`crate::clock::suspended_ms`] said then.
    suspended: i64,
    /// Added to the machine's clock for readings.
    correction: i64,
    /// The clock is unset and the hub has not told the time.
    unknown: bool,
    /// There was a step that the hub's clock has not judged.
    undecided: bool,
    steps: u32,
    last_step: i64,
}

impl Timeline {
    /// A timeline that begins now, on a machine that was suspended for so many milliseconds before.
    #[must_use]
    pub fn new(now: Now, suspended: i64) -> Self {
        Self {
            anchor: now,
            suspended,
            correction: 0,
            unknown: now.unix < SET_FROM,
            undecided: false,
            steps: 0,
            last_step: 0,
        }
    }

    /// Looks at both clocks, for how long the machine was suspended in all, and at the device's clock less the hub's, if that
    /// is known of the present clock.
    pub fn look(&mut self, now: Now, suspended: i64, hub_offset: Option<i64>) -> Option<Repair> {
        let expected = self.expected(now.mono).plus(suspended - self.suspended);
        self.suspended = suspended;
        let step = now.unix.since(expected);
        let was_set = expected >= SET_FROM;
        self.anchor = now;
        if step.abs() >= STEP_MS {
            (self.steps, self.last_step) = (self.steps.saturating_add(1), step);
            return self.stepped(step, was_set, now.unix >= SET_FROM);
        }
        let offset = hub_offset?;
        if std::mem::take(&mut self.unknown) {
            self.correction = -offset;
            return Some(Repair::Move(-offset));
        }
        let ahead = offset.saturating_add(self.correction);
        if std::mem::take(&mut self.undecided) {
            return Some(Repair::Judge(ahead));
        }
        if now.unix < SET_FROM && ahead.abs() >= STEP_MS {
            self.correction = -offset;
        }
        None
    }

    fn stepped(&mut self, step: i64, was_set: bool, is_set: bool) -> Option<Repair> {
        match (was_set, is_set) {
            (false, true) => {
                let corrected = std::mem::take(&mut self.correction);
                if std::mem::take(&mut self.unknown) {
                    return Some(Repair::Move(step));
                }
                // What was corrected by the hub's clock, or went on by the clock that was lost, is as right as that was.
                self.undecide(step - corrected)
            }
            (false, false) => {
                // From one wrong time to another: the same moment is now called otherwise.
                self.correction = if self.unknown { 0 } else { self.correction - step };
                self.unknown.then_some(Repair::Move(step))
            }
            (true, true) => self.undecide(step),
            (true, false) => {
                // The clock was lost; what it said before is what it should say.
                self.correction = -step;
                None
            }
        }
    }

    /// Readings are called by times that are `step` further on than they were.
    fn undecide(&mut self, step: i64) -> Option<Repair> {
        if step.abs() < STEP_MS {
            return None;
        }
        self.undecided = true;
        Some(Repair::Step(step))
    }

    fn expected(&self, mono: Instant) -> UnixMillis {
        let passed = mono.saturating_duration_since(self.anchor.mono);
        self.anchor.unix.plus(i64::try_from(passed.as_millis()).unwrap_or(i64::MAX))
    }

    /// The time of a reading taken now.
    #[must_use]
    pub const fn stamp(&self, now: Now) -> UnixMillis {
        now.unix.plus(self.correction)
    }

    /// The time of a reading that was taken at another moment, by the clock as it is now: it may have been set since.
    #[must_use]
    pub fn stamp_of(&self, taken: Instant) -> UnixMillis {
        let ms = |time: std::time::Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let ago = ms(self.anchor.mono.saturating_duration_since(taken));
        let ahead = ms(taken.saturating_duration_since(self.anchor.mono));
        self.anchor.unix.plus(ahead - ago).plus(self.correction)
    }

    /// Milliseconds to add to what the machine's clock said lately.
    #[must_use]
    pub const fn correction(&self) -> i64 {
        self.correction
    }

    /// Whether readings have no time yet.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        self.unknown
    }

    /// Whether the clock is right as far as the device can know: it is set, and no step of it waits for the hub's judgement.
    /// Until then readings are to be kept: what the hub has cannot be moved.
    #[must_use]
    pub const fn is_sure(&self) -> bool {
        !self.unknown && !self.undecided
    }

    /// By how many milliseconds the clock was set the last time.
    #[must_use]
    pub const fn last_step(&self) -> i64 {
        self.last_step
    }

    /// How often the clock was set since the start.
    #[must_use]
    pub const fn steps(&self) -> u32 {
        self.steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const TODAY: i64 = 1_770_000_000_000;

    /// A machine whose clock says `unix` now; seconds pass by hand.
    struct Machine {
        now: Now,
        suspended: i64,
        timeline: Timeline,
    }

    impl Machine {
        fn booted_at(unix: i64) -> Self {
            let now = Now { mono: crate::clock::now().mono, unix: UnixMillis(unix) };
            Self { now, suspended: 0, timeline: Timeline::new(now, 0) }
        }

        fn after(&mut self, seconds: u64, step: i64, hub_offset: Option<i64>) -> Option<Repair> {
            self.now = self.now.plus(Duration::from_secs(seconds));
            self.now.unix = self.now.unix.plus(step);
            self.timeline.look(self.now, self.suspended, hub_offset)
        }

        fn stamp(&self) -> i64 {
            self.timeline.stamp(self.now).0
        }
    }

    #[test]
    fn a_device_that_starts_in_1970_learns_the_time_from_the_hub() {
        let mut machine = Machine::booted_at(5_000);
        assert!(machine.timeline.is_unknown());
        assert_eq!(machine.after(10, 0, None), None);
        assert_eq!(machine.after(10, 0, Some(25_000 - TODAY)), Some(Repair::Move(TODAY - 25_000)));
        assert_eq!((machine.stamp(), machine.timeline.is_unknown()), (TODAY, false));
        assert_eq!(machine.after(60, 0, Some(25_000 - TODAY)), None);
        assert_eq!(machine.stamp(), TODAY + 60_000);
        // Then the machine's own clock is set, and is believed.
        assert_eq!(machine.after(1, TODAY - 25_000, None), None);
        assert_eq!((machine.stamp(), machine.timeline.steps()), (TODAY + 61_000, 1));
    }

    #[test]
    fn a_device_that_starts_in_1970_learns_the_time_from_its_own_clock_being_set() {
        let mut machine = Machine::booted_at(5_000);
        assert_eq!(machine.after(10, TODAY, None), Some(Repair::Move(TODAY)));
        assert_eq!((machine.stamp(), machine.timeline.is_unknown()), (TODAY + 15_000, false));
    }

    #[test]
    fn a_step_of_a_clock_that_was_set_is_judged_by_the_hub() {
        let mut machine = Machine::booted_at(TODAY);
        let before = machine.now.mono;
        assert_eq!(machine.after(10, 7_200_000, None), Some(Repair::Step(7_200_000)));
        assert_eq!(machine.timeline.stamp_of(before).0, TODAY + 7_200_000, "it was under way when the clock was set");
        assert_eq!(machine.after(1, 0, None), None);
        assert_eq!(machine.after(1, -3_600_000, None), Some(Repair::Step(-3_600_000)));
        assert!(!machine.timeline.is_sure());
        assert_eq!(machine.after(1, 0, Some(20)), Some(Repair::Judge(20)), "once for both");
        assert_eq!((machine.after(1, 0, Some(20)), machine.timeline.is_sure()), (None, true));
    }

    #[test]
    fn what_went_on_by_a_lost_clock_is_judged_when_it_is_set_otherwise() {
        for (set_to, repair) in [(0, None), (7_200_000, Some(Repair::Step(7_200_000)))] {
            let mut machine = Machine::booted_at(TODAY);
            assert_eq!(machine.after(10, -TODAY, None), None);
            assert_eq!(machine.after(10, TODAY + set_to, None), repair);
            assert_eq!((machine.stamp(), machine.timeline.is_sure()), (TODAY + 20_000 + set_to, set_to == 0));
        }
        // The hub may answer before it is set: what it judges is what readings are called by.
        let mut machine = Machine::booted_at(TODAY);
        assert_eq!(machine.after(10, 5_000, None), Some(Repair::Step(5_000)));
        assert_eq!(machine.after(10, -TODAY, None), None);
        assert_eq!(machine.after(1, 0, Some(30 - TODAY)), Some(Repair::Judge(30)));
        assert_eq!(machine.after(1, 0, Some(30 - TODAY)), None);
        assert_eq!(machine.stamp(), TODAY + 27_000);
    }

    #[test]
    fn a_clock_that_is_slewed_or_drifts_makes_no_step() {
        let mut machine = Machine::booted_at(TODAY);
        for _ in 0..1_000 {
            assert_eq!(machine.after(1, 300, Some(40)), None, "30 % skew");
        }
        assert_eq!(machine.timeline.steps(), 0);
    }

    #[test]
    fn a_machine_that_slept_has_the_time_that_it_had() {
        let mut machine = Machine::booted_at(TODAY);
        machine.suspended = 3_600_000;
        assert_eq!(machine.after(10, 3_600_000, Some(20)), None);
        // And one whose clock stood meanwhile was set back.
        machine.suspended = 7_200_000;
        assert_eq!(machine.after(10, 0, Some(20)), Some(Repair::Step(-3_600_000)));
    }

    #[test]
    fn a_clock_that_is_lost_while_running_changes_nothing() {
        let mut machine = Machine::booted_at(TODAY);
        assert_eq!(machine.after(10, -TODAY, None), None);
        assert_eq!(machine.stamp(), TODAY + 10_000);
    }
}

//! What time a reading was taken, when the machine's clock says otherwise. Pure.
//!
//! ```text
//!   boot in 1970 ──── readings with a wrong time ────▶ the hub tells its time ────▶ readings with a corrected time
//!                     kept, not sent: moved by the offset once it is known            until the machine's clock is set
//! ```
//!
//! Monotonic time never jumps, so that wall time less monotonic time is a constant until somebody sets the clock: a change
//! of it is a step. A step is followed once the clock was plainly unset before it; else the hub's clock decides which side
//! of the step was wrong, and what was taken on the wrong side and is still held is moved.

use std::time::Instant;

use wire::UnixMillis;

use crate::clock::Now;

/// The clock was not set if it says less: 2024-01-01, before the first release.
pub(crate) const SET_FROM: UnixMillis = UnixMillis(1_704_067_200_000);
/// Less than this is the clock being slewed, not set.
const STEP_MS: i64 = 1_000;

/// Move what was taken so far, since the last step or the start, and is still held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// By so many milliseconds; the question is settled.
    Move(i64),
    /// What was taken so far was taken before a step of so many milliseconds. Ask the hub for the time anew.
    Step(i64),
    /// What was taken before the last [`Repair::Step`] was wrong by this much.
    MoveBeforeStep(i64),
}

/// Both clocks, and what is known of their difference.
#[derive(Debug)]
pub struct Timeline {
    anchor: Now,
    /// Added to the machine's clock for readings.
    correction: i64,
    /// The clock is unset and the hub has not told the time.
    unknown: bool,
    /// A step that the hub's clock has not judged.
    undecided: Option<i64>,
    steps: u32,
    last_step: i64,
}

impl Timeline {
    /// A timeline that begins now.
    #[must_use]
    pub fn new(now: Now) -> Self {
        Self { anchor: now, correction: 0, unknown: now.unix < SET_FROM, undecided: None, steps: 0, last_step: 0 }
    }

    /// Looks at both clocks, and at the device's clock less the hub's, if that is known of the present clock.
    pub fn look(&mut self, now: Now, hub_offset: Option<i64>) -> Option<Repair> {
        let expected = self.expected(now.mono);
        let step = now.unix.since(expected);
        let was_set = expected >= SET_FROM;
        self.anchor = now;
        if step.abs() >= STEP_MS {
            (self.steps, self.last_step) = (self.steps.saturating_add(1), step);
            return self.stepped(step, was_set, now.unix >= SET_FROM);
        }
        let offset = hub_offset?;
        if now.unix < SET_FROM {
            let first = std::mem::take(&mut self.unknown);
            if first || (self.correction + offset).abs() >= STEP_MS {
                self.correction = -offset;
            }
            return first.then_some(Repair::Move(-offset));
        }
        let step = self.undecided.take()?;
        // Nearer to the hub's clock is right: a clock that was set wrong repairs nothing.
        (offset.abs() < (offset - step).abs()).then_some(Repair::MoveBeforeStep(step))
    }

    fn stepped(&mut self, step: i64, was_set: bool, is_set: bool) -> Option<Repair> {
        match (was_set, is_set) {
            (false, true) => {
                let corrected = !std::mem::take(&mut self.unknown);
                self.correction = 0;
                // What was corrected by the hub's clock is right already.
                (!corrected).then_some(Repair::Move(step))
            }
            (false, false) => {
                // From one wrong time to another: the same moment is now called otherwise.
                self.correction = if self.unknown { 0 } else { self.correction - step };
                self.unknown.then_some(Repair::Move(step))
            }
            (true, true) => {
                self.undecided = Some(step);
                Some(Repair::Step(step))
            }
            (true, false) => {
                // The clock was lost; what it said before is what it should say.
                self.correction = -step;
                None
            }
        }
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

    /// Milliseconds to add to what the machine's clock said lately.
    #[must_use]
    pub const fn correction(&self) -> i64 {
        self.correction
    }

    /// Whether readings have no time yet: they are to be kept until they have.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        self.unknown
    }

    /// Whether the clock is right as far as the device can know: it is set, and no step of it waits for the hub's judgement.
    #[must_use]
    pub const fn is_sure(&self) -> bool {
        !self.unknown && self.undecided.is_none()
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
        timeline: Timeline,
    }

    impl Machine {
        fn booted_at(unix: i64) -> Self {
            let now = Now { mono: crate::clock::now().mono, unix: UnixMillis(unix) };
            Self { now, timeline: Timeline::new(now) }
        }

        fn after(&mut self, seconds: u64, step: i64, hub_offset: Option<i64>) -> Option<Repair> {
            self.now = self.now.plus(Duration::from_secs(seconds));
            self.now.unix = self.now.unix.plus(step);
            self.timeline.look(self.now, hub_offset)
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
        let mut behind = Machine::booted_at(TODAY);
        assert_eq!(behind.after(10, 7_200_000, None), Some(Repair::Step(7_200_000)));
        assert_eq!(behind.after(1, 0, None), None);
        assert_eq!(behind.after(1, 0, Some(20)), Some(Repair::MoveBeforeStep(7_200_000)));
        assert_eq!(behind.after(1, 0, Some(20)), None);

        let mut spoilt = Machine::booted_at(TODAY);
        assert_eq!(spoilt.after(10, -3_600_000, None), Some(Repair::Step(-3_600_000)));
        assert_eq!(spoilt.after(1, 0, Some(-3_600_000)), None, "what was taken before was right");
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
    fn a_clock_that_is_lost_while_running_changes_nothing() {
        let mut machine = Machine::booted_at(TODAY);
        assert_eq!(machine.after(10, -TODAY, None), None);
        assert_eq!(machine.stamp(), TODAY + 10_000);
    }
}

//! When the number of a sensor is free again, and who gets it.

use std::time::{Duration, Instant};

use wire::{Numbering, SensorNo, SensorSpec};

use super::SensorTable;
use super::assignment::{Assignment, Key, Moment};
use super::waiting::Waiting;

/// How long a sensor must not have been seen before its number is given to another; three of its intervals, if that is
/// longer.
pub(super) const ABSENT_FOR: Duration = Duration::from_secs(86_400);
/// The same for a device that the hub no longer knows: it starts again with the sensors it has.
pub(super) const GONE_FOR: Duration = Duration::from_secs(15);
/// Pause between two sensors with one number: what was on its way to the hub when the number was freed has arrived by
/// then, or never will.
pub(super) const REST: Duration = Duration::from_secs(5);
/// Time between two numberings: each makes the hub pack all it has of the device.
const RENUMBER_AFTER: Duration = Duration::from_secs(10);
/// How often it is saved how long sensors were not seen.
const SAVE_EVERY: Duration = Duration::from_secs(3_600);

impl SensorTable {
    /// Frees the numbers of sensors that `skips` names, and of those not seen for a day as far as others wait for them. Batches
    /// before `oldest` are gone. With `may_reuse`, which the hub must know how to follow, gives free ones to those that wait, and
    /// returns those: what is remembered of such a number is of another sensor.
    pub fn tend(
        &mut self,
        moment: Moment,
        oldest: Key,
        may_reuse: bool,
        skips: impl Fn(&str) -> bool,
    ) -> Vec<SensorNo> {
        let now = moment.now;
        self.waiting.forget(now, &skips);
        self.release(moment, oldest, |assignment| skips(&assignment.spec.name));
        self.settle_anew(moment, oldest);
        let free = self.assignments.iter().filter(|assignment| assignment.free.is_some()).count();
        let wanted = self.waiting.wants().saturating_sub(free);
        if wanted > 0 {
            let in_use = self.assignments.iter().filter(|assignment| assignment.free.is_none());
            let mut longest: Vec<Duration> = in_use.map(|assignment| assignment.absent(now)).collect();
            longest.sort_unstable_by_key(|absent| std::cmp::Reverse(*absent));
            let least = longest.get(wanted - 1).copied().unwrap_or_default();
            self.release(moment, oldest, |assignment| {
                assignment.absent(now) >= least && assignment.is_absent_for(ABSENT_FOR, now)
            });
        }
        let rested = self.renumbered.is_none_or(|at| now.saturating_duration_since(at) >= RENUMBER_AFTER);
        let given = if may_reuse && rested { self.give_out(moment) } else { Vec::new() };
        let is_old = now.saturating_duration_since(self.saved) >= SAVE_EVERY;
        if is_old {
            self.saved = now;
        }
        // Not written, it is found out again.
        let has_absent = is_old && self.assignments.iter().any(|assignment| assignment.absent(now) >= SAVE_EVERY);
        if std::mem::take(&mut self.is_unsaved) || has_absent {
            let _ = self.save();
        }
        given
    }

    /// The hub knows nothing of this device: it starts with the sensors it has. What this run of the agent has not seen, or
    /// not for a while, is gone at once, before the hub is told of it; what turns out to be gone goes as soon as that is
    /// clear, see [`GONE_FOR`], also after another start of the agent.
    pub fn start_anew(&mut self, moment: Moment, oldest: Key) {
        for assignment in &mut self.assignments {
            assignment.outlived = assignment.free.is_none();
        }
        self.begins_anew = true;
        // What is still there asks again at its next reading; what is gone must not get a number for having asked before.
        self.waiting = Waiting::default();
        self.release(moment, oldest, |assignment| !assignment.met || assignment.is_absent_for(GONE_FOR, moment.now));
        // Not written, it begins no more after the next start.
        let _ = self.save();
    }

    /// Of what the hub forgot with the device, frees what is gone.
    fn settle_anew(&mut self, moment: Moment, oldest: Key) {
        if !self.begins_anew {
            return;
        }
        self.release(moment, oldest, |assignment| {
            assignment.outlived && assignment.is_absent_for(GONE_FOR, moment.now)
        });
        self.begins_anew = self.assignments.iter().any(|assignment| assignment.free.is_none() && assignment.outlived);
        if !self.begins_anew {
            let _ = self.save();
        }
    }

    /// Frees those of the numbers in use that `chosen` chooses, where no batch speaks of them.
    fn release(&mut self, moment: Moment, oldest: Key, chosen: impl Fn(&Assignment) -> bool) {
        let (Moment { now, batch: (epoch, _) }, mut changed) = (moment, false);
        for assignment in &mut self.assignments {
            if assignment.free.is_none() && assignment.last < oldest && chosen(assignment) {
                // What an earlier run of the agent sent is on its way no more.
                assignment.free = Some(if assignment.last.0 < epoch { now } else { now + REST });
                self.numbers.remove(&assignment.spec.name);
                changed = true;
            }
        }
        if changed {
            self.describe();
            // Not written, they are in use again after the next start, until they are freed again.
            let _ = self.save();
        }
    }

    /// Gives free numbers to sensors that wait: another numbering, with the batch that is being filled.
    fn give_out(&mut self, moment: Moment) -> Vec<SensorNo> {
        let has_rested = |free: Instant| moment.now >= free;
        let free: Vec<usize> = (0..self.assignments.len())
            .filter(|index| self.assignments.get(*index).and_then(|assignment| assignment.free).is_some_and(has_rested))
            .collect();
        let given: Vec<(usize, SensorSpec)> = free.into_iter().zip(self.waiting.next()).collect();
        if given.is_empty() {
            return Vec::new();
        }
        let before = (self.assignments.clone(), self.numbering);
        for (index, spec) in &given {
            if let Some(assignment) = self.assignments.get_mut(*index) {
                let spec = spec.clone();
                *assignment = Assignment::of(spec, None, moment);
            }
        }
        self.numbering = Numbering { epoch: moment.batch.0, seq: moment.batch.1 };
        // On disk before the hub hears of it: after a power cut both must mean the same.
        if self.save().is_err() {
            (self.assignments, self.numbering) = before;
            return Vec::new();
        }
        self.renumbered = Some(moment.now);
        let numbers = given.iter().map(|(index, _)| SensorNo(*index as u16)).collect();
        for (index, spec) in given {
            self.waiting.remove(&spec.name);
            self.numbers.insert(spec.name, SensorNo(index as u16));
        }
        self.describe();
        numbers
    }
}

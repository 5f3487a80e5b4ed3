//! PURE. What the maker does at a look, step by step.
//!
//! ```text
//!   every 250 ms   pack who is due ──▶ sweep ──▶ make room ─┐
//!   every minute   copy who is who ──▶ merge ──▶ let go ──▶ give back ──▶ measure
//! ```
//!
//! A step that fails ends the look, and the next one begins anew. A device is due with [`POINTS`] points of one series, or when its oldest
//! batch has waited [`AGE`]; when the journal reaches its limit (`cap`) the largest devices are due, without a rest, until it is half as
//! long. Nothing is merged then.

use std::time::{Duration, Instant};

use super::trust::Trust;
use crate::model::UnixMillis;
use crate::model::device::DeviceNo;
use crate::model::room::{NEARLY_FULL, ROOM_AGAIN, Room};
use crate::store::engine::upkeep::CatalogState;
use crate::store::head::Waiting;

/// Points of a series worth a block.
const POINTS: u32 = 1024;
/// Longest a reading waits for its block.
const AGE: i64 = 2 * 3_600_000;
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(250);
/// Dead rows worth a sweep.
const SWEEP: usize = 8 << 20;
/// Time between two looks for what is too small and what is too old.
const TIDY: Duration = Duration::from_mins(1);
/// The catalog (devices, sensors, rules) is copied aside at least this often, even when it did not change.
const COPY: Duration = Duration::from_hours(24);

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Make blocks of what waits of these devices, in this order.
    Pack(Vec<DeviceNo>),
    /// Delete journal rows that count no longer.
    Sweep,
    /// Have the oldest readings go, if the cap needs it.
    MakeRoom,
    /// Copy who is who, if that is due, and see how much room the disk has.
    KeepHouse,
    /// Merge small cuts that have waited long enough.
    Merge,
    /// Delete what is too old at this moment.
    LetGo(UnixMillis),
    /// Give free pages back to the disk.
    GiveBack,
    /// See how fast the file grows at this moment; keep that if the clock can be believed.
    Measure { at: UnixMillis, sure: bool },
}

/// What waits to be packed.
pub(super) struct Journal {
    pub(super) waiting: Vec<Waiting>,
    /// How long it is, and from which length on there is no time to rest.
    pub(super) bytes: usize,
    pub(super) most: usize,
}

/// The next step of a look.
#[derive(Debug, Clone, Copy)]
enum Stage {
    Pack,
    Sweep,
    MakeRoom,
    KeepHouse,
    Merge,
    LetGo,
    GiveBack { at: UnixMillis, sure: bool },
    Measure { at: UnixMillis, sure: bool },
    Done,
}

/// What the maker remembers to know what is due.
pub(super) struct Plan {
    stage: Stage,
    due: Vec<DeviceNo>,
    is_pressed: bool,
    /// Dead rows (in bytes) from which on they are swept at this look.
    sweeps_at: usize,
    /// Journal bytes that count no longer, about. A start does not know and sweeps once.
    dead: usize,
    /// When there was a look for what is too small and what is too old last.
    tidied: Instant,
    /// When who is who was copied last, and what told its state apart from others.
    copied: Option<(Instant, CatalogState)>,
    /// Whether it was said that the disk is nearly full.
    is_low: bool,
    /// Whether the clock can be believed.
    trust: Trust,
}

impl Plan {
    /// Begins now; `believed` is the last moment at which the clock was believed before the start.
    pub(super) fn new(now: Instant, believed: Option<UnixMillis>) -> Self {
        Self {
            stage: Stage::Done,
            due: Vec::new(),
            is_pressed: false,
            sweeps_at: SWEEP,
            dead: SWEEP,
            tidied: now,
            copied: None,
            is_low: false,
            trust: Trust::new(believed),
        }
    }

    /// When the next look is, after what was done until now.
    pub(super) fn next_look(now: Instant) -> Instant {
        now + LOOK
    }

    /// Begins a look.
    pub(super) fn look(&mut self, journal: Journal, wall: UnixMillis) {
        self.is_pressed = journal.bytes >= journal.most;
        self.sweeps_at = SWEEP.min(journal.most / 4);
        self.due = due(journal, wall);
        self.stage = Stage::Pack;
    }

    /// Whether the journal is so long that there is no time to rest.
    pub(super) const fn is_pressed(&self) -> bool {
        self.is_pressed
    }

    /// The next step of the look; `None` when there is nothing to do before the next.
    pub(super) fn next(&mut self, now: Instant, wall: UnixMillis) -> Option<Step> {
        loop {
            let (step, then) = match self.stage {
                Stage::Pack => {
                    let due = std::mem::take(&mut self.due);
                    ((!due.is_empty()).then_some(Step::Pack(due)), Stage::Sweep)
                }
                Stage::Sweep => ((self.dead >= self.sweeps_at).then_some(Step::Sweep), Stage::MakeRoom),
                Stage::MakeRoom => (Some(Step::MakeRoom), Stage::KeepHouse),
                Stage::KeepHouse if now.duration_since(self.tidied) < TIDY => (None, Stage::Done),
                Stage::KeepHouse => {
                    self.tidied = now;
                    (Some(Step::KeepHouse), Stage::Merge)
                }
                Stage::Merge => ((!self.is_pressed).then_some(Step::Merge), Stage::LetGo),
                Stage::LetGo => {
                    let believed = self.trust.moment(wall, now);
                    (believed.map(Step::LetGo), Stage::GiveBack { at: wall, sure: believed.is_some() })
                }
                Stage::GiveBack { at, sure } => (Some(Step::GiveBack), Stage::Measure { at, sure }),
                Stage::Measure { at, sure } => (Some(Step::Measure { at, sure }), Stage::Done),
                Stage::Done => return None,
            };
            self.stage = then;
            if step.is_some() {
                return step;
            }
        }
    }

    /// So many bytes of the journal count no longer.
    pub(super) const fn packed(&mut self, bytes: usize) {
        self.dead += bytes;
    }

    pub(super) const fn swept(&mut self) {
        self.dead = 0;
    }

    /// Bytes of the journal that count no longer, about.
    pub(super) const fn dead(&self) -> usize {
        self.dead
    }

    /// Whether who is who has to be copied, as it is now.
    pub(super) fn copy_is_due(&self, now: Instant, state: &CatalogState) -> bool {
        self.copied.as_ref().is_none_or(|(at, of)| of != state || now.duration_since(*at) >= COPY)
    }

    /// Who is who was copied.
    pub(super) const fn copied(&mut self, now: Instant, state: CatalogState) {
        self.copied = Some((now, state));
    }

    /// Takes note of the room that the disk has, where the system says; whether to say that it is nearly full: once, until there is
    /// clearly more again.
    pub(super) fn says_low(&mut self, room: Option<Room>) -> bool {
        let limit = if self.is_low { ROOM_AGAIN } else { NEARLY_FULL };
        let is_low = room.is_some_and(|room| room.used_pct() >= limit);
        let was_low = std::mem::replace(&mut self.is_low, is_low);
        is_low && !was_low
    }
}

/// Devices that are due, longest waiting first; where the journal is too long, the largest first.
fn due(Journal { mut waiting, bytes, most }: Journal, now: UnixMillis) -> Vec<DeviceNo> {
    if bytes >= most {
        waiting.sort_unstable_by_key(|waiting| std::cmp::Reverse(waiting.bytes));
        let mut enough = bytes / 2;
        waiting.retain(|waiting| {
            let wanted = enough > 0;
            enough = enough.saturating_sub(waiting.bytes);
            wanted
        });
    } else {
        waiting.retain(|waiting| waiting.points >= POINTS || now.since(waiting.since) >= AGE);
        waiting.sort_unstable_by_key(|waiting| waiting.since);
    }
    waiting.into_iter().map(|waiting| waiting.device).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    const MOST: usize = 64 << 20;
    const DAY: i64 = 86_400_000;

    fn waiting(device: u32, points: u32, since: i64, bytes: usize) -> Waiting {
        Waiting { device: DeviceNo(device), points, since: UnixMillis(since), bytes }
    }

    fn journal(waiting: Vec<Waiting>) -> Journal {
        let bytes = waiting.iter().map(|waiting| waiting.bytes).sum();
        Journal { waiting, bytes, most: MOST }
    }

    /// A plan that swept what a start does not know.
    fn plan(now: Instant) -> Plan {
        let mut plan = Plan::new(now, None);
        plan.swept();
        plan
    }

    /// All steps of a look.
    fn steps(plan: &mut Plan, journal: Journal, now: Instant, wall: UnixMillis) -> Vec<Step> {
        plan.look(journal, wall);
        std::iter::from_fn(|| plan.next(now, wall)).collect()
    }

    fn devices(numbers: &[u32]) -> Vec<DeviceNo> {
        numbers.iter().map(|number| DeviceNo(*number)).collect()
    }

    #[test]
    fn points_or_age_make_a_device_due_and_the_oldest_comes_first() {
        let all = || journal(vec![waiting(1, 1_024, 500, 9), waiting(2, 3, 0, 9), waiting(3, 1_023, 600, 9)]);
        assert_eq!(due(all(), UnixMillis(AGE - 1)), devices(&[1]));
        assert_eq!(due(all(), UnixMillis(AGE)), devices(&[2, 1]));
    }

    #[test]
    fn a_full_journal_takes_the_largest_until_it_is_half() {
        let all = vec![waiting(1, 1, 0, MOST / 8), waiting(2, 1, 0, MOST * 5 / 8), waiting(3, 1, 0, MOST / 4)];
        let mut plan = plan(Clock.now());
        plan.look(journal(all), UnixMillis(0));
        assert!(plan.is_pressed());
        assert_eq!(plan.next(Clock.now(), UnixMillis(0)), Some(Step::Pack(devices(&[2]))));
    }

    #[test]
    fn a_look_packs_who_is_due_and_makes_room_and_the_next_is_soon() {
        let (now, wall) = (Clock.now(), UnixMillis(AGE));
        let mut plan = plan(now);
        assert_eq!(steps(&mut plan, journal(Vec::new()), now, wall), [Step::MakeRoom]);
        let due = journal(vec![waiting(7, 1, 0, 9), waiting(8, 1, 1, 9)]);
        assert_eq!(steps(&mut plan, due, now, wall), [Step::Pack(devices(&[7])), Step::MakeRoom]);
        assert_eq!(Plan::next_look(now), now + Duration::from_millis(250));
    }

    #[test]
    fn dead_rows_are_swept_when_there_are_many_and_once_after_a_start() {
        let (now, wall) = (Clock.now(), UnixMillis(0));
        let mut plan = Plan::new(now, None);
        assert_eq!(steps(&mut plan, journal(Vec::new()), now, wall), [Step::Sweep, Step::MakeRoom]);
        plan.swept();
        // Also what is packed at this look.
        plan.look(journal(vec![waiting(1, 9_999, 0, 9)]), wall);
        assert_eq!(plan.next(now, wall), Some(Step::Pack(devices(&[1]))));
        plan.packed(SWEEP);
        assert_eq!(plan.next(now, wall), Some(Step::Sweep));
        plan.swept();
        plan.packed(SWEEP - 1);
        assert_eq!(steps(&mut plan, journal(Vec::new()), now, wall), [Step::MakeRoom]);
        // A quarter of a small journal.
        let small = Journal { waiting: Vec::new(), bytes: 0, most: SWEEP };
        assert_eq!((plan.dead(), steps(&mut plan, small, now, wall)), (SWEEP - 1, vec![Step::Sweep, Step::MakeRoom]));
    }

    #[test]
    fn once_a_minute_the_house_is_kept_but_nothing_is_merged_while_the_journal_is_too_long() {
        let (start, wall) = (Clock.now(), UnixMillis(5));
        let mut plan = plan(start);
        let rest = [Step::LetGo(wall), Step::GiveBack, Step::Measure { at: wall, sure: true }];
        let (house, later) = ([Step::MakeRoom, Step::KeepHouse], start + TIDY);
        assert_eq!(steps(&mut plan, journal(Vec::new()), later - Duration::from_nanos(1), wall), [Step::MakeRoom]);
        let all: Vec<_> = house.into_iter().chain([Step::Merge]).chain(rest).collect();
        assert_eq!(steps(&mut plan, journal(Vec::new()), later, wall), all);
        assert_eq!(steps(&mut plan, journal(Vec::new()), later, wall), [Step::MakeRoom]);
        let pressed = steps(&mut plan, journal(vec![waiting(1, 1, 0, MOST)]), later + TIDY, wall);
        assert_eq!(pressed[1..3], [Step::MakeRoom, Step::KeepHouse]);
        assert_eq!(pressed[3], Step::LetGo(wall));
    }

    #[test]
    fn a_step_that_failed_ends_its_look() {
        let (now, wall) = (Clock.now(), UnixMillis(0));
        let mut plan = plan(now);
        plan.look(journal(Vec::new()), wall);
        let later = now + TIDY;
        assert_eq!(plan.next(later, wall), Some(Step::MakeRoom));
        assert_eq!(plan.next(later, wall), Some(Step::KeepHouse));
        assert_eq!(steps(&mut plan, journal(Vec::new()), later, wall), [Step::MakeRoom], "in a minute again");
    }

    #[test]
    fn nothing_goes_and_no_measurement_is_kept_while_the_clock_cannot_be_believed() {
        let (start, wall) = (Clock.now(), UnixMillis(3_650 * DAY));
        let mut plan = Plan::new(start, Some(UnixMillis(0)));
        plan.swept();
        let doubted = steps(&mut plan, journal(Vec::new()), start + TIDY, wall);
        assert_eq!(doubted[2..], [Step::Merge, Step::GiveBack, Step::Measure { at: wall, sure: false }]);
        let believed = steps(&mut plan, journal(Vec::new()), start + TIDY + Duration::from_hours(24), wall);
        assert_eq!(believed[3], Step::LetGo(wall));
    }

    #[test]
    fn who_is_who_is_copied_when_it_changed_and_once_a_day() {
        let (start, mut state) = (Clock.now(), CatalogState::default());
        let mut plan = plan(start);
        assert!(plan.copy_is_due(start, &state));
        plan.copied(start, state);
        let day = Duration::from_hours(24);
        assert!(!plan.copy_is_due(start + day - Duration::from_nanos(1), &state));
        assert!(plan.copy_is_due(start + day, &state));
        state[3] += 1;
        assert!(plan.copy_is_due(start, &state));
    }

    #[test]
    fn that_the_disk_is_nearly_full_is_said_once_until_there_is_clearly_more_room() {
        let at = |used: u64| Some(Room { free: 100 - used, total: 100 });
        let mut plan = plan(Clock.now());
        let (nearly, again) = (NEARLY_FULL as u64, ROOM_AGAIN as u64);
        assert!(again < nearly);
        let rooms = [
            at(nearly - 1),
            at(nearly),
            at(99),
            at(again),
            at(again - 1),
            at(nearly - 1),
            at(nearly),
            None,
            at(nearly),
        ];
        let said = rooms.map(|room| plan.says_low(room));
        assert_eq!(said, [false, true, false, false, false, false, true, false, true]);
    }
}

//! Each step of a look by a clock that stands still.

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
    let rooms =
        [at(nearly - 1), at(nearly), at(99), at(again), at(again - 1), at(nearly - 1), at(nearly), None, at(nearly)];
    let said = rooms.map(|room| plan.says_low(room));
    assert_eq!(said, [false, true, false, false, false, false, true, false, true]);
}

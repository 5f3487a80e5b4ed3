//! Each rule of the queue by a clock that stands still, and all of them under random rooms and times.

use Kind::{Alerts, Change, Readings};

use super::*;
use crate::clock::Clock;

const MS: Duration = Duration::from_millis(1);
const BUDGET: usize = 100;
/// All writes of a group.
const ALL: Next<u32> = Next::Group { readings: true, tells_room: true };
/// Those that bring no readings.
const OTHERS: Next<u32> = Next::Group { readings: false, tells_room: false };

/// A queue of numbered writes, and the time.
struct Scene {
    queue: Queue<u32>,
    now: Instant,
    offered: u32,
}

impl Scene {
    fn new() -> Self {
        Self { queue: Queue::new(), now: Clock.now(), offered: 0 }
    }

    /// Offers writes, numbered on.
    fn with(mut self, kinds: &[Kind]) -> Self {
        kinds.iter().for_each(|kind| self.offer(*kind, 1));
        self
    }

    fn offer(&mut self, kind: Kind, bytes: usize) {
        self.queue.offer(kind, bytes, self.offered);
        self.offered += 1;
    }

    fn next(&mut self, room: Room) -> Next<u32> {
        self.queue.next(self.now, room)
    }

    /// The group that was begun, when each write takes so long.
    fn taken(&mut self, each: Duration) -> Vec<u32> {
        let mut taken = Vec::new();
        while let Some(write) = self.queue.take(self.now, BUDGET) {
            taken.push(write);
            self.now += each;
        }
        taken
    }

    /// A commit of all there is, which takes so long.
    fn commit(&mut self, took: Duration) {
        assert!(matches!(self.next(Room::Plenty), Next::Group { .. }));
        self.taken(Duration::ZERO);
        self.now += took;
        assert_eq!(self.queue.committed(self.now), took);
    }
}

#[test]
fn a_group_ends_with_the_write_that_fills_its_budget() {
    let mut scene = Scene::new();
    [60, 39, 1, 5].into_iter().for_each(|bytes| scene.offer(Readings, bytes));
    assert_eq!(scene.next(Room::Plenty), ALL);
    assert_eq!(scene.taken(MS), [0, 1, 2]);
    assert!(!scene.queue.is_idle());
    assert_eq!(scene.next(Room::Plenty), ALL);
    assert_eq!(scene.taken(MS), [3]);
    assert!(scene.queue.is_idle());
    // One that is larger goes all the same, alone.
    scene.offer(Readings, 9 * BUDGET);
    scene.offer(Change, 0);
    assert_eq!(scene.next(Room::Plenty), ALL);
    assert_eq!(scene.taken(MS), [4]);
}

#[test]
fn a_group_ends_when_it_is_old_but_not_empty() {
    let mut scene = Scene::new().with(&[Change; 8]);
    assert_eq!(scene.next(Room::Plenty), OTHERS);
    assert_eq!(scene.taken(20 * MS), [0, 1, 2]);
    assert_eq!(scene.next(Room::Plenty), OTHERS);
    assert_eq!(scene.taken(GROUP_TIME), [3]);
}

#[test]
fn changes_wait_an_eighth_of_the_last_commit_for_readings_to_follow() {
    let mut scene = Scene::new().with(&[Readings]);
    scene.commit(80 * MS);
    scene.offer(Change, 0);
    let until = scene.now + 10 * MS;
    assert_eq!(scene.next(Room::Plenty), Next::Wait(until));
    scene.offer(Change, 0);
    assert_eq!(scene.next(Room::Plenty), Next::Wait(until));
    scene.now = until;
    assert_eq!(scene.next(Room::Plenty), OTHERS);
    assert_eq!(scene.taken(MS), [1, 2]);
}

#[test]
fn they_wait_for_nothing_behind_the_readings_and_alerts_are_what_follows_as_well() {
    for follows in [Readings, Alerts] {
        let mut scene = Scene::new().with(&[Readings]);
        scene.commit(80 * MS);
        scene.offer(Change, 0);
        assert!(matches!(scene.next(Room::Plenty), Next::Wait(_)));
        scene.offer(follows, 1);
        scene.offer(Change, 0);
        assert!(matches!(scene.next(Room::Plenty), Next::Group { .. }));
        assert_eq!(scene.taken(MS), [1, 2, 3]);
    }
}

#[test]
fn they_do_not_wait_when_there_is_no_place_for_readings_or_nobody_to_send_them() {
    let waiting = || {
        let mut scene = Scene::new().with(&[Readings]);
        scene.commit(80 * MS);
        (0..PLACES - 1).for_each(|_| scene.offer(Change, 0));
        assert!(matches!(scene.next(Room::Plenty), Next::Wait(_)));
        scene
    };
    let mut scene = waiting();
    assert_eq!(scene.queue.places(), 1);
    scene.offer(Change, 0);
    assert_eq!((scene.queue.places(), scene.next(Room::Plenty)), (0, OTHERS));
    let mut scene = waiting();
    scene.queue.close();
    assert_eq!(scene.next(Room::Plenty), OTHERS);
}

#[test]
fn they_do_not_wait_behind_a_quick_commit_or_one_without_readings() {
    for (kind, took) in [(Readings, 7 * MS), (Change, 80 * MS), (Alerts, 80 * MS)] {
        let mut scene = Scene::new().with(&[kind]);
        scene.commit(took);
        scene.offer(Change, 0);
        assert_eq!(scene.next(Room::Plenty), OTHERS, "{kind:?}");
    }
}

#[test]
fn while_there_is_little_room_others_go_and_readings_wait_and_keep_their_order() {
    let mut scene = Scene::new().with(&[Readings, Change, Readings, Alerts]);
    assert_eq!(scene.next(Room::Shut), OTHERS);
    assert_eq!(scene.taken(MS), [1, 3]);
    assert!(scene.queue.is_idle(), "what waits for room waits for no group");
    assert_eq!(scene.next(Room::Shut), Next::Wait(scene.now + ROOM_LOOK));
    scene.offer(Change, 0);
    scene.offer(Readings, 1);
    assert_eq!(scene.next(Room::Plenty), ALL);
    assert_eq!(scene.taken(MS), [0, 2, 4, 5]);
}

#[test]
fn readings_that_waited_too_long_are_refused_and_then_all_that_come_until_there_is_room() {
    let mut scene = Scene::new().with(&[Readings, Readings]);
    let refused_at = scene.now + ROOM_WAIT;
    assert!(matches!(scene.next(Room::Shut), Next::Wait(_)));
    scene.now = refused_at - MS;
    scene.offer(Readings, 1);
    assert_eq!(scene.next(Room::Shut), Next::Wait(refused_at), "no longer than that");
    scene.now = refused_at;
    assert_eq!(scene.next(Room::Shut), Next::Refuse(vec![0, 1, 2]));
    assert_eq!(scene.next(Room::Shut), Next::Idle);
    scene.offer(Change, 0);
    scene.offer(Readings, 1);
    assert_eq!(scene.next(Room::Shut), Next::Refuse(vec![4]));
    assert_eq!(scene.next(Room::Shut), OTHERS);
    assert_eq!(scene.taken(MS), [3]);
    // Room, and none again: they have as long as before.
    scene.offer(Readings, 1);
    assert_eq!(scene.next(Room::Plenty), ALL);
    assert_eq!(scene.taken(MS), [5]);
    scene.offer(Readings, 1);
    assert!(matches!(scene.next(Room::Shut), Next::Wait(_)));
}

#[test]
fn only_readings_that_are_there_wait_for_room() {
    let mut scene = Scene::new().with(&[Change]);
    assert_eq!(scene.next(Room::Shut), OTHERS);
    scene.taken(MS);
    scene.now += 10 * ROOM_WAIT;
    scene.offer(Readings, 1);
    assert_eq!(scene.next(Room::Shut), Next::Wait(scene.now + ROOM_LOOK));
}

#[test]
fn on_a_full_disk_readings_are_refused_at_once_and_the_first_group_after_says_that_there_is_room() {
    let mut scene = Scene::new().with(&[Readings, Alerts, Readings]);
    assert_eq!(scene.next(Room::Full), Next::Refuse(vec![0, 2]));
    assert_eq!(scene.next(Room::Full), OTHERS);
    assert_eq!(scene.taken(MS), [1]);
    scene.offer(Change, 0);
    assert_eq!(scene.next(Room::Plenty), Next::Group { readings: false, tells_room: true });
    assert_eq!(scene.taken(MS), [3]);
    scene.offer(Change, 0);
    assert_eq!(scene.next(Room::Plenty), OTHERS, "once");
}

#[test]
fn a_journal_that_is_too_long_holds_readings_back_the_longer_the_more() {
    let held = |bytes| {
        let mut scene = Scene::new().with(&[Readings]);
        let begin = scene.now;
        scene.queue.hold_back(begin, bytes, 1_000);
        if let Next::Wait(until) = scene.next(Room::Plenty) {
            scene.now = until;
        }
        assert_eq!(scene.next(Room::Plenty), ALL);
        scene.now - begin
    };
    assert_eq!([held(0), held(1_500)], [Duration::ZERO; 2]);
    assert_eq!([held(1_750), held(2_000), held(2_500)], [HOLD_BACK / 4, HOLD_BACK / 2, HOLD_BACK]);
    assert_eq!(held(usize::MAX), HOLD_BACK, "and no longer, however long it is");
    // What packs it goes on.
    let mut scene = Scene::new().with(&[Readings, Change]);
    scene.queue.hold_back(scene.now, 2_500, 1_000);
    assert_eq!(scene.next(Room::Plenty), OTHERS);
    assert_eq!(scene.taken(MS), [1]);
}

#[test]
fn of_a_group_that_could_not_begin_everybody_is_told_who_could_have_been_in_it() {
    let mut scene = Scene::new().with(&[Readings, Change, Alerts]);
    assert_eq!(scene.next(Room::Shut), OTHERS);
    assert_eq!(scene.queue.take_rest(), [1, 2]);
    assert_eq!(scene.next(Room::Plenty), ALL);
    assert_eq!(scene.queue.take_rest(), [0]);
    assert_eq!(scene.next(Room::Plenty), Next::Idle);
}

/// Numbers that look random, the same for each seed (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

/// Writes that come at random moments, under random rooms, with commits that take a random time.
fn play(seed: u64) {
    let (mut dice, mut scene) = (Dice(seed), Scene::new());
    let (mut kinds, mut came, mut answered) = (Vec::new(), Vec::new(), Vec::new());
    let (mut room, mut oldest) = (Room::Plenty, 0);
    for step in 0..600 {
        let ends = step >= 400;
        for _ in 0..if ends { 0 } else { dice.below(4).min(scene.queue.places() as u64) } {
            let kind = dice.of(&[Readings, Readings, Alerts, Change]);
            kinds.push(kind);
            came.push(scene.now);
            scene.offer(kind, dice.below(60) as usize);
        }
        if ends {
            scene.queue.close();
            room = Room::Plenty;
        } else if dice.below(8) == 0 {
            room = dice.of(&[Room::Plenty, Room::Plenty, Room::Shut, Room::Full]);
        }
        match scene.next(room) {
            Next::Idle => assert!(scene.queue.is_empty()),
            Next::Wait(until) => {
                assert!(until > scene.now, "seed {seed}: a wait for what has come");
                // Something comes before, or the moment does.
                scene.now += (until - scene.now).mul_f64(dice.of(&[0.5, 1.0]));
            }
            Next::Refuse(gone) => {
                assert!(!gone.is_empty() && room != Room::Plenty, "seed {seed}");
                assert!(gone.iter().all(|write| kinds[*write as usize] == Readings), "seed {seed}");
                answered.extend(gone);
            }
            Next::Group { readings, .. } => {
                let each = dice.of(&[Duration::ZERO, MS, 30 * MS]);
                let group = scene.taken(each);
                assert!(!group.is_empty(), "seed {seed}: a group of nothing");
                assert!(readings || group.iter().all(|write| kinds[*write as usize] != Readings), "seed {seed}");
                answered.extend(group);
                scene.now += dice.of(&[MS, 20 * MS, 400 * MS]);
                if dice.below(10) > 0 {
                    scene.queue.committed(scene.now);
                }
                if readings {
                    scene.queue.hold_back(scene.now, dice.below(3_000) as usize, 1_000);
                }
            }
        }
        while oldest < kinds.len() && answered.contains(&(oldest as u32)) {
            oldest += 1;
        }
        let waited = came.get(oldest).map_or(Duration::ZERO, |came| scene.now - *came);
        assert!(waited < Duration::from_secs(30), "seed {seed}: {oldest} waits for {waited:?}");
    }
    assert!(scene.queue.is_empty(), "seed {seed}: somebody was forgotten");
    let of = |is: &dyn Fn(Kind) -> bool| {
        answered.iter().copied().filter(|write| is(kinds[*write as usize])).collect::<Vec<_>>()
    };
    let mut all = answered.clone();
    all.sort_unstable();
    assert_eq!(all, (0..scene.offered).collect::<Vec<_>>(), "seed {seed}: each is answered once");
    let (readings, others) = (of(&|kind| kind == Readings), of(&|kind| kind != Readings));
    assert!(readings.is_sorted() && others.is_sorted(), "seed {seed}: out of order");
}

#[test]
fn whatever_comes_is_answered_once_and_in_order() {
    (1..=200).for_each(play);
}

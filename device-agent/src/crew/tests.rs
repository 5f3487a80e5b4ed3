use std::sync::mpsc;

use super::*;

const LIMITS: Limits = Limits { slow: 4, place: 2, untried: 16, hung: 20, kinds: 3, patience: PATIENCE, abreast: 1 };

/// Work that ends when its other side says so; at once if it has none.
struct Piece {
    name: &'static str,
    number: u32,
    kin: Kin,
    until: Option<mpsc::Receiver<()>>,
}

impl Work for Piece {
    type Output = ();

    fn number(&self) -> u32 {
        self.number
    }

    fn kin(&self) -> Kin {
        self.kin
    }

    fn run(&mut self, _: Pace) {
        if let Some(until) = &self.until {
            let _ = until.recv();
        }
    }
}

/// Of the kind 0.
const fn kin(place: u32) -> Kin {
    Kin { kind: 0, driver: place, place }
}

fn quick(name: &'static str) -> (Pace, Piece) {
    (Pace::Quick, Piece { name, number: 0, kin: kin(0), until: None })
}

fn hangs(name: &'static str, pace: Pace, place: u32) -> (mpsc::SyncSender<()>, (Pace, Piece)) {
    let (end, until) = mpsc::sync_channel(0);
    (end, (pace, Piece { name, number: 1, kin: kin(place), until: Some(until) }))
}

/// What is done once there is as much as `count`, within ten seconds.
fn done(crew: &Crew<Piece>, count: usize) -> Vec<&'static str> {
    let (mut names, deadline) = (Vec::new(), clock::mono() + Duration::from_secs(10));
    while names.len() < count && clock::mono() < deadline {
        crew.wait(deadline);
        crew.tend(clock::mono());
        let mut taken = Vec::new();
        crew.take(&mut taken);
        names.extend(taken.into_iter().map(|done| done.work.name));
    }
    names
}

#[test]
fn what_hangs_holds_up_nobody_and_comes_back_when_it_ends() {
    let crew = Crew::new(LIMITS);
    let (end, stuck) = hangs("stuck", Pace::Quick, 1);
    crew.give([quick("a"), stuck, quick("b"), quick("c")]);
    assert_eq!(done(&crew, 3), ["a", "b", "c"]);
    crew.give([quick("d")]);
    assert_eq!(done(&crew, 1), ["d"]);
    drop(end);
    assert_eq!(done(&crew, 1), ["stuck"]);
    assert_eq!(crew.away(), []);
}

#[test]
fn slow_work_has_a_bound_of_threads_and_a_place_gets_few_of_them() {
    let crew = Crew::new(LIMITS);
    let (ends, stuck): (Vec<_>, Vec<_>) = (0..50).map(|n| hangs("stuck", Pace::Slow, n / 25)).unzip();
    crew.give(stuck);
    crew.give([quick("a")]);
    assert_eq!(done(&crew, 1), ["a"]);
    let state = crew.shared.lock();
    let running = [0, 1].map(|place| state.lanes.running().filter(|running| running.is_in(place)).count());
    // Where the machine gives a quick piece no processor for a while, another thread is started beside it.
    assert!(state.threads <= LIMITS.threads(), "{} threads", state.threads);
    assert!(running.iter().sum::<usize>() <= LIMITS.slow, "{running:?}");
    assert!(running.iter().all(|count| *count <= LIMITS.place), "{running:?}");
    drop((state, ends));
    assert_eq!(done(&crew, 50).len(), 50);
}

#[test]
fn of_two_hundred_that_hang_whatever_was_expected_of_them_a_bounded_number_is_tried_and_what_answers_is_done_each_round()
 {
    for pace in [Pace::Quick, Pace::Untried] {
        let crew = Crew::new(LIMITS);
        let (ends, mut work): (Vec<_>, Vec<_>) = (0..200).map(|n| hangs("stuck", pace, 1 + n / 20)).unzip();
        let other = Kin { kind: 1, driver: 100, place: 100 };
        work.push(quick("same kind"));
        work.push((Pace::Untried, Piece { name: "other kind", number: 2, kin: other, until: None }));
        crew.give(work);
        let mut first = done(&crew, 2);
        first.sort_unstable();
        assert_eq!(first, ["other kind", "same kind"], "{pace:?}");
        // Until as many are tried as may be.
        let settled = clock::mono() + Duration::from_secs(10);
        while crew.is_busy(clock::mono()) && clock::mono() < settled {
            crew.wait(settled);
            crew.tend(clock::mono());
        }
        for _ in 0..20 {
            crew.give([quick("a"), quick("b")]);
            assert_eq!(done(&crew, 2), ["a", "b"], "{pace:?}");
        }
        let threads = crew.shared.lock().threads;
        assert!(threads <= LIMITS.threads() && crew.waits(), "{threads} threads");
        drop(ends);
        assert_eq!(done(&crew, 200).len(), 200);
    }
}

#[test]
fn one_after_the_other_that_ceases_to_answer_takes_no_thread_from_another_kind() {
    let crew = Crew::new(LIMITS);
    let mut ends = Vec::new();
    for place in 1..40 {
        let (end, stuck) = hangs("stuck", Pace::Quick, place);
        ends.push(end);
        crew.give([stuck]);
        let other = Kin { kind: 1, driver: 100, place: 100 };
        crew.give([(Pace::Quick, Piece { name: "other kind", number: 2, kin: other, until: None })]);
        assert_eq!(done(&crew, 1), ["other kind"], "{place}");
    }
    assert!(crew.shared.lock().threads <= LIMITS.threads());
    drop(ends);
    assert_eq!(done(&crew, 39).len(), 39);
}

#[test]
fn where_three_of_five_hang_in_each_place_the_others_are_found() {
    let crew = Crew::new(LIMITS);
    let (mut ends, mut work) = (Vec::new(), Vec::new());
    for place in 1..11 {
        for number in 0..5 {
            let (end, (pace, mut piece)) = hangs("stuck", Pace::Untried, place);
            piece.number = number;
            if number < 3 {
                ends.push(end);
            } else {
                (piece.name, piece.until) = ("answers", None);
            }
            work.push((pace, piece));
        }
    }
    crew.give(work);
    assert_eq!(done(&crew, 20), ["answers"; 20]);
}

#[test]
fn what_was_never_asked_gets_its_turn_behind_as_many_that_hang_as_may() {
    let mut lanes = Lanes::new(LIMITS);
    let start = clock::mono();
    let stuck = (0..LIMITS.untried as u32).map(|place| hangs("stuck", Pace::Untried, place));
    let (_ends, stuck): (Vec<_>, Vec<_>) = stuck.unzip();
    lanes.give(stuck, start);
    let mut now = start;
    while lanes.pick(now).is_some() {
        now += PATIENCE;
        lanes.tend(now);
    }
    lanes.give([(Pace::Untried, Piece { name: "fresh", number: 2, kin: kin(99), until: None })], now);
    assert!(lanes.pick(now).is_none() && lanes.waits() && !lanes.is_busy(now));
    let later = now + Duration::from_secs(10);
    assert!(lanes.is_busy(later) && lanes.wanted(later) == 1);
    assert_eq!(lanes.pick(later).map(|(_, piece, _)| piece.name), Some("fresh"));
}

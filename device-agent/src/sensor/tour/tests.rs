use std::fs;
use std::path::Path;

use super::*;
use crate::sensor::Class;
use crate::sensor::device::Part;
use crate::sensor::errand::{Errand, Task};

/// A tour of zones that say 20, 21 and so on, each of which was read before.
fn tour(root: &Path, count: u32) -> Tour {
    let mut tour = None;
    for number in 0..count {
        let folder = format!("zone{number}");
        fs::create_dir_all(root.join(&folder)).unwrap();
        fs::write(root.join(&folder).join("temp"), format!("{}000\n", 20 + number)).unwrap();
        let errand = Errand::new(Class::Thermal, Task::Part(Part::Zone, String::new()), (root, &folder));
        let mut trip = Trip::new(number, Arc::from(&*format!("temp.{number}")), &folder, errand);
        assert!(matches!(trip.run(Pace::Quick), Brought::Value(..)));
        tour.get_or_insert_with(|| Tour::new(9, trip.kin)).join(trip);
    }
    tour.unwrap()
}

#[test]
fn a_whole_tour_gives_a_value_of_each_round_after_round() {
    let root = tempfile::tempdir().unwrap();
    let mut tour = tour(root.path(), 3);
    for round in 0..2 {
        let (_, mut job) = tour.leave(clock::mono()).unwrap();
        assert!(tour.leave(clock::mono()).is_none());
        job.run(Pace::Quick);
        let said = tour.come(UnixMillis(round)).unwrap();
        let said: Vec<_> = said.iter().map(|sample| (sample.name, sample.value, sample.at.0)).collect();
        assert_eq!(said, [("temp.0", 20.0, round), ("temp.1", 21.0, round), ("temp.2", 22.0, round)]);
    }
}

#[test]
fn of_a_tour_that_is_given_up_what_hangs_is_told_from_what_was_read_and_from_what_was_not_asked() {
    let root = tempfile::tempdir().unwrap();
    let mut tour = tour(root.path(), 4);
    fs::write(root.path().join("zone0/temp"), "nothing\n").unwrap();
    let (_, job) = tour.leave(clock::mono()).unwrap();
    let stops = Arc::clone(&tour.stops);
    // A thread has read two and is at the third.
    let mut state = stops.lock();
    let mut files: Vec<_> = state.files.iter_mut().take(3).map(|file| file.take().unwrap()).collect();
    let hung = files.pop().unwrap();
    for (at, mut file) in files.into_iter().enumerate() {
        let value = file.value();
        state.put_back(at, file, value);
    }
    state.next = 3;
    drop(state);
    assert!(tour.come(UnixMillis(0)).is_none());
    let how: Vec<_> = tour.end().collect();
    assert!(
        matches!(&how[..], [Stop::Alone(_), Stop::Value(_, 21.0), Stop::Hangs(hung), Stop::Alone(left)]
            if hung.lent.is_some() && left.direct.is_some()),
        "{how:?}"
    );
    // It ends after all; the thread finds nothing more to do.
    stops.lock().put_back(2, hung, Some(22.0));
    let Job::Tour(_, _, _, same) = job else { panic!("no tour") };
    same.run();
    assert_eq!(same.late().map(|(_, value)| value), Some(Some(22.0)));
}

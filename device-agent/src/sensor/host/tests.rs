use std::fs;

use super::*;

/// A chip of which both channels were read.
fn chip_of_two(root: &Path) -> std::io::Result<(Host, Now)> {
    let chip = root.join("sys/class/hwmon/hwmon0");
    fs::create_dir_all(&chip)?;
    fs::write(chip.join("name"), "chip\n")?;
    fs::write(chip.join("temp1_input"), "41000\n")?;
    fs::write(chip.join("temp2_input"), "42000\n")?;
    let mut host = Host::new(root, Vec::new());
    let (start, mut samples) = (clock::now(), Samples::default());
    // On a busy machine a round may end before both are back.
    let are_both_told = (0..100).any(|_| {
        host.look(start, &mut samples, |_, _| {});
        samples.iter().count() == 2
    });
    assert!(are_both_told, "{samples:?}");
    Ok((host, start))
}

#[test]
fn a_tour_of_which_one_file_hangs_behind_the_end_of_the_round_is_ended_in_time() -> std::io::Result<()> {
    let root = tempfile::tempdir()?;
    let (mut host, _) = chip_of_two(root.path())?;
    // Both are back in time twice, which makes them a tour.
    let now = clock::mono();
    let tour = (0..100).find_map(|_| {
        host.look(clock::now(), &mut Samples::default(), |_, _| {});
        host.inventory.home.hold_up_tour(now)
    });
    let tour = tour.expect("they are well");
    assert!(host.round.is_none() && !host.crew.is_busy(now));
    assert_eq!(host.wake_at(now), Some(now + PATIENCE));
    assert_eq!(host.wake_at(now + PATIENCE * 2), Some(now + PATIENCE * 2), "it was late before");
    let home = &mut host.inventory.home;
    assert!(home.late_tours(now + PATIENCE / 2).is_empty());
    assert_eq!(home.late_tours(now + PATIENCE), [tour]);
    // Of one for which no thread was left, nobody was asked.
    assert_eq!((home.whose(tour, false).len(), home.whose(tour, true)), (2, vec![tour]));
    // What is gone elsewhere is no reason to take this one apart.
    home.forget(u32::MAX);
    assert!(!home.any_gone(tour));
    let first = home.whose(tour, false)[0];
    home.forget(first);
    assert!(home.any_gone(tour));
    Ok(())
}

#[test]
fn rounds_that_follow_fast_are_told_though_something_that_was_quick_hangs() -> std::io::Result<()> {
    let root = tempfile::tempdir()?;
    let (mut host, start) = chip_of_two(root.path())?;
    let mut samples = Samples::default();
    // One is on a way without end.
    let first = host.inventory.things.iter().find(|(_, thing)| thing.file.ends_with("temp1_input"));
    let _lost = host.inventory.home.leave_one(*first.expect("it was read").0, start.mono);
    let told = (1..=4).any(|round| {
        let now = start.plus(Duration::from_millis(100) * round);
        host.begin(now);
        let deadline = clock::mono() + Duration::from_secs(10);
        while host.crew.is_busy(clock::mono()) && clock::mono() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        host.collect(now.plus(Duration::from_millis(50)), |_, _| {});
        host.has_some()
    });
    host.take(&mut samples);
    assert!(told && samples.iter().all(|sample| sample.name == "temp.chip.2"), "{samples:?}");
    Ok(())
}

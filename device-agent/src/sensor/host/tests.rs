use std::fs;

use super::*;

#[test]
fn rounds_that_follow_fast_are_told_though_something_that_was_quick_hangs() -> std::io::Result<()> {
    let root = tempfile::tempdir()?;
    let chip = root.path().join("sys/class/hwmon/hwmon0");
    fs::create_dir_all(&chip)?;
    fs::write(chip.join("name"), "chip\n")?;
    fs::write(chip.join("temp1_input"), "41000\n")?;
    fs::write(chip.join("temp2_input"), "42000\n")?;
    let mut host = Host::new(root.path(), Vec::new());
    let (start, mut samples) = (clock::now(), Samples::default());
    // On a busy machine a round may end before both are back.
    let are_both_told = (0..100).any(|_| {
        host.look(start, &mut samples, |_, _| {});
        samples.iter().count() == 2
    });
    assert!(are_both_told, "{samples:?}");
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

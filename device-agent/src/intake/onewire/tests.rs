use std::collections::BTreeSet;
use std::fs;

use super::*;

/// One round, waited for.
fn round(bus: &mut Bus, now: Instant) -> (Vec<String>, Option<String>) {
    bus.begin(now);
    while bus.round.is_some() {
        bus.crew.wait(clock::now().mono + PATIENCE);
        bus.collect(now);
    }
    (bus.take().into_iter().map(|reading| reading.name).collect(), bus.trouble(now))
}

#[test]
fn who_lists_the_bus_has_a_thread_however_many_thermometers_hang() {
    let kin = |serial| Box::new(Errand::new(Path::new("/"), 1, serial)).kin();
    let kinds = BTreeSet::from([None, Some("28-0001"), Some("28-0002")].map(|serial| kin(serial).kind));
    assert_eq!(kinds.len(), LIMITS.kinds, "{kinds:?}");
}

#[test]
fn a_thermometer_that_was_there_and_is_gone_is_named_until_it_is_back_or_a_day_has_passed() -> std::io::Result<()> {
    let root = tempfile::tempdir()?;
    let chip = |serial: &str| root.path().join(DEVICES).join(serial);
    let plug = |serial: &str| {
        fs::create_dir_all(chip(serial))?;
        fs::write(chip(serial).join("temperature"), "21500\n")
    };
    let (mut bus, t0) = (Bus::new(root.path()), clock::now().mono);
    plug("28-0001")?;
    plug("28-0002")?;
    assert_eq!(round(&mut bus, t0), (vec!["w1.28-0001".to_owned(), "w1.28-0002".to_owned()], None));
    fs::remove_dir_all(chip("28-0001"))?;
    fs::write(chip("28-0002").join("temperature"), "130000\n")?;
    let trouble = "28-0002: 130 Cel cannot be; 28-0001: gone from the bus";
    assert_eq!(round(&mut bus, t0), (Vec::new(), Some(trouble.to_owned())));
    plug("28-0001")?;
    plug("28-0002")?;
    let (readings, trouble) = round(&mut bus, t0);
    assert_eq!((readings.len(), trouble), (2, None));

    // Which there are cannot be seen for a while: those that were there go on.
    let bus_folder = root.path().join(DEVICES);
    fs::rename(&bus_folder, root.path().join("away"))?;
    std::os::unix::fs::symlink(&bus_folder, &bus_folder)?;
    let trouble = round(&mut bus, t0).1;
    assert!(trouble.is_some_and(|why| why.contains("/sys/bus/w1/devices: ") && !why.contains("gone")));
    fs::remove_file(&bus_folder)?;
    fs::rename(root.path().join("away"), &bus_folder)?;
    assert_eq!(round(&mut bus, t0).0.len(), 2);

    // Somebody takes one away for good.
    fs::remove_dir_all(chip("28-0001"))?;
    let gone = Some("28-0001: gone from the bus".to_owned());
    let (last, after) = (t0 + MISSED_FOR - Duration::from_secs(1), t0 + MISSED_FOR);
    assert_eq!((round(&mut bus, last).1, round(&mut bus, after).1), (gone, None));
    assert_eq!(bus.known.keys().collect::<Vec<_>>(), ["28-0002"]);
    Ok(())
}

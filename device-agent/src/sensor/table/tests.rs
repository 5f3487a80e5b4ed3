use std::fs;

use super::reuse::{ABSENT_FOR, GONE_FOR, REST};
use super::*;

const DAY: Duration = ABSENT_FOR;

fn at(now: Instant, seq: u64) -> Moment {
    Moment { now, batch: (Epoch(7), BatchSeq(seq)) }
}

fn number(table: &mut SensorTable, name: &str, moment: Moment) -> Result<u16, TableFull> {
    table.number((name, ""), "1", SensorKind::Gauge, 1000, moment).map(|number| number.0)
}

/// A full table of `s0` to `s255`, seen at `now` in batch 0.
fn full(folder: &Path, now: Instant) -> SensorTable {
    let mut table = SensorTable::open(folder, Epoch(1), now).unwrap();
    for sensor in 0..SensorNo::LIMIT {
        assert_eq!(number(&mut table, &format!("s{sensor}"), at(now, 0)), Ok(sensor));
    }
    table
}

fn none(_: &str) -> bool {
    false
}

#[test]
fn numbers_stay_across_boots_and_a_torn_line_is_given_again() {
    let (folder, now) = (tempfile::tempdir().unwrap(), crate::clock::now().mono);
    let open = || SensorTable::open(folder.path(), Epoch(1), now).unwrap();
    let mut table = open();
    assert_eq!((number(&mut table, "a", at(now, 0)), number(&mut table, "b", at(now, 0))), (Ok(0), Ok(1)));
    assert_eq!(number(&mut table, "a", at(now, 0)), Ok(0));
    table.sync().unwrap();
    drop(table);

    let path = folder.path().join("sensors");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    let mut table = open();
    assert_eq!((number(&mut table, "c", at(now, 0)), number(&mut table, "a", at(now, 0))), (Ok(1), Ok(0)));
    drop(table);
    assert_eq!(open().len(), 2);
}

#[test]
fn a_sensor_that_is_measured_otherwise_is_said_anew_at_once_after_a_start_and_then_once_a_minute() {
    let (folder, now) = (tempfile::tempdir().unwrap(), crate::clock::now().mono);
    let mut table = SensorTable::open(folder.path(), Epoch(1), now).unwrap();
    let put = |table: &mut SensorTable, interval_ms, now| {
        table.number(("a", ""), "Cel", SensorKind::Gauge, interval_ms, at(now, 0)).unwrap();
        table.take_restated().into_iter().map(|(number, spec)| (number.0, spec.interval_ms)).collect::<Vec<_>>()
    };
    assert_eq!(put(&mut table, 200, now), []);
    table.sync().unwrap();

    let mut table = SensorTable::open(folder.path(), Epoch(2), now).unwrap();
    assert_eq!(put(&mut table, 3_000, now), [(0, 3_000)]);
    assert_eq!(put(&mut table, 3_000, now), []);
    assert_eq!(
        put(&mut table, 200, now + RESTATE_AFTER / 2),
        [],
        "a source that wavers is not told with every reading"
    );
    assert_eq!(put(&mut table, 200, now + RESTATE_AFTER), [(0, 200)]);
    assert_eq!(table.described().0[0].interval_ms, 200);
    table.tend(at(now + RESTATE_AFTER, 0), (Epoch(1), BatchSeq(0)), false, none);

    let mut table = SensorTable::open(folder.path(), Epoch(3), now).unwrap();
    assert_eq!(put(&mut table, 200, now), [(0, 200)], "it is on disk, and the hub may not have heard it");
    assert_eq!(put(&mut table, 200, now), []);
    table.all_restated();
    table.tend(at(now, 0), (Epoch(1), BatchSeq(0)), false, none);

    let mut table = SensorTable::open(folder.path(), Epoch(4), now).unwrap();
    assert_eq!(put(&mut table, 200, now), [], "it has");
    assert_eq!(put(&mut table, 400, now), [(0, 400)]);
    // This one changed after the hub had heard all that it was told.
    table.restate(SensorNo(0), ("Cel", SensorKind::Gauge, 600), now + RESTATE_AFTER);
    table.all_restated();
    table.tend(at(now, 0), (Epoch(1), BatchSeq(0)), false, none);
    let mut table = SensorTable::open(folder.path(), Epoch(5), now).unwrap();
    assert_eq!(put(&mut table, 600, now), [(0, 600)]);
}

#[test]
fn a_name_that_was_not_seen_for_a_day_gives_its_number_once_no_batch_speaks_of_it() {
    let (folder, t0) = (tempfile::tempdir().unwrap(), crate::clock::now().mono);
    let mut table = full(folder.path(), t0);
    let day = t0 + DAY;
    for sensor in (0..SensorNo::LIMIT).filter(|sensor| *sensor != 3) {
        number(&mut table, &format!("s{sensor}"), at(day, 50)).unwrap();
    }
    assert_eq!(number(&mut table, "wlan0", at(day, 50)), Err(TableFull));
    assert_eq!(table.trouble().as_deref(), Some("1 left out, 256 is the most: wlan0"));

    // A batch that speaks of it is still here; the hub does not know how; it has to rest.
    // It was taken as batch 0 was filled, which may have been full.
    table.tend(at(day, 50), (Epoch(7), BatchSeq(1)), true, none);
    assert_eq!(table.len(), 256);
    table.tend(at(day, 51), (Epoch(7), BatchSeq(2)), false, none);
    assert_eq!((table.len(), table.described().2), (255, Numbering::FIRST));
    table.tend(at(day, 52), (Epoch(7), BatchSeq(2)), true, none);
    assert_eq!(table.described().2, Numbering::FIRST);
    // Told meanwhile: what another number is, and never the name that is gone.
    assert_eq!(table.described().0[3].name, "s0");

    assert_eq!(table.tend(at(day + REST, 60), (Epoch(7), BatchSeq(2)), true, none), [SensorNo(3)]);
    assert_eq!(table.described().2, Numbering { epoch: Epoch(7), seq: BatchSeq(60) });
    assert_eq!((number(&mut table, "wlan0", at(day + REST, 60)), table.trouble()), (Ok(3), None));
    assert_eq!(number(&mut table, "s3", at(day + REST, 60)), Err(TableFull));
    drop(table);
    let mut table = SensorTable::open(folder.path(), Epoch(8), t0).unwrap();
    assert_eq!(table.described().2, Numbering { epoch: Epoch(7), seq: BatchSeq(60) });
    assert_eq!((number(&mut table, "wlan0", at(t0, 0)), number(&mut table, "s4", at(t0, 0))), (Ok(3), Ok(4)));
}

#[test]
fn a_machine_that_was_off_for_a_week_forgets_nothing_and_hours_at_work_add_up() {
    let (folder, t0) = (tempfile::tempdir().unwrap(), crate::clock::now().mono);
    let hour = Duration::from_secs(3_600);
    let mut table = full(folder.path(), t0);
    for round in 0..5 {
        // Five hours at work each, without s3.
        for n in 1..=5 {
            for sensor in (0..SensorNo::LIMIT).filter(|sensor| *sensor != 3) {
                number(&mut table, &format!("s{sensor}"), at(t0 + n * hour, 50)).unwrap();
            }
            let _ = number(&mut table, "wlan0", at(t0 + n * hour, 50));
            table.tend(at(t0 + n * hour, 50), (Epoch(7), BatchSeq(50)), false, none);
        }
        assert_eq!(table.len(), if round < 4 { 256 } else { 255 }, "round {round}");
        // However long the machine is off: another instant, the same hours.
        table = SensorTable::open(folder.path(), Epoch(2), t0).unwrap();
    }
    assert_eq!(table.len(), 255);
}

#[test]
fn skipped_names_release_their_numbers_at_once_and_a_device_that_starts_anew_has_what_it_has() {
    let (folder, t0) = (tempfile::tempdir().unwrap(), crate::clock::now().mono);
    drop(full(folder.path(), t0));
    let mut table = SensorTable::open(folder.path(), Epoch(2), t0).unwrap();
    assert_eq!(number(&mut table, "wlan0", at(t0, 0)), Err(TableFull));
    let oldest = (Epoch(2), BatchSeq(0));
    table.tend(at(t0, 1), oldest, true, |name| name == "s1" || name.starts_with("s2"));
    // They were freed at the start: one of them is given at once.
    assert_eq!(table.len(), 256 - 1 - 1 - 10 - 56 + 1);
    assert_eq!(number(&mut table, "wlan0", at(t0, 2)), Ok(1));

    let later = t0 + GONE_FOR;
    assert_eq!(number(&mut table, "s9", at(later, 3)), Ok(9));
    table.start_anew(at(later, 9), (Epoch(7), BatchSeq(9)));
    // wlan0 was seen at the start, and s9 just now.
    assert_eq!(table.len(), 1);
    assert!(table.described().0.iter().all(|spec| spec.name == "s9"));
}

#[test]
fn what_the_hub_forgot_and_this_run_never_saw_is_gone_before_the_hub_is_told_of_it() {
    let (folder, t0) = (tempfile::tempdir().unwrap(), crate::clock::now().mono);
    drop(full(folder.path(), t0));
    // The agent starts again, and is adopted again a moment later.
    let mut table = SensorTable::open(folder.path(), Epoch(7), t0).unwrap();
    number(&mut table, "s5", at(t0, 0)).unwrap();
    assert_eq!(number(&mut table, "eth0", at(t0, 0)), Err(TableFull));
    table.start_anew(at(t0, 1), (Epoch(7), BatchSeq(0)));
    assert_eq!(table.len(), 1);
    assert!(table.described().0.iter().all(|spec| spec.name == "s5"));
    // What asked before, and does no longer, gets none of the numbers that are free now.
    table.tend(at(t0, 1), (Epoch(7), BatchSeq(0)), true, none);
    assert_eq!((table.len(), number(&mut table, "eth0", at(t0, 1))), (1, Err(TableFull)));
    table.tend(at(t0, 1), (Epoch(7), BatchSeq(0)), true, none);
    assert_eq!((table.len(), number(&mut table, "eth0", at(t0, 1))), (2, Ok(0)));
}

#[test]
fn what_vanished_just_before_the_hub_forgot_it_gives_way_as_soon_as_that_is_clear_and_after_a_restart_too() {
    for restarts in [false, true] {
        let (folder, t0) = (tempfile::tempdir().unwrap(), crate::clock::now().mono);
        let mut table = full(folder.path(), t0);
        table.start_anew(at(t0, 9), (Epoch(7), BatchSeq(9)));
        assert_eq!(table.len(), 256);
        if restarts {
            table = SensorTable::open(folder.path(), Epoch(7), t0).unwrap();
        }
        let just_before = t0 + GONE_FOR - Duration::from_secs(1);
        number(&mut table, "s7", at(just_before, 10)).unwrap();
        table.tend(at(just_before, 10), (Epoch(7), BatchSeq(10)), true, none);
        assert_eq!(table.len(), 256);
        table.tend(at(t0 + GONE_FOR, 11), (Epoch(7), BatchSeq(11)), true, none);
        assert_eq!(table.len(), 1);
        // It ends there: what is away for a while later on keeps its number.
        table.tend(at(t0 + 9 * GONE_FOR, 12), (Epoch(7), BatchSeq(20)), true, none);
        assert_eq!(
            (table.len(), fs::read_to_string(folder.path().join("sensors")).unwrap().contains("outlived")),
            (1, false)
        );
    }
}

#[test]
fn of_a_table_in_which_nothing_is_in_use_the_hub_is_told_nothing() {
    let (folder, t0) = (tempfile::tempdir().unwrap(), crate::clock::now().mono);
    drop(full(folder.path(), t0));
    let mut table = SensorTable::open(folder.path(), Epoch(9), t0).unwrap();
    table.start_anew(at(t0, 1), (Epoch(9), BatchSeq(0)));
    assert_eq!(table.described().0, []);
}

#[test]
fn a_table_that_is_lost_begins_another_numbering() {
    let (folder, now) = (tempfile::tempdir().unwrap(), crate::clock::now().mono);
    let numbering = |epoch| SensorTable::open(folder.path(), Epoch(epoch), now).unwrap().described().2;
    assert_eq!(numbering(1), Numbering::FIRST);
    fs::remove_file(folder.path().join("sensors")).unwrap();
    let anew = Numbering { epoch: Epoch(5), seq: BatchSeq(0) };
    assert_eq!((numbering(5), numbering(6)), (anew, anew));
    assert_eq!(
        SensorTable::new(now).number((&"x".repeat(65), ""), "", SensorKind::Gauge, 0, at(now, 0)),
        Err(TableFull)
    );
}

/// A source, and the name that the configuration gives it.
fn giver(key: &str, name: Option<&str>) -> Giver {
    Giver { key: key.to_owned(), label: format!("the {key}"), name: name.map(str::to_owned) }
}

/// What the sensor is called, once it has a number.
fn called(table: &mut SensorTable, name: &str, by: &str, now: Instant) -> String {
    let apart = table.told_apart(name, by).map(|apart| apart.name);
    let name = apart.unwrap_or_else(|| name.to_owned());
    let number = table.number((&name, by), "1", SensorKind::Gauge, 1000, at(now, 0)).unwrap();
    table.described().0[usize::from(number.0)].name.clone()
}

#[test]
fn a_name_has_one_source_also_after_a_restart_and_while_the_first_is_silent() {
    let (folder, now) = (tempfile::tempdir().unwrap(), crate::clock::now().mono);
    let open = |givers: &[Giver]| {
        let mut table = SensorTable::open(folder.path(), Epoch(1), now).unwrap();
        table.set_givers(givers.to_vec());
        table
    };
    let givers = [giver("file tank", Some("tank")), giver("listen", None), giver("exec", None)];
    let mut table = open(&givers);
    // By the configuration before anything came, else by who was first.
    let machine = called(&mut table, "tank", "", now);
    assert!(machine.starts_with("tank-"), "{machine}");
    let apart = table.told_apart("tank", "").unwrap();
    assert_eq!((&*apart.by, apart.owner.as_deref()), ("this machine", Some("the file tank")));
    assert_eq!(called(&mut table, "tank", "file tank", now), "tank");
    assert_eq!(called(&mut table, "temp", "", now), "temp");
    let (pushed, printed) = (called(&mut table, "temp", "listen", now), called(&mut table, "temp", "exec", now));
    assert!(pushed.starts_with("temp-") && printed.starts_with("temp-") && pushed != printed, "{pushed} {printed}");
    assert_eq!(table.number(("temp", "exec"), "1", SensorKind::Gauge, 1000, at(now, 0)), Err(TableFull));
    assert_eq!(called(&mut table, "late", "listen", now), "late");
    table.sync().unwrap();

    // The other way round, and the machine has one that was pushed before.
    let mut table = open(&givers);
    assert_eq!(called(&mut table, "temp", "listen", now), pushed);
    assert!(called(&mut table, "late", "", now).starts_with("late-"));
    assert_eq!(called(&mut table, "temp", "", now), "temp");
    assert_eq!(called(&mut table, "tank", "", now), machine);
    table.sync().unwrap();

    // What no source of the configuration gives any more is there for another; what was told apart stays it.
    let mut table = open(&[giver("listen on another port", None)]);
    assert_eq!(called(&mut table, "tank", "listen on another port", now), "tank");
    assert_eq!(called(&mut table, "tank", "", now), machine);
}

#[test]
fn a_table_of_an_earlier_version_learns_who_gives_what_and_remembers_it() {
    let (folder, now) = (tempfile::tempdir().unwrap(), crate::clock::now().mono);
    let mut table = SensorTable::open(folder.path(), Epoch(1), now).unwrap();
    number(&mut table, "temp", at(now, 0)).unwrap();
    number(&mut table, "tank", at(now, 0)).unwrap();
    table.sync().unwrap();
    let text = fs::read_to_string(folder.path().join("sensors")).unwrap();
    assert!(!text.contains("\"by\""), "{text}");
    let givers = vec![giver("file tank", Some("tank")), giver("listen", None)];
    let mut table = SensorTable::open(folder.path(), Epoch(2), now).unwrap();
    table.set_givers(givers.clone());
    assert_eq!(called(&mut table, "temp", "", now), "temp");
    assert!(called(&mut table, "tank", "listen", now).starts_with("tank-"));
    table.tend(at(now, 1), (Epoch(2), BatchSeq(0)), false, none);
    let mut table = SensorTable::open(folder.path(), Epoch(3), now).unwrap();
    table.set_givers(givers);
    assert!(called(&mut table, "temp", "listen", now).starts_with("temp-"));
}

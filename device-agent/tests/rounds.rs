//! Rounds as the agent runs them: begun at an interval, taken in as answers come. What a file was a round ago does not stay.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use device_agent::clock;
use device_agent::sensor::{Host, Samples};
use rustix::fs::{CWD, Mode, mkfifoat};

const CHIP: &str = "sys/class/hwmon/hwmon0";
const PROBES: usize = 8;

#[test]
fn a_file_that_is_written_or_replaced_says_in_the_next_round_what_is_in_it() {
    let root = chip();
    let mut host = Host::new(root.path(), Vec::new());
    for round in 0..4 {
        // What is told is of now from the first time on, and once all are told none is under way.
        let told = until_whole(&mut host);
        let values: Vec<f64> = told.iter().filter_map(|values| values.get("temp.chip.1")).copied().collect();
        let is_whole = told.last().is_some_and(|values| values.len() == PROBES);
        assert!(is_whole && values.iter().all(|value| *value == 20.0 + f64::from(round)), "round {round}: {told:?}");
        let (file, value) = (root.path().join(CHIP).join("temp1_input"), format!("{}000\n", 21 + round));
        if round % 2 == 0 {
            fs::write(&file, value).unwrap();
        } else {
            replace(&file, |file| fs::write(file, value).unwrap());
        }
    }
}

#[test]
fn a_file_that_ceases_to_answer_holds_up_no_other_of_its_chip_and_comes_back() {
    let root = chip();
    let mut host = Host::new(root.path(), Vec::new());
    assert_eq!(until_whole(&mut host).last().map(HashMap::len), Some(PROBES));
    // Its `/proc` is empty.
    let failing = host.troubles().count();
    let file = root.path().join(CHIP).join("temp3_input");
    replace(&file, |file| mkfifoat(CWD, file, Mode::RUSR | Mode::WUSR).unwrap());
    // All the others are told, from the first round in which it is silent to the one in which it is named, and on.
    let (mut named, mut whole, mut rounds) = (0, 0, 0);
    for _ in 0..200 {
        let values = round_of(&mut host);
        assert!(!values.contains_key("temp.chip.3"), "{values:?}");
        (whole, rounds) = (whole + usize::from(values.len() == PROBES - 1), rounds + 1);
        let said = host.troubles().find(|trouble| trouble.source == "hwmon");
        named += usize::from(said.is_some_and(|trouble| trouble.error == format!("/{CHIP}/temp3_input: no answer")));
        if named == 3 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(named, 3, "{:?}", host.troubles().collect::<Vec<_>>());
    // On a busy machine one may end before all are back.
    assert!(whole > rounds / 2, "{whole} of {rounds} rounds were whole");
    replace(&file, |file| fs::write(file, "51000\n").unwrap());
    let back = (0..200).any(|_| round_of(&mut host).get("temp.chip.3") == Some(&51.0));
    assert!(back && host.troubles().count() == failing, "{:?}", host.troubles().collect::<Vec<_>>());
}

/// Rounds, up to one that has all: on a busy machine one may end before all are back. Within ten seconds.
fn until_whole(host: &mut Host) -> Vec<HashMap<String, f64>> {
    let deadline = clock::now().mono + Duration::from_secs(10);
    let mut told = vec![round_of(host)];
    while told.last().is_some_and(|values| values.len() < PROBES) && clock::now().mono < deadline {
        told.push(round_of(host));
    }
    told
}

/// What a round gave, within ten seconds.
fn round_of(host: &mut Host) -> HashMap<String, f64> {
    let deadline = clock::now().mono + Duration::from_secs(10);
    host.begin(clock::now());
    while !host.has_some() && clock::now().mono < deadline {
        std::thread::sleep(Duration::from_millis(5));
        host.collect(clock::now(), |_, _| {});
    }
    taken(host).into_iter().collect()
}

fn taken(host: &mut Host) -> Vec<(String, f64)> {
    let mut samples = Samples::default();
    if host.has_some() {
        host.take(&mut samples);
    }
    samples.iter().map(|sample| (sample.name.to_owned(), sample.value)).collect()
}

/// Puts something else in the place of a file, at once, as `mv` does.
fn replace(file: &Path, make: impl FnOnce(&Path)) {
    let fresh = file.with_extension("fresh");
    make(&fresh);
    fs::rename(&fresh, file).unwrap();
}

fn chip() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join(CHIP)).unwrap();
    fs::write(root.path().join(CHIP).join("name"), "chip\n").unwrap();
    for probe in 1..=PROBES {
        fs::write(root.path().join(CHIP).join(format!("temp{probe}_input")), format!("{}000\n", 19 + probe)).unwrap();
    }
    root
}

//! P1: no power cut takes an acknowledged reading back.
//!
//! A real hub runs on the recording disk; a device that shares no code with it notes each acknowledgement into the same log
//! as it comes. Then the power is cut at random places of that log, what a disk may hold then is put together, and the
//! store opens it. That the test sees a loss is shown with the same log and a disk that only pretends to sync.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use telemetry_hub::identity;
use wire::BatchSeq;

use crate::dice::Dice;
use crate::disk::Disk;
use crate::ledger::{holdings, open};
use crate::replay::{Change, Honesty, Platter, changes, note_acknowledged};
use crate::soak;
use crate::support::HubProcess;
use crate::support::device::FakeDevice;

const START: i64 = 1_700_000_000_000;

#[test]
fn no_power_cut_takes_an_acknowledged_reading_back() {
    let seed = std::env::var("POWER_CUT_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let (cuts, subsets, sessions) = if soak() { (2_000, 4, 6) } else { (200, 1, 3) };
    let log = record(sessions);
    let log = changes(&log);
    let acked = log.iter().filter(|change| change.what == b'A').count();
    assert!(acked > 100, "only {acked} batches were acknowledged: nothing was tested");
    let checkpointed = log.iter().filter(|change| change.what == b'W' && change.path == "telemetry.db").count();
    assert!(checkpointed > 10, "no checkpoint was recorded");

    let honest = replay(&log, Honesty::Honest, seed, cuts, subsets);
    assert!(honest.is_empty(), "seed {seed}: {} of {cuts} cuts: {}", honest.len(), honest.join("\n"));
    let blind = replay(&log, Honesty::Liar, seed, 20, 1);
    assert!(!blind.is_empty(), "a disk that never syncs lost nothing: this test sees nothing");
    eprintln!(
        "power cuts: {cuts} x {subsets} over {} changes and {acked} acknowledgements, 0 lost; without syncs {} of 20 lost",
        log.len(),
        blind.len()
    );
}

/// Runs a hub on the recording disk, with restarts of both kinds, and gives the log.
fn record(sessions: u32) -> Vec<u8> {
    let home = tempfile::tempdir().unwrap();
    let (root, log) = (home.path().join("data"), home.path().join("log"));
    std::fs::create_dir(&root).unwrap();
    let disk = Disk { root: root.clone(), log: Some(log.clone()), ..Disk::default() };
    let mut hub = HubProcess::on(root, "token", disk.environment());
    let mut device = FakeDevice::new(hub.udp, &hub.join_token(1), START);
    let mut noted = BTreeSet::new();
    for session in 0..sessions {
        let until = Instant::now() + Duration::from_millis(1_500);
        while Instant::now() < until {
            (0..6).for_each(|_| device.make());
            device.exchange(Duration::from_millis(40));
            for seq in (0..device.made()).filter(|seq| device.acked.contains(BatchSeq(*seq))) {
                if noted.insert(seq) {
                    note_acknowledged(&log, seq);
                }
            }
        }
        // An orderly end checkpoints; a kill leaves the log for the next start to read.
        if session % 2 == 0 {
            hub.terminate();
        }
        hub.restart();
    }
    hub.terminate();
    std::fs::read(log).unwrap()
}

/// Cuts the power at `cuts` random places and gives what went wrong.
fn replay(log: &[Change<'_>], honesty: Honesty, seed: u64, cuts: usize, subsets: u64) -> Vec<String> {
    let mut dice = Dice::new(seed);
    let mut places: Vec<usize> = (0..cuts).map(|_| dice.below(log.len() as u64) as usize).collect();
    places.sort_unstable();
    let problems = Mutex::new(Vec::new());
    let (images, waiting) = sync_channel::<(usize, Vec<(String, Vec<u8>)>, BTreeSet<u64>)>(2);
    // Goes with those who examine: without them nobody may wait for a place.
    let waiting = Arc::new(Mutex::new(waiting));
    let problems_of = &problems;
    std::thread::scope(|scope| {
        for waiting in [Arc::clone(&waiting), waiting] {
            scope.spawn(move || {
                loop {
                    let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok((place, image, acked)) = next else { break };
                    if let Err(problem) = examine(&image, &acked) {
                        problems_of.lock().unwrap().push(format!("cut after change {place}: {problem}"));
                    }
                }
            });
        }
        let (mut platter, mut acked, mut done) = (Platter::new(honesty), BTreeSet::new(), 0);
        for place in places {
            for change in &log[done..place] {
                if change.what == b'A' {
                    acked.insert(change.offset);
                }
                platter.apply(change);
            }
            done = place;
            for _ in 0..subsets {
                images.send((place, platter.cut(&mut dice), acked.clone())).unwrap();
            }
        }
        drop(images);
    });
    problems.into_inner().unwrap()
}

/// Opens what the cut left, as the next start of a hub would.
fn examine(image: &[(String, Vec<u8>)], acked: &BTreeSet<u64>) -> Result<(), String> {
    let memory = Path::new("/dev/shm");
    let home = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    for (name, content) in image {
        std::fs::write(home.path().join(name), content).unwrap();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let store = open(home.path()).map_err(|error| format!("does not open: {error}"))?;
        identity::load_or_create(&store).await.map_err(|error| format!("its identity: {error}"))?;
        let found = holdings(&store, START).await;
        let lost = found.lost(acked);
        if !lost.is_empty() || !found.torn.is_empty() || found.doubled + found.wrong > 0 {
            return Err(format!(
                "of {} acknowledged batches lost {lost:?}, torn {:?}, {} readings twice, {} wrong",
                acked.len(),
                found.torn,
                found.doubled,
                found.wrong
            ));
        }
        store.close().await.unwrap();
        let conn = rusqlite::Connection::open(home.path().join("telemetry.db")).map_err(|error| error.to_string())?;
        let verdict: String = conn
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .map_err(|error| format!("integrity check: {error}"))?;
        if verdict == "ok" { Ok(()) } else { Err(format!("integrity check: {verdict}")) }
    })
}

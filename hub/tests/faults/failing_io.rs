//! P11: each call on the disk fails once, as SQLite's own tests do it: the store goes on or ends with a text, never
//! panics, never syncs again what failed to sync, and nothing acknowledged is gone.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use wire::BatchSeq;

use crate::dice::Dice;
use crate::disk::Disk;
use crate::driver;
use crate::ledger::{holdings, open};
use crate::replay::changes;
use crate::soak;
use crate::support::device::{FakeDevice, READINGS};
use crate::support::{HubProcess, Stopped};

/// Calls the driver makes, about; beyond the last one nothing fails.
const CALLS: u64 = 2_000;

#[test]
fn whichever_call_fails_nothing_acknowledged_is_lost_and_no_sync_is_tried_again() {
    let plans = plans();
    let (next, tally) = (AtomicUsize::new(0), Mutex::new((Vec::new(), 0, 0, 0)));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(plan) = plans.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = run(plan);
                    let mut tally = tally.lock().unwrap();
                    match outcome {
                        Ok(seen) => {
                            tally.1 += usize::from(seen.failed);
                            tally.2 += usize::from(seen.ended);
                            tally.3 += usize::from(seen.sync_failed);
                        }
                        Err(problem) => tally.0.push(format!("{plan}: {problem}")),
                    }
                }
            });
        }
    });
    let (problems, failed, ended, syncs) = tally.into_inner().unwrap();
    assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), plans.len(), problems.join("\n"));
    let many = plans.len() > 1;
    assert!(
        !many || failed > plans.len() / 4 && ended > 0 && syncs > 10,
        "hardly anything failed: {failed}, {ended}, {syncs}"
    );
    eprintln!("{} runs: in {failed} a call failed, {ended} ended by it, {syncs} by a failed sync; 0 lost", plans.len());
}

/// Which call fails, and how: all of them, some of them, or the one that `FAILING_CALL` names.
fn plans() -> Vec<String> {
    if let Ok(plan) = std::env::var("FAILING_CALL") {
        return vec![plan];
    }
    let kinds = ["eio", "eio+", "enospc", "short"];
    if soak() {
        let calls = (1..=CALLS).flat_map(|call| kinds.map(|kind| format!("{call}:{kind}")));
        return calls.chain((1..=100).map(|sync| format!("{sync}:sync"))).collect();
    }
    let mut dice = Dice::new(7);
    // Dense where the files are made, sparse after: what follows repeats itself.
    let calls = (0..80).map(|n| {
        let call = if n < 40 { 1 + dice.below(160) } else { 1 + dice.below(600) };
        format!("{call}:{}", kinds[dice.below(4) as usize])
    });
    calls.chain((1..=60).step_by(2).map(|sync| format!("{sync}:sync"))).collect()
}

struct Seen {
    failed: bool,
    ended: bool,
    sync_failed: bool,
}

fn run(plan: &str) -> Result<Seen, String> {
    let home = tempfile::tempdir_in(std::env::temp_dir()).unwrap();
    let (root, log) = (home.path().join("data"), home.path().join("log"));
    std::fs::create_dir(&root).unwrap();
    let disk = Disk { root: root.clone(), log: Some(log.clone()), fail: Some(plan.to_owned()), ..Disk::default() };
    let output = driver::run(&disk);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let acked = driver::acked(&output);
    if said.contains("panicked") || output.status.signal().is_some() {
        return Err(format!("{}: {said}", output.status));
    }
    if !output.status.success() && !said.contains("error: ") {
        return Err(format!("ended without a word: {}", output.status));
    }
    let log = std::fs::read(log).unwrap_or_default();
    let log = changes(&log);
    let failure = log.iter().position(|change| change.what == b'E');
    let mut sync_failed = false;
    if let Some(failure) = failure.filter(|at| log[*at].data == b"S") {
        sync_failed = true;
        // Before there is a log nothing is acknowledged, and SQLite makes an empty file again of what failed to sync.
        let logged = log[..failure].iter().any(|change| change.path == "telemetry.db-wal");
        let holds = |path: &str| logged && (path == "telemetry.db" || path == "telemetry.db-wal");
        let path = log[failure].path;
        if log[failure + 1..].iter().any(|change| change.what == b'S' && change.path == path && holds(path)) {
            return Err(format!("{path} was synced again after its sync failed"));
        }
        if output.status.success() && holds(path) {
            return Err(format!("went on although {path} could not be synced"));
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let store = open(&root).map_err(|error| format!("does not open again: {error}"))?;
        let found = holdings(&store, driver::START).await;
        let lost = found.lost(&acked);
        store.close().await.unwrap();
        if !lost.is_empty() || !found.torn.is_empty() || found.doubled + found.wrong > 0 {
            return Err(format!("of {} acknowledged lost {lost:?}, torn {:?}", acked.len(), found.torn));
        }
        Ok(())
    })?;
    Ok(Seen { failed: failure.is_some(), ended: !output.status.success(), sync_failed })
}

/// The hub itself: a sync fails under load, it ends with a text and code 1, and goes on where it was.
#[test]
fn a_hub_whose_disk_fails_to_sync_ends_with_a_text_and_goes_on_from_what_is_on_disk() {
    let mut hub = HubProcess::start("token");
    let mut device = FakeDevice::new(hub.udp, &hub.join_token(1), driver::START);
    for call in [150, 260, 410] {
        let disk = Disk { root: hub.data.clone(), fail: Some(format!("{call}:eio+")), ..Disk::default() };
        hub.kill();
        let child = Command::new(crate::support::hub_program())
            .args(["serve", "--discovery", "off", "--join", "token", "--http", &hub.http.to_string()])
            .args(["--udp", &hub.udp.to_string(), "--data"])
            .arg(&hub.data)
            .envs(disk.environment())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut failing = Stopped(child.unwrap());
        let until = Instant::now() + Duration::from_secs(20);
        let status = loop {
            (0..6).for_each(|_| device.make());
            device.exchange(Duration::from_millis(50));
            if let Some(status) = failing.0.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < until, "the hub goes on with a disk that fails every call");
        };
        let mut said = String::new();
        std::io::Read::read_to_string(&mut failing.0.stderr.take().unwrap(), &mut said).unwrap();
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains("ERROR") && !said.contains("panicked"), "{said}");
        hub.restart();
        device.settle();
    }
    let acked: BTreeSet<u64> = (0..device.made()).filter(|seq| device.acked.contains(BatchSeq(*seq))).collect();
    assert_eq!(hub.count(), acked.len() as u64 * READINGS);
}

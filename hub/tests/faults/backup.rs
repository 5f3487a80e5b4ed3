//! P17: a backup taken while readings come in restores to a hub with everything that was acknowledged before it.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use wire::BatchSeq;

use crate::ledger::{holdings, open};
use crate::soak;
use crate::support::beside::Over;
use crate::support::device::FakeDevice;
use crate::support::{HubProcess, eventually, hub_program};

const START: i64 = 1_700_000_000_000;

#[test]
fn a_backup_under_load_holds_all_that_was_acknowledged_and_devices_go_on_with_it() {
    let backups = if soak() { 100 } else { 10 };
    let mut hub = HubProcess::start("token");
    let mut device = FakeDevice::new(hub.udp, &hub.join_token(1), START);
    let (over, acked) = (Arc::<Over>::default(), Arc::new(Mutex::new((BTreeSet::new(), 0))));
    let end = over.at_the_end();
    let sender = {
        let (over, acked) = (Arc::clone(&over), Arc::clone(&acked));
        std::thread::spawn(move || {
            while !over.yet() {
                (0..8).for_each(|_| device.make());
                // Known to be under way before any of it can be on disk.
                acked.lock().unwrap().1 = device.made();
                device.exchange(Duration::from_millis(60));
                let mut acked = acked.lock().unwrap();
                acked.0.extend((0..device.made()).filter(|seq| device.acked.contains(BatchSeq(*seq))));
            }
            device
        })
    };
    eventually("readings under way", Duration::from_secs(20), || (acked.lock().unwrap().0.len() > 50).then_some(()));
    let home = tempfile::tempdir().unwrap();
    // One name: each replaces the one before, whole.
    let file = home.path().join("hub.backup");
    for n in 0..backups {
        let before = acked.lock().unwrap().0.clone();
        let said = hub.output(&["backup", file.to_str().unwrap()]);
        assert!(said.contains("1 device, 1 sensor, checked"), "{said}");
        let made = acked.lock().unwrap().1;
        let restored = home.path().join(format!("restored-{n}"));
        restore(&file, &restored).unwrap();
        audit(&restored, &before, made);
        std::thread::sleep(Duration::from_millis(30));
    }
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let partial = |name: &str| name.ends_with(".partial");
    let left =
        std::fs::read_dir(home.path()).unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    assert_eq!(left.filter(|name| partial(name)).collect::<Vec<_>>(), [""; 0]);
    drop(end);
    let mut device = sender.join().unwrap();

    // The hub burns down; a restored one takes its place at the same addresses.
    hub.kill();
    let (made, token) = (device.made(), hub.token.clone());
    hub.data = home.path().join("in its place");
    restore(&file, &hub.data).unwrap();
    hub.restart();
    assert_eq!(hub.token, token, "the API token of before works");
    eventually("the device goes on without being adopted again", Duration::from_secs(30), || {
        if device.made() < made + 20 {
            device.make();
        }
        device.exchange(Duration::from_millis(200));
        (device.acked.contains(BatchSeq(made + 19))).then_some(())
    });
}

fn audit(dir: &Path, acked_before: &BTreeSet<u64>, made_after: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let store = open(dir).unwrap();
        let found = holdings(&store, START).await;
        assert_eq!(found.lost(acked_before), Vec::<u64>::new(), "acknowledged before the backup, and not in it");
        assert!(found.torn.is_empty() && found.doubled == 0 && found.wrong == 0, "{found:?}");
        assert!(found.whole.iter().all(|seq| *seq < made_after), "readings from the future");
        store.close().await.unwrap();
    });
}

fn restore(file: &Path, dir: &Path) -> Result<String, String> {
    let done = Command::new(hub_program()).arg("restore").arg(file).arg("--data").arg(dir).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if done.status.success() { Ok(text(done.stdout)) } else { Err(text(done.stderr)) }
}

#[test]
fn what_is_no_backup_and_where_something_lies_already_is_refused_and_nothing_touched() {
    let hub = HubProcess::start("token");
    let home = tempfile::tempdir().unwrap();
    let (file, other, new) = (home.path().join("a.backup"), home.path().join("notes.txt"), home.path().join("new"));
    std::fs::write(&other, "keep me").unwrap();

    let done = Command::new(hub_program()).arg("backup").arg(&other).arg("--data").arg(&hub.data).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(!done.status.success() && said.contains("notes.txt") && said.contains("is not a backup"), "{said}");
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "keep me");

    let said = restore(&other, &new).unwrap_err();
    assert!(said.contains("notes.txt") && !new.exists(), "{said}");

    hub.output(&["backup", file.to_str().unwrap()]);
    let said = restore(&file, home.path()).unwrap_err();
    assert!(said.contains("already has files"), "{said}");

    // Cut short on its way, as a copy over a bad line might be.
    let content = std::fs::read(&file).unwrap();
    std::fs::write(&file, &content[..content.len() / 2]).unwrap();
    let said = restore(&file, &new).unwrap_err();
    assert!(said.contains("a.backup") || said.contains("malformed"), "{said}");
    assert!(!new.exists(), "half a hub was left behind");
}

//! P9: a full disk stops the acknowledging, nothing else: reads, the live view and alerts go on, also the one that tells of
//! it; and the hub goes on by itself when there is room.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use wire::{BatchSeq, Lane};

use crate::soak;
use crate::support::device::{FakeDevice, READINGS};
use crate::support::webhook_sink::{Answer, WebhookSink};
use crate::support::{HubProcess, eventually, skipped};
use crate::viewer::Viewer;

const START: i64 = 1_700_000_000_000;

#[test]
fn a_full_tmpfs_loses_nothing_and_is_recovered_from_without_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let Some(disk) = Mount::make(home.path(), &["-t", "tmpfs", "-o", "size=64m", "none"]) else { return };
    fill_and_free(&disk, if soak() { 50 } else { 5 });
}

#[test]
fn a_full_ext4_loses_nothing_and_is_recovered_from_without_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let image = home.path().join("image");
    std::fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
    let made = Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&image).status();
    if !made.is_ok_and(|made| made.success()) {
        skipped("mkfs.ext4");
        return;
    }
    let Some(disk) = Mount::make(home.path(), &["-o", "loop", image.to_str().unwrap()]) else { return };
    fill_and_free(&disk, if soak() { 50 } else { 2 });
}

#[test]
fn what_is_set_apart_is_enough_to_delete_on_a_full_disk() {
    let home = tempfile::tempdir().unwrap();
    let Some(disk) = Mount::make(home.path(), &["-t", "tmpfs", "-o", "size=64m", "none"]) else { return };
    let data = disk.0.join("data");
    std::fs::create_dir(&data).unwrap();
    let hub = HubProcess::on(data, "token", Vec::new());
    let mut gone = FakeDevice::new(hub.udp, &hub.join_token(1), START);
    let mut kept = FakeDevice::new(hub.udp, &hub.join_token(1), START);
    // As much as the log may hold before it is copied back, several times.
    (0..4).for_each(|_| gone.deliver(500));
    let first = hub.get("/api/v1/devices")["items"][0]["id"].clone();
    kept.deliver(100);
    let filler = fill(&disk.0);
    eventually("the full disk is noticed", Duration::from_secs(30), || {
        exchange(&mut kept, 40);
        (hub.status("GET", "/readyz", None) == Some(503)).then_some(())
    });
    let path = format!("/api/v1/devices/{}", first.as_str().unwrap());
    assert_eq!(hub.status("DELETE", &path, None), Some(204), "deleted with nothing but the ballast left");
    assert_eq!(hub.status("GET", &path, None), Some(404));
    std::fs::remove_file(&filler).unwrap();
    kept.deliver(20);
    assert_eq!(hub.count(), kept.made() * READINGS, "and nothing else is gone");
}

fn fill_and_free(disk: &Mount, times: u32) {
    let data = disk.0.join("data");
    std::fs::create_dir(&data).unwrap();
    let mut hub = HubProcess::on(data, "token", Vec::new());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sink = runtime.block_on(WebhookSink::answering([Answer::Status(200)]));
    hub.tell(&sink.url());
    let mut device = FakeDevice::new(hub.udp, &hub.join_token(1), START);
    let mut watched = FakeDevice::new(hub.udp, &hub.join_token(1), 0);
    device.deliver(100);
    watched.make_now(Lane::Live, 1.0);
    watched.settle();
    let viewer = Viewer::open(&hub, "ledger");
    let mut slowest = Duration::ZERO;
    for time in 1..=times as usize {
        let filler = fill(&disk.0);
        eventually("the full disk is noticed", Duration::from_secs(30), || {
            exchange(&mut device, 40);
            (hub.status("GET", "/readyz", None) == Some(503)).then_some(())
        });
        // What devices say is heard all the same (a value that the other device has not): shown, once, and told where it matters.
        watched.make_now(Lane::Live, 60.05 + time as f64);
        eventually("alerts are told on a full disk", Duration::from_secs(30), || {
            watched.exchange(Duration::from_millis(100));
            let told = sink.told();
            let count = |what: &str| told.iter().filter(|told| *told == what).count();
            (count("hub.disk_full alert.firing") == time && count("high alert.firing") == time).then_some(())
        });
        assert_ne!(watched.acknowledged(), watched.made(), "acknowledged on a full disk");
        eventually("seen on the page", Duration::from_secs(5), || {
            (viewer.rows().iter().filter(|row| row.1 == 60.05 + time as f64).count() == 1).then_some(())
        });
        let before = device.acknowledged();
        // Whatever room the hub let go for deleting is not taken by readings, nor by anybody.
        let more = fill(&disk.0);
        for _ in 0..5 {
            exchange(&mut device, 40);
        }
        assert_eq!(device.acknowledged(), before, "acknowledged on a full disk");
        let said = hub.get("/api/v1/hub")["degraded"].clone();
        assert!(said.as_str().is_some_and(|said| said.contains("full")), "{said}");
        assert!(hub.count() >= before * READINGS, "reads go on");
        assert_eq!(hub.status("GET", "/", None), Some(200), "and the page");
        let metrics = hub.request("GET", "/metrics", None).unwrap().1;
        assert!(metrics.contains("hub_degraded 1"), "the metric says it");
        // Decided with no room left to write it down: owed, and told when there is.
        watched.make_now(Lane::Live, 1.0);
        watched.exchange(Duration::from_millis(500));
        [filler, more].iter().for_each(|file| std::fs::remove_file(file).unwrap());
        let freed = Instant::now();
        eventually("acknowledging again", Duration::from_secs(30), || {
            exchange(&mut device, 0);
            (device.acknowledged() > before).then_some(())
        });
        slowest = slowest.max(freed.elapsed());
        device.deliver(20);
        watched.settle();
        eventually("the end of both is told", Duration::from_secs(30), || {
            let told = sink.told();
            let count = |what: &str| told.iter().filter(|told| *told == what).count();
            (count("hub.disk_full alert.resolved") == time && count("high alert.resolved") == time).then_some(())
        });
        let row = 60.05 + time as f64;
        assert_eq!(viewer.rows().iter().filter(|seen| seen.1 == row).count(), 1, "shown again when it was stored");
        eventually("ready again", Duration::from_secs(5), || {
            (hub.status("GET", "/readyz", None) == Some(200)).then_some(())
        });
    }
    drop(viewer);
    let made = device.made() * READINGS + watched.made();
    assert_eq!(hub.count(), made, "stored == acknowledged == made");
    hub.kill();
    hub.restart();
    assert_eq!(hub.count(), made, "also after a crash");
    assert!((0..device.made()).all(|seq| device.acked.contains(BatchSeq(seq))));
    let (code, _) = hub.terminate();
    assert_eq!(code, Some(0));
    eprintln!(
        "{times} full disks: {} readings, 0 lost, acknowledging again within {slowest:?}",
        device.made() * READINGS
    );
}

fn exchange(device: &mut FakeDevice, batches: u32) {
    (0..batches).for_each(|_| device.make());
    device.exchange(Duration::from_millis(300));
}

/// Takes all room there is.
fn fill(disk: &Path) -> PathBuf {
    let path = (0..).map(|n| disk.join(format!("filler-{n}"))).find(|path| !path.exists()).unwrap();
    let mut file = std::fs::File::create(&path).unwrap();
    // Down to a block of either file system: less is room in a block that is taken already.
    for size in [1 << 20, 4_096] {
        let block = vec![0x5A; size];
        while file.write_all(&block).and_then(|()| file.sync_data()).is_ok() {}
    }
    path
}

/// A file system of its own, gone when dropped.
struct Mount(PathBuf);

impl Mount {
    fn make(home: &Path, what: &[&str]) -> Option<Self> {
        let place = home.join("disk");
        std::fs::create_dir(&place).unwrap();
        let mounted = Command::new("mount").args(what).arg(&place).output();
        if !mounted.is_ok_and(|mounted| mounted.status.success()) {
            skipped("root, and the right to mount");
            return None;
        }
        Some(Self(place))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

//! Files of backups that broke on their way, or that somebody changed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use telemetry_hub::store::{Commit, backup, backup_sealed, is_sealed, restore, restore_sealed};

use crate::scene::{Hub, T0, open};

/// As hubs made it that summed nothing.
const OLD: &str = "CREATE TABLE old AS SELECT made_at, version, secret_key FROM backup;
    DROP TABLE backup;
    CREATE TABLE backup (made_at INTEGER NOT NULL, version TEXT NOT NULL, secret_key BLOB NOT NULL) STRICT;
    INSERT INTO backup SELECT * FROM old;
    DROP TABLE old;";

struct Scene {
    hub: Hub,
    file: PathBuf,
}

impl Scene {
    async fn new() -> Self {
        let hub = Hub::new().await;
        hub.webhook().await;
        let batch = |seq: u64| {
            let readings: Vec<_> = (0..50).map(|n| (0, (seq as i64 * 50 + n) * 1_000, n as f64)).collect();
            hub.batch(seq, &readings)
        };
        hub.store.commit(Commit { batches: (0..10).map(batch).collect(), ..Commit::default() }).await.unwrap();
        let file = hub.dir.path().join("hub.backup");
        backup(hub.dir.path(), &file, &mut |_, _| {}).unwrap();
        Self { hub, file }
    }

    fn restored(&self, file: &Path) -> Result<PathBuf, String> {
        let into = self.hub.dir.path().join("restored");
        let _ = fs::remove_dir_all(&into);
        let outcome = restore(file, &into).map_err(|error| error.to_string());
        assert!(outcome.is_ok() || !into.exists(), "refused, and something was left");
        outcome.map(|_| into)
    }

    /// The backup with something done to it.
    fn changed(&self, sql: &str) -> PathBuf {
        let file = self.hub.dir.path().join("changed.backup");
        fs::copy(&self.file, &file).unwrap();
        Connection::open(&file).unwrap().execute_batch(sql).unwrap();
        file
    }
}

#[tokio::test]
async fn a_bit_that_flipped_anywhere_in_a_backup_is_found() {
    let scene = Scene::new().await;
    let whole = fs::read(&scene.file).unwrap();
    let broken = scene.hub.dir.path().join("broken.backup");
    for n in 0..120 {
        let mut bytes = whole.clone();
        // All over the file, and more of its first and last bytes.
        let at = match n {
            0..40 => n * 7,
            40..60 => whole.len() - 1 - (n - 40) * 3,
            _ => (n - 60) * whole.len() / 60,
        };
        bytes[at] ^= 1 << (n % 8);
        fs::write(&broken, bytes).unwrap();
        assert!(scene.restored(&broken).is_err(), "bit {} of byte {at} of {}", n % 8, whole.len());
    }
    for cut in [1, 48, 4_096] {
        fs::write(&broken, &whole[..whole.len() - cut]).unwrap();
        assert!(scene.restored(&broken).is_err(), "{cut} bytes less");
    }
    let folder = scene.restored(&scene.file).unwrap();
    let hub = open(&folder, None).unwrap();
    assert_eq!(hub.readings(scene.hub.series[0], T0, T0.plus(600_000), 1_000).await.unwrap().points.len(), 500);
}

#[tokio::test]
async fn what_no_hub_makes_is_not_restored() {
    let scene = Scene::new().await;
    let old = scene.changed(OLD);
    assert!(scene.restored(&old).is_ok(), "an older hub's");
    for sql in [
        "CREATE TRIGGER mine AFTER INSERT ON token BEGIN UPDATE token SET scope = 2; END",
        "CREATE VIEW mine AS SELECT 1",
        "CREATE TABLE mine (a)",
        "CREATE INDEX mine ON device (name)",
        "ALTER TABLE device ADD COLUMN mine INTEGER",
        "DROP TRIGGER device_changed",
    ] {
        let refused = scene.restored(&scene.changed(&format!("{OLD} {sql};"))).unwrap_err();
        assert!(refused.contains("that no hub makes"), "{sql}: {refused}");
        assert!(scene.restored(&scene.changed(sql)).unwrap_err().contains("damaged"), "{sql}");
    }
}

#[tokio::test]
async fn a_sealed_backup_opens_with_its_passphrase_and_with_no_other() {
    let scene = Scene::new().await;
    let (folder, file) = (scene.hub.dir.path(), scene.hub.dir.path().join("sealed.age"));
    let sealed = |passphrase| backup_sealed(folder, &file, passphrase, &mut |_, _| {});
    let held = sealed("correct horse").unwrap();
    let bytes = fs::read(&file).unwrap();
    assert_eq!(held.bytes, bytes.len() as u64);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(is_sealed(&file).unwrap() && !is_sealed(&scene.file).unwrap());
    assert!(!bytes.windows(15).any(|some| some == b"SQLite format 3"));
    assert!(!folder.join("backup.partial").exists(), "nothing lies open beside it");

    let into = folder.join("opened");
    let error = restore_sealed(&file, &into, "battery staple").unwrap_err().to_string();
    assert!(error.contains("sealed.age: does not open with this passphrase") && !into.exists(), "{error}");
    let mut broken = bytes;
    *broken.last_mut().unwrap() ^= 1;
    fs::write(folder.join("broken.age"), &broken).unwrap();
    let error = restore_sealed(&folder.join("broken.age"), &into, "correct horse").unwrap_err().to_string();
    assert!(error.contains("broken.age: is damaged or cut off") && !into.exists(), "{error}");
    assert_eq!(restore_sealed(&file, &into, "correct horse").unwrap().devices, 1);
    let names: Vec<_> = fs::read_dir(&into).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| name == "telemetry.db" || name == "secret.key"), "{names:?}");
    let all = |file: &Path| -> i64 {
        Connection::open(file).unwrap().query_row("SELECT COUNT(*) FROM journal", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(all(&into.join("telemetry.db")), 10);

    // Only what the same passphrase opens gives way to the next.
    assert!(sealed("correct horse").is_ok());
    let error = sealed("battery staple").unwrap_err().to_string();
    assert!(error.contains("sealed.age: already exists and is not a backup that this passphrase opens"), "{error}");
    let error = backup(folder, &file, &mut |_, _| {}).unwrap_err().to_string();
    assert!(error.contains("already exists and is not a backup"), "{error}");
}

#[tokio::test]
async fn a_pipe_in_the_place_of_a_backup_is_refused_and_not_waited_for() {
    let scene = Scene::new().await;
    let (dir, pipe) = (scene.hub.dir.path(), scene.hub.dir.path().join("pipe"));
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let refused = [
        scene.restored(&pipe).map(drop),
        backup(dir, &pipe, &mut |_, _| {}).map(drop).map_err(|error| error.to_string()),
        backup_sealed(dir, &pipe, "secret words", &mut |_, _| {}).map(drop).map_err(|error| error.to_string()),
        restore_sealed(&pipe, &dir.join("restored"), "secret words").map(drop).map_err(|error| error.to_string()),
        is_sealed(&pipe).map(drop).map_err(|error| error.to_string()),
    ];
    for outcome in refused {
        assert!(outcome.as_ref().is_err_and(|text| text.contains("is a pipe or a device")), "{outcome:?}");
    }
}

//! Root file systems: a fixture, and a real Debian that is fetched once and copied for every test that wants one.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{agent_program, skipped};

/// Whether files can be given to other users here.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// The name of this machine among the targets.
pub fn own_target() -> &'static str {
    match std::env::consts::ARCH {
        "arm" => "armhf",
        other => other,
    }
}

/// The least that a root file system has, for this machine, with a service manager.
pub fn fixture(manager: &str) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &[u8], mode: u32| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    put("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\ntaken:x:999:998::/:/bin/false", 0o644);
    put("etc/group", b"root:x:0:\ntaken:x:998:\n", 0o644);
    put("etc/shadow", b"root:*:19000:0:99999:7:::\n", 0o640);
    put(manager, b"", 0o755);
    let header = &fs::read(agent_program()).unwrap()[..64];
    put("usr/bin/busybox", header, 0o755);
    symlink("usr/bin", root.path().join("bin")).unwrap();
    // Absolute, as Alpine has it: followed in the tree, not here.
    symlink("/bin/busybox", root.path().join("usr/bin/sh")).unwrap();
    root
}

/// Everything below a folder: kind, permissions, owner, content.
pub fn everything(folder: &Path) -> BTreeMap<PathBuf, (u32, u32, u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut ahead = vec![folder.to_owned()];
    while let Some(here) = ahead.pop() {
        for entry in fs::read_dir(here).unwrap() {
            let path = entry.unwrap().path();
            let facts = fs::symlink_metadata(&path).unwrap();
            let content = if facts.is_symlink() {
                fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
            } else if facts.is_dir() {
                ahead.push(path.clone());
                Vec::new()
            } else {
                fs::read(&path).unwrap()
            };
            let name = path.strip_prefix(folder).unwrap().to_owned();
            found.insert(name, (facts.mode(), facts.uid(), facts.gid(), content));
        }
    }
    found
}

/// A copy of a real Debian with systemd and `OpenRC` in it, fetched by debootstrap at the first call and kept in the target
/// folder; `None`, and said, when this machine cannot have it.
pub fn debian() -> Option<tempfile::TempDir> {
    let has = |program: &str| {
        Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap().status.success()
    };
    if !is_root() || !has("debootstrap") || !has("unshare") {
        skipped("root, debootstrap and unshare");
        return None;
    }
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian-bookworm");
    // Two tests may come here at once; the lock goes with the file.
    let lock = fs::File::create(cache.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    if !cache.exists() {
        let making = cache.with_extension("making");
        let _ = fs::remove_dir_all(&making);
        let made = Command::new("debootstrap")
            .args(["--variant=minbase", "--include=systemd,openrc,busybox,curl", "bookworm"])
            .arg(&making)
            .output()
            .unwrap();
        if !made.status.success() {
            skipped("a Debian mirror that debootstrap reaches");
            return None;
        }
        fs::rename(&making, &cache).unwrap();
    }
    let copy = tempfile::tempdir().unwrap();
    let root = copy.path().join("root");
    assert!(Command::new("cp").args(["-a", "--reflink=auto"]).args([&cache, &root]).status().unwrap().success());
    // It needs a service that such a small system lacks, and OpenRC starts nothing then.
    let _ = fs::remove_file(root.join("etc/init.d/hwclock.sh"));
    Some(copy)
}

/// Runs a script in a root file system, in process and mount namespaces of its own, so that nothing of it is left running.
pub fn run_in(root: &Path, script: &str) -> std::process::Output {
    let script = format!("mount -t proc proc /proc\nmkdir -p /run/openrc\ntouch /run/openrc/softlevel\n{script}");
    Command::new("timeout")
        .args(["180", "unshare", "--mount", "--pid", "--fork", "--kill-child"])
        .arg(format!("--root={}", root.display()))
        .args(["/bin/sh", "-c", &script])
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .output()
        .unwrap()
}

//! `install` and `uninstall` below a fixture root: what is there after, once, twice, and after taking it away again.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output};

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\ntaken:x:999:998::/:/bin/false";
const UNIT: &str = "etc/systemd/system/device-agent.service";

#[test]
fn installing_puts_everything_in_place_and_twice_is_once() {
    let root = root("usr/lib/systemd/systemd");
    let flags = ["--hub", "hub.local:5770", "--name", "attic \"box\"", "--label", "room=attic"];
    let output = agent("install", root.path(), &flags);
    assert!(output.status.success(), "{output:?}");
    let unit = read(root.path(), UNIT);
    assert!(
        unit.contains("User=device-agent") && unit.contains("ProtectSystem=strict") && unit.contains("NoNewPrivileges")
    );
    assert!(root.path().join("etc/systemd/system/multi-user.target.wants/device-agent.service").exists());
    let program = fs::metadata(root.path().join("usr/local/bin/device-agent")).unwrap();
    assert_eq!(program.permissions().mode() & 0o777, 0o755);
    assert!(
        read(root.path(), "etc/passwd")
            .ends_with("/bin/false\ndevice-agent:x:997:997::/var/lib/device-agent:/usr/sbin/nologin\n")
    );
    let config = fs::metadata(root.path().join("etc/device-agent.toml")).unwrap();
    assert_eq!((config.permissions().mode() & 0o777, config.gid()), (0o640, 997));
    let layer = device_agent::config::Layer::from_file(&root.path().join("etc/device-agent.toml")).unwrap();
    assert_eq!((layer.name.as_deref(), layer.labels["room"].as_str()), (Some("attic \"box\""), "attic"));
    assert!(!root.path().join("var/lib/device-agent").exists(), "the identity is made at the first start");

    let before = files(root.path());
    assert!(agent("install", root.path(), &flags).status.success());
    assert!(agent("install", root.path(), &[]).status.success(), "without flags the configuration is kept");
    assert_eq!(files(root.path()), before);
}

#[test]
fn a_configuration_that_somebody_changed_is_left_alone() {
    let root = root("usr/lib/systemd/systemd");
    fs::write(root.path().join("etc/device-agent.toml"), "interval = '5s'\n").unwrap();
    let output = agent("install", root.path(), &["--hub", "hub.local:5770"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && text.contains("etc/device-agent.toml") && text.contains("--replace-config"),
        "{text}"
    );
    assert_eq!(read(root.path(), "etc/device-agent.toml"), "interval = '5s'\n");
    assert!(!root.path().join("usr/local/bin/device-agent").exists(), "it is said before anything is done");
    assert!(agent("install", root.path(), &["--hub", "hub.local:5770", "--replace-config"]).status.success());
    assert_eq!(read(root.path(), "etc/device-agent.toml"), "hub = \"hub.local:5770\"\n");
}

#[test]
fn the_service_can_read_a_configuration_that_somebody_else_put_there_and_others_cannot() {
    let root = root("usr/lib/systemd/systemd");
    let path = root.path().join("etc/device-agent.toml");
    fs::write(&path, "hub = 'hub.local:5770'\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(agent("install", root.path(), &[]).status.success());
    let config = fs::metadata(&path).unwrap();
    assert_eq!((config.permissions().mode() & 0o777, config.gid()), (0o640, 997));
    assert_eq!(fs::read_to_string(&path).unwrap(), "hub = 'hub.local:5770'\n");
}

#[test]
fn the_files_of_accounts_keep_their_owners() {
    let root = root("usr/lib/systemd/systemd");
    let shadow = root.path().join("etc/shadow");
    fs::write(&shadow, "root:*:19000:0:99999:7:::\n").unwrap();
    fs::set_permissions(&shadow, fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::chown(&shadow, None, Some(42)).unwrap();
    assert!(agent("install", root.path(), &[]).status.success());
    let after = fs::metadata(&shadow).unwrap();
    assert_eq!((after.permissions().mode() & 0o777, after.gid()), (0o640, 42));
    assert!(read(root.path(), "etc/shadow").ends_with("device-agent:!:::::::\n"));
}

#[test]
fn open_rc_gets_its_own_script() {
    let root = root("sbin/openrc-run");
    assert!(agent("install", root.path(), &[]).status.success());
    assert!(read(root.path(), "etc/init.d/device-agent").starts_with("#!/sbin/openrc-run\n"));
    assert!(fs::symlink_metadata(root.path().join("etc/runlevels/default/device-agent")).is_ok());
    assert!(!root.path().join(UNIT).exists());
}

#[test]
fn uninstalling_keeps_the_state_and_purging_leaves_what_was_there_before() {
    for manager in ["usr/lib/systemd/systemd", "sbin/openrc-run"] {
        let root = root(manager);
        let before = files(root.path());
        assert!(agent("install", root.path(), &["--hub", "hub.local:5770"]).status.success());
        let state = root.path().join("var/lib/device-agent");
        fs::create_dir_all(&state).unwrap();
        fs::write(state.join("identity"), "key").unwrap();
        assert!(agent("uninstall", root.path(), &[]).status.success());
        assert!(state.join("identity").exists() && root.path().join("etc/device-agent.toml").exists());
        assert!(!root.path().join("usr/local/bin/device-agent").exists() && !root.path().join(UNIT).exists());
        assert!(agent("uninstall", root.path(), &["--purge"]).status.success());
        assert!(agent("uninstall", root.path(), &["--purge"]).status.success(), "nothing to do is no failure");
        assert_eq!(files(root.path()).keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
        assert_eq!(read(root.path(), "etc/passwd").trim_end(), PASSWD);
    }
}

#[test]
fn links_in_a_tree_lead_nowhere_outside() {
    let (root, outside) = (root("usr/lib/systemd/systemd"), tempfile::tempdir().unwrap());
    let theirs = outside.path().join("theirs");
    fs::write(&theirs, "theirs").unwrap();
    // A folder elsewhere, by an absolute link, and a link in the way of each file that is written.
    fs::create_dir_all(root.path().join("usr")).unwrap();
    symlink(outside.path(), root.path().join("usr/local")).unwrap();
    for planted in ["etc/passwd.tmp", "etc/group.tmp", "etc/device-agent.toml.tmp"] {
        symlink(&theirs, root.path().join(planted)).unwrap();
    }
    let output = agent("install", root.path(), &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(files(outside.path()).into_values().collect::<Vec<_>>(), [b"theirs"]);
    let inside = root.path().join(outside.path().strip_prefix("/").unwrap());
    assert!(inside.join("bin/device-agent").exists(), "as the device will see it");
    assert!(agent("uninstall", root.path(), &["--purge"]).status.success());
    assert_eq!(files(outside.path()).into_values().collect::<Vec<_>>(), [b"theirs"]);
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_named_and_hangs_nothing() {
    let root = root("usr/lib/systemd/systemd");
    let pipe = root.path().join("etc/device-agent.toml");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let output = agent("install", root.path(), &[]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("device-agent.toml: not a regular file"), "{text}");
}

#[test]
fn a_folder_that_is_no_root_file_system_is_refused() {
    let empty = tempfile::tempdir().unwrap();
    let output = agent("install", empty.path(), &[]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("is not a root file system"), "{text}");
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0);
    let root = root("usr/share/nothing");
    let text = String::from_utf8_lossy(&agent("install", root.path(), &[]).stderr).into_owned();
    assert!(text.contains("neither systemd nor OpenRC"), "{text}");
    let output = agent("install", root.path(), &["--hub", "no where"]);
    assert_eq!(output.status.code(), Some(2));
}

fn root(manager: &str) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in [("etc/passwd", PASSWD), ("etc/group", "root:x:0:\ntaken:x:998:\n"), (manager, "")] {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::create_dir_all(root.path().join("usr")).unwrap();
    root
}

fn agent(command: &str, root: &Path, flags: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_device-agent");
    Command::new(program).arg(command).arg("--root").arg(root).args(flags).output().unwrap()
}

fn read(root: &Path, path: &str) -> String {
    fs::read_to_string(root.join(path)).unwrap()
}

/// Every file below a folder with its content.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.display().to_string(), fs::read(&path).unwrap_or_default());
        }
    }
    found
}

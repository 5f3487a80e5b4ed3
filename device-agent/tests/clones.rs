//! Cloned images by the real program: ten copies of one image are ten devices, whether the image was ever started or not.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

const CLONES: usize = 10;
const AGENT: &str = env!("CARGO_BIN_EXE_device-agent");

#[test]
fn ten_copies_of_an_image_that_was_never_started_are_ten_devices() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    for file in ["etc/passwd", "etc/group", "usr/lib/systemd/systemd"] {
        let path = image.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "root:x:0:0:root:/root:/bin/sh\n").unwrap();
    }
    let installed = Command::new(AGENT).args(["install", "--root"]).arg(&image).output().unwrap();
    assert!(installed.status.success(), "{installed:?}");
    let ids: BTreeSet<String> = (0..CLONES)
        .map(|clone| {
            let card = folder.path().join(format!("card{clone}"));
            copy(&image, &card);
            id_on(&card.join("var/lib/device-agent"), None).unwrap()
        })
        .collect();
    assert_eq!(ids.len(), CLONES, "{ids:?}");
}

#[test]
fn ten_copies_of_an_image_that_was_started_are_ten_other_devices() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    let original = id_on(&image, None).unwrap();
    let mut ids = BTreeSet::from([original.clone()]);
    for clone in 0..CLONES {
        let card = folder.path().join(format!("card{clone}"));
        copy(&image, &card);
        // Another machine: its machine-id, put over this one's in a mount namespace of its own.
        let machine_id = folder.path().join(format!("machine-id{clone}"));
        fs::write(&machine_id, format!("{clone:032x}\n")).unwrap();
        let Some(id) = id_on(&card, Some(&machine_id)) else { return skipped("root and mount namespaces (unshare)") };
        assert!(card.join("identity.cloned").exists(), "the copied key is kept, and not used");
        assert_eq!(id_on(&card, Some(&machine_id)), Some(id.clone()), "and stays who it is");
        ids.insert(id);
    }
    assert_eq!(ids.len(), CLONES + 1, "{ids:?}");
    assert_eq!(id_on(&image, None), Some(original));
}

/// The id of the device with this state, on a machine with another machine-id; `None` where there can be no such machine.
fn id_on(state: &Path, machine_id: Option<&Path>) -> Option<String> {
    let output = match machine_id {
        None => Command::new(AGENT).args(["id", "--state"]).arg(state).output().unwrap(),
        Some(machine_id) => {
            let script = r#"mount --bind "$0" /etc/machine-id && exec "$1" id --state "$2""#;
            let mut command = Command::new("unshare");
            command.args(["--mount", "sh", "-c", script]).arg(machine_id).arg(AGENT).arg(state);
            command.stderr(Stdio::null()).output().unwrap()
        }
    };
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap().lines().next().unwrap().to_owned())
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

/// Says so past the test runner's capture; where `REQUIRE_ALL_TESTS` is set (CI), a skip is a failure.
fn skipped(needs: &str) {
    assert!(std::env::var_os("REQUIRE_ALL_TESTS").is_none(), "skipped: needs {needs}");
    let _ = writeln!(std::io::stderr(), "skipped: needs {needs}");
}

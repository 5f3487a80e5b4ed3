//! `bundle` and `flash` by the real programs: what lies on the device afterwards, on a fixture and in a real Debian.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use support::tree::{debian, everything, fixture, is_root, own_target, run_in};
use support::{agent_program, hub_program, skipped};

const SYSTEMD: &str = "usr/lib/systemd/systemd";
const OPENRC: &str = "sbin/openrc-run";

/// Runs the hub's program with its own data directory and the agent of this build.
fn hub(data: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(hub_program());
    command.args(args).arg("--data").arg(data);
    if ["bundle", "flash"].contains(&args[0]) {
        command.arg("--agent").arg(agent_program());
    }
    command.env("TELEMETRY_HUB_LOG", "warn").output().unwrap()
}

fn said(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat()
}

#[test]
fn flashing_leaves_what_the_agents_own_install_leaves_byte_for_byte() {
    if !is_root() {
        return skipped("root");
    }
    let data = tempfile::tempdir().unwrap();
    let token = wire::handshake::JoinToken::new(3, [5; 16]).to_string();
    let words = ["--join-token", &token, "--hub", "hub.local:5770", "--name", "a \"b\" \\c", "--label", "room=attic"];
    for manager in [SYSTEMD, OPENRC] {
        let (by_hub, by_agent) = (fixture(manager), fixture(manager));
        let flashed = hub(data.path(), &[&["flash", "--root", by_hub.path().to_str().unwrap()], &words[..]].concat());
        assert!(flashed.status.success(), "{}", said(&flashed));
        let mut install = Command::new(agent_program());
        install.arg("install").arg("--root").arg(by_agent.path()).arg("--binary").arg(agent_program()).args(words);
        assert!(install.status().unwrap().success());
        assert_eq!(everything(by_hub.path()), everything(by_agent.path()));
        assert!(!by_hub.path().join("var/lib/device-agent").exists(), "the identity is made on the device");

        let before = everything(by_hub.path());
        let again = hub(data.path(), &[&["flash", "--root", by_hub.path().to_str().unwrap()], &words[..]].concat());
        assert!(again.status.success(), "{}", said(&again));
        assert_eq!(everything(by_hub.path()), before, "twice is once");
    }
}

#[test]
fn what_cannot_be_flashed_is_named_and_nothing_is_changed() {
    let data = tempfile::tempdir().unwrap();
    let other = if own_target() == "armhf" { "x86_64" } else { "armhf" };
    let boot = tempfile::tempdir().unwrap();
    fs::write(boot.path().join("cmdline.txt"), "").unwrap();
    let configured = fixture(SYSTEMD);
    fs::write(configured.path().join("etc/device-agent.toml"), "interval = '5s'\n").unwrap();
    let foreign = fixture(SYSTEMD);
    fs::write(foreign.path().join("usr/bin/busybox"), [&b"\x7fELF\x01\x02\x01"[..], &[0; 11], &[0, 8]].concat())
        .unwrap();
    let cases = [
        (tempfile::tempdir().unwrap(), vec![], "it has no etc/passwd and no usr"),
        (boot, vec![], "boot partition"),
        (fixture("usr/share/nothing"), vec![], "neither systemd nor OpenRC"),
        (fixture(SYSTEMD), vec!["--target", other], "its bin/sh says so"),
        (foreign, vec![], "is for MIPS"),
        (configured, vec!["--hub", "hub.local:5770"], "etc/device-agent.toml already exists with other settings"),
        (fixture(SYSTEMD), vec!["--hub", "nowhere:0"], "--hub: 'nowhere:0' is not HOST or HOST:PORT"),
        (fixture(SYSTEMD), vec!["--join-token", "thj1_1_mistyped"], "--join-token"),
    ];
    for (root, flags, reason) in cases {
        let before = everything(root.path());
        let output = hub(data.path(), &[&["flash", "--root", root.path().to_str().unwrap()], &flags[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(reason), "{}", said(&output));
        assert_eq!(everything(root.path()), before);
    }
    let output = hub(data.path(), &["flash", "--root", "/"]);
    assert!(output.status.code() == Some(2) && said(&output).contains("--force"), "{}", said(&output));
}

#[test]
fn a_write_that_fails_changes_nothing_and_takes_its_token_back() {
    if !is_root() {
        return skipped("root");
    }
    let (data, root) = (tempfile::tempdir().unwrap(), fixture(SYSTEMD));
    // A file where the last step wants a folder.
    fs::create_dir_all(root.path().join("etc/systemd/system")).unwrap();
    fs::write(root.path().join("etc/systemd/system/multi-user.target.wants"), "").unwrap();
    let before = everything(root.path());
    let output = hub(data.path(), &["flash", "--root", root.path().to_str().unwrap(), "--join-token", "new"]);
    assert!(output.status.code() == Some(1) && said(&output).contains("multi-user.target.wants"), "{}", said(&output));
    assert_eq!(everything(root.path()), before);
    let tokens = hub(data.path(), &["join-token", "list"]);
    assert_eq!(String::from_utf8_lossy(&tokens.stdout), "");
}

#[test]
fn links_in_a_tree_lead_nowhere_outside() {
    if !is_root() {
        return skipped("root");
    }
    let (data, root, outside) = (tempfile::tempdir().unwrap(), fixture(SYSTEMD), tempfile::tempdir().unwrap());
    fs::remove_dir_all(root.path().join("usr/local")).unwrap_or(());
    std::os::unix::fs::symlink(outside.path(), root.path().join("usr/local")).unwrap();
    // Names that an earlier version staged its files under, each a link to a file outside.
    let theirs = tempfile::NamedTempFile::new().unwrap();
    for planted in ["etc/.passwd.partial", "etc/.group.partial", "etc/.device-agent.toml.partial"] {
        std::os::unix::fs::symlink(theirs.path(), root.path().join(planted)).unwrap();
    }
    let output = hub(data.path(), &["flash", "--root", root.path().to_str().unwrap()]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    assert_eq!(fs::read(theirs.path()).unwrap(), b"");
    let inside = root.path().join(outside.path().strip_prefix("/").unwrap());
    assert!(inside.join("bin/device-agent").exists(), "as the device will see it");
}

#[test]
fn a_bundle_is_the_same_bytes_each_time_and_nobody_elses() {
    let (data, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let token = wire::handshake::JoinToken::new(3, [5; 16]).to_string();
    let make = |name: &str| {
        let out = dir.path().join(name);
        let mut bundle = Command::new(hub_program());
        bundle
            .args(["bundle", "--target", own_target(), "--join-token", &token, "--out", name])
            .current_dir(dir.path());
        let output = bundle.arg("--agent").arg(agent_program()).arg("--data").arg(data.path()).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        out
    };
    for kind in ["tar.gz", "deb"] {
        let (one, two) = (make(&format!("one.{kind}")), make(&format!("two.{kind}")));
        assert_eq!(fs::read(&one).unwrap(), fs::read(&two).unwrap());
        assert_eq!(fs::metadata(&one).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let folder = make("folder");
    let unpacked = tempfile::tempdir().unwrap();
    let tar =
        Command::new("tar").arg("-xzpf").arg(dir.path().join("one.tar.gz")).arg("-C").arg(unpacked.path()).status();
    assert!(tar.unwrap().success());
    let files = |folder: &Path| {
        let mut found = everything(folder);
        found.retain(|_, (mode, ..)| *mode & 0o170_000 == 0o100_000);
        found.into_iter().map(|(path, (mode, _, _, bytes))| (path, mode, bytes)).collect::<Vec<_>>()
    };
    assert_eq!(files(&folder), files(unpacked.path()));
    let config = folder.join("etc/device-agent.toml");
    assert_eq!(fs::metadata(&config).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_to_string(config).unwrap(), format!("join_token = \"{token}\"\n"));

    let full = hub(data.path(), &["bundle", "--target", own_target(), "--out", folder.to_str().unwrap()]);
    assert!(full.status.code() == Some(2) && said(&full).contains("not empty"), "{}", said(&full));
    let odd = hub(data.path(), &["bundle", "--target", own_target(), "--out", "agent.rpm"]);
    assert!(odd.status.code() == Some(2) && said(&odd).contains("FILE.deb"), "{}", said(&odd));
}

#[test]
fn a_missing_agent_says_what_to_do() {
    let data = tempfile::tempdir().unwrap();
    let mut bundle = Command::new(hub_program());
    bundle.args(["bundle", "--target", "armhf", "--out", "x.deb", "--agents"]).arg(data.path());
    let output = bundle.arg("--data").arg(data.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("device-agent-armhf") && said(&output).contains("make agent"), "{}", said(&output));
}

/// A shell that stops at the first command that fails, with `not` for one that has to: `set -e` overlooks a `!`.
const STRICT: &str = "set -e\nnot() { if \"$@\"; then echo \"not refused: $*\"; exit 1; fi; }\n";

#[test]
fn a_real_debian_takes_the_image_and_the_package() {
    let Some(copy) = debian() else { return };
    let root = copy.path().join("root");
    let data = tempfile::tempdir().unwrap();
    let flashed = hub(data.path(), &["flash", "--root", root.to_str().unwrap(), "--join-token", "new"]);
    assert!(flashed.status.success(), "{}", said(&flashed));
    let look = format!(
        "{STRICT}systemctl is-enabled device-agent; systemd-analyze verify device-agent.service; getent passwd device-agent
         su -s /bin/sh device-agent -c 'cat /etc/device-agent.toml'; not su -s /bin/sh nobody -c 'cat /etc/device-agent.toml'"
    );
    let look = run_in(&root, &look);
    assert!(look.status.success() && said(&look).starts_with("enabled\n"), "{}", said(&look));
    let undo = Command::new(agent_program()).args(["uninstall", "--purge", "--root"]).arg(&root).status().unwrap();
    assert!(undo.success());

    let package = root.join("tmp/agent.deb");
    let flags = ["bundle", "--target", own_target(), "--join-token", "new", "--out", package.to_str().unwrap()];
    let made = hub(data.path(), &flags);
    assert!(made.status.success(), "{}", said(&made));
    for question in ["--info", "--contents"] {
        let answer = Command::new("dpkg-deb").arg(question).arg(&package).output().unwrap();
        assert!(answer.status.success() && !answer.stdout.is_empty(), "{}", said(&answer));
        let named = if question == "--info" { "Package: device-agent\n" } else { " ./usr/bin/device-agent\n" };
        assert!(said(&answer).contains(named), "{}", said(&answer));
    }
    let install = format!(
        "{STRICT}dpkg -i /tmp/agent.deb; [ -z \"$(dpkg -V device-agent)\" ]; systemctl is-enabled device-agent
         systemd-analyze verify device-agent.service
         su -s /bin/sh device-agent -c 'cat /etc/device-agent.toml'; not su -s /bin/sh nobody -c 'cat /etc/device-agent.toml'
         systemctl disable device-agent; dpkg -i /tmp/agent.deb; not systemctl is-enabled device-agent
         dpkg --purge device-agent; not getent passwd device-agent; [ ! -e /etc/device-agent.toml ]; [ -d /usr/local/bin ]
         echo all of it"
    );
    let install = run_in(&root, &install);
    assert!(install.status.success() && said(&install).contains("all of it"), "{}", said(&install));
}

#[test]
fn a_real_debian_takes_the_unit_of_the_hub_and_its_command_line_is_one() {
    let Some(copy) = debian() else { return };
    let root = copy.path().join("root");
    fs::copy(hub_program(), root.join("usr/local/bin/telemetry-hub")).unwrap();
    let unit = include_str!("../dist/telemetry-hub.service");
    fs::write(root.join("etc/systemd/system/telemetry-hub.service"), unit).unwrap();
    let look = format!(
        "{STRICT}systemd-analyze verify telemetry-hub.service; systemctl enable telemetry-hub
         $(sed -n 's/^ExecStart=//p' /etc/systemd/system/telemetry-hub.service) --help >/dev/null; echo all of it"
    );
    let look = run_in(&root, &look);
    assert!(look.status.success() && said(&look).contains("all of it"), "{}", said(&look));
}

/// Whether the agent is configured by this name.
const IS: &str = "is() { grep -qx \"name = \\\"$1\\\"\" /etc/device-agent.toml; }\n";

#[test]
fn a_package_asks_nothing_and_never_replaces_what_somebody_configured() {
    let Some(copy) = debian() else { return };
    let root = copy.path().join("root");
    let data = tempfile::tempdir().unwrap();
    let package = |name: &str| {
        let out = root.join(format!("tmp/{name}.deb"));
        let made =
            hub(data.path(), &["bundle", "--target", own_target(), "--name", name, "--out", out.to_str().unwrap()]);
        assert!(made.status.success(), "{}", said(&made));
    };
    package("one");
    package("two");
    let flash = || {
        let flashed = hub(data.path(), &["flash", "--root", root.to_str().unwrap(), "--name", "card", "--force"]);
        assert!(flashed.status.success(), "{}", said(&flashed));
    };
    let run = |script: &str| {
        let output = run_in(&root, &format!("{STRICT}{IS}{script}\necho all of it"));
        assert!(output.status.success() && said(&output).contains("all of it"), "{}", said(&output));
        said(&output)
    };
    let etc = "/etc/systemd/system/device-agent.service";
    let wanted = "/etc/systemd/system/multi-user.target.wants/device-agent.service";

    // Over a card that was flashed: its configuration stays, its program and its service give way.
    flash();
    let text = run(&format!(
        "dpkg -i /tmp/one.deb </dev/null; is card; systemctl is-enabled device-agent; [ ! -e {etc} ]
         [ \"$(readlink -f {wanted})\" = /usr/lib/systemd/system/device-agent.service ]; [ ! -e /usr/local/bin/device-agent ]
         su -s /bin/sh device-agent -c 'cat /etc/device-agent.toml'; not su -s /bin/sh nobody -c 'cat /etc/device-agent.toml'
         systemd-analyze verify device-agent.service; [ -z \"$(dpkg -V device-agent)\" ]
         dpkg -i /tmp/two.deb </dev/null; is card; dpkg --purge device-agent; [ ! -e /etc/device-agent.toml ]"
    ));
    assert!(text.contains("is kept as it is; what this package brings is in /usr/share/device-agent"), "{text}");

    // What a package brought is replaced by the next one's, unless somebody wrote to it, or removed it.
    run("dpkg -i /tmp/one.deb </dev/null; is one; dpkg -i /tmp/two.deb </dev/null; is two
         [ \"$(stat -c %a:%U:%G /etc/device-agent.toml)\" = 640:root:device-agent ]
         echo '[labels]' >>/etc/device-agent.toml; dpkg -i /tmp/one.deb </dev/null; is two; grep -q labels /etc/device-agent.toml
         rm /etc/device-agent.toml; dpkg -i /tmp/two.deb </dev/null; [ ! -e /etc/device-agent.toml ]
         dpkg -r device-agent; echo 'name = \"own\"' >/etc/device-agent.toml; dpkg -i /tmp/two.deb </dev/null; is own
         systemctl is-enabled device-agent
         ls /etc/device-agent.toml*; [ $(ls /etc/device-agent.toml* | wc -l) = 1 ]; dpkg --purge device-agent");

    // A service that somebody changed, or disabled, or forbade, stays so.
    flash();
    let text = run(&format!(
        "sed -i 's/64M/32M/' {etc}; dpkg -i /tmp/one.deb </dev/null; grep -q 32M {etc}; [ -x /usr/local/bin/device-agent ]
         systemctl is-enabled device-agent; dpkg --purge device-agent"
    ));
    assert!(text.contains("is not as it was installed and is kept"), "{text}");
    flash();
    run(&format!(
        "rm {wanted}; dpkg -i /tmp/one.deb </dev/null; [ ! -e {etc} ]; not systemctl is-enabled device-agent
         dpkg --purge device-agent; rm -f {etc}; systemctl mask device-agent; dpkg -i /tmp/one.deb </dev/null
         [ \"$(readlink {etc})\" = /dev/null ]; dpkg --purge device-agent"
    ));
}

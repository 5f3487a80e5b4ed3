//! The README's shell blocks run as they are printed, each in one paste: what a newcomer does first must not fail.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use support::port::free_port;
use support::{Stopped, eventually, hub_program};

/// Blocks that are marked as shell.
fn blocks(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("```sh\n") {
        let (block, after) = after.split_once("```").unwrap();
        found.push(block.to_owned());
        rest = after;
    }
    found
}

/// A folder as it is after a build, in which `make` has nothing to do.
fn checkout(folder: &Path) {
    fs::create_dir_all(folder.join("target/dist")).unwrap();
    symlink(hub_program(), folder.join("target/dist/telemetry-hub")).unwrap();
    fs::create_dir(folder.join("bin")).unwrap();
    fs::write(folder.join("bin/make"), "#!/bin/sh\necho made \"$@\"\n").unwrap();
    fs::set_permissions(folder.join("bin/make"), fs::Permissions::from_mode(0o755)).unwrap();
}

/// Pastes a block into a shell.
fn paste(folder: &Path, block: &str) -> Child {
    let path = format!("{}:{}", folder.join("bin").display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("bash")
        .current_dir(folder)
        .env("PATH", path)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    shell.stdin.take().unwrap().write_all(block.as_bytes()).unwrap();
    shell
}

/// Ctrl-C in its terminal.
fn interrupt(shell: &Child) {
    let group = format!("-{}", shell.id());
    assert!(Command::new("kill").args(["-INT", "--", &group]).status().unwrap().success());
}

fn text(mut from: impl std::io::Read) -> String {
    let mut text = String::new();
    from.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn every_shell_block_runs_in_one_paste() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    checkout(folder.path());
    // The ports are this test's own: others run hubs on the usual ones.
    let (http, udp) = (free_port().to_string(), free_port().to_string());
    let mut served = None;
    for block in blocks(&readme) {
        let block = block.replace(":8080", &format!(":{http}"));
        if block.contains("telemetry-hub serve") {
            let ports = format!("telemetry-hub serve --discovery off --http :{http} --udp :{udp}");
            let mut shell = paste(folder.path(), &block.replace("telemetry-hub serve", &ports));
            let mut lines = BufReader::new(shell.stdout.take().unwrap()).lines();
            assert!(lines.any(|line| line.unwrap().contains("telemetry-hub open")), "no way to a link");
            served = Some((shell, lines));
            continue;
        }
        let shows_live = block.contains("telemetry-hub watch");
        let mut shell = Stopped(paste(folder.path(), &block));
        let out = shell.0.stdout.take().unwrap();
        let told = std::thread::spawn(move || {
            let mut lines = BufReader::new(out).lines().map(Result::unwrap);
            let mut text = String::new();
            // The live view begins with the newest readings and ends with Ctrl-C.
            for line in &mut lines {
                text += &(line + "\n");
                if shows_live && text.contains("would be imported") && text.trim_end().ends_with("°C") {
                    break;
                }
            }
            text
        });
        if shows_live {
            eventually("the live view", Duration::from_secs(120), || told.is_finished().then_some(()));
            interrupt(&shell.0);
        }
        let (told, errors) = (told.join().unwrap(), text(shell.0.stderr.take().unwrap()));
        let status = eventually("the end of a block", Duration::from_secs(120), || shell.0.try_wait().unwrap());
        assert!(shows_live || status.success(), "{status}\n{block}\n{told}\n{errors}");
        assert!(!told.contains("\"status\":4") && !told.contains("\"status\":5"), "{block}\n{told}");
        let is_said = |line: &str| ["no alert is active", "exported "].iter().any(|said| line.starts_with(said));
        assert!(errors.lines().all(is_said), "{block}\n{errors}");
        if block.contains("hub /devices") {
            assert!(told.contains("\"attic\"") && told.contains("whsec_") && told.contains("rul_"), "{told}");
            assert!(fs::read_to_string(folder.path().join("readings.csv")).unwrap().contains("attic"), "{told}");
        }
    }
    let (mut shell, _lines) = served.expect("a block that starts the hub");
    interrupt(&shell);
    shell.wait().unwrap();
    assert!(folder.path().join("telemetry-data/telemetry.db").exists());
}

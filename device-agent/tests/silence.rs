//! A file system that ceases to answer: what is read from it hangs, and even closing a file does.
//!
//! Needs `/dev/fuse` and root: left out elsewhere. The file system is this test, so nothing hangs longer than the test lives.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use device_agent::clock;
use device_agent::sensor::{Host, Samples};
use device_agent::status;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Operations of the kernel's protocol (`linux/fuse.h`).
const LOOKUP: u32 = 1;
const FORGET: u32 = 2;
const GETATTR: u32 = 3;
const OPEN: u32 = 14;
const READ: u32 = 15;
const RELEASE: u32 = 18;
const FLUSH: u32 = 25;
const INIT: u32 = 26;
const OPENDIR: u32 = 27;
const READDIR: u32 = 28;
const RELEASEDIR: u32 = 29;
const INTERRUPT: u32 = 36;
const BATCH_FORGET: u32 = 42;
/// None of them: the end of the file system.
const ENDS: u32 = u32::MAX;

#[test]
fn the_file_of_a_battery_that_hangs_is_named() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("sys/class/power_supply/BAT0");
    let files = [("capacity", "87\n"), ("status", "Discharging\n"), ("voltage_now", "12000000\n")];
    let Some(silent) = Silent::mount(&folder, &files) else { return };
    let mut host = Host::new(root.path(), Vec::new());
    until(&mut host, |samples, _| samples.iter().any(|sample| sample.name == "power.bat0.voltage"));
    silent.ceases(READ);
    until(&mut host, |_, host| {
        host.troubles().any(|trouble| trouble.error == "/sys/class/power_supply/BAT0/status: no answer")
    });
    drop(silent);
}

#[test]
fn a_command_that_cannot_start_or_be_killed_is_not_started_again_and_keeps_nobody() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("sys/class/thermal/thermal_zone0");
    let program = "#!/bin/sh\necho 7\n";
    let Some(silent) = Silent::mount(&folder, &[("type", "zone\n"), ("temp", "51000\n"), ("seven", program)]) else {
        return;
    };
    // One on another file system, which answers all the time.
    let other = root.path().join("sys/class/thermal/thermal_zone1");
    fs::create_dir_all(&other).unwrap();
    fs::write(other.join("type"), "other\n").unwrap();
    fs::write(other.join("temp"), "52000\n").unwrap();
    let config = root.path().join("agent.toml");
    let own = folder.join("seven").display().to_string();
    let by_shell = format!("cat {}; true", folder.join("temp").display());
    for (command, operation) in [
        (vec!["echo", "7"], FLUSH),
        (vec![&*own], LOOKUP),
        // The shell is killed, what it started is not.
        (vec!["sh", "-c", &*by_shell], READ),
    ] {
        let exec = format!("[[exec]]\ncommand = {command:?}\nname = 'seven'\ninterval = '200ms'\ntimeout = '1s'\n");
        fs::write(&config, exec).unwrap();
        let state = tempfile::tempdir().unwrap();
        let agent = Command::new(env!("CARGO_BIN_EXE_device-agent"))
            .args(["run", "--hub", "127.0.0.1:9", "--interval", "200ms", "--state"])
            .arg(state.path())
            .arg("--config")
            .arg(&config)
            .env("DEVICE_AGENT_SENSOR_ROOT", root.path())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let agent = Agent { child: agent, ceased: Arc::clone(&silent.ceased) };
        // How many readings there are, and what is wrong with the command.
        let look = || {
            let report = status::ask(state.path()).ok()?;
            let command = report.failing.into_iter().find(|trouble| trouble.source == "exec seven");
            Some((report.readings_taken, command.map_or_else(String::new, |trouble| trouble.error)))
        };
        let hangs = "not started: the last one hangs and cannot be killed";
        wait_for(|| look().filter(|(taken, error)| *taken > 10 && error.is_empty()));
        silent.ceases(operation);
        let (before, _) = wait_for(|| look().filter(|(_, error)| error == hangs));
        // The other zone is read, and the agent answers, while the command hangs; there is one of it.
        wait_for(|| look().filter(|(taken, error)| *taken > before + 20 && error == hangs));
        let there = if operation == READ { reading(&folder.join("temp")) } else { agent.children() };
        assert_eq!(there, 1, "{command:?}");
        silent.ceases(0);
        wait_for(|| look().filter(|(_, error)| error.is_empty()));
    }
}

/// How many `cat` read this file.
fn reading(path: &Path) -> usize {
    let wanted = format!("cat\0{}\0", path.display());
    let processes = fs::read_dir("/proc").unwrap().map(|process| process.unwrap().path().join("cmdline"));
    processes.filter(|line| fs::read(line).is_ok_and(|line| line == wanted.as_bytes())).count()
}

/// A running agent, which is not left behind.
struct Agent {
    child: Child,
    ceased: Arc<AtomicU32>,
}

impl Agent {
    fn children(&self) -> usize {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap().map(|task| task.unwrap().path());
        let children = tasks.map(|task| fs::read_to_string(task.join("children")).unwrap_or_default());
        children.map(|children| children.split_whitespace().count()).sum()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // What hangs cannot be killed.
        self.ceased.store(0, Ordering::SeqCst);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder of files, served by this process. Whoever waits for it is released when it is dropped.
struct Silent {
    folder: PathBuf,
    /// The operation that is not answered; 0 for none.
    ceased: Arc<AtomicU32>,
    server: Option<JoinHandle<()>>,
}

impl Silent {
    /// Nothing where this may not be done.
    fn mount(folder: &Path, files: &[(&str, &str)]) -> Option<Self> {
        fs::create_dir_all(folder).unwrap();
        let device = File::options().read(true).write(true).open("/dev/fuse").ok();
        let mount = |device: &File| {
            Command::new("mount")
                .args(["-i", "-t", "fuse", "-o", "fd=0,rootmode=40000,user_id=0,group_id=0", "silent"])
                .arg(folder)
                .stdin(device.try_clone().unwrap())
                .stderr(Stdio::null())
                .status()
        };
        let Some(device) = device.filter(|device| mount(device).is_ok_and(|status| status.success())) else {
            let _ = writeln!(std::io::stderr(), "left out: needs /dev/fuse and the right to mount");
            return None;
        };
        let ceased = Arc::new(AtomicU32::new(0));
        let own = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        let server =
            Server { device, files: files.iter().map(own).collect(), ceased: Arc::clone(&ceased), kept: Vec::new() };
        let server = Some(std::thread::spawn(move || server.serve()));
        Some(Self { folder: folder.to_owned(), ceased, server })
    }

    fn ceases(&self, operation: u32) {
        self.ceased.store(operation, Ordering::SeqCst);
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.folder).status();
        // Ends the connection, and with it all that hangs.
        self.ceases(ENDS);
        let _ = self.server.take().map(JoinHandle::join);
    }
}

/// Answers the kernel, as `linux/fuse.h` has it: version 7.31.
struct Server {
    device: File,
    files: Vec<(String, String)>,
    ceased: Arc<AtomicU32>,
    /// What was not answered.
    kept: Vec<Vec<u8>>,
}

fn operation_of(request: &[u8]) -> u32 {
    u32::from_le_bytes(request[4..8].try_into().unwrap())
}

impl Server {
    fn serve(mut self) {
        let mut request = vec![0; 1 << 17];
        loop {
            let mut polled = [PollFd::new(&self.device, PollFlags::IN)];
            let wait = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
            let is_there = poll(&mut polled, Some(&wait)).unwrap() > 0;
            let ceased = self.ceased.load(Ordering::SeqCst);
            if ceased == ENDS {
                return;
            }
            if ceased == 0 {
                let kept = std::mem::take(&mut self.kept);
                kept.iter().for_each(|request| self.reply(request));
            }
            if !is_there {
                continue;
            }
            let Ok(length) = self.device.read(&mut request) else { return };
            let request = &request[..length];
            if operation_of(request) == ceased {
                self.kept.push(request.to_vec());
            } else {
                self.reply(request);
            }
        }
    }

    fn reply(&self, request: &[u8]) {
        let number = |at: usize| u64::from_le_bytes(request[at..at + 8].try_into().unwrap());
        let (operation, unique, node) = (operation_of(request), number(8), number(16));
        if matches!(operation, FORGET | BATCH_FORGET | INTERRUPT) {
            return;
        }
        let (error, data) = self.answer(operation, node, &request[40..]);
        let total = u32::try_from(16 + data.len()).unwrap();
        let said = [&total.to_le_bytes()[..], &error.to_le_bytes(), &unique.to_le_bytes(), &data].concat();
        let _ = (&self.device).write(&said);
    }

    /// An error's number, or 0 and what follows the header.
    fn answer(&self, operation: u32, node: u64, body: &[u8]) -> (i32, Vec<u8>) {
        let words = |words: &[u64]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        let at = |node: u64| self.files.get(usize::try_from(node).unwrap().wrapping_sub(2));
        let data = match operation {
            INIT => words(&[7 | 31 << 32, 0, 4096 << 32, 1, 0, 0, 0, 0]),
            LOOKUP => {
                let name = String::from_utf8_lossy(body.split(|byte| *byte == 0).next().unwrap()).into_owned();
                let Some(found) = self.files.iter().position(|file| file.0 == name) else { return (-2, Vec::new()) };
                let node = found as u64 + 2;
                [words(&[node, 0, 0, 0, 0]), self.about(node)].concat()
            }
            GETATTR => [words(&[0, 0]), self.about(node)].concat(),
            // Each read asks this server.
            OPEN | OPENDIR => words(&[0, 1]),
            READ => {
                let offset = usize::try_from(u64::from_le_bytes(body[8..16].try_into().unwrap())).unwrap();
                at(node).unwrap().1.as_bytes().get(offset..).unwrap_or_default().to_vec()
            }
            READDIR => {
                let offset = usize::try_from(u64::from_le_bytes(body[8..16].try_into().unwrap())).unwrap();
                let entries = self.files.iter().enumerate().skip(offset).flat_map(|(at, (name, _))| {
                    let mut entry = words(&[at as u64 + 2, at as u64 + 1, name.len() as u64 | 8 << 32]);
                    entry.extend(name.bytes());
                    entry.resize(entry.len().next_multiple_of(8), 0);
                    entry
                });
                entries.collect()
            }
            FLUSH | RELEASE | RELEASEDIR => Vec::new(),
            // Not there, as far as this one goes.
            _ => return (-38, Vec::new()),
        };
        (0, data)
    }

    /// The attributes of a node; the first is the folder.
    fn about(&self, node: u64) -> Vec<u8> {
        let file = self.files.get(usize::try_from(node).unwrap().wrapping_sub(2));
        let (mode, size) = file.map_or((0o040_755, 0), |(_, text)| (0o100_555, text.len() as u64));
        let mut about: Vec<u8> = [node, size, 1, 0, 0, 0, 0].iter().flat_map(|word: &u64| word.to_le_bytes()).collect();
        for word in [0, mode, 1, 0, 0, 0, 4096, 0_u32] {
            about.extend(word.to_le_bytes());
        }
        about
    }
}

/// Rounds, one after the other, until one is as it should be, within a minute.
fn until(host: &mut Host, fine: impl Fn(&Samples, &Host) -> bool) {
    let mut samples = Samples::default();
    wait_for(|| {
        host.look(clock::now(), &mut samples, |_, _| {});
        fine(&samples, host).then_some(())
    });
}

/// What is there in the end, within a minute.
fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = clock::now().mono + Duration::from_secs(60);
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(clock::now().mono < deadline, "not within a minute");
        std::thread::sleep(Duration::from_millis(50));
    }
}

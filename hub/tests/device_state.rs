//! The agent when its machine is not well: damaged, foreign or missing state, a full disk, a folder that cannot be written,
//! a sensor that talks nonsense, a clock that was never set. The rest goes on, and what is acknowledged is at the hub.
//!
//! By the real programs; a full disk is a small tmpfs, which needs root.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test fails by panicking")]

mod support;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use support::fleet::Fleet;
use support::{HubProcess, agent_program, eventually, signal, skipped};

const SOON: Duration = Duration::from_secs(20);
/// Nobody listens there.
const NOWHERE: &str = "127.0.0.1:9";

#[test]
fn damaged_cut_and_foreign_segments_cost_what_they_held_and_nothing_else() {
    let bench = Bench::new();
    // A run without a hub, stopped: everything it took is in segments.
    let mut first = bench.start(NOWHERE, &[]);
    let taken = eventually("some batches", SOON, || first.report()?["readings_taken"].as_u64().filter(|n| *n > 2_000));
    first.terminate();
    let spool = bench.state().join("spool");
    let whole: Vec<PathBuf> = segments(&spool);
    let bytes = fs::read(&whole[0]).unwrap();
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 3] ^= 0x10;
    fs::write(&whole[0], flipped).unwrap();
    fs::write(spool.join("00000098.seg"), &bytes[..bytes.len() * 4 / 5]).unwrap();
    fs::write(spool.join("00000099.seg"), b"a photograph of a cat").unwrap();

    let hub = HubProcess::start("token");
    let mut second = bench.start(&hub.udp.to_string(), &["--join-token", &hub.join_token(1)]);
    eventually("an empty spool", SOON, || (second.report()?["spool_batches"] == 0).then_some(()));
    second.terminate();
    let log = bench.log();
    assert!(log.contains("00000099.seg") && log.contains("is not a segment") && log.contains("damaged place"), "{log}");
    assert!(spool.join("00000099.seg.foreign").exists());
    // The copy that was cut holds the record that was flipped: nothing at all is lost.
    assert!(hub.count() >= taken, "{} of {taken}", hub.count());
}

#[test]
fn an_identity_of_zero_bytes_is_set_aside_and_the_device_goes_on_as_a_new_one() {
    let bench = Bench::new();
    fs::create_dir_all(bench.state()).unwrap();
    fs::write(bench.state().join("identity"), b"").unwrap();
    let hub = HubProcess::start("token");
    let mut agent = bench.start(&hub.udp.to_string(), &["--join-token", &hub.join_token(1)]);
    agent.has_acked(1);
    agent.terminate();
    let log = bench.log();
    assert!(log.contains("the identity was damaged") && log.contains("identity.damaged"), "{log}");
}

#[test]
fn a_disk_that_is_full_from_the_start_or_fills_up_stops_neither_readings_nor_a_restart() {
    let bench = Bench::new();
    let Some(disk) = Disk::mount(&bench.state(), "512k") else { return skipped("root (to mount a tmpfs)") };
    let hub = HubProcess::start("token");
    let mut agent = bench.start(&hub.udp.to_string(), &["--join-token", &hub.join_token(1)]);
    agent.has_acked(1);
    disk.fill();
    let before = agent.report().unwrap()["readings_acked"].as_u64().unwrap();
    agent.has_acked(before + 200);
    // What was taken in the last moment and is not acknowledged has no place: it says so.
    let code = agent.terminate();
    assert!(code == Some(0) || bench.log().contains("No space left on device"), "{code:?}: {}", bench.log());

    let mut agent = bench.start(&hub.udp.to_string(), &[]);
    agent.has_acked(100);
    let report = agent.report().unwrap();
    assert_eq!(report["readings_dropped"], 0, "{report}");
    agent.terminate();
    drop(disk);
}

#[test]
fn readings_that_a_full_disk_refuses_are_kept_in_memory_until_the_hub_is_back() {
    let bench = Bench::new();
    let Some(disk) = Disk::mount(&bench.state(), "512k") else { return skipped("root (to mount a tmpfs)") };
    let mut hub = HubProcess::start("token");
    let mut agent = bench.start(&hub.udp.to_string(), &["--join-token", &hub.join_token(1)]);
    agent.has_acked(1);
    disk.fill();
    hub.kill();
    // Longer than batches wait in memory.
    eventually("a complaint about the disk", Duration::from_secs(60), || {
        bench.log().contains("spool cannot be written").then_some(())
    });
    hub.restart();
    eventually("an empty spool", Duration::from_secs(40), || (agent.report()?["spool_batches"] == 0).then_some(()));
    let report = agent.report().unwrap();
    assert_eq!(report["readings_dropped"], 0, "{report}");
    agent.terminate();
    assert!(bench.log().contains("No space left on device"), "{}", bench.log());
    drop(disk);
}

#[test]
fn a_state_folder_that_cannot_be_written_is_named_with_what_would_be_right() {
    let bench = Bench::new();
    let Some(disk) = Disk::mount(&bench.state(), "512k") else { return skipped("root (to mount a tmpfs)") };
    let hub = HubProcess::start("token");
    let mut agent = bench.start(&hub.udp.to_string(), &["--join-token", &hub.join_token(1)]);
    agent.has_acked(1);
    agent.terminate();
    disk.remount("ro");
    let mut refused = bench.start(&hub.udp.to_string(), &[]);
    let code = eventually("an end", SOON, || refused.child.try_wait().unwrap()).code();
    let log = bench.log();
    let last = log.lines().last().unwrap_or_default();
    assert_eq!(code, Some(1), "{log}");
    assert!(last.contains(bench.state().to_str().unwrap()) && last.contains("Read-only file system"), "{last}");
    assert!(last.contains("--state"), "what would be right: {last}");
    disk.remount("rw");
    let mut agent = bench.start(&hub.udp.to_string(), &[]);
    agent.has_acked(100);
    agent.terminate();
}

#[test]
fn sources_that_fail_are_named_on_the_device_and_at_the_hub_until_they_are_well_and_the_others_go_on() {
    let bench = Bench::new();
    let root = bench.dir.path().join("root");
    let write = |path: &str, text: &str| {
        fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        fs::write(root.join(path), text).unwrap();
    };
    write("proc/loadavg", "0.50 0.40 0.30 1/100 4242\n");
    write("sys/bus/w1/devices/28-0001/temperature", "21500\n");
    write("level", "half full\n");
    let well = bench.dir.path().join("well");
    let config = format!(
        "[[file]]
        name = 'tank'
        path = '/level'
        interval = '100ms'
        [[exec]]
        name = 'boiler'
        command = ['sh', '-c', 'test -e {well} && echo 7 || {{ echo no answer >&2; exit 3; }}']
        interval = '100ms'
        [[exec]]
        name = 'pump'
        command = ['sh', '-c', 'test -e {well} || sleep 30; echo 8']
        interval = '100ms'
        timeout = '200ms'\n",
        well = well.display()
    );
    write("agent.toml", &config);
    let hub = HubProcess::start("token");
    let config = root.join("agent.toml");
    let arguments = ["--join-token", &hub.join_token(1), "--config", config.to_str().unwrap()];
    let mut command = bench.command(&hub.udp.to_string(), &arguments);
    command.env("DEVICE_AGENT_SENSOR_ROOT", &root);
    let mut agent = Agent { child: command.spawn().unwrap(), state: bench.state() };
    // A thermometer that was pulled out: the kernel takes its folder away.
    let latest = |sensor: &str| hub.get(&format!("/api/v1/latest?device=*&sensor={sensor}"))["items"][0].clone();
    eventually("a temperature", SOON, || (latest("w1.28-0001")["value"] == 21.5).then_some(()));
    fs::remove_dir_all(root.join("sys/bus/w1/devices/28-0001")).unwrap();

    let failing = [
        ("file tank", "'half' is not a number"),
        ("exec boiler", "ended with exit status: 3: no answer"),
        ("exec pump", "took longer than 0.2 s"),
        ("1-wire", "28-0001: gone from the bus"),
    ];
    let named = |errors: &Value| {
        let said = |source: &str, why: &str| {
            let mut errors = errors.as_array().unwrap().iter();
            errors.any(|error| error["source"] == source && error["error"].as_str().unwrap().ends_with(why))
        };
        failing.iter().filter(|(source, why)| said(source, why)).count()
    };
    let at_hub = || hub.get("/api/v1/devices")["items"][0]["source_errors"].clone();
    eventually("four failing sources", SOON, || (named(&agent.report()?["failing"]) == 4).then_some(()));
    eventually("four failing sources at the hub", SOON, || (named(&at_hub()) == 4).then_some(()));
    let words = Command::new(agent_program()).args(["status", "--state"]).arg(bench.state()).output().unwrap();
    let words = String::from_utf8(words.stdout).unwrap();
    for (source, why) in failing {
        assert!(words.lines().any(|line| line.contains(source) && line.contains(why)), "{source}: {words}");
    }
    // The others go on: beside a command that hangs and one that fails ten times a second.
    let before = agent.report().unwrap()["readings_acked"].as_u64().unwrap();
    agent.has_acked(before + 100);

    fs::write(&well, "").unwrap();
    write("level", "0.5\n");
    write("sys/bus/w1/devices/28-0001/temperature", "22000\n");
    let none = |errors: &Value| (named(errors) == 0).then_some(());
    eventually("sources that are well", SOON, || none(&agent.report()?["failing"]));
    eventually("sources that are well at the hub", SOON, || none(&at_hub()));
    for (sensor, value) in [("tank", 0.5), ("boiler", 7.0), ("pump", 8.0), ("w1.28-0001", 22.0)] {
        eventually(sensor, SOON, || (latest(sensor)["value"] == value).then_some(()));
    }
    agent.terminate();
}

#[test]
fn a_sensor_that_is_measured_otherwise_after_a_restart_is_what_the_device_says_it_is() {
    let bench = Bench::new();
    let hub = HubProcess::start("token");
    let config = bench.dir.path().join("agent.toml");
    let start = |unit: &str, interval: &str, token: &[&str]| {
        let text =
            format!("[[exec]]\nname = 'tank'\ncommand = ['echo', '7']\nunit = '{unit}'\ninterval = '{interval}'\n");
        fs::write(&config, text).unwrap();
        bench.start(&hub.udp.to_string(), &[&["--config", config.to_str().unwrap()], token].concat())
    };
    let token = hub.join_token(1);
    let is = |unit: &str, interval_ms: u32| {
        let device = hub.get("/api/v1/devices")["items"][0]["id"].as_str()?.to_owned();
        let sensors = hub.get(&format!("/api/v1/devices/{device}/sensors"));
        let mut sensors = sensors["items"].as_array()?.iter();
        let tank = sensors.find(|sensor| sensor["sensor"] == "tank")?;
        (tank["unit"] == unit && tank["interval_ms"] == interval_ms).then_some(())
    };
    let mut agent = start("m", "200ms", &["--join-token", &token]);
    eventually("the sensor as it was", SOON, || is("m", 200));
    agent.terminate();
    let mut agent = start("cm", "2s", &[]);
    eventually("the sensor as it is", SOON, || is("cm", 2_000));
    // And so it stays, whoever starts anew.
    agent.terminate();
    let mut agent = start("cm", "2s", &[]);
    agent.has_acked(20);
    is("cm", 2_000).unwrap();
    agent.terminate();
}

#[test]
fn the_share_of_packets_lost_on_the_way_is_the_one_that_was_lost() {
    let hub = HubProcess::start("token");
    let token = hub.join_token(2);
    let _fleets = [("rough", "20%"), ("calm", "0%")].map(|(name, loss)| {
        let one =
            ["--devices", "1", "--sensors", "1", "--interval", "5ms", "--seed", "7", "--name", name, "--loss", loss];
        Fleet::start(hub.udp, &token, &one)
    });
    let link = |name: &str| {
        let devices = hub.get("/api/v1/devices");
        let of =
            devices["items"].as_array()?.iter().find(|device| device["name"].as_str().unwrap().starts_with(name))?;
        Some((of["link"]["loss_pct"].as_f64()?, of["link"]["session_age_s"].as_i64()?))
    };
    // A fifth is lost; of a thousand packets six per cent off are nearly five standard deviations.
    let lost = eventually("five seconds of packets", SOON, || link("rough").filter(|(_, age)| *age >= 5));
    assert!((14.0..26.0).contains(&lost.0), "{lost:?}");
    assert_eq!(link("calm").unwrap().0, 0.0);
}

#[test]
fn a_device_that_starts_in_1970_stores_correct_times() {
    let library = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib"]
        .map(|folder| Path::new(folder).join("faketime/libfaketime.so.1"));
    let Some(library) = library.iter().find(|library| library.exists()) else { return skipped("libfaketime") };
    let bench = Bench::new();
    let hub = HubProcess::start("token");
    let mut command = bench.command(&hub.udp.to_string(), &["--join-token", &hub.join_token(1)]);
    // The wall clock alone: monotonic time is what the device really has.
    command.env("LD_PRELOAD", library).env("FAKETIME", "@1970-01-01 00:00:20").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let mut agent = Agent { child: command.spawn().unwrap(), state: bench.state() };
    agent.has_acked(100);
    let offset = agent.report().unwrap()["clock_offset_ms"].as_i64().unwrap();
    assert!(offset < -1_000_000_000_000, "the agent's own clock is in 1970: {offset}");
    agent.terminate();

    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    let count = |from: i64, to: i64| -> u64 {
        let answer = hub.get(&format!("/api/v1/query?device=*&sensor=*&from={from}&to={to}&points=1"));
        let series = answer["series"].as_array().unwrap();
        series.iter().flat_map(|series| series["count"].as_array().unwrap()).filter_map(Value::as_u64).sum()
    };
    // What was on its way at the agent's end may come still; on a busy machine the offset is as exact as its answers are quick.
    eventually("all of them, by their times of the last minutes", SOON, || {
        let all = hub.count();
        (all >= 100 && count(now - 120_000, now + 10_000) == all).then_some(())
    });
}

/// A folder with the state and the log of an agent.
struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    fn command(&self, hub: &str, arguments: &[&str]) -> Command {
        let log = File::options().create(true).append(true).open(self.dir.path().join("log")).unwrap();
        let mut command = Command::new(agent_program());
        command.args(["run", "--hub", hub, "--interval", "20ms", "--state"]).arg(self.state()).args(arguments);
        command.stdout(Stdio::null()).stderr(log);
        command
    }

    fn start(&self, hub: &str, arguments: &[&str]) -> Agent {
        Agent { child: self.command(hub, arguments).spawn().unwrap(), state: self.state() }
    }
}

struct Agent {
    child: Child,
    state: PathBuf,
}

impl Agent {
    fn report(&self) -> Option<Value> {
        let asked =
            Command::new(agent_program()).args(["status", "--json", "--state"]).arg(&self.state).output().unwrap();
        serde_json::from_slice(&asked.stdout).ok()
    }

    fn has_acked(&mut self, readings: u64) {
        eventually("acknowledged readings", SOON, || {
            assert!(self.child.try_wait().unwrap().is_none(), "the agent ended");
            self.report()?["readings_acked"].as_u64().filter(|acked| *acked >= readings)
        });
    }

    fn terminate(&mut self) -> Option<i32> {
        signal(&self.child, "TERM");
        eventually("an end", SOON, || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A small disk; unmounted when dropped.
struct Disk {
    path: PathBuf,
}

impl Disk {
    fn mount(path: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(path).unwrap();
        let size = format!("size={size}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(path).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then(|| Self { path: path.to_owned() })
    }

    /// Not one byte is left.
    fn fill(&self) {
        let mut file = File::create(self.path.join("filler")).unwrap();
        while std::io::Write::write_all(&mut file, &[1; 4096]).is_ok() {}
    }

    fn remount(&self, how: &str) {
        let option = format!("remount,{how}");
        assert!(Command::new("mount").args(["-o", &option]).arg(&self.path).status().unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}

fn segments(spool: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(spool).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|kind| kind == "seg")).collect();
    found.sort();
    found
}

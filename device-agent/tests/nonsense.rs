//! Files that hold a number which says nothing, over fixture trees: no reading comes of it, `status` says why, and the log names
//! each file once.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use device_agent::clock;
use device_agent::sensor::{Host, Samples};
use device_agent::status::{self, Report};

#[test]
fn a_factor_of_zero_makes_no_reading_and_is_said() {
    let root = machine();
    for (file, text) in [
        ("iio/devices/iio:device0/name", "adc"),
        ("iio/devices/iio:device0/in_voltage0_raw", "1234"),
        ("iio/devices/iio:device0/in_voltage_scale", "0.000000000"),
        ("iio/devices/iio:device0/in_voltage1_raw", "1000"),
        ("iio/devices/iio:device0/in_voltage1_scale", "2"),
    ] {
        write(root.path(), &format!("sys/bus/{file}"), text);
    }
    for (file, text) in [("type", "Battery"), ("charge_now", "1500000"), ("charge_full", "0")] {
        write(root.path(), &format!("sys/class/power_supply/BAT0/{file}"), text);
    }
    let mut host = Host::new(root.path(), Vec::new());
    let (values, said) = look(&mut host);
    assert_eq!((values.get("iio.adc.voltage0"), values["iio.adc.voltage1"]), (None, 2.0));
    assert_eq!(said["iio.adc.voltage0"], "left out: in_voltage_scale says 0, and nothing times 0 is a measurement");
    assert_eq!((values.get("power.bat0.charge_pct"), values["power.bat0.charge"]), (None, 1.5));
    assert_eq!(said["power.bat0.charge_pct"], "left out: charge_full says 0, so that nothing is a share of it");
    // It is known now; that it was not is said for a while.
    write(root.path(), "sys/bus/iio/devices/iio:device0/in_voltage_scale", "0.5");
    write(root.path(), "sys/class/power_supply/BAT0/charge_full", "2000000");
    let (values, _) = look(&mut host);
    assert_eq!((values["iio.adc.voltage0"], values["power.bat0.charge_pct"]), (0.617, 75.0));
}

#[test]
fn each_file_that_is_no_reading_is_named_once_in_the_log_and_all_in_the_status() {
    let root = machine();
    let probe = |serial: &str, bytes: &str, t: i32| {
        let text = format!("{bytes} : crc=00 YES\n{bytes} t={t}\n");
        write(root.path(), &format!("sys/bus/w1/devices/{serial}/w1_slave"), &text);
    };
    let chip = "sys/class/hwmon/hwmon0";
    write(root.path(), &format!("{chip}/name"), "chip");
    write(root.path(), &format!("{chip}/temp1_input"), "warm");
    write(root.path(), &format!("{chip}/temp2_input"), "41000");
    probe("28-0001", "5e ff 4b 46 7f ff 02 10 00", 99_999);
    probe("28-0002", "5e ff 4b 46 7f ff 02 10 00", -10_125);
    let agent = Agent::start(root.path());
    let said = |source: &str| agent.failing(source).unwrap_or_default();
    agent.says("28-0001: its bytes say -10.125 Cel, and t= says 99.999", || said("1-wire"));
    agent.says("temp1_input: holds no number", || said("hwmon"));
    // What fails later is no less wrong than what failed first.
    write(root.path(), &format!("{chip}/temp2_input"), "hot");
    probe("28-0002", "00 00 00 00 00 00 00 00 00", 0);
    agent.says("temp2_input: holds no number", || said("hwmon"));
    agent.says("28-0002: all its bytes are zero", || said("1-wire"));
    agent.says("temp2_input", || agent.log());
    agent.says("28-0002", || agent.log());
    // In as many rounds as it takes to say it again.
    let rounds = agent.report().unwrap().failing.iter().find(|trouble| trouble.source == "hwmon").unwrap().count;
    eventually(|| {
        let report = agent.report()?;
        let hwmon = report.failing.iter().find(|trouble| trouble.source == "hwmon")?;
        (hwmon.count > rounds + 20).then_some(())
    });
    let log = agent.log();
    for name in ["temp1_input", "temp2_input", "28-0001", "28-0002"] {
        assert_eq!(log.matches(name).count(), 1, "{name}: {log}");
    }
    assert!(!log.contains("works again"), "{log}");
}

/// An agent without a hub.
struct Agent {
    child: Child,
    dir: tempfile::TempDir,
}

impl Agent {
    fn start(root: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = File::create(dir.path().join("log")).unwrap();
        let mut run = Command::new(env!("CARGO_BIN_EXE_device-agent"));
        run.args(["run", "--hub", "127.0.0.1:9", "--interval", "50ms", "--state"]).arg(dir.path().join("state"));
        run.env("DEVICE_AGENT_SENSOR_ROOT", root).stdout(Stdio::null()).stderr(log);
        Self { child: run.spawn().unwrap(), dir }
    }

    fn report(&self) -> Option<Report> {
        status::ask(&self.dir.path().join("state")).ok()
    }

    fn failing(&self, source: &str) -> Option<String> {
        let failing = self.report()?.failing;
        failing.into_iter().find(|trouble| trouble.source == source).map(|trouble| trouble.error)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    /// Waits until `text` is in it.
    fn says(&self, text: &str, mut of: impl FnMut() -> String) {
        eventually(|| of().contains(text).then_some(()));
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What there is, and what is said of what is left out.
fn look(host: &mut Host) -> (HashMap<String, f64>, HashMap<String, String>) {
    let mut samples = Samples::default();
    host.look(clock::now(), &mut samples, |_, _| {});
    let values = samples.iter().map(|sample| (sample.name.to_owned(), sample.value)).collect();
    (values, host.remarks().map(|remark| (remark.source.clone(), remark.text.clone())).collect())
}

fn machine() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let stat = "cpu  100 0 50 800 50 0 0 0 0 0\n";
    let memory = "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 250 kB\n";
    for (file, text) in
        [("stat", stat), ("meminfo", memory), ("loadavg", "0.5 0.4 0.3 1/1 1\n"), ("uptime", "1.0 1.0\n")]
    {
        write(root.path(), &format!("proc/{file}"), text);
    }
    for file in ["net/dev", "self/mountinfo"] {
        write(root.path(), &format!("proc/{file}"), "");
    }
    root
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Asks again until there is an answer; the test fails after twenty seconds without.
#[track_caller]
fn eventually<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    for _ in 0..200 {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("no answer within twenty seconds")
}

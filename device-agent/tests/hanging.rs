//! Files that never answer, or take their time: each costs itself, is named, and comes back by itself.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use device_agent::clock;
use device_agent::sensor::{Host, Samples};
use device_agent::status;

const HWMON: &str = "sys/class/hwmon/hwmon0";

#[test]
fn a_file_of_any_source_that_never_answers_costs_itself_alone_and_is_named() {
    for (source, file, also) in [
        ("hwmon", "sys/class/hwmon/hwmon0/temp1_input", "temp.chip.2"),
        ("hwmon", "sys/class/hwmon/hwmon0/temp1_label", "temp.chip.2"),
        ("hwmon", "sys/class/hwmon/hwmon0/temp1_fault", "temp.chip.2"),
        ("hwmon", "sys/class/hwmon/hwmon1/name", "temp.chip.2"),
        ("thermal", "sys/class/thermal/thermal_zone0/temp", "temp.other"),
        ("thermal", "sys/class/thermal/thermal_zone0/type", "temp.other"),
        ("iio", "sys/bus/iio/devices/iio:device0/in_temp_scale", "iio.adc.voltage0"),
        ("power", "sys/class/power_supply/BAT0/voltage_now", "power.bat0.charge_pct"),
        ("memory", "proc/meminfo", "load.1m"),
        ("load", "proc/uptime", "temp.other"),
        ("disk", "proc/self/mountinfo", "load.1m"),
    ] {
        let root = machine();
        let _ = fs::remove_file(root.path().join(file));
        pipe(&root.path().join(file));
        let mut host = Host::new(root.path(), Vec::new());
        let values = until(&mut host, |values, host| {
            let said: Vec<_> = host.troubles().map(|trouble| (&*trouble.source, &*trouble.error)).collect();
            said == [(source, &*format!("/{file}: no answer"))] && values.contains_key(also)
        });
        assert!(values.contains_key("fan.chip.1") && values.contains_key("temp.chip.2"), "{file}: {values:?}");
    }
}

#[test]
fn what_hung_comes_back_when_it_answers_or_is_replaced() {
    let root = machine();
    let file = root.path().join(HWMON).join("temp1_input");
    fs::remove_file(&file).unwrap();
    pipe(&file);
    let mut host = Host::new(root.path(), Vec::new());
    until(&mut host, |_, host| host.troubles().count() == 1);
    // Somebody holds the other end by now, so that writing does not wait.
    fs::OpenOptions::new().write(true).open(&file).unwrap().write_all(b"51000\n").unwrap();
    let values = until(&mut host, |values, _| values.contains_key("temp.chip.1"));
    assert_eq!(values["temp.chip.1"], 51.0);
    fs::remove_file(&file).unwrap();
    fs::write(&file, "52000\n").unwrap();
    let values = until(&mut host, |values, _| values.contains_key("temp.chip.1"));
    assert_eq!((values["temp.chip.1"], host.troubles().count()), (52.0, 0));
}

#[test]
fn what_hangs_of_a_battery_keeps_the_rest_of_it_from_nobody() {
    let root = machine();
    pipe(&root.path().join("sys/class/power_supply/BAT0/voltage_now"));
    let mut host = Host::new(root.path(), Vec::new());
    // It is said to give no answer once it was waited for; the rest is there before, and told once a round.
    let values = until(&mut host, |values, _| values.contains_key("power.bat0.charge_pct"));
    assert_eq!((values["power.bat0.charge_pct"], host.troubles().count()), (87.0, 0));
    until(&mut host, |values, host| host.troubles().count() == 1 && values.contains_key("power.bat0.charge_pct"));
}

#[test]
fn two_hundred_that_hang_take_a_bounded_number_of_threads_and_hold_up_nobody() {
    let root = machine();
    for chip in 2..22 {
        write(root.path(), &format!("sys/class/hwmon/hwmon{chip}/name"), "dead\n");
        for probe in 1..11 {
            pipe(&root.path().join(format!("sys/class/hwmon/hwmon{chip}/temp{probe}_input")));
        }
    }
    write(root.path(), "sys/class/hwmon/hwmon99/name", "last\n");
    write(root.path(), "sys/class/hwmon/hwmon99/temp1_input", "33000\n");
    let mut host = Host::new(root.path(), Vec::new());
    for _ in 0..5 {
        assert_eq!(sample(&mut host).get("temp.last.1"), Some(&33.0));
        let threads = fs::read_dir("/proc/self/task").unwrap().count();
        assert!(threads < 120, "{threads} threads, those of the other tests among them");
    }
    until(&mut host, |_, host| host.troubles().any(|trouble| trouble.error.ends_with(" more")));
}

#[test]
fn a_slow_file_gives_what_it_can_and_is_named_with_its_usual_time() {
    let root = machine();
    let file = root.path().join(HWMON).join("temp1_input");
    fs::remove_file(&file).unwrap();
    pipe(&file);
    // Answers each time it is asked, after a while.
    let answers = file.clone();
    std::thread::spawn(move || {
        while let Ok(mut file) = fs::OpenOptions::new().write(true).open(&answers) {
            std::thread::sleep(Duration::from_millis(600));
            let _ = file.write_all(b"44000\n");
        }
    });
    let mut host = Host::new(root.path(), Vec::new());
    let values = until(&mut host, |values, host| values.contains_key("temp.chip.1") && host.remarks().count() == 1);
    assert_eq!((values["temp.chip.1"], values["temp.chip.2"]), (44.0, 42.0));
    let remark = host.remarks().next().unwrap();
    let usual = remark.text.strip_prefix("/sys/class/hwmon/hwmon0/temp1_input: slow, usually takes ");
    assert!(remark.source == "hwmon" && usual.is_some_and(|usual| usual.ends_with(" s")), "{remark:?}");
    fs::remove_file(&file).unwrap();
}

#[test]
fn an_agent_all_of_whose_files_hang_answers_and_ends_when_it_is_told_to() {
    let root = tempfile::tempdir().unwrap();
    for file in ["stat", "meminfo", "loadavg", "uptime", "self/mountinfo", "net/dev"] {
        pipe(&root.path().join("proc").join(file));
    }
    pipe(&root.path().join("sys/bus/w1/devices/28-0001/w1_slave"));
    for probe in 1..201 {
        pipe(&root.path().join(HWMON).join(format!("temp{probe}_input")));
    }
    let state = tempfile::tempdir().unwrap();
    let agent = Command::new(env!("CARGO_BIN_EXE_device-agent"))
        .args(["run", "--hub", "127.0.0.1:9", "--state"])
        .arg(state.path())
        .env("DEVICE_AGENT_SENSOR_ROOT", root.path())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut agent = Agent(agent);
    let deadline = clock::now().mono + Duration::from_secs(60);
    let failing = loop {
        let failing = status::ask(state.path()).map_or_else(|_| Vec::new(), |report| report.failing);
        if failing.len() >= 7 || clock::now().mono > deadline {
            break failing;
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    let mut sources: Vec<&str> = failing.iter().map(|trouble| &*trouble.source).collect();
    sources.sort_unstable();
    assert_eq!(sources, ["1-wire", "cpu", "disk", "hwmon", "load", "memory", "network"], "{failing:?}");
    assert!(failing.iter().all(|trouble| trouble.error.contains("no answer")), "{failing:?}");
    assert!(agent.threads() <= 60, "{} threads", agent.threads());
    assert!(agent.ends_within(Duration::from_secs(5)));
}

/// A running agent, which is not left behind.
struct Agent(Child);

impl Agent {
    fn threads(&self) -> usize {
        fs::read_dir(format!("/proc/{}/task", self.0.id())).unwrap().count()
    }

    fn ends_within(&mut self, limit: Duration) -> bool {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let deadline = clock::now().mono + limit;
        while clock::now().mono < deadline {
            if self.0.try_wait().unwrap().is_some_and(|status| status.success()) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        false
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Rounds, one after the other, until one is as it should be, within a minute.
fn until(host: &mut Host, fine: impl Fn(&HashMap<String, f64>, &Host) -> bool) -> HashMap<String, f64> {
    let deadline = clock::now().mono + Duration::from_secs(60);
    loop {
        let values = sample(host);
        if fine(&values, host) {
            return values;
        }
        let troubles: Vec<_> = host.troubles().collect();
        assert!(clock::now().mono < deadline, "{values:?} {troubles:?} {:?}", host.remarks().collect::<Vec<_>>());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn sample(host: &mut Host) -> HashMap<String, f64> {
    let mut samples = Samples::default();
    host.look(clock::now(), &mut samples, |_, _| {});
    samples.iter().map(|sample| (sample.name.to_owned(), sample.value)).collect()
}

fn pipe(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
}

fn machine() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, content) in [
        ("proc/stat", "cpu  100 0 50 840 10 0 0 0 0 0\n"),
        ("proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 250 kB\n"),
        ("proc/loadavg", "0.50 0.40 0.30 1/100 4242\n"),
        ("proc/uptime", "1234.50 99.0\n"),
        ("proc/self/mountinfo", "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"),
        ("proc/net/dev", "Inter-|\n face |\n"),
        ("sys/class/hwmon/hwmon0/name", "chip\n"),
        ("sys/class/hwmon/hwmon0/temp1_input", "41000\n"),
        ("sys/class/hwmon/hwmon0/temp2_input", "42000\n"),
        ("sys/class/hwmon/hwmon0/fan1_input", "1200\n"),
        ("sys/class/thermal/thermal_zone0/type", "zone\n"),
        ("sys/class/thermal/thermal_zone0/temp", "51000\n"),
        ("sys/class/thermal/thermal_zone1/type", "other\n"),
        ("sys/class/thermal/thermal_zone1/temp", "52000\n"),
        ("sys/bus/iio/devices/iio:device0/name", "adc\n"),
        ("sys/bus/iio/devices/iio:device0/in_temp_raw", "21000\n"),
        ("sys/bus/iio/devices/iio:device0/in_voltage0_raw", "1000\n"),
        ("sys/class/power_supply/BAT0/capacity", "87\n"),
    ] {
        write(root.path(), path, content);
    }
    root
}

fn write(root: &Path, path: &str, content: &str) {
    let path: PathBuf = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

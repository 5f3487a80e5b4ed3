//! Sources of their own pace, over fixture trees, real commands and real sockets: what they give, and that one that hangs,
//! fails or talks nonsense holds up none of the others.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

use std::collections::HashMap;
use std::fs;
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use device_agent::intake::{Address, Format, Intake, Measured, Naming, Source};
use wire::{SensorKind, UnixMillis};

const NOW: UnixMillis = UnixMillis(1_770_000_000_000);
const OFTEN: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_file_gives_a_number_or_what_a_pointer_says() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "level", " 1250\n");
    write(root.path(), "tank.json", r#"{"tanks": [{"level": 1.5}]}"#);
    let readings = gather(
        vec![file(root.path(), "level", Format::Number), file(root.path(), "tank.json", json("/tanks/0/level"))],
        2,
    )
    .await;
    assert_eq!((readings["level"].value, readings["tank.json"].value), (1250.0, 1.5));
    assert_eq!((&*readings["level"].unit, readings["level"].kind), ("mm", SensorKind::Counter));
}

#[tokio::test]
async fn a_command_gives_numbers_json_or_lines() {
    let readings = gather(
        vec![
            exec("plain", "echo 42 and more", Format::Number),
            exec("ups", r#"echo '{"load": 12, "on": true}'"#, json("")),
            exec("line", "echo 'net,if=a rx=7i 1700000000000000000'", Format::Influx),
        ],
        4,
    )
    .await;
    assert_eq!((readings["plain"].value, readings["ups.load"].value, readings["ups.on"].value), (42.0, 12.0, 1.0));
    assert_eq!(readings["line.net.a.rx"].at, Some(UnixMillis(1_700_000_000_000)));
}

#[tokio::test]
async fn sources_that_fail_hang_or_babble_are_named_and_hold_up_nobody() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "text", "warm\n");
    fs::create_dir(root.path().join("folder")).unwrap();
    let pipe = root.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut intake = Intake::start(vec![
        file(root.path(), "text", Format::Number),
        file(root.path(), "absent", Format::Number),
        file(root.path(), "folder", Format::Number),
        file(root.path(), "pipe", Format::Number),
        exec("fails", "echo no probe >&2; exit 3", Format::Number),
        exec("hangs", "sleep 60 & sleep 60", Format::Number),
        exec("babbles", "yes | head -c 300000", Format::Number),
        exec("good", "echo 1", Format::Number),
    ]);
    let mut good = 0;
    tokio::time::timeout(Duration::from_secs(20), async {
        while good < 5 || intake.troubles().count() < 7 {
            let arrived = intake.next().await;
            good += arrived.readings.len();
            intake.note(&arrived, NOW);
        }
    })
    .await
    .unwrap();
    let troubles: Vec<_> = intake.troubles().collect();
    for (at, (source, why)) in [
        ("file text", "'warm' is not a number"),
        ("file absent", "No such file"),
        ("file folder", "not a regular file"),
        ("file pipe", "not a regular file"),
        ("exec fails", "no probe"),
        ("exec hangs", "took longer than 0.5 s"),
        ("exec babbles", "'y' is not a number"),
    ]
    .into_iter()
    .enumerate()
    {
        let trouble = troubles[at];
        assert!(trouble.source == source && trouble.error.contains(why) && trouble.since == NOW, "{trouble:?}");
    }
}

#[tokio::test]
async fn what_a_command_wrote_counts_when_it_has_ended_whatever_it_left_running() {
    let root = tempfile::tempdir().unwrap();
    let mark = root.path().join("mark");
    let left = format!("(sleep 1; touch {}) & echo 5", mark.display());
    // The second one leaves its group, and holds the pipe until it ends.
    for script in [&*left, "setsid sleep 3 & echo 5"] {
        let readings = gather(vec![exec("left", script, Format::Number)], 1).await;
        assert_eq!(readings["left"].value, 5.0, "{script}");
    }
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(!mark.exists());
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_killed_with_its_children() {
    let root = tempfile::tempdir().unwrap();
    let mark = root.path().join("mark");
    let script = format!("(sleep 1; touch {}) & sleep 60", mark.display());
    let mut intake = Intake::start(vec![exec("slow", &script, Format::Number)]);
    let arrived = intake.next().await;
    assert!(arrived.readings.is_empty());
    drop(intake);
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(!mark.exists());
}

#[tokio::test]
async fn of_one_line_that_is_refused_and_many_that_are_good_one_failure_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let source = Source::Listen { address: Address::Unix(path.clone()), prefix: String::new(), precision: 1 };
    let mut intake = Intake::start(vec![source]);
    let opened = intake.next().await;
    intake.note(&opened, NOW);
    let sender = UnixDatagram::unbound().unwrap();
    for (line, count) in [("q v=bad", 1), ("q v=1", 1), ("q v=2", 1), ("q v=bad", 2), ("q v=3", 2)] {
        sender.send_to(line.as_bytes(), &path).unwrap();
        let arrived = tokio::time::timeout(Duration::from_secs(20), intake.next()).await.unwrap();
        intake.note(&arrived, NOW);
        let told: Vec<_> = intake.troubles().map(|trouble| (trouble.count, trouble.error.clone())).collect();
        assert!(told.len() == 1 && told[0].0 == count && told[0].1.contains("refused"), "{line} {told:?}");
    }
}

#[tokio::test]
async fn other_programs_hand_lines_in_by_udp_and_unix_socket() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("in.sock");
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let listen = |address| Source::Listen { address, prefix: "lab".to_owned(), precision: 1_000_000 };
    let mut intake = Intake::start(vec![listen(Address::Udp(udp)), listen(Address::Unix(path.clone()))]);
    for _ in 0..2 {
        let arrived = intake.next().await;
        intake.note(&arrived, NOW);
    }
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.send_to(b"a v=1 1700000000000\nnonsense\na w=2\n", udp).unwrap();
    let arrived = intake.next().await;
    let names: Vec<&str> = arrived.readings.iter().map(|reading| &*reading.name).collect();
    assert_eq!((names, arrived.interval_ms), (vec!["lab.a.v", "lab.a.w"], 0));
    assert_eq!(arrived.readings[0].at, Some(UnixMillis(1_700_000_000_000)));
    intake.note(&arrived, NOW);
    assert!(intake.troubles().any(|trouble| trouble.error.contains("'nonsense'")));
    UnixDatagram::unbound().unwrap().send_to(b"b value=3", &path).unwrap();
    assert_eq!(intake.next().await.readings[0].name, "lab.b");
}

#[tokio::test]
async fn a_datagram_of_any_length_is_taken_whole_or_cut_between_lines_and_told_of() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("in.sock");
    let source = Source::Listen { address: Address::Unix(path.clone()), prefix: String::new(), precision: 1 };
    let mut intake = Intake::start(vec![source]);
    intake.next().await;
    let sender = UnixDatagram::unbound().unwrap();
    socket2::SockRef::from(&sender).set_send_buffer_size(1 << 20).unwrap();
    let line = "m,device=z v=123456789 1700000000000000000\n";
    // The last one is a byte too long: its last line has no end, and a value of fewer digits.
    for (bytes, cut) in [(150_000, 0), (262_144, 0), (262_145, 1)] {
        let whole = bytes / line.len();
        let mut text = line.repeat(whole);
        text.push_str(&format!("m v={}", "9".repeat(bytes - whole * line.len() - 4)));
        sender.send_to(text.as_bytes(), &path).unwrap();
        let arrived = intake.next().await;
        assert!(arrived.readings.iter().take(whole).all(|reading| reading.value == 123_456_789.0));
        assert_eq!(arrived.readings.len(), whole + 1 - cut, "{bytes} bytes");
        intake.note(&arrived, NOW);
        assert_eq!(intake.lost().map(|(_, lost)| lost.cut).sum::<u64>(), cut as u64, "{bytes} bytes");
    }
    let told = intake.troubles().next().unwrap().error.clone();
    assert_eq!(told, "1 cut at 256 KiB");
    // What is well afterwards does not take that back.
    sender.send_to(b"b value=3", &path).unwrap();
    let arrived = intake.next().await;
    intake.note(&arrived, NOW);
    assert_eq!((arrived.readings.len(), intake.troubles().count()), (1, 1));
}

#[tokio::test]
async fn datagrams_that_the_kernel_drops_are_counted() {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut intake =
        Intake::start(vec![Source::Listen { address: Address::Udp(udp), prefix: String::new(), precision: 1 }]);
    intake.next().await;
    // Nobody takes what arrives: the queue fills, then the kernel's buffer, whatever size it has here.
    let (sender, sent) = (UdpSocket::bind("127.0.0.1:0").unwrap(), 20_000_u64);
    for n in 0..sent {
        sender.send_to(format!("flood n={n}i").as_bytes(), udp).unwrap();
    }
    let (mut taken, mut dropped) = (0, 0);
    tokio::time::timeout(Duration::from_secs(30), async {
        while dropped == 0 || taken + dropped < sent {
            let arrived = intake.next().await;
            taken += arrived.readings.len() as u64;
            intake.note(&arrived, NOW);
            dropped = intake.lost().map(|(_, lost)| lost.dropped).sum();
        }
    })
    .await
    .unwrap_or_else(|_| panic!("{taken} taken and {dropped} dropped of {sent}"));
    assert_eq!(taken + dropped, sent);
    assert!(intake.troubles().any(|trouble| trouble.error == format!("{dropped} datagrams dropped by the kernel")));
}

#[tokio::test]
async fn what_a_command_or_a_file_gives_is_whole_or_refused() {
    let root = tempfile::tempdir().unwrap();
    let lines = "m v=123456789\n".repeat(30_000);
    write(root.path(), "lines", &lines);
    write(root.path(), "long.json", &format!("[{}1]", "1,".repeat(200_000)));
    write(root.path(), "grouped", "1\u{a0}234,5\n");
    write(root.path(), "marked", "\u{feff}12.5\r\n");
    let mut intake = Intake::start(vec![
        file(root.path(), "lines", Format::Influx),
        exec("lines", &format!("cat {}", root.path().join("lines").display()), Format::Influx),
        file(root.path(), "long.json", json("")),
        file(root.path(), "grouped", Format::Number),
        file(root.path(), "marked", Format::Number),
        exec("language", "test \"$LC_ALL\" = C && echo 1", Format::Number),
        exec("mixed", "printf 'a v=1\\nnonsense\\nb v=2\\n'", Format::Influx),
    ]);
    let mut last: HashMap<String, f64> = HashMap::new();
    tokio::time::timeout(Duration::from_secs(20), async {
        while intake.troubles().count() < 5 || !last.contains_key("language") || !last.contains_key("marked") {
            let arrived = intake.next().await;
            intake.note(&arrived, NOW);
            last.extend(arrived.readings.into_iter().map(|reading| (reading.name, reading.value)));
        }
    })
    .await
    .unwrap_or_else(|_| panic!("{last:?}; {:?}", intake.troubles().collect::<Vec<_>>()));
    assert_eq!((last["lines.m.v"], last["marked"], last["mixed.b.v"]), (123_456_789.0, 12.5, 2.0));
    let said: Vec<_> = intake.troubles().map(|trouble| (&*trouble.source, &*trouble.error)).collect();
    for (source, why) in [
        ("file lines", "cut at 256 KiB"),
        ("exec lines", "cut at 256 KiB"),
        ("file long.json", "longer than 256 KiB"),
        ("file grouped", "is not a number"),
        ("exec mixed", "refused, the last: line protocol"),
    ] {
        assert!(said.iter().any(|(name, error)| *name == source && error.contains(why)), "{source}: {said:?}");
    }
}

#[tokio::test]
async fn one_wire_thermometers_are_read_and_a_wrong_checksum_is_not_a_temperature() {
    let root = tempfile::tempdir().unwrap();
    let chip = |serial: &str, bytes: &str, crc: &str, value: i32| {
        let text = format!("{bytes} : crc=57 {crc}\n{bytes} t={value}\n");
        write(root.path(), &format!("sys/bus/w1/devices/{serial}/w1_slave"), &text);
    };
    chip("28-0001", "72 01 4b 46 7f ff 0e 10 57", "YES", 23_125);
    chip("28-0002", "72 01 4b 46 7f ff 0e 10 57", "NO", 23_125);
    chip("28-0003", "50 05 4b 46 7f ff 0c 10 1c", "YES", 85_000);
    chip("28-0005", "50 05 4b 46 7f ff 10 10 bd", "YES", 85_000);
    chip("28-0006", "00 00 00 00 00 00 00 00 00", "YES", 0);
    // One that never answers holds up nobody.
    let hung = root.path().join("sys/bus/w1/devices/28-0007");
    fs::create_dir_all(&hung).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, hung.join("w1_slave"), rustix::fs::Mode::RUSR).unwrap();
    write(root.path(), "sys/bus/w1/devices/28-0004/temperature", "-1500\n");
    write(root.path(), "sys/bus/w1/devices/26-0001/temperature", "6400\n");
    write(root.path(), "sys/bus/w1/devices/30-0001/temperature", "6400\n");
    write(root.path(), "sys/bus/w1/devices/w1_bus_master1/w1_slave", "not a chip");
    let mut intake = Intake::start(vec![Source::OneWire(root.path().to_owned())]);
    let arrived = intake.next().await;
    let readings: Vec<_> = arrived.readings.iter().map(|reading| (&*reading.name, reading.value)).collect();
    let right = [("w1.26-0001", 25.0), ("w1.28-0001", 23.125), ("w1.28-0004", -1.5), ("w1.28-0005", 85.0)];
    assert_eq!(readings, right);
    intake.note(&arrived, NOW);
    let trouble = intake.troubles().next().unwrap().error.clone();
    let said: Vec<&str> = trouble.split("; ").collect();
    assert!(
        matches!(said[..], [checksum, power_on, zero, hangs, family]
        if checksum == "28-0002: wrong checksum"
            && power_on.starts_with("28-0003: 85 Cel before it has measured")
            && zero == "28-0006: all its bytes are zero"
            && hangs.starts_with("28-0007: ") && hangs.ends_with("no answer")
            && family.starts_with("30-0001: the unit of temperatures of family 30")),
        "{trouble}"
    );
}

/// Waits until so many sensors have given something.
async fn gather(sources: Vec<Source>, sensors: usize) -> HashMap<String, Measured> {
    let mut intake = Intake::start(sources);
    let mut readings = HashMap::new();
    tokio::time::timeout(Duration::from_secs(10), async {
        while readings.len() < sensors {
            let arrived = intake.next().await;
            intake.note(&arrived, NOW);
            readings.extend(arrived.readings.into_iter().map(|reading| (reading.name.clone(), reading)));
        }
    })
    .await
    .unwrap_or_else(|_| panic!("only {:?}; {:?}", readings.keys(), intake.troubles().collect::<Vec<_>>()));
    readings
}

fn naming(name: &str) -> Naming {
    Naming { name: name.to_owned(), unit: "mm".to_owned(), kind: SensorKind::Counter, scale: 1.0 }
}

fn json(pointer: &str) -> Format {
    Format::Json(pointer.to_owned())
}

fn file(root: &Path, name: &str, format: Format) -> Source {
    Source::File { path: root.join(name), format, naming: naming(name), every: OFTEN }
}

fn exec(name: &str, script: &str, format: Format) -> Source {
    let command = ["sh", "-c", script].map(str::to_owned).to_vec();
    Source::Exec { command, format, naming: naming(name), every: OFTEN, timeout: Duration::from_millis(500) }
}

fn write(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

//! One name has one source, by the real programs: what a file, another program or a 1-Wire probe calls like a sensor of the
//! machine never gets into its series, whoever came first, and `status` says what it is called instead.

#![allow(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::time::Duration;

use serde_json::Value;
use support::machine::Machine;
use support::{HubProcess, eventually};

const SOON: Duration = Duration::from_secs(60);

/// What is known of a sensor: all its values, each of which stands for a source.
type Series = BTreeMap<String, Vec<f64>>;

#[test]
fn what_is_called_like_a_sensor_of_another_source_is_told_apart_for_good() {
    let (hub, mut machine) = (HubProcess::start("open"), Machine::new(41));
    // temp.probe.1 of the machine is 41.
    machine.write("sys/class/hwmon/hwmon0/temp2_input", "42000");
    machine.write("sys/bus/w1/devices/28-0001/temperature", "43000");
    machine.write("tank", "21.5");
    // Two of one name whose numbers have names of their own, and one that is the same.
    machine.write("one.json", r#"{"t": 5, "only": 6}"#);
    machine.write("other.json", r#"{"t": 8}"#);
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let boxes = ["one", "other"]
        .map(|path| format!("[[file]]\nname = 'box'\npath = '/{path}.json'\nformat = 'json'\ninterval = '50ms'\n"));
    let configure = |machine: &Machine, boxes: &[String]| {
        let text = format!(
            "[[file]]\nname = 'temp.probe.1'\npath = '/tank'\ninterval = '50ms'\n{}[[listen]]\nudp = '{port}'\n\
             [[exec]]\nname = 'late'\ncommand = ['echo', '{{\"1\": 7}}']\nformat = 'json'\ninterval = '50ms'\n",
            boxes.concat()
        );
        machine.write("agent.toml", &text)
    };
    let config = configure(&machine, &boxes);
    let program = UdpSocket::bind("127.0.0.1:0").unwrap();
    let run = |machine: &mut Machine| {
        machine.start(&hub, &["--config", config.to_str().unwrap()]);
        eventually("every source in a series of its own", SOON, || {
            for line in ["temp.probe.2 value=1001", "w1.28-0001 value=1002", "late.1 value=1003"] {
                program.send_to(line.as_bytes(), port).unwrap();
            }
            let series = series(&hub);
            let values: Vec<f64> = series.values().flatten().copied().collect();
            let all = [41.0, 42.0, 43.0, 21.5, 5.0, 6.0, 7.0, 8.0, 1001.0, 1002.0, 1003.0];
            let mut all = all.iter().map(|value| values.contains(value));
            all.all(|is_there| is_there).then_some(series)
        })
    };
    let first = run(&mut machine);
    assert!(first.values().all(|values| values.len() == 1), "{first:?}");
    assert_eq!((&first["temp.probe.1"], &first["temp.probe.2"]), (&vec![21.5], &vec![42.0]), "{first:?}");
    let remarks = machine.status().unwrap()["remarks"].clone();
    let remarks: Vec<&Value> = remarks.as_array().unwrap().iter().collect();
    for (source, text) in [
        ("temp.probe.1-", "this machine calls it temp.probe.1, but file temp.probe.1 has a sensor of that name"),
        ("temp.probe.2-", &*format!("listen {port} calls it temp.probe.2, but this machine has a sensor of that name")),
    ] {
        let is_said =
            |remark: &&Value| remark["source"].as_str().unwrap().starts_with(source) && remark["text"] == text;
        assert!(remarks.iter().any(is_said), "{source} {remarks:?}");
    }
    machine.stop();
    // Whoever is first this time, in whatever order they are configured.
    let [one, other] = boxes;
    configure(&machine, &[other, one]);
    let second = run(&mut machine);
    assert_eq!(second, first);
}

fn series(hub: &HubProcess) -> Series {
    let answer = hub.get("/api/v1/query?device=*&sensor=*&from=now-1h&to=now&points=1");
    let values =
        |of: &Value, name: &str| of[name].as_array().unwrap().iter().filter_map(Value::as_f64).collect::<Vec<_>>();
    let of = |of: &Value| {
        let both = [values(of, "min"), values(of, "max")].concat();
        let mut distinct: Vec<f64> = Vec::new();
        both.into_iter().for_each(|value| {
            if !distinct.contains(&value) {
                distinct.push(value)
            }
        });
        (of["sensor"].as_str().unwrap().to_owned(), distinct)
    };
    answer["series"].as_array().unwrap().iter().map(of).collect()
}

//! Buckets of a zone and times that come in, by the real program: what is stored once is cut the same whatever is asked.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::process::Command;

use serde_json::{Value, json};
use support::{HubProcess, hub_program};

const MINUTE: i64 = 60_000;

fn at(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

/// A hub with a reading of 1 every half hour around the changes of the clock that are asked about.
fn hub() -> HubProcess {
    let hub = HubProcess::start("token");
    for (from, to) in
        [("2024-04-05T00:00:00Z", "2024-04-09T00:00:00Z"), ("2026-10-23T00:00:00Z", "2026-10-28T00:00:00Z")]
    {
        let times = (at(from)..at(to)).step_by(30 * MINUTE as usize);
        let readings: Vec<Value> = times.map(|at| json!({"sensor": "one", "value": 1, "at": at})).collect();
        hub.post("/api/v1/readings", &json!({"device": "d1", "readings": readings}));
    }
    hub
}

/// Begin of each bucket on the zone's clock, and how many readings it has.
fn buckets(hub: &HubProcess, tz: &str, every: &str, from: &str, to: &str) -> Vec<String> {
    let query = format!("/api/v1/query?device=d1&tz={tz}&every={every}&from={from}&to={to}&agg=count");
    let answer = hub.get(&query);
    assert_eq!(answer["note"], Value::Null, "{answer}");
    let series = &answer["series"][0];
    let zone = telemetry_hub::zones::named(&tz.replace("%2B", "+")).unwrap();
    let shown = |t: &Value| {
        let t = jiff::Timestamp::from_millisecond(t.as_i64().unwrap()).unwrap();
        t.to_zoned(zone.clone()).strftime("%d %H:%M").to_string()
    };
    let (t, count) = (series["t"].as_array().unwrap(), series["count"].as_array().unwrap());
    t.iter().zip(count).map(|(t, count)| format!("{} {count}", shown(t))).collect()
}

#[test]
fn six_hours_are_cut_at_the_same_times_of_day_whatever_the_range_begins_with() {
    let hub = hub();
    // Two readings an hour: 14 are seven hours.
    let berlin = ["25 00:00 14", "25 06:00 12", "25 12:00 12", "25 18:00 12", "26 00:00 12", "26 06:00 12"];
    for (from, skipped) in [
        ("2026-10-24T22:00:00Z", 0),
        ("2026-10-25T00:30:00Z", 0),
        ("2026-10-25T01:30:00Z", 0),
        ("2026-10-25T05:00:00Z", 1),
        ("2026-10-25T22:59:59Z", 3),
        ("2026-10-26T05:00:00Z", 5),
    ] {
        let found = buckets(&hub, "Europe/Berlin", "6h", from, "2026-10-26T11:00:00Z");
        assert_eq!(found, berlin[skipped..], "{from}");
    }
    let sydney = ["07 00:00 14", "07 06:00 12", "07 12:00 12", "07 18:00 12", "08 00:00 12"];
    for from in ["2024-04-06T13:00:00Z", "2024-04-06T15:59:59Z", "2024-04-06T17:00:00Z", "2024-04-06T19:59:59Z"] {
        assert_eq!(buckets(&hub, "Australia/Sydney", "6h", from, "2024-04-07T20:00:00Z"), sydney, "{from}");
    }
    let howe = ["07 01:00 3", "07 02:00 2", "07 03:00 2"];
    for from in ["2024-04-06T14:00:00Z", "2024-04-06T15:10:00Z"] {
        assert_eq!(buckets(&hub, "Australia/Lord_Howe", "1h", from, "2024-04-06T17:30:00Z"), howe, "{from}");
    }
    let kathmandu = buckets(&hub, "asia/kathmandu", "6h", "2024-04-06T00:00:00Z", "2024-04-06T12:15:00Z");
    assert_eq!(kathmandu, ["06 00:00 12", "06 06:00 12", "06 12:00 12"]);
    // Weeks begin on a Monday, in any zone.
    assert_eq!(buckets(&hub, "%2B05:30", "1w", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"), ["19 00:00 133"]);
    for tz in ["local", "Mars/Olympus", "right/Europe/Berlin", "%2B25:00"] {
        let query = format!("/api/v1/query?device=d1&every=1d&tz={tz}");
        let (status, problem) = hub.request("GET", &query, None).unwrap();
        assert!(status == 400 && problem.contains(r#""field":"tz""#), "{tz}: {problem}");
    }
}

#[test]
fn the_command_line_prints_times_in_the_zone_it_cuts_by() {
    let hub = hub();
    let query = |env: &str, args: &[&str]| {
        let mut command = Command::new(hub_program());
        command.args(["query", "--hub", &format!("http://{}", hub.http), "--token", &hub.token, "--sensor", "one"]);
        let done = command.args(args).env("TZ", env).output().unwrap();
        (done.status.code(), String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned())
    };
    let night = ["--from", "2026-10-24T23:00:00Z", "--to", "2026-10-25T03:00:00Z", "--every", "1h"];
    let (code, text) = query("Asia/Kathmandu", &[&night[..], &["--tz", "Europe/Berlin"]].concat());
    let times: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("2026-10-25 ")?.get(..15)).map(str::trim).collect();
    assert_eq!((code, times), (Some(0), vec!["01:00:00", "02:00:00 +02:00", "02:00:00 +01:00", "03:00:00"]), "{text}");
    assert!(text.contains("TIME (Europe/Berlin)"), "{text}");
    // Without one, the zone of this computer, for both.
    let (code, text) =
        query("Australia/Sydney", &["--from", "2024-04-06T13:00:00Z", "--to", "2024-04-06T20:30:00Z", "--every", "6h"]);
    assert!(code == Some(0) && text.contains("TIME (Australia/Sydney)"), "{text}");
    assert!(text.contains("2024-04-07 00:00:00") && text.contains("2024-04-07 06:00:00"), "{text}");
    let (code, text) = query("UTC", &[&night[..], &["--tz", "+05:30"]].concat());
    assert!(code == Some(0) && text.contains("TIME (+05:30)") && text.contains("2026-10-25 04:00:00"), "{text}");
    let (code, text) = query("UTC", &[&night[..], &["--tz", "local"]].concat());
    assert!(code == Some(2) && text.contains("--tz: `local` is not a known time zone"), "{text}");
}

#[test]
fn the_hub_tells_whose_rules_of_time_zones_count() {
    let hub = HubProcess::start("token");
    let rules = hub.get("/api/v1/hub")["time_zone_rules"].clone();
    let version = rules["version"].as_str().unwrap().to_owned();
    // Of 2026, or what a newer machine has: of neither is it said that they are old before a year has passed.
    assert!(*version >= *"2026f", "{rules}");
    let doctor = Command::new(hub_program())
        .args([
            "doctor",
            "--discovery",
            "off",
            "--http",
            &hub.http.to_string(),
            "--udp",
            &hub.udp.to_string(),
            "--data",
        ])
        .arg(&hub.data)
        .output()
        .unwrap();
    let text = String::from_utf8(doctor.stdout).unwrap();
    assert!(text.contains(&format!("tz database {version}")), "{text}");
    // A machine that is newer counts; where it is too old, that is said.
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("tzdata.zi"), "# version 2099a\n").unwrap();
    let doctor = Command::new(hub_program()).arg("doctor").env("TZDIR", dir.path()).output().unwrap();
    let text = String::from_utf8(doctor.stdout).unwrap();
    assert!(text.contains(&format!("tz database 2099a (from {})", dir.path().display())), "{text}");
}

#[test]
fn a_time_in_another_unit_is_refused_with_what_it_looks_like() {
    let hub = HubProcess::start("token");
    let dir = tempfile::tempdir().unwrap();
    let import = |name: &str, text: &str, flags: &[&str]| {
        let file = dir.path().join(name);
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new(hub_program());
        command.args(["import", "--hub", &format!("http://{}", hub.http), "--token", &hub.token]).args(flags).arg(file);
        let done = command.output().unwrap();
        (done.status.code(), String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned())
    };
    let tomorrow = telemetry_hub::clock::Clock.wall().0 + 86_400_000;
    for (at, said) in [
        ("1710000000", "looks like epoch seconds: write 1710000000000 or 2024-03-09T16:00:00.000Z"),
        ("1710000000.5", "looks like epoch seconds: write 1710000000500"),
        ("1710000000000000", "looks like epoch microseconds"),
        ("20240309", "looks like a date without its dashes: write 1709942400000 or 2024-03-09T00:00:00.000Z"),
        ("45360", "looks like a spreadsheet's number of a day: write 1709942400000"),
        ("now-6h", "is relative to the present"),
        ("2024-03-09 16:00:00", "has no time zone"),
        ("1970-01-20T19:00:00Z", "is before the year 2000"),
        (&tomorrow.to_string(), "is in the future"),
    ] {
        let csv = format!("device,sensor,at,value\nd,s,1710000000000,1\nd,s,{at},2\n");
        let ndjson = format!(
            "{{\"device\":\"d\",\"sensor\":\"s\",\"at\":1710000000000,\"value\":1}}\n\n{{\"device\":\"d\",\"sensor\":\"s\",\"at\":\"{at}\",\"value\":2}}\n"
        );
        for (name, text, line) in [("a.csv", &csv, 3), ("a.ndjson", &ndjson, 3)] {
            for flags in [&["--dry-run"][..], &[]] {
                let (code, output) = import(name, text, flags);
                assert_eq!(code, Some(2), "{name} {at}: {output}");
                assert!(output.contains(&format!("line {line}")) && output.contains(said), "{name} {at}: {output}");
            }
        }
    }
    assert_eq!(hub.get("/api/v1/devices")["items"], json!([]), "nothing of it is there");
    // What a device with a wrong clock reported comes back from an export, if that is said.
    let old = "device,sensor,at,value\nd,s,1970-01-20T19:00:00.000Z,2\n";
    let (code, output) = import("old.csv", old, &["--any-time"]);
    assert_eq!(code, Some(0), "{output}");

    // The other doors, and questions.
    let refused = |method: &str, path: &str, body: &str| {
        let (status, problem) = hub.request(method, path, Some(body.to_owned())).unwrap();
        assert_eq!(status, 400, "{path}: {problem}");
        problem
    };
    for at in ["1710000000", "1710000000.25", "\"1710000000\""] {
        let body = format!(r#"{{"device":"d","readings":[{{"sensor":"s","value":1,"at":{at}}}]}}"#);
        let problem = refused("POST", "/api/v1/readings", &body);
        assert!(problem.contains("readings[0].at") && problem.contains("epoch seconds"), "{problem}");
    }
    for path in ["/write?db=t", "/api/v2/write?bucket=t"] {
        let problem = refused("POST", path, "m,host=h a=1 1710000000");
        let said = "line 1, column 14: 1970-01-01T00:00:01.710Z is before the year 2000";
        assert!(problem.contains(said) && problem.contains("looks like seconds: set precision=s"), "{problem}");
    }
    for path in [
        "/api/v1/query?from=1710000000",
        "/api/v1/readings?device=d&sensor=s&from=1710000000",
        "/api/v1/export?from=1710000000",
        "/api/v1/alerts?from=1710000000",
    ] {
        let problem = refused("GET", path, "");
        assert!(problem.contains(r#""field":"from""#) && problem.contains("epoch seconds"), "{path}: {problem}");
    }
    let silence = refused("POST", "/api/v1/silences", r#"{"device":"*","until":1910000000}"#);
    assert!(silence.contains(r#""field":"until""#) && silence.contains("epoch seconds"), "{silence}");
}

use super::*;
use crate::model::device;

#[test]
fn who_pushes_is_missed_after_three_of_its_own_intervals() {
    let (presence, device) = (Presence::default(), DeviceNo(1));
    let address = SocketAddr::from(([192, 168, 0, 5], 1));
    let push = |second: i64| {
        let at = UnixMillis(second * 1_000);
        presence.pushed([(device, at)], address, at);
    };
    let is_online = |interval, second: i64| presence.is_online(device, interval, UnixMillis(second * 1_000));
    assert!(!is_online(0, 0));
    push(0);
    assert!(is_online(0, 300) && !is_online(0, 301));
    push(100);
    // The second part of the same round.
    presence.pushed([(device, UnixMillis(100_010))], address, UnixMillis(100_010));
    assert!(is_online(0, 400) && !is_online(0, 401));
    (10..20).for_each(|round| push(10 * round));
    assert!(is_online(0, 250) && !is_online(0, 251), "at least a minute");
    assert!(is_online(5_000, 205) && !is_online(5_000, 206), "what a person set counts");
    // Several requests, two seconds apart, each hour.
    (1..4).for_each(|hour| (0..5).for_each(|request| push(3_600 * hour + 2 * request)));
    assert!(is_online(0, 3 * 3_600 + 3 * 3_500));
}

fn at(second: i64) -> UnixMillis {
    UnixMillis(second * 1_000)
}

/// A hub that was started: what it knows of the devices that it saved.
fn started(second: i64, devices: &[Device]) -> (Presence, Catalog) {
    let (presence, mut catalog) = (Presence::default(), Catalog::default());
    devices.iter().for_each(|device| catalog.put_device(device.clone()));
    presence.resume(&catalog, at(second));
    (presence, catalog)
}

/// One that was last pushed at a second.
fn pusher(no: u32, second: i64, every_s: Option<i64>) -> Device {
    let address = Some(SocketAddr::from(([192, 168, 0, 5], 0)));
    let (one, pushed_every_ms) = (Device::adopted(no), every_s.map(|s| s * 1_000));
    Device { key: device::no_key(one.id), last_seen: Some(at(second)), address, pushed_every_ms, ..one }
}

#[test]
fn who_pushed_before_a_start_is_missed_from_there_on_after_three_of_its_own_intervals() {
    let (presence, catalog) = started(167, &[pusher(1, 160, Some(80))]);
    let absences = |second| presence.looked(&catalog, at(second)).offline;
    assert!(presence.is_online(DeviceNo(1), 0, at(400)) && absences(400).is_empty());
    let missed = Absence { device: DeviceNo(1), heard: at(160), usual_ms: 240_000, missed_at: at(407) };
    assert_eq!(absences(401), [missed], "counted from the start");
    // What was not heard because the hub was away is no pause.
    presence.pushed([(DeviceNo(1), at(5_000))], SocketAddr::from(([192, 168, 0, 5], 1)), at(5_000));
    assert_eq!(presence.read().pushed[&DeviceNo(1)].every_ms(), Some(80_000));
    assert_eq!(absences(5_241)[0].missed_at, at(5_240));
}

#[test]
fn who_pushed_once_is_missed_after_a_day_for_it_may_push_each_hour() {
    let (presence, catalog) = started(0, &[pusher(1, -7_200, None)]);
    let absences = |second| presence.looked(&catalog, at(second)).offline;
    let missed_at = |second| absences(second).iter().map(|absence| absence.missed_at).collect::<Vec<_>>();
    assert_eq!(missed_at(1), [at(86_400)]);
    let push = |second| presence.pushed([(DeviceNo(1), at(second))], SocketAddr::from(([10, 0, 0, 5], 1)), at(second));
    push(100);
    push(3_700);
    assert!(absences(3_700 + 3 * 7_300).is_empty());
    assert_eq!(missed_at(3_701 + 3 * 7_300), [at(3_700 + 3 * 7_300)]);
}

#[test]
fn who_pushes_more_often_than_once_a_second_is_missed_after_a_minute_and_its_clock_is_known() {
    let address = SocketAddr::from(([10, 0, 0, 5], 1));
    // One request each 350 ms, and five within each second.
    for steps in [&[350_i64] as &[_], &[20, 20, 20, 20, 920]] {
        let (presence, mut now) = (Presence::default(), UnixMillis(100_000));
        for step in steps.iter().cycle() {
            if now >= UnixMillis(140_000) {
                break;
            }
            now = now.plus(*step);
            presence.pushed([(DeviceNo(1), now.plus(90_000))], address, now);
        }
        assert!(presence.is_online(DeviceNo(1), 0, now.plus(60_000)), "{steps:?}");
        assert!(!presence.is_online(DeviceNo(1), 0, now.plus(60_001)), "{steps:?}");
        assert_eq!(presence.clocks().get(&DeviceNo(1)), Some(&90_000), "{steps:?}");
    }
}

#[test]
fn the_parts_of_one_upload_teach_nothing_of_how_often_it_comes() {
    let address = SocketAddr::from(([10, 0, 0, 5], 1));
    // Ten requests each hour, two seconds apart: of readings that it kept, oldest first and newest first, of one moment; and
    // two that have no time.
    type Age = fn(i64) -> i64;
    let parts: [(&str, i64, Age); 4] = [
        ("oldest first", 10, |part| 360 * (part - 10)),
        ("newest first", 10, |part| -360 * part),
        ("of one moment", 10, |part| -2 * part),
        ("without a time", 2, |_| 0),
    ];
    for (what, many, age) in parts {
        let (presence, catalog) = started(0, &[Device { last_seen: None, ..pusher(1, 0, None) }]);
        let mut now = 0;
        for hour in 0..3 {
            for part in 0..many {
                now = 100 + 3_600 * hour + 2 * part;
                presence.pushed([(DeviceNo(1), at(now + age(part)))], address, at(now));
            }
            let absent = presence.looked(&catalog, at(now + 3_500)).offline;
            assert!(hour == 0 || presence.is_online(DeviceNo(1), 0, at(now + 3_500)), "{what}");
            assert!(absent.iter().all(|absence| absence.missed_at > at(now + 3_500)), "{what}: {absent:?}");
        }
        assert!(!presence.is_online(DeviceNo(1), 0, at(now + 3 * 3_600 + 1)), "{what}");
    }
}

#[test]
fn who_was_imported_or_forgotten_is_not_missed() {
    let imported = Device { last_seen: None, ..pusher(1, 0, None) };
    let agent = Some(SocketAddr::from(([192, 168, 0, 5], 40_000)));
    let (presence, catalog) = started(6, &[imported, Device { address: agent, ..pusher(3, 5, None) }]);
    assert_eq!(presence.looked(&catalog, at(100)).offline, []);
}

#[test]
fn of_an_agent_that_is_online_it_is_known_what_fails_and_how_far_its_clock_is_off() {
    let device = Device::adopted(1);
    let (presence, catalog) = started(0, std::slice::from_ref(&device));
    let link = Link {
        address: SocketAddr::from(([192, 168, 0, 5], 1)),
        last_seen: at(100),
        session_since: at(100),
        loss_pct: 0.0,
        rtt_ms: None,
        clock_offset_ms: Some(-3.6e6),
        spool_batches: 0,
        dropped_readings: 0,
    };
    presence.write().links.insert(device.no, link);
    let failing = |second| presence.looked(&catalog, at(second)).failing.get(&device.no).copied();
    assert_eq!((failing(105), failing(110)), (None, Some(0)), "it may not have said so yet");
    let of = |count| wire::message::SourceError::new("gps", "no such device", at(90), count);
    presence.write().health.insert(device.no, Health { sources: vec![of(3), of(0)], more: 2, ..Health::default() });
    assert_eq!(failing(105), Some(3), "what fails in nothing does not count");
    assert_eq!(presence.looked(&catalog, at(105)).clocks[&device.no], -3_600_000);
    let gone = presence.looked(&catalog, at(200));
    assert_eq!(
        (gone.offline.len(), gone.failing.len(), gone.clocks.len()),
        (1, 0, 0),
        "of who is away nothing is known"
    );
}

#[test]
fn an_agent_whose_clock_was_never_set_stamps_by_the_hubs() {
    let now = UnixMillis(1_800_000_000_000);
    let of_offset = |clock_offset_ms| {
        let presence = Presence::default();
        let link = Link {
            address: SocketAddr::from(([192, 168, 0, 5], 1)),
            last_seen: now,
            session_since: now,
            loss_pct: 0.0,
            rtt_ms: None,
            clock_offset_ms,
            spool_batches: 0,
            dropped_readings: 0,
        };
        presence.write().links.insert(DeviceNo(1), link);
        presence.clocks().get(&DeviceNo(1)).copied()
    };
    assert_eq!([None, Some(-1.8e12)].map(of_offset), [None, Some(0)]);
    assert_eq!([Some(4e5), Some(-3.6e6)].map(of_offset), [Some(400_000), Some(-3_600_000)]);
}

#[test]
fn a_clock_that_is_off_is_known_by_what_is_pushed() {
    let offset = |every: i64, ahead: [i64; 4]| {
        let (presence, device) = (Presence::default(), DeviceNo(1));
        let address = SocketAddr::from(([192, 168, 0, 5], 1));
        for (push, ahead) in (1..).zip(ahead) {
            let now = UnixMillis(push * every * 1_000);
            presence.pushed([(device, now.plus(ahead * 1_000))], address, now);
        }
        presence.read().pushed[&device].clock_offset_ms().map(|ms| ms / 1_000)
    };
    assert_eq!(offset(1, [240, 241, 240, 242]), Some(240));
    assert_eq!(offset(1, [-360; 4]), Some(-360));
    assert_eq!(offset(1, [0, 240, 0, 0]), Some(0), "one from ahead is no clock");
    assert_eq!(offset(3_600, [-1_800, -20, -3_000, -600]), Some(0), "a logger keeps its readings");
    assert_eq!(offset(3_600, [7_200; 4]), Some(7_200));
}

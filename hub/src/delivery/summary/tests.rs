//! What one message says of many.

use jiff::tz::TimeZone;

use super::*;
use crate::delivery::sign::PictureKey;
use crate::model::alert::AlertId;

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

#[test]
fn what_still_fires_comes_first_and_the_rest_is_counted() {
    let mut waits = Vec::new();
    for alert in 1..=14 {
        waits.push(one(alert, Event::AlertFiring, alert));
    }
    waits.push(one(15, Event::AlertResolved, 2));
    waits.push(one(16, Event::AlertAcknowledged, 3));
    waits.push(one(17, Event::AlertPast, 99));
    waits.push(Waits { alert: None, ..one(18, Event::WebhookDisabled, 0) });
    waits.push(Waits { alert: None, ..one(19, Event::AlertsSummary, 0) });
    let sorted = Sorted::of(&waits).unwrap();
    let shown: Vec<u64> = sorted.shown().map(|id| id.0).collect();
    assert_eq!(shown, [1, 16, 4, 5, 6, 7, 8, 9, 10, 11, 15, 17], "by their newest message, in the order of the alerts");
    let body = |id: &u64| {
        let severity = if *id == 9 { "critical" } else { "warning" };
        format!(r#"{{"type":"x","title":"t{id}","data":{{"alert":{{"severity":"{severity}"}}}}}}"#).into_bytes()
    };
    let bodies = shown.iter().map(|id| (DeliveryId(*id), body(id))).collect();
    let teller =
        Teller { url: Some("http://hub/".to_owned()), zone: TimeZone::UTC, pictures: PictureKey::of(&[7; 32]) };
    let told = sorted.delivery(WebhookId(7), Why::Late, &bodies, &teller, NOW);
    assert_eq!(
        (told.webhook, told.alert, told.event, told.created_at),
        (WebhookId(7), None, Event::AlertsSummary, NOW)
    );
    let text = String::from_utf8(told.body).unwrap();
    for part in [
        r#""type":"alerts.summary","timestamp":"2027-01-15T08:00:00.000Z""#,
        r#""title":"13 alerts still fire, of 18 messages that waited""#,
        r#""text":"While nothing could be sent, 18 messages waited, for up to 3 h. 13 are still firing: t1; t16; t4; "#,
        r#"t11; and 3 more. 1 is over: t15. 1 alert was over before anybody was told.""#,
        r#""summary":{"count":18,"firing":13,"flapping":0,"over":1,"past":1,"since":"2027-01-15T05:00:00.000Z","severity":"critical""#,
        r#""url":"http://hub/a""#,
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn what_is_of_one_rule_is_told_by_its_things() {
    let fires: Vec<_> = (1..=13).map(|id| one(id, Event::AlertFiring, id)).collect();
    let said = grouped(&fires);
    assert_eq!(said.0, "Too hot on 13 more");
    assert_eq!(
        said.1,
        "Too hot fires on room 1, room 2, room 3, room 4, room 5, room 6, room 7, room 8, room 9, room 10 and 3 more."
    );
    let mixed = [fires[0].clone(), fires[1].clone(), one(3, Event::AlertResolved, 2)];
    assert_eq!(
        grouped(&mixed),
        ("Too hot: 1 more, 1 over".to_owned(), "Too hot fires on room 1. It is over on room 2.".to_owned())
    );
    let over = [one(1, Event::AlertResolved, 1), one(2, Event::AlertResolved, 2)];
    assert_eq!(
        grouped(&over),
        ("Resolved: Too hot on 2 more".to_owned(), "Too hot is over on room 2 and room 1.".to_owned())
    );
}

#[test]
fn of_what_was_over_before_anybody_was_told_it_says_so() {
    let past = [one(1, Event::AlertPast, 1), one(2, Event::AlertPast, 2)];
    assert_eq!(
        grouped(&past),
        ("Past alerts: Too hot on 2 more".to_owned(), "Too hot fired and is over on room 2 and room 1.".to_owned())
    );
    assert_eq!(grouped(&past[..1]).0, "Past alert: Too hot on room 1");
    let again = [past[0].clone(), past[1].clone(), one(3, Event::AlertFiring, 2)];
    assert_eq!(
        grouped(&again),
        ("Too hot: 1 more, 1 over".to_owned(), "Too hot fires on room 2. It fired and is over on room 1.".to_owned())
    );
}

#[test]
fn devices_that_go_offline_are_some_more_of_nothing() {
    let of = |event| {
        [one(1, event, 1), one(2, event, 2)].map(|one| Waits { course: format!("{}/device_offline", one.id.0), ..one })
    };
    assert_eq!(grouped(&of(Event::AlertFiring)).0, "Too hot on 2 devices");
    assert_eq!(grouped(&of(Event::AlertResolved)).0, "Resolved: Too hot on 2 devices");
    let mixed: Vec<_> = of(Event::AlertFiring)
        .into_iter()
        .chain([Waits { course: "9/device_offline".to_owned(), ..one(9, Event::AlertResolved, 9) }])
        .collect();
    assert_eq!(grouped(&mixed).0, "Too hot: 2 devices, 1 over");
}

#[test]
fn a_rules_own_titles_are_said_of_its_things() {
    let fires: Vec<_> = (1..=12).map(|id| one(id, Event::AlertFiring, id)).collect();
    let worded = |waits: &[Waits], own: &[u64]| told_of_rule(waits, own);
    let said = worded(&fires, &(1..=12).collect::<Vec<_>>());
    assert_eq!(said.0, "Too hot on 12 more");
    assert!(said.1.starts_with("Too hot fires: No name of room 1; No name of room 2; "), "{}", said.1);
    assert!(said.1.ends_with("No name of room 10; and 2 more."), "{}", said.1);
    assert_eq!(worded(&fires[..2], &[2]).1, "Too hot fires: room 1; No name of room 2.");
    assert_eq!(worded(&fires[..1], &[1]).0, "No name of room 1", "what is alone has its own title");
}

#[test]
fn titles_that_are_the_same_say_where() {
    let fires: Vec<_> = (1..=12).map(|id| one(id, Event::AlertFiring, id)).collect();
    let sorted = Sorted::of(&fires).unwrap();
    let body = |id: u64| {
        format!(
            r#"{{"type":"x","title":"Call Ann","text":"t","data":{{"alert":{{"severity":"warning","worded":true,
            "rule":{{"name":"Too hot"}},"device":"d{id}","device_name":"room {}","sensor":"t{id}"}}}}}}"#,
            id.div_ceil(2)
        )
        .into_bytes()
    };
    let bodies = (1..=12).map(|id| (DeliveryId(id), body(id))).collect();
    let teller = Teller { url: None, zone: TimeZone::UTC, pictures: PictureKey::of(&[7; 32]) };
    for why in [Why::Late, Why::Grouped] {
        let told = String::from_utf8(sorted.delivery(WebhookId(7), why, &bodies, &teller, NOW).body).unwrap();
        assert!(told.contains(": Call Ann (room 1, t1); Call Ann (room 1, t2); Call Ann (room 2, t3); "), "{told}");
        assert!(told.contains("Call Ann (room 5, t10); and 2 more."), "{told}");
    }
}

#[test]
fn of_one_thing_a_summary_says_what_its_message_would() {
    let waits = [one(1, Event::AlertFiring, 1), one(2, Event::AlertResolved, 1), one(3, Event::AlertFiring, 1)];
    let own = br#"{"type":"alert.firing","timestamp":"x","title":"Too hot on attic","text":"attic: Temperature is 31.4 C, above the limit of 30 C.",
        "data":{"alert":{"id":"alr_1","severity":"critical","state":"firing","rule":{"name":"Too hot"},"device":"d","device_name":"attic","sensor":"t",
        "measure":"value","unit":"Cel","value":31.4,"threshold":30.0,"url":"http://hub/a/alr_1"}}}"#;
    let bodies: BTreeMap<_, _> = [(DeliveryId(3), own.to_vec())].into();
    let teller = Teller { url: Some("http://hub".to_owned()), zone: TimeZone::UTC, pictures: PictureKey::of(&[7; 32]) };
    for (why, begins) in [(Why::Grouped, "attic: Temp"), (Why::Late, "While nothing could be sent, 3 messages waited")]
    {
        let told = Sorted::of(&waits).unwrap().delivery(WebhookId(7), why, &bodies, &teller, NOW);
        let said: serde_json::Value = serde_json::from_slice(&told.body).unwrap();
        let text = said["text"].as_str().unwrap();
        assert!(text.starts_with(begins) && text.ends_with("is 31.4 C, above the limit of 30 C."), "{text}");
        assert_eq!(said["data"]["alert"]["value"], 31.4);
        assert_eq!(said["data"]["summary"]["firing"], 1);
        let slack = crate::model::webhook::WebhookSpec {
            kind: crate::model::webhook::WebhookKind::Slack,
            ..crate::model::webhook::WebhookSpec::new("ops", "https://hooks.slack.com/services/T/B/x")
        };
        let from = crate::delivery::message::Sender { id: "msg_1", hub: "http://hub" };
        let sent = crate::delivery::message::request(&slack, &told.body, from).unwrap();
        let sent = String::from_utf8(sent.body).unwrap();
        for part in ["31.4 °C", "30 °C", "http://hub/a/alr_1", "Open the chart"] {
            assert!(sent.contains(part), "{part}: {sent}");
        }
    }
}

#[test]
fn after_quiet_hours_it_says_so_and_how_many_were_over_meanwhile() {
    let waits: Vec<_> = (1..=6).map(|alert| one(alert, Event::AlertFiring, alert)).collect();
    let sorted = Sorted::of(&waits).unwrap();
    let teller = Teller { url: None, zone: TimeZone::UTC, pictures: PictureKey::of(&[7; 32]) };
    let told = sorted.delivery(WebhookId(7), Why::QuietHours { over: 2 }, &BTreeMap::new(), &teller, NOW);
    let text = String::from_utf8(told.body).unwrap();
    assert!(text.contains("6 alerts still fire, of 6 messages of the quiet hours"), "{text}");
    assert!(text.contains("In the quiet hours, 6 messages waited, for up to 3 h."), "{text}");
    assert!(text.contains(" 2 more began and were over meanwhile."), "{text}");
}

#[test]
fn many_that_still_fire_are_told_again_in_one() {
    let waits: Vec<_> = (1..=6).map(|alert| one(alert, Event::AlertRepeated, alert)).collect();
    let teller = Teller { url: None, zone: TimeZone::UTC, pictures: PictureKey::of(&[7; 32]) };
    let body = br#"{"title":"Still firing: t","data":{}}"#.to_vec();
    let bodies = [(DeliveryId(1), body)].into();
    let told = Sorted::of(&waits).unwrap().delivery(WebhookId(7), Why::Late, &bodies, &teller, NOW);
    let text = String::from_utf8(told.body).unwrap();
    let expected =
        r#""title":"6 alerts still fire","text":"Nobody has acknowledged them. 6 are still firing: t; and 5 more.""#;
    assert!(text.contains(expected), "{text}");
}

#[test]
fn of_earlier_summaries_alone_there_is_nothing_to_tell() {
    assert_eq!(Sorted::of(&[one(1, Event::AlertsSummary, 0)]), None);
    assert_eq!(Sorted::of(&[]), None);
}

fn one(id: u64, event: Event, alert: u64) -> Waits {
    let created_at = NOW.plus(-3 * 3_600_000);
    Waits { id: DeliveryId(id), alert: Some(AlertId(alert)), event, created_at, course: alert.to_string() }
}

/// What people are told of these in one message: title and text.
fn grouped(waits: &[Waits]) -> (String, String) {
    told_of_rule(waits, &[])
}

/// The same of a rule that has its own titles for these messages.
fn told_of_rule(waits: &[Waits], own: &[u64]) -> (String, String) {
    let body = |one: &Waits| {
        let course = &one.course;
        let (room, sensor) = course.split_once('/').unwrap_or((course, "temperature"));
        format!(
            r#"{{"type":"x","title":"No name of room {room}","data":{{"alert":{{"severity":"warning","rule":{{"name":"Too hot"}},"device":"d{room}","device_name":"room {room}","sensor":"{sensor}","worded":{}}}}}}}"#,
            own.contains(&one.id.0)
        )
    };
    let bodies = waits.iter().map(|one| (one.id, body(one).into_bytes())).collect();
    let teller = Teller { url: None, zone: TimeZone::UTC, pictures: PictureKey::of(&[7; 32]) };
    let told = Sorted::of(waits).unwrap().delivery(WebhookId(7), Why::Grouped, &bodies, &teller, NOW);
    let body: serde_json::Value = serde_json::from_slice(&told.body).unwrap();
    (body["title"].as_str().unwrap().to_owned(), body["text"].as_str().unwrap().to_owned())
}

#[test]
fn the_newest_of_each_thing_counts_whatever_its_alerts_are() {
    let of = |id: u64, event, alert, course: &str| Waits { course: course.to_owned(), ..one(id, event, alert) };
    // Two alerts of room 1, and three of room 2, of which the newest fires.
    let waits = [
        of(1, Event::AlertFiring, 1, "1"),
        of(2, Event::AlertFiring, 2, "2"),
        of(3, Event::AlertResolved, 1, "1"),
        of(4, Event::AlertResolved, 2, "2"),
        of(5, Event::AlertFiring, 5, "1"),
        of(6, Event::AlertFiring, 6, "2"),
        of(7, Event::AlertResolved, 5, "1"),
        of(8, Event::AlertAcknowledged, 6, "2"),
    ];
    let said = grouped(&waits);
    assert_eq!(said.0, "Too hot: 1 more, 1 over");
    assert_eq!(said.1, "Too hot fires on room 2. It is over on room 1.");
    assert_eq!(
        grouped(&waits[..1]),
        ("Too hot on room 1".to_owned(), "Too hot fires on room 1.".to_owned()),
        "what is alone is named"
    );
    // The end of what flapped.
    let calm = [of(2, Event::AlertFlapping, 2, "1"), of(3, Event::AlertResolved, 2, "1")];
    assert_eq!(grouped(&calm).0, "Resolved: Too hot on room 1");
    let sensors = [of(1, Event::AlertFiring, 1, "1/humidity"), of(2, Event::AlertFiring, 2, "1/temperature")];
    assert_eq!(grouped(&sensors).1, "Too hot fires on room 1 (Humidity) and room 1 (Temperature).");
}

//! Whether a device is there, said before and after its first reading, by topics that nobody announced.

use super::*;

/// A node of `ESPHome` and a Shelly below a prefix of its owner's, in the order in which they speak when they connect.
#[test]
fn who_says_that_it_is_there_before_its_first_reading_is_one_device() {
    let notify =
        r#"{"src":"shellyplusht-08b61fcb7f3c","method":"NotifyStatus","params":{"temperature:0":{"id":0,"tC":21.5}}}"#;
    for (name, says, reading, sensor) in [
        ("greenhouse", ("status", "online", "offline"), ("sensor/air/state", "21.5"), "air"),
        ("kitchen/plug", ("online", "true", "false"), ("events/rpc", notify), "temperature:0.tC"),
        ("garden", ("availability", "online", "offline"), ("air", "21.5"), "air"),
    ] {
        let mut listener = Listener::default();
        let (last, there, gone) = says;
        let standing = format!("{name}/{last}");
        assert_eq!(
            listener.hear(&standing, there.as_bytes(), true, NOW),
            Heard::Aside,
            "{name}: nobody knows whose it is"
        );
        let Heard::Readings(found) = hear(&mut listener, &format!("{name}/{}", reading.0), reading.1) else { panic!() };
        let said: Vec<_> = found.iter().map(|found| (found.sensor.as_str(), found.value)).collect();
        assert_eq!(said, [(sensor, 21.5), ("available", 1.0)], "{name}");
        assert!(found.iter().all(|one| one.device == found[0].device && one.device.name == name));
        let heard = listener.hear(&standing, gone.as_bytes(), true, NOW);
        let Heard::Readings(gone) = heard else { panic!("{heard:?}") };
        assert_eq!((gone[0].value, &gone[0].device), (0.0, &found[0].device), "{name}");
    }
}

/// <https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html>: a bridge that starts says all this before its devices.
#[test]
fn a_bridge_that_nobody_knows_yet_makes_no_devices() {
    let mut listener = Listener::default();
    for (topic, payload) in [
        ("state", r#"{"state":"online"}"#),
        ("state", "online"),
        ("info", r#"{"version":"2.1.0","network":{"channel":11,"pan_id":6754},"permit_join":false}"#),
        ("logging", r#"{"level":"info","message":"MQTT publish"}"#),
        ("groups", "[]"),
    ] {
        assert_eq!(hear(&mut listener, &format!("zb2/bridge/{topic}"), payload), Heard::Aside, "{topic}");
    }
    let heard = hear(&mut listener, "garden/bridge/state", "3.5");
    assert_eq!(rows(heard), [row("garden/bridge", "state", 3.5, "", None)], "a bridge of another kind");
}

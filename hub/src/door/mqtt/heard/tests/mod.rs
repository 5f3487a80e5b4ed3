//! Messages after the examples in the documents of the projects, which stand at each test; those of Home Assistant, Shelly and Tasmota
//! were compared in November 2026.

mod any;
mod presence;
mod zigbee;

use super::*;
use crate::model::{SensorKind, UnixMillis};

fn hear(listener: &mut Listener, topic: &str, payload: &str) -> Heard {
    listener.hear(topic, payload.as_bytes(), false, NOW)
}

/// When they come.
const NOW: UnixMillis = UnixMillis(1_796_054_500_000);

/// Device, sensor, value, unit, kind.
type Row = (String, String, f64, String, Option<SensorKind>);

fn rows(heard: Heard) -> Vec<Row> {
    let Heard::Readings(found) = heard else { panic!("{heard:?}") };
    let row = |found: Found| {
        (found.device.name.clone(), found.sensor, found.value, found.unit.unwrap_or_default(), found.kind)
    };
    found.into_iter().map(row).collect()
}

fn row(device: &str, sensor: &str, value: f64, unit: &str, kind: Option<SensorKind>) -> Row {
    (device.to_owned(), sensor.to_owned(), value, unit.to_owned(), kind)
}

const STATE: Option<SensorKind> = Some(SensorKind::State);
const COUNTER: Option<SensorKind> = Some(SensorKind::Counter);

/// <https://www.home-assistant.io/integrations/mqtt/#discovery-examples>.
#[test]
fn home_assistant_announces_an_entity_a_message() {
    let mut listener = Listener::default();
    let config = r#"{"name":null,"device_class":"motion","state_topic":"homeassistant/binary_sensor/garden/state",
        "unique_id":"motion01ad","device":{"identifiers":["01ad"],"name":"Garden"}}"#;
    assert_eq!(hear(&mut listener, "homeassistant/binary_sensor/garden/config", config), Heard::Announcement);
    let heard = hear(&mut listener, "homeassistant/binary_sensor/garden/state", "ON");
    assert_eq!(rows(heard), [row("Garden", "motion", 1.0, "", STATE)]);
    let temperature = r#"{"device_class":"temperature","state_topic":"homeassistant/sensor/sensorBedroom/state",
        "unit_of_measurement":"°C","value_template":"{{ value_json.temperature}}","unique_id":"temp01ae",
        "device":{"identifiers":["bedroom01ae"],"name":"Bedroom","manufacturer":"Example sensors Ltd."}}"#;
    let humidity = r#"{"device_class":"humidity","state_topic":"homeassistant/sensor/sensorBedroom/state",
        "unit_of_measurement":"%","value_template":"{{ value_json.humidity}}","unique_id":"hum01ae",
        "device":{"identifiers":["bedroom01ae"],"name":"Bedroom"}}"#;
    hear(&mut listener, "homeassistant/sensor/sensorBedroomT/config", temperature);
    hear(&mut listener, "homeassistant/sensor/sensorBedroomH/config", humidity);
    let both = r#"{"temperature":23.20,"humidity":43.70}"#;
    let heard = hear(&mut listener, "homeassistant/sensor/sensorBedroom/state", both);
    let expected = [row("Bedroom", "temperature", 23.2, "°C", None), row("Bedroom", "humidity", 43.7, "%", None)];
    assert_eq!(rows(heard), expected);
    // An empty message takes it back.
    assert_eq!(hear(&mut listener, "homeassistant/sensor/sensorBedroomH/config", ""), Heard::Announcement);
    let heard = hear(&mut listener, "homeassistant/sensor/sensorBedroom/state", both);
    assert_eq!(rows(heard), [row("Bedroom", "temperature", 23.2, "°C", None)]);
}

/// The same page: a device with all its entities, with short names and `~`.
#[test]
fn home_assistant_announces_a_device_with_its_entities() {
    let mut listener = Listener::default();
    let config = r#"{"dev":{"ids":"ea334450945afc","name":"Kitchen","mf":"Bla electronics","mdl":"xya","sw":"1.0"},
        "o":{"name":"bla2mqtt","sw":"2.1"},"~":"sensorKitchen","avty_t":"~/online","cmps":{
        "some_unique_component_id1":{"p":"sensor","device_class":"temperature","unit_of_measurement":"°C",
          "value_template":"{{ value_json.temperature }}","unique_id":"temp01ae_t"},
        "some_unique_id2":{"p":"sensor","name":"Kitchen Energy","stat_cla":"total_increasing","dev_cla":"energy","unit_of_meas":"kWh",
          "val_tpl":"{{ value_json['energy'] | float | round(1) }}","uniq_id":"temp01ae_h"},
        "removed":{"p":"sensor"}},
        "state_topic":"sensorKitchen/state","qos":2}"#;
    assert_eq!(hear(&mut listener, "homeassistant/device/0AFFD2/config", config), Heard::Announcement);
    let heard = hear(&mut listener, "sensorKitchen/state", r#"{"temperature":"21.5","energy":12.26}"#);
    let expected = [row("Kitchen", "temperature", 21.5, "°C", None), row("Kitchen", "Energy", 12.3, "kWh", COUNTER)];
    assert_eq!(rows(heard), expected);
    let Heard::Readings(found) = listener.hear("sensorKitchen/online", b"offline", true, NOW) else { panic!() };
    assert_eq!(
        (found[0].sensor.as_str(), found[0].value, found[0].device.key.as_str()),
        ("available", 0.0, "mqtt/homeassistant/ea334450945afc")
    );
}

#[test]
fn a_device_that_is_renamed_is_the_same_and_announcements_have_an_end() {
    let mut listener = Listener::default();
    let config = |name: &str| {
        format!(
            r#"{{"state_topic":"bed/state","availability_topic":"bed/online","device":{{"ids":["bed01"],"name":"{name}"}}}}"#
        )
    };
    for name in ["Bed", "Bedroom"] {
        assert_eq!(hear(&mut listener, "homeassistant/sensor/bed/config", &config(name)), Heard::Announcement);
    }
    let heard = hear(&mut listener, "bed/online", "online");
    assert_eq!(rows(heard), [row("Bedroom", "available", 1.0, "", STATE)]);
    let large = config(&"x".repeat(300_000));
    assert_eq!(hear(&mut listener, "homeassistant/sensor/large/config", &large), Heard::Unread(Why::TooManyDevices));
    let some = config(&"x".repeat(200_000));
    let announced = (0..200).filter(|number| {
        hear(&mut listener, &format!("homeassistant/sensor/n{number}/config"), &some) == Heard::Announcement
    });
    assert_eq!(announced.count(), (32 << 20) / 200_160, "of about 200 kB each 32 MiB");
    // What is taken back makes room.
    hear(&mut listener, "homeassistant/sensor/n0/config", "");
    assert_eq!(hear(&mut listener, "homeassistant/sensor/n199/config", &some), Heard::Announcement);
}

/// <https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html#zigbee2mqtt-bridge-devices>, and a plug's page.
const BRIDGE: &str = r#"[{"ieee_address":"0x00124b0014d9a3e4","type":"Coordinator","friendly_name":"Coordinator","definition":null},
    {"ieee_address":"0x00158d00018255df","type":"Router","network_address":29159,"supported":true,"disabled":false,
     "friendly_name":"my_plug","definition":{"model":"ZNCZ02LM","vendor":"Xiaomi","exposes":[
      {"type":"switch","features":[{"type":"binary","name":"state","property":"state","value_on":"ON","value_off":"OFF","value_toggle":"TOGGLE","access":7}]},
      {"type":"numeric","name":"power","property":"power","unit":"W","access":5},
      {"type":"numeric","name":"energy","property":"energy","unit":"kWh","access":1},
      {"type":"numeric","name":"linkquality","property":"linkquality","unit":"lqi","access":1},
      {"type":"composite","name":"color","property":"color","features":[{"type":"numeric","name":"x","property":"x","access":7}]},
      {"type":"enum","name":"action","property":"action","values":["single"],"access":1},
      {"type":"numeric","name":"identify","property":"identify","access":2}]}},
    {"ieee_address":"0x00158d0001830222","type":"EndDevice","friendly_name":"attic/door","definition":{"exposes":[
      {"type":"binary","name":"contact","property":"contact","value_on":false,"value_off":true,"access":1},
      {"type":"numeric","name":"temperature","property":"temperature","unit":"°C","access":1}]}}]"#;

#[test]
fn zigbee2mqtt_says_what_its_devices_expose() {
    let mut listener = Listener::default();
    assert_eq!(listener.hear("home/z2m/bridge/devices", BRIDGE.as_bytes(), true, NOW), Heard::Announcement);
    let plug = r#"{"state":"ON","power":3.2,"energy":12.5,"linkquality":120,"color":{"x":0.3},"action":"single","update":{"installed_version":7},"identify":1}"#;
    let expected = [
        row("my_plug", "color.x", 0.3, "", None),
        row("my_plug", "energy", 12.5, "kWh", COUNTER),
        row("my_plug", "linkquality", 120.0, "lqi", None),
        row("my_plug", "power", 3.2, "W", None),
        row("my_plug", "state", 1.0, "", STATE),
    ];
    let mut heard = rows(hear(&mut listener, "home/z2m/my_plug", plug));
    heard.sort_by(|a, b| a.1.cmp(&b.1));
    assert_eq!(heard, expected);
    // Names may have slashes; what is on is what the device says is on.
    let door = r#"{"contact":true,"temperature":8.5,"last_seen":"2026-11-30T17:00:00+01:00"}"#;
    let Heard::Readings(found) = listener.hear("home/z2m/attic/door", door.as_bytes(), true, NOW) else { panic!() };
    assert_eq!(found.len(), 2, "it says when");
    assert!(found.iter().all(|found| found.at == Some(UnixMillis(1_796_054_400_000))));
    assert_eq!(found.iter().find(|found| found.sensor == "contact").unwrap().value, 0.0);
    assert_eq!(listener.hear("home/z2m/my_plug", plug.as_bytes(), true, NOW), Heard::Readings(Vec::new()), "of when?");
    for (payload, there) in [("online", 1.0), (r#"{"state":"offline"}"#, 0.0)] {
        let heard = hear(&mut listener, "home/z2m/attic/door/availability", payload);
        assert_eq!(rows(heard), [row("attic/door", "available", there, "", STATE)]);
    }
    // `output: attribute`
    let heard = hear(&mut listener, "home/z2m/attic/door/temperature", "9.5");
    assert_eq!(rows(heard), [row("attic/door", "temperature", 9.5, "°C", None)]);
    for topic in ["home/z2m/bridge/info", "home/z2m/bridge/state", "home/z2m/some_group", "home/z2m/my_plug/set"] {
        let heard = hear(&mut listener, topic, r#"{"state":"online","x":1}"#);
        assert!(matches!(heard, Heard::Aside) || rows(heard).is_empty(), "{topic}");
    }
}

/// <https://tasmota.github.io/docs/MQTT/>, `Commands/#sensors`, and a power socket of three phases as its issues show it.
#[test]
fn tasmota_measures_and_says_its_name() {
    let mut listener = Listener::default();
    let config = r#"{"ip":"192.168.1.5","dn":"Washing machine","fn":["Tasmota",null],"hn":"tasmota-1234","mac":"68C63A8D1234","t":"tasmota_8D1234","ft":"%prefix%/%topic%/","tp":["cmnd","stat","tele"]}"#;
    assert_eq!(hear(&mut listener, "tasmota/discovery/68C63A8D1234/config", config), Heard::Announcement);
    let sensor = r#"{"Time":"2026-11-30T17:46:07","ENERGY":{"TotalStartTime":"2019-12-01T12:00:00","Total":1.753,"Today":0.002,"Power":[1,2,3],"Voltage":234},"DS18B20":{"Id":"00000A123456","Temperature":20.3},"TempUnit":"C"}"#;
    let mut heard = rows(hear(&mut listener, "tele/tasmota_8D1234/SENSOR", sensor));
    heard.sort_by(|a, b| a.1.cmp(&b.1));
    let of = |sensor: &str, value, unit: &str, kind| row("Washing machine", sensor, value, unit, kind);
    let expected = [
        of("DS18B20.Temperature", 20.3, "Cel", None),
        of("ENERGY.Power.1", 1.0, "W", None),
        of("ENERGY.Power.2", 2.0, "W", None),
        of("ENERGY.Power.3", 3.0, "W", None),
        of("ENERGY.Today", 0.002, "kWh", None),
        of("ENERGY.Total", 1.753, "kWh", COUNTER),
        of("ENERGY.Voltage", 234.0, "V", None),
    ];
    assert_eq!(heard, expected);
    let state = r#"{"Time":"2026-11-30T17:46:07","Uptime":"0T00:05:10","UptimeSec":310,"Heap":27,"SleepMode":"Dynamic","Sleep":50,"POWER":"OFF","Wifi":{"AP":1,"RSSI":100,"Signal":-42}}"#;
    let mut heard = rows(hear(&mut listener, "tele/tasmota_8D1234/STATE", state));
    heard.sort_by(|a, b| a.1.cmp(&b.1));
    let names: Vec<_> = heard.iter().map(|row| row.1.as_str()).collect();
    assert_eq!(names, ["Heap", "POWER", "UptimeSec", "Wifi.RSSI", "Wifi.Signal"]);
    // The other order, several levels, a device that did not say its name.
    let heard = hear(
        &mut listener,
        "attic/heater/tele/SENSOR",
        r#"{"SHT3X":{"Temperature":68.0,"Humidity":40},"TempUnit":"F"}"#,
    );
    let expected = [
        row("attic/heater", "SHT3X.Humidity", 40.0, "%", None),
        row("attic/heater", "SHT3X.Temperature", 68.0, "[degF]", None),
    ];
    let mut heard = rows(heard);
    heard.sort_by(|a, b| a.1.cmp(&b.1));
    assert_eq!(heard, expected);
    let heard = listener.hear("tele/tasmota_8D1234/LWT", b"Offline", true, NOW);
    assert_eq!(rows(heard), [of("available", 0.0, "", STATE)]);
    assert_eq!(rows(hear(&mut listener, "stat/tasmota_8D1234/POWER1", "ON")), [of("POWER1", 1.0, "", STATE)]);
}

/// <https://shelly-api-docs.shelly.cloud/gen1/#shelly-plug-plug-s-mqtt>.
#[test]
fn shelly_of_the_first_generation_has_a_topic_a_number() {
    let mut listener = Listener::default();
    let of = |sensor: &str, value, unit: &str, kind| row("shellyplug-s-041AB4", sensor, value, unit, kind);
    for (topic, payload, expected) in [
        ("relay/0", "on", of("relay.0", 1.0, "", STATE)),
        ("relay/0/power", "8.45", of("relay.0.power", 8.45, "W", None)),
        ("relay/0/energy", "10690", of("relay.0.energy", 10_690.0, "W.min", COUNTER)),
        ("temperature", "29.96", of("temperature", 29.96, "Cel", None)),
        ("emeter/0/total", "13.4", of("emeter.0.total", 13.4, "Wh", COUNTER)),
        ("sensor/flood", "true", of("sensor.flood", 1.0, "", STATE)),
        ("input/0", "1", of("input.0", 1.0, "", STATE)),
        ("online", "false", of("available", 0.0, "", STATE)),
    ] {
        let heard = hear(&mut listener, &format!("shellies/shellyplug-s-041AB4/{topic}"), payload);
        assert_eq!(rows(heard), [expected], "{topic}");
    }
    let announce =
        r#"{"id":"shellyplug-s-041AB4","model":"SHPLG-S","mac":"B4E62D041AB4","ip":"192.168.1.2","new_fw":false}"#;
    assert_eq!(hear(&mut listener, "shellies/announce", announce), Heard::Announcement);
    assert_eq!(hear(&mut listener, "shellies/shellyplug-s-041AB4/relay/0/command", "on"), Heard::Aside);
}

/// <https://shelly-api-docs.shelly.cloud/gen2/General/Notifications> and `ComponentsAndServices/Mqtt`.
#[test]
fn shelly_of_later_generations_notifies() {
    let mut listener = Listener::default();
    let status = r#"{"src":"shellypro4pm-f008d1d8b8b8","dst":"shellypro4pm-f008d1d8b8b8/events","method":"NotifyStatus","params":{"ts":1631186545.04,"switch:0":{"id":0,"output":true,"apower":8.9,"voltage":237.5,"aenergy":{"total":6.532,"by_minute":[45.199,47.141,88.397],"minute_ts":1626935779},"temperature":{"tC":23.5,"tF":74.4}}}}"#;
    let mut heard = rows(hear(&mut listener, "kitchen/oven/events/rpc", status));
    heard.sort_by(|a, b| a.1.cmp(&b.1));
    let of = |sensor: &str, value, unit: &str, kind| row("kitchen/oven", sensor, value, unit, kind);
    let expected = [
        of("switch:0.aenergy.total", 6.532, "Wh", COUNTER),
        of("switch:0.apower", 8.9, "W", None),
        of("switch:0.output", 1.0, "", STATE),
        of("switch:0.temperature.tC", 23.5, "Cel", None),
        of("switch:0.voltage", 237.5, "V", None),
    ];
    assert_eq!(heard, expected);
    let heard = hear(&mut listener, "kitchen/oven/online", "true");
    assert_eq!(rows(heard), [of("available", 1.0, "", STATE)]);
    let heard = hear(&mut listener, "shellyplusht-08b61fcb7f3c/status/humidity:0", r#"{"id":0,"rh":64.4}"#);
    assert_eq!(rows(heard), [row("shellyplusht-08b61fcb7f3c", "humidity:0.rh", 64.4, "%", None)]);
}

/// <https://esphome.io/components/mqtt>.
#[test]
fn esphome_has_its_own_topics() {
    let mut listener = Listener::default();
    let heard = hear(&mut listener, "livingroom/sensor/living_room_temperature/state", "21.8");
    assert_eq!(rows(heard), [row("livingroom", "living_room_temperature", 21.8, "", None)]);
    let heard = hear(&mut listener, "livingroom/binary_sensor/door/state", "ON");
    assert_eq!(rows(heard), [row("livingroom", "door", 1.0, "", STATE)]);
    assert_eq!(hear(&mut listener, "livingroom/sensor/x/state", "nan"), Heard::Aside);
}

/// <https://docs.openmqttgateway.com/use/ble.html> and <https://decoder.theengs.io/devices/LYWSD03MMC.html>.
#[test]
fn theengs_hears_beacons() {
    let mut listener = Listener::default();
    let payload = r#"{"id":"A4:C1:38:AA:BB:CC","name":"LYWSD03MMC","rssi":-66,"brand":"Xiaomi","model":"Mi Jia","model_id":"LYWSD03MMC_PVVX","tempc":22.1,"tempf":71.78,"hum":45.3,"batt":88,"volt":2.9}"#;
    let mut heard = rows(hear(&mut listener, "home/OpenMQTTGateway/BTtoMQTT/A4C138AABBCC", payload));
    heard.sort_by(|a, b| a.1.cmp(&b.1));
    let of = |sensor: &str, value, unit: &str| row("Mi Jia A4C138AABBCC", sensor, value, unit, None);
    let expected = [
        of("batt", 88.0, "%"),
        of("hum", 45.3, "%"),
        of("rssi", -66.0, "dBm"),
        of("tempc", 22.1, "Cel"),
        of("volt", 2.9, "V"),
    ];
    assert_eq!(heard, expected);
}

#[test]
fn what_a_broker_kept_is_no_reading_of_now() {
    let mut listener = Listener::default();
    assert_eq!(listener.hear("a/b", b"21.5", true, NOW), Heard::Aside);
    assert!(matches!(listener.hear("a/b", b"21.5", false, NOW), Heard::Readings(found) if found.len() == 1));
    assert_eq!(listener.hear("$SYS/broker/uptime", b"1", false, NOW), Heard::Aside);
}

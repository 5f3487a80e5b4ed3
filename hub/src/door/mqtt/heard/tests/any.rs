//! Whatever is said at a broker is heard.

use proptest::prelude::*;

use super::NOW;
use crate::door::mqtt::heard::{Heard, Listener};

/// Levels of topics that somebody reads, and some that nobody does.
fn level() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "homeassistant",
        "sensor",
        "climate",
        "device",
        "config",
        "a",
        "",
        "zigbee2mqtt",
        "bridge",
        "devices",
        "availability",
        "tele",
        "stat",
        "cmnd",
        "SENSOR",
        "STATE",
        "LWT",
        "STATUS8",
        "POWER",
        "tasmota",
        "discovery",
        "shellies",
        "events",
        "rpc",
        "status",
        "switch:0",
        "online",
        "BTtoMQTT",
        "state",
        "spBv1.0",
        "NBIRTH",
        "DDATA",
        "NDEATH",
        "+",
        "#",
        "$x",
        "ü",
        "set",
    ])
    .prop_map(str::to_owned)
}

fn json(deep: u32) -> impl Strategy<Value = serde_json::Value> {
    let names = prop::sample::select(vec![
        "~",
        "state_topic",
        "stat_t",
        "cmps",
        "dev",
        "device",
        "ids",
        "name",
        "avty",
        "val_tpl",
        "value_template",
        "p",
        "platform",
        "ieee_address",
        "friendly_name",
        "definition",
        "exposes",
        "features",
        "property",
        "type",
        "access",
        "unit",
        "value_on",
        "value_off",
        "ENERGY",
        "Power",
        "Time",
        "ts",
        "params",
        "src",
        "method",
        "switch:0",
        "temperature",
        "a",
        "t",
        "dn",
        "fn",
    ]);
    let texts = prop::sample::select(vec![
        "",
        "~/x",
        "x~",
        "a/state",
        "sensor",
        "{{ value }}",
        "{{ value_json.a[0] | round(1) }}",
        "{{ value_json['a",
        "{% if value %}1{% endif %}",
        "{{ 1/0 }}",
        "{{ value * value }}",
        "NotifyStatus",
        "numeric",
        "composite",
        "online",
        "ON",
        "1e308",
        "2026-11-30T17:00:00Z",
        "ü\u{0}",
    ]);
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        texts.prop_map(|text| text.into()),
    ];
    leaf.prop_recursive(deep, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::vec((names.clone(), inner), 0..6).prop_map(|members| serde_json::Value::Object(
                members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            )),
        ]
    })
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => json(5).prop_map(|value| value.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
        1 => prop::sample::select(vec!["", "ON", "online", "21.5", "nan", "{", "[]"]).prop_map(|text| text.as_bytes().to_vec()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]
    /// Whatever is said at a broker is heard without an end of the hub, and every number is one.
    #[test]
    fn anything_may_be_said(messages in prop::collection::vec((prop::collection::vec(level(), 1..6), payload(), any::<bool>()), 1..12)) {
        let mut listener = Listener::default();
        for (levels, payload, is_kept) in messages {
            if let Heard::Readings(found) = listener.hear(&levels.join("/"), &payload, is_kept, NOW) {
                prop_assert!(found.iter().all(|found| found.value.is_finite()));
            }
        }
    }
}

const CASES: u32 = 256;

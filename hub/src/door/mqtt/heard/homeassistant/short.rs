//! The short names that announcements may use, and `~` for the beginning of their topics. PURE.

use serde_json::{Map, Value};

/// Short names of members, with the long ones.
/// <https://github.com/home-assistant/core/blob/dev/homeassistant/components/mqtt/abbreviations.py>, as far as they say something of
/// readings.
const SHORT: [(&str, &str); 47] = [
    ("avty", "availability"),
    ("avty_mode", "availability_mode"),
    ("avty_t", "availability_topic"),
    ("avty_tpl", "availability_template"),
    ("bri_stat_t", "brightness_state_topic"),
    ("bri_val_tpl", "brightness_value_template"),
    ("cmp", "components"),
    ("cmps", "components"),
    ("curr_hum_t", "current_humidity_topic"),
    ("curr_hum_tpl", "current_humidity_template"),
    ("curr_temp_t", "current_temperature_topic"),
    ("curr_temp_tpl", "current_temperature_template"),
    ("dev", "device"),
    ("dev_cla", "device_class"),
    ("ent_cat", "entity_category"),
    ("hum_stat_t", "target_humidity_state_topic"),
    ("json_attr_t", "json_attributes_topic"),
    ("obj_id", "object_id"),
    ("o", "origin"),
    ("p", "platform"),
    ("pct_stat_t", "percentage_state_topic"),
    ("pct_val_tpl", "percentage_value_template"),
    ("pl_avail", "payload_available"),
    ("pl_not_avail", "payload_not_available"),
    ("pl_off", "payload_off"),
    ("pl_on", "payload_on"),
    ("pos_t", "position_topic"),
    ("pos_tpl", "position_template"),
    ("schema", "schema"),
    ("stat_cla", "state_class"),
    ("stat_closed", "state_closed"),
    ("stat_locked", "state_locked"),
    ("stat_off", "state_off"),
    ("stat_on", "state_on"),
    ("stat_open", "state_open"),
    ("stat_t", "state_topic"),
    ("stat_unlocked", "state_unlocked"),
    ("stat_val_tpl", "state_value_template"),
    ("t", "topic"),
    ("temp_stat_t", "temperature_state_topic"),
    ("temp_stat_tpl", "temperature_state_template"),
    ("temp_unit", "temperature_unit"),
    ("uniq_id", "unique_id"),
    ("unit_of_meas", "unit_of_measurement"),
    ("val_tpl", "value_template"),
    ("hum_state_tpl", "target_humidity_state_template"),
    ("pos_clsd", "position_closed"),
];

/// Short names within `device`.
const SHORT_OF_DEVICE: [(&str, &str); 4] =
    [("ids", "identifiers"), ("cns", "connections"), ("mf", "manufacturer"), ("mdl", "model")];

/// An announcement with long names and whole topics.
pub(super) fn long(config: &Map<String, Value>) -> Map<String, Value> {
    let mut long = renamed(config, &SHORT);
    let base = long.remove("~").and_then(|base| base.as_str().map(str::to_owned));
    if let Some(Value::Object(device)) = long.get_mut("device") {
        *device = renamed(device, &SHORT_OF_DEVICE);
    }
    if let Some(availability) = long.get_mut("availability") {
        let parts = if availability.is_array() {
            availability.as_array_mut().map(Vec::as_mut_slice).unwrap_or_default()
        } else {
            std::slice::from_mut(availability)
        };
        for part in parts {
            if let Value::Object(part) = part {
                *part = renamed(part, &SHORT);
                based(part, base.as_deref());
            }
        }
    }
    based(&mut long, base.as_deref());
    long
}

fn renamed(object: &Map<String, Value>, names: &[(&str, &str)]) -> Map<String, Value> {
    let long = |name: &str| names.iter().find(|(short, _)| *short == name).map_or(name, |(_, long)| long).to_owned();
    object.iter().map(|(name, value)| (long(name), value.clone())).collect()
}

/// Puts the beginning in the place of `~` at either end of topics.
fn based(object: &mut Map<String, Value>, base: Option<&str>) {
    let Some(base) = base else { return };
    for (name, value) in object.iter_mut() {
        if let Value::String(topic) = value
            && (name == "topic" || name.ends_with("_topic"))
        {
            if let Some(rest) = topic.strip_prefix('~') {
                *topic = format!("{base}{rest}");
            } else if let Some(rest) = topic.strip_suffix('~') {
                *topic = format!("{rest}{base}");
            }
        }
    }
}

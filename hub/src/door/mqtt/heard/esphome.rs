//! ESPHome without discovery: `<name>/sensor/<id>/state`. PURE.
//!
//! <https://esphome.io/components/mqtt>: `topic_prefix` is the name of the node, then the component, the object and what is said of it.
//! `<name>/status` is read by [`super::presence`].

use super::message::Body;
use super::reading::{Found, Heard, Party};
use super::topic::{Topic, fitting};
use super::value;

/// Components whose state is a number or one of two states.
const COMPONENTS: [&str; 11] =
    ["sensor", "binary_sensor", "switch", "number", "light", "fan", "cover", "lock", "valve", "text_sensor", "select"];

pub(super) fn read(topic: &Topic<'_>, body: &Body<'_>) -> Option<Heard> {
    let [before @ .., component, object, last] = topic.levels.as_slice() else { return None };
    if before.is_empty() || !COMPONENTS.contains(component) {
        return None;
    }
    match *last {
        "state" => {}
        "command" => return Some(Heard::Aside),
        _ => return None,
    }
    let text = body.text()?;
    let number = match body.object() {
        // Lights say it as JSON.
        Some(object) => object.get("state").and_then(value::of),
        None => value::of_text(text),
    };
    // A sensor that has no value yet says `nan`; texts are texts.
    let Some(number) = number else { return Some(Heard::Aside) };
    let name = before.join("/");
    let device = Party::known("esphome", &name, fitting(&name));
    let found = Found { kind: number.kind(), ..Found::plain(&device, *object, number.value) };
    Some(Heard::Readings(vec![found]))
}

//! What a person said of topics, applied to messages. PURE.

use serde_json::Value;

use super::message::Body;
use super::reading::{Found, Heard, Party, Why};
use super::topic::{Topic, fitting};
use super::value;
use crate::model::SensorKind;
use crate::model::topic_rule::{Part, Place, Then, TopicRules, parts};

/// What the first rule about a topic makes of a message; `None` where there is none.
pub(super) fn read(rules: &TopicRules, topic: &Topic<'_>, body: &Body<'_>) -> Option<Heard> {
    let rule = rules.about(topic.text)?;
    Some(match &rule.then {
        Then::Ignored => Heard::Aside,
        Then::Reading(place) => made(place, topic, body),
    })
}

fn made(place: &Place, topic: &Topic<'_>, body: &Body<'_>) -> Heard {
    let said = if place.value.is_empty() {
        match body.json() {
            Some(json @ (Value::Number(_) | Value::Bool(_))) => Some(json.clone()),
            _ => body.text().map(|text| Value::String(text.to_owned())),
        }
    } else {
        body.json().and_then(|json| json.pointer(&place.value)).cloned()
    };
    let Some(said) = said else { return Heard::Unread(Why::NoNumber) };
    let word = |said: &Value| {
        let (on, off) = place.words.as_ref()?;
        let text = said.as_str().map_or_else(|| said.to_string(), str::to_owned);
        if text == *on { Some(1.0) } else { (text == *off).then_some(0.0) }
    };
    let (number, shown) = match word(&said) {
        Some(number) => (number, Some(SensorKind::State)),
        None => match value::of(&said) {
            Some(number) => (number.value, number.kind()),
            None => return Heard::Unread(Why::Text),
        },
    };
    let (Some(device), Some(sensor)) = (name(&place.device, topic, body), name(&place.sensor, topic, body)) else {
        return Heard::Unread(Why::Name);
    };
    let device = Party::named(fitting(&device));
    let at = body.object().and_then(value::moment);
    let found = Found { kind: place.kind.or(shown), at, ..Found::plain(&device, sensor, number) };
    Heard::Readings(vec![found.with_unit(place.unit.as_deref().unwrap_or_default())])
}

fn name(of: &str, topic: &Topic<'_>, body: &Body<'_>) -> Option<String> {
    let piece = |part: Part<'_>| match part {
        Part::Text(text) => Some(text.to_owned()),
        Part::Level(level) => topic.levels.get(level - 1).map(|level| (*level).to_owned()),
        Part::Pointer(pointer) => match body.json()?.pointer(pointer)? {
            Value::String(text) => Some(text.clone()),
            value @ (Value::Number(_) | Value::Bool(_)) => Some(value.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        },
    };
    parts(of)?.into_iter().map(piece).collect()
}

//! One entity: whose reading a message of its topic has. PURE.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::door::mqtt::heard::message::Body;
use crate::door::mqtt::heard::reading::{Found, Party};
use crate::door::mqtt::heard::template::Template;
use crate::door::mqtt::heard::value;
use crate::model::SensorKind;

/// An entity that has a number.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entity {
    pub(super) device: Arc<Party>,
    pub(super) topic: String,
    pub(super) sensor: String,
    pub(super) unit: Option<String>,
    pub(super) kind: Option<SensorKind>,
    pub(super) template: Option<Template>,
    pub(super) states: States,
}

/// What its values look like.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum States {
    Numbers,
    /// Two of them, by what they are called.
    Two {
        on: String,
        off: String,
    },
}

impl States {
    /// As it is announced, by the member and the word that counts where there is none.
    pub(super) fn said(config: &Map<String, Value>, on: [&str; 2], off: [&str; 2]) -> Self {
        let said = |[name, usual]: [&str; 2]| config.get(name).and_then(in_words).unwrap_or_else(|| usual.to_owned());
        Self::Two { on: said(on), off: said(off) }
    }
}

/// A value as it is compared: `true` in JSON is what a template calls `True`.
fn in_words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl Entity {
    pub(super) fn read(&self, body: &Body<'_>) -> Option<Found> {
        let said = match &self.template {
            Some(template) => template.render(body)?,
            None => match body.json() {
                Some(json @ (Value::Number(_) | Value::Bool(_))) => json.clone(),
                // A light says it as JSON.
                Some(Value::Object(object)) => object.get("state")?.clone(),
                _ => Value::String(body.text()?.to_owned()),
            },
        };
        let number = match &self.states {
            States::Numbers => value::of(&said)?.value,
            States::Two { on, off } => {
                let word = in_words(&said)?;
                if word.eq_ignore_ascii_case(on) {
                    1.0
                } else if word.eq_ignore_ascii_case(off) {
                    0.0
                } else {
                    value::of(&said).filter(|number| number.is_state || matches!(number.value, 0.0 | 1.0))?.value
                }
            }
        };
        let unit = self.unit.as_deref().unwrap_or_default();
        Some(Found { kind: self.kind, ..Found::plain(&self.device, self.sensor.clone(), number) }.with_unit(unit))
    }
}

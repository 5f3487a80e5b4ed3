//! Whether a device is there, as a topic tells it. PURE.

use std::sync::Arc;

use serde_json::Value;

use crate::door::mqtt::heard::message::Body;
use crate::door::mqtt::heard::reading::{Found, Party};
use crate::door::mqtt::heard::template::Template;
use crate::door::mqtt::heard::value;

/// How it is told whether a device is there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Presence {
    pub(super) device: Arc<Party>,
    pub(super) there: String,
    pub(super) gone: String,
    pub(super) template: Option<Template>,
}

impl Presence {
    pub(super) fn read(&self, body: &Body<'_>) -> Option<Found> {
        let text = body.text()?;
        let said = match &self.template {
            Some(template) => template.render(body)?,
            None => Value::String(text.to_owned()),
        };
        let said = said.as_str()?;
        let is_there = if said == self.there {
            true
        } else if said == self.gone {
            false
        } else {
            value::of_text(said)?.value != 0.0
        };
        Some(Found::available(&self.device, is_there))
    }
}

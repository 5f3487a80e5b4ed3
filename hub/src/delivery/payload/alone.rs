//! What a message says of its alert, for a summary that tells of nothing else. PURE.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A message about one alert.
pub(in crate::delivery) struct Alone {
    /// What people are told.
    pub(in crate::delivery) text: String,
    pub(in crate::delivery) alert: Alert,
}

/// `data.alert`, as it is.
#[derive(Serialize)]
#[serde(transparent)]
pub(in crate::delivery) struct Alert(Value);

/// A message in the hub's own form that is about one alert.
pub(in crate::delivery) fn alone(body: &[u8]) -> Option<Alone> {
    #[derive(Deserialize)]
    struct Told {
        text: String,
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        alert: Value,
    }
    let Told { text, data } = serde_json::from_slice(body).ok()?;
    if data.alert.is_object() { Some(Alone { text, alert: Alert(data.alert) }) } else { None }
}

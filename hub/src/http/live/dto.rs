//! Messages of the WebSocket, in both directions.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::alerts::dto::ListedAlert;
use crate::http::devices::dto::Device;
use crate::http::webhooks::sent::Delivery;
use crate::model::Lane as ModelLane;

/// What a client sends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum ClientRequest {
    /// Asks for series. The same id again replaces the subscription.
    Subscribe {
        /// Chosen by the client; comes back in every message about it.
        id: u32,
        /// Glob over the names of devices; an id is matched whole, or by more than eight characters. All when left out.
        device: Option<String>,
        /// Glob over sensor names; all when left out.
        sensor: Option<String>,
        /// Maximum number of frames per second; 10 when left out.
        max_hz: Option<f64>,
        /// Last server time seen (`hello.server_time` of the connection before, or later): answers with the gap since.
        resume: Option<Resume>,
    },
    /// Ends a subscription.
    Unsubscribe {
        /// Which.
        id: u32,
    },
}

/// The last server time a client has seen, in epoch milliseconds, as a number or a text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Resume {
    /// As a number.
    Millis(i64),
    /// As a text.
    Text(String),
}

impl Resume {
    /// The time, if it is one.
    #[must_use]
    pub(crate) fn millis(&self) -> Option<i64> {
        match self {
            Self::Millis(millis) => Some(*millis),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

/// `[device id, sensor, at_ms, value]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row(pub std::sync::Arc<str>, pub String, pub i64, pub f64);

impl Serialize for Row {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        (&*self.0, &self.1, self.2, self.3).serialize(to)
    }
}

impl utoipa::PartialSchema for Row {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Type};
        let text = ObjectBuilder::new().schema_type(Type::String);
        let number = ObjectBuilder::new().schema_type(Type::Number);
        ArrayBuilder::new()
            .items(OneOfBuilder::new().item(text).item(number))
            .min_items(Some(4))
            .max_items(Some(4))
            .description(Some("Device id, sensor, device time in epoch milliseconds, value"))
            .into()
    }
}

impl ToSchema for Row {}

/// Measured just now, or kept while the hub was away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Lane {
    /// Measured just now.
    Live,
    /// Kept while the hub was away.
    Recovered,
}

impl From<ModelLane> for Lane {
    fn from(lane: ModelLane) -> Self {
        match lane {
            ModelLane::Live => Self::Live,
            ModelLane::Recovered => Self::Recovered,
        }
    }
}

/// What the hub sends.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ServerMessage {
    /// The first message.
    Hello {
        /// Epoch milliseconds.
        server_time: i64,
        /// Names this connection.
        session: String,
        /// Version of the hub.
        version: String,
    },
    /// The newest reading of each series of a subscription. A large one comes in several messages.
    Snapshot {
        /// Which subscription.
        id: u32,
        /// The readings.
        rows: Vec<Row>,
    },
    /// Readings as they come.
    Readings {
        /// Which subscription.
        id: u32,
        /// Which lane; a message never mixes them.
        lane: Lane,
        /// The readings.
        rows: Vec<Row>,
    },
    /// Readings were left out because the client or the network is slow: fetch them by REST.
    Gap {
        /// Which subscription.
        id: u32,
        /// Epoch milliseconds from which on readings may be missing.
        since: i64,
    },
    /// A device changed or asks to be adopted; or, with `removed` alone, is gone.
    Device {
        /// The device.
        #[serde(skip_serializing_if = "Option::is_none")]
        device: Option<Box<Device>>,
        /// Id of the one that is gone.
        #[serde(skip_serializing_if = "Option::is_none")]
        removed: Option<String>,
    },
    /// An alert changed; or, with `removed` alone, it went away before it fired.
    Alert {
        /// The alert.
        #[serde(skip_serializing_if = "Option::is_none")]
        alert: Option<Box<ListedAlert>>,
        /// Id of the one that is gone.
        #[serde(skip_serializing_if = "Option::is_none")]
        removed: Option<String>,
    },
    /// A delivery changed.
    Delivery {
        /// The delivery.
        delivery: Box<Delivery>,
    },
    /// The request cannot be met.
    Error {
        /// Why.
        detail: String,
    },
}

//! What a sensor's values are, in JSON.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::model::SensorKind;

/// What values mean over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A level that may go up and down.
    Gauge,
    /// A total that only grows.
    Counter,
    /// One of a few levels.
    State,
}

impl From<SensorKind> for Kind {
    fn from(kind: SensorKind) -> Self {
        match kind {
            SensorKind::Gauge => Self::Gauge,
            SensorKind::Counter => Self::Counter,
            SensorKind::State => Self::State,
        }
    }
}

impl From<Kind> for SensorKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Gauge => Self::Gauge,
            Kind::Counter => Self::Counter,
            Kind::State => Self::State,
        }
    }
}

impl Kind {
    /// By the name it is written as, in a field.
    ///
    /// # Errors
    /// [`ApiError`] naming the field.
    pub fn named(field: &str, name: &str) -> Result<Self, ApiError> {
        match name {
            "gauge" => Ok(Self::Gauge),
            "counter" => Ok(Self::Counter),
            "state" => Ok(Self::State),
            _ => Err(ApiError::invalid(field, format!("`{name}` is not a kind: write gauge, counter or state"))),
        }
    }

    /// What it is written as.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::State => "state",
        }
    }
}

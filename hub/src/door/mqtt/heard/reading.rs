//! What is found in messages. PURE.

use std::sync::Arc;

use crate::model::{SensorKind, UnixMillis};

/// A device as it is told apart from others, and as people call it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Party {
    /// Stays the same when people rename the device where it is set up; the name itself where nothing better is known.
    pub(crate) key: String,
    pub(crate) name: String,
}

impl Party {
    /// A device that is known by its name alone.
    pub(super) fn named(name: &str) -> Arc<Self> {
        Arc::new(Self { key: name.to_owned(), name: name.to_owned() })
    }

    /// A device of a technology that has an address, a number or a topic of its own.
    pub(super) fn known(technology: &str, id: &str, name: &str) -> Arc<Self> {
        Arc::new(Self { key: format!("mqtt/{technology}/{id}"), name: name.to_owned() })
    }
}

/// A reading, by name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    pub(crate) device: Arc<Party>,
    pub(crate) sensor: String,
    pub(crate) unit: Option<String>,
    pub(crate) kind: Option<SensorKind>,
    pub(crate) value: f64,
    /// When it was taken, where the message says so.
    pub(crate) at: Option<UnixMillis>,
    /// Whether it says how things are now also where the broker kept the message: a device's last word, or its last will.
    pub(crate) is_standing: bool,
}

impl Found {
    /// A reading of which nothing more is known.
    pub(super) fn plain(device: &Arc<Party>, sensor: impl Into<String>, value: f64) -> Self {
        let (device, sensor) = (Arc::clone(device), sensor.into());
        Self { device, sensor, unit: None, kind: None, value, at: None, is_standing: false }
    }

    /// A reading with a unit, where that is not empty.
    pub(super) fn with_unit(self, unit: &str) -> Self {
        Self { unit: (!unit.is_empty()).then(|| unit.to_owned()), ..self }
    }

    /// A reading of a kind.
    pub(super) fn of_kind(self, kind: SensorKind) -> Self {
        Self { kind: Some(kind), ..self }
    }

    /// Whether a device is there: what its last will, or who speaks for it, says.
    pub(super) fn available(device: &Arc<Party>, is_there: bool) -> Self {
        let plain = Self::plain(device, AVAILABLE, f64::from(u8::from(is_there)));
        Self { kind: Some(SensorKind::State), is_standing: true, ..plain }
    }
}

/// The sensor that says whether a device is there.
pub(super) const AVAILABLE: &str = "available";

/// What a message is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Heard {
    /// Readings; there may be none.
    Readings(Vec<Found>),
    /// It says what devices and sensors there are.
    Announcement,
    /// It is understood and is no reading: a command, a log, what a bridge says of itself.
    Aside,
    /// It is not understood.
    Unread(Why),
}

/// Why a message is not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    /// A text that is no number and no state.
    Text,
    /// Bytes that are no text.
    Binary,
    /// JSON in which there is no number.
    NoNumber,
    /// Too many numbers in one message for a guess.
    TooMany,
    /// One more device that would be made by its topic alone, where there are many already.
    TooManyDevices,
    /// What a device or sensor is called cannot be a name.
    Name,
    /// A template that cannot be followed.
    Template,
}

impl Why {
    /// In a word, for counters and programs.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Binary => "binary",
            Self::NoNumber => "no_number",
            Self::TooMany => "too_many_numbers",
            Self::TooManyDevices => "too_many_devices",
            Self::Name => "name",
            Self::Template => "template",
        }
    }
}

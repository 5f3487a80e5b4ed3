//! What people and programs are told of alerts: decided by `rules`, written by `delivery`.

use super::UnixMillis;
use super::alert::{Alert, AlertId};
use super::reading::Point;
use super::webhook::WebhookId;

/// Something to be told of an alert.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// It fires, or it is over: its state says which.
    Changed {
        /// The alert after the change.
        alert: Alert,
        /// Event time of the change.
        occurred_at: UnixMillis,
        /// A few points around the change, oldest first.
        points: Vec<Point>,
        to: Hearers,
    },
    /// Alerts that were over when the hub learned of them: the first of `count` of a rule and a device.
    Past {
        /// The first of them.
        alert: Alert,
        /// How many there were.
        count: u32,
        /// A few points around it, oldest first.
        points: Vec<Point>,
    },
    /// It changes so often that its changes are not told any more.
    Flapping {
        /// The alert after the last change.
        alert: Alert,
        /// Event time of that change.
        occurred_at: UnixMillis,
        /// A few points around it, oldest first.
        points: Vec<Point>,
        /// What it did.
        flaps: Flaps,
    },
    /// It still fires, and nobody has acknowledged it.
    Repeated {
        /// The alert as it is.
        alert: Alert,
        at: UnixMillis,
        /// Who is told again.
        to: WebhookId,
    },
    /// Somebody has seen it; the alert says who.
    Acknowledged { alert: Alert, to: Hearers },
}

/// Who hears of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hearers {
    /// Whoever hears of the alert.
    All,
    /// Only programs that are told of each change: of one that flaps.
    EachChange,
    /// Only those that were told that it flaps: how it is now that it is calm.
    Calmed,
    /// Of those only what keeps one incident an alert, and has to end or begin that one.
    Incidents,
    /// Only this one: it was off when the others were told.
    One(WebhookId),
}

impl Notice {
    /// What it is about.
    #[must_use]
    pub const fn alert(&self) -> &Alert {
        match self {
            Self::Changed { alert, .. }
            | Self::Past { alert, .. }
            | Self::Flapping { alert, .. }
            | Self::Repeated { alert, .. }
            | Self::Acknowledged { alert, .. } => alert,
        }
    }

    /// Event time of what it tells.
    #[must_use]
    pub fn occurred_at(&self) -> UnixMillis {
        match self {
            Self::Changed { occurred_at, .. } | Self::Flapping { occurred_at, .. } => *occurred_at,
            Self::Repeated { at, .. } => *at,
            Self::Past { alert, .. } => alert.fired_at.unwrap_or(alert.started_at),
            Self::Acknowledged { alert, .. } => alert.acked.as_ref().map_or(alert.learned_at, |ack| ack.at),
        }
    }

    /// When the hub learned of it.
    #[must_use]
    pub fn learned_at(&self) -> UnixMillis {
        match self {
            Self::Changed { alert, .. } | Self::Past { alert, .. } | Self::Flapping { alert, .. } => alert.learned_at,
            Self::Repeated { .. } | Self::Acknowledged { .. } => self.occurred_at(),
        }
    }

    /// A few points around it, oldest first.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        match self {
            Self::Changed { points, .. } | Self::Past { points, .. } | Self::Flapping { points, .. } => points,
            Self::Repeated { .. } | Self::Acknowledged { .. } => &[],
        }
    }
}

/// What an alert did that flaps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flaps {
    /// How often it changed.
    pub changes: u32,
    /// In how many milliseconds.
    pub within_ms: i64,
    /// The lowest and the highest value known of that time; `None` of silence.
    pub between: Option<(f64, f64)>,
    /// With this clear value it would have been one alert; `None` where no value decides, or none would have done.
    pub clear: Option<f64>,
}

/// What is noted of an alert beside its changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Whether nobody was told of it because of a silence.
    Muted(AlertId, bool),
    /// Whether it is what people were told of an alert that flaps.
    Flapping(AlertId, bool),
    /// Nobody has to be told of its acknowledgement any more.
    AckTold(AlertId),
}

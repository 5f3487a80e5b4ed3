//! An alert: one rule being true of one series, from pending through firing to resolved.

use super::device::DeviceNo;
use super::reading::{Point, SeriesId};
use super::rule::RuleId;
use super::{UnixMillis, rule::Severity};

/// Row number of an alert; its text form is `alr_<n>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertId(pub u64);

/// Prometheus' words. Inactive is the absence of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertState {
    /// True, but not yet for long enough.
    Pending,
    /// True for long enough: people are told.
    Firing,
    /// Was firing, is no longer true: people are told.
    Resolved,
}

/// One alert as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Row number.
    pub id: AlertId,
    /// Which rule.
    pub rule: RuleId,
    /// Its name when the alert began.
    pub rule_name: String,
    /// Its severity when the alert began.
    pub severity: Severity,
    /// Whose series.
    pub device: DeviceNo,
    /// Which series.
    pub series: SeriesId,
    /// Where it stands.
    pub state: AlertState,
    /// Value that caused the last change; `None` for silence.
    pub value: Option<f64>,
    /// The limit; for silence the allowed time in seconds.
    pub threshold: f64,
    /// Event time at which the condition became true.
    pub started_at: UnixMillis,
    /// Event time at which it had been true for long enough.
    pub fired_at: Option<UnixMillis>,
    /// Event time at which it stopped being true.
    pub resolved_at: Option<UnixMillis>,
    /// When a person acknowledged it.
    pub acked_at: Option<UnixMillis>,
}

/// One change of one alert, decided by the rules, to be committed with the readings that caused it.
#[derive(Debug, Clone, PartialEq)]
pub enum Transition {
    /// Write the alert as it now stands (insert, or replace the row with the same id).
    Put {
        /// The alert after the change.
        alert: Alert,
        /// Event time of the change.
        occurred_at: UnixMillis,
        /// When the hub learned of it.
        learned_at: UnixMillis,
        /// A few points around the change, oldest first.
        points: Vec<Point>,
    },
    /// A pending alert whose condition went away before it fired: remove its row, tell nobody.
    Cancel(AlertId),
}

//! A silence: for some time, no notifications are sent about some alerts.

use super::UnixMillis;
use super::device::Labels;
use super::rule::RuleId;
use super::weekly::Weekly;

/// Row number of a silence; its text form is `sil_<n>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SilenceId(pub u64);

/// What is silenced, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SilenceSpec {
    /// Only alerts of this rule; of every rule when `None`.
    pub rule: Option<RuleId>,
    /// Glob over the names of devices; an id is matched whole, or by more than eight characters.
    pub device: String,
    /// Glob over sensor names.
    pub sensor: String,
    /// Labels the device must have.
    pub labels: Labels,
    /// From when, by the hub's clock.
    pub from: UnixMillis,
    pub until: UnixMillis,
    /// Between those only in these hours; all the time when `None`.
    pub weekly: Option<Weekly>,
    pub comment: String,
}

/// A stored silence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    pub id: SilenceId,
    pub spec: SilenceSpec,
    /// When it was made.
    pub created_at: UnixMillis,
}

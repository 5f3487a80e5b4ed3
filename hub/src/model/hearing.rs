//! What a webhook hears of, and when: filters, quiet hours, repeats.

use std::time::Duration;

use super::UnixMillis;
use super::alert::Alert;
use super::device::{Labels, carry};
use super::id::{RuleId, WebhookId};
use super::severity::Severity;
use super::weekly::Weekly;

/// Of which alerts a webhook is told. Of those it was told of it hears the end, whatever is set by then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Of those at least so bad.
    pub least: Severity,
    /// Labels the device must have. An alert of the hub itself has no device: it passes.
    pub labels: Labels,
    /// Tags the rule must have. An alert of the hub's own rules passes.
    pub tags: Labels,
}

impl Default for Filter {
    /// All of them.
    fn default() -> Self {
        Self { least: Severity::Info, labels: Labels::new(), tags: Labels::new() }
    }
}

impl Filter {
    /// Whether an alert passes, of a device with these labels.
    #[must_use]
    pub fn passes(&self, alert: &Alert, device: Option<&Labels>) -> bool {
        let is_tagged = alert.rule == RuleId::HUB || carry(&alert.tags, &self.tags);
        alert.severity >= self.least && is_tagged && device.is_none_or(|labels| carry(labels, &self.labels))
    }
}

/// Hours of the week in which nothing is sent to a webhook. What is to be told waits until they end; an alert that began and was over
/// in them is not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuietHours {
    pub weekly: Weekly,
    /// Whether critical alerts are told all the same.
    pub critical_passes: bool,
}

/// The quiet hours of a webhook at a moment: those it lies in, or the last ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lull {
    pub webhook: WebhookId,
    pub from: UnixMillis,
    pub until: UnixMillis,
    /// What is so urgent is sent all the same.
    pub passes: Urgency,
}

impl Lull {
    /// Whether a moment lies in them.
    #[must_use]
    pub fn has(&self, at: UnixMillis) -> bool {
        self.from <= at && at < self.until
    }
}

/// How urgent a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Urgency {
    /// It waits for the end of quiet hours.
    Ordinary = 0,
    /// Of a critical alert.
    Critical = 1,
    /// A person asked for it a moment ago.
    AskedFor = 2,
}

impl Urgency {
    /// The urgency of this number; what is none counts as ordinary.
    #[must_use]
    pub const fn of(number: u8) -> Self {
        match number {
            1 => Self::Critical,
            2 => Self::AskedFor,
            _ => Self::Ordinary,
        }
    }
}

/// How often a webhook is told again of an alert that still fires: at least.
pub const SHORTEST_REPEAT: Duration = Duration::from_secs(300);
/// How often a webhook is told again of an alert that still fires: at most.
pub const LONGEST_REPEAT: Duration = Duration::from_secs(30 * 86_400);

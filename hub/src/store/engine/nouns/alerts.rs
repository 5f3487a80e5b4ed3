//! Rules, alerts, silences, and late readings to which rules are still to be applied.

use crate::model::UnixMillis;
use crate::model::alert::{Ack, Alert, AlertId, AlertState, Transition};
use crate::model::device::DeviceNo;
use crate::model::notice::Mark;
use crate::model::reading::{SeriesId, Stretch};
use crate::model::rule::{Rule, RuleId, RuleSpec, Severity, Source};
use crate::model::silence::{Silence, SilenceId, SilenceSpec};
use crate::model::view::Among;
use crate::model::webhook::WebhookId;
use crate::store::error::Result;

/// Rules.
pub(in crate::store) trait Rules {
    /// The kinds of rules that the hub made by itself, also of those that are deleted.
    fn made_rules(&self) -> Result<Vec<String>>;
    /// All rules, oldest first.
    fn rules(&self) -> Result<Vec<Rule>>;
    /// One rule.
    fn rule(&self, id: RuleId) -> Result<Option<Rule>>;
}

/// Changes of rules.
pub(in crate::store) trait ChangeRules: Rules {
    /// Adds a rule without its webhooks; its number.
    fn add_rule(&self, spec: &RuleSpec, now: UnixMillis) -> Result<RuleId>;
    /// Remembers that the hub made this rule by itself.
    fn remember_made(&self, kind: &str, id: RuleId) -> Result<()>;
    /// Replaces what a rule says, but for its webhooks; whether there is such a rule.
    fn replace_rule(&self, id: RuleId, spec: &RuleSpec, now: UnixMillis) -> Result<bool>;
    /// Sets the webhooks of a rule, in order; the first that does not exist, where there is one.
    fn set_webhooks_of_rule(&self, id: RuleId, webhooks: &[WebhookId]) -> Result<Option<WebhookId>>;
    /// Notes in which file a rule is kept.
    fn set_source_of_rule(&self, id: RuleId, source: &Source) -> Result<()>;
    /// Whether there was such a rule to delete.
    fn delete_rule(&self, id: RuleId) -> Result<bool>;
}

/// Alerts of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OfRule {
    Id(RuleId),
    /// Its name when the alert began.
    Name(String),
}

/// Which alerts to list, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlertQuery {
    /// In one of these states; empty for any, unless `unknown` is asked for.
    pub states: Vec<AlertState>,
    /// Those of which nobody knows whether they are still true. Asked for by their state they are left out.
    pub unknown: bool,
    /// Of these devices.
    pub among: Among,
    /// Of this device.
    pub device: Option<DeviceNo>,
    /// Of this rule, which need not exist any more.
    pub rule: Option<OfRule>,
    /// So bad.
    pub severity: Option<Severity>,
    /// With all of these tags.
    pub tags: Vec<(String, String)>,
    /// Began at or after.
    pub from: Option<UnixMillis>,
    /// Began before.
    pub to: Option<UnixMillis>,
    /// At most so many.
    pub limit: usize,
    /// Older than this one: the next page.
    pub before: Option<AlertId>,
}

/// Alerts.
pub(in crate::store) trait Alerts {
    /// Every pending and firing alert, oldest first.
    fn open_alerts(&self) -> Result<Vec<Alert>>;
    /// Alerts that fire and say that a device is offline, with the device.
    fn offline_alerts(&self) -> Result<Vec<(DeviceNo, AlertId)>>;
    /// Those of them that are muted.
    fn muted_alerts(&self) -> Result<Vec<Alert>>;
    /// Those that people were told of as flapping, over or not.
    fn flapping_alerts(&self) -> Result<Vec<Alert>>;
    /// Acknowledged alerts that fire and of whose acknowledgement nobody was told, oldest first, at most `most`.
    fn untold_acks(&self, most: usize) -> Result<Vec<Alert>>;
    /// A number above that of every alert there ever was.
    fn next_alert_id(&self) -> Result<u64>;
    /// Alerts, newest first; a page is full of what is asked for, however much else lies between.
    fn alerts(&self, query: &AlertQuery) -> Result<Vec<Alert>>;
    /// Alerts of one rule on one series that were open at some time from `from` to `to`, oldest first.
    fn alerts_during(
        &self,
        rule: RuleId,
        of: (DeviceNo, SeriesId),
        during: (UnixMillis, UnixMillis),
    ) -> Result<Vec<Alert>>;
    /// Alerts that are over, last changed before a moment: how many.
    fn old_alerts(&self, before: UnixMillis) -> Result<u64>;
    /// One alert.
    fn alert(&self, id: AlertId) -> Result<Option<Alert>>;
}

/// Changes of alerts.
pub(in crate::store) trait ChangeAlerts: Alerts {
    /// Writes what the rule engine says; one of a deleted device goes nowhere. An acknowledgement that is there stays.
    fn write_alert(&self, transition: &Transition) -> Result<()>;
    /// Notes that a person has seen it; `false` when that was noted before.
    fn ack_alert(&self, id: AlertId, ack: &Ack) -> Result<bool>;
    /// Deletes up to `at_most` alerts that are over and were last changed before a moment; how many. Those stay that people wait
    /// for the end of.
    fn expire_alerts(&self, before: UnixMillis, at_most: usize) -> Result<usize>;
    /// Notes something of an alert.
    fn mark_alert(&self, mark: Mark) -> Result<()>;
}

/// Silences.
pub(in crate::store) trait Silences {
    /// All silences, oldest first.
    fn silences(&self) -> Result<Vec<Silence>>;
    /// One silence.
    fn silence(&self, id: SilenceId) -> Result<Option<Silence>>;
    /// How many there are.
    fn silence_count(&self) -> Result<u64>;
}

/// Changes of silences.
pub(in crate::store) trait ChangeSilences: Silences {
    /// Adds a silence; its number.
    fn add_silence(&self, spec: &SilenceSpec, now: UnixMillis) -> Result<SilenceId>;
    /// Deletes the one that has been over for longest at `now`; whether there was one.
    fn drop_old_silence(&self, now: UnixMillis) -> Result<bool>;
    /// Whether there was such a silence to delete.
    fn delete_silence(&self, id: SilenceId) -> Result<bool>;
}

/// Late readings that the rules were not held against yet.
pub(in crate::store) trait Late {
    /// Of each series, the time they lie in.
    fn late(&self) -> Result<Vec<(SeriesId, Stretch)>>;
}

/// Changes of what waits.
pub(in crate::store) trait ChangeLate: Late {
    /// Writes what waits of a series; of a deleted one it goes nowhere.
    fn write_late(&self, series: SeriesId, waiting: Option<Stretch>) -> Result<()>;
}

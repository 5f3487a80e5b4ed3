//! What is kept of the moment at which alerts fired, and what is told of them from what else is stored.

use crate::model::UnixMillis;
use crate::model::alert::{Alert, AlertId};
use crate::model::explain::{Explanation, Tally};
use crate::model::rule::{Rule, RuleId};
use crate::model::webhook::Delivery;
use crate::store::error::Result;

/// Questions about alerts that fired.
pub(in crate::store) trait Explained {
    /// What was kept when it fired.
    fn explanation(&self, alert: AlertId) -> Result<Option<Explanation>>;
    /// A version of a rule: the one in force, or one that an alert is of.
    fn rule_version(&self, rule: RuleId, version: u32) -> Result<Option<Rule>>;
    /// Alerts that fired from one moment to another (included), the oldest first, at most `most`.
    fn fired_between(&self, from: UnixMillis, to: UnixMillis, most: usize) -> Result<Vec<Alert>>;
    /// How often the rule of an alert fired from a moment until that one did.
    fn tally(&self, alert: &Alert, from: UnixMillis) -> Result<Tally>;
    /// Messages about an alert, oldest first, at most `most`, without their bodies.
    fn deliveries_about(&self, alert: AlertId, most: usize) -> Result<Vec<Delivery>>;
}

/// Changes of it.
pub(in crate::store) trait ChangeExplained: Explained {
    /// Keeps what is known of the moment at which an alert fired; what is kept already stays.
    fn explain_alert(&self, explanation: &Explanation) -> Result<()>;
    /// Counts a change of a rule, whose version from before stays where an alert is of it.
    fn supersede_rule(&self, before: &Rule, now: UnixMillis) -> Result<()>;
    /// Deletes versions of rules that no alert is of any more; how many.
    fn expire_rule_versions(&self) -> Result<usize>;
}

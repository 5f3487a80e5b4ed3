//! Alert rules.

use super::Store;
use super::error::Result;
use crate::model::UnixMillis;
use crate::model::rule::{Rule, RuleId, RuleSpec};

impl Store {
    /// All rules, oldest first.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn list_rules(&self) -> Result<Vec<Rule>> {
        todo!()
    }

    /// One rule.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn rule(&self, id: RuleId) -> Result<Rule> {
        let _ = id;
        todo!()
    }

    /// Adds a rule.
    ///
    /// # Errors
    /// `Conflict` when it names a webhook that does not exist.
    pub async fn create_rule(&self, spec: RuleSpec, now: UnixMillis) -> Result<Rule> {
        let _ = (spec, now);
        todo!()
    }

    /// Replaces what a rule says.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it names a webhook that does not exist.
    pub async fn replace_rule(&self, id: RuleId, spec: RuleSpec, now: UnixMillis) -> Result<Rule> {
        let _ = (id, spec, now);
        todo!()
    }

    /// Deletes a rule; its alerts stay as history.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_rule(&self, id: RuleId) -> Result<()> {
        let _ = id;
        todo!()
    }
}

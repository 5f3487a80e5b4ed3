//! Alert rules.

use crate::model::UnixMillis;
use crate::model::rule::{Rule, RuleId, RuleSpec};
use crate::model::webhook::WebhookId;
use crate::store::Store;
use crate::store::engine::transaction::Transaction;
use crate::store::error::{Error, Result};

impl Store {
    /// All rules, oldest first.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn list_rules(&self) -> Result<Vec<Rule>> {
        self.readers().run(|reader| reader.ask()?.rules()).await
    }

    /// One rule.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn rule(&self, id: RuleId) -> Result<Rule> {
        self.readers().run(move |reader| reader.ask()?.rule(id)?.ok_or(Error::missing("rule"))).await
    }

    /// Adds a rule.
    ///
    /// # Errors
    /// `Conflict` when it names a webhook that does not exist.
    pub async fn create_rule(&self, spec: RuleSpec, now: UnixMillis) -> Result<Rule> {
        self.change(move |open| {
            let id = open.tx.add_rule(&spec, now)?;
            set_webhooks(open.tx, id, &spec.webhooks)?;
            read(open.tx, id)
        })
        .await
    }

    /// Makes a rule of the hub's own, unless this kind was made before: its name.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn make_rule(&self, kind: &'static str, spec: RuleSpec, now: UnixMillis) -> Result<Option<String>> {
        self.change(move |open| {
            if open.tx.made_rules()?.iter().any(|made| made == kind) {
                return Ok(None);
            }
            let id = open.tx.add_rule(&spec, now)?;
            open.tx.remember_made(kind, id)?;
            Ok(Some(spec.name))
        })
        .await
    }

    /// The kinds of rules that the hub made by itself, also of those that are deleted.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn made_rules(&self) -> Result<Vec<String>> {
        self.readers().run(|reader| reader.ask()?.made_rules()).await
    }

    /// Replaces what a rule says.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it names a webhook that does not exist.
    pub async fn replace_rule(&self, id: RuleId, spec: RuleSpec, now: UnixMillis) -> Result<Rule> {
        self.change(move |open| {
            if !open.tx.replace_rule(id, &spec, now)? {
                return Err(Error::missing("rule"));
            }
            set_webhooks(open.tx, id, &spec.webhooks)?;
            read(open.tx, id)
        })
        .await
    }

    /// Deletes a rule; its alerts stay as history.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_rule(&self, id: RuleId) -> Result<()> {
        self.change(move |open| if open.tx.delete_rule(id)? { Ok(()) } else { Err(Error::missing("rule")) }).await
    }
}

fn set_webhooks(tx: &dyn Transaction, rule: RuleId, webhooks: &[WebhookId]) -> Result<()> {
    match tx.set_webhooks_of_rule(rule, webhooks)? {
        Some(missing) => Err(Error::conflict("webhooks", format!("there is no webhook whk_{}", missing.0))),
        None => Ok(()),
    }
}

fn read(tx: &dyn Transaction, id: RuleId) -> Result<Rule> {
    tx.rule(id)?.ok_or(Error::missing("rule"))
}

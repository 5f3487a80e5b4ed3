//! Alert rules.

use crate::model::UnixMillis;
use crate::model::rule::{Rule, RuleId, RuleSpec, Step};
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

    /// All rules, read where devices are renamed: the names in them are those of the catalog, if nothing was renamed meanwhile
    /// ([`Catalog::renames`](crate::model::catalog::Catalog::renames)). Of a store that takes no change now they are read as ever.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn rules_in_turn(&self) -> Result<Vec<Rule>> {
        match self.change(|open| open.tx.rules()).await {
            Err(error) if !error.is_fatal() => self.list_rules().await,
            rules => rules,
        }
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

    /// Counts a kind of rule as made: a rule that is there stands for it. `of`: which one is the hub's own from then on.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn count_as_made(&self, kind: &'static str, of: Option<RuleId>) -> Result<()> {
        self.change(move |open| {
            if open.tx.made_rules()?.iter().any(|made| made == kind) {
                return Ok(());
            }
            open.tx.remember_made(kind, of.unwrap_or(RuleId::HUB))
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

    /// Replaces what a rule says; a change counts its version up.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it names a webhook that does not exist.
    pub async fn replace_rule(&self, id: RuleId, spec: RuleSpec, now: UnixMillis) -> Result<Rule> {
        self.change(move |open| {
            replace(open.tx, id, &spec, now)?;
            set_webhooks(open.tx, id, &spec.webhooks)?;
            read(open.tx, id)
        })
        .await
    }

    /// Takes the steps that `decide` finds to be taken, of the rules as they are: all of them or, where it is an error, none.
    ///
    /// # Errors
    /// `Conflict` when a rule names a webhook that does not exist; inside, what `decide` said.
    pub async fn apply_rules<T: Send + 'static, E: Send + 'static>(
        &self,
        now: UnixMillis,
        decide: impl FnOnce(Vec<Rule>) -> std::result::Result<(Vec<Step>, T), E> + Send + 'static,
    ) -> Result<std::result::Result<T, E>> {
        self.change(move |open| {
            let (steps, answer) = match decide(open.tx.rules()?) {
                Ok(decided) => decided,
                Err(refused) => return Ok(Err(refused)),
            };
            for step in steps {
                take(open.tx, step, now)?;
            }
            Ok(Ok(answer))
        })
        .await
    }

    /// Deletes a rule; its alerts stay as history.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn delete_rule(&self, id: RuleId) -> Result<()> {
        self.change(move |open| delete(open.tx, id)).await
    }
}

fn take(tx: &dyn Transaction, step: Step, now: UnixMillis) -> Result<()> {
    match step {
        Step::Create(spec, source) => {
            let id = tx.add_rule(&spec, now)?;
            set_webhooks(tx, id, &spec.webhooks)?;
            tx.set_source_of_rule(id, &source)
        }
        Step::Replace(id, spec, source) => {
            replace(tx, id, &spec, now)?;
            set_webhooks(tx, id, &spec.webhooks)?;
            tx.set_source_of_rule(id, &source)
        }
        Step::Move(id, source) => tx.set_source_of_rule(id, &source),
        Step::Delete(id) => delete(tx, id),
    }
}

/// Replaces what a rule says, but for its webhooks; a change counts its version up.
fn replace(tx: &dyn Transaction, id: RuleId, spec: &RuleSpec, now: UnixMillis) -> Result<()> {
    let before = read(tx, id)?;
    if before.spec != *spec {
        tx.supersede_rule(&before, now)?;
    }
    if tx.replace_rule(id, spec, now)? { Ok(()) } else { Err(Error::missing("rule")) }
}

fn delete(tx: &dyn Transaction, id: RuleId) -> Result<()> {
    let before = read(tx, id)?;
    tx.supersede_rule(&before, before.version_since)?;
    if tx.delete_rule(id)? { Ok(()) } else { Err(Error::missing("rule")) }
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

//! The parts of the hub that the handlers of rules use.

use std::sync::Arc;

use super::dto::{NewRule, Rule};
use crate::clock::Clock;
use crate::http::error::ApiError;
use crate::http::request::text;
use crate::http::state::RulesChanged;
use crate::http::tried::tried;
use crate::ingest::learning::Learning;
use crate::model::rule::{self, RuleSpec};
use crate::rules::backtest::Trial;
use crate::store::{self, Store};

/// The rules, what they have learned, and whom to tell of a change.
#[derive(Clone)]
pub(in crate::http) struct Rulebook {
    pub(in crate::http) store: Store,
    pub(in crate::http) clock: Clock,
    pub(in crate::http) learning: Arc<Learning>,
    pub(in crate::http) rules_changed: RulesChanged,
}

impl Rulebook {
    /// A rule as it is shown, with what it watches.
    pub(super) fn shown(&self, rule: rule::Rule) -> Rule {
        let learned = self.learning.of(rule.id, rule.version);
        // What is off is watched by nobody: what it would watch is of interest.
        let learned = learned.filter(|_| rule.spec.enabled && !rule.spec.condition.is_about_device());
        let watching =
            learned.unwrap_or_else(|| Trial::new(rule.spec.clone(), self.clock.wall()).watching(&self.store.catalog()));
        Rule::of(rule, watching)
    }

    /// What a rule says that somebody sent.
    pub(super) async fn checked(&self, new: NewRule) -> Result<RuleSpec, ApiError> {
        let spec = read(new).await?;
        for (index, webhook) in spec.webhooks.iter().enumerate() {
            match self.store.webhook(*webhook).await {
                Ok(_) => {}
                Err(store::Error::NotFound { .. }) => {
                    let detail = format!("there is no webhook {}", text::id(*webhook));
                    return Err(ApiError::invalid(format!("webhooks[{index}]"), detail));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(spec)
    }
}

/// What a rule says that somebody sent. Its templates, where it has any, are tried beside what serves everybody.
pub(super) async fn read(new: NewRule) -> Result<RuleSpec, ApiError> {
    if new.is_in_the_hubs_words() {
        return RuleSpec::try_from(new);
    }
    tried(move || RuleSpec::try_from(new)).await
}

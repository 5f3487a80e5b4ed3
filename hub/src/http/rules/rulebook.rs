//! The parts of the hub that the handlers of rules use.

use std::sync::Arc;

use super::dto::Rule;
use crate::clock::Clock;
use crate::http::state::RulesChanged;
use crate::ingest::learning::Learning;
use crate::model::rule;
use crate::store::Store;

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
        let watching = self.learning.of(rule.id);
        Rule::of(rule, watching)
    }
}

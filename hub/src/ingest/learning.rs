//! Which rules still gather the readings that they need, so that people see why a rule does not decide yet. The
//! pipeline writes it, HTTP reads it; nothing is stored.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::model::rule::RuleId;
use crate::rules::Watching;

/// Of each rule that looks back, how many series it watches.
#[derive(Debug, Default)]
pub(crate) struct Learning(Mutex<BTreeMap<RuleId, Watching>>);

impl Learning {
    /// All of it anew.
    pub(crate) fn set(&self, all: BTreeMap<RuleId, Watching>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = all;
    }

    /// One rule's; nothing is known of a rule made just now.
    #[must_use]
    pub(crate) fn of(&self, rule: RuleId) -> Watching {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&rule).cloned().unwrap_or_default()
    }
}

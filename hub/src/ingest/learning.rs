//! What rules watch, and which still gather the readings that they need, so that people see why a rule does not decide yet. The
//! pipeline writes it, HTTP reads it; nothing is stored.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::model::rule::RuleId;
use crate::rules::Watching;

/// Of each rule how many series it watches.
#[derive(Debug, Default)]
pub(crate) struct Learning(Mutex<BTreeMap<RuleId, Watching>>);

impl Learning {
    /// All of it anew.
    pub(crate) fn set(&self, all: BTreeMap<RuleId, Watching>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = all;
    }

    /// One rule's; nothing is known of a version made just now.
    #[must_use]
    pub(crate) fn of(&self, rule: RuleId, version: u32) -> Option<Watching> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&rule).filter(|watching| watching.version == version).cloned()
    }
}

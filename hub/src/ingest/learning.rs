//! Which rules still gather what they need to know: for people who wonder why a rule says nothing. The pipeline writes it,
//! HTTP reads it; nothing is stored.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::model::rule::RuleId;
use crate::rules::Watching;

/// Of each rule that looks back, how many series it watches.
#[derive(Debug, Default)]
pub struct Learning(Mutex<BTreeMap<RuleId, Watching>>);

impl Learning {
    /// All of it anew.
    pub fn set(&self, all: BTreeMap<RuleId, Watching>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = all;
    }

    /// One rule's; nothing is known of a rule made just now.
    #[must_use]
    pub fn of(&self, rule: RuleId) -> Watching {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&rule).copied().unwrap_or_default()
    }
}

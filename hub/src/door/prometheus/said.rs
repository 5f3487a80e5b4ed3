//! What senders said of their metrics, for as long as the hub runs. Each has its own, so that none speaks for another. PURE.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::families::Families;
use crate::ingest::newcomers::Maker;

/// Senders whose metrics are remembered. Those of others go by their names.
const SENDERS: usize = 64;

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Said(Mutex<HashMap<Maker, Arc<Families>>>);

impl Said {
    /// What somebody said.
    pub(crate) fn by(&self, sender: Maker) -> Arc<Families> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&sender).cloned().unwrap_or_default()
    }

    /// Remembers what somebody says now.
    pub(crate) fn learn(&self, sender: Maker, families: Families) {
        if families.is_empty() {
            return;
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < SENDERS || all.contains_key(&sender) {
            let known = all.entry(sender).or_default();
            // Most of the time it is what was said a minute ago.
            if !known.has_all(&families) {
                Arc::make_mut(known).learn_all(families);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::families::{Family, Type};
    use super::*;

    #[test]
    fn each_sender_speaks_for_itself_and_only_so_many_are_remembered() {
        let counter = || {
            let mut families = Families::default();
            families.learn("m", Family { of: Type::Counter, unit: String::new() });
            families
        };
        let said = Said::default();
        for sender in 0..SENDERS as u64 + 1 {
            assert!(said.by(Maker::Token(sender)).is_empty());
            said.learn(Maker::Token(sender), counter());
            said.learn(Maker::Token(sender), Families::default());
        }
        assert_eq!(*said.by(Maker::Token(1)), counter());
        assert!(said.by(Maker::Token(SENDERS as u64)).is_empty());
    }
}

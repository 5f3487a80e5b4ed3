//! Which rules can be about a device, by its name: most name one device, and of a thousand of those one is looked at. PURE.

use std::collections::HashMap;

use super::condition::Compiled;
use crate::model::device::Device;

/// Places of rules, by what they say of devices.
#[derive(Debug, Clone, Default)]
pub(super) struct Matching {
    /// Those that name one device, by its name or its id.
    named: HashMap<String, Vec<usize>>,
    /// Those with a pattern.
    patterns: Vec<usize>,
}

impl Matching {
    pub(super) fn new(rules: &[Compiled]) -> Self {
        let mut all = Self::default();
        for (place, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.rule.spec.enabled) {
            match rule.only_device() {
                Some(name) => all.named.entry(name.to_owned()).or_default().push(place),
                None => all.patterns.push(place),
            }
        }
        all
    }

    /// Those that can be about a device, in their order.
    pub(super) fn of(&self, device: &Device) -> Vec<usize> {
        if self.named.is_empty() {
            return self.patterns.clone();
        }
        let named = |name: &str| self.named.get(name).into_iter().flatten().copied();
        let mut places: Vec<_> =
            named(&device.name).chain(named(&device.id.to_string())).chain(self.patterns.iter().copied()).collect();
        places.sort_unstable();
        places.dedup();
        places
    }
}

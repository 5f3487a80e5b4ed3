//! A rule with which something is wrong, without that: so that the rest of it can be looked at. PURE.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// Fields of a condition that are numbers, and those that are times.
const NUMBERS: [&str; 4] = ["value", "clear", "sigmas", "least"];
const TIMES: [&str; 5] = ["over", "per", "after", "within", "by"];

/// What of a rule is not known to be wrong.
pub(super) struct Whole {
    json: Value,
    /// Paths at which something was wrong.
    met: BTreeSet<String>,
    /// Something in its condition stands for what was wrong there.
    is_patched: bool,
}

/// What becomes of something that is wrong.
pub(super) struct Mended {
    /// It does not only follow from what was taken out before.
    pub(super) is_told: bool,
    /// There may be more.
    pub(super) goes_on: bool,
}

impl Whole {
    pub(super) const fn new(json: Value) -> Self {
        Self { json, met: BTreeSet::new(), is_patched: false }
    }

    pub(super) const fn json(&self) -> &Value {
        &self.json
    }

    /// Takes out what is wrong at a path. Of a condition that is what cannot be read, field by field; where its fields do not fit each
    /// other the whole of it.
    pub(super) fn mend(&mut self, path: &str) -> Mended {
        let top = path.split(['.', '[']).next().unwrap_or_default();
        let is_new = self.met.insert(path.to_owned());
        let Some(rule) = self.json.as_object_mut().filter(|_| is_new && !top.is_empty()) else {
            return Mended { is_told: is_new, goes_on: false };
        };
        let field = path.strip_prefix("condition.");
        let place = field.and_then(|name| Some((name, rule.get_mut("condition")?.get_mut(name)?)));
        if let Some((name, value)) = place.filter(|(name, value)| is_mistyped(name, value)) {
            *value = if NUMBERS.contains(&name) { json!(0) } else { json!("5m") };
            self.is_patched = true;
            return Mended { is_told: true, goes_on: true };
        }
        match top {
            "name" => rule.insert(top.to_owned(), json!("rule")),
            "condition" => rule.insert(top.to_owned(), json!({"type": "threshold", "op": ">", "value": 0})),
            _ => rule.remove(top),
        };
        Mended { is_told: top != "condition" || !self.is_patched, goes_on: true }
    }
}

/// Whether a field of a condition is not of the kind that it has to be.
fn is_mistyped(name: &str, value: &Value) -> bool {
    (NUMBERS.contains(&name) && !value.is_number()) || (TIMES.contains(&name) && !value.is_string())
}

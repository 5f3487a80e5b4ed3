//! How a secret stands in what a template makes as JSON. PURE.

use minijinja::Value;
use minijinja::filters::tojson;
use minijinja::value::Kwargs;

/// A text as `tojson` spells it, without the quotes around.
pub(crate) fn spelled(text: &str) -> String {
    let none = Kwargs::from_iter(std::iter::empty::<(&str, Value)>());
    let json = tojson(&Value::from(text), None, none).map(|json| json.to_string()).unwrap_or_default();
    json.get(1..json.len().saturating_sub(1)).unwrap_or(text).to_owned()
}

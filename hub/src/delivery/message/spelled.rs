//! How a secret stands in what a template makes as JSON. PURE.

/// A text as `tojson` spells it, without the quotes around.
pub(crate) fn spelled(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    let inner = json.get(1..json.len() - 1).unwrap_or_default();
    ["<", ">", "&", "'"].iter().fold(inner.to_owned(), |text, sign| {
        let code = sign.chars().next().map_or(0, u32::from);
        text.replace(sign, &format!("\\u{code:04x}"))
    })
}

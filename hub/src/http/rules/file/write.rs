//! Rules as the API gives them, written as a file that gives them back. PURE.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::http::rules::dto::NewRule;

/// A file of rules.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) text: String,
    /// Names that several rules have: by a file they cannot be told apart.
    pub(crate) twins: Vec<String>,
}

/// Writes the rules of an answer of `/rules`, of those that are kept in files only names and places unless all are wanted; webhooks (id and name) by their names, where those are theirs alone.
///
/// # Errors
/// When it is no such answer.
pub(crate) fn write(answer: &str, webhooks: &[(String, String)], all: bool) -> Result<Written, serde_json::Error> {
    #[derive(Deserialize)]
    struct Answer {
        items: Vec<Map<String, Value>>,
    }
    let answer: Answer = serde_json::from_str(answer)?;
    let known = NewRule::fields();
    let mut written = Written { text: String::new(), twins: Vec::new() };
    let mut names: Vec<String> = Vec::new();
    for rule in answer.items {
        let name = rule.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let gap = if written.text.is_empty() { "" } else { "\n" };
        if let Some(file) = rule.get("source").and_then(|source| source["file"].as_str()).filter(|_| !all) {
            // As JSON: in a comment no name ends a line.
            let (name, file) = (Value::from(name), Value::from(file));
            written.text += &format!("{gap}# The rule {name} is kept in {file}: --all writes it here too.\n");
            continue;
        }
        if names.contains(&name) && !written.twins.contains(&name) {
            written.twins.push(name.clone());
        }
        names.push(name);
        let mut rule: Map<String, Value> = rule.into_iter().filter(|(field, _)| known.contains(field)).collect();
        for (field, usual) in [("enabled", Value::Bool(true)), ("clear_for", "0s".into())] {
            if rule.get(field) == Some(&usual) {
                rule.remove(field);
            }
        }
        if let Some(Value::Array(ids)) = rule.get_mut("webhooks") {
            ids.iter_mut().for_each(|id| *id = named(id, webhooks));
        }
        written.text += &format!("{gap}[[rule]]\n");
        table("rule", rule, &mut written.text);
    }
    Ok(written)
}

fn named(id: &Value, webhooks: &[(String, String)]) -> Value {
    let name = webhooks.iter().find(|(one, _)| Some(one.as_str()) == id.as_str()).map(|(_, name)| name);
    let is_alone = |name: &String| webhooks.iter().filter(|(id, called)| called == name || id == name).count() == 1;
    name.filter(|name| is_alone(name)).map_or_else(|| id.clone(), |name| name.as_str().into())
}

/// The fields of a table, those that are tables themselves last.
fn table(path: &str, fields: Map<String, Value>, text: &mut String) {
    let is_there = |value: &Value| match value {
        Value::Null => false,
        Value::Object(fields) => fields.values().any(|value| !value.is_null()),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => true,
    };
    let (tables, mut plain): (Vec<_>, Vec<_>) =
        fields.into_iter().filter(|(_, value)| is_there(value)).partition(|(_, value)| has_tables(value));
    plain.sort_by_key(|(name, _)| (!matches!(name.as_str(), "name" | "type"), name.clone()));
    for (name, value) in plain {
        let _ = writeln!(text, "{} = {}", key(&name), inline(&value));
    }
    for (name, value) in tables {
        let path = format!("{path}.{}", key(&name));
        match value {
            Value::Object(fields) => {
                let _ = writeln!(text, "[{path}]");
                table(&path, fields, text);
            }
            Value::Array(all) => {
                for one in all {
                    let _ = writeln!(text, "[[{path}]]");
                    table(&path, if let Value::Object(fields) = one { fields } else { Map::new() }, text);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

fn has_tables(value: &Value) -> bool {
    match value {
        Value::Object(_) => true,
        Value::Array(all) => !all.is_empty() && all.iter().all(Value::is_object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn key(name: &str) -> String {
    let is_bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if is_bare { name.to_owned() } else { Value::from(name).to_string() }
}

fn inline(value: &Value) -> String {
    match value {
        // Its lines are lines of the file.
        Value::String(text) if text.contains('\n') => {
            let text = text.replace('\\', "\\\\").replace("\"\"\"", "\"\"\\\"").replace('\r', "\\r");
            // Two at the end may stand before those that end it.
            format!("\"\"\"\n{text}\"\"\"")
        }
        Value::Array(all) => format!("[{}]", all.iter().map(inline).collect::<Vec<_>>().join(", ")),
        // A string of JSON is one of TOML.
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => value.to_string(),
    }
}

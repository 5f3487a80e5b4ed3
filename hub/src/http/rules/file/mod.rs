//! Rules as a TOML file: the JSON of the API, in tables of TOML. PURE.
//!
//! ```text
//!   text ──▶ tree: JSON, with places ──▶ the API's own shapes ──▶ rules ──▶ trial: do its tests hold?
//!   rules as the API gives them ──▶ write ──▶ text
//! ```
//!
//! What a rule may say is known to [`NewRule`] alone: a condition or a field that is added there can be written in a file as well, and an
//! error of the API is an error in a line of the file.

mod mend;
mod tree;
mod trial;
mod write;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use self::tree::Tree;
pub(crate) use self::tree::Wrong;
pub(crate) use self::trial::Failed;
pub(crate) use self::write::write;
use super::dto::NewRule;
use crate::http::error::ApiError;
use crate::http::request::body::parse;
use crate::model::rule::RuleSpec;

/// Rules of one file.
const MOST: usize = 1_000;

/// A file that was read.
#[derive(Debug)]
pub(crate) struct RuleFile {
    pub(crate) rules: Vec<FileRule>,
    pub(crate) tests: Vec<trial::Test>,
}

/// A rule in a file.
#[derive(Debug)]
pub(crate) struct FileRule {
    pub(crate) name: String,
    /// Where it begins, from 1.
    pub(crate) line: usize,
    /// As the API takes it, without webhooks.
    json: Value,
    /// Without webhooks.
    spec: RuleSpec,
    /// Names or ids of webhooks, and where they stand; `None` where nothing is said.
    webhooks: Option<Vec<(String, Wrong)>>,
}

/// Reads a file.
///
/// # Errors
/// All that is wrong with it.
pub(crate) fn read(text: &str) -> Result<RuleFile, Vec<Wrong>> {
    let tree = Tree::read(text).map_err(|wrong| vec![wrong])?;
    let (rules, tests) = match (tree.tables("rule"), tree.tables("test")) {
        (Ok(rules), Ok(tests)) => (rules, tests),
        (rules, tests) => return Err([rules.err(), tests.err()].into_iter().flatten().collect()),
    };
    let mut wrongs: Vec<Wrong> = tree.strange(&["rule", "test"]).into_iter().collect();
    if let Some(part) = rules.get(MOST) {
        wrongs.push(tree.wrong(part.span().start, format!("a file has at most {MOST} rules")));
    }
    let mut file = RuleFile { rules: Vec::new(), tests: Vec::new() };
    // Also of rules with which something is wrong: a test may be about one of those.
    let named = |part: &&tree::Part<'_>| Some(tree.json(part).ok()?["name"].as_str()?.to_owned());
    let names: Option<Vec<String>> = rules.iter().map(named).collect();
    for part in rules.into_iter().take(MOST) {
        match rule(&tree, part) {
            Ok(rule) => match file.rules.iter().find(|other| other.name == rule.name) {
                Some(other) => {
                    let text = format!(
                        "the rule in line {} is called `{}` too: a rule is known by its name",
                        other.line, rule.name
                    );
                    wrongs.push(tree.wrong_in(part, "name", text));
                }
                None => file.rules.push(rule),
            },
            Err(of_rule) => wrongs.extend(of_rule),
        }
    }
    let known: Vec<(&str, &RuleSpec)> = file.rules.iter().map(|rule| (rule.name.as_str(), &rule.spec)).collect();
    for part in tests {
        match trial::test(&tree, part, &known, names.as_deref()) {
            Ok(test) => file.tests.push(test),
            Err(wrong) => wrongs.push(wrong),
        }
    }
    if wrongs.is_empty() {
        return Ok(file);
    }
    wrongs.sort_by_key(|wrong| (wrong.line, wrong.column));
    Err(wrongs)
}

/// A rule, or all that is wrong with it.
fn rule(tree: &Tree<'_>, part: &tree::Part<'_>) -> Result<FileRule, Vec<Wrong>> {
    let mut json = tree.json(part).map_err(|wrong| vec![wrong])?;
    let mut wrongs = Vec::new();
    let wrong = |error: &ApiError| {
        let path = error.named().unwrap_or_default();
        let detail = error.detail();
        let name = path.rsplit('.').next().unwrap_or(path);
        // Most details name the field themselves.
        let is_named = name.is_empty() || detail.contains(&format!("`{name}`"));
        let text = if is_named { detail.to_owned() } else { format!("`{path}`: {detail}") };
        let mut wrong = tree.wrong_in(part, path, detail.to_owned());
        wrong.text = text;
        wrong
    };
    let webhooks = match json.as_object_mut().and_then(|rule| rule.remove("webhooks")) {
        None => None,
        Some(Value::Array(all)) if all.iter().all(Value::is_string) => {
            let named = |(n, one): (usize, &Value)| {
                let name = one.as_str().unwrap_or_default().to_owned();
                (name, tree.wrong_in(part, &format!("webhooks[{n}]"), String::new()))
            };
            Some(all.iter().enumerate().map(named).collect())
        }
        Some(_) => {
            let text = "`webhooks` must be a list of names, as [\"phone\", \"ops\"]";
            wrongs.push(tree.wrong_in(part, "webhooks", text.to_owned()));
            None
        }
    };
    let mut whole = mend::Whole::new(json.clone());
    let spec = loop {
        match parse::<NewRule>(whole.json().to_string().as_bytes()).and_then(RuleSpec::try_from) {
            Ok(spec) => break Some(spec),
            Err(error) => {
                let mended = whole.mend(error.named().unwrap_or_default());
                if mended.is_told {
                    wrongs.push(wrong(&error));
                }
                if !mended.goes_on {
                    break None;
                }
            }
        }
    };
    let Some(spec) = spec.filter(|_| wrongs.is_empty()) else { return Err(wrongs) };
    Ok(FileRule { name: spec.name.clone(), line: tree.line(part), json, spec, webhooks })
}

/// The request that applies files, to a hub with these webhooks (id and name).
///
/// # Errors
/// Webhooks that are not there, each with the number of its file.
pub(crate) fn request(
    files: &[(String, RuleFile)],
    webhooks: &[(String, String)],
    is_dry: bool,
) -> Result<Vec<u8>, Vec<(usize, Wrong)>> {
    #[derive(Serialize)]
    struct Request {
        dry_run: bool,
        files: Vec<File>,
    }
    #[derive(Serialize)]
    struct File {
        file: String,
        rules: Vec<Rule>,
    }
    #[derive(Serialize)]
    struct Rule {
        line: usize,
        rule: Value,
    }
    let mut wrongs = Vec::new();
    let mut id_of = |of: usize, name: &str, place: &Wrong| {
        let mut found = webhooks.iter().filter(|(id, called)| called == name || id == name).map(|(id, _)| id.clone());
        let text = match (found.next(), found.next()) {
            (Some(id), None) => return Some(id),
            (Some(_), Some(_)) => format!(
                "several webhooks are called `{name}`: write the id of the one that is meant, such as {}",
                webhooks[0].0
            ),
            (None, _) if webhooks.is_empty() => format!("there is no webhook `{name}`: the hub has none yet"),
            (None, _) => {
                let names: Vec<&str> = webhooks.iter().map(|(_, name)| name.as_str()).collect();
                format!("there is no webhook `{name}`, but {}", names.join(", "))
            }
        };
        wrongs.push((of, Wrong { text, ..place.clone() }));
        None
    };
    let files: Vec<File> = files
        .iter()
        .enumerate()
        .map(|(of, (name, file))| {
            let rules = file.rules.iter().map(|rule| {
                let mut json = rule.json.clone();
                if let (Some(named), Some(fields)) = (&rule.webhooks, json.as_object_mut()) {
                    let ids: Vec<String> = named.iter().filter_map(|(name, place)| id_of(of, name, place)).collect();
                    fields.insert("webhooks".to_owned(), ids.into());
                }
                Rule { line: rule.line, rule: json }
            });
            File { file: name.clone(), rules: rules.collect() }
        })
        .collect();
    if !wrongs.is_empty() {
        return Err(wrongs);
    }
    Ok(serde_json::to_vec(&Request { dry_run: is_dry, files }).unwrap_or_default())
}

impl RuleFile {
    /// Runs its tests; what did not come as expected.
    pub(crate) fn failed(&self) -> Vec<Failed> {
        let rules: BTreeMap<&str, &RuleSpec> = self.rules.iter().map(|rule| (rule.name.as_str(), &rule.spec)).collect();
        self.tests.iter().filter_map(|test| test.run(rules.get(test.rule.as_str())?).err()).collect()
    }
}

#[cfg(test)]
mod tests;

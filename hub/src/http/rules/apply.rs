//! `/rules/apply`: rules that are kept in files. What a file says is made so, by the names of its rules; what it no longer names is
//! removed, if it came from that file. What others made is left alone, unless a file names it: then it is that file's from there on.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::dto::{NewRule, Rule};
use super::rulebook::Rulebook;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::MayOperate;
use crate::http::request::body::Body;
use crate::http::request::text;
use crate::model::rule::{self, RuleSpec, Source, Step};
use crate::model::webhook::WebhookId;

/// Files of rules.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RulesApplyRequest {
    /// The files, each whole.
    pub files: Vec<RuleFileRequest>,
    /// Only say what would change; false when left out.
    #[serde(default)]
    pub dry_run: bool,
}

/// A file of rules.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleFileRequest {
    /// What it is called, with its folder: people look for it there.
    pub file: String,
    /// Its rules; those that came from it before and are not among them are removed.
    pub rules: Vec<RuleInFileRequest>,
}

/// A rule in a file.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleInFileRequest {
    /// The line in which it begins.
    pub line: u32,
    /// The rule. Without `webhooks` those stay that it has.
    pub rule: NewRule,
}

/// What was changed, or would be.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct RulesApplied {
    /// Rules that are made, changed or removed, in the order of the files.
    pub changes: Vec<RuleChange>,
    /// How many are as their files say already.
    pub unchanged: usize,
}

/// What happens to a rule.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct RuleChange {
    /// Its name.
    pub name: String,
    /// What happens.
    pub change: RuleChangeKind,
    /// The file.
    pub file: String,
    /// The line in it; null of one that it no longer names.
    pub line: Option<u32>,
    /// What is different of one that is changed.
    pub fields: Vec<FieldChange>,
}

/// What happens to a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RuleChangeKind {
    /// It is made.
    Created,
    /// It says something else.
    Changed,
    /// It was made by hand, or is another file's, and is this file's from now on.
    TakenOver,
    /// It is no longer in the file that it came from.
    Removed,
}

/// A field that is different.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FieldChange {
    /// Its name.
    pub field: String,
    /// What it was, as JSON.
    pub before: String,
    /// What it is, as JSON.
    pub after: String,
}

/// Files of one request.
const MOST_FILES: usize = 100;
/// Rules of one request.
const MOST_RULES: usize = 2_000;
/// Bytes of the name of a file.
const LONGEST: usize = 500;

/// Makes the rules what files say: all of it, or nothing. With `dry_run` only says what would change.
#[utoipa::path(post, path = "/api/v1/rules/apply", tag = "rules", request_body = RulesApplyRequest,
    responses((status = 200, body = RulesApplied), (status = 400, body = Problem), (status = 409, body = Problem)))]
pub(in crate::http) async fn run(
    State(rulebook): State<Rulebook>,
    _: MayOperate,
    Body(request): Body<RulesApplyRequest>,
) -> Result<Json<RulesApplied>, ApiError> {
    let is_dry = request.dry_run;
    let files = read(&rulebook, request).await?;
    let by_default: Vec<WebhookId> =
        rulebook.store.webhooks().await?.iter().filter(|one| one.spec.for_new_rules).map(|one| one.id).collect();
    let decide = move |rules: Vec<rule::Rule>| {
        let plan = plan(&rules, files, &by_default)?;
        let steps = plan.iter().filter_map(Planned::step).collect();
        Ok::<_, ApiError>((steps, answer(&plan)))
    };
    if is_dry {
        let (_, answer) = decide(rulebook.store.list_rules().await?)?;
        return Ok(Json(answer));
    }
    let answer = rulebook.store.apply_rules(rulebook.clock.wall(), decide).await??;
    rulebook.rules_changed.tell();
    Ok(Json(answer))
}

/// A file as it is wanted.
struct Wanted {
    file: String,
    /// With whether it says who is told.
    rules: Vec<(u32, RuleSpec, bool)>,
}

async fn read(rulebook: &Rulebook, request: RulesApplyRequest) -> Result<Vec<Wanted>, ApiError> {
    if request.files.len() > MOST_FILES || request.files.iter().map(|file| file.rules.len()).sum::<usize>() > MOST_RULES
    {
        return Err(ApiError::invalid("files", format!("at most {MOST_FILES} files with {MOST_RULES} rules")));
    }
    let mut names = BTreeSet::new();
    let mut files: Vec<Wanted> = Vec::new();
    for (n, RuleFileRequest { file, rules }) in request.files.into_iter().enumerate() {
        let place = format!("files[{n}]");
        text::all_seen("file", &file).map_err(|error| ApiError::from(error).within(&place))?;
        if file.trim().is_empty() || file.len() > LONGEST {
            return Err(ApiError::invalid("file", format!("`file` must have 1 to {LONGEST} bytes")).within(&place));
        }
        if files.iter().any(|other| other.file == file) {
            return Err(ApiError::invalid("file", format!("`{file}` is there twice")).within(&place));
        }
        let mut wanted = Wanted { file, rules: Vec::new() };
        for (m, RuleInFileRequest { line, rule }) in rules.into_iter().enumerate() {
            let place = format!("{place}.rules[{m}].rule");
            let says_who = !rule.tells_nobody_by_name();
            let spec = rulebook.checked(rule).await.map_err(|error| error.within(&place))?;
            if !names.insert(spec.name.clone()) {
                let detail = format!("`{}` is the name of two rules: a rule in a file is known by its name", spec.name);
                return Err(ApiError::invalid("name", detail).within(&place));
            }
            wanted.rules.push((line, spec, says_who));
        }
        files.push(wanted);
    }
    Ok(files)
}

/// What becomes of one rule.
struct Planned {
    before: Option<rule::Rule>,
    /// None of one that is removed.
    after: Option<(RuleSpec, Source)>,
}

impl Planned {
    /// What the store has to do; nothing where all is as it should be.
    fn step(&self) -> Option<Step> {
        Some(match (&self.before, &self.after) {
            (None, Some((spec, source))) => Step::Create(spec.clone(), source.clone()),
            (Some(before), Some((spec, source))) if before.spec != *spec => {
                Step::Replace(before.id, spec.clone(), source.clone())
            }
            (Some(before), Some((_, source))) if before.source.as_ref() != Some(source) => {
                Step::Move(before.id, source.clone())
            }
            (Some(before), None) => Step::Delete(before.id),
            (Some(_), Some(_)) | (None, None) => return None,
        })
    }
}

/// What has to become of the rules there are.
fn plan(rules: &[rule::Rule], files: Vec<Wanted>, by_default: &[WebhookId]) -> Result<Vec<Planned>, ApiError> {
    let is_given = |source: &Source| files.iter().any(|file| file.file == source.file);
    let mut left: Vec<&rule::Rule> = rules.iter().filter(|rule| rule.source.as_ref().is_some_and(is_given)).collect();
    let names: Vec<String> = files.iter().map(|file| file.file.clone()).collect();
    let mut planned = Vec::new();
    for file in files {
        for (line, mut spec, says_who) in file.rules {
            let mut named = rules.iter().filter(|rule| rule.spec.name == spec.name);
            // One of the same file before one that is called the same by chance.
            let own =
                named.clone().find(|rule| rule.source.as_ref().is_some_and(|source| names.contains(&source.file)));
            let before = own.or_else(|| named.next());
            if own.is_none() && named.next().is_some() {
                let detail = format!(
                    "several rules of the hub are called `{}`: rename or delete all but one of them first",
                    spec.name
                );
                return Err(ApiError::conflict("files", detail));
            }
            if let Some(other) =
                before.and_then(|rule| rule.source.as_ref()).filter(|source| !names.contains(&source.file))
            {
                let detail = format!(
                    "the rule `{}` comes from {} line {}: take it out there first, or apply both files at once",
                    spec.name, other.file, other.line
                );
                return Err(ApiError::conflict("files", detail));
            }
            if !says_who && !spec.all_webhooks {
                spec.webhooks = before.map_or_else(|| by_default.to_vec(), |rule| rule.spec.webhooks.clone());
            }
            left.retain(|rule| Some(rule.id) != before.map(|before| before.id));
            let source = Source { file: file.file.clone(), line };
            planned.push(Planned { before: before.cloned(), after: Some((spec, source)) });
        }
    }
    planned.extend(left.into_iter().map(|rule| Planned { before: Some(rule.clone()), after: None }));
    Ok(planned)
}

fn answer(plan: &[Planned]) -> RulesApplied {
    let mut applied = RulesApplied { changes: Vec::new(), unchanged: 0 };
    for Planned { before, after } in plan {
        let (name, source, change) = match (before, after) {
            (None, Some((spec, source))) => (&spec.name, source, RuleChangeKind::Created),
            (Some(before), Some((spec, source))) => {
                let is_own = before.source.as_ref().is_some_and(|own| own.file == source.file);
                if is_own && before.spec == *spec {
                    applied.unchanged += 1;
                    continue;
                }
                (&spec.name, source, if is_own { RuleChangeKind::Changed } else { RuleChangeKind::TakenOver })
            }
            (Some(rule), None) => {
                let Some(source) = &rule.source else { continue };
                (&rule.spec.name, source, RuleChangeKind::Removed)
            }
            (None, None) => continue,
        };
        let fields = match (before, after) {
            (Some(before), Some((spec, _))) => differences(&before.spec, spec),
            _ => Vec::new(),
        };
        let line = after.as_ref().map(|(_, source)| source.line);
        applied.changes.push(RuleChange { name: name.clone(), change, file: source.file.clone(), line, fields });
    }
    applied
}

/// What is different, field by field of the answer.
fn differences(before: &RuleSpec, after: &RuleSpec) -> Vec<FieldChange> {
    let [before, after] = [before, after].map(Rule::said);
    let (Value::Object(before), Value::Object(after)) = (before, after) else { return Vec::new() };
    let text = |value: Option<&Value>| value.unwrap_or(&Value::Null).to_string();
    let differs = after.iter().filter(|(field, value)| before.get(*field) != Some(value));
    differs
        .map(|(field, value)| FieldChange {
            field: field.clone(),
            before: text(before.get(field)),
            after: value.to_string(),
        })
        .collect()
}

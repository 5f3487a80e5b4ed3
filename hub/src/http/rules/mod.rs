//! `/rules`: what raises alerts. After each change ingest is told to load them again.
//!
//! ```text
//!   request ──▶ new_condition ─┐                                       ┌─▶ condition, measure ──▶ answer
//!                              ├─▶ dto ──▶ store, rulebook ──▶ dto ────┘
//!   a rule to try ──▶ backtest ──▶ firings: of each series ──▶ difference: to another version of it
//!                 └▶ preview ──▶ previewed: what people would be told
//!   rules of files ──▶ file, apply ──▶ store
//! ```

pub(super) mod apply;
pub(super) mod backtest;
pub(super) mod condition;
mod difference;
pub(super) mod dto;
pub(crate) mod file;
mod firings;
pub(super) mod measure;
mod new_condition;
pub(super) mod preview;
mod previewed;
pub(super) mod rulebook;
#[cfg(test)]
mod tests;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::delivery::payload::Teller;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::{MayOperate, MayRead};
use crate::http::request::body::Body;
use crate::http::request::page::{AskPage, Page, Pages, Paging};
use crate::http::request::params::{Asked, Nothing};
use crate::http::request::path::Id;
use crate::http::state::Routes;
use crate::model::rule::{self, RuleId, RuleSpec, Source};
use dto::{NewRule, Rule};
use rulebook::Rulebook;
use utoipa_axum::routes;

/// Rules, and what one would have done.
pub(super) fn routes() -> Routes {
    Routes::new()
        .routes(routes!(list, create))
        .routes(routes!(show, replace, delete))
        .routes(routes!(backtest::run))
        .routes(routes!(preview::run))
        .routes(routes!(apply::run))
}

/// All rules, oldest first.
#[utoipa::path(get, path = "/api/v1/rules", tag = "rules", params(Pages), responses((status = 200, body = Page<Rule>)))]
pub(super) async fn list(
    State(rulebook): State<Rulebook>,
    State(teller): State<Teller>,
    _: MayRead,
    Asked(AskPage(paging)): Asked<AskPage>,
) -> Result<Json<Page<Rule>>, ApiError> {
    let rules = rulebook.store.list_rules().await?;
    let page = paging.cut(rules, |rule| Paging::key(rule.id.0), |rule| rule);
    let mut items = Vec::with_capacity(page.items.len());
    for rule in page.items {
        let message_problem = previewed::problem(&rulebook.store, &teller, &rule).await?;
        items.push(Rule { message_problem, ..rulebook.shown(rule) });
    }
    Ok(Json(Page { items, next: page.next }))
}

/// Creates a rule.
#[utoipa::path(post, path = "/api/v1/rules", tag = "rules", request_body = NewRule,
    responses((status = 201, body = Rule), (status = 400, body = Problem)))]
pub(super) async fn create(
    State(rulebook): State<Rulebook>,
    _: MayOperate,
    Body(new): Body<NewRule>,
) -> Result<(StatusCode, Json<Rule>), ApiError> {
    let by_default = new.tells_nobody_by_name();
    let mut spec = rulebook.checked(new).await?;
    if by_default {
        let webhooks = rulebook.store.webhooks().await?;
        spec.webhooks = webhooks.iter().filter(|one| one.spec.for_new_rules).map(|one| one.id).collect();
    }
    let rule = rulebook.store.create_rule(spec, rulebook.clock.wall()).await?;
    rulebook.rules_changed.tell();
    Ok((StatusCode::CREATED, Json(rulebook.shown(rule))))
}

/// One rule.
#[utoipa::path(get, path = "/api/v1/rules/{id}", tag = "rules", params(("id" = String, Path, description = "Rule id")),
    responses((status = 200, body = Rule), (status = 404, body = Problem)))]
pub(super) async fn show(
    State(rulebook): State<Rulebook>,
    State(teller): State<Teller>,
    _: MayRead,
    Id(id): Id<RuleId>,
    _: Asked<Nothing>,
) -> Result<Json<Rule>, ApiError> {
    let rule = rulebook.store.rule(id).await?;
    let message_problem = previewed::problem(&rulebook.store, &teller, &rule).await?;
    Ok(Json(Rule { message_problem, ..rulebook.shown(rule) }))
}

/// Replaces a rule; of one that is kept in a file only `enabled` (409). Where only numbers of a `threshold` changed (`value`, `clear`, `for`, `clear_for`), an alert that fires goes on if the last reading is beyond the new limit, and else ends. Whatever else changes (condition, severity, `for` or `clear_for` of other conditions, off, a device no longer meant) ends its alerts; a new one begins with the next reading that is beyond the limit.
#[utoipa::path(put, path = "/api/v1/rules/{id}", tag = "rules", params(("id" = String, Path, description = "Rule id")),
    request_body = NewRule, responses((status = 200, body = Rule), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn replace(
    State(rulebook): State<Rulebook>,
    _: MayOperate,
    Id(id): Id<RuleId>,
    Body(new): Body<NewRule>,
) -> Result<Json<Rule>, ApiError> {
    let spec = rulebook.checked(new).await?;
    let before = rulebook.store.rule(id).await?;
    // Whoever is woken at night turns it off, wherever it is written.
    if before.spec != (RuleSpec { enabled: before.spec.enabled, ..spec.clone() }) {
        not_of_a_file(&before)?;
    }
    let rule = rulebook.store.replace_rule(id, spec, rulebook.clock.wall()).await?;
    rulebook.rules_changed.tell();
    Ok(Json(rulebook.shown(rule)))
}

/// Deletes a rule; none that is kept in a file (409).
#[utoipa::path(delete, path = "/api/v1/rules/{id}", tag = "rules", params(("id" = String, Path, description = "Rule id")),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn delete(
    State(rulebook): State<Rulebook>,
    _: MayOperate,
    Id(id): Id<RuleId>,
) -> Result<StatusCode, ApiError> {
    not_of_a_file(&rulebook.store.rule(id).await?)?;
    rulebook.store.delete_rule(id).await?;
    rulebook.rules_changed.tell();
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses to change what a file says.
fn not_of_a_file(rule: &rule::Rule) -> Result<(), ApiError> {
    let Some(Source { file, line }) = &rule.source else { return Ok(()) };
    let detail = format!(
        "the rule is kept in {file}, line {line}: change it there, then run `telemetry-hub rules apply`; here it can only be turned off and on"
    );
    Err(ApiError::conflict("source", detail))
}

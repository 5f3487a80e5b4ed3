//! `/rules`: what raises alerts. After each change ingest is told to load them again.

pub(super) mod backtest;
pub(super) mod dto;
pub(super) mod measure;
#[cfg(test)]
mod tests;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::{MayOperate, MayRead};
use crate::http::request::body::Body;
use crate::http::request::page::{AskPage, Page, Paging};
use crate::http::request::params::{Asked, Nothing};
use crate::http::request::path::Id;
use crate::http::request::text;
use crate::http::state::AppState;
use crate::model::rule::{RuleId, RuleSpec};
use crate::store;
use dto::{NewRule, Rule};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Rules, and what one would have done.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, replace, delete))
        .routes(routes!(backtest::run))
}

/// All rules, oldest first.
#[utoipa::path(get, path = "/api/v1/rules", tag = "rules", params(Paging), responses((status = 200, body = Page<Rule>)))]
pub(super) async fn list(
    State(app): State<AppState>,
    _: MayRead,
    Asked(AskPage(paging)): Asked<AskPage>,
) -> Result<Json<Page<Rule>>, ApiError> {
    let rules = app.store.list_rules().await?;
    Ok(Json(paging.cut(rules, |rule| Paging::key(rule.id.0), |rule| shown(&app, rule))))
}

/// Creates a rule.
#[utoipa::path(post, path = "/api/v1/rules", tag = "rules", request_body = NewRule,
    responses((status = 201, body = Rule), (status = 400, body = Problem)))]
pub(super) async fn create(
    State(app): State<AppState>,
    _: MayOperate,
    Body(new): Body<NewRule>,
) -> Result<(StatusCode, Json<Rule>), ApiError> {
    let by_default = new.tells_nobody_by_name();
    let mut spec = checked(&app, new).await?;
    if by_default {
        let webhooks = app.store.webhooks().await?;
        spec.webhooks = webhooks.iter().filter(|one| one.spec.for_new_rules).map(|one| one.id).collect();
    }
    let rule = app.store.create_rule(spec, app.clock.wall()).await?;
    app.rules_changed.notify_one();
    Ok((StatusCode::CREATED, Json(shown(&app, rule))))
}

/// One rule.
#[utoipa::path(get, path = "/api/v1/rules/{id}", tag = "rules", params(("id" = String, Path, description = "Rule id")),
    responses((status = 200, body = Rule), (status = 404, body = Problem)))]
pub(super) async fn show(
    State(app): State<AppState>,
    _: MayRead,
    Id(id): Id<RuleId>,
    _: Asked<Nothing>,
) -> Result<Json<Rule>, ApiError> {
    Ok(Json(shown(&app, app.store.rule(id).await?)))
}

/// Replaces a rule. Its open alerts are evaluated by the new version from the next reading on.
#[utoipa::path(put, path = "/api/v1/rules/{id}", tag = "rules", params(("id" = String, Path, description = "Rule id")),
    request_body = NewRule, responses((status = 200, body = Rule), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(super) async fn replace(
    State(app): State<AppState>,
    _: MayOperate,
    Id(id): Id<RuleId>,
    Body(new): Body<NewRule>,
) -> Result<Json<Rule>, ApiError> {
    let spec = checked(&app, new).await?;
    let rule = app.store.replace_rule(id, spec, app.clock.wall()).await?;
    app.rules_changed.notify_one();
    Ok(Json(shown(&app, rule)))
}

/// Deletes a rule.
#[utoipa::path(delete, path = "/api/v1/rules/{id}", tag = "rules", params(("id" = String, Path, description = "Rule id")),
    responses((status = 204), (status = 404, body = Problem)))]
pub(super) async fn delete(
    State(app): State<AppState>,
    _: MayOperate,
    Id(id): Id<RuleId>,
) -> Result<StatusCode, ApiError> {
    app.store.delete_rule(id).await?;
    app.rules_changed.notify_one();
    Ok(StatusCode::NO_CONTENT)
}

fn shown(app: &AppState, rule: crate::model::rule::Rule) -> Rule {
    let watching = app.intake.learning.of(rule.id);
    Rule::of(rule, watching)
}

async fn checked(app: &AppState, new: NewRule) -> Result<RuleSpec, ApiError> {
    let spec = RuleSpec::try_from(new)?;
    for (index, webhook) in spec.webhooks.iter().enumerate() {
        match app.store.webhook(*webhook).await {
            Ok(_) => {}
            Err(store::Error::NotFound { .. }) => {
                let detail = format!("there is no webhook {}", text::id(*webhook));
                return Err(ApiError::invalid(format!("webhooks[{index}]"), detail));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(spec)
}

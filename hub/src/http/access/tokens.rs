//! `/tokens`: API tokens of programs. The text of a token is shown when it is created, and never again.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::dto::{NewToken, Token, TokenWithText};
use crate::access::{ApiToken, sha256};
use crate::clock::Clock;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::MayAdmin;
use crate::http::keys::Keys;
use crate::http::request::body::Body;
use crate::http::request::page::{AskPage, Page, Pages, Paging};
use crate::http::request::params::Asked;
use crate::http::request::path::Id;
use crate::http::request::text;
use crate::http::request::text::TokenId;
use crate::model::when;
use crate::random;
use crate::store::Store;

/// All API tokens, oldest first.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "access", params(Pages), responses((status = 200, body = Page<Token>)))]
pub(in crate::http) async fn list(
    State(store): State<Store>,
    _: MayAdmin,
    Asked(AskPage(paging)): Asked<AskPage>,
) -> Result<Json<Page<Token>>, ApiError> {
    let tokens = store.tokens().await?;
    Ok(Json(paging.cut(tokens, |token| Paging::key(token.id), Token::from)))
}

/// Creates an API token. Only this answer contains it.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "access", request_body = NewToken,
    responses((status = 201, body = TokenWithText), (status = 400, body = Problem)))]
pub(in crate::http) async fn create(
    State(store): State<Store>,
    State(clock): State<Clock>,
    _: MayAdmin,
    Body(new): Body<NewToken>,
) -> Result<(StatusCode, Json<TokenWithText>), ApiError> {
    let now = clock.wall();
    let name = text::name("name", new.name)?;
    let expires = new.expires.map(|span| when::duration(&span)).transpose();
    let expires = expires.map_err(|detail| ApiError::invalid("expires", detail))?;
    let expires_at = expires.map(|span| now.plus(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)));
    let scope = new.scope.into();
    let labels = text::limit(new.labels, scope)?;
    let secret = random::bytes()?;
    let row = store.create_token(name, scope, labels, sha256(&secret), expires_at, now).await?;
    let token = ApiToken { id: row.id, secret }.text();
    Ok((StatusCode::CREATED, Json(TokenWithText { row: row.into(), token })))
}

/// Revokes an API token; it stops working at once, also for live connections.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "access", params(("id" = String, Path, description = "Token id")),
    responses((status = 204), (status = 404, body = Problem)))]
pub(in crate::http) async fn revoke(
    State(keys): State<Arc<Keys>>,
    _: MayAdmin,
    Id(id): Id<TokenId>,
) -> Result<StatusCode, ApiError> {
    keys.store.revoke_token(id.0).await?;
    keys.access_ended.send_replace(());
    Ok(StatusCode::NO_CONTENT)
}

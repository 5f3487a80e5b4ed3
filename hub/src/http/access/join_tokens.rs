//! `/join-tokens`: a device that brings one is adopted without approval. The text of a token is shown when it is
//! created, and never again.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::dto::{JoinToken, JoinTokenWithText, NewJoinToken};
use crate::clock::Clock;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::MayAdmin;
use crate::http::request::body::Body;
use crate::http::request::page::{AskPage, Page, Pages, Paging};
use crate::http::request::params::Asked;
use crate::http::request::path::Id;
use crate::http::request::text;
use crate::http::request::text::JoinTokenId;
use crate::http::state::Endpoint;
use crate::model::{UnixMillis, join_token};
use crate::proto::command::Command;
use crate::random;
use crate::store::{self, Store};

const DAY: Duration = Duration::from_secs(86_400);

/// Join tokens, oldest first; used up and expired ones stay for a week.
#[utoipa::path(get, path = "/api/v1/join-tokens", tag = "access", params(Pages),
    responses((status = 200, body = Page<JoinToken>)))]
pub(in crate::http) async fn list(
    State(store): State<Store>,
    State(clock): State<Clock>,
    _: MayAdmin,
    Asked(AskPage(paging)): Asked<AskPage>,
) -> Result<Json<Page<JoinToken>>, ApiError> {
    let tokens = store.join_tokens(clock.wall()).await?;
    Ok(Json(paging.cut(tokens, |token| Paging::key(token.id), JoinToken::from)))
}

/// Creates a join token. Only this answer contains it.
#[utoipa::path(post, path = "/api/v1/join-tokens", tag = "access", request_body = Option<NewJoinToken>,
    responses((status = 201, body = JoinTokenWithText), (status = 400, body = Problem)))]
pub(in crate::http) async fn create(
    State(store): State<Store>,
    State(clock): State<Clock>,
    State(endpoint): State<Endpoint>,
    _: MayAdmin,
    Body(new): Body<NewJoinToken>,
) -> Result<(StatusCode, Json<JoinTokenWithText>), ApiError> {
    let now = clock.wall();
    let secret: [u8; 16] = random::bytes()?;
    let row = store.create_join_token(checked(new, &secret, now)?, now).await?;
    tell(&endpoint, &store, clock.wall()).await?;
    let token = wire::handshake::JoinToken::new(row.id, secret).to_string();
    Ok((StatusCode::CREATED, Json(JoinTokenWithText { row: row.into(), token })))
}

/// Revokes a join token; devices that joined with it stay.
#[utoipa::path(delete, path = "/api/v1/join-tokens/{id}", tag = "access", params(("id" = String, Path, description = "Join token id")),
    responses((status = 204), (status = 404, body = Problem)))]
pub(in crate::http) async fn revoke(
    State(store): State<Store>,
    State(clock): State<Clock>,
    State(endpoint): State<Endpoint>,
    _: MayAdmin,
    Id(id): Id<JoinTokenId>,
) -> Result<StatusCode, ApiError> {
    store.revoke_join_token(id.0).await?;
    tell(&endpoint, &store, clock.wall()).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn checked(new: NewJoinToken, secret: &[u8; 16], now: UnixMillis) -> Result<store::NewJoinToken, ApiError> {
    let uses = new.uses.map_or(Ok(1), join_token::check_uses).map_err(|detail| ApiError::invalid("uses", detail))?;
    let life = new.expires.map_or(Ok(DAY), |span| join_token::life(&span));
    let life = life.map_err(|detail| ApiError::invalid("expires", detail))?;
    Ok(store::NewJoinToken {
        psk: wire::handshake::join_psk(secret),
        name: text::name("name", new.name.unwrap_or_else(|| "join token".to_owned()))?,
        uses,
        labels: text::labels(new.labels)?,
        expires_at: now.plus(life.as_millis() as i64),
    })
}

/// Gives the endpoint the join tokens that work.
async fn tell(endpoint: &Endpoint, store: &Store, now: UnixMillis) -> Result<(), ApiError> {
    let mut tokens = store.join_tokens(now).await?;
    tokens.retain(|token| token.uses_left > 0 && token.expires_at > now);
    endpoint.tell(Command::JoinTokens(tokens)).await
}

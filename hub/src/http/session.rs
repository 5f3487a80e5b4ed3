//! `/session` and `/setup`: a person signs in, out, and sets the first password.
//!
//! There is no default password and no user name. The first one is set with the token of the link the hub printed; that
//! needs the terminal or the data directory even on the machine itself.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::AppState;
use super::auth::{self, By, COOKIE, Peer, Principal, random};
use super::body::Body;
use super::dto::Problem;
use super::dto::access::{SetupRequest, SetupState, SignInRequest, SignedIn, SignedInBy};
use super::error::ApiError;
use super::params::{Asked, Nothing};
use super::throttle::Wait;
use crate::access::sha256;
use crate::model::access::Scope;

/// Absolute life of a session; the store ends it after seven days without use.
const LIFE_S: i64 = 30 * 86_400;
/// Password lengths: bounded above because hashing takes time with length.
const PASSWORD: std::ops::RangeInclusive<usize> = 8..=256;

/// Who is signed in.
#[utoipa::path(get, path = "/api/v1/session", tag = "access",
    responses((status = 200, body = SignedIn), (status = 401, body = Problem)))]
pub(super) async fn show(principal: Principal, _: Asked<Nothing>) -> Json<SignedIn> {
    let via = match principal.by {
        By::Session(_) => SignedInBy::Session,
        By::Token(_) | By::File => SignedInBy::Token,
    };
    Json(SignedIn { scope: principal.scope.into(), via })
}

/// Signs a browser in with the password or a one-time code.
#[utoipa::path(post, path = "/api/v1/session", tag = "access", request_body = SignInRequest,
    responses((status = 204, description = "Signed in; the answer sets the cookie"), (status = 401, body = Problem), (status = 429, body = Problem)),
    security(()))]
pub(super) async fn sign_in(
    State(app): State<AppState>,
    peer: Peer,
    Body(request): Body<SignInRequest>,
) -> Result<Response, ApiError> {
    attempt(&app, peer)?;
    match (request.password, request.login_code) {
        (Some(password), None) => check_password(&app, peer, password).await?,
        (None, Some(code)) => {
            let stands = app.config.login_code == Some(sha256(code.trim().as_bytes()));
            if !stands && !auth::take_login_code(&app.store, &code, app.clock.wall()).await? {
                tracing::warn!(peer = %peer.0, "a sign-in link that is spent or expired was used from {}", peer.0.ip());
                return Err(ApiError::unauthenticated("this link was used already or has expired; create another")
                    .field("login_code"));
            }
        }
        _ => return Err(ApiError::invalid("password", "give either `password` or `login_code`")),
    }
    begin(&app, peer).await
}

/// Signs a browser out.
#[utoipa::path(delete, path = "/api/v1/session", tag = "access", responses((status = 204)), security(()))]
pub(super) async fn sign_out(State(app): State<AppState>, headers: HeaderMap) -> Result<Response, ApiError> {
    if let Some(hash) = auth::cookie(&headers) {
        app.store.delete_session(hash).await?;
    }
    let gone = format!("{COOKIE}=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, gone)]).into_response())
}

/// Whether the first password is still to be set.
#[utoipa::path(get, path = "/api/v1/setup", tag = "access", responses((status = 200, body = SetupState)), security(()))]
pub(super) async fn setup_state(State(app): State<AppState>, _: Asked<Nothing>) -> Result<Json<SetupState>, ApiError> {
    Ok(Json(SetupState { needed: stored_password(&app).await?.is_none() }))
}

/// Sets the first password, and signs in.
#[utoipa::path(post, path = "/api/v1/setup", tag = "access", request_body = SetupRequest,
    responses((status = 204, description = "Done; the answer sets the cookie"), (status = 400, body = Problem), (status = 401, body = Problem), (status = 409, body = Problem)),
    security(()))]
pub(super) async fn setup(
    State(app): State<AppState>,
    peer: Peer,
    Body(request): Body<SetupRequest>,
) -> Result<Response, ApiError> {
    if stored_password(&app).await?.is_some() {
        return Err(ApiError::conflict("setup_token", "the admin password is set already; sign in with it"));
    }
    attempt(&app, peer)?;
    if !auth::is_setup_token(&app.store, &request.setup_token).await? {
        tracing::warn!(peer = %peer.0, "a setup link that has expired was used from {}", peer.0.ip());
        let detail = "this setup link has expired: use the newest one from the hub's terminal";
        return Err(ApiError::unauthenticated(detail).field("setup_token"));
    }
    if !PASSWORD.contains(&request.password.chars().count()) {
        return Err(ApiError::invalid("password", "a password has 8 to 256 characters"));
    }
    let hash = app.passwords.hash(request.password, random()?).await?;
    auth::spend_setup_token(&app.store).await?;
    app.store.put_setting(auth::ADMIN_PASSWORD, hash.into_bytes()).await?;
    tracing::info!(peer = %peer.0, "the admin password was set from {}", peer.0.ip());
    begin(&app, peer).await
}

fn attempt(app: &AppState, peer: Peer) -> Result<(), ApiError> {
    app.attempts.attempt(app.clock.now(), peer.0.ip()).map_err(|Wait { seconds, is_first }| {
        if is_first {
            tracing::warn!(peer = %peer.0, "too many attempts to sign in from {}: refused for {seconds} s", peer.0.ip());
        }
        let detail = format!("too many wrong passwords: try again in {seconds} s");
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", detail).retry_after(seconds)
    })
}

async fn stored_password(app: &AppState) -> Result<Option<String>, ApiError> {
    let stored = app.store.setting(auth::ADMIN_PASSWORD).await?.filter(|hash| !hash.is_empty());
    stored.map(String::from_utf8).transpose().map_err(ApiError::internal)
}

async fn check_password(app: &AppState, peer: Peer, password: String) -> Result<(), ApiError> {
    let wrong = || {
        tracing::warn!(peer = %peer.0, "wrong password from {}", peer.0.ip());
        ApiError::unauthenticated("the password is wrong").field("password")
    };
    if password.len() > 4 * PASSWORD.end() {
        return Err(wrong());
    }
    let Some(stored) = stored_password(app).await? else {
        return Err(ApiError::unauthenticated("no password is set yet: open the setup link the hub printed"));
    };
    if app.passwords.verify(password, stored).await? { Ok(()) } else { Err(wrong()) }
}

async fn begin(app: &AppState, peer: Peer) -> Result<Response, ApiError> {
    let now = app.clock.wall();
    let secret: [u8; 32] = random()?;
    app.store.create_session(sha256(&secret), Scope::Admin, now, now.plus(LIFE_S * 1000)).await?;
    app.attempts.forgive(peer.0.ip());
    tracing::info!(peer = %peer.0, "signed in from {}", peer.0.ip());
    let secure = if app.info.plain_http { "" } else { "; Secure" };
    let value = URL_SAFE_NO_PAD.encode(secret);
    let cookie = format!("{COOKIE}={value}; HttpOnly; SameSite=Lax; Path=/; Max-Age={LIFE_S}{secure}");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

//! `/session`: a person signs in and out.
//!
//! With a password; by name as soon as more than one person has chosen one, and with a code where they have turned that on. A name
//! that nobody has costs the same time and gets the same words as a wrong password. Or with a one-time link that a command on the
//! hub's own machine printed: that machine is trusted with everything anyway, so no code is asked for there.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::AppState;
use super::audit;
use super::auth::{self, By, COOKIE, HOST_COOKIE, Peer, Principal, Somebody, random};
use super::body::Body;
use super::browser;
use super::dto::Problem;
use super::dto::access::{SignInRequest, SignedIn, SignedInBy};
use super::dto::user::Me;
use super::error::ApiError;
use super::front::Encrypted;
use super::links;
use super::params::{Asked, Nothing};
use super::second_factor;
use super::tries::{Attempt, guess, note};
use crate::access::sha256;
use crate::model::access::NewSession;
use crate::model::user::{User, called};
use crate::store::Who;

/// Absolute life of a session; the store ends it after seven days without use.
const LIFE_S: i64 = 30 * 86_400;

/// Why nobody can sign in yet.
pub(super) const UNSET: &str =
    "no password is set yet: open the setup link that `telemetry-hub open` prints on the hub's machine";

/// Who is signed in.
#[utoipa::path(get, path = "/api/v1/session", tag = "access",
    responses((status = 200, body = SignedIn), (status = 401, body = Problem)))]
pub(super) async fn show(
    State(app): State<AppState>,
    Somebody(principal): Somebody,
    _: Asked<Nothing>,
) -> Result<Json<SignedIn>, ApiError> {
    let via = match principal.by {
        By::Session(_) => SignedInBy::Session,
        By::Token(_) | By::File | By::Key => SignedInBy::Token,
    };
    let user = principal.user.map(|user| app.store.user(user)).transpose()?.flatten();
    let labels = principal.view.labels();
    Ok(Json(SignedIn { scope: principal.scope.into(), labels, via, user: user.map(Me::from) }))
}

/// Signs a browser in: with a password, or with a one-time code of a link.
#[utoipa::path(post, path = "/api/v1/session", tag = "access", request_body = SignInRequest,
    responses((status = 204, description = "Signed in; the answer sets the cookie"),
        (status = 401, description = "Wrong; with the code `second_factor`, all that is missing or wrong is `code`", body = Problem),
        (status = 429, body = Problem)),
    security(()))]
pub(super) async fn sign_in(
    State(app): State<AppState>,
    Attempt(peer): Attempt,
    encrypted: Encrypted,
    headers: HeaderMap,
    Body(request): Body<SignInRequest>,
) -> Result<Response, ApiError> {
    let user = match (request.password, request.login_code) {
        (Some(password), None) => {
            let user = with_password(&app, peer, request.name.as_deref(), password).await?;
            audit::signs_in(peer, Some(&user), if user.second_factor { "password and code" } else { "password" });
            second_factor::ask(&app, peer, &user, request.code.as_deref()).await?;
            user
        }
        (None, Some(code)) => with_link(&app, peer, &code).await?,
        _ => return Err(ApiError::invalid("password", "set either `password` or `login_code`")),
    };
    begin(&app, peer, &user, &headers, encrypted).await
}

async fn with_link(app: &AppState, peer: Peer, code: &str) -> Result<User, ApiError> {
    let stands = app.config.login_code == Some(sha256(code.trim().as_bytes()));
    if !stands && !links::take_login_code(&app.store, code, app.clock.wall()).await? {
        note(app, peer, "a sign-in link that was used before or has expired was opened").await;
        let detail = "this link was used already or has expired; create another";
        return Err(ApiError::unauthenticated(detail).field("login_code"));
    }
    let user = app.store.first_admin()?.ok_or_else(|| ApiError::unauthenticated(UNSET))?;
    audit::signs_in(peer, Some(&user), "link");
    Ok(user)
}

/// Whose name and password these are.
async fn with_password(app: &AppState, peer: Peer, name: Option<&str>, password: String) -> Result<User, ApiError> {
    let name = name.map(str::trim).filter(|name| !name.is_empty());
    let who = name.map_or(Who::Only, |name| Who::Named(name.to_owned()));
    let found = app.store.user_with_password(&who)?;
    let others = app.store.passwords()?;
    if others == 0 {
        return Err(ApiError::unauthenticated(UNSET));
    }
    if name.is_none() && found.is_none() {
        let detail = "enter your name, too: more than one person signs in to this hub";
        return Err(ApiError::unauthenticated(detail).field("name"));
    }
    let account = name.or_else(|| found.as_ref().map(|(user, _)| user.name.as_str())).map(called);
    guess(app, peer, &account.unwrap_or_default()).await?;
    let (user, hash) = found.unzip();
    let is_right = app.passwords.is_of(password, hash).await?;
    match user {
        Some(user) if is_right && user.enabled => Ok(user),
        user => {
            let whose = user.map_or_else(|| "a name that nobody has".to_owned(), |user| user.name);
            note(app, peer, &format!("wrong password for {whose}")).await;
            let wrong = if name.is_some() || others > 1 {
                "the name or the password is wrong"
            } else {
                "the password is wrong"
            };
            Err(ApiError::unauthenticated(wrong).field("password"))
        }
    }
}

/// Signs a browser out.
#[utoipa::path(delete, path = "/api/v1/session", tag = "access", responses((status = 204)), security(()))]
pub(super) async fn sign_out(
    State(app): State<AppState>,
    peer: Peer,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    for hash in auth::cookies(&headers) {
        if let Some(session) = app.store.session(hash, app.clock.wall(), None).await? {
            audit::let_act(&app, &Principal::of(&session, hash), peer).await?;
        }
        app.store.delete_session(hash).await?;
        app.access_ended.send_replace(());
    }
    let [plain, host] = [cookie(false, "", 0), cookie(true, "", 0)];
    Ok((StatusCode::NO_CONTENT, AppendHeaders([(header::SET_COOKIE, plain), (header::SET_COOKIE, host)]))
        .into_response())
}

/// Begins a session of somebody who has shown who they are.
pub(super) async fn begin(
    app: &AppState,
    peer: Peer,
    user: &User,
    headers: &HeaderMap,
    Encrypted(encrypted): Encrypted,
) -> Result<Response, ApiError> {
    let now = app.clock.wall();
    // Those end by themselves, not by whoever comes next.
    app.store.drop_old_sessions(now).await?;
    let secret: [u8; 32] = random()?;
    let new = NewSession {
        hash: sha256(&secret),
        user: user.id,
        at: now,
        expires_at: now.plus(LIFE_S * 1000),
        address: peer.ip().to_string(),
        browser: browser::shortened(headers),
    };
    let gone = || ApiError::unauthenticated("this user may not sign in any more");
    app.store.create_session(new).await.map_err(|error| if error.is_missing() { gone() } else { error.into() })?;
    app.attempts.take_back(peer.0.ip());
    app.attempts.remember(peer.0.ip());
    tracing::info!(peer = %peer.0, user = user.id, "{} signed in from {}", user.name, peer.0.ip());
    let cookie = cookie(encrypted, &URL_SAFE_NO_PAD.encode(secret), LIFE_S);
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

fn cookie(encrypted: bool, value: &str, life_s: i64) -> String {
    let (name, secure) = if encrypted { (HOST_COOKIE, "; Secure") } else { (COOKIE, "") };
    format!("{name}={value}; HttpOnly; SameSite=Lax; Path=/; Max-Age={life_s}{secure}")
}

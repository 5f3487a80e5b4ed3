//! `/session`, `/setup` and `/password`: a person signs in, out, sets the first password and another.
//!
//! There is no default password and no user name. The first one is set with the token of the link the hub printed; that
//! needs the terminal or the data directory even on the machine itself. Whoever sets another signs everybody else out.
//!
//! Wrong tries are counted by address, those at the password also of all strangers together, and told in the log, without what
//! was tried, and not without end.

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::AppState;
use super::audit;
use super::auth::{self, Admin, By, COOKIE, HOST_COOKIE, Peer, Principal, random};
use super::body::Body;
use super::browser;
use super::dto::Problem;
use super::dto::access::{PasswordChange, SetupRequest, SetupState, SignInRequest, SignedIn, SignedInBy};
use super::error::ApiError;
use super::front::Encrypted;
use super::params::{Asked, Nothing};
use super::sessions::own;
use super::throttle::Wait;
use crate::access::sha256;
use crate::model::access::{NewSession, Scope};

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
        By::Token(_) | By::File | By::Key => SignedInBy::Token,
    };
    Json(SignedIn { scope: principal.scope.into(), via })
}

/// Signs a browser in with the password or a one-time code.
#[utoipa::path(post, path = "/api/v1/session", tag = "access", request_body = SignInRequest,
    responses((status = 204, description = "Signed in; the answer sets the cookie"), (status = 401, body = Problem), (status = 429, body = Problem)),
    security(()))]
pub(super) async fn sign_in(
    State(app): State<AppState>,
    Attempt(peer): Attempt,
    encrypted: Encrypted,
    headers: HeaderMap,
    Body(request): Body<SignInRequest>,
) -> Result<Response, ApiError> {
    let how = match (request.password, request.login_code) {
        (Some(password), None) => {
            check_password(&app, peer, password).await?;
            "password"
        }
        (None, Some(code)) => {
            let stands = app.config.login_code == Some(sha256(code.trim().as_bytes()));
            if !stands && !auth::take_login_code(&app.store, &code, app.clock.wall()).await? {
                note(&app, peer, "a sign-in link that was used before or has expired was opened").await;
                return Err(ApiError::unauthenticated("this link was used already or has expired; create another")
                    .field("login_code"));
            }
            "link"
        }
        _ => return Err(ApiError::invalid("password", "set either `password` or `login_code`")),
    };
    begin(&app, peer, how, &headers, encrypted).await
}

/// Signs a browser out.
#[utoipa::path(delete, path = "/api/v1/session", tag = "access", responses((status = 204)), security(()))]
pub(super) async fn sign_out(
    State(app): State<AppState>,
    peer: Peer,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    for hash in auth::cookies(&headers) {
        if app.store.session(hash, app.clock.wall(), None).await?.is_some() {
            audit::let_act(&app, Principal { scope: Scope::Admin, by: By::Session(hash) }, peer).await?;
        }
        app.store.delete_session(hash).await?;
        app.access_ended.send_replace(());
    }
    let [plain, host] = [cookie(false, "", 0), cookie(true, "", 0)];
    Ok((StatusCode::NO_CONTENT, AppendHeaders([(header::SET_COOKIE, plain), (header::SET_COOKIE, host)]))
        .into_response())
}

/// Whether the first password is still to be set, and of which hub.
#[utoipa::path(get, path = "/api/v1/setup", tag = "access", responses((status = 200, body = SetupState)), security(()))]
pub(super) async fn setup_state(State(app): State<AppState>, _: Asked<Nothing>) -> Result<Json<SetupState>, ApiError> {
    let needed = stored_password(&app).await?.is_none();
    Ok(Json(SetupState { needed, name: app.config.hostname.clone().filter(|name| !name.is_empty()) }))
}

/// Sets the first password, and signs in.
#[utoipa::path(post, path = "/api/v1/setup", tag = "access", request_body = SetupRequest,
    responses((status = 204, description = "Done; the answer sets the cookie"), (status = 400, body = Problem), (status = 401, body = Problem), (status = 409, body = Problem)),
    security(()))]
pub(super) async fn setup(
    State(app): State<AppState>,
    peer: Peer,
    encrypted: Encrypted,
    headers: HeaderMap,
    Body(request): Body<SetupRequest>,
) -> Result<Response, ApiError> {
    if stored_password(&app).await?.is_some() {
        return Err(ApiError::conflict("setup_token", "the admin password is already set; sign in with it"));
    }
    attempt(&app, peer).await?;
    if !auth::is_setup_token(&app.store, &request.setup_token).await? {
        note(&app, peer, "an expired setup link was opened").await;
        let detail = "this setup link has expired: `telemetry-hub open` on the hub's machine prints another";
        return Err(ApiError::unauthenticated(detail).field("setup_token"));
    }
    check_length("password", &request.password)?;
    let hash = app.passwords.hash(request.password, random()?).await?;
    auth::spend_setup_token(&app.store).await?;
    if let Some(file) = &app.config.setup_file {
        // It opens nothing any more; where it cannot be removed, the next start does it.
        let _ = std::fs::remove_file(file);
    }
    audit::signs_in(peer, "setup link");
    app.store.put_setting(auth::ADMIN_PASSWORD, hash.into_bytes()).await?;
    tracing::info!(peer = %peer.0, "the admin password was set from {}", peer.0.ip());
    begin(&app, peer, "setup link", &headers, encrypted).await
}

/// Changes the password. Every other browser is signed out; API tokens stay valid.
#[utoipa::path(put, path = "/api/v1/password", tag = "access", request_body = PasswordChange,
    responses((status = 204, description = "Done"), (status = 400, body = Problem),
        (status = 403, description = "The current password is wrong", body = Problem),
        (status = 409, description = "No password is set yet", body = Problem), (status = 429, body = Problem)))]
pub(super) async fn change_password(
    State(app): State<AppState>,
    _: Admin,
    principal: Principal,
    peer: Peer,
    Body(request): Body<PasswordChange>,
) -> Result<StatusCode, ApiError> {
    check_length("new_password", &request.new_password)?;
    attempt(&app, peer).await?;
    match is_the_password(&app, request.password).await? {
        Some(true) => {}
        Some(false) => {
            note(&app, peer, "wrong password for setting another").await;
            return Err(ApiError::forbidden("wrong_password", "the current password is wrong").field("password"));
        }
        None => return Err(ApiError::conflict("password", UNSET)),
    }
    let hash = app.passwords.hash(request.new_password, random()?).await?;
    app.store.put_setting_and_end_sessions(auth::ADMIN_PASSWORD, hash.into_bytes(), own(principal)).await?;
    app.access_ended.send_replace(());
    app.attempts.forgive(peer.0.ip());
    tracing::info!(peer = %peer.0, "the admin password was changed from {}; every other browser is signed out", peer.0.ip());
    Ok(StatusCode::NO_CONTENT)
}

const UNSET: &str = "no password is set yet: open the setup link that `telemetry-hub open` prints on the hub's machine";

fn check_length(field: &str, password: &str) -> Result<(), ApiError> {
    if PASSWORD.contains(&password.chars().count()) {
        return Ok(());
    }
    Err(ApiError::invalid(field, "a password must have 8 to 256 characters"))
}

/// A line in the log, and one in the audit log, about a try that was wrong, as long as there are not too many.
async fn note(app: &AppState, peer: Peer, what: &str) {
    let ip = peer.0.ip();
    let line = app.attempt_lines.line(app.clock.now());
    if line.is_some() {
        audit::refused(app, peer, what).await;
    }
    match line {
        None => {}
        Some(0) => tracing::warn!(peer = %peer.0, "{what} from {ip}"),
        Some(more) => {
            tracing::warn!(peer = %peer.0, more, "{what} from {ip}; before it {more} more wrong tries to sign in")
        }
    }
}

/// Somebody who tries a secret, counted before what they send is read.
#[derive(Debug)]
pub(super) struct Attempt(Peer);

impl FromRequestParts<AppState> for Attempt {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let Ok(peer) = Peer::from_request_parts(parts, app).await;
        attempt(app, peer).await?;
        Ok(Self(peer))
    }
}

async fn attempt(app: &AppState, peer: Peer) -> Result<(), ApiError> {
    let Err(wait) = app.attempts.attempt(app.clock.now(), peer.0.ip()) else { return Ok(()) };
    let detail = "too many wrong passwords from this address";
    Err(too_many(app, peer, wait, "too many attempts to sign in", detail).await)
}

/// A try at the password, beside those of its address.
async fn guess(app: &AppState, peer: Peer) -> Result<(), ApiError> {
    let Err(wait) = app.attempts.guess(app.clock.now(), peer.0.ip()) else { return Ok(()) };
    let detail = "too many wrong passwords from addresses that are not known: sign in with a link of \
        `telemetry-hub open`, or from an address that somebody signed in from before";
    Err(too_many(app, peer, wait, "too many attempts to sign in from everywhere together", detail).await)
}

async fn too_many(app: &AppState, peer: Peer, wait: Wait, log: &str, detail: &str) -> ApiError {
    let Wait { seconds, is_first } = wait;
    if is_first {
        note(app, peer, log).await;
    }
    let detail = format!("{detail}; try again in {seconds} s");
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", detail).retry_after(seconds)
}

async fn stored_password(app: &AppState) -> Result<Option<String>, ApiError> {
    let stored = app.store.setting(auth::ADMIN_PASSWORD).await?.filter(|hash| !hash.is_empty());
    stored.map(String::from_utf8).transpose().map_err(ApiError::internal)
}

async fn check_password(app: &AppState, peer: Peer, password: String) -> Result<(), ApiError> {
    guess(app, peer).await?;
    match is_the_password(app, password).await? {
        Some(true) => Ok(()),
        Some(false) => {
            note(app, peer, "wrong password").await;
            Err(ApiError::unauthenticated("the password is wrong").field("password"))
        }
        None => Err(ApiError::unauthenticated(UNSET)),
    }
}

/// Whether it is the admin's password; `None` while there is none.
async fn is_the_password(app: &AppState, password: String) -> Result<Option<bool>, ApiError> {
    let Some(stored) = stored_password(app).await? else { return Ok(None) };
    if password.len() > 4 * PASSWORD.end() {
        return Ok(Some(false));
    }
    app.passwords.verify(password, stored).await.map(Some)
}

async fn begin(
    app: &AppState,
    peer: Peer,
    how: &str,
    headers: &HeaderMap,
    Encrypted(encrypted): Encrypted,
) -> Result<Response, ApiError> {
    let now = app.clock.wall();
    // Those end by themselves, not by whoever comes next.
    app.store.drop_old_sessions(now).await?;
    audit::signs_in(peer, how);
    let secret: [u8; 32] = random()?;
    let new = NewSession {
        hash: sha256(&secret),
        scope: Scope::Admin,
        at: now,
        expires_at: now.plus(LIFE_S * 1000),
        address: peer.ip().to_string(),
        browser: browser::shortened(headers),
    };
    app.store.create_session(new).await?;
    app.attempts.forgive(peer.0.ip());
    tracing::info!(peer = %peer.0, "signed in from {}", peer.0.ip());
    let cookie = cookie(encrypted, &URL_SAFE_NO_PAD.encode(secret), LIFE_S);
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

fn cookie(encrypted: bool, value: &str, life_s: i64) -> String {
    let (name, secure) = if encrypted { (HOST_COOKIE, "; Secure") } else { (COOKIE, "") };
    format!("{name}={value}; HttpOnly; SameSite=Lax; Path=/; Max-Age={life_s}{secure}")
}

//! `/session`: a person signs in and out.
//!
//! A person signs in with a password; with a name as well as soon as more than one person has chosen a password, and
//! with a code if they have a second factor. A name that does not exist costs the same time and gets the same answer as
//! a wrong password. A one-time link that a command on the hub's own machine printed signs in without a code: that
//! machine is trusted with everything anyway.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};

use super::cookie::{begin, cookie};
use super::dto::{SignInRequest, SignedIn, SignedInBy};
use super::person::Me;
use super::proof::ask;
use crate::access::sha256;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::actor;
use crate::http::gate::auth::Somebody;
use crate::http::gate::auth::UNSET;
use crate::http::gate::credentials;
use crate::http::gate::front::Encrypted;
use crate::http::gate::peer::Peer;
use crate::http::gate::tries::{Attempt, guess, note};
use crate::http::keys::Keys;
use crate::http::principal::{By, Principal};
use crate::http::request::body::Body;
use crate::http::request::params::{Asked, Nothing};
use crate::links;
use crate::model::user::{User, called};
use crate::store::Store;
use crate::store::Who;

/// Who is signed in.
#[utoipa::path(get, path = "/api/v1/session", tag = "access",
    responses((status = 200, body = SignedIn), (status = 401, body = Problem)))]
pub(in crate::http) async fn show(
    State(store): State<Store>,
    Somebody(principal): Somebody,
    _: Asked<Nothing>,
) -> Result<Json<SignedIn>, ApiError> {
    let via = match principal.by {
        By::Session(_) => SignedInBy::Session,
        By::Token(_) | By::File | By::Key => SignedInBy::Token,
    };
    let user = principal.user.map(|user| store.user(user)).transpose()?.flatten();
    let labels = principal.view.labels();
    Ok(Json(SignedIn { scope: principal.scope.into(), labels, via, user: user.map(Me::from) }))
}

/// Signs a browser in: with a password, or with a one-time code of a link.
#[utoipa::path(post, path = "/api/v1/session", tag = "access", request_body = SignInRequest,
    responses((status = 204, description = "Signed in; the answer sets the cookie"),
        (status = 401, description = "Wrong; with the code `second_factor`, all that is missing or wrong is `code`", body = Problem),
        (status = 429, body = Problem)),
    security(()))]
pub(in crate::http) async fn sign_in(
    State(keys): State<Arc<Keys>>,
    Attempt(peer): Attempt,
    encrypted: Encrypted,
    headers: HeaderMap,
    Body(request): Body<SignInRequest>,
) -> Result<Response, ApiError> {
    let user = match (request.password, request.login_code) {
        (Some(password), None) => {
            let user = with_password(&keys, peer, request.name.as_deref(), password).await?;
            actor::signs_in(peer, Some(&user), if user.second_factor { "password and code" } else { "password" });
            ask(&keys, peer, &user, request.code.as_deref()).await?;
            user
        }
        (None, Some(code)) => with_link(&keys, peer, &code).await?,
        _ => return Err(ApiError::invalid("password", "set either `password` or `login_code`")),
    };
    begin(&keys, peer, &user, &headers, encrypted).await
}

async fn with_link(keys: &Keys, peer: Peer, code: &str) -> Result<User, ApiError> {
    let stands = keys.login_code == Some(sha256(code.trim().as_bytes()));
    if !stands && !links::take_login_code(&keys.store, code, keys.clock.wall()).await? {
        note(keys, peer, "a sign-in link that was used before or has expired was opened").await;
        let detail = "this link was used already or has expired; create another";
        return Err(ApiError::unauthenticated(detail).field("login_code"));
    }
    let user = keys.store.first_admin()?.ok_or_else(|| ApiError::unauthenticated(UNSET))?;
    actor::signs_in(peer, Some(&user), "link");
    Ok(user)
}

/// Whose name and password these are.
async fn with_password(keys: &Keys, peer: Peer, name: Option<&str>, password: String) -> Result<User, ApiError> {
    let name = name.map(str::trim).filter(|name| !name.is_empty());
    let who = name.map_or(Who::Only, |name| Who::Named(name.to_owned()));
    let found = keys.store.user_with_password(&who)?;
    let others = keys.store.passwords()?;
    if others == 0 {
        return Err(ApiError::unauthenticated(UNSET));
    }
    if name.is_none() && found.is_none() {
        let detail = "enter your name, too: more than one person signs in to this hub";
        return Err(ApiError::unauthenticated(detail).field("name"));
    }
    let account = name.or_else(|| found.as_ref().map(|(user, _)| user.name.as_str())).map(called);
    guess(keys, peer, &account.unwrap_or_default()).await?;
    let (user, hash) = found.unzip();
    let is_right = keys.passwords.is_of(password, hash).await?;
    match user {
        Some(user) if is_right && user.enabled => Ok(user),
        user => {
            let whose = user.map_or_else(|| "a name that nobody has".to_owned(), |user| user.name);
            note(keys, peer, &format!("wrong password for {whose}")).await;
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
pub(in crate::http) async fn sign_out(
    State(keys): State<Arc<Keys>>,
    peer: Peer,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    for hash in credentials::cookies(&headers) {
        if let Some(session) = keys.store.session(hash, keys.clock.wall(), None).await? {
            actor::let_act(&keys, &Principal::of(&session, hash), peer).await?;
        }
        keys.store.delete_session(hash).await?;
        keys.access_ended.send_replace(());
    }
    let [plain, host] = [cookie(false, "", 0), cookie(true, "", 0)];
    Ok((StatusCode::NO_CONTENT, AppendHeaders([(header::SET_COOKIE, plain), (header::SET_COOKIE, host)]))
        .into_response())
}

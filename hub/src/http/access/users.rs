//! `/users`: admins manage the people who sign in.
//!
//! Nobody types a password for somebody else: a person who is added or reset chooses one through a link that works
//! once. A person who loses a role or the right to sign in is signed out at once, and their live connections are
//! closed.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::person::{InviteLink, NewUser, User, UserPatch, UserWithLink};
use crate::clock::Clock;
use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::MayAdmin;
use crate::http::keys::Keys;
use crate::http::principal::Principal;
use crate::http::request::body::Body;
use crate::http::request::page::{AskPage, Page, Pages, Paging};
use crate::http::request::params::Asked;
use crate::http::request::path::Id;
use crate::http::request::text::{self, UserId};
use crate::links;
use crate::model::user::UserChange;
use crate::store::Store;

/// All users, oldest first.
#[utoipa::path(get, path = "/api/v1/users", tag = "access", params(Pages), responses((status = 200, body = Page<User>)))]
pub(in crate::http) async fn list(
    State(store): State<Store>,
    State(clock): State<Clock>,
    _: MayAdmin,
    Asked(AskPage(paging)): Asked<AskPage>,
) -> Result<Json<Page<User>>, ApiError> {
    let (users, now) = (store.users().await?, clock.wall());
    Ok(Json(paging.cut(users, |user| Paging::key(user.id), |user| User::of(user, now))))
}

/// Adds a user. Only this answer contains the link by which they choose a password, within 24 hours.
#[utoipa::path(post, path = "/api/v1/users", tag = "access", request_body = NewUser,
    responses((status = 201, body = UserWithLink), (status = 400, body = Problem), (status = 409, description = "The name is taken", body = Problem)))]
pub(in crate::http) async fn create(
    State(store): State<Store>,
    State(clock): State<Clock>,
    _: MayAdmin,
    Body(new): Body<NewUser>,
) -> Result<(StatusCode, Json<UserWithLink>), ApiError> {
    let (name, now) = (text::person("name", &new.name)?, clock.wall());
    if store.passwords()? == 0 {
        let detail = "no admin password is set yet: open the setup link and set it first";
        return Err(ApiError::conflict("password", detail));
    }
    let (path, invite) = links::invite(now)?;
    let link = InviteLink::of(path, invite.until);
    let user = store.create_user(name, new.role.into(), invite, now).await?;
    tracing::info!(user = user.id, "{} was added as {}", user.name, user.role.word());
    Ok((StatusCode::CREATED, Json(UserWithLink { user: User::of(user, now), link })))
}

/// Changes a user's name, role, or whether they may sign in. With another role they have to sign in again.
#[utoipa::path(patch, path = "/api/v1/users/{id}", tag = "access", params(("id" = String, Path, description = "User id")), request_body = UserPatch,
    responses((status = 200, body = User), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, description = "The name is taken, or no admin would be left", body = Problem)))]
pub(in crate::http) async fn change(
    State(keys): State<Arc<Keys>>,
    _: MayAdmin,
    Id(id): Id<UserId>,
    Body(patch): Body<UserPatch>,
) -> Result<Json<User>, ApiError> {
    let name = patch.name.map(|name| text::person("name", &name)).transpose()?;
    let change = UserChange { name, role: patch.role.map(Into::into), enabled: patch.enabled };
    if change == UserChange::default() {
        return Err(ApiError::invalid("role", "set `name`, `role` or `enabled`: nothing else can be changed here"));
    }
    let now = keys.clock.wall();
    let user = keys.store.change_user(id.0, change, now).await?;
    keys.access_ended.send_replace(());
    Ok(Json(User::of(user, now)))
}

/// Deletes a user: they are signed out at once.
#[utoipa::path(delete, path = "/api/v1/users/{id}", tag = "access", params(("id" = String, Path, description = "User id")),
    responses((status = 204), (status = 404, body = Problem), (status = 409, description = "No admin would be left", body = Problem)))]
pub(in crate::http) async fn delete(
    State(keys): State<Arc<Keys>>,
    _: MayAdmin,
    Id(id): Id<UserId>,
) -> Result<StatusCode, ApiError> {
    keys.store.delete_user(id.0).await?;
    keys.access_ended.send_replace(());
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a user's password: they are signed out at once, and choose another by the link in this answer, within 24 hours. Their
/// second factor stays.
#[utoipa::path(post, path = "/api/v1/users/{id}/reset", tag = "access", params(("id" = String, Path, description = "User id")),
    responses((status = 200, body = InviteLink), (status = 404, body = Problem), (status = 409, description = "It is your own", body = Problem)))]
pub(in crate::http) async fn reset(
    State(keys): State<Arc<Keys>>,
    _: MayAdmin,
    principal: Principal,
    Id(id): Id<UserId>,
) -> Result<Json<InviteLink>, ApiError> {
    not_own(&principal, id, "change your own password under `/password`")?;
    let (path, invite) = links::invite(keys.clock.wall())?;
    let link = InviteLink::of(path, invite.until);
    keys.store.reset_user(id.0, Some(invite), keys.clock.wall()).await?;
    keys.access_ended.send_replace(());
    Ok(Json(link))
}

/// Turns off the second factor of a user who has lost it.
#[utoipa::path(delete, path = "/api/v1/users/{id}/second-factor", tag = "access", params(("id" = String, Path, description = "User id")),
    responses((status = 204), (status = 404, body = Problem), (status = 409, description = "It is your own", body = Problem)))]
pub(in crate::http) async fn drop_second_factor(
    State(store): State<Store>,
    _: MayAdmin,
    principal: Principal,
    Id(id): Id<UserId>,
) -> Result<StatusCode, ApiError> {
    not_own(&principal, id, "turn your own off with a code, under `/second-factor/off`")?;
    store.turn_off_second_factor(id.0).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A browser that somebody left open must not be enough to take an account over.
fn not_own(principal: &Principal, id: UserId, instead: &str) -> Result<(), ApiError> {
    if principal.user == Some(id.0) { Err(ApiError::conflict("id", instead)) } else { Ok(()) }
}

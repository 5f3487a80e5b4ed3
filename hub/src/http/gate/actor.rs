//! Who makes a change, for the audit log: `auth` says it once for a request ([`let_act`]), and the store writes it down
//! with the change.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;

use super::peer::Peer;
use crate::http::error::ApiError;
use crate::http::keys::Keys;
use crate::http::principal::{By, Principal};
use crate::model::access::Session;
use crate::model::audit::{Actor, ActorKind};
use crate::model::user::User;
use crate::store;

/// Gives each request a place for who acts in it.
pub(in crate::http) async fn with_actor(request: Request, next: Next) -> Response {
    store::with_actor(next.run(request)).await
}

/// Says that what the present request changes is this one's.
pub(in crate::http) async fn let_act(keys: &Keys, principal: &Principal, peer: Peer) -> Result<(), ApiError> {
    store::acts(actor(keys, principal, peer).await?);
    Ok(())
}

/// The caller, as the log names them.
pub(in crate::http) async fn actor(keys: &Keys, principal: &Principal, peer: Peer) -> Result<Actor, ApiError> {
    let address = peer.ip().to_string();
    let unnamed = |kind| Actor { kind, who: String::new(), address: address.clone() };
    Ok(match principal.by {
        By::Session(hash) => match keys.store.session(hash, keys.clock.wall(), None).await? {
            Some(Session { user, user_name, id, browser, .. }) => {
                Actor::session((user, &user_name), (id, &browser), address)
            }
            None => unnamed(ActorKind::Session),
        },
        By::Token(id) => {
            let name = keys.store.token(id)?.map_or_else(String::new, |(token, _)| token.name);
            Actor::token(id, &name, address)
        }
        By::File => unnamed(ActorKind::AdminFile),
        By::Key => unnamed(ActorKind::Command),
    })
}

/// Says that somebody signs in, who that is if it is known, and how.
pub(in crate::http) fn signs_in(peer: Peer, user: Option<&User>, how: &str) {
    let who = user.map_or_else(|| how.to_owned(), |user| format!("usr_{} {}, {how}", user.id, user.name));
    store::acts(Actor { kind: ActorKind::SignIn, who, address: peer.ip().to_string() });
}

/// Keeps a try to sign in that was wrong.
pub(in crate::http) async fn refused(keys: &Keys, peer: Peer, what: &str) {
    let actor = Actor { kind: ActorKind::Nobody, who: String::new(), address: peer.ip().to_string() };
    if let Err(error) = keys.store.note_of(actor, "sign_in.refused", what.to_owned()).await {
        tracing::warn!(%error, "a wrong try to sign in could not be noted: {error}");
    }
}

//! `/audit`: what people changed, who they were and where they came from. Admins only.
//!
//! Who acts is said here, once for a request ([`let_act`], from `auth`); what they change the store writes down with the change.

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use utoipa::ToSchema;

use super::AppState;
use super::auth::{Admin, By, Peer, Principal};
use super::dto::audit::AuditEntry;
use super::dto::{Page, Problem};
use super::error::ApiError;
use super::page::Paging;
use super::params::{Asked, FromParams, Params};
use crate::model::access::Session;
use crate::model::audit::{Actor, ActorKind, Entry};
use crate::model::user::User;
use crate::store;

/// Entries read at a time for a file.
const STEP: usize = 100;

/// How it is asked for.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Ask {
    /// A page, or everything, an entry a line; `json` when left out.
    #[param(required = false, inline)]
    format: Format,
    #[param(ignore)]
    paging: Paging,
}

/// A page, or everything.
#[derive(Debug, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case", as = AuditFormat)]
enum Format {
    /// A page.
    Json,
    /// Everything, an entry a line.
    Ndjson,
}

impl FromParams for Ask {
    fn from_params(params: &mut Params) -> Result<Self, ApiError> {
        let format = match params.one("format")?.as_deref() {
            None | Some("json") => Format::Json,
            Some("ndjson") => Format::Ndjson,
            Some(_) => return Err(ApiError::invalid("format", "`format` is `json` or `ndjson`")),
        };
        Ok(Self { format, paging: params.paging(100, 1_000)? })
    }
}

/// What people changed, newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "access", params(Ask, Paging),
    responses((status = 200, content((Page<AuditEntry> = "application/json"), (String = "application/x-ndjson"))), (status = 400, body = Problem)))]
pub(super) async fn list(
    State(app): State<AppState>,
    _: Admin,
    Asked(asked): Asked<Ask>,
) -> Result<Response, ApiError> {
    let before = asked.paging.number()?;
    if asked.format == Format::Ndjson {
        return Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], lines(app, before)).into_response());
    }
    let entries = app.store.audit(before, asked.paging.limit + 1).await?;
    Ok(Json(asked.paging.fetched(entries, |entry: &Entry| Paging::key(entry.id), AuditEntry::from)).into_response())
}

/// Every entry, a line each, read as they are taken.
fn lines(app: AppState, before: Option<u64>) -> Body {
    Body::from_stream(stream::try_unfold(Some(before), move |from| {
        let app = app.clone();
        async move {
            let Some(before) = from else { return Ok::<_, ApiError>(None) };
            let entries = app.store.audit(before, STEP).await?;
            let next = entries.last().filter(|_| entries.len() == STEP).map(|last| Some(last.id));
            let mut text = String::new();
            for entry in entries {
                text += &serde_json::to_string(&AuditEntry::from(entry)).map_err(ApiError::internal)?;
                text.push('\n');
            }
            Ok(Some((text, next)))
        }
    }))
}

/// Gives each request a place for who acts in it.
pub(super) async fn with_actor(request: Request, next: Next) -> Response {
    store::with_actor(next.run(request)).await
}

/// Says that what the present request changes is this one's.
pub(super) async fn let_act(app: &AppState, principal: &Principal, peer: Peer) -> Result<(), ApiError> {
    store::acts(actor(app, principal, peer).await?);
    Ok(())
}

/// Whoever asks, as the log names them.
pub(super) async fn actor(app: &AppState, principal: &Principal, peer: Peer) -> Result<Actor, ApiError> {
    let (kind, who) = match principal.by {
        By::Session(hash) => {
            let session = app.store.session(hash, app.clock.wall(), None).await?;
            let who = |one: Session| format!("usr_{} {}, ses_{} {}", one.user, one.user_name, one.id, one.browser);
            (ActorKind::Session, session.map_or_else(String::new, who))
        }
        By::Token(id) => {
            let name = app.store.token(id)?.map_or_else(String::new, |(token, _)| token.name);
            (ActorKind::Token, format!("tok_{id} {name}"))
        }
        By::File => (ActorKind::AdminFile, String::new()),
        By::Key => (ActorKind::Command, String::new()),
    };
    Ok(Actor { kind, who, address: peer.ip().to_string() })
}

/// Says that somebody signs in, who that is if it is known, and how.
pub(super) fn signs_in(peer: Peer, user: Option<&User>, how: &str) {
    let who = user.map_or_else(|| how.to_owned(), |user| format!("usr_{} {}, {how}", user.id, user.name));
    store::acts(Actor { kind: ActorKind::SignIn, who, address: peer.ip().to_string() });
}

/// Keeps a try to sign in that was wrong.
pub(super) async fn refused(app: &AppState, peer: Peer, what: &str) {
    let actor = Actor { kind: ActorKind::Nobody, who: String::new(), address: peer.ip().to_string() };
    if let Err(error) = app.store.note_of(actor, "sign_in.refused", what.to_owned()).await {
        tracing::warn!(%error, "a wrong try to sign in could not be noted: {error}");
    }
}

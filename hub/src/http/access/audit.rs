//! `/audit`: what people changed, who they were and from where. Admins only.
//!
//! [`actor`](crate::http::gate::actor) says who makes a change.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::error::{ApiError, Problem};
use crate::http::gate::auth::MayAdmin;
use crate::http::request::page::{Page, Pages, Paging};
use crate::http::request::params::{Asked, FromParams, Params};
use crate::model::audit::{self, ActorKind, Entry};
use crate::model::when;
use crate::store::Store;

/// How somebody is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AuditKind {
    /// A browser that is signed in.
    Session,
    /// An API token.
    Token,
    /// The token of `--admin-token-file`.
    AdminFile,
    /// A command on the hub's machine.
    Command,
    /// Somebody who signs in.
    SignIn,
    /// Nobody is known.
    Nobody,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AuditActor {
    /// How they are known.
    pub kind: AuditKind,
    /// Id and name of the session or token, the user of a command, how somebody signed in; may be empty.
    pub name: String,
    /// Address they came from; null for a command.
    pub address: Option<String>,
}

/// What was changed of it. A secret is `(hidden)` before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AuditChange {
    /// Which field.
    pub field: String,
    /// What it was; null where there was nothing.
    pub before: Option<String>,
    /// What it became; null where nothing is left.
    pub after: Option<String>,
}

/// Something that a person changed, or tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AuditEntry {
    /// Number, growing with time.
    pub id: u64,
    /// When.
    pub at: String,
    /// By whom.
    pub by: AuditActor,
    /// What was done, such as `rule.changed` or `sign_in.refused`.
    pub action: String,
    /// Id of what it was done to, or the key of a setting; may be empty.
    pub subject: String,
    /// Its name then, or more about it; may be empty.
    pub name: String,
    /// What changed.
    pub changes: Vec<AuditChange>,
}

impl From<ActorKind> for AuditKind {
    fn from(kind: ActorKind) -> Self {
        match kind {
            ActorKind::Session => Self::Session,
            ActorKind::Token => Self::Token,
            ActorKind::AdminFile => Self::AdminFile,
            ActorKind::Command => Self::Command,
            ActorKind::SignIn => Self::SignIn,
            ActorKind::Nobody => Self::Nobody,
        }
    }
}

impl From<Entry> for AuditEntry {
    fn from(entry: Entry) -> Self {
        let audit::Actor { kind, who, address } = entry.actor;
        let by = AuditActor { kind: kind.into(), name: who, address: Some(address).filter(|text| !text.is_empty()) };
        let changes = entry.fields.into_iter();
        Self {
            id: entry.id,
            at: when::moment(entry.at),
            by,
            action: entry.action,
            subject: entry.subject,
            name: entry.name,
            changes: changes
                .map(|audit::Field { field, before, after }| AuditChange { field, before, after })
                .collect(),
        }
    }
}

/// Entries read at a time for a file.
const STEP: usize = 100;

/// How it is asked for.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct Ask {
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
#[utoipa::path(get, path = "/api/v1/audit", tag = "access", params(Ask, Pages),
    responses((status = 200, content((Page<AuditEntry> = "application/json"), (String = "application/x-ndjson"))), (status = 400, body = Problem)))]
pub(in crate::http) async fn list(
    State(store): State<Store>,
    _: MayAdmin,
    Asked(asked): Asked<Ask>,
) -> Result<Response, ApiError> {
    let before = asked.paging.number()?;
    if asked.format == Format::Ndjson {
        return Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], lines(store, before)).into_response());
    }
    let entries = store.audit(before, asked.paging.limit + 1).await?;
    Ok(Json(asked.paging.fetched(entries, |entry: &Entry| Paging::key(entry.id), AuditEntry::from)).into_response())
}

/// Every entry, a line each, read as they are taken.
fn lines(store: Store, before: Option<u64>) -> Body {
    Body::from_stream(stream::try_unfold(Some(before), move |from| {
        let store = store.clone();
        async move {
            let Some(before) = from else { return Ok::<_, ApiError>(None) };
            let entries = store.audit(before, STEP).await?;
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

//! The audit log.

use serde::Serialize;
use utoipa::ToSchema;

use super::text;
use crate::model::audit::{self, ActorKind};

/// How somebody is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditKind {
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
pub struct AuditActor {
    /// How they are known.
    pub kind: AuditKind,
    /// Id and name of the session or token, the user of a command, how somebody signed in; may be empty.
    pub name: String,
    /// Address they came from; null for a command.
    pub address: Option<String>,
}

/// What was changed of it. A secret is `(hidden)` before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AuditChange {
    /// Which field.
    pub field: String,
    /// What it was; null where there was nothing.
    pub before: Option<String>,
    /// What it became; null where nothing is left.
    pub after: Option<String>,
}

/// Something that a person changed, or tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AuditEntry {
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

impl From<audit::Entry> for AuditEntry {
    fn from(entry: audit::Entry) -> Self {
        let audit::Actor { kind, who, address } = entry.actor;
        let by = AuditActor { kind: kind.into(), name: who, address: Some(address).filter(|text| !text.is_empty()) };
        let changes = entry.fields.into_iter();
        Self {
            id: entry.id,
            at: text::moment(entry.at),
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

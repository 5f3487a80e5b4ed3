//! What people changed, and who they were: the entries of the audit log.

use super::UnixMillis;

/// How somebody who changes something is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorKind {
    /// A browser that is signed in.
    Session,
    Token,
    /// The token of `--admin-token-file`.
    AdminFile,
    /// A command on the hub's machine.
    Command,
    /// Somebody who signs in, and is known by how.
    SignIn,
    /// Nobody is known.
    Nobody,
}

/// Who changes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// How they are known.
    pub kind: ActorKind,
    /// Id and name of the session or token; the user of a command; how somebody signed in.
    pub who: String,
    /// IP address they came from; empty for a command.
    pub address: String,
}

/// Something that was changed or tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Row number, growing with time.
    pub id: u64,
    pub at: UnixMillis,
    pub actor: Actor,
    /// What was done: `rule.changed`.
    pub action: String,
    /// Id of what it was done to: `rul_1`, a device's id, the key of a setting.
    pub subject: String,
    /// Its name then; of what has none, a word about it.
    pub name: String,
    /// What of it changed.
    pub fields: Vec<Field>,
}

/// One thing that changed. A secret is `(hidden)` on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub field: String,
    /// What it was; `None` where there was nothing.
    pub before: Option<String>,
    /// What it became; `None` where nothing is left.
    pub after: Option<String>,
}

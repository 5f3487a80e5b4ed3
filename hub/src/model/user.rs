//! People who sign in, and what each of them may do.

use super::UnixMillis;
use super::scope::Scope;

/// What somebody is to the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Looks.
    Viewer,
    /// Does the daily work: devices, rules, alerts, silences.
    Operator,
    /// Everything, people and settings too.
    Admin,
}

impl Role {
    /// What their sessions may do.
    #[must_use]
    pub const fn scope(self) -> Scope {
        match self {
            Self::Viewer => Scope::Read,
            Self::Operator => Scope::Operate,
            Self::Admin => Scope::Admin,
        }
    }

    /// As it is written everywhere.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

/// Somebody who signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Row number; text form `usr_<n>`.
    pub id: u64,
    /// What they sign in by; capitals do not matter.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Whether they may sign in at all.
    pub enabled: bool,
    /// Whether they have chosen a password.
    pub has_password: bool,
    /// Until when a link works that sets one, if there is such a link.
    pub invited_until: Option<UnixMillis>,
    /// Whether a code is asked for beside the password.
    pub second_factor: bool,
    /// Codes they have left for when their phone is lost.
    pub recovery_codes: u32,
    /// When they were added.
    pub created_at: UnixMillis,
    /// When they last used the hub, to the minute.
    pub seen_at: Option<UnixMillis>,
}

/// How a name is found: capitals and the width of spaces do not matter.
#[must_use]
pub fn called(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// A link that sets a password, once, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invite {
    /// SHA-256 of its code.
    pub hash: [u8; 32],
    /// When it stops working.
    pub until: UnixMillis,
}

/// What of somebody is changed; what is `None` stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserChange {
    pub name: Option<String>,
    pub role: Option<Role>,
    /// Whether they may sign in.
    pub enabled: Option<bool>,
}

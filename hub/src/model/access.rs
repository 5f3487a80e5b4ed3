//! Credentials and what they allow: API tokens, join tokens, sessions.

use super::UnixMillis;
use super::device::Labels;
pub use super::scope::Scope;
use super::user::Role;
use super::view::View;

/// An API token as stored: the secret itself is gone, its SHA-256 stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Row number; text form `tok_<n>`.
    pub id: u64,
    /// Name for people.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// Labels of the devices that it is only for; for everything where there are none.
    pub labels: Labels,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it stops working.
    pub expires_at: Option<UnixMillis>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<UnixMillis>,
}

impl Token {
    /// What it is for.
    #[must_use]
    pub fn view(&self) -> View {
        View::of(self.labels.clone())
    }
}

/// A browser that is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Row number; text form `ses_<n>`. Not a secret.
    pub id: u64,
    /// Row number of whose it is.
    pub user: u64,
    /// What they are called.
    pub user_name: String,
    /// What they may do, and so the session.
    pub role: Role,
    /// When it began.
    pub created_at: UnixMillis,
    /// When it was last used, to the minute.
    pub used_at: UnixMillis,
    /// When it ends if it is not used again.
    pub ends_at: UnixMillis,
    /// IP address from which it was last used; empty where that was not noted.
    pub address: String,
    /// What the browser calls itself, shortened.
    pub browser: String,
}

/// A session to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// SHA-256 of its cookie.
    pub hash: [u8; 32],
    /// Row number of whose it is.
    pub user: u64,
    /// When it begins.
    pub at: UnixMillis,
    /// When it ends, however much it is used.
    pub expires_at: UnixMillis,
    /// IP address of the browser.
    pub address: String,
    /// What the browser calls itself, shortened.
    pub browser: String,
}

/// A join token as stored: only the key derived from its secret is kept, encrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken {
    /// Number that travels in the handshake; text form `jtk_<n>`. Not a secret.
    pub id: u64,
    /// BLAKE2s of the secret: what both sides mix into the handshake.
    pub psk: [u8; 32],
    /// Name for people.
    pub name: String,
    /// Devices it still admits.
    pub uses_left: u32,
    /// Labels given to devices that join with it.
    pub labels: Labels,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it stops working.
    pub expires_at: UnixMillis,
}

impl std::fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JoinToken").field("id", &self.id).field("uses_left", &self.uses_left).finish_non_exhaustive()
    }
}

//! Who may come in: API tokens, join tokens, sessions; and the settings that decide it.

use super::Store;
use super::error::Result;
use crate::model::UnixMillis;
use crate::model::access::{JoinToken, Scope, Token};
use crate::model::device::Labels;

/// A join token to be made.
#[derive(Clone, PartialEq, Eq)]
pub struct NewJoinToken {
    /// BLAKE2s of the secret.
    pub psk: [u8; 32],
    /// Name for people.
    pub name: String,
    /// Devices it admits.
    pub uses: u32,
    /// Labels given to devices that join with it.
    pub labels: Labels,
    /// When it stops working.
    pub expires_at: UnixMillis,
}

impl std::fmt::Debug for NewJoinToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewJoinToken").field("name", &self.name).field("uses", &self.uses).finish_non_exhaustive()
    }
}

/// A browser's session that still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// What it may do.
    pub scope: Scope,
    /// When it began.
    pub created_at: UnixMillis,
}

impl Store {
    /// Adds an API token by the SHA-256 of its secret.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn create_token(
        &self,
        name: String,
        scope: Scope,
        secret_hash: [u8; 32],
        expires_at: Option<UnixMillis>,
        now: UnixMillis,
    ) -> Result<Token> {
        let _ = (name, scope, secret_hash, expires_at, now);
        todo!()
    }

    /// All API tokens, oldest first.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn tokens(&self) -> Result<Vec<Token>> {
        todo!()
    }

    /// One API token and the hash of its secret; `None` when there is none. Expiry is the caller's to check.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn token(&self, id: u64) -> Result<Option<(Token, [u8; 32])>> {
        let _ = id;
        todo!()
    }

    /// Deletes an API token.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn revoke_token(&self, id: u64) -> Result<()> {
        let _ = id;
        todo!()
    }

    /// Notes that a token was used, to the minute: most calls write nothing.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn touch_token(&self, id: u64, now: UnixMillis) -> Result<()> {
        let _ = (id, now);
        todo!()
    }

    /// Adds a join token.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn create_join_token(&self, new: NewJoinToken, now: UnixMillis) -> Result<JoinToken> {
        let _ = (new, now);
        todo!()
    }

    /// Join tokens that work, and those that stopped working in the last seven days; oldest first.
    ///
    /// # Errors
    /// `Corrupt` when `secret.key` is not the one they were sealed with.
    pub async fn join_tokens(&self, now: UnixMillis) -> Result<Vec<JoinToken>> {
        let _ = now;
        todo!()
    }

    /// Deletes a join token.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn revoke_join_token(&self, id: u64) -> Result<()> {
        let _ = id;
        todo!()
    }

    /// Adds a session by the SHA-256 of its cookie; it ends at `expires_at`, or after seven days without use.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn create_session(
        &self,
        hash: [u8; 32],
        scope: Scope,
        now: UnixMillis,
        expires_at: UnixMillis,
    ) -> Result<()> {
        let _ = (hash, scope, now, expires_at);
        todo!()
    }

    /// The session with this hash, if it still holds; using it keeps it from idling out.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn session(&self, hash: [u8; 32], now: UnixMillis) -> Result<Option<Session>> {
        let _ = (hash, now);
        todo!()
    }

    /// Ends a session; one that is gone already is fine.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn delete_session(&self, hash: [u8; 32]) -> Result<()> {
        let _ = hash;
        todo!()
    }

    /// Ends all sessions.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn delete_sessions(&self) -> Result<()> {
        todo!()
    }

    /// A small setting (password hash, join policy), as it was put.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn setting(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let _ = key;
        todo!()
    }

    /// Puts a setting.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn put_setting(&self, key: &str, value: Vec<u8>) -> Result<()> {
        let _ = (key, value);
        todo!()
    }
}

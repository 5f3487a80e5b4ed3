//! Tokens, settings, join tokens, and the audit log.

use crate::model::UnixMillis;
use crate::model::access::{Scope, Token};
use crate::model::audit::{Actor, Entry};
use crate::model::device::Labels;
use crate::store::error::Result;

/// An API token to be made, by the SHA-256 of its secret.
pub(in crate::store) struct NewToken<'a> {
    pub(in crate::store) name: &'a str,
    pub(in crate::store) scope: Scope,
    pub(in crate::store) labels: &'a Labels,
    pub(in crate::store) secret_hash: [u8; 32],
    pub(in crate::store) expires_at: Option<UnixMillis>,
    pub(in crate::store) now: UnixMillis,
}

/// API tokens, and settings.
pub(in crate::store) trait Tokens {
    /// All tokens, oldest first.
    fn tokens(&self) -> Result<Vec<Token>>;
    /// One token, and the hash of its secret.
    fn token(&self, id: u64) -> Result<Option<(Token, [u8; 32])>>;
    /// A setting as it was put.
    fn setting(&self, key: &str) -> Result<Option<Vec<u8>>>;
}

/// Changes of tokens and settings.
pub(in crate::store) trait ChangeTokens: Tokens {
    /// Adds a token; its number.
    fn add_token(&self, new: &NewToken<'_>) -> Result<u64>;
    /// Whether there was such a token to delete.
    fn delete_token(&self, id: u64) -> Result<bool>;
    /// Notes when a token was used.
    fn touch_token(&self, id: u64, now: UnixMillis) -> Result<()>;
    /// Puts a setting.
    fn put_setting(&self, key: &str, value: &[u8]) -> Result<()>;
}

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

/// A join token as it is stored: its key is sealed.
pub(in crate::store) struct SealedJoinToken {
    pub(in crate::store) id: u64,
    pub(in crate::store) sealed: Vec<u8>,
    pub(in crate::store) name: String,
    pub(in crate::store) uses_left: u32,
    pub(in crate::store) labels: Labels,
    pub(in crate::store) created_at: UnixMillis,
    pub(in crate::store) expires_at: UnixMillis,
}

/// What a join token gives, and how long.
pub(in crate::store) struct JoinTerms {
    pub(in crate::store) uses_left: u32,
    pub(in crate::store) labels: Labels,
    pub(in crate::store) expires_at: UnixMillis,
}

/// Join tokens.
pub(in crate::store) trait JoinTokens {
    /// Those that expire after a moment, oldest first.
    fn join_tokens(&self, since: UnixMillis) -> Result<Vec<SealedJoinToken>>;
    /// What one gives.
    fn join_terms(&self, id: u64) -> Result<Option<JoinTerms>>;
}

/// Changes of join tokens.
pub(in crate::store) trait ChangeJoinTokens: JoinTokens {
    /// Adds one without its key, which is sealed for its number; that number.
    fn add_join_token(&self, new: &NewJoinToken, now: UnixMillis) -> Result<u64>;
    /// Puts the sealed key of one.
    fn seal_join_token(&self, id: u64, sealed: &[u8]) -> Result<()>;
    /// Takes one use.
    fn use_join_token(&self, id: u64) -> Result<()>;
    /// Whether there was such a token to delete.
    fn delete_join_token(&self, id: u64) -> Result<bool>;
}

/// The audit log.
pub(in crate::store) trait Audit {
    /// At most `limit` entries older than `before`, newest first.
    fn audit(&self, before: Option<u64>, limit: usize) -> Result<Vec<Entry>>;
}

/// How the audit log is written: an engine notes by itself what changes while somebody acts.
pub(in crate::store) trait ChangeAudit: Audit {
    /// From here on somebody acts, in this transaction.
    fn begin_acting(&self, actor: &Actor, now: UnixMillis) -> Result<()>;
    /// Nobody acts any longer. Drops what was written anew as it was, entries from before a moment, and beyond `most` the oldest of
    /// whoever has most.
    fn end_acting(&self, before: UnixMillis, most: usize) -> Result<()>;
    /// Adds an entry of something that changes nothing in the store.
    fn note(&self, action: &str, name: &str) -> Result<()>;
    /// Makes one entry of what the present work did to many things: `name` says how many, `fields` which, and what else was said.
    fn one_entry(&self, action: &str, name: &str, fields: &[(&str, Option<&str>)]) -> Result<()>;
}

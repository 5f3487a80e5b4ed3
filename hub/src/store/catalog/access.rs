//! API tokens, and the settings about access. Sessions are in `sessions.rs`, join tokens in `join.rs`.

use crate::model::UnixMillis;
use crate::model::access::{Scope, Token};
use crate::model::device::Labels;
use crate::store::Store;
use crate::store::engine::nouns::NewToken;
use crate::store::error::{Error, Result};

/// Uses are noted to the minute, so that a busy client costs one write a minute.
const NOTE_MS: i64 = 60_000;

impl Store {
    /// Adds an API token by the SHA-256 of its secret, for devices with these labels only if there are any.
    ///
    /// # Errors
    /// Those of any write. A scope that may not be limited by labels is the caller's to refuse.
    pub async fn create_token(
        &self,
        name: String,
        allowed: Scope,
        labels: Labels,
        secret_hash: [u8; 32],
        expires_at: Option<UnixMillis>,
        now: UnixMillis,
    ) -> Result<Token> {
        self.change(move |open| {
            let new = NewToken { name: &name, scope: allowed, labels: &labels, secret_hash, expires_at, now };
            let id = open.tx.add_token(&new)?;
            Ok(Token { id, name, scope: allowed, labels, created_at: now, expires_at, last_used_at: None })
        })
        .await
    }

    /// All API tokens, oldest first.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn tokens(&self) -> Result<Vec<Token>> {
        self.readers().run(|reader| reader.ask()?.tokens()).await
    }

    /// One API token and the hash of its secret; `None` when there is none. Expiry is the caller's to check.
    ///
    /// # Errors
    /// Those of any read.
    pub fn token(&self, id: u64) -> Result<Option<(Token, [u8; 32])>> {
        self.glance(|ask| ask.token(id))
    }

    /// Deletes an API token.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn revoke_token(&self, id: u64) -> Result<()> {
        self.change(move |open| if open.tx.delete_token(id)? { Ok(()) } else { Err(Error::missing("token")) }).await
    }

    /// Notes that a token was used, to the minute: most calls write nothing.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn touch_token(&self, id: u64, now: UnixMillis) -> Result<()> {
        let known = self.token(id)?.and_then(|(token, _)| token.last_used_at);
        if known.is_some_and(|used| now.since(used) < NOTE_MS) {
            return Ok(());
        }
        match self.change(move |open| open.tx.touch_token(id, now)).await {
            // A full disk must not lock programs out: they come to look, or to make room.
            Err(Error::Full) => Ok(()),
            noted => noted,
        }
    }

    /// A small setting (join policy, retention), as it was put.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn setting(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let key = key.to_owned();
        self.readers().run(move |reader| reader.ask()?.setting(&key)).await
    }

    /// Puts a setting.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn put_setting(&self, key: &str, value: Vec<u8>) -> Result<()> {
        let key = key.to_owned();
        self.change(move |open| open.tx.put_setting(&key, &value)).await
    }

    /// A setting that is kept sealed under the secret key.
    ///
    /// # Errors
    /// Those of any read; `Corrupt` when the secret key is not the one it was sealed with.
    pub async fn sealed_setting(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let sealed = self.setting(key).await?;
        sealed.map(|sealed| self.key().open(&format!("setting {key}"), &sealed)).transpose()
    }

    /// Puts a setting, sealed under the secret key.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn put_sealed_setting(&self, key: &str, value: Vec<u8>) -> Result<()> {
        self.put_setting(key, self.key().seal(&format!("setting {key}"), &value)?).await
    }
}

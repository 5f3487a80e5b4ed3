//! Join tokens, which admit a device without approval by a person. Their keys are sealed under `secret.key`.

use crate::model::UnixMillis;
use crate::model::access::JoinToken;
use crate::model::device::Labels;
use crate::store::engine::nouns::{JoinTerms, NewJoinToken, SealedJoinToken};
use crate::store::engine::transaction::Transaction;
use crate::store::error::{Error, Result};
use crate::store::{SecretKey, Store};

/// How long a token that stopped working is still listed, so that people see what became of it.
const LISTED_MS: i64 = 7 * 86_400_000;

impl Store {
    /// Adds a join token.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn create_join_token(&self, new: NewJoinToken, now: UnixMillis) -> Result<JoinToken> {
        let key = self.key().clone();
        self.change(move |open| {
            // The key is sealed for its row, so the row comes first.
            let id = open.tx.add_join_token(&new, now)?;
            open.tx.seal_join_token(id, &key.seal(&purpose(id), &new.psk)?)?;
            let NewJoinToken { psk, name, uses, labels, expires_at } = new;
            Ok(JoinToken { id, psk, name, uses_left: uses, labels, created_at: now, expires_at })
        })
        .await
    }

    /// Join tokens that work, and those that stopped working in the last seven days; oldest first.
    ///
    /// # Errors
    /// `Corrupt` when `secret.key` is not the one they were sealed with.
    pub async fn join_tokens(&self, now: UnixMillis) -> Result<Vec<JoinToken>> {
        let key = self.key().clone();
        self.readers()
            .run(move |reader| {
                let tokens = reader.ask()?.join_tokens(now.plus(-LISTED_MS))?;
                tokens.into_iter().map(|token| opened(token, &key)).collect()
            })
            .await
    }

    /// Deletes a join token.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn revoke_join_token(&self, id: u64) -> Result<()> {
        self.change(move |open| if open.tx.delete_join_token(id)? { Ok(()) } else { Err(Error::missing("join token")) })
            .await
    }
}

/// Takes one use in the open transaction; returns the labels it gives.
pub(in crate::store) fn take_use(tx: &dyn Transaction, id: u64, now: UnixMillis) -> Result<Labels> {
    let JoinTerms { uses_left, labels, expires_at } = tx.join_terms(id)?.ok_or(Error::missing("join token"))?;
    if uses_left == 0 {
        return Err(Error::conflict("join_token", "it has no uses left"));
    }
    if expires_at <= now {
        return Err(Error::conflict("join_token", "it has expired"));
    }
    tx.use_join_token(id)?;
    Ok(labels)
}

fn opened(token: SealedJoinToken, key: &SecretKey) -> Result<JoinToken> {
    let SealedJoinToken { id, sealed, name, uses_left, labels, created_at, expires_at } = token;
    let psk = key.open(&purpose(id), &sealed)?;
    let psk = psk.try_into().map_err(|_| Error::Corrupt { what: "join token" })?;
    Ok(JoinToken { id, psk, name, uses_left, labels, created_at, expires_at })
}

fn purpose(id: u64) -> String {
    format!("join_token {id}")
}

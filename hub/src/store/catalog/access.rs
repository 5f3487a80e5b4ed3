//! Who may come in: API tokens, and the settings that decide it. Sessions are in `sessions.rs`, join tokens in `join.rs`.

use rusqlite::{OptionalExtension as _, Row, named_params};

use crate::model::UnixMillis;
use crate::model::access::{Scope, Token};
use crate::model::device::Labels;
use crate::store::Store;
use crate::store::error::{Error, Result};
use crate::store::sqlite::column::{read_pairs, signed, unsigned, write_pairs};

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
        scope: Scope,
        labels: Labels,
        secret_hash: [u8; 32],
        expires_at: Option<UnixMillis>,
        now: UnixMillis,
    ) -> Result<Token> {
        self.change(move |write| {
            write.conn.prepare_cached(CREATE_TOKEN)?.execute(named_params! {
                ":name": name,
                ":scope": scope,
                ":labels": write_pairs(&labels),
                ":hash": secret_hash,
                ":created_at": now.0,
                ":expires_at": expires_at.map(|at| at.0),
            })?;
            let id = unsigned(write.conn.last_insert_rowid());
            Ok(Token { id, name, scope, labels, created_at: now, expires_at, last_used_at: None })
        })
        .await
    }

    /// All API tokens, oldest first.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn tokens(&self) -> Result<Vec<Token>> {
        self.readers()
            .run(|reader| {
                let mut statement = reader.conn()?.prepare_cached(TOKENS)?;
                Ok(statement.query_map([], token_from_row)?.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// One API token and the hash of its secret; `None` when there is none. Expiry is the caller's to check.
    ///
    /// # Errors
    /// Those of any read.
    pub fn token(&self, id: u64) -> Result<Option<(Token, [u8; 32])>> {
        self.glance(|conn| {
            let id = named_params! { ":id": signed(id) };
            let both = |row: &Row<'_>| Ok((token_from_row(row)?, row.get("hash")?));
            Ok(conn.prepare_cached(TOKEN)?.query_row(id, both).optional()?)
        })
    }

    /// Deletes an API token.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn revoke_token(&self, id: u64) -> Result<()> {
        self.change(move |write| {
            match write.conn.prepare_cached(REVOKE_TOKEN)?.execute(named_params! { ":id": signed(id) })? {
                0 => Err(Error::missing("token")),
                _ => Ok(()),
            }
        })
        .await
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
        let noted = self.change(move |write| {
            let params = named_params! { ":id": signed(id), ":now": now.0 };
            write.conn.prepare_cached(TOUCH_TOKEN)?.execute(params)?;
            Ok(())
        });
        match noted.await {
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
        self.readers()
            .run(move |reader| {
                let key = named_params! { ":key": key };
                Ok(reader.conn()?.prepare_cached(SETTING)?.query_row(key, |row| row.get(0)).optional()?)
            })
            .await
    }

    /// Puts a setting.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn put_setting(&self, key: &str, value: Vec<u8>) -> Result<()> {
        let key = key.to_owned();
        self.change(move |write| {
            write.conn.prepare_cached(PUT_SETTING)?.execute(named_params! { ":key": key, ":value": value })?;
            Ok(())
        })
        .await
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

const CREATE_TOKEN: &str = "INSERT INTO token (name, scope, labels, hash, created_at, expires_at)
    VALUES (:name, :scope, :labels, :hash, :created_at, :expires_at)";
const TOKENS: &str = "SELECT id, name, scope, labels, created_at, expires_at, last_used_at FROM token ORDER BY id";
const TOKEN: &str =
    "SELECT id, name, scope, labels, created_at, expires_at, last_used_at, hash FROM token WHERE id = :id";
const REVOKE_TOKEN: &str = "DELETE FROM token WHERE id = :id";
const TOUCH_TOKEN: &str = "UPDATE token SET last_used_at = :now WHERE id = :id";

fn token_from_row(row: &Row<'_>) -> rusqlite::Result<Token> {
    let maybe = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(UnixMillis));
    Ok(Token {
        id: unsigned(row.get("id")?),
        name: row.get("name")?,
        scope: row.get("scope")?,
        labels: limit(row.get_ref("labels")?.as_str()?)?,
        created_at: UnixMillis(row.get("created_at")?),
        expires_at: maybe("expires_at")?,
        last_used_at: maybe("last_used_at")?,
    })
}

/// The labels that a token is limited to. What does not read back as it is written was damaged, and opens nothing: with a label
/// less it would open more.
fn limit(text: &str) -> rusqlite::Result<Labels> {
    let labels: Labels = read_pairs(text);
    let damaged = || rusqlite::Error::ToSqlConversionFailure("the labels of a token are damaged: revoke it".into());
    if write_pairs(&labels) == text { Ok(labels) } else { Err(damaged()) }
}

const SETTING: &str = "SELECT value FROM setting WHERE key = :key";
const PUT_SETTING: &str = "INSERT INTO setting (key, value) VALUES (:key, :value)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value";

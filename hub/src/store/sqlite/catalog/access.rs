//! Rows of API tokens and settings.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use crate::model::UnixMillis;
use crate::model::access::Token;
use crate::model::device::Labels;
use crate::store::engine::nouns::{ChangeTokens, NewToken, Tokens};
use crate::store::error::Result;
use crate::store::pairs::{read_pairs, write_pairs};
use crate::store::sqlite::column::{signed, unsigned};

const CREATE_TOKEN: &str = "INSERT INTO token (name, scope, labels, hash, created_at, expires_at)
    VALUES (:name, :scope, :labels, :hash, :created_at, :expires_at)";
const TOKENS: &str = "SELECT id, name, scope, labels, created_at, expires_at, last_used_at FROM token ORDER BY id";
const TOKEN: &str =
    "SELECT id, name, scope, labels, created_at, expires_at, last_used_at, hash FROM token WHERE id = :id";
const REVOKE_TOKEN: &str = "DELETE FROM token WHERE id = :id";
const TOUCH_TOKEN: &str = "UPDATE token SET last_used_at = :now WHERE id = :id";
const SETTING: &str = "SELECT value FROM setting WHERE key = :key";
const PUT_SETTING: &str = "INSERT INTO setting (key, value) VALUES (:key, :value)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value";

impl Tokens for Connection {
    fn tokens(&self) -> Result<Vec<Token>> {
        let mut statement = self.prepare_cached(TOKENS)?;
        Ok(statement.query_map([], token_from_row)?.collect::<rusqlite::Result<_>>()?)
    }

    fn token(&self, id: u64) -> Result<Option<(Token, [u8; 32])>> {
        let id = named_params! { ":id": signed(id) };
        let both = |row: &Row<'_>| Ok((token_from_row(row)?, row.get("hash")?));
        Ok(self.prepare_cached(TOKEN)?.query_row(id, both).optional()?)
    }

    fn setting(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let key = named_params! { ":key": key };
        Ok(self.prepare_cached(SETTING)?.query_row(key, |row| row.get(0)).optional()?)
    }
}

impl ChangeTokens for Connection {
    fn add_token(&self, new: &NewToken<'_>) -> Result<u64> {
        self.prepare_cached(CREATE_TOKEN)?.execute(named_params! {
            ":name": new.name,
            ":scope": new.scope,
            ":labels": write_pairs(new.labels),
            ":hash": new.secret_hash,
            ":created_at": new.now.0,
            ":expires_at": new.expires_at.map(|at| at.0),
        })?;
        Ok(unsigned(self.last_insert_rowid()))
    }

    fn delete_token(&self, id: u64) -> Result<bool> {
        Ok(self.prepare_cached(REVOKE_TOKEN)?.execute(named_params! { ":id": signed(id) })? > 0)
    }

    fn touch_token(&self, id: u64, now: UnixMillis) -> Result<()> {
        self.prepare_cached(TOUCH_TOKEN)?.execute(named_params! { ":id": signed(id), ":now": now.0 })?;
        Ok(())
    }

    fn put_setting(&self, key: &str, value: &[u8]) -> Result<()> {
        self.prepare_cached(PUT_SETTING)?.execute(named_params! { ":key": key, ":value": value })?;
        Ok(())
    }
}

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

//! Rows of join tokens.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use crate::model::UnixMillis;
use crate::store::engine::nouns::{ChangeJoinTokens, JoinTerms, JoinTokens, NewJoinToken, SealedJoinToken};
use crate::store::error::Result;
use crate::store::pairs::{read_pairs, write_pairs};
use crate::store::sqlite::column::{signed, unsigned};

const CREATE: &str = "INSERT INTO join_token (sealed, name, uses_left, labels, created_at, expires_at)
    VALUES (x'', :name, :uses_left, :labels, :now, :expires_at)";
const SEAL: &str = "UPDATE join_token SET sealed = :sealed WHERE id = :id";
const LIST: &str = "SELECT id, sealed, name, uses_left, labels, created_at, expires_at FROM join_token
    WHERE expires_at > :since ORDER BY id";
const REVOKE: &str = "DELETE FROM join_token WHERE id = :id";
const FIND: &str = "SELECT uses_left, labels, expires_at FROM join_token WHERE id = :id";
const USE: &str = "UPDATE join_token SET uses_left = uses_left - 1 WHERE id = :id";

impl JoinTokens for Connection {
    fn join_tokens(&self, since: UnixMillis) -> Result<Vec<SealedJoinToken>> {
        let mut statement = self.prepare_cached(LIST)?;
        let rows = statement.query_map(named_params! { ":since": since.0 }, from_row)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn join_terms(&self, id: u64) -> Result<Option<JoinTerms>> {
        let found = self.prepare_cached(FIND)?.query_row(named_params! { ":id": signed(id) }, |row| {
            let labels: String = row.get(1)?;
            let expires_at = UnixMillis(row.get(2)?);
            Ok(JoinTerms { uses_left: row.get(0)?, labels: read_pairs(&labels), expires_at })
        });
        Ok(found.optional()?)
    }
}

impl ChangeJoinTokens for Connection {
    fn add_join_token(&self, new: &NewJoinToken, now: UnixMillis) -> Result<u64> {
        self.prepare_cached(CREATE)?.execute(named_params! {
            ":name": new.name,
            ":uses_left": new.uses,
            ":labels": write_pairs(&new.labels),
            ":now": now.0,
            ":expires_at": new.expires_at.0,
        })?;
        Ok(unsigned(self.last_insert_rowid()))
    }

    fn seal_join_token(&self, id: u64, sealed: &[u8]) -> Result<()> {
        self.prepare_cached(SEAL)?.execute(named_params! { ":id": signed(id), ":sealed": sealed })?;
        Ok(())
    }

    fn use_join_token(&self, id: u64) -> Result<()> {
        self.prepare_cached(USE)?.execute(named_params! { ":id": signed(id) })?;
        Ok(())
    }

    fn delete_join_token(&self, id: u64) -> Result<bool> {
        Ok(self.prepare_cached(REVOKE)?.execute(named_params! { ":id": signed(id) })? > 0)
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<SealedJoinToken> {
    let labels: String = row.get("labels")?;
    Ok(SealedJoinToken {
        id: unsigned(row.get("id")?),
        sealed: row.get("sealed")?,
        name: row.get("name")?,
        uses_left: row.get("uses_left")?,
        labels: read_pairs(&labels),
        created_at: UnixMillis(row.get("created_at")?),
        expires_at: UnixMillis(row.get("expires_at")?),
    })
}

//! Join tokens: what admits a device without a person looking on. Their keys are sealed under `secret.key`.

use rusqlite::{Connection, OptionalExtension as _, named_params};

use crate::model::UnixMillis;
use crate::model::access::JoinToken;
use crate::model::device::Labels;
use crate::store::SecretKey;
use crate::store::Store;
use crate::store::error::{Error, Result};
use crate::store::sqlite::column::{read_pairs, signed, unsigned, write_pairs};

/// How long a token that stopped working is still listed, so that people see what became of it.
const LISTED_MS: i64 = 7 * 86_400_000;

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

impl Store {
    /// Adds a join token.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn create_join_token(&self, new: NewJoinToken, now: UnixMillis) -> Result<JoinToken> {
        let key = self.key().clone();
        self.change(move |scope| {
            let conn = scope.conn;
            conn.prepare_cached(CREATE)?.execute(named_params! {
                ":name": new.name,
                ":uses_left": new.uses,
                ":labels": write_pairs(&new.labels),
                ":now": now.0,
                ":expires_at": new.expires_at.0,
            })?;
            // The key is sealed for its row, so the row comes first.
            let id = unsigned(conn.last_insert_rowid());
            let sealed = key.seal(&purpose(id), &new.psk)?;
            conn.prepare_cached(SEAL)?.execute(named_params! { ":id": signed(id), ":sealed": sealed })?;
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
                let mut statement = reader.conn()?.prepare_cached(LIST)?;
                let mut rows = statement.query(named_params! { ":since": now.plus(-LISTED_MS).0 })?;
                let mut tokens = Vec::new();
                while let Some(row) = rows.next()? {
                    tokens.push(from_row(row, &key)?);
                }
                Ok(tokens)
            })
            .await
    }

    /// Deletes a join token.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn revoke_join_token(&self, id: u64) -> Result<()> {
        self.change(move |scope| {
            match scope.conn.prepare_cached(REVOKE)?.execute(named_params! { ":id": signed(id) })? {
                0 => Err(Error::missing("join token")),
                _ => Ok(()),
            }
        })
        .await
    }
}

const CREATE: &str = "INSERT INTO join_token (sealed, name, uses_left, labels, created_at, expires_at)
    VALUES (x'', :name, :uses_left, :labels, :now, :expires_at)";
const SEAL: &str = "UPDATE join_token SET sealed = :sealed WHERE id = :id";
const LIST: &str = "SELECT id, sealed, name, uses_left, labels, created_at, expires_at FROM join_token
    WHERE expires_at > :since ORDER BY id";
const REVOKE: &str = "DELETE FROM join_token WHERE id = :id";
const FIND: &str = "SELECT uses_left, labels, expires_at FROM join_token WHERE id = :id";
const USE: &str = "UPDATE join_token SET uses_left = uses_left - 1 WHERE id = :id";

/// Takes one use in the open transaction; returns the labels it gives.
pub(in crate::store) fn take_use(conn: &Connection, id: u64, now: UnixMillis) -> Result<Labels> {
    let by_id = named_params! { ":id": signed(id) };
    let found = conn
        .prepare_cached(FIND)?
        .query_row(by_id, |row| Ok((row.get::<_, u32>(0)?, row.get::<_, String>(1)?, UnixMillis(row.get(2)?))));
    let (uses_left, labels, expires_at) = found.optional()?.ok_or(Error::missing("join token"))?;
    if uses_left == 0 {
        return Err(Error::conflict("join_token", "it has no uses left"));
    }
    if expires_at <= now {
        return Err(Error::conflict("join_token", "it has expired"));
    }
    conn.prepare_cached(USE)?.execute(by_id)?;
    Ok(read_pairs(&labels))
}

fn from_row(row: &rusqlite::Row<'_>, key: &SecretKey) -> Result<JoinToken> {
    let id = unsigned(row.get("id")?);
    let (sealed, labels): (Vec<u8>, String) = (row.get("sealed")?, row.get("labels")?);
    let psk = key.open(&purpose(id), &sealed)?;
    Ok(JoinToken {
        id,
        psk: psk.try_into().map_err(|_| Error::Corrupt { what: "join token" })?,
        name: row.get("name")?,
        uses_left: row.get("uses_left")?,
        labels: read_pairs(&labels),
        created_at: UnixMillis(row.get("created_at")?),
        expires_at: UnixMillis(row.get("expires_at")?),
    })
}

fn purpose(id: u64) -> String {
    format!("join_token {id}")
}

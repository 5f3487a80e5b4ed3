//! Rows of sessions.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use crate::model::UnixMillis;
use crate::model::access::{NewSession, Session};
use crate::store::engine::nouns::{ChangeSessions, Holds, Sessions};
use crate::store::error::Result;
use crate::store::sqlite::column::{signed, unsigned};

const CREATE: &str = "INSERT INTO session (hash, user, created_at, used_at, expires_at, address, browser)
    VALUES (:hash, :user, :now, :now, :expires_at, :address, :browser)";
const DROP_OVER: &str = "DELETE FROM session WHERE expires_at <= :now OR used_at <= :idle_since";
const MAKE_ROOM: &str = "DELETE FROM session WHERE user = :user
    AND id NOT IN (SELECT id FROM session WHERE user = :user ORDER BY used_at DESC, id DESC LIMIT :kept)";
const ALL: &str = "SELECT session.id, user, name, role, session.created_at, used_at, expires_at, address, browser
    FROM session JOIN user ON user.id = user
    WHERE expires_at > :now AND used_at > :idle_since AND enabled ORDER BY session.id";
const BY_HASH: &str = "SELECT session.id, user, name, role, session.created_at, used_at, expires_at, address, browser
    FROM session JOIN user ON user.id = user
    WHERE hash = :hash AND expires_at > :now AND used_at > :idle_since AND enabled";
const USE: &str = "UPDATE session SET used_at = :now, address = COALESCE(:from, address) WHERE hash = :hash";
const DELETE: &str = "DELETE FROM session WHERE hash = :hash";
const END: &str = "DELETE FROM session WHERE id = :id AND user = COALESCE(:user, user)";
const END_OTHERS: &str = "DELETE FROM session WHERE hash IS NOT :but AND user = COALESCE(:user, user)";

impl Holds {
    fn idle_since(self) -> i64 {
        self.now.plus(-self.idle_ms).0
    }
}

impl Sessions for Connection {
    fn sessions(&self, holds: Holds) -> Result<Vec<Session>> {
        let mut statement = self.prepare_cached(ALL)?;
        let params = named_params! { ":now": holds.now.0, ":idle_since": holds.idle_since() };
        Ok(statement.query_map(params, |row| from_row(row, holds))?.collect::<rusqlite::Result<_>>()?)
    }

    fn session(&self, hash: [u8; 32], holds: Holds) -> Result<Option<Session>> {
        let params = named_params! { ":hash": hash, ":now": holds.now.0, ":idle_since": holds.idle_since() };
        Ok(self.prepare_cached(BY_HASH)?.query_row(params, |row| from_row(row, holds)).optional()?)
    }
}

impl ChangeSessions for Connection {
    fn drop_old_sessions(&self, holds: Holds) -> Result<()> {
        let over = named_params! { ":now": holds.now.0, ":idle_since": holds.idle_since() };
        self.prepare_cached(DROP_OVER)?.execute(over)?;
        Ok(())
    }

    fn keep_sessions(&self, user: u64, most: usize) -> Result<()> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.prepare_cached(MAKE_ROOM)?.execute(named_params! { ":user": signed(user), ":kept": most })?;
        Ok(())
    }

    fn add_session(&self, new: &NewSession) -> Result<()> {
        self.prepare_cached(CREATE)?.execute(named_params! {
            ":hash": new.hash,
            ":user": signed(new.user),
            ":now": new.at.0,
            ":expires_at": new.expires_at.0,
            ":address": new.address,
            ":browser": new.browser,
        })?;
        Ok(())
    }

    fn use_session(&self, hash: [u8; 32], now: UnixMillis, from: Option<&str>) -> Result<()> {
        self.prepare_cached(USE)?.execute(named_params! { ":hash": hash, ":now": now.0, ":from": from })?;
        Ok(())
    }

    fn delete_session(&self, hash: [u8; 32]) -> Result<()> {
        self.prepare_cached(DELETE)?.execute(named_params! { ":hash": hash })?;
        Ok(())
    }

    fn end_session(&self, id: u64, of: Option<u64>) -> Result<bool> {
        let params = named_params! { ":id": signed(id), ":user": of.map(signed) };
        Ok(self.prepare_cached(END)?.execute(params)? > 0)
    }

    fn end_sessions(&self, of: Option<u64>, but: Option<[u8; 32]>) -> Result<()> {
        self.prepare_cached(END_OTHERS)?.execute(named_params! { ":user": of.map(signed), ":but": but })?;
        Ok(())
    }
}

fn from_row(row: &Row<'_>, holds: Holds) -> rusqlite::Result<Session> {
    let used_at = UnixMillis(row.get("used_at")?);
    let absolute: i64 = row.get("expires_at")?;
    Ok(Session {
        id: unsigned(row.get("id")?),
        user: unsigned(row.get("user")?),
        user_name: row.get("name")?,
        role: row.get("role")?,
        created_at: UnixMillis(row.get("created_at")?),
        used_at,
        ends_at: UnixMillis(absolute).min(used_at.plus(holds.idle_ms)),
        address: row.get("address")?,
        browser: row.get("browser")?,
    })
}

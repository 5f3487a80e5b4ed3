//! Browsers that are signed in. A session ends at its time, after [`IDLE_MS`] without use, when somebody ends it, or when
//! its user has [`MOST`] that were used later.

use std::net::IpAddr;

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use crate::model::UnixMillis;
use crate::model::access::{NewSession, Session};
use crate::store::Store;
use crate::store::error::{Error, Result};
use crate::store::sqlite::column::{signed, unsigned};

/// A session unused for this long ends.
const IDLE_MS: i64 = 7 * 86_400_000;
/// Uses are noted to the minute, so that a busy client costs one write a minute.
const NOTE_MS: i64 = 60_000;
/// Sessions of a user at once: far more than somebody has browsers.
const MOST: i64 = 256;

impl Store {
    /// Forgets sessions that are over.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn drop_old_sessions(&self, now: UnixMillis) -> Result<()> {
        self.change(move |write| {
            let over = named_params! { ":now": now.0, ":idle_since": now.plus(-IDLE_MS).0 };
            write.conn.prepare_cached(DROP_OVER)?.execute(over)?;
            Ok(())
        })
        .await
    }

    /// Adds a session.
    ///
    /// # Errors
    /// `NotFound` when its user is gone meanwhile, or may not sign in any more.
    pub async fn create_session(&self, new: NewSession) -> Result<Session> {
        self.change(move |write| {
            write
                .conn
                .prepare_cached(MAKE_ROOM)?
                .execute(named_params! { ":user": signed(new.user), ":kept": MOST - 1 })?;
            let user = named_params! { ":user": signed(new.user), ":now": new.at.0 };
            if write.conn.prepare_cached(SEE_USER)?.execute(user)? == 0 {
                return Err(Error::missing("user"));
            }
            let created = named_params! {
                ":hash": new.hash,
                ":user": signed(new.user),
                ":now": new.at.0,
                ":expires_at": new.expires_at.0,
                ":address": new.address,
                ":browser": new.browser,
            };
            write.conn.prepare_cached(CREATE)?.execute(created)?;
            let holds = named_params! { ":hash": new.hash, ":now": new.at.0, ":idle_since": new.at.plus(-IDLE_MS).0 };
            Ok(write.conn.prepare_cached(BY_HASH)?.query_row(holds, session_from_row)?)
        })
        .await
    }

    /// All sessions that still hold, oldest first.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn sessions(&self, now: UnixMillis) -> Result<Vec<Session>> {
        self.readers()
            .run(move |reader| {
                let mut statement = reader.conn()?.prepare_cached(ALL)?;
                let params = named_params! { ":now": now.0, ":idle_since": now.plus(-IDLE_MS).0 };
                Ok(statement.query_map(params, session_from_row)?.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// The session with this hash, if it still holds; using it keeps it from idling out, and tells from where it is used.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn session(&self, hash: [u8; 32], now: UnixMillis, from: Option<IpAddr>) -> Result<Option<Session>> {
        let found = self.glance(|conn| {
            let params = named_params! { ":hash": hash, ":now": now.0, ":idle_since": now.plus(-IDLE_MS).0 };
            Ok(conn.prepare_cached(BY_HASH)?.query_row(params, session_from_row).optional()?)
        })?;
        let Some(session) = found else { return Ok(None) };
        if now.since(session.used_at) >= NOTE_MS {
            let (from, user) = (from.map(|from| from.to_string()), session.user);
            let used = self.change(move |write| {
                let params = named_params! { ":hash": hash, ":now": now.0, ":from": from };
                write.conn.prepare_cached(USE)?.execute(params)?;
                write.conn.prepare_cached(SEE_USER)?.execute(named_params! { ":user": signed(user), ":now": now.0 })?;
                Ok(())
            });
            match used.await {
                // A full disk must not lock people out: they come to make room.
                Ok(()) | Err(Error::Full) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Some(session))
    }

    /// Ends the session with this hash; one that is gone already is fine.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn delete_session(&self, hash: [u8; 32]) -> Result<()> {
        self.change(move |write| {
            write.conn.prepare_cached(DELETE)?.execute(named_params! { ":hash": hash })?;
            Ok(())
        })
        .await
    }

    /// Ends one session; of `of` alone, where that is said.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn end_session(&self, id: u64, of: Option<u64>) -> Result<()> {
        self.change(move |write| {
            let params = named_params! { ":id": signed(id), ":user": of.map(signed) };
            match write.conn.prepare_cached(END)?.execute(params)? {
                0 => Err(Error::missing("session")),
                _ => Ok(()),
            }
        })
        .await
    }

    /// Ends all sessions but one; those of `of` alone, where that is said.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn end_sessions(&self, of: Option<u64>, but: Option<[u8; 32]>) -> Result<()> {
        self.change(move |write| end_others(write.conn, of, but)).await
    }
}

/// Ends the sessions of somebody, or of everybody, but one.
pub(super) fn end_others(conn: &Connection, of: Option<u64>, but: Option<[u8; 32]>) -> Result<()> {
    conn.prepare_cached(END_OTHERS)?.execute(named_params! { ":user": of.map(signed), ":but": but })?;
    Ok(())
}

const CREATE: &str = "INSERT INTO session (hash, user, created_at, used_at, expires_at, address, browser)
    VALUES (:hash, :user, :now, :now, :expires_at, :address, :browser)";
const SEE_USER: &str = "UPDATE user SET seen_at = :now WHERE id = :user AND enabled";
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

fn session_from_row(row: &Row<'_>) -> rusqlite::Result<Session> {
    let used_at = UnixMillis(row.get("used_at")?);
    let absolute: i64 = row.get("expires_at")?;
    Ok(Session {
        id: unsigned(row.get("id")?),
        user: unsigned(row.get("user")?),
        user_name: row.get("name")?,
        role: row.get("role")?,
        created_at: UnixMillis(row.get("created_at")?),
        used_at,
        ends_at: UnixMillis(absolute).min(used_at.plus(IDLE_MS)),
        address: row.get("address")?,
        browser: row.get("browser")?,
    })
}

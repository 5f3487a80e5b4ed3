//! Browsers that are signed in. A session ends at its time, after [`IDLE_MS`] without use, when somebody ends it, or
//! when its user has [`MOST`] sessions that were used later.

use std::net::IpAddr;

use crate::model::UnixMillis;
use crate::model::access::{NewSession, Session};
use crate::store::Store;
use crate::store::engine::nouns::Holds;
use crate::store::error::{Error, Result};

/// A session unused for this long ends.
const IDLE_MS: i64 = 7 * 86_400_000;
/// Uses are noted to the minute, so that a busy client costs one write a minute.
const NOTE_MS: i64 = 60_000;
/// Sessions of a user at once: far more than somebody has browsers.
const MOST: usize = 256;

impl Store {
    /// Forgets sessions that are over.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn drop_old_sessions(&self, now: UnixMillis) -> Result<()> {
        self.change(move |open| open.tx.drop_old_sessions(holds(now))).await
    }

    /// Adds a session.
    ///
    /// # Errors
    /// `NotFound` when its user is gone meanwhile, or may not sign in any more.
    pub async fn create_session(&self, new: NewSession) -> Result<Session> {
        self.change(move |open| {
            let tx = open.tx;
            tx.keep_sessions(new.user, MOST - 1)?;
            if !tx.see_user(new.user, new.at)? {
                return Err(Error::missing("user"));
            }
            tx.add_session(&new)?;
            tx.session(new.hash, holds(new.at))?.ok_or(Error::missing("session"))
        })
        .await
    }

    /// All sessions that still hold, oldest first.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn sessions(&self, now: UnixMillis) -> Result<Vec<Session>> {
        self.readers().run(move |reader| reader.ask()?.sessions(holds(now))).await
    }

    /// The session with this hash, if it still holds; using it keeps it from idling out, and tells from where it is used.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn session(&self, hash: [u8; 32], now: UnixMillis, from: Option<IpAddr>) -> Result<Option<Session>> {
        let found = self.glance(|ask| ask.session(hash, holds(now)))?;
        let Some(session) = found else { return Ok(None) };
        if now.since(session.used_at) >= NOTE_MS {
            let (from, user) = (from.map(|from| from.to_string()), session.user);
            let used = self.change(move |open| {
                open.tx.use_session(hash, now, from.as_deref())?;
                open.tx.see_user(user, now).map(drop)
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
        self.change(move |open| open.tx.delete_session(hash)).await
    }

    /// Ends one session; of `of` alone, where that is said.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn end_session(&self, id: u64, of: Option<u64>) -> Result<()> {
        self.change(move |open| if open.tx.end_session(id, of)? { Ok(()) } else { Err(Error::missing("session")) })
            .await
    }

    /// Ends all sessions but one; those of `of` alone, where that is said.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn end_sessions(&self, of: Option<u64>, but: Option<[u8; 32]>) -> Result<()> {
        self.change(move |open| open.tx.end_sessions(of, but)).await
    }
}

const fn holds(now: UnixMillis) -> Holds {
    Holds { now, idle_ms: IDLE_MS }
}

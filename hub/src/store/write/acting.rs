//! Who a change is made for: set once where somebody is let in, read where their change is written.
//!
//! A task of a request has a place for it ([`with_actor`]); whoever lets somebody in fills that ([`acts`]), and every change of
//! that task is theirs. A command says it for the whole store (`Config::actor`). What the hub does by itself (devices that join, readings,
//! deliveries) has nobody, and is not in the audit log.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use rusqlite::{Connection, named_params};

use crate::clock::Clock;
use crate::model::audit::Actor;
use crate::store::Store;
use crate::store::error::Result;

tokio::task_local! {
    static ACTING: Arc<OnceLock<Actor>>;
}

/// Runs a request, whose changes are those of whoever [`acts`] in it.
pub async fn with_actor<F: Future>(request: F) -> F::Output {
    ACTING.scope(Arc::default(), request).await
}

/// Says who acts in the present request; the first word counts.
pub fn acts(actor: Actor) {
    // A test calls without a request around.
    let _ = ACTING.try_with(|acting| acting.set(actor));
}

/// Entries that are kept: 27 a day for a year. The oldest of whoever has most give way, so that nobody pushes out what others
/// did; half a kilobyte each, as a rule.
const MOST: i64 = 10_000;
/// And for so long.
const KEPT_MS: i64 = 365 * 86_400_000;

/// Made beside the triggers that read it.
pub(in crate::store) const ACTING_TABLE: &str = "CREATE TEMP TABLE acting
    (at INTEGER NOT NULL, kind TEXT NOT NULL, who TEXT NOT NULL, address TEXT NOT NULL, since INTEGER NOT NULL)";
const BEGIN: &str = "INSERT INTO acting (at, kind, who, address, since)
    SELECT :at, :kind, :who, :address, COALESCE(MAX(id), 0) FROM audit";
const NOTE: &str = "INSERT INTO audit (at, kind, who, address, action, subject, name)
    SELECT at, kind, who, address, :action, '', :name FROM acting";
/// What one deed did to many things: the entries of each give way to one that counts them.
const EACH: &str = "DELETE FROM audit WHERE id > (SELECT since FROM acting) AND action = :action";
const ALL: &str = "INSERT INTO audit_field (entry, field, before, after)
    SELECT MAX(id), :field, NULL, :after FROM audit HAVING MAX(id) > (SELECT since FROM acting)";
/// What was written anew as it was.
const SAME: &str = "DELETE FROM audit_field WHERE entry > (SELECT since FROM acting) AND before IS after
    AND before IS NOT '(hidden)'";
const NOTHING: &str = "DELETE FROM audit WHERE id > (SELECT since FROM acting) AND action LIKE '%.changed'
    AND NOT EXISTS (SELECT 1 FROM audit_field WHERE entry = audit.id)";
const TOO_OLD: &str = "DELETE FROM audit WHERE at < :before";
const TOO_MANY: &str = "DELETE FROM audit WHERE id IN (SELECT id FROM audit
    WHERE (kind, who) = (SELECT kind, who FROM audit GROUP BY kind, who ORDER BY COUNT(*) DESC LIMIT 1)
    ORDER BY id LIMIT MAX(0, (SELECT COUNT(*) FROM audit) - :most))";
const END: &str = "DELETE FROM acting";

impl Store {
    /// Who acts at the moment, if anybody does.
    pub(super) fn actor(&self) -> Option<Actor> {
        let of_request = ACTING.try_with(|acting| acting.get().cloned()).ok().flatten();
        of_request.or_else(|| self.inner.actor.clone())
    }

    /// Puts something into the audit log that changes nothing in the store, as done by whoever acts.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn note(&self, action: &'static str, name: String) -> Result<()> {
        match self.actor() {
            Some(actor) => self.note_of(actor, action, name).await,
            None => Ok(()),
        }
    }

    /// The same, as done by `actor`.
    ///
    /// # Errors
    /// Those of any write.
    pub async fn note_of(&self, actor: Actor, action: &'static str, name: String) -> Result<()> {
        self.change_as(Some(actor), move |scope| {
            scope.conn.prepare_cached(NOTE)?.execute(named_params! { ":action": action, ":name": name })?;
            Ok(())
        })
        .await
    }
}

/// Makes one entry of what the present work did to many things: `name` says how many, `fields` which, and what else was said.
pub(in crate::store) fn one_entry(
    conn: &Connection,
    action: &str,
    name: &str,
    fields: &[(&str, Option<&str>)],
) -> Result<()> {
    conn.prepare_cached(EACH)?.execute(named_params! { ":action": action })?;
    conn.prepare_cached(NOTE)?.execute(named_params! { ":action": action, ":name": name })?;
    for (field, after) in fields {
        if after.is_some() {
            conn.prepare_cached(ALL)?.execute(named_params! { ":field": field, ":after": after })?;
        }
    }
    Ok(())
}

/// Does work that is somebody's: what it changes is in the audit log with it, or neither is.
pub(super) fn act<T>(conn: &Connection, actor: &Actor, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let now = Clock.wall();
    conn.prepare_cached(BEGIN)?.execute(named_params! {
        ":at": now.0,
        ":kind": actor.kind,
        ":who": actor.who,
        ":address": actor.address,
    })?;
    // What fails rolls back, and with it that somebody acts.
    let done = work()?;
    for end in [SAME, NOTHING] {
        conn.prepare_cached(end)?.execute([])?;
    }
    conn.prepare_cached(TOO_OLD)?.execute(named_params! { ":before": now.plus(-KEPT_MS).0 })?;
    conn.prepare_cached(TOO_MANY)?.execute(named_params! { ":most": MOST })?;
    conn.prepare_cached(END)?.execute([])?;
    Ok(done)
}

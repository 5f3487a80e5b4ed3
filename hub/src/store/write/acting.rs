//! Who makes a change, for the audit log: set once when a caller is admitted, read when the change is written.
//!
//! The task of a request has a place for it ([`with_actor`]). The code that admits a caller fills the place ([`acts`]), and every
//! change of that task counts as the caller's. A command sets it for the whole store (`Config::actor`). What the hub does by itself
//! (devices that join, readings, deliveries) has no actor, and is not in the audit log.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use crate::model::UnixMillis;
use crate::model::audit::Actor;
use crate::store::engine::transaction::Transaction;
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
const MOST: usize = 10_000;
/// And for so long.
const KEPT_MS: i64 = 365 * 86_400_000;

/// Whoever acts in the present request, if anybody does.
pub(in crate::store) fn acting() -> Option<Actor> {
    ACTING.try_with(|acting| acting.get().cloned()).ok().flatten()
}

/// Does work that is somebody's, now: what it changes is in the audit log with it, or neither is.
pub(in crate::store) fn act<T>(
    tx: &dyn Transaction,
    (actor, now): (&Actor, UnixMillis),
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    tx.begin_acting(actor, now)?;
    // What fails rolls back, and with it that somebody acts.
    let done = work()?;
    tx.end_acting(now.plus(-KEPT_MS), MOST)?;
    Ok(done)
}

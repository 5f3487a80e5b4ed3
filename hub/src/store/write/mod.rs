//! Writes: what is asked of the writer ([`inbox`]), and the writer itself.
//!
//! What a person changes goes into the audit log in the same savepoint: who they are is [`acting`]'s, what is kept of it `sqlite::trail`'s.

pub(super) mod acting;
mod apply;
pub(super) mod commit;
pub(super) mod inbox;
pub(super) mod writer;

use tokio::sync::oneshot;

use super::error::{Error, Result};
use super::handle::Store;
use crate::model::audit::Actor;
use commit::{Commit, Committed};
use inbox::{Scope, Write};

impl Store {
    /// Makes everything in `commit` durable, or nothing of it. When it returns `Ok`, a power cut cannot take it back.
    ///
    /// What belongs to a device or webhook that was deleted meanwhile is left out without an error.
    ///
    /// # Errors
    /// [`Error::Full`]: nothing applied, try again later. A fatal one: end the hub.
    pub async fn commit(&self, commit: Commit) -> Result<Committed> {
        self.write_commit(commit).await
    }

    /// Has the writer do `work` in its next group, for whoever acts; returns once that is committed.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Scope<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.change_as(self.actor(), work).await
    }

    /// The same, for `actor`.
    async fn change_as<T: Send + 'static>(
        &self,
        actor: Option<Actor>,
        work: impl FnOnce(&mut Scope<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (write, answered) = Write::change(move |scope| match actor {
            Some(actor) => acting::act(scope.tx, &actor, || work(scope)),
            None => work(scope),
        });
        self.send(write).await?;
        answered.await.map_err(|_| Error::Closed)?
    }

    /// Has the writer commit readings in its next group.
    pub(super) async fn write_commit(&self, commit: Commit) -> Result<Committed> {
        let (reply, answered) = oneshot::channel();
        self.send(Write::Group(Box::new(commit), reply)).await?;
        answered.await.map_err(|_| Error::Closed)?
    }

    async fn send(&self, write: Write) -> Result<()> {
        let inbox = self.inbox().ok_or(Error::Closed)?;
        inbox.send(write).await.map_err(|_| Error::Closed)
    }
}

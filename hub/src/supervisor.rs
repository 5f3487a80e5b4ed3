//! Named tasks that live as long as the hub, and stop together.
//!
//! There are about eight. If one of them returns early, fails or panics, the hub stops with exit code 1 and names that
//! task; systemd restarts the hub, and it continues from what is on disk. There is no restart loop inside: a hub of
//! which half works is worse than none.

use std::future::Future;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// How long all tasks together may take to end.
const DRAIN: Duration = Duration::from_secs(9);

type Finished = (&'static str, anyhow::Result<()>);

/// Starts tasks, watches them, ends them.
#[derive(Debug, Default)]
pub(crate) struct Supervisor {
    tasks: JoinSet<Finished>,
    stop: CancellationToken,
}

impl Supervisor {
    /// The token that tells the sources to stop. The rest runs dry.
    #[must_use]
    pub(crate) fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Starts a task that lives until the hub stops.
    pub(crate) fn spawn<E>(&mut self, name: &'static str, task: impl Future<Output = Result<(), E>> + Send + 'static)
    where
        E: Into<anyhow::Error> + Send + 'static,
    {
        self.tasks.spawn(async move { (name, task.await.map_err(Into::into)) });
    }

    /// Runs until `until` completes or a task ends by itself; then stops the sources and waits for everybody.
    ///
    /// # Errors
    /// The first task that ended without being asked, failed or panicked; or that the tasks did not end in time.
    pub(crate) async fn run(mut self, until: impl Future<Output = ()>) -> anyhow::Result<()> {
        let first = tokio::select! {
            () = until => Ok(()),
            Some(ended) = self.tasks.join_next() => Err(unexpected(ended)),
        };
        self.stop.cancel();
        let drained = tokio::time::timeout(DRAIN, self.drain()).await;
        let drained = drained.unwrap_or_else(|_| Err(anyhow::anyhow!("tasks still running after {DRAIN:?}")));
        first.and(drained)
    }

    async fn drain(&mut self) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        while let Some(ended) = self.tasks.join_next().await {
            match ended {
                Ok((name, Err(error))) => outcome = outcome.and(Err(error.context(format!("task {name} failed")))),
                Ok((_, Ok(()))) => {}
                Err(panic) => outcome = outcome.and(Err(panic.into())),
            }
        }
        outcome
    }
}

fn unexpected(ended: Result<Finished, JoinError>) -> anyhow::Error {
    match ended {
        Ok((name, Ok(()))) => anyhow::anyhow!("task {name} ended by itself"),
        Ok((name, Err(error))) => error.context(format!("task {name} failed")),
        Err(panic) => panic.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_fails_stops_the_others_and_is_named() {
        let mut supervisor = Supervisor::default();
        let stop = supervisor.stop();
        supervisor.spawn("watcher", async move {
            stop.cancelled().await;
            anyhow::Ok(())
        });
        supervisor.spawn("faulty", async { Err(anyhow::anyhow!("out of luck")) });
        let error = supervisor.run(std::future::pending()).await.unwrap_err();
        assert_eq!(format!("{error:#}"), "task faulty failed: out of luck");
    }

    #[tokio::test]
    async fn a_wanted_end_is_clean() {
        let mut supervisor = Supervisor::default();
        let stop = supervisor.stop();
        supervisor.spawn("watcher", async move {
            stop.cancelled().await;
            anyhow::Ok(())
        });
        assert!(supervisor.run(std::future::ready(())).await.is_ok());
    }
}

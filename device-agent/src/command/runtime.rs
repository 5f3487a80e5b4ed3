//! The runtime of a command: one thread.

use std::future::Future;

use tokio::signal::unix::{SignalKind, signal};

use super::failure::Failure;

/// Runs a future on one thread.
pub(crate) fn on_one_thread<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let runtime = runtime.map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
    let outcome = runtime.block_on(future);
    // A lookup that hangs in the resolver must not hold up the exit.
    runtime.shutdown_background();
    Ok(outcome)
}

/// Listens for SIGTERM and SIGINT from the call on, and resolves at the first. To be called inside the runtime.
pub(crate) fn stopped() -> impl Future<Output = ()> {
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async {
        let (Ok(mut term), Ok(mut int)) = signals else { return std::future::pending().await };
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    }
}

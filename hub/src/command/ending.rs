//! Waits until the process is asked to end.

use std::future::Future;

/// Listens from the call on, and resolves when the process is asked to end: a signal that comes before the future is looked
/// at counts too. To be called inside the runtime.
pub(super) fn asked_to_end() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    // The terminal was closed. Who started it by `nohup` has it go on then.
    let hangup = if ignores_hangup() { None } else { signal(SignalKind::hangup()).ok() };
    async {
        let (Ok(mut term), Ok(mut int)) = signals else { return std::future::pending().await };
        let hung_up = async {
            match hangup {
                Some(mut hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
            _ = hung_up => {}
        }
    }
}

/// Whether SIGHUP, the first signal, was ignored from the start: `SigIgn` of `proc_pid_status(5)`.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

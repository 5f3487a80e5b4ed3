//! One source at work: it is asked each time its interval is over, and one that is slow or hangs is told.

use std::time::Duration;

use super::content::Taken;
use super::outlet::Outlet;
use super::source::{ONE_WIRE_EVERY, Source};
use super::{exec, file, listen, onewire};
use crate::clock;

/// A file that takes longer than this is reported as hanging.
const HANGS: Duration = Duration::from_secs(2);
/// A file that usually takes longer than this is reported as slow.
const SLOW: Duration = Duration::from_millis(300);

/// Asks a source again and again, or hears what it says; as long as somebody listens.
pub(super) async fn work(source: Source, outlet: Outlet) {
    let every = match &source {
        Source::Listen { address, prefix, precision } => {
            return listen::listen(address, prefix, *precision, &outlet).await;
        }
        Source::OneWire(root) => return onewire::watch(root, ONE_WIRE_EVERY, &outlet).await,
        Source::File { every, .. } | Source::Exec { every, .. } => *every,
    };
    let mut due = clock::now().mono;
    let (mut usual, mut runner) = (None, exec::Runner::default());
    loop {
        let Some(taken) = await_answer(&source, &outlet, &mut usual, &mut runner).await else { return };
        if !outlet.give(taken).await {
            return;
        }
        // Rounds that were missed, because the source was slow, are skipped.
        due = (due + every).max(clock::now().mono);
        clock::sleep_until(Some(due)).await;
    }
}

/// What a source gives this time, however long that takes; meanwhile a file that gives no answer is named. `None` when nobody
/// listens any more.
async fn await_answer(
    source: &Source,
    outlet: &Outlet,
    usual: &mut Option<Duration>,
    runner: &mut exec::Runner,
) -> Option<Taken> {
    let began = clock::now().mono;
    let mut taking = std::pin::pin!(take(source, runner));
    let mut patience = HANGS;
    let Source::File { path, every, .. } = source else { return Some(taking.await) };
    let mut taken = loop {
        match tokio::time::timeout(patience, &mut taking).await {
            Ok(taken) => break taken,
            Err(_) => {
                let why = format!("{}: no answer{}", path.display(), usually(*usual, ", usually after "));
                if !outlet.give(Taken::nothing(why)).await {
                    return None;
                }
                patience = (*every).max(HANGS);
            }
        }
    };
    let took = clock::now().mono.saturating_duration_since(began);
    *usual = Some(usual.map_or(took, |usual| (usual * 3 + took) / 4));
    taken.remark = Some(usually(*usual, "slow, usually takes ")).filter(|text| !text.is_empty());
    Some(taken)
}

/// How long something usually takes, in words, if that is long.
fn usually(usual: Option<Duration>, words: &str) -> String {
    let usual = usual.filter(|usual| *usual >= SLOW);
    usual.map_or_else(String::new, |usual| format!("{words}{:.2} s", usual.as_secs_f64()))
}

/// Runs what may block on a thread of its own.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?
}

/// Measures once: what there is, and what is wrong. For sources that are asked, one at a time.
async fn take(source: &Source, runner: &mut exec::Runner) -> Taken {
    let taken = match source.clone() {
        Source::File { path, format, naming, .. } => {
            apart(move || {
                let mut taken = file::read(&path)?.numbers(&format, &naming);
                taken.trouble = taken.trouble.map(|why| format!("{}: {why}", path.display()));
                Ok(taken)
            })
            .await
        }
        Source::Exec { command, format, naming, timeout, .. } => {
            runner.output(&command, timeout).await.map(|output| output.numbers(&format, &naming))
        }
        Source::OneWire(_) | Source::Listen { .. } => Ok(Taken::default()),
    };
    taken.unwrap_or_else(Taken::nothing)
}

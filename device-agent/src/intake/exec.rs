//! What a command prints.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use super::content::{Content, text_of};
use super::{MOST_BYTES, shown};

/// Of what a command complains of, so much is told.
const MOST_SAID: usize = 160;

/// Runs a command and returns its output. One that takes too long is killed with all its children. Its numbers are to be
/// written as everywhere, whatever the language of the machine: it runs with `LC_ALL=C`.
pub(super) async fn output(command: &[String], timeout: Duration) -> Result<Content, String> {
    let (program, arguments) = command.split_first().ok_or("no command")?;
    let mut child = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    let group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let finished = tokio::time::timeout(timeout, async {
        let (stdout, stderr) = tokio::join!(content_of(stdout), content_of(stderr));
        (stdout, stderr, child.wait().await)
    });
    let Ok((stdout, stderr, status)) = finished.await else {
        return Err(format!("took longer than {} s", timeout.as_secs_f64()));
    };
    let status = status.map_err(|error| error.to_string())?;
    // A child that went on after its parent would pile up, round by round.
    drop(group);
    if status.success() {
        return Ok(stdout);
    }
    match text_of(&stderr.bytes).lines().rev().find(|line| !line.trim().is_empty()) {
        Some(why) => Err(format!("ended with {status}: {}", shown(why, MOST_SAID))),
        None => Err(format!("ended with {status}")),
    }
}

/// A process group, killed when dropped: also when the agent stops in the middle.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

async fn content_of(pipe: Option<impl AsyncRead + Unpin>) -> Content {
    let mut content = Content::default();
    if let Some(mut pipe) = pipe {
        let _ = (&mut pipe).take(MOST_BYTES as u64).read_to_end(&mut content.bytes).await;
        // What is too much is read and forgotten, so that the writer is not stuck.
        content.is_cut = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await.is_ok_and(|more| more > 0);
    }
    content
}

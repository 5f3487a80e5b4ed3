//! What a command prints.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::time::timeout_at;

use super::content::{Content, text_of};
use super::{MOST_BYTES, shown};
use crate::clock;

/// Of what a command complains of, so much is told.
const MOST_SAID: usize = 160;

/// How long the output of a command is waited for when it has ended, and what it started is ended too.
const AFTERWARDS: Duration = Duration::from_millis(200);

/// Runs a command and returns its output. One that takes too long is killed with all its children; what it leaves running
/// when it ends is killed too, and what it has written until then counts. Its numbers are to be written as everywhere,
/// whatever the language of the machine: it runs with `LC_ALL=C`.
pub(super) async fn output(command: &[String], timeout: Duration) -> Result<Content, String> {
    let deadline = (clock::mono() + timeout).into();
    let too_long = |_| format!("took longer than {} s", timeout.as_secs_f64());
    let (mut child, group) = timeout_at(deadline, start(command)).await.map_err(too_long)??;
    let (mut stdout, mut stderr) = (Content::default(), Content::default());
    let pipes = (child.stdout.take(), child.stderr.take());
    let finished = timeout_at(deadline, async {
        let read = async { tokio::join!(fill(&mut stdout, pipes.0), fill(&mut stderr, pipes.1)) };
        let (mut read, mut is_read) = (std::pin::pin!(read), false);
        let status = loop {
            tokio::select! {
                status = child.wait() => break status,
                _ = &mut read, if !is_read => is_read = true,
            }
        };
        // A child that went on after its parent would hold the pipes, and pile up, round by round.
        drop(group);
        if !is_read {
            let _ = tokio::time::timeout(AFTERWARDS, &mut read).await;
        }
        status
    });
    let status = finished.await.map_err(too_long)?.map_err(|error| error.to_string())?;
    if status.success() {
        return Ok(stdout);
    }
    match text_of(&stderr.bytes).lines().rev().find(|line| !line.trim().is_empty()) {
        Some(why) => Err(format!("ended with {status}: {}", shown(why, MOST_SAID))),
        None => Err(format!("ended with {status}")),
    }
}

/// Starts a command on a thread of its own. A child begins by closing what the agent has open, and where one of that is a file
/// whose file system does not answer any more (lxcfs, NFS, a driver), it does not get further; nor does the thread.
async fn start(command: &[String]) -> Result<(Child, Group), String> {
    /// Threads that may hang so; what keeps these keeps all others too.
    static STARTING: Semaphore = Semaphore::const_new(4);
    let permit = STARTING.acquire().await.map_err(|error| error.to_string())?;
    let command = command.to_vec();
    super::apart(move || {
        let _permit = permit;
        let (program, arguments) = command.split_first().ok_or("no command")?;
        let child = Command::new(program)
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
        Ok((child, group))
    })
    .await
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

/// Reads a pipe until its end; what came before is there if nobody waits for that.
async fn fill(content: &mut Content, pipe: Option<impl AsyncRead + Unpin>) {
    let Some(mut pipe) = pipe else { return };
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = pipe.read(&mut buffer).await {
        let room = MOST_BYTES - content.bytes.len();
        // What is too much is read and forgotten, so that the writer is not stuck.
        content.is_cut |= length > room;
        content.bytes.extend_from_slice(buffer.get(..length.min(room)).unwrap_or_default());
    }
}

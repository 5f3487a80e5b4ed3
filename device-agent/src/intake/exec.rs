//! A command as a source: readings from its output.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout_at;

use super::content::{Content, text_of};
use super::text::{MOST_BYTES, shown};
use crate::clock;

/// Characters of a command's error output that are shown.
const MOST_SAID: usize = 160;

/// How long to wait for output after a command has ended; then the processes that it started are ended too.
const AFTERWARDS: Duration = Duration::from_millis(200);

/// Runs a command again and again, one after the other.
#[derive(Debug, Default)]
pub(super) struct Runner {
    /// The last time, as far as it may not be over: what waits for a dead file system (NFS, lxcfs) does not notice that it is killed.
    last: Option<Last>,
}

#[derive(Debug)]
enum Last {
    /// The program's file gives no answer.
    Starts(JoinHandle<Result<Started, String>>),
    /// It, or what it started, began by closing the agent's files, and one gives no answer; or hangs by itself.
    Runs(Box<Running>),
}

/// A command that may run still.
#[derive(Debug)]
struct Running {
    child: Child,
    group: Group,
    pipes: (Option<ChildStdout>, Option<ChildStderr>),
}

/// A command that runs.
#[derive(Debug)]
struct Started {
    child: Child,
    group: Killing,
}

impl Runner {
    /// Runs a command and returns its output. One that takes too long is killed with all its children; what it leaves running
    /// when it ends is killed too, and what it has written until then counts. As long as one cannot be killed no other is started.
    /// Its numbers are to be written as everywhere, whatever the language of the machine: it runs with `LC_ALL=C`.
    pub(super) async fn output(&mut self, command: &[String], timeout: Duration) -> Result<Content, String> {
        let is_there = match &mut self.last {
            Some(last) => last.is_there().await,
            None => false,
        };
        if is_there {
            return Err("not started: the last one hangs and cannot be killed".to_owned());
        }
        let deadline = (clock::mono() + timeout).into();
        let too_long = || format!("took longer than {} s", timeout.as_secs_f64());
        let command = command.to_vec();
        // On a thread of its own: who starts a program waits until its file was read.
        let mut starting = spawn_blocking(move || Started::new(&command));
        let Ok(started) = timeout_at(deadline, &mut starting).await else {
            self.last = Some(Last::Starts(starting));
            return Err(too_long());
        };
        let Started { mut child, group } = started.map_err(|error| error.to_string())??;
        let (mut stdout, mut stderr) = (Content::default(), Content::default());
        let (members, mut pipes) = (group.0, (child.stdout.take(), child.stderr.take()));
        let finished = timeout_at(deadline, async {
            let read = async { tokio::join!(fill(&mut stdout, pipes.0.as_mut()), fill(&mut stderr, pipes.1.as_mut())) };
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
        let finished = finished.await;
        self.last = Some(Last::Runs(Box::new(Running { child, group: members, pipes })));
        let status = finished.map_err(|_| too_long())?.map_err(|error| error.to_string())?;
        if status.success() {
            return Ok(stdout);
        }
        match text_of(&stderr.bytes).lines().rev().find(|line| !line.trim().is_empty()) {
            Some(why) => Err(format!("ended with {status}: {}", shown(why, MOST_SAID))),
            None => Err(format!("ended with {status}")),
        }
    }
}

impl Last {
    async fn is_there(&mut self) -> bool {
        match self {
            Self::Starts(starting) => !starting.is_finished(),
            Self::Runs(running) => running.is_there().await,
        }
    }
}

impl Running {
    /// Whether it, or what it started, has not ended: as long as that is so it holds the other end of the pipes. Its state in
    /// `/proc` is not asked for, which may hang like itself.
    async fn is_there(&mut self) -> bool {
        let Self { child, group, pipes: (stdout, stderr) } = self;
        // One that was killed just now is about to go.
        if tokio::time::timeout(AFTERWARDS, child.wait()).await.is_err() {
            return true;
        }
        let (mut rest, mut said) = (Content::default(), Content::default());
        let ends = async { tokio::join!(fill(&mut rest, stdout.as_mut()), fill(&mut said, stderr.as_mut())) };
        group.is_known() && tokio::time::timeout(AFTERWARDS, ends).await.is_err()
    }
}

impl Started {
    fn new(command: &[String]) -> Result<Self, String> {
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
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        Ok(Self { child, group: Killing(Group(group)) })
    }
}

/// A process group: a command and what it started.
#[derive(Debug, Clone, Copy)]
struct Group(Option<Pid>);

/// A process group, killed when dropped: also when the agent stops in the middle.
#[derive(Debug)]
struct Killing(Group);

impl Group {
    /// Whether one of it is left, be it only until its parent asks how it ended: in many containers nobody does.
    fn is_known(self) -> bool {
        self.0.is_some_and(|group| test_kill_process_group(group).is_ok())
    }
}

impl Drop for Killing {
    fn drop(&mut self) {
        if let Some(group) = self.0.0 {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Reads a pipe until its end; what came before is there if nobody waits for that.
async fn fill(content: &mut Content, pipe: Option<&mut (impl AsyncRead + Unpin)>) {
    let Some(pipe) = pipe else { return };
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = pipe.read(&mut buffer).await {
        let room = MOST_BYTES - content.bytes.len();
        // What is too much is read and forgotten, so that the writer is not stuck.
        content.is_cut |= length > room;
        content.bytes.extend_from_slice(buffer.get(..length.min(room)).unwrap_or_default());
    }
}

//! What a running agent reports about itself: JSON on a Unix socket in the state folder, one answer a connection.
//!
//! A socket instead of a file: nothing is written to flash while nobody asks, and a stopped agent cannot leave an
//! answer behind that looks current.

use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixListener;
use wire::UnixMillis;
use wire::message::Claimed;

use crate::identity::claimed_words;
use crate::intake::Lost;
use crate::sensor::Remark;
use crate::spool::Drops;
use crate::trouble::Trouble;

/// How long each side waits for the other.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of all remarks in one answer: some thousand of them.
const MOST_REMARKS: usize = 256 << 10;

/// How a running agent is doing. A field added later has a default: the agent that runs may be older than who asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Version of the agent.
    pub version: String,
    pub id: String,
    /// The six words to compare.
    pub words: String,
    /// Name it goes by.
    pub name: String,
    /// `searching`, `handshaking`, `pending` or `streaming`.
    pub state: String,
    /// Address of the hub.
    pub hub: Option<String>,
    /// Where the hub that it belongs to was last, while it has no session with it.
    #[serde(default)]
    pub last_hub: Option<String>,
    /// Six words of that hub.
    #[serde(default)]
    pub last_hub_words: Option<String>,
    /// Six words of the hub.
    pub hub_words: Option<String>,
    /// Whether it was adopted by a hub, now or before.
    #[serde(default)]
    pub belongs: bool,
    pub boot: u32,
    pub sensors: usize,
    /// Readings taken since the start.
    pub readings_taken: u64,
    /// Readings the hub has on disk, of those sent since the start.
    pub readings_acked: u64,
    /// Readings dropped since the device's first start.
    pub readings_dropped: u64,
    /// The same, by reason.
    #[serde(default)]
    pub dropped_by: Drops,
    /// Batches that wait for an acknowledgement.
    pub spool_batches: usize,
    /// Round trip to the hub.
    pub rtt_ms: Option<f64>,
    /// The device's clock minus the hub's.
    pub clock_offset_ms: Option<i64>,
    /// How often this clock was set since the start.
    #[serde(default)]
    pub clock_steps: u32,
    /// How fast the device's clock runs away from the hub's, in parts per million; positive: it runs fast.
    #[serde(default)]
    pub clock_drift_ppm: Option<f64>,
    /// Sources that fail, and why.
    #[serde(default)]
    pub failing: Vec<Trouble>,
    /// What came to files, commands and sockets since the start and is no reading.
    #[serde(default)]
    pub lost: Vec<(String, Lost)>,
    /// What is to be known of sources that do not fail: what they leave out and why, which are slow.
    #[serde(default)]
    pub remarks: Vec<Remark>,
    /// How many remarks found no room.
    #[serde(default)]
    pub more_remarks: usize,
    /// Another machine that uses this identity.
    #[serde(default)]
    pub claimed: Option<Claim>,
}

/// Another machine that uses this identity, as the hub says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Where it is.
    pub other: String,
    /// Since when, by the hub's clock.
    pub since: UnixMillis,
    /// Whether the hub goes on with this machine; else it takes nothing from it.
    pub goes_on: bool,
    /// What that means and what to do.
    pub hint: String,
}

impl Claim {
    /// What the hub said, with what to do about it.
    #[must_use]
    pub fn new(told: &Claimed, folder: &Path) -> Self {
        let hint = claimed_words(&told.other, told.goes_on, &folder.display().to_string());
        Self { other: told.other.clone(), since: told.since, goes_on: told.goes_on, hint }
    }

    /// The first thing to know of a machine whose readings the hub refuses.
    #[must_use]
    pub fn refusal(&self) -> String {
        let other = &self.other;
        format!("another machine at {other} uses this identity, and the hub stores nothing that this one measures")
    }
}

/// Where the socket lies.
#[must_use]
pub fn socket_in(folder: &Path) -> PathBuf {
    folder.join("status.sock")
}

/// Listens for questions; the agent holds the folder's lock, so a socket left behind is nobody's.
///
/// # Errors
/// Whatever the operating system says.
pub fn listen(folder: &Path) -> io::Result<UnixListener> {
    let path = socket_in(folder);
    if path.exists() {
        std::fs::remove_file(&path)?;
    }
    UnixListener::bind(path)
}

/// Answers one question; who does not read is not waited for long.
pub async fn answer(mut stream: tokio::net::UnixStream, report: Report) {
    if let Ok(text) = serde_json::to_vec(&report) {
        let _ = tokio::time::timeout(PATIENCE, stream.write_all(&text)).await;
    }
}

/// The first of what is to be known, as far as an answer has room, and how many more there are.
pub fn fitting<'a>(remarks: impl Iterator<Item = &'a Remark>) -> (Vec<Remark>, usize) {
    let (mut fits, mut more, mut room) = (Vec::new(), 0, MOST_REMARKS);
    for remark in remarks {
        match room.checked_sub(remark.source.len() + remark.text.len()) {
            Some(left) if more == 0 => {
                room = left;
                fits.push(remark.clone());
            }
            _ => more += 1,
        }
    }
    (fits, more)
}

/// Asks the agent that runs on a state folder.
///
/// # Errors
/// None runs, or it does not answer.
pub fn ask(folder: &Path) -> io::Result<Report> {
    let mut stream = UnixStream::connect(socket_in(folder))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut text = Vec::new();
    stream.read_to_end(&mut text)?;
    serde_json::from_slice(&text).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_of_any_length_arrives_whole_and_says_what_is_not_in_it() {
        let remark = |n: usize| Remark {
            source: format!("temp.chip.{n:04}"),
            text: "left out: 3892314 Cel cannot be".to_owned(),
            since: UnixMillis(1_770_000_000_000),
        };
        let all: Vec<Remark> = (0..10_000).map(remark).collect();
        assert_eq!(fitting(all.iter().take(3_000)), (all[..3_000].to_vec(), 0));
        let (remarks, more_remarks) = fitting(all.iter());
        assert!(more_remarks > 0 && remarks.len() + more_remarks == all.len());
        let report = serde_json::json!({
            "version": "1", "id": "a", "words": "b", "name": "c", "state": "searching", "boot": 1, "sensors": 0,
            "readings_taken": 0, "readings_acked": 0, "readings_dropped": 0, "spool_batches": 0,
        });
        let report: Report = serde_json::from_value(report).unwrap();
        let report = Report { remarks, more_remarks, ..report };
        let folder = tempfile::tempdir().unwrap();
        let listener = listen(folder.path()).unwrap();
        let path = folder.path().to_owned();
        let asked = tokio::task::spawn_blocking(move || ask(&path));
        answer(listener.accept().await.unwrap().0, report.clone()).await;
        assert_eq!(asked.await.unwrap().unwrap(), report);
    }
}

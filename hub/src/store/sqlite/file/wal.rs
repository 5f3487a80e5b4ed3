//! The write-ahead log as it lies on disk at a start: whole, torn by a power cut, or damaged.
//!
//! ```text
//!   header │ frame frame COMMIT │ frame COMMIT │ ##### COMMIT │ frame COMMIT │ frames of an older log
//!          └─ what SQLite believes: each sum goes on from the one before ─┘   └─ behind the first that does not hold
//! ```
//!
//! SQLite ends the log at the first frame whose sum does not hold, and takes it for the end that a power cut left. But a
//! commit is synced before the next one begins: **a power cut leaves at most one commit behind that end. Two of them say that
//! the log was damaged**, and that acknowledged readings lie in it. Each frame keeps the sum up to itself, so those behind the
//! damage can still be told from garbage: [`look`] sums the log anew, and SQLite reads on to its last commit. The page that was
//! damaged stays damaged, so the database is set aside as ever, and `recover` brings back what its rows' own sums believe.
//!
//! What cannot be told: damage in the last commit of a log or the one before, or an end that was cut off, look like a power
//! cut.

#[cfg(test)]
mod tests;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::damage;
use super::{FILE, beside_file};
use crate::durable;
use crate::model::UnixMillis;
use crate::store::cap::PAGE;
use crate::store::error::{Error, Result};

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// The first four bytes of a log; one more says that its sums are of big-endian words.
const MAGIC: u32 = 0x377f_0682;
const VERSION: u32 = 3_007_000;

/// How the log of a database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Log {
    /// Nothing of it lies behind its end.
    Whole,
    /// A transaction that was being written lies behind its end.
    Torn {
        /// Whether its commit is there. Then it may as well be damage in the last one.
        commit: bool,
    },
    /// It was damaged and is mended; the database has to be set aside.
    Mended,
}

/// Looks at the log of a directory's database before SQLite does, and mends it if it was damaged; says so in the note that
/// has the database set aside. The damaged log is kept as `telemetry.db-wal.damaged`.
///
/// A command that writes beside a hub that is just starting could lose its write to the mending: it asks again.
pub(in crate::store) fn look(dir: &Path, now: UnixMillis) -> Result<Log> {
    let path = beside_file(&dir.join(FILE), "-wal");
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Log::Whole),
        Err(source) => return Err(Error::File { path, source }),
    };
    let Some(frames) = Frames::of(&bytes) else { return Ok(Log::Whole) };
    match frames.behind() {
        Behind { commits: 0, frames: 0, .. } => Ok(Log::Whole),
        Behind { commits: commit @ (0 | 1), .. } => Ok(Log::Torn { commit: commit == 1 }),
        Behind { commits, .. } => {
            let why = format!(
                "its write-ahead log is damaged after {} pages: {commits} commits follow, which a power cut does not leave",
                frames.end
            );
            tracing::error!(
                "{why}. The log is repaired, and a copy of it as it was is kept in {}",
                kept(&path).display()
            );
            let mended = frames.mended();
            // The note before the log: a log that is mended looks whole, and only the note still knows.
            let mend = keep(&path).and_then(|()| {
                damage::note(dir, now, &why).map_err(std::io::Error::other)?;
                durable::replace(&path, &mended)
            });
            mend.map_err(|source| Error::File { path: path.clone(), source })?;
            Ok(Log::Mended)
        }
    }
}

/// Keeps a log that is about to be replaced under another name; that takes no room where the file system has links.
fn keep(log: &Path) -> std::io::Result<()> {
    match fs::remove_file(kept(log)) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::hard_link(log, kept(log)).or_else(|_| fs::copy(log, kept(log)).map(drop))
}

/// Where a damaged log is kept.
fn kept(log: &Path) -> PathBuf {
    beside_file(log, ".damaged")
}

/// Begins the log anew where a torn transaction lies behind its end: else that could be taken for damage after the next
/// power cut.
pub(in crate::store) fn forget_torn(conn: &Connection, log: Log) -> Result<()> {
    let Log::Torn { commit } = log else { return Ok(()) };
    if commit {
        tracing::warn!(
            "a commit at the end of the write-ahead log is incomplete. After a power cut that is normal: it was never \
             acknowledged. Otherwise the disk has damaged it, or the commit before it"
        );
    }
    // Not RESTART: of a log of which nothing is believed it would leave the torn frames as they are.
    let busy: i64 = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy != 0 {
        tracing::warn!("the incomplete end of the write-ahead log stays: another process reads the database");
    }
    Ok(())
}

/// The frames of a log.
struct Frames<'a> {
    header: &'a [u8],
    all: Vec<Frame<'a>>,
    big_endian: bool,
    salts: &'a [u8],
    /// Frames up to the last commit that SQLite believes.
    end: usize,
}

struct Frame<'a> {
    bytes: &'a [u8],
    /// Of this log, not left from an older one.
    ours: bool,
    /// Its sum goes on from the one that the frame before it keeps.
    sound: bool,
}

/// What lies behind the end.
struct Behind {
    frames: usize,
    commits: usize,
}

impl Frame<'_> {
    fn is_commit(&self) -> bool {
        self.sound && self.bytes.get(4..8) != Some(&[0; 4])
    }
}

impl<'a> Frames<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let (header, rest) = bytes.split_at_checked(HEADER)?;
        let magic = word(header, 0)?;
        let big_endian = if magic & !1 == MAGIC { magic & 1 == 1 } else { cfg!(target_endian = "big") };
        let header_holds = magic & !1 == MAGIC && sum(big_endian, [0, 0], &header[..24]) == pair(header, 24)?;
        let size = if header_holds { word(header, 8)? as usize } else { usize::try_from(PAGE).ok()? };
        let chunks = rest.chunks_exact(FRAME_HEADER + size);
        // A header that was damaged does not say whose frames these are; the first of them does.
        let salts = if header_holds { header.get(16..24)? } else { chunks.clone().next()?.get(8..16)? };
        let mut before = pair(header, 24)?;
        let mut all: Vec<Frame<'_>> = Vec::with_capacity(chunks.len());
        for frame in chunks {
            let ours = frame.get(8..16) == Some(salts);
            let keeps = pair(frame, 16)?;
            let sound = ours && sum(big_endian, sum(big_endian, before, &frame[..8]), &frame[FRAME_HEADER..]) == keeps;
            all.push(Frame { bytes: frame, ours, sound });
            before = keeps;
        }
        let believed = if header_holds { all.iter().take_while(|frame| frame.sound).count() } else { 0 };
        let end = all.iter().take(believed).rposition(Frame::is_commit).map_or(0, |last| last + 1);
        Some(Self { header, all, big_endian, salts, end })
    }

    fn behind(&self) -> Behind {
        let behind = || self.all.iter().skip(self.end);
        Behind {
            frames: behind().filter(|frame| frame.ours).count(),
            commits: behind().filter(|frame| frame.is_commit()).count(),
        }
    }

    /// The log up to its last commit, summed anew. Of frames that do not hold the page is taken for what it says, their
    /// commit is not; those whose page number cannot be are left out.
    fn mended(&self) -> Vec<u8> {
        let last = self.all.iter().rposition(Frame::is_commit).map_or(0, |last| last + 1);
        let kept = self.all.get(..last).unwrap_or_default();
        let commits = kept.iter().filter(|frame| frame.is_commit());
        let most = commits.filter_map(|frame| word(frame.bytes, 4)).max().unwrap_or(0);
        let magic = if self.big_endian { MAGIC | 1 } else { MAGIC };
        let size = kept.first().map_or(0, |frame| frame.bytes.len() - FRAME_HEADER);
        let mut out = Vec::with_capacity(HEADER + last * (FRAME_HEADER + size));
        for number in [magic, VERSION, size as u32] {
            out.extend(number.to_be_bytes());
        }
        out.extend(self.header.get(12..16).unwrap_or_default());
        out.extend(self.salts);
        let mut running = sum(self.big_endian, [0, 0], &out);
        out.extend(running.iter().flat_map(|half| half.to_be_bytes()));
        for frame in kept {
            let (Some(page), Some(pages)) = (word(frame.bytes, 0), word(frame.bytes, 4)) else { continue };
            if !frame.sound && !(1..=most).contains(&page) {
                continue;
            }
            let pages = if frame.sound { pages } else { 0 };
            let head = [page.to_be_bytes(), pages.to_be_bytes()].concat();
            let content = &frame.bytes[FRAME_HEADER..];
            running = sum(self.big_endian, sum(self.big_endian, running, &head), content);
            out.extend(head);
            out.extend(self.salts);
            out.extend(running.iter().flat_map(|half| half.to_be_bytes()));
            out.extend(content);
        }
        out
    }
}

/// SQLite's sum over pairs of words, going on from `before`.
fn sum(big_endian: bool, before: [u32; 2], bytes: &[u8]) -> [u32; 2] {
    let [mut one, mut two] = before;
    let (words, _) = bytes.as_chunks::<8>();
    for &[a, b, c, d, e, f, g, h] in words {
        let read = |word| if big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) };
        one = one.wrapping_add(read([a, b, c, d])).wrapping_add(two);
        two = two.wrapping_add(read([e, f, g, h])).wrapping_add(one);
    }
    [one, two]
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.first_chunk().map(|word| u32::from_be_bytes(*word))
}

fn pair(bytes: &[u8], at: usize) -> Option<[u32; 2]> {
    Some([word(bytes, at)?, word(bytes, at + 4)?])
}

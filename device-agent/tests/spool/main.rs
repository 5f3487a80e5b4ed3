//! The spool on a real disk: what it gives back after a crash, and how it counts what it gives up.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test")]

mod losses;
mod recovery;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use device_agent::clock;
use device_agent::spool::{Limits, Spool};
use wire::{BatchSeq, Epoch, Lane};

pub(crate) const WEEK: Duration = Duration::from_secs(7 * 86_400);

pub(crate) fn now() -> Instant {
    clock::now().mono
}

pub(crate) fn body_of(seq: BatchSeq) -> Vec<u8> {
    (0..20 + seq.0 as u8 * 3).map(|byte| byte ^ seq.0 as u8).collect()
}

pub(crate) fn open(folder: &Path, epoch: u32) -> (Spool, device_agent::spool::Recovery) {
    Spool::open(folder, Epoch(epoch), Limits::default(), now()).unwrap()
}

pub(crate) fn append(spool: &mut Spool, batches: u64, at: Instant) {
    for _ in 0..batches {
        let seq = BatchSeq(spool.len() as u64);
        spool.append(body_of(seq), 3, 2, Lane::Live, at);
    }
}

pub(crate) fn append_large(spool: &mut Spool, batches: u64, at: Instant) {
    for _ in 0..batches {
        spool.append(vec![7; 1000], 3, 2, Lane::Live, at);
    }
}

/// A folder in which the spool of epoch 1 left so many batches.
pub(crate) fn spilled(batches: u64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(folder.path(), 1);
    append(&mut spool, batches, now());
    spool.flush().unwrap();
    folder
}

/// Puts something in a segment's place that no read gets through, whoever reads.
pub(crate) fn unreadable(path: &Path) {
    fs::remove_file(path).unwrap();
    fs::create_dir(path).unwrap();
}

/// The segments in a folder, oldest first.
pub(crate) fn segments(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut segments: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|is| is == "seg")).collect();
    segments.sort();
    segments
}

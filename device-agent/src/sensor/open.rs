//! A small file that stays open between two reads: the kernel fills it anew when it is read from its start, so a reading costs one
//! system call.
//!
//! A file that was removed or replaced has to be opened again. A file of `/sys` shows that by its error, and files of `/proc` stay.
//! For other files the folder is looked at, once a round for all files in it. If the folder is not watched (a file further below),
//! or a link leads elsewhere, the file itself is looked at for each read.

#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

use crate::clock;

/// Files kept open at most, by the whole process; further ones are opened for each read.
const MOST_KEPT: usize = 512;
/// A line of a stream that is longer is none.
const LONGEST_LINE: usize = 4_096;
/// Magic numbers of the file systems `/sys` and `/proc`.
const SYSFS: u64 = 0x6265_6572;
const PROC: u64 = 0x9fa0;

static KEPT: AtomicUsize = AtomicUsize::new(0);

/// An open file.
#[derive(Debug)]
pub(super) struct Open {
    file: File,
    kind: Kind,
    watch: Option<Arc<Watch>>,
    /// How its folder was when its name still led to it; 0 if that was not looked at.
    seen: u64,
    /// What came by a stream of a line that has not ended.
    begun: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Of `/sys`: it comes whole, and says so when its device is gone.
    Attribute,
    /// Of `/proc`: it comes in pieces.
    Table,
    /// Of a disk: it may have been replaced.
    Plain,
    /// Something that is written to when it pleases.
    Stream,
}

/// A folder, looked at once a round for all who read in it.
#[derive(Debug)]
pub(super) struct Watch {
    folder: PathBuf,
    /// The folder, once somebody had to look at it.
    open: OnceLock<Option<OwnedFd>>,
    /// Counts the rounds.
    rounds: Arc<AtomicU64>,
    /// The round in which it was looked at last.
    looked: AtomicU64,
    /// How it was then: changes with the names in it. Odd as long as it may change unseen: the kernel's time goes on by ticks of up
    /// to 10 ms, and what happens within the tick of the last change has the same time.
    print: AtomicU64,
}

impl Watch {
    /// A folder that has not been looked at; `rounds` counts the rounds.
    pub(super) fn new(folder: PathBuf, rounds: &Arc<AtomicU64>) -> Arc<Self> {
        let (looked, print) = (AtomicU64::new(u64::MAX), AtomicU64::new(0));
        Arc::new(Self { folder, open: OnceLock::new(), rounds: Arc::clone(rounds), looked, print })
    }

    fn look(&self) -> u64 {
        let round = self.rounds.load(Ordering::Relaxed);
        // Only one of several looks; who comes beside it goes by the look before, this once.
        if self.looked.load(Ordering::Relaxed) != round && self.looked.swap(round, Ordering::Relaxed) != round {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let open = || rustix::fs::open(&self.folder, flags, Mode::empty()).ok();
            let about = self.open.get_or_init(open).as_ref().and_then(|folder| rustix::fs::fstat(folder).ok());
            let print = about.map_or(round, |about| {
                let mut hasher = DefaultHasher::new();
                (about.st_ctime, about.st_ctime_nsec).hash(&mut hasher);
                hasher.finish()
            });
            self.print.store(next_print(self.print.load(Ordering::Relaxed), print), Ordering::Relaxed);
        }
        self.print.load(Ordering::Relaxed)
    }
}

/// What follows `before` where a folder is found at `now`: only who finds it a second time may go by that.
const fn next_print(before: u64, now: u64) -> u64 {
    let (is_new, now) = (before | 1 != now | 1, now & !1);
    if is_new { now | 1 } else { now }
}

impl Open {
    /// Opens a file without waiting for it.
    pub(super) fn new(path: &Path, watch: Option<&Arc<Watch>>) -> io::Result<Self> {
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let open = |flags: OFlags| {
            OpenOptions::new().read(true).custom_flags(i32::try_from(flags.bits()).unwrap_or(0)).open(path)
        };
        // That it was read need not be written down, where the file is ours to say so.
        let file = match open(flags | OFlags::NOATIME) {
            Err(error) if Errno::from_io_error(&error) == Some(Errno::PERM) => open(flags)?,
            file => file?,
        };
        let kind = file.metadata()?.file_type();
        let kind = if kind.is_fifo() || kind.is_char_device() || kind.is_socket() {
            Kind::Stream
        } else {
            match rustix::fs::fstatfs(&file).map(|about| u64::try_from(about.f_type).unwrap_or(0)) {
                Ok(SYSFS) => Kind::Attribute,
                Ok(PROC) => Kind::Table,
                _ => Kind::Plain,
            }
        };
        // Where a link leads, and what happens further below, the folder does not say.
        let watched = matches!(kind, Kind::Plain | Kind::Stream) && !path.is_symlink();
        let watch = watch.filter(|watch| watched && path.parent() == Some(&watch.folder));
        KEPT.fetch_add(1, Ordering::Relaxed);
        Ok(Self { file, kind, watch: watch.cloned(), seen: 0, begun: Vec::new() })
    }

    /// Whether it has to be waited for.
    pub(super) fn is_stream(&self) -> bool {
        self.kind == Kind::Stream
    }

    /// Whether a line has begun in it that has not ended.
    pub(super) fn has_begun(&self) -> bool {
        !self.begun.is_empty()
    }

    /// Whether the name it was opened by leads to another file by now.
    pub(super) fn is_replaced(&mut self) -> bool {
        if !matches!(self.kind, Kind::Plain | Kind::Stream) {
            return false;
        }
        let seen = self.watch.as_ref().map(|watch| watch.look());
        if seen == Some(self.seen) {
            return false;
        }
        let is_there = rustix::fs::fstat(&self.file).is_ok_and(|about| about.st_nlink > 0);
        if let Some(seen) = seen.filter(|_| is_there) {
            self.seen = seen;
        }
        !is_there
    }

    /// Reads it from its start, or the whole lines that came by a stream: how many bytes, and whether they came so; nothing if it
    /// has to be waited for.
    pub(super) fn read(&mut self, into: &mut [u8], wait: Duration) -> io::Result<Option<(usize, bool)>> {
        if self.kind == Kind::Stream {
            return Ok(self.listen(into, wait)?.map(|length| (length, true)));
        }
        let mut length = 0;
        while let Some(rest) = into.get_mut(length..).filter(|rest| !rest.is_empty()) {
            let room = rest.len();
            let read = rustix::io::pread(&self.file, rest, length as u64)?;
            length += read;
            // Less than there was room for is the end, but not in `/proc`, which gives whole lines.
            if read == 0 || (self.kind != Kind::Table && read < room) {
                break;
            }
        }
        Ok(Some((length, false)))
    }

    /// The whole lines that have been written to a stream, the last of them if there is no room for all; nothing if there are
    /// none, for as long as `wait`. A line that has begun is half of a number: it ends when its end is written, or nobody has the
    /// stream open for writing any more.
    fn listen(&mut self, into: &mut [u8], wait: Duration) -> io::Result<Option<usize>> {
        let until = clock::mono() + wait;
        loop {
            let left = until.saturating_duration_since(clock::mono());
            let left =
                Timespec { tv_sec: i64::try_from(left.as_secs()).unwrap_or(0), tv_nsec: left.subsec_nanos().into() };
            if poll(&mut [PollFd::new(&self.file, PollFlags::IN)], Some(&left))? == 0 {
                return Ok(None);
            }
            let has_ended = self.take_in()?;
            let whole = self.begun.iter().rposition(|byte| *byte == b'\n').map(|end| end + 1);
            let is_all = has_ended || (whole.is_none() && self.begun.len() >= LONGEST_LINE);
            let whole = if is_all { self.begun.len() } else { whole.unwrap_or(0) };
            if whole > 0 || has_ended {
                let rest = self.begun.split_off(whole);
                let lines = std::mem::replace(&mut self.begun, rest);
                let length = lines.len().min(into.len());
                let last = lines.get(lines.len() - length..).unwrap_or_default();
                into.get_mut(..length).unwrap_or_default().copy_from_slice(last);
                return Ok((length > 0).then_some(length));
            }
        }
    }

    /// Takes in what waits in a stream; says whether nobody writes to it any more.
    fn take_in(&mut self) -> io::Result<bool> {
        let mut piece = [0; LONGEST_LINE];
        // As much as a pipe holds, for one that writes without end.
        for _ in 0..16 {
            match rustix::io::read(&self.file, &mut piece) {
                Ok(0) => return Ok(true),
                Err(Errno::AGAIN) => break,
                Ok(read) => self.begun.extend_from_slice(piece.get(..read).unwrap_or_default()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        KEPT.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether so many files are open that none is to stay open.
pub(super) fn is_crowded() -> bool {
    KEPT.load(Ordering::Relaxed) > most_kept()
}

/// Half of the files this process may have open, at most [`MOST_KEPT`].
fn most_kept() -> usize {
    static MOST: OnceLock<usize> = OnceLock::new();
    *MOST.get_or_init(|| {
        let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        usize::try_from(allowed / 2).unwrap_or(MOST_KEPT).min(MOST_KEPT)
    })
}

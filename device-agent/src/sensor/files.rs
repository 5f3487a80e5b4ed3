//! Small files of `/proc` and `/sys` that are read again and again.
//!
//! A file stays open between two reads: the kernel fills it anew when it is read from its start, so that a reading costs one
//! call. One that was taken away or replaced is opened again. Opening never waits, and a file that has to be waited for (a
//! pipe, a terminal) is waited for as long as [`Files::allow`] says. A driver that sleeps cannot be hurried from here: for
//! that there is [`crate::crew`].

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

use super::Error;

/// Files kept open at most, by the whole process; further ones are opened for each read.
const MOST_KEPT: usize = 512;
/// Longest text taken from a file: a mount table of thousands of lines.
const LONGEST: usize = 1 << 20;
/// Longest number with everything around it.
const LONGEST_NUMBER: usize = 128;
/// Magic numbers of the file systems `/sys` and `/proc`.
const SYSFS: u64 = 0x6265_6572;
const PROC: u64 = 0x9fa0;

static KEPT: AtomicUsize = AtomicUsize::new(0);

/// How drivers say that there is nothing to measure: no such device, no data, asleep, ask again. Anything else that goes
/// wrong (a bus that does not answer, a cable) is an error.
const NOTHING: [Errno; 7] =
    [Errno::NODEV, Errno::NXIO, Errno::NODATA, Errno::OPNOTSUPP, Errno::INVAL, Errno::AGAIN, Errno::PERM];

/// What a small file of a driver's holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Content {
    /// A finite number.
    Number(f64),
    /// The driver has nothing to say now, or never has: many files in `/sys` are there without hardware behind them.
    Nothing,
    /// There is no such file.
    NoFile,
}

/// The files below one folder that somebody reads.
#[derive(Debug)]
pub(crate) struct Files {
    root: PathBuf,
    folder: PathBuf,
    kept: Vec<Kept>,
    /// Names that were not there; asked for again after [`Files::refresh`].
    missing: BTreeSet<String>,
    wait: Duration,
    wants_time: bool,
}

#[derive(Debug)]
struct Kept {
    name: String,
    open: Option<Open>,
    /// Nothing came of a wait: it is not waited for again before something has come.
    silent: bool,
}

#[derive(Debug)]
struct Open {
    file: File,
    kind: Kind,
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

impl Files {
    /// The files in `folder`, a path below `root`.
    pub(crate) fn new(root: &Path, folder: &str) -> Self {
        Self {
            root: root.to_owned(),
            folder: root.join(folder),
            kept: Vec::new(),
            missing: BTreeSet::new(),
            wait: Duration::ZERO,
            wants_time: false,
        }
    }

    /// How long a file may be waited for from here on.
    pub(crate) fn allow(&mut self, wait: Duration) {
        (self.wait, self.wants_time) = (wait, false);
    }

    /// Whether, since [`Files::allow`], a file had nothing at once and might have with more time.
    pub(crate) fn wants_time(&self) -> bool {
        self.wants_time
    }

    /// Does not wait again for what had nothing just now, before something has come.
    pub(crate) fn give_up(&mut self) {
        for kept in &mut self.kept {
            kept.silent |= kept.open.as_ref().is_some_and(|open| open.kind == Kind::Stream);
        }
    }

    /// Looks again for files that were not there.
    pub(crate) fn refresh(&mut self) {
        self.missing.clear();
    }

    /// Whether there is a file of this name, as far as the folder says.
    pub(crate) fn exists(&self, name: &str) -> bool {
        self.folder.join(name).symlink_metadata().is_ok()
    }

    /// Where the files are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file as it is called on the machine, whatever folder stands for its `/`.
    pub(crate) fn named(&self, name: &str) -> PathBuf {
        shown(&self.root, &self.folder.join(name))
    }

    /// The number in a file.
    pub(crate) fn number(&mut self, name: &str) -> Result<Content, Error> {
        let mut buffer = [0; LONGEST_NUMBER];
        let (length, stream) = match self.fetch(name, &mut buffer) {
            Ok(Some(read)) => read,
            Ok(None) => return Err(Error::NoAnswer(self.named(name))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Content::NoFile),
            Err(error) if Errno::from_io_error(&error).is_some_and(|errno| NOTHING.contains(&errno)) => {
                return Ok(Content::Nothing);
            }
            Err(error) => return Err(Error::Read { path: self.named(name), why: error.to_string() }),
        };
        let text = std::str::from_utf8(buffer.get(..length).unwrap_or_default()).unwrap_or_default().trim();
        // What was written to a pipe one after the other: the last is how it is.
        let text = if stream { text.lines().next_back().unwrap_or_default().trim() } else { text };
        let value = text.parse().ok().filter(|value: &f64| value.is_finite());
        value.map(Content::Number).ok_or_else(|| Error::Format(self.named(name)))
    }

    /// The text in a file.
    pub(crate) fn text(&mut self, name: &str) -> Result<String, Error> {
        let mut text = Vec::new();
        let mut buffer = vec![0; 4096];
        loop {
            match self.fetch(name, &mut buffer) {
                // The whole file was in it, or it is a pipe, which has no start to read from again.
                Ok(Some((length, stream))) if length < buffer.len() || buffer.len() >= LONGEST || stream => {
                    text.extend_from_slice(buffer.get(..length).unwrap_or_default());
                    return Ok(String::from_utf8_lossy(&text).into_owned());
                }
                Ok(Some(_)) => buffer.resize(buffer.len() * 4, 0),
                Ok(None) => return Err(Error::NoAnswer(self.named(name))),
                Err(error) => return Err(Error::Read { path: self.named(name), why: error.to_string() }),
            }
        }
    }

    /// The text in a file without what is around it; nothing if there is none, or it says nothing.
    pub(crate) fn word(&mut self, name: &str) -> Result<Option<String>, Error> {
        match self.text(name) {
            Ok(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Err(error @ Error::NoAnswer(_)) => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// Reads a file from its start: how many bytes, and whether they came by a stream; nothing if it has to be waited for.
    fn fetch(&mut self, name: &str, into: &mut [u8]) -> io::Result<Option<(usize, bool)>> {
        if self.missing.contains(name) {
            return Err(Errno::NOENT.into());
        }
        let at = match self.kept.iter().position(|kept| kept.name == name) {
            Some(at) => at,
            None => {
                self.kept.push(Kept { name: name.to_owned(), open: None, silent: false });
                self.kept.len() - 1
            }
        };
        let Some(kept) = self.kept.get_mut(at) else { return Ok(None) };
        let path = self.folder.join(name);
        let wait = if kept.silent { Duration::ZERO } else { self.wait };
        let read = kept.read(&path, into, wait);
        match &read {
            Ok(Some(_)) => kept.silent = false,
            Ok(None) if kept.silent => {}
            Ok(None) if self.wait.is_zero() => self.wants_time = true,
            Ok(None) => kept.silent = true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.kept.swap_remove(at);
                self.missing.insert(name.to_owned());
            }
            Err(_) => kept.open = None,
        }
        read
    }
}

impl Kept {
    fn read(&mut self, path: &Path, into: &mut [u8], wait: Duration) -> io::Result<Option<(usize, bool)>> {
        if let Some(open) = self.open.as_ref().filter(|open| !open.is_replaced()) {
            match open.read(into, wait) {
                // The device behind it is gone; perhaps another is there by now.
                Err(error)
                    if matches!(Errno::from_io_error(&error), Some(Errno::NODEV | Errno::NOENT | Errno::STALE)) => {}
                read => return Ok(self.after(read?)),
            }
        }
        self.open = None;
        let open = Open::new(path)?;
        let read = open.read(into, wait);
        self.open = Some(open);
        Ok(self.after(read?))
    }

    /// Closes what need not stay open.
    fn after(&mut self, read: Option<(usize, bool)>) -> Option<(usize, bool)> {
        // A pipe that answered is asked anew by opening it anew; while it is silent somebody has to hold its other end.
        let spent = matches!(read, Some((_, true)));
        let crowded = self.open.as_ref().is_some_and(|open| open.kind != Kind::Stream)
            && KEPT.load(Ordering::Relaxed) > most_kept();
        if spent || crowded {
            self.open = None;
        }
        read
    }
}

impl Open {
    fn new(path: &Path) -> io::Result<Self> {
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = OpenOptions::new().read(true).custom_flags(i32::try_from(flags.bits()).unwrap_or(0)).open(path)?;
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
        KEPT.fetch_add(1, Ordering::Relaxed);
        Ok(Self { file, kind })
    }

    /// Whether the name it was opened by leads to another file by now.
    fn is_replaced(&self) -> bool {
        matches!(self.kind, Kind::Plain | Kind::Stream) && !self.file.metadata().is_ok_and(|about| about.nlink() > 0)
    }

    fn read(&self, into: &mut [u8], wait: Duration) -> io::Result<Option<(usize, bool)>> {
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

    /// What has been written to a stream; nothing if that is nothing, for as long as `wait`.
    fn listen(&self, into: &mut [u8], wait: Duration) -> io::Result<Option<usize>> {
        let wait =
            Timespec { tv_sec: i64::try_from(wait.as_secs()).unwrap_or(0), tv_nsec: i64::from(wait.subsec_nanos()) };
        let mut polled = [PollFd::new(&self.file, PollFlags::IN)];
        if poll(&mut polled, Some(&wait))? == 0 {
            return Ok(None);
        }
        let mut length = 0;
        while let Some(rest) = into.get_mut(length..).filter(|rest| !rest.is_empty()) {
            match rustix::io::read(&self.file, rest) {
                Ok(0) | Err(Errno::AGAIN) => break,
                Ok(read) => length += read,
                Err(error) => return Err(error.into()),
            }
        }
        Ok((length > 0).then_some(length))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        KEPT.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Half of the files this process may have open, at most [`MOST_KEPT`].
fn most_kept() -> usize {
    static MOST: OnceLock<usize> = OnceLock::new();
    *MOST.get_or_init(|| {
        let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        usize::try_from(allowed / 2).unwrap_or(MOST_KEPT).min(MOST_KEPT)
    })
}

/// A path as it is called on the machine whose `/` is `root`.
pub(crate) fn shown(root: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(root).map_or_else(|_| path.to_owned(), |rest| Path::new("/").join(rest))
}

/// The names in a folder and what tells a file from its successor of the same name; none if there is no such folder.
pub(crate) fn entries(folder: &Path) -> Vec<(String, u64)> {
    use std::os::unix::fs::DirEntryExt as _;
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut found: Vec<_> =
        entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.ino()))).collect();
    found.sort_unstable();
    found
}

//! Reads small files of `/proc` and `/sys` again and again.
//!
//! A file stays open between two reads, see [`super::open`]. A file that was removed or replaced is opened again; if its folder may
//! belong to another device by then, that is checked first, see [`super::proof`]. Opening never waits. Reading a pipe or a terminal
//! waits for as long as [`Files::allow`] says. A driver that hangs cannot be interrupted: that is why reads run on
//! [`crate::crew`].

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::fs::{Mode, OFlags, RawDir};
use rustix::io::Errno;

use super::Error;
use super::number::{LONGEST_NUMBER, number_in};
use super::open::{Open, Watch, is_crowded};
use super::proof::Proof;

/// Longest text taken from a file: a mount table of thousands of lines.
const LONGEST: usize = 1 << 20;

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
    Nothing(Errno),
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
    /// Shared with others who read in the same folder.
    watch: Option<Arc<Watch>>,
    /// Where the folder is one of a device that the kernel counts.
    proof: Option<Proof>,
    spot: Arc<Spot>,
    /// A text that is there and could not be read.
    unread: Option<Error>,
}

/// The file that is being read, for those who ask meanwhile: of a device with many files, the one that hangs has a name.
#[derive(Debug)]
pub(super) struct Spot {
    /// Where its folder is on the machine.
    folder: PathBuf,
    /// Empty while none is read.
    name: Mutex<String>,
}

impl Spot {
    /// The file, as it is called on the machine.
    pub(super) fn file(&self) -> Option<PathBuf> {
        let name = self.name.lock().unwrap_or_else(PoisonError::into_inner);
        (!name.is_empty()).then(|| self.folder.join(&*name))
    }

    fn set(&self, name: &str) {
        name.clone_into(&mut self.name.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

#[derive(Debug)]
struct Kept {
    name: String,
    open: Option<Open>,
    /// Nothing came of a wait: it is not waited for again before something has come.
    silent: bool,
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
            watch: None,
            proof: None,
            spot: Arc::new(Spot { folder: shown(root, &root.join(folder)), name: Mutex::default() }),
            unread: None,
        }
    }

    /// The same for one of several who read in this folder.
    pub(super) fn watched(self, watch: Arc<Watch>) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// The same where a folder of this name may be another device's one day: of that nothing is read.
    pub(super) fn of_one_thing(self, proof: Proof) -> Self {
        Self { proof: Some(proof), ..self }
    }

    /// Tells which file is being read.
    pub(super) fn spot(&self) -> Arc<Spot> {
        Arc::clone(&self.spot)
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
            kept.silent |= kept.open.as_ref().is_some_and(Open::is_stream);
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
            Err(error) => {
                let nothing = Errno::from_io_error(&error).filter(|errno| NOTHING.contains(errno));
                let failed = || Error::Read { path: self.named(name), why: error.to_string() };
                return nothing.map(Content::Nothing).ok_or_else(failed);
            }
        };
        let bytes = buffer.get(..length).unwrap_or_default();
        // What was written to a pipe one after the other: the last is how it is, if there was room for all of it.
        let last = |bytes: &[u8]| number_in(bytes.trim_ascii_end().rsplit(|byte| *byte == b'\n').next()?);
        let is_cut = |bytes: &[u8]| bytes.len() == LONGEST_NUMBER && !bytes.trim_ascii_end().contains(&b'\n');
        let value = if stream { last(bytes).filter(|_| !is_cut(bytes)) } else { number_in(bytes) };
        value.map(Content::Number).ok_or_else(|| Error::Format(self.named(name)))
    }

    /// Hands on the one file that is open here, to be read without further ado; opens it anew if it is asked for again.
    pub(super) fn hand_on(&mut self) -> Option<Open> {
        let [kept] = &mut self.kept[..] else { return None };
        kept.open.take_if(|open| !open.is_stream())
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
                Err(error) => {
                    let failed = Error::Read { path: self.named(name), why: error.to_string() };
                    let is_nothing = Errno::from_io_error(&error).is_some_and(|errno| NOTHING.contains(&errno));
                    if !is_nothing && !is_absent(&error) {
                        self.unread = Some(failed.clone());
                    }
                    return Err(failed);
                }
            }
        }
    }

    /// The last text, since this was asked, that is there and could not be read.
    pub(super) fn take_unread(&mut self) -> Option<Error> {
        self.unread.take()
    }

    /// The names in the folder, or in one below it, and what tells a file from its successor of the same name, in alphabetical
    /// order; none if there is no such folder.
    ///
    /// # Errors
    /// It is there, and the file system does not list it.
    pub(crate) fn list(&self, below: &str) -> Result<Vec<(String, u64)>, Error> {
        let names = |folder: &Path| -> io::Result<Vec<(String, u64)>> {
            use std::os::unix::fs::DirEntryExt as _;
            let mut found = Vec::new();
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                found.extend(entry.file_name().into_string().ok().map(|name| (name, entry.ino())));
            }
            found.sort_unstable();
            Ok(found)
        };
        match names(&self.folder.join(below)) {
            Err(error) if is_absent(&error) => Ok(Vec::new()),
            names => names.map_err(|error| Error::Read { path: self.named(below), why: error.to_string() }),
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
        let wait = if kept.silent { Duration::ZERO } else { self.wait };
        self.spot.set(name);
        let read = kept.read((&self.folder, self.watch.as_ref(), self.proof.as_mut()), into, wait);
        self.spot.set("");
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
    fn read(
        &mut self,
        (folder, watch, proof): (&Path, Option<&Arc<Watch>>, Option<&mut Proof>),
        into: &mut [u8],
        wait: Duration,
    ) -> io::Result<Option<(usize, bool)>> {
        let is_good = self.open.as_mut().is_some_and(|open| !open.is_replaced());
        if let Some(open) = self.open.as_mut().filter(|_| is_good) {
            match open.read(into, wait) {
                // The device behind it is gone; perhaps another is there by now.
                Err(error)
                    if matches!(Errno::from_io_error(&error), Some(Errno::NODEV | Errno::NOENT | Errno::STALE)) => {}
                read => return Ok(self.after(read?)),
            }
        }
        self.open = None;
        let mut open = Open::new(&folder.join(&self.name), watch)?;
        // Behind it: what was opened before the folder was another's is no worse than what was open all the time.
        if proof.is_some_and(|proof| !proof.holds(folder)) {
            return Err(Errno::NODEV.into());
        }
        let read = open.read(into, wait);
        self.open = Some(open);
        Ok(self.after(read?))
    }

    /// Closes what need not stay open.
    fn after(&mut self, read: Option<(usize, bool)>) -> Option<(usize, bool)> {
        // A pipe that answered is asked anew by opening it anew; while it is silent somebody has to hold its other end.
        // So it does where a line has begun.
        let spent = matches!(read, Some((_, true))) && self.open.as_ref().is_some_and(|open| !open.has_begun());
        let crowded = self.open.as_ref().is_some_and(|open| !open.is_stream()) && is_crowded();
        if spent || crowded {
            self.open = None;
        }
        read
    }
}

/// A path as it is called on the machine whose `/` is `root`.
pub(crate) fn shown(root: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(root).map_or_else(|_| path.to_owned(), |rest| Path::new("/").join(rest))
}

/// Whether there is nothing of that name.
fn is_absent(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOENT | Errno::NOTDIR))
}

/// What tells this state of a folder from any other: which it is, the names in it and what they lead to.
pub(super) fn print_of(folder: &Path) -> u64 {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(folder) = rustix::fs::open(folder, flags, Mode::empty()) else { return 0 };
    let of = |name: &[u8], ino: u64| {
        let mut hasher = DefaultHasher::new();
        (name, ino).hash(&mut hasher);
        hasher.finish()
    };
    let mut print = of(b"", rustix::fs::fstat(&folder).map_or(0, |about| about.st_ino));
    // Every few seconds for every device: nothing is allocated, and in whatever order they come the sum is the same.
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut entries = RawDir::new(folder, &mut buffer);
    while let Some(Ok(entry)) = entries.next() {
        print = print.wrapping_add(of(entry.file_name().to_bytes(), entry.ino()));
    }
    print
}

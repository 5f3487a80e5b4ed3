//! What a disk holds after the power went: everything that was synced, and a part of the rest nobody chose.
//!
//! ```text
//!   log of changes ──▶ [ synced │ not yet synced: sectors of 512 bytes, sizes, names ] ──cut──▶ an image
//! ```
//!
//! Of what was not synced each sector is kept or lost by a throw of dice, so also writes out of order and torn pages.
//! Names and sizes are metadata: file systems keep those in order, so of them a random number of the first is kept.

use std::collections::BTreeMap;
use std::path::Path;

use crate::dice::Dice;

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// One change, as `disk.c` wrote it down.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change<'a> {
    pub(crate) what: u8,
    pub(crate) offset: u64,
    pub(crate) path: &'a str,
    pub(crate) data: &'a [u8],
}

/// Reads a log. A record cut short by the end of its process ends it.
pub(crate) fn changes(mut log: &[u8]) -> Vec<Change<'_>> {
    let mut all = Vec::new();
    while let Some((length, rest)) = log.split_first_chunk::<4>() {
        let Some((record, rest)) = rest.split_at_checked(u32::from_le_bytes(*length) as usize) else { break };
        log = rest;
        let (_process, record) = record.split_first_chunk::<4>().unwrap();
        let (what, record) = record.split_first().unwrap();
        let (offset, record) = record.split_first_chunk::<8>().unwrap();
        let (name, record) = record.split_first_chunk::<4>().unwrap();
        let (path, data) = record.split_at(u32::from_le_bytes(*name) as usize);
        all.push(Change {
            what: *what,
            offset: u64::from_le_bytes(*offset),
            path: std::str::from_utf8(path).unwrap(),
            data,
        });
    }
    all
}

/// Adds a record: the ledger says that a batch was acknowledged.
pub(crate) fn note_acknowledged(log: &Path, seq: u64) {
    let mut record = 17_u32.to_le_bytes().to_vec();
    record.extend(std::process::id().to_le_bytes());
    record.push(b'A');
    record.extend(seq.to_le_bytes());
    record.extend(0_u32.to_le_bytes());
    let mut file = std::fs::File::options().append(true).create(true).open(log).unwrap();
    std::io::Write::write_all(&mut file, &record).unwrap();
}

/// Which syncs a disk honours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Honesty {
    /// All.
    Honest,
    /// None: what `synchronous=OFF`, or a disk that lies, would be.
    Liar,
}

/// A disk while the log is replayed.
#[derive(Debug)]
pub(crate) struct Platter<'a> {
    honesty: Honesty,
    files: Vec<File<'a>>,
    /// Names as programs see them.
    names: BTreeMap<&'a str, usize>,
    /// Names a power cut cannot take.
    synced_names: BTreeMap<&'a str, usize>,
    unsynced_names: Vec<Naming<'a>>,
}

#[derive(Debug, Default)]
struct File<'a> {
    synced: Vec<u8>,
    unsynced: Vec<Edit<'a>>,
}

#[derive(Debug, Clone, Copy)]
enum Edit<'a> {
    Write(usize, &'a [u8]),
    Size(usize),
}

#[derive(Debug, Clone, Copy)]
enum Naming<'a> {
    Put(&'a str, usize),
    Remove(&'a str),
}

impl<'a> Platter<'a> {
    /// A disk with an empty folder.
    pub(crate) fn new(honesty: Honesty) -> Self {
        let (names, synced_names) = (BTreeMap::new(), BTreeMap::new());
        Self { honesty, files: Vec::new(), names, synced_names, unsynced_names: Vec::new() }
    }

    /// A disk that holds some files already.
    pub(crate) fn holding(files: &'a [(String, Vec<u8>)], honesty: Honesty) -> Self {
        let mut platter = Self::new(honesty);
        for (name, content) in files {
            platter.names.insert(name, platter.files.len());
            platter.files.push(File { synced: content.clone(), unsynced: Vec::new() });
        }
        platter.synced_names = platter.names.clone();
        platter
    }

    /// Does what the program did.
    pub(crate) fn apply(&mut self, change: &Change<'a>) {
        match change.what {
            b'C' => {
                self.files.push(File::default());
                let file = self.files.len() - 1;
                self.names.insert(change.path, file);
                self.unsynced_names.push(Naming::Put(change.path, file));
            }
            b'W' => self.edit(change.path, Edit::Write(change.offset as usize, change.data)),
            b'T' => self.edit(change.path, Edit::Size(change.offset as usize)),
            b'U' => {
                self.names.remove(change.path);
                self.unsynced_names.push(Naming::Remove(change.path));
            }
            b'R' => {
                let file = self.names.remove(change.path).expect("a renamed file exists");
                let fresh = std::str::from_utf8(change.data).unwrap();
                self.names.insert(fresh, file);
                self.unsynced_names.extend([Naming::Remove(change.path), Naming::Put(fresh, file)]);
            }
            b'S' if self.honesty == Honesty::Honest => {
                // The index of the log may be older than the recording.
                let Some(file) = self.names.get(change.path) else { return };
                let file = &mut self.files[*file];
                for edit in std::mem::take(&mut file.unsynced) {
                    edit.make(&mut file.synced, |_| true);
                }
            }
            b'D' if self.honesty == Honesty::Honest => {
                for naming in std::mem::take(&mut self.unsynced_names) {
                    naming.make(&mut self.synced_names);
                }
            }
            _ => {}
        }
    }

    fn edit(&mut self, path: &'a str, edit: Edit<'a>) {
        match self.names.get(path) {
            Some(file) => self.files[*file].unsynced.push(edit),
            None => assert!(path.ends_with("-shm") || path == "hub.lock", "{path} was never made"),
        }
    }

    /// What is found after a power cut now, by name.
    pub(crate) fn cut(&self, dice: &mut Dice) -> Vec<(String, Vec<u8>)> {
        let mut names = self.synced_names.clone();
        let kept = dice.below(self.unsynced_names.len() as u64 + 1) as usize;
        self.unsynced_names[..kept].iter().for_each(|naming| naming.make(&mut names));
        // Not only an even mix: a disk may have written nearly all, or nearly nothing.
        let share = dice.below(11);
        names
            .into_iter()
            // Worth nothing after a power cut, made anew by whoever opens the database: the index of the log, and ballast.
            .filter(|(name, _)| !name.ends_with("-shm") && *name != "ballast")
            .map(|(name, file)| (name.to_owned(), self.files[file].cut(share, dice)))
            .collect()
    }
}

impl File<'_> {
    fn cut(&self, share: u64, dice: &mut Dice) -> Vec<u8> {
        let mut content = self.synced.clone();
        let mut sizes = dice.below(self.unsynced.len() as u64 + 1);
        for edit in &self.unsynced {
            let metadata = sizes > 0;
            sizes = sizes.saturating_sub(1);
            edit.make(&mut content, |size| if size { metadata } else { dice.below(10) < share });
        }
        content
    }
}

impl Edit<'_> {
    /// Makes the edit; `kept` is asked for a change of size (`true`) and for each sector (`false`).
    fn make(self, content: &mut Vec<u8>, mut kept: impl FnMut(bool) -> bool) {
        match self {
            Self::Size(size) => {
                if kept(true) {
                    content.resize(size, 0);
                }
            }
            Self::Write(offset, data) => {
                let mut at = offset;
                let end = offset + data.len();
                while at < end {
                    let next = ((at / SECTOR + 1) * SECTOR).min(end);
                    if kept(false) {
                        if content.len() < next {
                            content.resize(next, 0);
                        }
                        content[at..next].copy_from_slice(&data[at - offset..next - offset]);
                    }
                    at = next;
                }
            }
        }
    }
}

impl<'a> Naming<'a> {
    fn make(self, names: &mut BTreeMap<&'a str, usize>) {
        match self {
            Self::Put(name, file) => {
                names.insert(name, file);
            }
            Self::Remove(name) => {
                names.remove(name);
            }
        }
    }
}

//! The segments in the spool folder: written at the end of the newest, read anywhere, deleted whole.
//!
//! A segment is deleted once none of its batches is held any more. A failed write is undone by cutting the file back, and
//! if even that fails the segment is closed: the torn tail is then what recovery cuts. If a file cannot
//! be removed, removing it is tried again until it is gone. Its size does not count meanwhile: in a folder where nothing can be
//! removed, nothing can be created either.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::ops::Range;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use wire::{BatchSeq, Epoch};

use super::segment::{self, Contents, Record};
use super::taken::Taken;
use crate::durable;

/// Size at which a segment is closed: the unit in which the oldest readings are dropped when the spool is full.
const SEGMENT_BYTES: u64 = 1 << 20;
/// Time after which a segment is closed, or a quarter of how long readings are kept: the unit in which those that are too
/// old are dropped.
const SEGMENT_SPAN: Duration = Duration::from_secs(6 * 3600);
const EXTENSION: &str = "seg";

/// Where a body lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) segment: u32,
    offset: u64,
    length: u32,
}

#[derive(Debug)]
struct Segment {
    file: File,
    epoch: Epoch,
    bytes: u64,
    /// Batches in it that are still held.
    held: u32,
    records: u32,
    /// When the first of them was taken.
    since: Instant,
}

/// The spool folder.
#[derive(Debug)]
pub(super) struct Disk {
    folder: PathBuf,
    segments: BTreeMap<u32, Segment>,
    /// Number of the segment that is written to.
    active: Option<u32>,
    /// Full since they were asked for.
    closed: Vec<u32>,
    /// Deleted, but the file is still there.
    leftover: BTreeSet<u32>,
    /// Time after which a segment is closed.
    span: Duration,
    next: u32,
    bytes: u64,
}

/// What a segment holds, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) epoch: Epoch,
    pub(super) first: BatchSeq,
    pub(super) last: BatchSeq,
    pub(super) batches: usize,
    pub(super) readings: u64,
    /// When the newest of them were taken.
    pub(super) newest: Taken,
}

/// A batch with its body.
type Batch = (Record, Vec<u8>);

/// What [`Disk::open`] found.
#[derive(Debug, Default)]
pub(super) struct Recovered {
    pub(super) segments: BTreeMap<u32, Summary>,
    /// The body of the last batch of each.
    pub(super) newest: BTreeMap<u32, Vec<u8>>,
    /// Stretches of bytes that were no record.
    pub(super) damaged: usize,
    /// Files that were no segment, and where they lie.
    pub(super) foreign: Vec<PathBuf>,
    /// Files that could not be read, and why.
    pub(super) unreadable: Vec<(PathBuf, String)>,
}

impl Disk {
    /// Opens the folder and reads every segment in it. Their batches are taken for as old as `now`, until somebody looks.
    /// `age`: how long readings are kept.
    pub(super) fn open(folder: &Path, age: Duration, now: Instant) -> io::Result<(Self, Recovered)> {
        fs::create_dir_all(folder)?;
        let mut disk = Self {
            folder: folder.to_owned(),
            segments: BTreeMap::new(),
            active: None,
            closed: Vec::new(),
            leftover: BTreeSet::new(),
            span: SEGMENT_SPAN.min(age / 4),
            next: 0,
            bytes: 0,
        };
        let mut recovered = Recovered::default();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != EXTENSION) {
                continue;
            }
            let number = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
            // One unreadable file must not keep the others, or the agent, from starting.
            let (file, bytes) = match read_whole(&path) {
                Ok(found) => found,
                Err(error) => {
                    // Its number is taken all the same.
                    number.into_iter().for_each(|number: u32| disk.pass_over(number));
                    recovered.unreadable.push((path, error.to_string()));
                    continue;
                }
            };
            match (number, segment::read(&bytes)) {
                (Some(number), Some(contents)) => disk.adopt(number, file, &bytes, contents, &mut recovered, now),
                _ => recovered.foreign.extend(durable::set_aside(&path, "foreign")),
            }
        }
        Ok((disk, recovered))
    }

    fn adopt(
        &mut self,
        number: u32,
        file: File,
        bytes: &[u8],
        contents: Contents,
        recovered: &mut Recovered,
        now: Instant,
    ) {
        self.pass_over(number);
        recovered.damaged += contents.damaged;
        if contents.records.is_empty() {
            self.delete(number);
            return;
        }
        let epoch = contents.epoch;
        let held = contents.records.len() as u32;
        let numbers = || contents.records.iter().map(|(record, _)| record.seq);
        if let (Some(first), Some(last)) = (numbers().min(), numbers().max()) {
            let readings = contents.records.iter().map(|(record, _)| u64::from(record.readings)).sum();
            let summary = Summary { epoch, first, last, batches: held as usize, readings, newest: Taken::Here(now) };
            recovered.segments.insert(number, summary);
            let body = contents.records.iter().find(|(record, _)| record.seq == last).map(|(_, body)| body.clone());
            recovered.newest.extend(body.and_then(|body| Some((number, bytes.get(body)?.to_vec()))));
        }
        let bytes = bytes.len() as u64;
        self.bytes += bytes;
        self.segments.insert(number, Segment { file, epoch, bytes, held, records: held, since: now });
    }

    /// Appends records, the first of them taken at `taken`, and makes them durable; all or none. Returns where each body
    /// lies, in order.
    pub(super) fn append<'a>(
        &mut self,
        epoch: Epoch,
        taken: Instant,
        records: impl Iterator<Item = (Record, &'a [u8])>,
    ) -> io::Result<Vec<Extent>> {
        let number = self.writable(epoch, taken)?;
        let Some(segment) = self.segments.get_mut(&number) else { return Err(io::ErrorKind::NotFound.into()) };
        let mut bytes = Vec::new();
        let mut bodies: Vec<Range<usize>> = Vec::new();
        for (record, body) in records {
            bodies.extend(segment::put(&record, body, &mut bytes));
        }
        let written = segment.file.write_all(&bytes).and_then(|()| segment.file.sync_data());
        if let Err(error) = written {
            if segment.file.set_len(segment.bytes).is_err() {
                self.active = None;
            }
            return Err(error);
        }
        let base = segment.bytes;
        segment.bytes += bytes.len() as u64;
        segment.held += bodies.len() as u32;
        segment.records += bodies.len() as u32;
        self.bytes += bytes.len() as u64;
        Ok(bodies
            .into_iter()
            .map(|body| Extent { segment: number, offset: base + body.start as u64, length: body.len() as u32 })
            .collect())
    }

    /// The active segment if it is of this epoch, has room and is not too old, else a fresh one.
    fn writable(&mut self, epoch: Epoch, taken: Instant) -> io::Result<u32> {
        let fits = |segment: &Segment| {
            segment.epoch == epoch
                && segment.bytes < SEGMENT_BYTES
                && taken.saturating_duration_since(segment.since) < self.span
        };
        let fitting = self.active.filter(|number| self.segments.get(number).is_some_and(fits));
        if let Some(number) = fitting {
            return Ok(number);
        }
        let number = self.next;
        let path = self.path(number);
        let mut file = OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(&path)?;
        self.next = self.next.saturating_add(1);
        file.write_all(&segment::header(epoch))?;
        file.sync_all()?;
        durable::sync_folder_of(&path)?;
        self.bytes += segment::HEADER as u64;
        let bytes = segment::HEADER as u64;
        self.segments.insert(number, Segment { file, epoch, bytes, held: 0, records: 0, since: taken });
        self.close_active();
        self.active = Some(number);
        Ok(number)
    }

    /// Segments that became full since the last call.
    pub(super) fn take_closed(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.closed)
    }

    /// Whether every batch in this segment is still held.
    pub(super) fn is_whole(&self, number: u32) -> bool {
        self.segments.get(&number).is_some_and(|segment| segment.held == segment.records)
    }

    /// So many batches of this segment are held; it goes if none is.
    pub(super) fn set_held(&mut self, number: u32, held: u32) {
        match self.segments.get_mut(&number) {
            Some(segment) if held > 0 => segment.held = held,
            _ => {
                self.delete(number);
            }
        }
    }

    /// Whether the disk gives a segment back at the moment, whole or damaged.
    pub(super) fn gives(&self, number: u32) -> bool {
        fs::read(self.path(number)).is_ok()
    }

    /// The batches of a segment, read again.
    pub(super) fn records(&self, number: u32) -> Option<Vec<(Record, Extent)>> {
        let contents = segment::read(&fs::read(self.path(number)).ok()?)?;
        let extent =
            |body: Range<usize>| Extent { segment: number, offset: body.start as u64, length: body.len() as u32 };
        Some(contents.records.into_iter().map(|(record, body)| (record, extent(body))).collect())
    }

    /// The batches of a segment with their bodies.
    pub(super) fn bodies(&self, number: u32) -> Option<(Epoch, Vec<Batch>)> {
        let bytes = fs::read(self.path(number)).ok()?;
        let contents = segment::read(&bytes)?;
        let body = |range: Range<usize>| bytes.get(range).unwrap_or_default().to_vec();
        Some((contents.epoch, contents.records.into_iter().map(|(record, range)| (record, body(range))).collect()))
    }

    /// Replaces what is in a segment; if that fails, it is as it was.
    pub(super) fn replace(&mut self, number: u32, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(number);
        let Some(segment) = self.segments.get_mut(&number) else { return Err(io::ErrorKind::NotFound.into()) };
        segment.file = durable::rename_over(&path, bytes)?;
        // It is replaced, whatever this says: should a power cut bring the old one back, the hub gets what was thinned.
        let _ = durable::sync_folder_of(&path);
        self.bytes = self.bytes - segment.bytes + bytes.len() as u64;
        segment.bytes = bytes.len() as u64;
        Ok(())
    }

    /// The body at `extent`, or `None` when the disk does not give it back.
    pub(super) fn read(&self, extent: Extent) -> Option<Vec<u8>> {
        let segment = self.segments.get(&extent.segment)?;
        let mut body = vec![0; usize::try_from(extent.length).ok()?];
        segment.file.read_exact_at(&mut body, extent.offset).ok()?;
        Some(body)
    }

    /// One batch of this segment is held no more; the segment goes when it was the last.
    pub(super) fn release(&mut self, extent: Extent) {
        let Some(segment) = self.segments.get_mut(&extent.segment) else { return };
        segment.held = segment.held.saturating_sub(1);
        if segment.held == 0 && self.active != Some(extent.segment) {
            self.delete(extent.segment);
        }
    }

    /// Bytes in the folder.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The oldest segment, if there is one besides the active one.
    pub(super) fn oldest(&self) -> Option<u32> {
        self.segments.keys().next().copied().filter(|number| Some(*number) != self.active)
    }

    /// Stops writing to the active segment; it goes if nothing in it is held.
    pub(super) fn close_active(&mut self) {
        if let Some(number) = self.active.take() {
            match self.segments.get(&number) {
                Some(segment) if segment.held == 0 => {
                    self.delete(number);
                }
                _ => self.closed.push(number),
            }
        }
    }

    /// Stops writing to the active segment if nothing in it is held, which removes it.
    pub(super) fn close_idle(&mut self) {
        let idle = self.active.and_then(|number| self.segments.get(&number)).is_some_and(|active| active.held == 0);
        if idle {
            self.close_active();
        }
    }

    /// Makes no new segment of this number, nor of one before it.
    pub(super) fn pass_over(&mut self, number: u32) {
        self.next = self.next.max(number.saturating_add(1));
    }

    /// Removes a segment with whatever is in it; `false` if its file is still there.
    pub(super) fn delete(&mut self, number: u32) -> bool {
        if let Some(segment) = self.segments.remove(&number) {
            self.bytes -= segment.bytes;
        }
        let gone = is_removed(&self.path(number));
        if !gone {
            self.leftover.insert(number);
        }
        gone
    }

    /// Tries again to remove the files that are left; returns those that are gone.
    pub(super) fn delete_again(&mut self) -> Vec<u32> {
        let gone: Vec<u32> = self.leftover.iter().copied().filter(|number| is_removed(&self.path(*number))).collect();
        self.leftover.retain(|number| !gone.contains(number));
        gone
    }

    fn path(&self, number: u32) -> PathBuf {
        self.folder.join(format!("{number:08}.{EXTENSION}"))
    }
}

fn read_whole(path: &Path) -> io::Result<(File, Vec<u8>)> {
    let (mut file, mut bytes) = (File::open(path)?, Vec::new());
    file.read_to_end(&mut bytes)?;
    Ok((file, bytes))
}

/// Removes a file; whether it is gone.
fn is_removed(path: &Path) -> bool {
    fs::remove_file(path).map_or_else(|error| error.kind() == io::ErrorKind::NotFound, |()| true)
}

/// The highest epoch in the segments of a folder; 0 when there is none.
pub(super) fn highest_epoch(folder: &Path) -> Epoch {
    let headers = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).filter_map(|entry| {
        let mut head = [0; segment::HEADER];
        File::open(entry.path()).ok()?.read_exact_at(&mut head, 0).ok()?;
        segment::epoch(&head)
    });
    headers.max().unwrap_or(Epoch(0))
}

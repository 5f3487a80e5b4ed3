//! PURE. One device's batches that are not yet in blocks, one behind the other as they came.
//!
//! ```text
//!   row │ lane, epoch │ received │ oldest │ newest │ size │ payload ║ row │ lane, …
//!   └──────── differences, about ten bytes ──────────────┘  two bytes a reading
//! ```
//!
//! A batch of a small device has thirty bytes of readings, so an index of batches would be larger than the batches. A search reads
//! from the beginning instead.

#[cfg(test)]
mod tests;

use wire::varint;

use crate::model::{Epoch, Lane, UnixMillis};
use crate::store::pack::payload::decode;

/// What a row costs the journal beside its payload, about.
const ROW: usize = 40;
/// Of the space taken, how much more is taken when there is none left: a thousand devices that grow by doubling would
/// leave a quarter of the memory empty.
const GROWTH: usize = 8;
/// Longest head of a batch: six numbers and a byte.
const HEAD: usize = 6 * varint::MAX_LEN + 1;

const RECOVERED: u8 = 1;
const NEXT_EPOCH: u8 = 2;
const IMPORTED: u8 = 1 << 2;

/// One device's batches not yet in blocks.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Fresh {
    log: Vec<u8>,
    /// What the first batch differs from, and the one that comes next.
    before: Mark,
    last: Mark,
    batches: usize,
    payloads: usize,
    /// End of the newest reading in blocks or rollups; `None` while there are none.
    pub(in crate::store) blocks_end: Option<UnixMillis>,
    /// Most points of one series.
    pub(in crate::store) points: u32,
}

/// What a batch is told apart from the one before it by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Mark {
    row: i64,
    epoch: u32,
    received_at: i64,
}

/// What is known of a batch without decoding it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct BatchSummary {
    pub(in crate::store) row: i64,
    pub(in crate::store) epoch: Epoch,
    pub(in crate::store) lane: Lane,
    /// History from a file.
    pub(in crate::store) is_imported: bool,
    /// Times of its oldest and its newest reading.
    pub(in crate::store) start: i64,
    pub(in crate::store) end: i64,
    pub(in crate::store) received_at: i64,
}

impl Fresh {
    /// Adds a batch, whose row comes after all that are here; returns what it takes in the journal.
    pub(in crate::store) fn push(&mut self, entry: &BatchSummary, payload: &[u8]) -> usize {
        let mark = Mark { row: entry.row, epoch: entry.epoch.0, received_at: entry.received_at };
        let (more, log) = (HEAD + payload.len(), &mut self.log);
        if log.capacity() - log.len() < more {
            log.reserve_exact(more + log.len() / GROWTH);
        }
        varint::put(log, mark.row.wrapping_sub(self.last.row).cast_unsigned());
        let lane = if entry.lane == Lane::Recovered { RECOVERED } else { 0 };
        let flags = lane | if entry.is_imported { IMPORTED } else { 0 };
        if mark.epoch == self.last.epoch {
            log.push(flags);
        } else {
            log.push(flags | NEXT_EPOCH);
            varint::put(log, u64::from(mark.epoch));
        }
        varint::put(log, varint::zigzag(mark.received_at.wrapping_sub(self.last.received_at)));
        varint::put(log, varint::zigzag(entry.start.wrapping_sub(mark.received_at)));
        varint::put(log, entry.end.wrapping_sub(entry.start).cast_unsigned());
        varint::put(log, payload.len() as u64);
        log.extend_from_slice(payload);
        self.last = mark;
        self.batches += 1;
        self.payloads += payload.len();
        payload.len() + ROW
    }

    fn iter(&self) -> Iter<'_> {
        Iter { rest: &self.log, before: self.before }
    }

    /// The oldest batch.
    pub(in crate::store) fn first(&self) -> Option<BatchSummary> {
        self.iter().next().map(|(entry, _)| entry)
    }

    /// Journal row of the newest batch.
    pub(in crate::store) fn newest_row(&self) -> Option<i64> {
        (self.batches > 0).then_some(self.last.row)
    }

    /// Journal rows, oldest first.
    pub(in crate::store) fn rows(&self) -> impl Iterator<Item = i64> + '_ {
        self.iter().map(|(entry, _)| entry.row)
    }

    /// Whether there is a batch that `wanted` chooses.
    pub(in crate::store) fn has(&self, wanted: impl Fn(&BatchSummary) -> bool) -> bool {
        self.iter().any(|(entry, _)| wanted(&entry))
    }

    /// A copy of the batches that `wanted` chooses.
    pub(in crate::store) fn copy(&self, wanted: impl Fn(&BatchSummary) -> bool) -> Self {
        let mut copy = Self { blocks_end: self.blocks_end, ..Self::default() };
        for (entry, payload) in self.iter().filter(|(entry, _)| wanted(entry)) {
            copy.push(&entry, payload);
        }
        copy
    }

    /// Forgets the batches up to a journal row; returns how many bytes that were in the journal.
    pub(in crate::store) fn forget(&mut self, row: i64) -> usize {
        let gone = self.oldest(|entry, _| entry.row <= row);
        self.log.drain(..gone.length);
        // What a thousand devices once needed would be most of the memory: twice what is there now is enough to grow into.
        self.log.shrink_to(2 * self.log.len());
        self.before = gone.last;
        self.batches -= gone.batches;
        self.payloads -= gone.payloads;
        gone.payloads + gone.batches * ROW
    }

    /// Keeps only the oldest batches, of about so many bytes.
    pub(in crate::store) fn truncate(&mut self, most: usize) {
        // One at least: each step gets somewhere.
        let kept = self.oldest(|_, with| with.batches == 1 || with.payloads + with.batches * ROW <= most);
        self.log.truncate(kept.length);
        (self.last, self.batches, self.payloads) = (kept.last, kept.batches, kept.payloads);
    }

    /// The oldest batches, up to the first that does not belong to them; `belongs` sees each, and what they are with it.
    fn oldest(&self, belongs: impl Fn(&BatchSummary, &Oldest) -> bool) -> Oldest {
        let mut oldest = Oldest { last: self.before, ..Oldest::default() };
        let mut iter = self.iter();
        while let Some((entry, payload)) = iter.next() {
            let with = Oldest {
                length: self.log.len() - iter.rest.len(),
                last: iter.before,
                batches: oldest.batches + 1,
                payloads: oldest.payloads + payload.len(),
            };
            if !belongs(&entry, &with) {
                break;
            }
            oldest = with;
        }
        oldest
    }

    /// When the newest batch came.
    pub(in crate::store) fn received(&self) -> UnixMillis {
        UnixMillis(self.iter().map(|(entry, _)| entry.received_at).max().unwrap_or_default())
    }

    /// Whether blocks or rollups may hold readings at or after `from`.
    pub(in crate::store) fn blocks_from(&self, from: UnixMillis) -> bool {
        self.blocks_end.is_some_and(|end| end >= from)
    }

    /// Calls `with` for each batch: its row and its readings, decoded.
    pub(in crate::store) fn decode(&self, mut with: impl FnMut(i64, &wire::batch::Rows)) {
        self.decode_entries(|entry, rows| with(entry.row, rows));
    }

    /// The same, with all that is known of each batch.
    pub(in crate::store) fn decode_entries(&self, mut with: impl FnMut(&BatchSummary, &wire::batch::Rows)) {
        let mut rows = wire::batch::Rows::default();
        for (entry, payload) in self.iter() {
            if decode(entry.row, entry.epoch, payload, &mut rows) {
                with(&entry, &rows);
            }
        }
    }

    /// What they take in the journal.
    pub(in crate::store) fn bytes(&self) -> usize {
        self.payloads + self.batches * ROW
    }
}

/// Some of the oldest batches.
#[derive(Debug, Default)]
struct Oldest {
    /// Bytes of the log.
    length: usize,
    last: Mark,
    batches: usize,
    payloads: usize,
}

/// Batches from one on.
#[derive(Debug)]
struct Iter<'a> {
    rest: &'a [u8],
    before: Mark,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (BatchSummary, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let Self { rest, before } = self;
        let row = before.row.wrapping_add(varint::take(rest).ok()?.cast_signed());
        let (&flags, after) = rest.split_first()?;
        *rest = after;
        let epoch =
            if flags & NEXT_EPOCH == 0 { before.epoch } else { u32::try_from(varint::take(rest).ok()?).ok()? };
        let mut signed = || Some(varint::unzigzag(varint::take(rest).ok()?));
        let received_at = before.received_at.wrapping_add(signed()?);
        let start = received_at.wrapping_add(signed()?);
        let end = start.wrapping_add(varint::take(rest).ok()?.cast_signed());
        let size = usize::try_from(varint::take(rest).ok()?).ok()?;
        let (payload, after) = rest.split_at_checked(size)?;
        *rest = after;
        *before = Mark { row, epoch, received_at };
        let lane = if flags & RECOVERED == 0 { Lane::Live } else { Lane::Recovered };
        let is_imported = flags & IMPORTED != 0;
        Some((BatchSummary { row, epoch: Epoch(epoch), lane, is_imported, start, end, received_at }, payload))
    }
}

//! The file format of the spool: bytes in, records out. Pure.
//!
//! ```text
//!   header   "thspool1"  epoch u32  crc u32                                              16 bytes
//!   record   5b b5  length u16  crc u32 │ seq u64  readings u16  sensors u16  lane u8  body     repeated
//! ```
//!
//! Little endian; `length` counts what follows the checksum, and the checksum (CRC32C) covers length and what it counts.
//! A segment belongs to one epoch. Reading never fails: a damaged record is skipped by searching for the next whole
//! one, a torn tail ends the segment, and a damaged header makes the whole file foreign.

use std::ops::Range;

use wire::{BatchSeq, Epoch, Lane};

const MAGIC: &[u8; 8] = b"thspool1";
/// Bytes before the first record.
pub const HEADER: usize = 16;
const MARK: [u8; 2] = [0x5b, 0xb5];
/// Mark, length and checksum.
const FRAME: usize = 8;
/// Number, counts and lane.
const FIELDS: usize = 13;

/// One batch as a segment keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    pub seq: BatchSeq,
    pub readings: u16,
    /// Sensors the hub must know to accept it.
    pub sensors: u16,
    /// Live or recovered when it was made.
    pub lane: Lane,
}

/// What a segment file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Boot in which its batches were numbered.
    pub epoch: Epoch,
    /// The whole records, in order, and where each body lies in the file.
    pub records: Vec<(Record, Range<usize>)>,
    /// Stretches of bytes between or after whole records that are no record.
    pub damaged: usize,
}

/// The header of a segment.
#[must_use]
pub fn header(epoch: Epoch) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&epoch.0.to_le_bytes());
    let sum = crc32c::crc32c(&header[..12]);
    header[12..].copy_from_slice(&sum.to_le_bytes());
    header
}

/// Appends a record to `out`; returns where its body lies in `out`, or `None` when the body is too long for any record.
pub fn put(record: &Record, body: &[u8], out: &mut Vec<u8>) -> Option<Range<usize>> {
    let length = u16::try_from(FIELDS + body.len()).ok()?;
    let start = out.len();
    out.extend_from_slice(&MARK);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&record.seq.0.to_le_bytes());
    out.extend_from_slice(&record.readings.to_le_bytes());
    out.extend_from_slice(&record.sensors.to_le_bytes());
    out.push(u8::from(record.lane == Lane::Recovered));
    out.extend_from_slice(body);
    let sum = checksum(length, &out[start + FRAME..]);
    out[start + 4..start + FRAME].copy_from_slice(&sum.to_le_bytes());
    Some(start + FRAME + FIELDS..out.len())
}

/// The epoch in the header, or `None` when this is no segment.
#[must_use]
pub fn epoch(bytes: &[u8]) -> Option<Epoch> {
    let head: &[u8; HEADER] = bytes.first_chunk()?;
    let epoch = Epoch(u32::from_le_bytes(*head[8..].first_chunk()?));
    (*head == header(epoch)).then_some(epoch)
}

/// Reads a segment; `None` when the header is not one.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Contents> {
    let mut contents = Contents { epoch: epoch(bytes)?, records: Vec::new(), damaged: 0 };
    let mut at = HEADER;
    let mut in_damage = false;
    while at < bytes.len() {
        match record_at(bytes, at) {
            Some((record, body)) => {
                at = body.end;
                in_damage = false;
                contents.records.push((record, body));
            }
            None => {
                contents.damaged += usize::from(!in_damage);
                in_damage = true;
                at += 1;
            }
        }
    }
    Some(contents)
}

fn record_at(bytes: &[u8], at: usize) -> Option<(Record, Range<usize>)> {
    let frame: &[u8; FRAME] = bytes.get(at..)?.first_chunk()?;
    let [m0, m1, l0, l1, s0, s1, s2, s3] = *frame;
    if [m0, m1] != MARK {
        return None;
    }
    let length = u16::from_le_bytes([l0, l1]);
    let start = at + FRAME;
    let end = start + usize::from(length);
    let covered = bytes.get(start..end)?;
    let fields: &[u8; FIELDS] = covered.first_chunk()?;
    if checksum(length, covered) != u32::from_le_bytes([s0, s1, s2, s3]) {
        return None;
    }
    let record = Record {
        seq: BatchSeq(u64::from_le_bytes(*fields.first_chunk()?)),
        readings: u16::from_le_bytes([fields[8], fields[9]]),
        sensors: u16::from_le_bytes([fields[10], fields[11]]),
        lane: if fields[12] == 0 { Lane::Live } else { Lane::Recovered },
    };
    Some((record, start + FIELDS..end))
}

fn checksum(length: u16, covered: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length.to_le_bytes()), covered)
}

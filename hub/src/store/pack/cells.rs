//! PURE. Figures of blocks by five minutes, which answer a chart of many series without unpacking them; packing and reading
//! are one file because they share the layout below.
//!
//! A row carries them for all series that share a row of `times`, behind one checksum:
//!
//! ```text
//!   sections │ (series, length) ... │ readings a cell │ section ... │ CRC32C
//!   section:  scale │ unit │ smallest │ largest - smallest │ sum - readings x smallest        one number a cell each
//! ```
//!
//! Cells are those of the clock (five minutes of UTC), from the one that holds the first reading to that of the last.
//! The first and the last cell are mostly half full and stand by themselves; what lies between is bit-packed: offsets from
//! the least number, in as many bits as the largest offset needs. All are counted in the largest unit that divides them (a
//! sensor of half per cents gives tenths that are fives). What the readings of a cell are together above the smallest
//! cannot be more than all of them at the largest: where that bound is the shorter one, it says the bits of each cell. A
//! constant sensor costs a few bytes. Plain numbers (no scale) lie as they are. Where readings are rare there are no cells:
//! then the block itself is cheap to unpack.

#[cfg(test)]
mod tests;

use std::ops::Range;

use wire::varint::{unzigzag, zigzag};

use super::bucket::{Bucket, BucketCursor};
use super::packed::{self, Values};
use crate::model::UnixMillis;
use crate::model::reading::SeriesId;
use crate::store::error::{Error, Result};

/// Milliseconds of a cell.
pub(in crate::store) const CELL: i64 = 300_000;
/// Readings a cell on average that are worth cells.
const WORTH: usize = 12;
/// Scale byte of plain numbers.
const PLAIN: u8 = u8::MAX;
/// In the scale byte: the last column has as many bits a cell as the one before allows for.
const BOUNDED: u8 = 0x40;
const DAMAGED: Error = Error::Corrupt { what: "cells" };

/// Cells of a block's times: which readings lie in which. `None` when they are not worth it.
pub(in crate::store) fn ranges(times: &[i64]) -> Option<Vec<Range<usize>>> {
    let (&start, &end) = (times.first()?, times.last()?);
    let first = start.div_euclid(CELL);
    let cells = usize::try_from(end.div_euclid(CELL) - first + 1).ok()?;
    if cells.saturating_mul(WORTH) > times.len() {
        return None;
    }
    let mut ranges = Vec::with_capacity(cells);
    let mut begin = 0;
    for cell in first..=end.div_euclid(CELL) {
        let after = begin + times.get(begin..)?.partition_point(|at| at.div_euclid(CELL) <= cell);
        ranges.push(begin..after);
        begin = after;
    }
    Some(ranges)
}

/// The cells of one series; `None` when they cannot be said exactly.
pub(in crate::store) fn section(values: &Values, ranges: &[Range<usize>]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match values {
        Values::Flat { .. } => return None,
        Values::Plain(_) => {
            out.push(PLAIN);
            for range in ranges {
                let figures = values.figures(range.clone()).map_or([0.0; 3], |f| [f.min, f.max, f.sum]);
                out.extend(figures.iter().flat_map(|figure| figure.to_le_bytes()));
            }
        }
        Values::Scaled(integers, scale) => scaled(&mut out, integers, *scale, ranges)?,
    }
    Some(out)
}

fn scaled(out: &mut Vec<u8>, integers: &[i64], scale: u8, ranges: &[Range<usize>]) -> Option<()> {
    let (mut steps, mut spread, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    let (mut first, mut before, mut unit) = (None, 0, 0);
    for range in ranges {
        let some = integers.get(range.clone())?;
        let min = some.iter().copied().min().unwrap_or(before);
        let max = some.iter().copied().max().unwrap_or(min);
        let sum: i128 = some.iter().map(|&integer| i128::from(integer) - i128::from(min)).sum();
        // The first stands by itself, in no unit.
        let step = min.checked_sub(if first.is_some() { before } else { min })?;
        first.get_or_insert(min);
        let (above, together) = (u64::try_from(max.checked_sub(min)?).ok()?, u64::try_from(sum).ok()?);
        unit = [step.unsigned_abs(), above, together].into_iter().fold(unit, common);
        steps.push(step);
        spread.push(above);
        rest.push(together);
        before = min;
    }
    let unit = unit.max(1);
    let signed = i64::try_from(unit).ok()?;
    let mut least: Vec<u64> = steps.into_iter().map(|step| zigzag(step / signed)).collect();
    *least.first_mut()? = zigzag(first?);
    spread.iter_mut().chain(&mut rest).for_each(|number| *number /= unit);
    let (mut open, mut bounded) = (Vec::new(), Vec::new());
    put(&mut open, &rest);
    let bounds = ranges.iter().zip(&spread).map(|(some, spread)| bound(some.len() as u64, *spread));
    put_bits(&mut bounded, rest.iter().copied().zip(bounds));
    let is_bounded = bounded.len() < open.len();
    out.push(if is_bounded { scale | BOUNDED } else { scale });
    put_one(out, unit);
    put(out, &least);
    put(out, &spread);
    out.extend(if is_bounded { bounded } else { open });
    Some(())
}

/// Bits that what some readings are together above the smallest takes at most.
fn bound(count: u64, spread: u64) -> u32 {
    64 - count.saturating_mul(spread).leading_zeros()
}

/// The largest unit that divides both.
fn common(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// All sections of a row of `times`, sealed under its number.
pub(in crate::store) fn pack(
    ranges: &[Range<usize>],
    sections: &[(SeriesId, Vec<u8>)],
    key: i64,
    bounds: (UnixMillis, UnixMillis),
) -> Option<Vec<u8>> {
    let mut out = u16::try_from(sections.len()).ok()?.to_le_bytes().to_vec();
    for (series, section) in sections {
        out.extend_from_slice(&series.0.to_le_bytes());
        out.extend_from_slice(&u16::try_from(section.len()).ok()?.to_le_bytes());
    }
    put(&mut out, &ranges.iter().map(|range| range.len() as u64).collect::<Vec<_>>());
    sections.iter().for_each(|(_, section)| out.extend_from_slice(section));
    packed::seal(&mut out, key, &bytes(bounds));
    Some(out)
}

/// Which cells they are follows from where the readings begin and end: the checksum covers that as well.
fn bytes((start, end): (UnixMillis, UnixMillis)) -> [u8; 16] {
    (u128::from(start.0.cast_unsigned()) << 64 | u128::from(end.0.cast_unsigned())).to_le_bytes()
}

/// Opened cells of a row of `times`.
pub(in crate::store) struct Cells<'a> {
    /// Number of the first cell since 1970.
    first: i64,
    counts: Vec<u64>,
    directory: &'a [u8],
    sections: &'a [u8],
}

/// Columns of a section while they are read; kept between sections for their memory.
#[derive(Default)]
pub(in crate::store) struct Scratch {
    least: Vec<u64>,
    spread: Vec<u64>,
    rest: Vec<u64>,
}

impl<'a> Cells<'a> {
    /// Opens the cells of the row `key` whose readings lie between `start` and `end`.
    pub(in crate::store) fn open(data: &'a [u8], key: i64, (start, end): (UnixMillis, UnixMillis)) -> Result<Self> {
        let data = packed::open(data, key, &bytes((start, end)))?;
        let (sections, rest) = data.split_first_chunk::<2>().ok_or(DAMAGED)?;
        let (directory, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*sections)) * 6).ok_or(DAMAGED)?;
        let first = start.0.div_euclid(CELL);
        let cells = usize::try_from(end.0.div_euclid(CELL) - first + 1).map_err(|_| DAMAGED)?;
        let mut counts = Vec::new();
        let sections = take(rest, cells, &mut counts)?;
        Ok(Self { first, counts, directory, sections })
    }

    /// Adds the cells of a series to the buckets they lie in; `edges` lie on the edges of cells. `false` when it has none
    /// here. Of the extremes only those that are wanted.
    pub(in crate::store) fn add(
        &self,
        series: SeriesId,
        edges: &[UnixMillis],
        buckets: &mut [Bucket],
        extremes: bool,
        scratch: &mut Scratch,
    ) -> Result<bool> {
        let Some(section) = self.section(series)? else { return Ok(false) };
        let (&scale, data) = section.split_first().ok_or(DAMAGED)?;
        let mut cursor = BucketCursor::new(edges);
        if scale == PLAIN {
            let (figures, _) = data.as_chunks::<24>();
            for ((n, count), figures) in (0..).zip(&self.counts).zip(figures) {
                let (numbers, _) = figures.as_chunks::<8>();
                let &[min, max, sum] = numbers else { return Err(DAMAGED) };
                if let Some(bucket) = cursor.of((self.first + n) * CELL, buckets).filter(|_| *count > 0) {
                    bucket.add_sum(*count, f64::from_le_bytes(sum), f64::from_le_bytes(min), f64::from_le_bytes(max));
                }
            }
            return Ok(true);
        }
        let power = packed::power(scale & !BOUNDED).ok_or(DAMAGED)?;
        let is_bounded = scale & BOUNDED > 0;
        let Scratch { least, spread, rest } = scratch;
        let mut data = data;
        let unit = take_one(&mut data)?;
        let data = take(data, self.counts.len(), least)?;
        spread.clear();
        let data = if extremes || is_bounded {
            take(data, self.counts.len(), spread)?
        } else {
            skip(data, self.counts.len())?
        };
        if is_bounded {
            let bounds = self.counts.iter().zip(&*spread).map(|(count, spread)| bound(*count, *spread));
            take_bounded(data, bounds, rest)?;
        } else {
            take(data, self.counts.len(), rest)?;
        }
        let mut min = 0_i64;
        for (n, ((&count, step), rest)) in (0..).zip(self.counts.iter().zip(&*least).zip(&*rest)) {
            let step = unzigzag(*step);
            // The first stands by itself.
            min = if n == 0 { step } else { min.wrapping_add(step.wrapping_mul(unit.cast_signed())) };
            let bucket = cursor.of((self.first + n) * CELL, buckets);
            let Some(bucket) = bucket.filter(|_| count > 0) else { continue };
            let sum = sum(min, count, rest.wrapping_mul(unit)) / power;
            if extremes {
                let spread = spread.get(n as usize).copied().unwrap_or_default();
                let max = min.wrapping_add_unsigned(spread.wrapping_mul(unit));
                bucket.add_sum(count, sum, min as f64 / power, max as f64 / power);
            } else {
                bucket.count += count;
                bucket.sum += sum;
            }
        }
        Ok(true)
    }

    fn section(&self, series: SeriesId) -> Result<Option<&'a [u8]>> {
        let mut offset = 0;
        let (entries, _) = self.directory.as_chunks::<6>();
        for entry in entries {
            let &[a, b, c, d, low, high] = entry;
            let length = usize::from(u16::from_le_bytes([low, high]));
            if u32::from_le_bytes([a, b, c, d]) == series.0 {
                return self.sections.get(offset..offset + length).ok_or(DAMAGED).map(Some);
            }
            offset += length;
        }
        Ok(None)
    }
}

/// Readings times their least, and what they are above it.
fn sum(min: i64, count: u64, rest: u64) -> f64 {
    let small = i64::try_from(count).ok().and_then(|count| min.checked_mul(count)?.checked_add_unsigned(rest));
    small.map_or_else(|| (i128::from(min) * i128::from(count) + i128::from(rest)) as f64, |small| small as f64)
}

/// Appends a column: its ends as they are; of what lies between the bits a number, the least, the offsets.
fn put(out: &mut Vec<u8>, column: &[u64]) {
    let (first, rest) = column.split_first().map_or((None, column), |(first, rest)| (Some(first), rest));
    let (last, middle) = rest.split_last().map_or((None, rest), |(last, middle)| (Some(last), middle));
    first.into_iter().chain(last).for_each(|number| put_one(out, *number));
    let least = middle.iter().copied().min().unwrap_or(0);
    let width = middle.iter().map(|number| 64 - (number - least).leading_zeros()).max().unwrap_or(0);
    out.push(width as u8);
    put_one(out, least);
    put_bits(out, middle.iter().map(|number| (number - least, width)));
}

/// Appends numbers in so many bits each, the lowest first.
fn put_bits(out: &mut Vec<u8>, numbers: impl Iterator<Item = (u64, u32)>) {
    let (mut held, mut bits) = (0_u128, 0);
    for (number, width) in numbers {
        held |= u128::from(number) << bits;
        bits += width;
        while bits >= 8 {
            out.push(held as u8);
            held >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        out.push(held as u8);
    }
}

/// Seven bits a byte, the lowest first.
fn put_one(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take_one(data: &mut &[u8]) -> Result<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = data.split_first().ok_or(DAMAGED)?;
        *data = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(DAMAGED)
}

/// A column of so many numbers, not yet unpacked, and what follows it.
struct PackedColumn<'a> {
    first: Option<u64>,
    last: Option<u64>,
    middle: usize,
    width: usize,
    least: u64,
    /// The offsets, and all that follows them.
    data: &'a [u8],
    rest: &'a [u8],
}

impl<'a> PackedColumn<'a> {
    fn open(mut data: &'a [u8], count: usize) -> Result<Self> {
        let first = if count > 0 { Some(take_one(&mut data)?) } else { None };
        let last = if count > 1 { Some(take_one(&mut data)?) } else { None };
        let (&width, mut data) = data.split_first().filter(|(width, _)| **width <= 64).ok_or(DAMAGED)?;
        let least = take_one(&mut data)?;
        let (width, middle) = (usize::from(width), count.saturating_sub(2));
        let rest = data.get((middle * width).div_ceil(8)..).ok_or(DAMAGED)?;
        Ok(Self { first, last, middle, width, least, data, rest })
    }

    fn offset(&self, n: usize) -> u64 {
        bits_at(self.data, n * self.width, self.width)
    }
}

/// The number of `width` bits that begins at a bit, with whatever lies above it.
fn bits_at(data: &[u8], bit: usize, width: usize) -> u64 {
    let bytes = data.get(bit / 8..).unwrap_or_default();
    match bytes.first_chunk::<8>() {
        // Eight bytes hold a number of up to 57 bits wherever in the first of them it begins.
        Some(bytes) if width <= 57 => u64::from_le_bytes(*bytes) >> (bit % 8),
        _ => {
            let held = bytes.iter().take(9).rev().fold(0_u128, |held, byte| held << 8 | u128::from(*byte));
            (held >> (bit % 8)) as u64
        }
    }
}

/// Reads numbers of so many bits each, which are all there is.
fn take_bounded(data: &[u8], bounds: impl Iterator<Item = u32>, column: &mut Vec<u64>) -> Result<()> {
    column.clear();
    let mut bit = 0;
    for bound in bounds {
        let width = bound as usize;
        column.push(if width == 0 { 0 } else { bits_at(data, bit, width) & (u64::MAX >> (64 - width)) });
        bit += width;
    }
    if bit.div_ceil(8) == data.len() { Ok(()) } else { Err(DAMAGED) }
}

/// Reads a column of `count` numbers into `column`; returns what follows it.
fn take<'a>(data: &'a [u8], count: usize, column: &mut Vec<u64>) -> Result<&'a [u8]> {
    let packed = PackedColumn::open(data, count)?;
    column.clear();
    column.extend(packed.first);
    if packed.width == 0 {
        column.resize(column.len() + packed.middle, packed.least);
    } else {
        let mask = u64::MAX >> (64 - packed.width);
        column.extend((0..packed.middle).map(|n| packed.least.wrapping_add(packed.offset(n) & mask)));
    }
    column.extend(packed.last);
    Ok(packed.rest)
}

/// What follows a column of `count` numbers.
fn skip(data: &[u8], count: usize) -> Result<&[u8]> {
    PackedColumn::open(data, count).map(|packed| packed.rest)
}

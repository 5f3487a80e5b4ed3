//! PURE. Columns of numbers in few bytes, with their figures and a checksum; packing and unpacking are one file because each
//! undoes exactly the other.
//!
//! ```text
//!   values ──▶ integers over 10^scale where that gives back the same bits, else as they are ──▶ pco ──▶ data │ CRC32C
//! ```
//!
//! Lossless for every finite value. A column whose values are all one has no data: its figures say it. The checksum
//! covers the figures and the key of the row as well, so a damaged or misplaced column is found, never believed.

#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::store::error::{Error, Result};

/// Integers stay exact in an `f64` up to here.
const MOST: f64 = 9_007_199_254_740_992.0;
const POWERS: [f64; 10] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
const DAMAGED: Error = Error::Corrupt { what: "block" };

/// What is known of a column without unpacking it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::store) struct Figures<T> {
    pub(in crate::store) min: T,
    pub(in crate::store) max: T,
    pub(in crate::store) sum: T,
    pub(in crate::store) first: T,
    pub(in crate::store) last: T,
}

/// Figures as they are stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::store) enum Summary {
    /// Over 10^scale.
    Scaled(u8, Figures<i64>),
    /// As they are.
    Plain(Figures<f64>),
}

/// The values of a column in the form that costs least to go on with.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store) enum Values {
    /// One integer over 10^scale, so many times.
    Flat {
        /// The integer.
        integer: i64,
        /// Its scale.
        scale: u8,
        /// How often.
        count: usize,
    },
    /// Integers over 10^scale.
    Scaled(Vec<i64>, u8),
    /// As they are.
    Plain(Vec<f64>),
}

/// A column of values, packed.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store) struct Packed {
    pub(in crate::store) summary: Summary,
    pub(in crate::store) data: Vec<u8>,
}

impl<T: Copy> Figures<T> {
    /// The figures in one row.
    pub(in crate::store) fn all(&self) -> [T; 5] {
        [self.min, self.max, self.sum, self.first, self.last]
    }

    /// The figures of [`Figures::all`].
    pub(in crate::store) fn of([min, max, sum, first, last]: [T; 5]) -> Self {
        Self { min, max, sum, first, last }
    }
}

impl Summary {
    /// The figures as values.
    pub(in crate::store) fn values(&self) -> Option<Figures<f64>> {
        match self {
            Self::Plain(figures) => Some(*figures),
            Self::Scaled(scale, figures) => {
                let power = POWERS.get(usize::from(*scale))?;
                Some(Figures::of(figures.all().map(|figure| figure as f64 / power)))
            }
        }
    }

    fn bytes(&self) -> [u8; 41] {
        let (scale, figures) = match self {
            Self::Scaled(scale, figures) => (*scale, figures.all().map(i64::to_le_bytes)),
            Self::Plain(figures) => (u8::MAX, figures.all().map(f64::to_le_bytes)),
        };
        let mut bytes = [scale; 41];
        bytes[1..].copy_from_slice(figures.as_flattened());
        bytes
    }
}

impl Values {
    /// The figures of some of the values; `None` of none. Sums of decimals are as exact as an `f64` can say them.
    pub(in crate::store) fn figures(&self, range: Range<usize>) -> Option<Figures<f64>> {
        match self {
            Self::Flat { integer, scale, .. } => {
                let power = power(*scale)?;
                let (value, sum) =
                    (*integer as f64 / power, (i128::from(*integer) * range.len() as i128) as f64 / power);
                (!range.is_empty()).then_some(Figures { min: value, max: value, sum, first: value, last: value })
            }
            Self::Scaled(integers, scale) => {
                let (power, some) = (power(*scale)?, integers.get(range)?);
                let (&first, &last) = (some.first()?, some.last()?);
                let (mut min, mut max, mut sum) = (first, first, 0_i128);
                for &integer in some {
                    min = min.min(integer);
                    max = max.max(integer);
                    sum += i128::from(integer);
                }
                let value = |integer: i64| integer as f64 / power;
                let figures = Figures { min, max, sum: 0, first, last };
                Some(Figures { sum: sum as f64 / power, ..Figures::of(figures.all().map(value)) })
            }
            Self::Plain(values) => {
                let some = values.get(range)?;
                let (&first, &last) = (some.first()?, some.last()?);
                let mut figures = Figures { min: first, max: first, sum: 0.0, first, last };
                for &value in some {
                    figures.min = figures.min.min(value);
                    figures.max = figures.max.max(value);
                    figures.sum += value;
                }
                Some(figures)
            }
        }
    }

    /// The values themselves.
    pub(in crate::store) fn plain(self) -> Vec<f64> {
        match self {
            Self::Flat { integer, scale, count } => {
                vec![power(scale).map_or(f64::NAN, |power| integer as f64 / power); count]
            }
            Self::Scaled(integers, scale) => {
                let power = power(scale).unwrap_or(f64::NAN);
                integers.into_iter().map(|integer| integer as f64 / power).collect()
            }
            Self::Plain(values) => values,
        }
    }
}

/// What integers of a scale are divided by.
pub(in crate::store) fn power(scale: u8) -> Option<f64> {
    POWERS.get(usize::from(scale)).copied()
}

/// Packs the values of a block; `None` when there are none. `key` is the row it will have.
pub(in crate::store) fn pack(values: &[f64], key: i64) -> Result<Option<(Packed, Values)>> {
    let (Some(&first), Some(&last)) = (values.first(), values.last()) else { return Ok(None) };
    let one = values.iter().all(|value| value.to_bits() == first.to_bits());
    let (summary, mut data, numbers) = match integers(values) {
        Some((scale, integers, figures)) => {
            let data = if one { Vec::new() } else { compress(&integers)? };
            (Summary::Scaled(scale, figures), data, Values::Scaled(integers, scale))
        }
        None => {
            let mut figures = Figures { min: first, max: first, sum: 0.0, first, last };
            for &value in values {
                figures.min = figures.min.min(value);
                figures.max = figures.max.max(value);
                figures.sum += value;
            }
            let data = if one { Vec::new() } else { compress(values)? };
            (Summary::Plain(figures), data, Values::Plain(values.to_vec()))
        }
    };
    seal(&mut data, key, &summary.bytes());
    Ok(Some((Packed { summary, data }, numbers)))
}

/// Checks the column of row `key`: its summary may be believed afterwards.
pub(in crate::store) fn check(summary: &Summary, data: &[u8], key: i64) -> Result<()> {
    open(data, key, &summary.bytes()).map(|_| ())
}

/// Unpacks the `count` values of the column of row `key`.
pub(in crate::store) fn unpack(summary: &Summary, data: &[u8], count: usize, key: i64) -> Result<Values> {
    let data = open(data, key, &summary.bytes())?;
    match *summary {
        Summary::Plain(figures) if data.is_empty() => Ok(Values::Plain(vec![figures.first; count])),
        Summary::Plain(_) => Ok(Values::Plain(decompress(data, count)?)),
        Summary::Scaled(scale, _) if usize::from(scale) >= POWERS.len() => Err(DAMAGED),
        Summary::Scaled(scale, figures) if data.is_empty() => Ok(Values::Flat { integer: figures.first, scale, count }),
        Summary::Scaled(scale, _) => Ok(Values::Scaled(decompress(data, count)?, scale)),
    }
}

/// Packs whole numbers without a checksum: one column of a bundle.
pub(in crate::store) fn pack_whole(column: &[i64]) -> Result<Vec<u8>> {
    compress(column)
}

/// Unpacks [`pack_whole`].
pub(in crate::store) fn unpack_whole(data: &[u8], count: usize) -> Result<Vec<i64>> {
    decompress(data, count)
}

/// Packs values without a checksum: one column of a bundle. Its first byte is the scale, or 255.
pub(in crate::store) fn pack_values(column: &[f64]) -> Result<Vec<u8>> {
    let (scale, data) = match integers(column) {
        Some((scale, integers, _)) => (scale, compress(&integers)?),
        None => (u8::MAX, compress(column)?),
    };
    Ok([&[scale], &data[..]].concat())
}

/// Unpacks [`pack_values`].
pub(in crate::store) fn unpack_values(data: &[u8], count: usize) -> Result<Vec<f64>> {
    let (&scale, data) = data.split_first().ok_or(DAMAGED)?;
    if scale == u8::MAX {
        return decompress(data, count);
    }
    let power = *POWERS.get(usize::from(scale)).ok_or(DAMAGED)?;
    Ok(decompress::<i64>(data, count)?.into_iter().map(|integer| integer as f64 / power).collect())
}

/// The scale at which all values are integers, if there is one.
pub(in crate::store) fn scale_of<'a>(values: impl Iterator<Item = &'a f64>) -> Option<usize> {
    let mut scale = 0;
    for &value in values {
        // A value exact at one scale is exact at every larger one: both divide the same number.
        while integer(value, scale).is_none() {
            scale += 1;
            if scale >= POWERS.len() {
                return None;
            }
        }
    }
    Some(scale)
}

/// A sum of decimals without the noise of adding them one by one: at the first scale, from the one given on, at which it is
/// a decimal but for that noise. `reach` is the number of them times the largest.
pub(in crate::store) fn rounded(sum: f64, scale: Option<usize>, reach: f64) -> f64 {
    /// Each addition errs by half a unit in the last place, up or down: of a thousand some thirty.
    const NOISE: f64 = 64.0 * f64::EPSILON;
    let powers = scale.and_then(|scale| POWERS.get(scale..)).unwrap_or_default();
    let wholes = powers.iter().map(|power| ((sum * power).round(), power)).take_while(|(whole, _)| whole.abs() < MOST);
    let mut decimals = wholes.map(|(whole, power)| whole / power);
    decimals.find(|decimal| (decimal - sum).abs() <= reach * NOISE).unwrap_or(sum)
}

/// Columns one after the other, each behind its length, and a checksum that covers the key of the row.
pub(in crate::store) fn bundle(columns: &[Vec<u8>], key: i64) -> Vec<u8> {
    let mut data = Vec::with_capacity(columns.iter().map(|column| column.len() + 4).sum::<usize>() + 4);
    for column in columns {
        data.extend_from_slice(&u32::try_from(column.len()).unwrap_or(u32::MAX).to_le_bytes());
        data.extend_from_slice(column);
    }
    seal(&mut data, key, &[]);
    data
}

/// Takes a [`bundle`] apart.
pub(in crate::store) fn unbundle(data: &[u8], key: i64) -> Result<Vec<&[u8]>> {
    let mut rest = open(data, key, &[])?;
    let mut columns = Vec::new();
    while let Some((length, data)) = rest.split_first_chunk::<4>() {
        let (column, after) = data.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or(DAMAGED)?;
        columns.push(column);
        rest = after;
    }
    Ok(columns)
}

/// The values as integers over one power of ten, if that loses nothing.
fn integers(values: &[f64]) -> Option<(u8, Vec<i64>, Figures<i64>)> {
    let scale = scale_of(values.iter())?;
    let integers = values.iter().map(|&value| integer(value, scale)).collect::<Option<Vec<_>>>()?;
    let sum = i64::try_from(integers.iter().map(|&integer| i128::from(integer)).sum::<i128>()).ok()?;
    let figures = Figures {
        min: *integers.iter().min()?,
        max: *integers.iter().max()?,
        sum,
        first: *integers.first()?,
        last: *integers.last()?,
    };
    Some((u8::try_from(scale).ok()?, integers, figures))
}

fn integer(value: f64, scale: usize) -> Option<i64> {
    let power = POWERS[scale];
    let shifted = value * power;
    if shifted.abs() >= MOST {
        return None;
    }
    let integer = (shifted + if shifted < 0.0 { -0.5 } else { 0.5 }) as i64;
    ((integer as f64 / power).to_bits() == value.to_bits()).then_some(integer)
}

/// How columns begin that were packed in `pco`'s standalone format: a dozen bytes more, which count at this length.
pub(in crate::store) const STANDALONE: &[u8] = b"pco!";

/// A column as one page of one chunk of `pco`'s wrapped format: how many numbers there are is said elsewhere.
fn compress<T: pco::data_types::Number>(column: &[T]) -> Result<Vec<u8>> {
    let compress = || {
        let file = pco::wrapped::FileCompressor::default();
        let mut chunk = file.chunk_compressor(column, &pco::ChunkConfig::default())?;
        let data = file.write_header(Vec::with_capacity(64))?;
        chunk.write_page(0, chunk.write_meta(data)?)
    };
    compress().map_err(|_: pco::errors::PcoError| DAMAGED)
}

fn decompress<T: pco::data_types::Number + Default>(data: &[u8], count: usize) -> Result<Vec<T>> {
    let mut column = vec![T::default(); count];
    let progress = if data.starts_with(STANDALONE) {
        pco::standalone::simple_decompress_into(data, &mut column)
    } else {
        pco::wrapped::FileDecompressor::new(data).and_then(|(file, data)| {
            let (mut chunk, data) = file.chunk_decompressor(data)?;
            let mut page = chunk.page_decompressor(data, count)?;
            page.read(&mut column)
        })
    };
    let progress = progress.map_err(|_| DAMAGED)?;
    if progress.n_processed == count && progress.finished { Ok(column) } else { Err(DAMAGED) }
}

/// Puts a checksum behind data that belongs to row `key`.
pub(in crate::store) fn seal(data: &mut Vec<u8>, key: i64, figures: &[u8]) {
    let sum = checksum(data, key, figures);
    data.extend_from_slice(&sum.to_le_bytes());
}

/// What [`seal`] sealed, if the checksum holds.
pub(in crate::store) fn open<'a>(data: &'a [u8], key: i64, figures: &[u8]) -> Result<&'a [u8]> {
    let (data, sum) = data.split_last_chunk::<4>().ok_or(DAMAGED)?;
    if checksum(data, key, figures) == u32::from_le_bytes(*sum) { Ok(data) } else { Err(DAMAGED) }
}

fn checksum(data: &[u8], key: i64, figures: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(&key.to_le_bytes()), figures), data)
}

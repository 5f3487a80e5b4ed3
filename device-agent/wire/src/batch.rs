//! Many readings in few bytes: the body of a numbered batch, with coder and decoder in one file because they share its layout.
//!
//! A body is a base time (zigzag varint, Unix milliseconds) and then readings until it ends, each a tag byte and what the
//! tag asks for, in this order:
//!
//! ```text
//!   tag  7 6 5     4 3        2         1 0
//!        inline    sensor     time      value
//!
//!   sensor  0 the one after the previous reading's, 0 after 255; 0 at the start   1 the same   2 a byte follows
//!   time    0 that of the previous reading           1 a zigzag varint of milliseconds since it follows
//!   value   0 as this sensor's last one in the body
//!           1 mantissa changed by a zigzag delta: `inline` if that is not 0, else a varint follows
//!           2 a scale byte (0..=9) and a zigzag varint mantissa follow: value = mantissa / 10^scale
//!           3 eight bytes follow, IEEE 754 little endian
//! ```
//!
//! A scaled value is chosen only where it gives back the same bits, so the code is lossless for every finite `f64`; a
//! temperature in tenths that moves by a few of them costs one byte, a typical machine's sensors two to four.
//! Decoding never allocates more than the rows it yields (at most [`MAX_READINGS`]), whatever the bytes say.

#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::error::DecodeError;
use crate::reading::{Reading, SensorNo, UnixMillis};
use crate::varint;

/// Readings one batch may carry.
pub const MAX_READINGS: usize = 2_048;

/// Largest body that fits a datagram of [`crate::packet::MAX_DATAGRAM`] bytes: less header, tag and batch numbers.
pub const MAX_BODY: usize = crate::layout::MAX_DATAGRAM - 16 - 16 - 24;

/// Mantissas stay exact in an `f64` up to here.
const MAX_MANTISSA: i64 = 1 << 53;
const POWERS: [f64; 10] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/// Tag, sensor, time and the longest value: a scale and a varint.
const LONGEST_READING: usize = 1 + 1 + varint::MAX_LEN + 1 + varint::MAX_LEN;
const SENSORS: usize = SensorNo::LIMIT as usize;

const SENSOR_NEXT: u8 = 0;
const SENSOR_SAME: u8 = 1 << 3;
const SENSOR_GIVEN: u8 = 2 << 3;
const SENSOR_MASK: u8 = 3 << 3;
const TIME_GIVEN: u8 = 1 << 2;
const VALUE_SAME: u8 = 0;
const VALUE_DELTA: u8 = 1;
const VALUE_SCALED: u8 = 2;
const VALUE_RAW: u8 = 3;
const VALUE_MASK: u8 = 3;
const INLINE_SHIFT: u8 = 5;

/// What both sides remember of a sensor within one body.
#[derive(Debug, Clone, Copy)]
struct Last {
    value: f64,
    mantissa: i64,
    scale: u8,
    /// A reading of this sensor stands earlier in the body.
    seen: bool,
}

const UNSEEN: Last = Last { value: 0.0, mantissa: 0, scale: 0, seen: false };

/// Readings of one batch in columns of equal length.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rows {
    /// Sensor of each reading; below [`SensorNo::LIMIT`].
    pub sensor: Vec<SensorNo>,
    /// Time of each reading.
    pub at: Vec<UnixMillis>,
    /// Value of each reading; finite.
    pub value: Vec<f64>,
}

impl Rows {
    /// Readings held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sensor.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sensor.is_empty()
    }

    /// Empties the columns and keeps their memory.
    pub fn clear(&mut self) {
        self.sensor.clear();
        self.at.clear();
        self.value.clear();
    }

    /// The readings one by one.
    pub fn iter(&self) -> impl Iterator<Item = Reading> + '_ {
        let times = self.sensor.iter().zip(&self.at);
        times.zip(&self.value).map(|((&sensor, &at), &value)| Reading { sensor, at, value })
    }
}

/// Gathers readings into a body of bounded size.
#[derive(Debug, Clone)]
pub struct BatchBuilder {
    body: Vec<u8>,
    limit: usize,
    readings: usize,
    sensor: u8,
    at: i64,
    last: Box<[Last; SENSORS]>,
}

impl BatchBuilder {
    /// A builder of bodies of at most `limit` bytes, and at least one reading.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let limit = limit.clamp(varint::MAX_LEN + LONGEST_READING, MAX_BODY);
        Self { body: Vec::new(), limit, readings: 0, sensor: u8::MAX, at: 0, last: Box::new([UNSEEN; SENSORS]) }
    }

    /// Readings in the body so far.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.readings
    }

    /// Whether the body holds no reading.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.readings == 0
    }

    /// Adds a reading; `false`, with nothing changed, when the body has no room for it.
    ///
    /// A value that is not finite or a sensor past [`SensorNo::LIMIT`] never fits any body: callers check these first,
    /// and get `true` with nothing added, so that no loop waits for room that will not come.
    pub fn push(&mut self, reading: &Reading) -> bool {
        let Ok(sensor) = u8::try_from(reading.sensor.0) else { return true };
        if !reading.value.is_finite() {
            return true;
        }
        if self.readings == MAX_READINGS {
            return false;
        }
        let mut text = [0; LONGEST_READING];
        let first = self.readings == 0;
        if first {
            self.at = reading.at.0;
        }
        let mut tag = 0;
        let mut used = 1;
        if sensor == self.sensor.wrapping_add(1) {
            tag |= SENSOR_NEXT;
        } else if sensor == self.sensor && !first {
            tag |= SENSOR_SAME;
        } else {
            tag |= SENSOR_GIVEN;
            text[used] = sensor;
            used += 1;
        }
        if reading.at.0 != self.at {
            tag |= TIME_GIVEN;
            used += varint::write(&mut text[used..], varint::zigzag(reading.at.0.wrapping_sub(self.at)));
        }
        let before = self.last[usize::from(sensor)];
        let after = encode_value(before, reading.value, &mut tag, &mut text, &mut used);
        text[0] = tag;

        let base = if first { varint::MAX_LEN } else { 0 };
        if self.body.len() + base + used > self.limit {
            return false;
        }
        if first {
            varint::put(&mut self.body, varint::zigzag(reading.at.0));
        }
        self.body.extend_from_slice(&text[..used]);
        self.last[usize::from(sensor)] = after;
        self.sensor = sensor;
        self.at = reading.at.0;
        self.readings += 1;
        true
    }

    /// The body, and an empty builder again.
    pub fn finish(&mut self) -> Vec<u8> {
        let size = self.body.len();
        let body = core::mem::replace(&mut self.body, Vec::with_capacity(size));
        self.readings = 0;
        self.sensor = u8::MAX;
        self.last.fill(UNSEEN);
        body
    }
}

fn encode_value(before: Last, value: f64, tag: &mut u8, text: &mut [u8], used: &mut usize) -> Last {
    if before.seen && before.value.to_bits() == value.to_bits() {
        *tag |= VALUE_SAME;
        return before;
    }
    if let Some(mantissa) = scaled(value, before.scale).filter(|_| before.seen) {
        let delta = varint::zigzag(mantissa - before.mantissa);
        *tag |= VALUE_DELTA;
        match u8::try_from(delta) {
            // A raw value in between may leave the mantissa where it was: a delta of 0 is then not "same".
            Ok(inline @ 1..=7) => *tag |= inline << INLINE_SHIFT,
            _ => *used += varint::write(&mut text[*used..], delta),
        }
        return Last { value, mantissa, ..before };
    }
    for scale in 0..POWERS.len() as u8 {
        if let Some(mantissa) = scaled(value, scale) {
            *tag |= VALUE_SCALED;
            text[*used] = scale;
            *used += 1;
            *used += varint::write(&mut text[*used..], varint::zigzag(mantissa));
            return Last { value, mantissa, scale, seen: true };
        }
    }
    *tag |= VALUE_RAW;
    text[*used..*used + 8].copy_from_slice(&value.to_le_bytes());
    *used += 8;
    Last { value, seen: true, ..before }
}

/// The mantissa of `value` at `scale`, if it gives back the same bits.
fn scaled(value: f64, scale: u8) -> Option<i64> {
    let power = POWERS[usize::from(scale)];
    let shifted = value * power;
    if !(-(MAX_MANTISSA as f64)..=MAX_MANTISSA as f64).contains(&shifted) {
        return None;
    }
    let mantissa = (shifted + if shifted < 0.0 { -0.5 } else { 0.5 }) as i64;
    let same = (mantissa as f64 / power).to_bits() == value.to_bits();
    (same && mantissa.abs() <= MAX_MANTISSA).then_some(mantissa)
}

/// The body with every reading moved by `ms`: times within a body are relative to its base. `None` if it has no base.
///
/// A base of more digits makes it up to six bytes longer, for which [`MAX_BODY`] leaves room.
#[must_use]
pub fn moved(body: &[u8], ms: i64) -> Option<Vec<u8>> {
    let mut rest = body;
    let base = varint::unzigzag(varint::take(&mut rest).ok()?);
    let mut moved = Vec::with_capacity(body.len() + varint::MAX_LEN);
    varint::put(&mut moved, varint::zigzag(base.saturating_add(ms)));
    moved.extend_from_slice(rest);
    Some(moved)
}

/// The time of the first reading of a body; `None` if it cannot be read.
#[must_use]
pub fn starts_at(body: &[u8]) -> Option<UnixMillis> {
    let mut rest = body;
    let base = varint::unzigzag(varint::take(&mut rest).ok()?);
    Some(UnixMillis(base))
}

/// Appends the readings of a body to `rows`.
///
/// # Errors
/// Any byte string either decodes or names what is wrong; `rows` then holds the readings before the fault.
pub fn decode(body: &[u8], rows: &mut Rows) -> Result<(), DecodeError> {
    let mut input = body;
    let input = &mut input;
    let mut at = varint::unzigzag(varint::take(input)?);
    let mut sensor = u8::MAX;
    let mut last = [UNSEEN; SENSORS];
    let mut readings = 0;
    while let Some((&tag, rest)) = input.split_first() {
        *input = rest;
        readings += 1;
        if readings > MAX_READINGS {
            return Err(DecodeError::TooMany);
        }
        sensor = match tag & SENSOR_MASK {
            SENSOR_NEXT => sensor.wrapping_add(1),
            SENSOR_SAME => sensor,
            SENSOR_GIVEN => take_byte(input)?,
            _ => return Err(DecodeError::Reserved),
        };
        if tag & TIME_GIVEN != 0 {
            at = at.wrapping_add(varint::unzigzag(varint::take(input)?));
        }
        let slot = &mut last[usize::from(sensor)];
        decode_value(tag, slot, input)?;
        rows.sensor.push(SensorNo(u16::from(sensor)));
        rows.at.push(UnixMillis(at));
        rows.value.push(slot.value);
    }
    Ok(())
}

fn decode_value(tag: u8, slot: &mut Last, input: &mut &[u8]) -> Result<(), DecodeError> {
    let kind = tag & VALUE_MASK;
    let inline = tag >> INLINE_SHIFT;
    if inline != 0 && kind != VALUE_DELTA {
        return Err(DecodeError::Reserved);
    }
    if !slot.seen && matches!(kind, VALUE_SAME | VALUE_DELTA) {
        return Err(DecodeError::Malformed);
    }
    match kind {
        VALUE_SAME => return Ok(()),
        VALUE_DELTA => {
            let delta = if inline == 0 { varint::take(input)? } else { u64::from(inline) };
            slot.mantissa = slot.mantissa.wrapping_add(varint::unzigzag(delta));
        }
        VALUE_SCALED => {
            slot.scale = take_byte(input)?;
            slot.mantissa = varint::unzigzag(varint::take(input)?);
        }
        _ => {
            let (bytes, rest) = input.split_first_chunk::<8>().ok_or(DecodeError::Truncated)?;
            *input = rest;
            slot.value = f64::from_le_bytes(*bytes);
            slot.seen = true;
            return if slot.value.is_finite() { Ok(()) } else { Err(DecodeError::NotFinite) };
        }
    }
    let power = POWERS.get(usize::from(slot.scale)).ok_or(DecodeError::OutOfRange)?;
    if slot.mantissa.unsigned_abs() > MAX_MANTISSA as u64 {
        return Err(DecodeError::OutOfRange);
    }
    slot.value = slot.mantissa as f64 / power;
    slot.seen = true;
    Ok(())
}

fn take_byte(input: &mut &[u8]) -> Result<u8, DecodeError> {
    let (&byte, rest) = input.split_first().ok_or(DecodeError::Truncated)?;
    *input = rest;
    Ok(byte)
}

//! Variable-length integers: seven bits a byte, lowest first; signed ones by zigzag. LEB128 as in Protocol Buffers.

use alloc::vec::Vec;

use crate::error::DecodeError;

/// Longest encoding of 64 bits.
pub const MAX_LEN: usize = 10;

/// Appends a number.
pub fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Writes into a fixed buffer and returns the bytes used.
pub(crate) fn write(out: &mut [u8], mut value: u64) -> usize {
    let mut used = 0;
    while value >= 0x80 {
        out[used] = value as u8 | 0x80;
        used += 1;
        value >>= 7;
    }
    out[used] = value as u8;
    used + 1
}

/// Takes a number from the front.
///
/// # Errors
/// The bytes end within it, or it has more than 64 bits.
pub fn take(input: &mut &[u8]) -> Result<u64, DecodeError> {
    let (&first, rest) = input.split_first().ok_or(DecodeError::Truncated)?;
    if first < 0x80 {
        *input = rest;
        return Ok(u64::from(first));
    }
    let mut value = 0_u64;
    for (index, &byte) in input.iter().take(MAX_LEN).enumerate() {
        // The tenth byte carries the last bit only.
        if index == MAX_LEN - 1 && byte > 1 {
            return Err(DecodeError::OutOfRange);
        }
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            *input = &input[index + 1..];
            return Ok(value);
        }
    }
    Err(if input.len() < MAX_LEN { DecodeError::Truncated } else { DecodeError::OutOfRange })
}

/// A signed number as one that is small when it is near 0.
#[must_use]
pub const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The inverse of [`zigzag`].
#[must_use]
pub const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

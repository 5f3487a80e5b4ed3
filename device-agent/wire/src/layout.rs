//! How long each packet is, where its parts lie, and the parts as they lie there; [`crate::packet`] has the picture.

use alloc::vec::Vec;

use crate::error::DecodeError;

/// Version of the protocol this crate speaks.
pub const VERSION: u8 = 1;
/// Largest UDP payload either side sends: fits the minimum MTU of IPv6 (1,280), so that no datagram is ever fragmented.
pub const MAX_DATAGRAM: usize = 1_232;
/// Bytes before the ciphertext of a data packet.
pub const DATA_HEADER: usize = 16;
/// Bytes of an authentication tag.
pub const TAG: usize = 16;

pub(crate) const HS1_LEN: usize = 192;
pub(crate) const HS1_NOISE: usize = 118;
pub(crate) const HS1_MAC1: usize = 8 + HS1_NOISE;
pub(crate) const HS1_MAC2: usize = HS1_MAC1 + 16;
pub(crate) const HS1_PAD: usize = HS1_MAC2 + 16;
pub(crate) const HS2_LEN: usize = 12 + HS2_NOISE + 16;
pub(crate) const HS2_NOISE: usize = 64;
pub(crate) const HS2_MAC1: usize = 12 + HS2_NOISE;
/// Length of a cookie reply; shorter than the handshake that asks for it.
pub const COOKIE_LEN: usize = 64;

pub(crate) const TYPE_HS1: u8 = 0x01;
pub(crate) const TYPE_HS2: u8 = 0x02;
pub(crate) const TYPE_COOKIE: u8 = 0x03;
pub(crate) const TYPE_DATA: u8 = 0x04;
pub(crate) const TYPE_PROBE: u8 = 0x10;
pub(crate) const TYPE_ANSWER: u8 = 0x11;

/// First handshake message as it lies in the datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hs1<'a> {
    /// The device's name for the session.
    pub sender: u32,
    /// The Noise message.
    pub noise: &'a [u8; HS1_NOISE],
    /// Shows that the sender knows the hub's key.
    pub mac1: &'a [u8; 16],
    /// Shows that the sender owns its address; zero unless asked for.
    pub mac2: &'a [u8; 16],
    /// The bytes that `mac1` covers; `mac2` covers these and `mac1`.
    pub(crate) datagram: &'a [u8; HS1_LEN],
}

/// Second handshake message as it lies in the datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hs2<'a> {
    /// The hub's name for the session.
    pub sender: u32,
    /// The device's name for the session.
    pub receiver: u32,
    /// The Noise message.
    pub noise: &'a [u8; HS2_NOISE],
    /// Shows that the sender knows the device's key.
    pub mac1: &'a [u8; 16],
    pub(crate) datagram: &'a [u8; HS2_LEN],
}

/// Cookie reply as it lies in the datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cookie<'a> {
    /// The device's name for the session it asked for.
    pub receiver: u32,
    /// Nonce of the encryption.
    pub nonce: &'a [u8; 24],
    /// The encrypted cookie.
    pub sealed: &'a [u8; 32],
}

/// Sealed message as it lies in the datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Data<'a> {
    /// The receiver's name for the session.
    pub receiver: u32,
    /// The sender's packet counter.
    pub counter: u64,
    /// Ciphertext and tag.
    pub sealed: &'a [u8],
}

impl Data<'_> {
    /// Appends the header of a data packet.
    pub(crate) fn put_header(receiver: u32, counter: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&[TYPE_DATA, 0, 0, 0]);
        out.extend_from_slice(&receiver.to_le_bytes());
        out.extend_from_slice(&counter.to_le_bytes());
    }
}

pub(crate) fn exact<const N: usize>(datagram: &[u8]) -> Result<&[u8; N], DecodeError> {
    match datagram.len() {
        length if length < N => Err(DecodeError::Truncated),
        length if length > N => Err(DecodeError::Trailing),
        _ => part(datagram, 0),
    }
}

pub(crate) fn part<const N: usize>(bytes: &[u8], start: usize) -> Result<&[u8; N], DecodeError> {
    bytes.get(start..).and_then(|rest| rest.first_chunk()).ok_or(DecodeError::Truncated)
}

pub(crate) fn zero(bytes: &[u8]) -> Result<(), DecodeError> {
    if bytes.iter().all(|byte| *byte == 0) { Ok(()) } else { Err(DecodeError::Reserved) }
}

pub(crate) fn version(found: u8) -> Result<(), DecodeError> {
    if found == VERSION { Ok(()) } else { Err(DecodeError::Version(found)) }
}

pub(crate) fn u32_at(bytes: &[u8], start: usize) -> u32 {
    part(bytes, start).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

pub(crate) fn u64_at(bytes: &[u8], start: usize) -> u64 {
    part(bytes, start).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

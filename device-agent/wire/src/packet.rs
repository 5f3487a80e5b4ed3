//! The outer datagram: which of six packets it is, and where its parts lie.
//!
//! All numbers little endian; byte 0 is the type; reserved bits must be zero; sizes are exact.
//!
//! ```text
//! 0x01 HS1     ver rsv[2] sender u32 │ e[32] enc_s[48] enc_payload[38] │ mac1[16] mac2[16] pad..192
//! 0x02 HS2     ver rsv[2] sender u32 receiver u32 │ e[32] enc_payload[32] │ mac1[16]                   92
//! 0x03 COOKIE  rsv[3] receiver u32 nonce[24] enc_cookie[32]                                            64
//! 0x04 DATA    flags rsv[2] receiver u32 counter u64 │ ciphertext.. tag[16]                      32..1232
//! 0x10 PROBE   ver_min ver_max flags nonce[8] pad..160
//! 0x11 ANSWER  ver flags hub_id[16] hub_pub[32] port u16 nonce[8]                                      61
//! ```
//!
//! [`Packet::parse`] borrows, allocates nothing and never panics; it says what the bytes claim, not that they are true.

use alloc::vec::Vec;

use crate::discovery::{Answer, Probe};
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
const HS1_PAD: usize = HS1_MAC2 + 16;
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

/// One datagram, told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet<'a> {
    /// First message of a handshake, device to hub.
    Hs1(Hs1<'a>),
    /// Second message of a handshake, hub to device.
    Hs2(Hs2<'a>),
    /// The hub is busy: prove that this address is yours.
    Cookie(Cookie<'a>),
    /// A sealed message, either way.
    Data(Data<'a>),
    /// Is there a hub?
    Probe(Probe),
    /// Here is one.
    Answer(Answer),
}

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

impl<'a> Packet<'a> {
    /// Tells a datagram apart.
    ///
    /// # Errors
    /// What is wrong with it, if anything is: sizes, reserved bits, version or type.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, DecodeError> {
        match *datagram.first().ok_or(DecodeError::Truncated)? {
            TYPE_DATA => parse_data(datagram).map(Self::Data),
            TYPE_HS1 => parse_hs1(exact(datagram)?).map(Self::Hs1),
            TYPE_HS2 => parse_hs2(exact(datagram)?).map(Self::Hs2),
            TYPE_COOKIE => parse_cookie(exact(datagram)?).map(Self::Cookie),
            TYPE_PROBE => Probe::parse(exact(datagram)?).map(Self::Probe),
            TYPE_ANSWER => Answer::parse(exact(datagram)?).map(Self::Answer),
            other => Err(DecodeError::UnknownType(other)),
        }
    }
}

fn parse_data(datagram: &[u8]) -> Result<Data<'_>, DecodeError> {
    let (header, sealed) = datagram.split_first_chunk::<DATA_HEADER>().ok_or(DecodeError::Truncated)?;
    if sealed.len() < TAG {
        return Err(DecodeError::Truncated);
    }
    if datagram.len() > MAX_DATAGRAM {
        return Err(DecodeError::Trailing);
    }
    zero(&header[1..4])?;
    Ok(Data { receiver: u32_at(header, 4), counter: u64_at(header, 8), sealed })
}

fn parse_hs1(datagram: &[u8; HS1_LEN]) -> Result<Hs1<'_>, DecodeError> {
    version(datagram[1])?;
    zero(&datagram[2..4])?;
    zero(&datagram[HS1_PAD..])?;
    Ok(Hs1 {
        sender: u32_at(datagram, 4),
        noise: part(datagram, 8)?,
        mac1: part(datagram, HS1_MAC1)?,
        mac2: part(datagram, HS1_MAC2)?,
        datagram,
    })
}

fn parse_hs2(datagram: &[u8; HS2_LEN]) -> Result<Hs2<'_>, DecodeError> {
    version(datagram[1])?;
    zero(&datagram[2..4])?;
    Ok(Hs2 {
        sender: u32_at(datagram, 4),
        receiver: u32_at(datagram, 8),
        noise: part(datagram, 12)?,
        mac1: part(datagram, HS2_MAC1)?,
        datagram,
    })
}

fn parse_cookie(datagram: &[u8; COOKIE_LEN]) -> Result<Cookie<'_>, DecodeError> {
    zero(&datagram[1..4])?;
    Ok(Cookie { receiver: u32_at(datagram, 4), nonce: part(datagram, 8)?, sealed: part(datagram, 32)? })
}

impl Data<'_> {
    /// Appends the header of a data packet.
    pub(crate) fn put_header(receiver: u32, counter: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&[TYPE_DATA, 0, 0, 0]);
        out.extend_from_slice(&receiver.to_le_bytes());
        out.extend_from_slice(&counter.to_le_bytes());
    }
}

fn exact<const N: usize>(datagram: &[u8]) -> Result<&[u8; N], DecodeError> {
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

fn version(found: u8) -> Result<(), DecodeError> {
    if found == VERSION { Ok(()) } else { Err(DecodeError::Version(found)) }
}

fn u32_at(bytes: &[u8], start: usize) -> u32 {
    part(bytes, start).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8], start: usize) -> u64 {
    part(bytes, start).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

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

use crate::discovery::{Answer, Probe};
use crate::error::DecodeError;
pub use crate::layout::{COOKIE_LEN, Cookie, DATA_HEADER, Data, Hs1, Hs2, MAX_DATAGRAM, TAG, VERSION};
use crate::layout::{
    HS1_LEN, HS1_MAC1, HS1_MAC2, HS1_PAD, HS2_LEN, HS2_MAC1, TYPE_ANSWER, TYPE_COOKIE, TYPE_DATA, TYPE_HS1, TYPE_HS2,
    TYPE_PROBE, exact, part, u32_at, u64_at, version, zero,
};

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

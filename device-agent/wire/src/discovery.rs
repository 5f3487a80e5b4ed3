//! Finding a hub: a probe by multicast (or to a known address), an answer by unicast.
//!
//! An answer is shorter than the probe, so the hub never amplifies. It reveals the hub's key and port and nothing that
//! helps a scanner: no version, no name, no count. Discovery is never trusted: it yields candidates, the handshake decides.

use alloc::vec::Vec;
use core::net::{Ipv4Addr, Ipv6Addr};

use crate::error::DecodeError;
use crate::identity::{HubId, Id, PublicKey};
use crate::layout::{TYPE_ANSWER, TYPE_PROBE, VERSION, part, zero};

/// IPv4 group that hubs listen on: administratively scoped (RFC 2365), never routed.
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(239, 255, 84, 72);
/// IPv6 group that hubs listen on: link-local scope.
pub const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0x5448, 0x5542);
/// UDP port of the groups; the hub's data port is another one, named in its answer.
pub const DISCOVERY_PORT: u16 = 5771;
/// Hop limit of everything sent to a group.
pub const HOP_LIMIT: u32 = 1;

pub(crate) const PROBE_LEN: usize = 160;
pub(crate) const ANSWER_LEN: usize = 61;

/// Is there a hub? 160 bytes, so that every answer is shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// Lowest protocol version the asker speaks.
    pub version_min: u8,
    /// Highest protocol version the asker speaks.
    pub version_max: u8,
    /// Given back in the answer, so that an answer nobody asked for is told apart.
    pub nonce: [u8; 8],
}

/// Here is a hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Whether strangers may ask to join.
    pub accepting: bool,
    /// Hash of `key`.
    pub hub: HubId,
    /// The hub's key.
    pub key: PublicKey,
    /// UDP port of the hub at the address this came from.
    pub port: u16,
    /// From the probe; zeros when the hub announces itself unasked.
    pub nonce: [u8; 8],
}

impl Probe {
    /// A probe for the version this crate speaks.
    #[must_use]
    pub const fn new(nonce: [u8; 8]) -> Self {
        Self { version_min: VERSION, version_max: VERSION, nonce }
    }

    /// Whether the asker speaks the version of this crate.
    #[must_use]
    pub const fn is_compatible(&self) -> bool {
        self.version_min <= VERSION && VERSION <= self.version_max
    }

    /// The datagram.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(PROBE_LEN);
        out.extend_from_slice(&[TYPE_PROBE, self.version_min, self.version_max, 0]);
        out.extend_from_slice(&self.nonce);
        out.resize(PROBE_LEN, 0);
        out
    }

    pub(crate) fn parse(datagram: &[u8; PROBE_LEN]) -> Result<Self, DecodeError> {
        zero(&datagram[3..4])?;
        zero(&datagram[12..])?;
        Ok(Self { version_min: datagram[1], version_max: datagram[2], nonce: *part(datagram, 4)? })
    }
}

impl Answer {
    /// The datagram.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(ANSWER_LEN);
        out.extend_from_slice(&[TYPE_ANSWER, VERSION, u8::from(self.accepting)]);
        out.extend_from_slice(self.hub.as_bytes());
        out.extend_from_slice(&self.key.0);
        out.extend_from_slice(&self.port.to_le_bytes());
        out.extend_from_slice(&self.nonce);
        out
    }

    pub(crate) fn parse(datagram: &[u8; ANSWER_LEN]) -> Result<Self, DecodeError> {
        if datagram[1] != VERSION {
            return Err(DecodeError::Version(datagram[1]));
        }
        zero(&[datagram[2] & !1])?;
        let key = PublicKey(*part(datagram, 19)?);
        let hub = Id::from_bytes(*part(datagram, 3)?);
        if hub != Id::of(&key) {
            return Err(DecodeError::NotAuthentic);
        }
        let port = u16::from_le_bytes(*part(datagram, 51)?);
        Ok(Self { accepting: datagram[2] == 1, hub, key, port, nonce: *part(datagram, 53)? })
    }
}

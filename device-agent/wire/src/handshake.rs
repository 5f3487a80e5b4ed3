//! Opening a session: Noise `IKpsk2` in WireGuard's manner, one round trip, and one file: each side reads at the same place of a
//! datagram what the other wrote there.
//!
//! ```text
//!   device                                   hub
//!   Initiator::start ── HS1 ───────────────▶ Responder::read      who asks, with which token; no state kept
//!        (busy?)     ◀── COOKIE ──────────── cookie_reply         prove that the address is yours
//!   Initiator::finish ◀─ HS2 ─────────────── Received::accept     the hub picks the pre-shared key now
//!   Transport ═══════════ DATA ════════════▶ Transport            the first one confirms the key
//! ```
//!
//! The pre-shared key is [`NO_PSK`] for a device that is known or waits for a click, and [`JoinToken::psk`] for one that
//! joins with a token. A token therefore proves the hub to the device too: a hub that does not know it cannot make HS2.
//!
//! `mac1` is keyed with the hub's public key: who never saw it costs the hub one hash. `mac2` is keyed with a cookie that
//! only the owner of an address can have received. The Noise prologue binds version and hub id.

mod join_token;

use alloc::format;
use alloc::vec::Vec;

use blake2::digest::consts::U16;
use blake2::digest::{KeyInit, Mac};
use blake2::{Blake2s256, Blake2sMac, Digest};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use crate::error::DecodeError;
pub use crate::identity::NOISE_PATTERN;
use crate::identity::{Id, KeyPair, PublicKey};
use crate::layout::{
    COOKIE_LEN, Cookie, HS1_LEN, HS1_MAC1, HS1_MAC2, HS1_NOISE, HS2_LEN, HS2_MAC1, HS2_NOISE, Hs1, Hs2, TYPE_COOKIE,
    TYPE_HS1, TYPE_HS2, VERSION, part, zero,
};
use crate::reading::UnixMillis;
use crate::seal::Transport;
pub use join_token::{JoinToken, TokenError, join_psk};

/// Pre-shared key of a device that is known or waits for a click.
pub const NO_PSK: [u8; 32] = [0; 32];

const OFFER_LEN: usize = 22;
const VERDICT_LEN: usize = 16;
const PSK_POSITION: u8 = 2;

/// Why a handshake could not go on at this side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the Noise library refused: no randomness, or an impossible key")]
pub struct NoiseError;

/// What a device says in its first message. It can be replayed, so it holds no reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// `boot << 32 | n`, higher in each handshake of this key; a lower or equal one is a replay.
    pub counter: u64,
    /// Join token used; 0 for none.
    pub token: u64,
    /// Which start of the agent speaks.
    pub start: Start,
    /// Largest datagram the device takes.
    pub mtu: u16,
}

/// Which start of an agent speaks, by a number drawn at random, and which one was before it on the same state folder: so the
/// hub tells a machine from a copy of it. Both 0 from an agent that does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Start {
    /// This one.
    pub number: u16,
    /// The one before; 0 for none.
    pub before: u16,
}

/// Whether the hub takes this device's readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Standing {
    /// Readings are stored and acknowledged.
    Adopted,
    /// Nothing is stored until a person adopts the device.
    Pending,
}

/// What the hub says in the second message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The hub's clock.
    pub now: UnixMillis,
    /// Batches the device may have in flight.
    pub credit: u32,
    /// Sensors of this device the hub knows, from number 0.
    pub known_sensors: u16,
    /// Adopted or pending.
    pub standing: Standing,
}

/// The device's side of a handshake under way.
#[derive(Debug)]
pub struct Initiator {
    /// Gone once finished.
    noise: Option<snow::HandshakeState>,
    hub: PublicKey,
    device: PublicKey,
    index: u32,
    datagram: [u8; HS1_LEN],
}

impl Initiator {
    /// Starts a handshake; the datagram to send is [`Initiator::datagram`].
    ///
    /// `index` is the device's own name for the session, unique among those it has open.
    ///
    /// # Errors
    /// [`NoiseError`] when there is no randomness or `hub` is no key.
    pub fn start(
        keys: &KeyPair,
        hub: &PublicKey,
        psk: &[u8; 32],
        offer: &Offer,
        index: u32,
    ) -> Result<Self, NoiseError> {
        let prologue = prologue(hub);
        let mut noise = builder(&prologue)?
            .local_private_key(&keys.secret)
            .and_then(|builder| builder.remote_public_key(&hub.0))
            .and_then(|builder| builder.psk(PSK_POSITION, psk))
            .and_then(snow::Builder::build_initiator)
            .map_err(|_| NoiseError)?;
        let mut datagram = [0; HS1_LEN];
        datagram[0] = TYPE_HS1;
        datagram[1] = VERSION;
        datagram[4..8].copy_from_slice(&index.to_le_bytes());
        noise.write_message(&offer.encode(), &mut datagram[8..8 + HS1_NOISE]).map_err(|_| NoiseError)?;
        let tag = mac(&mac1_key(hub), &[&datagram[..HS1_MAC1]]);
        datagram[HS1_MAC1..HS1_MAC2].copy_from_slice(&tag);
        Ok(Self { noise: Some(noise), hub: *hub, device: keys.public, index, datagram })
    }

    /// The datagram to send, and to send again when no answer comes.
    #[must_use]
    pub const fn datagram(&self) -> &[u8] {
        &self.datagram
    }

    /// The device's name for the session.
    #[must_use]
    pub const fn index(&self) -> u32 {
        self.index
    }

    /// The hub it is for.
    #[must_use]
    pub const fn hub(&self) -> &PublicKey {
        &self.hub
    }

    /// Takes a cookie: the datagram carries its proof from here on.
    ///
    /// # Errors
    /// The cookie is not for this handshake.
    pub fn take_cookie(&mut self, cookie: &Cookie<'_>) -> Result<(), DecodeError> {
        let payload = Payload { msg: cookie.sealed, aad: &self.datagram[HS1_MAC1..HS1_MAC2] };
        let plain = XChaCha20Poly1305::new(&cookie_key(&self.hub).into())
            .decrypt(XNonce::from_slice(cookie.nonce), payload)
            .map_err(|_| DecodeError::NotAuthentic)?;
        let tag = mac(&plain, &[&self.datagram[..HS1_MAC2]]);
        self.datagram[HS1_MAC2..HS1_MAC2 + 16].copy_from_slice(&tag);
        Ok(())
    }

    /// Finishes with the hub's answer. A forged one changes nothing, so the true one may still come.
    ///
    /// # Errors
    /// The answer is not the hub's, or not for this handshake.
    pub fn finish(&mut self, answer: &Hs2<'_>) -> Result<(Transport, Verdict), DecodeError> {
        if answer.receiver != self.index
            || !equal(&mac(&mac1_key(&self.device), &[&answer.datagram[..HS2_MAC1]]), answer.mac1)
        {
            return Err(DecodeError::NotAuthentic);
        }
        let mut payload = [0; HS2_NOISE];
        let noise = self.noise.as_mut().ok_or(DecodeError::Replayed)?;
        let length = noise.read_message(answer.noise, &mut payload).map_err(|_| DecodeError::NotAuthentic)?;
        let verdict = Verdict::decode(payload.get(..length).ok_or(DecodeError::Truncated)?)?;
        let done = self.noise.take().ok_or(DecodeError::Replayed)?;
        let keys = done.into_stateless_transport_mode().map_err(|_| DecodeError::NotAuthentic)?;
        Ok((Transport::new(keys, answer.sender), verdict))
    }
}

/// The hub's side: reads first messages.
#[derive(Debug, Clone)]
pub struct Responder {
    keys: KeyPair,
    mac1: [u8; 32],
    cookie: [u8; 32],
}

/// A first message that was read: who asks for what. Dropping it leaves no trace.
#[derive(Debug)]
pub struct Received {
    noise: snow::HandshakeState,
    /// The device's key; it was used, but the message may be a replay.
    pub device: PublicKey,
    /// What it says.
    pub offer: Offer,
    peer: u32,
}

impl Responder {
    /// A responder for this hub.
    #[must_use]
    pub fn new(keys: KeyPair) -> Self {
        let (mac1, cookie) = (mac1_key(&keys.public), cookie_key(&keys.public));
        Self { keys, mac1, cookie }
    }

    /// The hub's public key.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.keys.public
    }

    /// Whether the sender knows the hub's key: one hash, before anything costly.
    #[must_use]
    pub fn knows_us(&self, hs1: &Hs1<'_>) -> bool {
        equal(&mac(&self.mac1, &[&hs1.datagram[..HS1_MAC1]]), hs1.mac1)
    }

    /// Whether the sender has the cookie of its address.
    #[must_use]
    pub fn owns_address(&self, hs1: &Hs1<'_>, cookie: &[u8; 16]) -> bool {
        equal(&mac(cookie, &[&hs1.datagram[..HS1_MAC2]]), hs1.mac2)
    }

    /// The reply that hands `cookie` to whoever receives at the sender's address. `nonce` is random.
    ///
    /// # Errors
    /// Never in practice; the cipher refuses only absurd lengths.
    pub fn cookie_reply(&self, hs1: &Hs1<'_>, cookie: &[u8; 16], nonce: &[u8; 24]) -> Result<Vec<u8>, NoiseError> {
        let sealed = XChaCha20Poly1305::new(&self.cookie.into())
            .encrypt(XNonce::from_slice(nonce), Payload { msg: cookie, aad: hs1.mac1 })
            .map_err(|_| NoiseError)?;
        let mut out = Vec::with_capacity(COOKIE_LEN);
        out.extend_from_slice(&[TYPE_COOKIE, 0, 0, 0]);
        out.extend_from_slice(&hs1.sender.to_le_bytes());
        out.extend_from_slice(nonce);
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    /// Reads a first message: curve arithmetic, so it comes after every cheaper check. No state is kept.
    ///
    /// # Errors
    /// It is not for this hub, or not from the key it claims.
    pub fn read(&self, hs1: &Hs1<'_>) -> Result<Received, DecodeError> {
        let prologue = prologue(&self.keys.public);
        let mut noise = builder(&prologue)
            .and_then(|builder| builder.local_private_key(&self.keys.secret).map_err(|_| NoiseError))
            .and_then(|builder| builder.build_responder().map_err(|_| NoiseError))
            .map_err(|_| DecodeError::NotAuthentic)?;
        let mut payload = [0; HS1_NOISE];
        let length = noise.read_message(hs1.noise, &mut payload).map_err(|_| DecodeError::NotAuthentic)?;
        let offer = Offer::decode(payload.get(..length).ok_or(DecodeError::Truncated)?)?;
        let device = noise.get_remote_static().ok_or(DecodeError::NotAuthentic)?;
        let device = PublicKey(*part(device, 0)?);
        Ok(Received { noise, device, offer, peer: hs1.sender })
    }
}

impl Received {
    /// Accepts: the session, and the datagram to answer with.
    ///
    /// # Errors
    /// [`NoiseError`] when there is no randomness.
    pub fn accept(mut self, psk: &[u8; 32], verdict: &Verdict, index: u32) -> Result<(Transport, Vec<u8>), NoiseError> {
        let mut datagram = [0; HS2_LEN];
        datagram[0] = TYPE_HS2;
        datagram[1] = VERSION;
        datagram[4..8].copy_from_slice(&index.to_le_bytes());
        datagram[8..12].copy_from_slice(&self.peer.to_le_bytes());
        self.noise
            .set_psk(usize::from(PSK_POSITION), psk)
            .and_then(|()| self.noise.write_message(&verdict.encode(), &mut datagram[12..12 + HS2_NOISE]))
            .map_err(|_| NoiseError)?;
        let tag = mac(&mac1_key(&self.device), &[&datagram[..HS2_MAC1]]);
        datagram[HS2_MAC1..].copy_from_slice(&tag);
        let keys = self.noise.into_stateless_transport_mode().map_err(|_| NoiseError)?;
        Ok((Transport::new(keys, self.peer), datagram.to_vec()))
    }
}

impl Offer {
    fn encode(&self) -> [u8; OFFER_LEN] {
        let mut out = [0; OFFER_LEN];
        out[..8].copy_from_slice(&self.counter.to_le_bytes());
        out[8..16].copy_from_slice(&self.token.to_le_bytes());
        out[16..18].copy_from_slice(&self.start.number.to_le_bytes());
        out[18..20].copy_from_slice(&self.start.before.to_le_bytes());
        out[20..].copy_from_slice(&self.mtu.to_le_bytes());
        out
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() != OFFER_LEN {
            return Err(DecodeError::Malformed);
        }
        Ok(Self {
            counter: u64::from_le_bytes(*part(bytes, 0)?),
            token: u64::from_le_bytes(*part(bytes, 8)?),
            start: Start {
                number: u16::from_le_bytes(*part(bytes, 16)?),
                before: u16::from_le_bytes(*part(bytes, 18)?),
            },
            mtu: u16::from_le_bytes(*part(bytes, 20)?),
        })
    }
}

impl Verdict {
    fn encode(&self) -> [u8; VERDICT_LEN] {
        let mut out = [0; VERDICT_LEN];
        out[..8].copy_from_slice(&self.now.0.to_le_bytes());
        out[8..12].copy_from_slice(&self.credit.to_le_bytes());
        out[12..14].copy_from_slice(&self.known_sensors.to_le_bytes());
        out[14] = u8::from(self.standing == Standing::Pending);
        out
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() != VERDICT_LEN {
            return Err(DecodeError::Malformed);
        }
        zero(&[bytes[14] & !1, bytes[15]])?;
        Ok(Self {
            now: UnixMillis(i64::from_le_bytes(*part(bytes, 0)?)),
            credit: u32::from_le_bytes(*part(bytes, 8)?),
            known_sensors: u16::from_le_bytes(*part(bytes, 12)?),
            standing: if bytes[14] == 1 { Standing::Pending } else { Standing::Adopted },
        })
    }
}

/// A cookie: what only the receiver at this address can know, for as long as `secret` lives.
#[must_use]
pub fn cookie_for(secret: &[u8; 32], address: &core::net::SocketAddr) -> [u8; 16] {
    mac(secret, &[format!("{address}").as_bytes()])
}

fn builder(prologue: &[u8]) -> Result<snow::Builder<'_>, NoiseError> {
    let params = NOISE_PATTERN.parse().map_err(|_| NoiseError)?;
    snow::Builder::new(params).prologue(prologue).map_err(|_| NoiseError)
}

fn prologue(hub: &PublicKey) -> Vec<u8> {
    let mut out = b"thub/1".to_vec();
    out.extend_from_slice(Id::of(hub).as_bytes());
    out.push(0);
    out
}

fn mac1_key(receiver: &PublicKey) -> [u8; 32] {
    Blake2s256::new().chain_update(b"mac1----").chain_update(receiver.0).finalize().into()
}

fn cookie_key(hub: &PublicKey) -> [u8; 32] {
    Blake2s256::new().chain_update(b"cookie--").chain_update(hub.0).finalize().into()
}

/// Keyed BLAKE2s of 16 bytes; `key` has 1 to 32 bytes everywhere in this file.
fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 16] {
    let Ok(mut mac) = <Blake2sMac<U16> as KeyInit>::new_from_slice(key) else { return [0; 16] };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Comparison that takes the same time wherever the difference lies.
fn equal(one: &[u8; 16], other: &[u8; 16]) -> bool {
    one.iter().zip(other).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

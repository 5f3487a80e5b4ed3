//! Who is who: X25519 key pairs, the ids derived from them, and the texts people compare.
//!
//! An id is the hash of a public key, so it needs no registry and cannot be claimed by another key. It is shown two ways:
//!
//! - **Text**: 26 characters of Crockford base32 and two check characters, in four groups of seven
//!   (`0c3k9fz-...`); reading is case-insensitive and forgives `o`/`0`, `i`/`l`/`1`. A mistyped character is caught.
//! - **Words**: six of the 2,048 words of BIP-0039 (66 bits of a hash), shown by the device and by the hub. Grinding
//!   a key whose six words match another's takes 2^66 tries.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use blake2::{Blake2s256, Digest};
use serde::{Deserialize, Serialize};

/// The Noise pattern of every session: what makes a key pair and what uses it agree on the curve.
pub const NOISE_PATTERN: &str = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";

/// X25519 public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PublicKey(pub [u8; 32]);

/// X25519 key pair. The secret half is never printed.
#[derive(Clone)]
pub struct KeyPair {
    /// The half to show.
    pub public: PublicKey,
    /// The half to keep.
    pub secret: [u8; 32],
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("public", &self.public).finish_non_exhaustive()
    }
}

/// The operating system gave no randomness, so no key can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no randomness from the operating system")]
pub struct NoRandomness;

impl KeyPair {
    /// Makes a fresh pair from the operating system's randomness.
    ///
    /// # Errors
    /// [`NoRandomness`] if there is none; never a weak key.
    pub fn generate() -> Result<Self, NoRandomness> {
        let params = NOISE_PATTERN.parse().map_err(|_| NoRandomness)?;
        let pair = snow::Builder::new(params).generate_keypair().map_err(|_| NoRandomness)?;
        let secret = pair.private.try_into().map_err(|_| NoRandomness)?;
        let public = pair.public.try_into().map_err(|_| NoRandomness)?;
        Ok(Self { public: PublicKey(public), secret })
    }
}

/// First 16 bytes of BLAKE2s-256(`"thub-id-v1"` ‖ public key).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Id([u8; 16]);

/// A device's id.
pub type DeviceId = Id;
/// A hub's id.
pub type HubId = Id;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const DATA_CHARS: usize = 26;
const CHARS: usize = 28;
const GROUP: usize = 7;

impl Id {
    /// The id of a public key.
    #[must_use]
    pub fn of(key: &PublicKey) -> Self {
        let hash = Blake2s256::new().chain_update(b"thub-id-v1").chain_update(key.0).finalize();
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        Self(id)
    }

    /// An id from its stored bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Whether a word is one of those.
    #[must_use]
    pub fn is_word(text: &str) -> bool {
        WORDS.lines().any(|word| word == text)
    }

    /// The six words people compare.
    #[must_use]
    pub fn words(&self) -> [&'static str; 6] {
        let hash = Blake2s256::new().chain_update(b"thub-words-v1").chain_update(self.0).finalize();
        let mut bits = 0_u128;
        for byte in &hash[..9] {
            bits = bits << 8 | u128::from(*byte);
        }
        core::array::from_fn(|word| {
            let index = (bits >> (72 - 11 * (word + 1))) & 0x7ff;
            WORDS.lines().nth(index as usize).unwrap_or("?")
        })
    }

    /// Ten bits that change when a character is mistyped.
    fn check(&self) -> u16 {
        let hash = Blake2s256::new().chain_update(b"thub-check-v1").chain_update(self.0).finalize();
        (u16::from(hash[0]) << 8 | u16::from(hash[1])) >> 6
    }
}

/// 2,048 English words, one a line: the list of BIP-0039, chosen so that four letters tell any two apart.
const WORDS: &str = include_str!("words.txt");

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = u128::from_be_bytes(self.0);
        for position in 0..CHARS {
            if position > 0 && position % GROUP == 0 {
                f.write_str("-")?;
            }
            let five = match position {
                // 26 x 5 = 130 bits: the last data character carries the last three bits and two zeros.
                25 => (bits & 0x7) << 2,
                0..25 => bits >> (123 - 5 * position) & 31,
                _ => u128::from(self.check() >> (5 * (CHARS - 1 - position)) & 31),
            };
            f.write_str(core::str::from_utf8(&ALPHABET[five as usize..=five as usize]).unwrap_or("?"))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not 28 characters, hyphens aside.
    #[error("an id has 28 characters in four groups")]
    Length,
    /// A character outside Crockford's base32.
    #[error("an id has only digits and letters without u")]
    Character,
    /// The check characters do not fit: something was mistyped.
    #[error("the check characters do not fit: is a character mistyped?")]
    Check,
}

impl FromStr for Id {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let fives = text
            .bytes()
            .filter(|byte| *byte != b'-')
            .map(|byte| five_bits(byte).ok_or(IdError::Character))
            .collect::<Result<Vec<u8>, _>>()?;
        if fives.len() != CHARS {
            return Err(IdError::Length);
        }
        let (data, check) = fives.split_at(DATA_CHARS);
        let bits = data[..DATA_CHARS - 1].iter().fold(0_u128, |bits, five| bits << 5 | u128::from(*five));
        let last = data[DATA_CHARS - 1];
        let id = Self((bits << 3 | u128::from(last >> 2)).to_be_bytes());
        let typed = u16::from(check[0]) << 5 | u16::from(check[1]);
        if last & 0b11 != 0 || typed != id.check() {
            return Err(IdError::Check);
        }
        Ok(id)
    }
}

/// One Crockford base32 character as five bits; forgives what people mix up.
pub(crate) fn five_bits(byte: u8) -> Option<u8> {
    let byte = match byte.to_ascii_lowercase() {
        b'o' => b'0',
        b'i' | b'l' => b'1',
        other => other,
    };
    ALPHABET.iter().position(|symbol| *symbol == byte).map(|index| index as u8)
}

/// Bytes as Crockford base32, five bits a character, the last padded with zeros.
#[must_use]
pub fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut bits, mut held) = (0_u32, 0);
    for byte in bytes {
        bits = bits << 8 | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            text.push(char::from(ALPHABET[(bits >> held & 31) as usize]));
        }
    }
    if held > 0 {
        text.push(char::from(ALPHABET[(bits << (5 - held) & 31) as usize]));
    }
    text
}

/// Reads [`base32`] back; `None` for a foreign character or an impossible length.
#[must_use]
pub fn from_base32(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
    let (mut bits, mut held) = (0_u32, 0);
    for byte in text.bytes() {
        bits = bits << 5 | u32::from(five_bits(byte)?);
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    (held < 5 && bits & ((1 << held) - 1) == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn an_id_reads_back_from_its_text_in_any_case() {
        let id = Id::of(&PublicKey([7; 32]));
        let text = id.to_string();
        assert_eq!(text.len(), 31);
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(text.to_uppercase().replace('-', "").parse(), Ok(id));
    }

    #[test]
    fn a_mistyped_character_is_caught() {
        let text = Id::of(&PublicKey([7; 32])).to_string();
        let swapped =
            if text.starts_with('2') { text.replacen('2', "3", 1) } else { text.replacen(&text[..1], "2", 1) };
        assert_eq!(swapped.parse::<Id>(), Err(IdError::Check));
        assert_eq!("short".parse::<Id>(), Err(IdError::Length));
        assert_eq!("u".repeat(28).parse::<Id>(), Err(IdError::Character));
    }

    #[test]
    fn words_come_from_the_whole_list() {
        assert_eq!(WORDS.lines().count(), 2048);
        let id = Id::of(&PublicKey([9; 32]));
        assert!(id.words().iter().all(|word| WORDS.lines().any(|known| known == *word)));
    }

    #[test]
    fn base32_reads_back() {
        for length in 0..20 {
            let bytes: Vec<u8> = (0..length).map(|n: u8| n.wrapping_mul(37)).collect();
            assert_eq!(from_base32(&base32(&bytes)), Some(bytes));
        }
        assert_eq!(from_base32("u"), None);
    }
}

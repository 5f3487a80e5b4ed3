//! Join tokens: the text that a person carries to a device, and the key that both sides make of it.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use blake2::{Blake2s256, Digest};

use crate::identity::{base32, from_base32};

/// A join token: `thj1_<number>_<26 characters of secret><2 check characters>`.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken {
    /// Number by which the hub finds it; not a secret.
    pub id: u64,
    secret: [u8; 16],
}

/// The text is not a join token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a join token looks like thj1_<number>_<28 characters>; is it cut off or mistyped?")]
pub struct TokenError;

impl JoinToken {
    /// A token from its number and 128 random bits.
    #[must_use]
    pub const fn new(id: u64, secret: [u8; 16]) -> Self {
        Self { id, secret }
    }

    /// The key both sides mix into the handshake: BLAKE2s-256(`"thub-join-v1"` ‖ secret). All the hub keeps.
    #[must_use]
    pub fn psk(&self) -> [u8; 32] {
        join_psk(&self.secret)
    }

    fn check(&self) -> String {
        let hash = Blake2s256::new()
            .chain_update(b"thub-token-v1")
            .chain_update(self.id.to_le_bytes())
            .chain_update(self.secret)
            .finalize();
        base32(&hash[..2]).chars().take(2).collect()
    }
}

/// The pre-shared key of a join token's secret.
#[must_use]
pub fn join_psk(secret: &[u8; 16]) -> [u8; 32] {
    Blake2s256::new().chain_update(b"thub-join-v1").chain_update(secret).finalize().into()
}

impl fmt::Display for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "thj1_{}_{}{}", self.id, base32(&self.secret), self.check())
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinToken({}, ..)", self.id)
    }
}

impl FromStr for JoinToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let rest = text.trim().strip_prefix("thj1_").ok_or(TokenError)?;
        let (id, rest) = rest.split_once('_').ok_or(TokenError)?;
        let (secret, check) = rest.split_at_checked(26).ok_or(TokenError)?;
        let secret = from_base32(secret).and_then(|bytes| bytes.try_into().ok()).ok_or(TokenError)?;
        let token = Self { id: id.parse().map_err(|_| TokenError)?, secret };
        if token.check().eq_ignore_ascii_case(check) { Ok(token) } else { Err(TokenError) }
    }
}

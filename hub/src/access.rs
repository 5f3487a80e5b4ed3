//! The texts of tokens: what is printed once, typed by people, and sent by programs.
//!
//! ```text
//!   thp_<id>_<secret, 160 bit><check>      API token      thj1_<id>_<secret, 128 bit><check>   join token
//! ```
//!
//! Secret and check are Crockford base32; the four check characters are the first 20 bits of SHA-256 over everything
//! before them, so a mistyped or cut token is told from a revoked one, and a scanner finds leaked ones. Randomness comes
//! from the caller. Nothing here is stored: the store keeps the hash of a secret, or the key derived from it.

use ring::digest;
use wire::identity::{base32, from_base32};

/// Prefix of API tokens.
pub const API_PREFIX: &str = "thp";
/// Prefix of join tokens; the digit is the version of the handshake they belong to.
pub const JOIN_PREFIX: &str = "thj1";

const CHECK_CHARS: usize = 4;

/// Why a text is not a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It begins otherwise or has other parts.
    #[error("a token looks like thp_<number>_<letters> or thj1_<number>_<letters>")]
    Form,
    /// The check characters do not fit.
    #[error("the token is mistyped or cut: its last characters do not fit")]
    Check,
}

/// SHA-256: how secrets with 128 bits and more are kept.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

/// An API token: what a program sends as `Authorization: Bearer`.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Row in the store.
    pub id: u64,
    /// 160 random bits.
    pub secret: [u8; 20],
}

impl ApiToken {
    /// The text, to be shown once.
    #[must_use]
    pub fn text(&self) -> String {
        write(API_PREFIX, self.id, &self.secret)
    }

    /// Reads the text.
    ///
    /// # Errors
    /// [`Error`] says whether it is another kind of text or a mistyped token.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (id, secret) = read(API_PREFIX, text)?;
        Ok(Self { id, secret })
    }

    /// What the store keeps of it.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        sha256(&self.secret)
    }
}

/// A join token: admits devices without a click.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinSecret {
    /// Row in the store; travels in the handshake.
    pub id: u64,
    /// 128 random bits.
    pub secret: [u8; 16],
}

impl JoinSecret {
    /// The text, to be shown once.
    #[must_use]
    pub fn text(&self) -> String {
        write(JOIN_PREFIX, self.id, &self.secret)
    }

    /// Reads the text.
    ///
    /// # Errors
    /// [`Error`] says whether it is another kind of text or a mistyped token.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (id, secret) = read(JOIN_PREFIX, text)?;
        Ok(Self { id, secret })
    }
}

fn write(prefix: &str, id: u64, secret: &[u8]) -> String {
    let body = format!("{prefix}_{id}_{}", base32(secret));
    let check = check(&body);
    body + &check
}

fn read<const N: usize>(prefix: &str, text: &str) -> Result<(u64, [u8; N]), Error> {
    let rest = text.trim().strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).ok_or(Error::Form)?;
    let (id, letters) = rest.split_once('_').ok_or(Error::Form)?;
    let id: u64 = id.parse().map_err(|_| Error::Form)?;
    if !letters.is_ascii() || letters.len() <= CHECK_CHARS {
        return Err(Error::Form);
    }
    let (letters, typed) = letters.split_at(letters.len() - CHECK_CHARS);
    let secret: [u8; N] = from_base32(letters).and_then(|bytes| bytes.try_into().ok()).ok_or(Error::Check)?;
    // Over the canonical text: upper case and o for 0 are forgiven in the secret, so they are in the check.
    let body = format!("{prefix}_{id}_{}", base32(&secret));
    if from_base32_bits(typed) != from_base32_bits(&check(&body)) {
        return Err(Error::Check);
    }
    Ok((id, secret))
}

fn check(body: &str) -> String {
    let mut text = base32(&sha256(body.as_bytes())[..3]);
    text.truncate(CHECK_CHARS);
    text
}

/// Four characters as their 20 bits, forgiving case; padded to whole bytes first.
fn from_base32_bits(four: &str) -> Option<Vec<u8>> {
    from_base32(&format!("{four}0000"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_a_mistyped_one_does_not() {
        let token = ApiToken { id: 7, secret: [0xa5; 20] };
        let text = token.text();
        assert!(text.starts_with("thp_7_"), "{text}");
        assert!(ApiToken::parse(&text) == Ok(token.clone()));
        let (head, letters) = text.rsplit_once('_').unwrap();
        assert!(ApiToken::parse(&format!("{head}_{}", letters.to_uppercase())) == Ok(token));
        let wrong = text.replacen("thp_7", "thp_8", 1);
        assert_eq!(ApiToken::parse(&wrong).err(), Some(Error::Check));
        assert_eq!(ApiToken::parse(&text[..text.len() - 1]).err(), Some(Error::Check));
        assert_eq!(ApiToken::parse("hello").err(), Some(Error::Form));
        assert_eq!(ApiToken::parse("thp_7_ééé").err(), Some(Error::Form));
        assert_eq!(ApiToken::parse(&JoinSecret { id: 7, secret: [1; 16] }.text()).err(), Some(Error::Form));
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let text = JoinSecret { id: 3, secret: [0x3c; 16] }.text();
        let start = "thj1_3_".len();
        for at in start..text.len() {
            for replacement in ["0", "z", "7"] {
                let mut other = text.clone();
                other.replace_range(at..=at, replacement);
                if other != text {
                    assert!(JoinSecret::parse(&other).is_err(), "{other} passed for {text}");
                }
            }
        }
    }
}

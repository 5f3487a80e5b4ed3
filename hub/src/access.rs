//! The text of an API token, which is shown once and sent by programs. (The text of a join token is in
//! `wire::handshake`.)
//!
//! ```text
//!   thp_<id>_<secret, 160 bit><check>
//! ```
//!
//! Secret and check are hexadecimal. The check is the first 32 bits of SHA-256 over everything before it, so a mistyped
//! or cut token can be told from a revoked one, and a scanner for leaked secrets recognises tokens. Randomness comes
//! from the caller. Nothing here is stored: the store keeps the hash of a secret.

use ring::digest;

use crate::model::DeviceId;

/// Prefix of API tokens.
const PREFIX: &str = "thp";

/// Why a text is not a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It begins otherwise or has other parts.
    #[error("a token looks like thp_<number>_<48 digits>")]
    Form,
    /// The check characters do not fit.
    #[error("the token is mistyped or cut off: its last characters do not match")]
    Check,
}

/// SHA-256: how secrets with 128 bits and more are kept.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

/// The id of a device that is pushed for by this name, and has no key to have an id by.
///
/// The name a program sends stays the same when people rename the device on the page, so it is what tells the device.
#[must_use]
pub fn pushed_device(name: &str) -> DeviceId {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"thub-pushed-v1");
    context.update(name.as_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&context.finish().as_ref()[..16]);
    DeviceId::from_bytes(id)
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
        write(self.id, &self.secret)
    }

    /// Reads the text.
    ///
    /// # Errors
    /// [`Error`] says whether it is another kind of text or a mistyped token.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (id, secret) = read(text)?;
        Ok(Self { id, secret })
    }

    /// What the store keeps of it.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        sha256(&self.secret)
    }
}

fn write(id: u64, secret: &[u8; 20]) -> String {
    let body = format!("{PREFIX}_{id}_{}", hex(secret));
    let check = check(&body);
    body + &check
}

fn read(text: &str) -> Result<(u64, [u8; 20]), Error> {
    let text = text.trim().to_ascii_lowercase();
    let rest = text.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('_')).ok_or(Error::Form)?;
    let (id, digits) = rest.split_once('_').ok_or(Error::Form)?;
    let id: u64 = id.parse().map_err(|_| Error::Form)?;
    let (secret, typed) = digits.split_at_checked(40).ok_or(Error::Check)?;
    let secret = unhex(secret).ok_or(Error::Check)?;
    if typed != check(&format!("{PREFIX}_{id}_{}", hex(&secret))) {
        return Err(Error::Check);
    }
    Ok((id, secret))
}

fn check(body: &str) -> String {
    hex(&sha256(body.as_bytes())[..4])
}

/// Bytes as lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(digits: &str) -> Option<[u8; 20]> {
    let mut bytes = [0; 20];
    let digits = digits.as_bytes();
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        let [high, low] = *pair else { return None };
        let nibble = |digit: u8| char::from(digit).to_digit(16);
        *byte = (nibble(high)? << 4 | nibble(low)?) as u8;
    }
    (digits.len() == 40).then_some(bytes)
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
        assert_eq!(ApiToken::parse("thp_7_ééé").err(), Some(Error::Check));
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let text = ApiToken { id: 3, secret: [0x3c; 20] }.text();
        let start = "thp_3_".len();
        for at in start..text.len() {
            for replacement in ["0", "f", "7"] {
                let mut other = text.clone();
                other.replace_range(at..=at, replacement);
                if other != text {
                    assert!(ApiToken::parse(&other).is_err(), "{other} passed for {text}");
                }
            }
        }
    }
}

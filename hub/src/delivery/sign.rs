//! Signatures of Standard Webhooks 1.0.0, and the secrets they are made with.
//!
//! `v1,` + base64 of HMAC-SHA256 over `<id>.<timestamp>.<body>`, one for each valid secret, separated by spaces: during a
//! rotation a receiver finds the one it knows. The signature is over the exact bytes that are sent.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;

use crate::model::alert::AlertId;
use crate::model::webhook::{DeliveryId, Secret};
use crate::model::{HubId, UnixMillis};

/// Beginning of every secret's text.
const PREFIX: &str = "whsec_";
/// Bytes of a secret the hub makes.
pub const SECRET_LEN: usize = 32;

/// Why a secret cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not `whsec_` and base64 of 24 to 64 bytes.
    #[error("a secret is whsec_ followed by base64 of 24 to 64 bytes")]
    Malformed,
}

/// A secret of fresh random bytes.
#[must_use]
pub fn secret(bytes: [u8; SECRET_LEN]) -> Secret {
    Secret(bytes.to_vec())
}

/// The secret as a person copies it to the receiver.
#[must_use]
pub fn secret_text(secret: &Secret) -> String {
    format!("{PREFIX}{}", STANDARD.encode(&secret.0))
}

/// Reads a secret as a person types it.
///
/// # Errors
/// [`Error::Malformed`].
pub fn parse_secret(text: &str) -> Result<Secret, Error> {
    let encoded = text.trim().strip_prefix(PREFIX).ok_or(Error::Malformed)?;
    let bytes = STANDARD.decode(encoded).map_err(|_| Error::Malformed)?;
    if (24..=64).contains(&bytes.len()) { Ok(Secret(bytes)) } else { Err(Error::Malformed) }
}

/// `webhook-id` of a delivery: the same for every attempt, so that the receiver recognises a repeat. The hub's part keeps
/// the deliveries of two hubs apart.
#[must_use]
pub fn message_id(hub: HubId, delivery: DeliveryId) -> String {
    format!("msg_{}_{}", hub_mark(hub), delivery.0)
}

/// What tells two hubs apart that use one receiver.
#[must_use]
pub fn hub_mark(hub: HubId) -> String {
    hub.to_string().chars().filter(char::is_ascii_alphanumeric).take(8).collect()
}

/// `webhook-signature` for an attempt at `timestamp` (Unix seconds).
#[must_use]
pub fn signature(secrets: &[Secret], id: &str, timestamp: i64, body: &[u8]) -> String {
    let signed = [format!("{id}.{timestamp}.").as_bytes(), body].concat();
    let sign = |secret: &Secret| {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret.0), &signed);
        format!("v1,{}", STANDARD.encode(tag))
    };
    secrets.iter().map(sign).collect::<Vec<_>>().join(" ")
}

/// For how long a link to a picture is good, in milliseconds: 30 days.
pub const PICTURE_MS: i64 = 30 * 86_400_000;

/// Signs links to the pictures of alerts, which chats fetch without signing in: each is for one picture, until a moment.
#[derive(Clone)]
pub struct PictureKey(hmac::Key);

impl std::fmt::Debug for PictureKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PictureKey(..)")
    }
}

impl PictureKey {
    /// Made of a secret of the hub, from which nobody gets back to that one.
    #[must_use]
    pub fn of(secret: &[u8]) -> Self {
        let own = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"pictures of alerts");
        Self(hmac::Key::new(hmac::HMAC_SHA256, own.as_ref()))
    }

    /// What a link to the picture of an alert has behind its path.
    #[must_use]
    pub fn query(&self, alert: AlertId, until: UnixMillis) -> String {
        let tag = hmac::sign(&self.0, &Self::signed(alert, until));
        format!("until={}&sig={}", until.0, URL_SAFE_NO_PAD.encode(tag))
    }

    /// Whether a link was made by [`PictureKey::query`] for this alert, and is good at `now`.
    #[must_use]
    pub fn admits(&self, alert: AlertId, (until, sig): (UnixMillis, &str), now: UnixMillis) -> bool {
        let tag = URL_SAFE_NO_PAD.decode(sig).unwrap_or_default();
        now <= until && hmac::verify(&self.0, &Self::signed(alert, until), &tag).is_ok()
    }

    fn signed(alert: AlertId, until: UnixMillis) -> Vec<u8> {
        format!("alr_{}.{}", alert.0, until.0).into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector that the reference libraries of Standard Webhooks test with.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const TIMESTAMP: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn the_reference_vector_is_signed_as_the_reference_says() {
        assert_eq!(signature(&[parse_secret(SECRET).unwrap()], ID, TIMESTAMP, BODY), SIGNATURE);
    }

    #[test]
    fn the_hmac_agrees_with_rfc_4231() {
        // Test case 2: checks the primitive itself, by a second source.
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"Jefe"), b"what do ya want for nothing?");
        assert_eq!(tag.as_ref()[..4], [0x5b, 0xdc, 0xc1, 0x46]);
    }

    #[test]
    fn during_a_rotation_both_secrets_sign() {
        let (old, new) = (parse_secret(SECRET).unwrap(), Secret(vec![7; 32]));
        let both = signature(&[new.clone(), old], ID, TIMESTAMP, BODY);
        let (first, second) = both.split_once(' ').unwrap();
        assert_eq!(first, signature(&[new], ID, TIMESTAMP, BODY));
        assert_eq!(second, SIGNATURE);
    }

    #[test]
    fn a_secret_survives_its_text_and_others_are_refused() {
        let secret = secret([7; SECRET_LEN]);
        assert_eq!(secret.0.len(), 32);
        assert_eq!(parse_secret(&secret_text(&secret)), Ok(secret));
        for bad in ["", "whsec_", "whsec_!!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ="] {
            assert_eq!(parse_secret(bad), Err(Error::Malformed), "{bad}");
        }
    }

    #[test]
    fn a_message_id_names_hub_and_delivery_without_dots() {
        let id = message_id(HubId::from_bytes([9; 16]), DeliveryId(42));
        assert!(id.starts_with("msg_") && id.ends_with("_42") && !id.contains(['.', '-']), "{id}");
    }

    #[test]
    fn a_link_to_a_picture_is_for_one_alert_until_its_end() {
        let (key, end) = (PictureKey::of(&[7; 32]), UnixMillis(1_000));
        let query = key.query(AlertId(3), end);
        let sig = query.strip_prefix("until=1000&sig=").unwrap();
        assert!(key.admits(AlertId(3), (end, sig), end));
        assert!(!key.admits(AlertId(3), (end, sig), UnixMillis(1_001)), "it has ended");
        assert!(!key.admits(AlertId(4), (end, sig), end), "another alert");
        assert!(!key.admits(AlertId(3), (UnixMillis(2_000), sig), end), "another end");
        assert!(!PictureKey::of(&[8; 32]).admits(AlertId(3), (end, sig), end), "another hub");
        assert!(!key.admits(AlertId(3), (end, ""), end));
    }
}

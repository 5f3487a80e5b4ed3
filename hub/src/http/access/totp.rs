//! Codes of an authenticator app (RFC 6238 over HMAC-SHA-1, 30 s, six digits: what every such app can do), and recovery
//! codes for when the app is lost. PURE.

use data_encoding::BASE32_NOPAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::hmac;

/// Seconds that a code is shown.
const STEP_S: i64 = 30;
const DIGITS: usize = 6;
/// Bytes of a secret: those of SHA-1, as RFC 4226 (4, R6) recommends.
pub(in crate::http) const SECRET_LEN: usize = 20;
/// Bytes of a recovery code: too many to guess, even with its hash at hand.
pub(in crate::http) const RECOVERY_LEN: usize = 10;
/// Characters to escape in a URI (RFC 3986, 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The step of time at which a secret shows this code: that of now, the one before it or after it, as clocks differ.
pub(in crate::http) fn step_of(secret: &[u8], typed: &str, now_s: i64) -> Option<i64> {
    let now = now_s.div_euclid(STEP_S);
    let typed = typed.replace(' ', "");
    // All are looked at: the newest that fits is the one that is taken.
    [now - 1, now, now + 1].into_iter().filter(|step| code(secret, *step) == typed).max()
}

/// Whether this is typed as a code of an app, and not as a recovery code.
pub(in crate::http) fn is_code(typed: &str) -> bool {
    let mut typed = typed.chars().filter(|c| *c != ' ');
    let digits = typed.by_ref().take_while(char::is_ascii_digit).count();
    digits == DIGITS && typed.next().is_none()
}

/// What the app shows at a step of time (RFC 4226, 5.3).
pub(in crate::http) fn code(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let sum = hmac::sign(&key, &step.to_be_bytes());
    let sum = sum.as_ref();
    let from = usize::from(sum.last().copied().unwrap_or(0) & 0xf);
    let four = sum.iter().skip(from).take(4).fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    format!("{:0DIGITS$}", (four & 0x7fff_ffff) % 10_u32.pow(DIGITS as u32))
}

/// What a QR code for an app says, in the form all of them read (Google's Key Uri Format).
pub(in crate::http) fn uri(secret: &[u8], hub: &str, user: &str) -> String {
    let (hub, user) = (utf8_percent_encode(hub, ESCAPED), utf8_percent_encode(user, ESCAPED));
    format!("otpauth://totp/{hub}:{user}?secret={}&issuer={hub}&algorithm=SHA1&digits=6&period=30", base32(secret))
}

/// Bytes as letters and digits (RFC 4648).
pub(in crate::http) fn base32(bytes: &[u8]) -> String {
    BASE32_NOPAD.encode(bytes)
}

/// A recovery code as people copy it: `abcd-efgh-ijkl-mnop`.
pub(in crate::http) fn recovery(bytes: &[u8; RECOVERY_LEN]) -> String {
    let letters = base32(bytes).to_lowercase();
    let four: Vec<&str> = (0..letters.len() / 4).map(|n| &letters[4 * n..4 * n + 4]).collect();
    four.join("-")
}

/// The part of a recovery code that is hashed: its letters alone, however it is typed.
pub(in crate::http) fn letters(typed: &str) -> String {
    typed.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8; 20] = b"12345678901234567890";

    #[test]
    fn codes_are_those_of_the_rfcs() {
        // RFC 4226, appendix D.
        let codes: Vec<String> = (0..10).map(|step| code(SECRET, step)).collect();
        let wanted =
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        assert_eq!(codes, wanted);
        // RFC 6238, appendix B, the last six of its eight digits.
        for (at, wanted) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code(SECRET, at / STEP_S), wanted, "{at}");
            assert_eq!(step_of(SECRET, wanted, at), Some(at / STEP_S));
        }
    }

    #[test]
    fn a_code_holds_a_step_before_and_after_its_own_and_no_longer() {
        let shown = code(SECRET, 1_000);
        for (at, is_taken) in [(29_969, false), (29_970, true), (30_000, true), (30_059, true), (30_060, false)] {
            assert_eq!(step_of(SECRET, &shown, at).is_some(), is_taken, "{at}");
        }
        let spaced = format!("{} {}", &shown[..3], &shown[3..]);
        assert!(is_code(&spaced) && step_of(SECRET, &spaced, 30_000) == Some(1_000));
        for other in ["", "12345", "1234567", "12345a", "abcd-efgh-ijkl-mnop", "١٢٣٤٥٦"] {
            assert!(!is_code(other) && step_of(SECRET, other, 30_000).is_none(), "{other}");
        }
    }

    #[test]
    fn base32_is_that_of_the_rfc_and_an_app_can_read_the_uri() {
        // RFC 4648, 10, without padding.
        for (plain, wanted) in
            [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("fooba", "MZXW6YTB")]
        {
            assert_eq!(base32(plain.as_bytes()), wanted);
        }
        let uri = uri(SECRET, "hub & co", "Anna Müller");
        let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        let wanted = format!(
            "otpauth://totp/hub%20%26%20co:Anna%20M%C3%BCller?secret={secret}&issuer=hub%20%26%20co&algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(uri, wanted);
    }

    #[test]
    fn a_recovery_code_is_the_same_however_it_is_typed() {
        let code = recovery(&[0xa5; RECOVERY_LEN]);
        assert_eq!(code.len(), 19, "{code}");
        assert_eq!(letters(&code.to_uppercase().replace('-', " ")), letters(&code));
    }
}

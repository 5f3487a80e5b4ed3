//! A certificate with its private key, read from PEM files, and every way in which two files are not such a pair.

use std::sync::Arc;
use std::time::Duration;

use rustls::Error as TlsError;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::sign::CertifiedKey;
use webpki::{EndEntityCert, Error as CertError, KeyUsage};

use crate::model::UnixMillis;

const UNSUPPORTED: &str =
    "this kind of key is not supported: RSA of 2048 to 8192 bits, ECDSA P-256 or P-384, or Ed25519 is";

/// What a connection is answered with.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) life: Life,
    /// Names in it.
    pub(super) dns: Vec<String>,
}

/// From when to when a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) starts_at: UnixMillis,
    pub(super) ends_at: UnixMillis,
}

/// Which file is wrong, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wrong {
    Certificate(String),
    Key(String),
    /// Each is fine by itself.
    Both,
}

impl Pair {
    /// Reads both files.
    pub(super) fn read(certificate: &[u8], key: &[u8]) -> Result<Self, Wrong> {
        let chain = chain(certificate).map_err(Wrong::Certificate)?;
        let first = chain.first().ok_or_else(|| Wrong::Certificate(no_certificate(certificate)))?;
        let parsed = EndEntityCert::try_from(first)
            .map_err(|error| Wrong::Certificate(format!("its first certificate cannot be used: {error}")))?;
        let (life, dns) = (life(&parsed), parsed.valid_dns_names().map(str::to_lowercase).collect());
        let key = private_key(key).map_err(Wrong::Key)?;
        let key = CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|error| {
            if matches!(error, TlsError::InconsistentKeys(_)) {
                Wrong::Both
            } else {
                Wrong::Key(UNSUPPORTED.to_owned())
            }
        })?;
        Ok(Self { key: Arc::new(key), life, dns })
    }

    /// The certificate itself.
    pub(super) fn leaf(&self) -> Option<&CertificateDer<'static>> {
        self.key.cert.first()
    }
}

/// The certificates of a file, in their order.
pub(super) fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>();
    all.map_err(|_| "this PEM file is incomplete: something in it is cut off or damaged".to_owned())
}

fn no_certificate(file: &[u8]) -> String {
    let text = String::from_utf8_lossy(file);
    if text.contains("PRIVATE KEY-----") {
        "this file holds a private key and no certificate: certificate and key may have been exchanged".to_owned()
    } else if file.starts_with(&[0x30, 0x82]) {
        "this is a binary file: write it as PEM, for a certificate by `openssl x509 -inform der -in FILE -out NEW`"
            .to_owned()
    } else {
        "there is no certificate in this file: one begins with -----BEGIN CERTIFICATE-----".to_owned()
    }
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    let text = String::from_utf8_lossy(pem);
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err("this key is encrypted, and nobody is there to give its passphrase: write it without one, by \
            `openssl pkey -in FILE -out NEW`, readable by the hub's user alone"
            .to_owned());
    }
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| {
        if text.contains("BEGIN CERTIFICATE-----") {
            "this file holds a certificate and no private key: certificate and key may have been exchanged".to_owned()
        } else {
            "there is no private key in this file: one begins with -----BEGIN PRIVATE KEY-----".to_owned()
        }
    })
}

/// When it is valid. Nothing reads these two times but the check whether they have passed, which tells them.
pub(super) fn life(certificate: &EndEntityCert<'_>) -> Life {
    let check = |seconds| {
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        certificate.verify_for_usage(&[], &[], &[], at, KeyUsage::server_auth(), None, None).err()
    };
    let millis =
        |time: UnixTime| UnixMillis(i64::try_from(time.as_secs()).unwrap_or(i64::MAX / 1_000).saturating_mul(1_000));
    let starts_at = match check(0) {
        Some(CertError::CertNotValidYet { not_before, .. }) => millis(not_before),
        _ => UnixMillis(0),
    };
    let ends_at = match check(u64::MAX) {
        Some(CertError::CertExpired { not_after, .. }) => millis(not_after),
        _ => starts_at,
    };
    Life { starts_at, ends_at }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn made() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["Hub.example".to_owned(), "10.0.0.1".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2024, 1, 1), date_time_ymd(2025, 6, 1));
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    #[test]
    fn a_pair_tells_its_names_and_when_it_is_valid() {
        let (certificate, key) = made();
        let pair = Pair::read(format!("for the attic\n{certificate}{}", made().0).as_bytes(), key.as_bytes()).unwrap();
        assert_eq!(pair.dns, ["hub.example"]);
        assert_eq!(
            pair.life,
            Life { starts_at: UnixMillis(1_704_067_200_000), ends_at: UnixMillis(1_748_736_000_000) }
        );
        assert_eq!(pair.key.cert.len(), 2);
    }

    #[test]
    fn what_is_no_pair_says_which_file_and_what_would_be_right() {
        let ((certificate, key), (_, other)) = (made(), made());
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let wrong = |certificate: &str, key: &str| Pair::read(certificate.as_bytes(), key.as_bytes()).unwrap_err();
        let in_certificate = |text: &str, hint: &str| {
            let said = wrong(text, &key);
            assert!(matches!(&said, Wrong::Certificate(said) if said.contains(hint)), "{said:?}");
        };
        in_certificate("", "no certificate in this file");
        in_certificate(&key, "may have been exchanged");
        in_certificate("0\u{82}", "no certificate");
        in_certificate(&certificate[..certificate.len() / 2], "this PEM file is incomplete");
        in_certificate("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "cannot be used");
        let in_key = |text: &str, hint: &str| {
            let said = wrong(&certificate, text);
            assert!(matches!(&said, Wrong::Key(said) if said.contains(hint)), "{said:?}");
        };
        in_key("", "no private key in this file");
        in_key(&certificate, "may have been exchanged");
        in_key(encrypted, "without one");
        in_key("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", "not supported");
        assert_eq!(wrong(&certificate, &other), Wrong::Both);
    }
}

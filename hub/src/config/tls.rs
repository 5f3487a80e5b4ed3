//! TLS as it is written in flags and file: a mode, and the two files that one of the modes needs.

use std::path::PathBuf;

use super::error::Error;
use super::flags::Tls;

/// How the page is served.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Served {
    /// By plain HTTP.
    #[default]
    Plain,
    /// By TLS, with a certificate that somebody else renews.
    Files {
        /// The certificate and those that lead to a known authority.
        certificate: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// By TLS, with a certificate of the hub's own authority.
    Auto,
}

impl Served {
    /// The files it needs.
    #[must_use]
    pub fn files(&self) -> Vec<&PathBuf> {
        match self {
            Self::Files { certificate, key } => vec![certificate, key],
            Self::Plain | Self::Auto => Vec::new(),
        }
    }
}

/// Puts mode and files together: files that would not be used are not overlooked.
pub(super) fn served(mode: Option<Tls>, certificate: Option<PathBuf>, key: Option<PathBuf>) -> Result<Served, Error> {
    match (mode.unwrap_or(Tls::Off), certificate, key) {
        (Tls::Off, None, None) => Ok(Served::Plain),
        (Tls::Auto, None, None) => Ok(Served::Auto),
        (Tls::Files, Some(certificate), Some(key)) => Ok(Served::Files { certificate, key }),
        (Tls::Files, None, _) => {
            Err(Error::value("tls_cert", "`tls` is `files`: name the certificate (flag `--tls-cert FILE`)"))
        }
        (Tls::Files, _, None) => {
            Err(Error::value("tls_key", "`tls` is `files`: name the private key (flag `--tls-key FILE`)"))
        }
        (Tls::Off | Tls::Auto, certificate, _) => {
            let key = if certificate.is_some() { "tls_cert" } else { "tls_key" };
            Err(Error::value(key, "this is used by `--tls files` alone: say that, or leave the file out"))
        }
    }
}

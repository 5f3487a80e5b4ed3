//! The certificate in use: handshakes take it from here, and people see it here.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::pair::{Life, Pair};
use crate::model::UnixMillis;

/// What others may know of the authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Public {
    /// Its certificate.
    pub pem: String,
    /// SHA-256 of that, as browsers and phones show it: `AB:CD:...`.
    pub fingerprint: String,
}

/// The certificate in use, and what is wrong with it.
#[derive(Debug)]
pub(super) struct Shown(RwLock<Current>);

#[derive(Debug)]
pub(super) struct Current {
    pub(super) pair: Pair,
    pub(super) problem: Option<String>,
}

impl Shown {
    pub(super) const fn new(pair: Pair) -> Self {
        Self(RwLock::new(Current { pair, problem: None }))
    }

    pub(super) fn read<T>(&self, read: impl FnOnce(&Current) -> T) -> T {
        read(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn show(&self, pair: Pair) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Current { pair, problem: None };
    }

    pub(super) fn life(&self) -> Life {
        self.read(|current| current.pair.life)
    }

    /// Something is wrong: told once in the log, and shown as long as it is.
    pub(super) fn trouble(&self, text: String) {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if current.problem.as_ref() != Some(&text) {
            tracing::warn!("{text}");
            current.problem = Some(text);
        }
    }

    pub(super) fn well(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).problem = None;
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.read(|current| Arc::clone(&current.pair.key)))
    }
}

/// A moment for a sentence.
pub(super) fn moment(at: UnixMillis) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| "the end of time".to_owned(), |at| at.to_string())
}

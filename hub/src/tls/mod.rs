//! TLS for the page, REST and the WebSocket: with a certificate that another program renews ([`files`]), or with one of
//! the hub's own authority ([`authority`]).
//!
//! A certificate is replaced while the hub runs: open connections keep the old one, new ones get the new one. TLS 1.2
//! and 1.3, by rustls, with the same provider of ciphers as webhooks.

pub(crate) mod authority;
mod files;
mod names;
mod pair;
mod shown;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::ResolvesServerCert;
use tokio_util::sync::CancellationToken;

use self::authority::{Authority, Wanted};
use self::files::Files;
pub(crate) use self::names::Names;
pub(crate) use self::shown::Public;
use self::shown::Shown;
use crate::clock::Clock;
use crate::model::UnixMillis;

/// Where the certificate is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Somebody else renews it.
    Files,
    /// The hub's own authority.
    Auto,
}

/// What connections are answered with.
#[derive(Debug)]
pub struct Tls {
    config: Arc<ServerConfig>,
    shown: Arc<Shown>,
    mode: Mode,
    /// The hub's own authority.
    authority: Option<Arc<RwLock<Public>>>,
    /// Handshakes that came to nothing.
    pub failed: Failed,
}

/// Handshakes that came to nothing, by reason.
#[derive(Debug, Default)]
pub struct Failed {
    /// Not done in time.
    pub slow: AtomicU64,
    /// The client ended it: most likely it does not trust the certificate.
    pub refused: AtomicU64,
    /// Another version or cipher, or no TLS at all.
    pub broken: AtomicU64,
}

impl Failed {
    /// For `/metrics`.
    #[must_use]
    pub fn counts(&self) -> [(&'static str, u64); 3] {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [("slow", get(&self.slow)), ("refused", get(&self.refused)), ("broken", get(&self.broken))]
    }
}

/// Keeps the certificate current while the hub runs.
#[derive(Debug)]
pub struct Keeper {
    shown: Arc<Shown>,
    what: Kept,
}

#[derive(Debug)]
enum Kept {
    Files(Files),
    Authority(Box<Authority>, Wanted),
}

impl Keeper {
    /// Runs until it is told to stop.
    ///
    /// # Errors
    /// None: what is wrong is told, and the certificate in use stays.
    pub async fn run(mut self, clock: Clock, stop: CancellationToken) -> std::io::Result<()> {
        let every = match &self.what {
            Kept::Files(_) => files::LOOK_EVERY,
            Kept::Authority(..) => authority::LOOK_EVERY,
        };
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = clock.sleep_until(Some(clock.now() + every)) => {}
            }
            match &mut self.what {
                Kept::Files(files) => files.look(&self.shown, clock),
                Kept::Authority(authority, wanted) => authority.look(wanted, &self.shown, clock),
            }
        }
    }
}

impl Tls {
    /// With a certificate of somebody else.
    ///
    /// # Errors
    /// The files are not there, or no pair; the text names the file and what would be right.
    pub fn from_files(certificate: PathBuf, key: PathBuf, clock: Clock) -> anyhow::Result<(Self, Keeper)> {
        let (files, pair) = Files::open(certificate, key)?;
        let shown = Arc::new(Shown::new(pair));
        files.tell_of_age(&shown, clock.wall());
        Ok((Self::new(Arc::clone(&shown), Mode::Files, None)?, Keeper { shown, what: Kept::Files(files) }))
    }

    /// With a certificate of the hub's own authority, which is made if there is none.
    ///
    /// # Errors
    /// The folder cannot be written, or holds something else.
    pub fn from_authority(wanted: Wanted, clock: Clock) -> anyhow::Result<(Self, Keeper)> {
        let (authority, pair) = Authority::open(&wanted, clock)?;
        let (shown, public) = (Arc::new(Shown::new(pair)), authority.public());
        let tls = Self::new(Arc::clone(&shown), Mode::Auto, Some(public))?;
        Ok((tls, Keeper { shown, what: Kept::Authority(Box::new(authority), wanted) }))
    }

    fn new(shown: Arc<Shown>, mode: Mode, authority: Option<Arc<RwLock<Public>>>) -> anyhow::Result<Self> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), shown, mode, authority, failed: Failed::default() })
    }

    /// What a handshake goes by.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// Where its certificate is from.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The hub's own authority, where it is in use.
    #[must_use]
    pub fn authority(&self) -> Option<Public> {
        Some(self.authority.as_ref()?.read().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// When the certificate in use expires.
    #[must_use]
    pub fn expires_at(&self) -> UnixMillis {
        self.shown.life().ends_at
    }

    /// Names of hosts in the certificate in use.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.shown.read(|current| current.pair.dns.clone())
    }

    /// What is wrong at the moment.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        self.shown.read(|current| current.problem.clone())
    }
}

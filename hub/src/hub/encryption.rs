//! Chooses the certificate of the page by the configuration.

use std::net::IpAddr;

use anyhow::Context as _;
use wire::HubId;

use crate::clock::Clock;
use crate::config::{Config, Served};
use crate::reach;
use crate::tls::authority::Wanted;
use crate::tls::{Keeper, Mode, Names, Tls};

/// Words of the hub in the name of its authority: enough to tell two hubs apart.
const WORDS: usize = 3;

/// The certificate of two files, read before anything is written.
///
/// # Errors
/// They are not there, or no pair.
pub(super) fn of_files(config: &Config, clock: Clock) -> anyhow::Result<Option<(Tls, Keeper)>> {
    match &config.served {
        Served::Files { certificate, key } => Tls::from_files(certificate.clone(), key.clone(), clock).map(Some),
        Served::Plain | Served::Auto => Ok(None),
    }
}

/// The certificate of the hub's own authority, for what the hub is called.
///
/// # Errors
/// The data directory cannot be written, or something else lies there.
pub(super) fn of_authority(config: &Config, id: HubId, clock: Clock) -> anyhow::Result<Option<(Tls, Keeper)>> {
    if config.served != Served::Auto {
        return Ok(None);
    }
    let (listed, listen): (Vec<String>, IpAddr) = (config.names(), config.http.ip());
    let names = move || {
        let listen = Some(listen).filter(|ip| !ip.is_unspecified());
        Names::of(reach::hostname().as_deref(), &listed, reach::every_address().into_iter().chain(listen))
    };
    let hub = id.words().into_iter().take(WORDS).collect::<Vec<_>>().join(" ");
    let wanted = Wanted { data: config.data.clone(), hub, names: Box::new(names) };
    Tls::from_authority(wanted, clock).context("--tls auto").map(Some)
}

/// Names by which browsers have to call the hub: a certificate of files is for no address, as a rule.
pub(super) fn names(tls: &Tls) -> Vec<String> {
    let of_certificate = tls.names().into_iter().filter(|name| !name.starts_with('*'));
    if tls.mode() == Mode::Files { of_certificate.collect() } else { Vec::new() }
}

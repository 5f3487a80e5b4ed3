//! `telemetry-hub serve`: runs the hub.

use std::path::{Path, PathBuf};

use super::ending::asked_to_end;
use super::out::announce;
use super::outcome::{Failure, Outcome};
use super::{data, setup};
use crate::config::{Config, Flags};
use crate::hub::Hub;
use crate::identity;
use crate::running::{self, Running};
use crate::tls::Tls;

pub(super) async fn run(flags: Flags) -> Outcome {
    let config = Config::load(flags)?;
    // Whatever the hub makes is its own alone, also when somebody opens its folder to others.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let data = config.data.clone();
    let beside: Vec<&PathBuf> = config.admin_token_file.iter().chain(config.served.files()).collect();
    data::check(&data, &beside)?;
    // Before anybody can reach it: whoever sees the hub answer may ask it to stop in the next moment.
    let ended = asked_to_end();
    if let Some(running) = running::there(&data) {
        return Err(Failure::Run(anyhow::anyhow!(already(&data, &running))));
    }
    let lines = (config.line_udp, config.line_tcp);
    let hub = Hub::start(config).await?;
    let token = setup::token(hub.store(), &data).await?;
    announce(format_args!("telemetry-hub {}", env!("CARGO_PKG_VERSION")));
    announce(format_args!("data         {}", data.display()));
    let scheme = if hub.tls().is_some() { "https" } else { "http" };
    announce(format_args!("page, REST   {scheme}://{}", hub.http()));
    announce(format_args!("devices      udp {}", hub.udp()));
    for (transport, at) in [("udp", lines.0), ("tcp", lines.1)] {
        if let Some(at) = at {
            announce(format_args!("lines        {transport} {at}, unauthenticated"));
        }
    }
    announce(format_args!("six words    {}", identity::words(hub.id())));
    if let Some(authority) = hub.tls().and_then(Tls::authority) {
        announce(trust(&authority.fingerprint));
    }
    announce(setup::welcome(&hub.links(), token.as_deref(), &data));
    Ok(hub.run(ended).await?)
}

/// What to compare when the authority's certificate is installed.
fn trust(fingerprint: &str) -> String {
    format!(
        "certificate  of this hub's own authority: install /ca.crt from the page, and browsers trust the hub\n\
         SHA-256      {fingerprint}"
    )
}

/// Where the hub is that was started before this one.
fn already(data: &Path, running: &Running) -> String {
    let links = running.links();
    let link = links.first().map_or("", |link| link);
    let data = data.display();
    format!(
        "a hub is already running in {data}: open {link}/ (a link that signs in: telemetry-hub open --data {data}). \
         For a second hub choose another folder and other ports: --data DIR --http :8081 --udp :5780"
    )
}

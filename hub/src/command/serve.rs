//! `telemetry-hub serve`: the hub itself.

use std::net::{IpAddr, SocketAddr};

use super::{Outcome, asked_to_end, print};
use crate::config::{Config, Flags};
use crate::http::auth;
use crate::hub::Hub;
use crate::identity;

pub(super) async fn run(flags: Flags) -> Outcome {
    let config = Config::load(flags)?;
    let data = config.data.clone();
    // Before anybody can reach it: whoever sees the hub answer may ask it to stop in the next moment.
    let ended = asked_to_end();
    let hub = Hub::start(config).await?;
    print(format_args!("telemetry-hub {}", env!("CARGO_PKG_VERSION")));
    print(format_args!("data         {}", data.display()));
    print(format_args!("page, REST   http://{}", hub.http()));
    print(format_args!("agents       udp {}", hub.udp()));
    print(format_args!("fingerprint  {}", identity::words(hub.id())));
    if let Some(token) = auth::mint_setup_token(hub.store()).await? {
        print(format_args!("set up       {}#setup={token}", page(hub.http())));
    }
    Ok(hub.run(ended).await?)
}

/// A link to the page that works from this machine.
pub(super) fn page(http: SocketAddr) -> String {
    let ip = match http.ip() {
        ip if !ip.is_unspecified() => ip,
        _ => IpAddr::from([127, 0, 0, 1]),
    };
    format!("http://{}/", SocketAddr::new(ip, http.port()))
}

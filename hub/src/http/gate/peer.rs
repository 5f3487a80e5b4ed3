//! The other end of a connection, and whether it is this machine itself.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};

use super::host::is_called_by_loopback;

/// The other end of the connection, as the accept loop saw it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub SocketAddr);

impl Peer {
    /// Its address, as people write it.
    #[must_use]
    pub(crate) fn ip(&self) -> IpAddr {
        self.0.ip().to_canonical()
    }

    /// Whether the request comes from this machine itself, and not through a reverse proxy on it: by a name of loopback, and
    /// with none of the headers that proxies add.
    #[must_use]
    pub(crate) fn is_local(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        self.0.ip().to_canonical().is_loopback() && !is_proxied(headers) && is_called_by_loopback(uri, headers)
    }
}

/// Whether a reverse proxy says that it passed a request on.
pub(in crate::http) fn is_proxied(headers: &HeaderMap) -> bool {
    let added = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];
    added.iter().any(|name| headers.contains_key(*name))
}

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        // Nobody in particular when there is no socket: never loopback.
        let nobody = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        Ok(parts.extensions.get::<Self>().copied().unwrap_or(Self(nobody)))
    }
}

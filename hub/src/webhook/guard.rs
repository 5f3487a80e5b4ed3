//! The name resolver of the dispatcher: it returns only addresses that a [`Policy`] allows.
//!
//! Checked twice, because each check has a blind spot. A literal address in a URL never passes the resolver, so
//! [`Policy::check_url`] judges it; a name may answer differently each time it is asked, so [`Filtered`] judges inside the
//! resolver, and the connection goes to exactly the addresses judged.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use hyper_util::client::legacy::connect::dns::Name;
use tower::Service;

use crate::delivery::policy::{Policy, Refused};

/// Asks for the addresses of a name.
pub trait Lookup: Send + Sync {
    /// Every address, in the order to try them.
    fn lookup(&self, name: String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>>;
}

/// No DNS server knows the name.
#[derive(Debug, thiserror::Error)]
#[error("the name {name} is not known")]
pub struct UnknownName {
    /// The name asked for.
    pub name: String,
    #[source]
    error: std::io::Error,
}

/// Asks the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Lookup for System {
    fn lookup(&self, name: String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|at| at.ip()).collect()) })
    }
}

/// A resolver that answers only with what the policy allows, for connections to one port.
#[derive(Clone)]
pub struct Filtered {
    policy: Arc<Policy>,
    lookup: Arc<dyn Lookup>,
    port: u16,
}

impl Filtered {
    /// Filters the answers of `lookup`.
    pub fn new(policy: Arc<Policy>, lookup: Arc<dyn Lookup>, port: u16) -> Self {
        Self { policy, lookup, port }
    }

    /// The allowed addresses of a name.
    ///
    /// # Errors
    /// The lookup's own, or [`Refused`] when none is left.
    pub async fn addresses(&self, name: &str) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
        let all = self.lookup.lookup(name.to_owned()).await.map_err(|error| failed(name, error))?;
        let all = all.into_iter().map(|ip| SocketAddr::new(ip, self.port));
        let (mut allowed, mut refused) = (Vec::new(), None);
        for to in all {
            match self.policy.check(to) {
                Ok(()) => allowed.push(to),
                Err(Refused::Own(own)) => refused = Some(Refused::Own(own)),
                Err(_) => refused = refused.or_else(|| Some(Refused::Name { name: name.to_owned(), first: to.ip() })),
            }
        }
        if allowed.is_empty() {
            return Err(refused.unwrap_or_else(|| Refused::NoAddress(name.to_owned())).into());
        }
        Ok(allowed)
    }
}

/// Why a lookup failed: the name is not known, or nobody could be asked, which ends by itself. The operating system tells them apart
/// by its words only.
fn failed(name: &str, error: std::io::Error) -> Box<dyn std::error::Error + Send + Sync> {
    let text = error.to_string();
    let passes = ["Temporary failure", "Try again", "timed out", "System error", "memory"];
    if !text.contains("lookup address information") || passes.iter().any(|words| text.contains(words)) {
        return error.into();
    }
    UnknownName { name: name.to_owned(), error }.into()
}

impl Service<Name> for Filtered {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let this = self.clone();
        Box::pin(async move { Ok(this.addresses(name.as_str()).await?.into_iter()) })
    }
}

#[cfg(test)]
mod tests;

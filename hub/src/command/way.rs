//! Connects to a hub: directly if it is on this machine or in a private network, otherwise through the proxy that the
//! environment names (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, with exceptions in `NO_PROXY`).
//!
//! A token for a hub next door must not go to a proxy, which could not reach that hub anyway.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::header::CONTENT_TYPE;
use reqwest::{ClientBuilder, Response, Url};

/// How long the lookup of a name may take before the proxy is asked to do it.
const LOOK_UP: Duration = Duration::from_secs(2);

/// The way to one hub.
#[derive(Debug)]
pub(super) struct Way {
    /// The proxy that is asked, without the password it may need.
    proxy: Option<String>,
    host: String,
}

impl Way {
    /// The way that the environment says, straight to what is near.
    pub(super) async fn to(url: &Url) -> Self {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let named = url.as_str().parse().ok().and_then(|uri| Matcher::from_env().intercept(&uri));
        let port = url.port_or_known_default().unwrap_or(80);
        let exceptions =
            ["NO_PROXY", "no_proxy"].into_iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default();
        let proxy = match named {
            Some(_) if is_excepted(&exceptions, &host, port) || is_near(&host, port).await => None,
            named => named.map(|proxy| proxy.uri().to_string().trim_end_matches('/').to_owned()),
        };
        Self { proxy, host }
    }

    /// Whether nobody stands between.
    pub(super) const fn is_straight(&self) -> bool {
        self.proxy.is_none()
    }

    /// A client that goes this way.
    pub(super) fn on(&self, client: ClientBuilder) -> ClientBuilder {
        if self.proxy.is_none() { client.no_proxy() } else { client }
    }

    /// What is being done when it fails.
    pub(super) fn asking(&self, base: &str) -> String {
        match &self.proxy {
            None => format!("asking the hub at {base}"),
            Some(proxy) => format!("asking the hub at {base} through the proxy {proxy} ({})", self.way_round()),
        }
    }

    /// Somebody who is no hub answered.
    pub(super) fn stranger(&self, base: &str, status: impl std::fmt::Display) -> anyhow::Error {
        match &self.proxy {
            None => anyhow::anyhow!("{base} answered {status}, and not as a hub does"),
            Some(proxy) => {
                let way_round = self.way_round();
                anyhow::anyhow!("the proxy {proxy} answered {status} in place of the hub at {base} ({way_round})")
            }
        }
    }

    /// Whether a proxy shows a page of its own, with whatever status.
    pub(super) fn is_page_of_proxy(&self, response: &Response) -> bool {
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        self.proxy.is_some() && kind.starts_with("text/html")
    }

    fn way_round(&self) -> String {
        format!("set in the environment; NO_PROXY={} bypasses it", self.host)
    }
}

/// What the library leaves of `NO_PROXY`: `*` is everything, addresses too, and an entry may name a port.
fn is_excepted(exceptions: &str, host: &str, port: u16) -> bool {
    let (named, in_brackets) = (format!("{host}:{port}"), format!("[{host}]:{port}"));
    exceptions
        .split(',')
        .map(str::trim)
        .any(|entry| entry == "*" || entry.eq_ignore_ascii_case(&named) || entry.eq_ignore_ascii_case(&in_brackets))
}

/// Whether a host is this machine, or in a private network or on a link of it.
async fn is_near(host: &str, port: u16) -> bool {
    if let Ok(ip) = host.parse() {
        return is_private(ip);
    }
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    if name == "localhost" || name.ends_with(".localhost") || name.ends_with(".local") {
        return true;
    }
    let found = tokio::time::timeout(LOOK_UP, tokio::net::lookup_host((host, port))).await;
    let Ok(Ok(addresses)) = found else { return false };
    let mut addresses = addresses.map(|address| address.ip()).peekable();
    addresses.peek().is_some() && addresses.all(is_private)
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            // The last is the network between a provider and its customers, which VPNs use as theirs.
            let is_shared = first == 100 && second & 0b1100_0000 == 64;
            ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified() || is_shared
        }
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => is_private(ip.into()),
            None => {
                ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unique_local() || ip == Ipv6Addr::UNSPECIFIED
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_everything_or_one_port() {
        for (exceptions, expected) in
            [("*", true), ("a.example, *", true), ("203.0.113.9:8080", true), ("x,hub.example:80", false)]
        {
            assert_eq!(is_excepted(exceptions, "203.0.113.9", 8_080), expected, "{exceptions}");
        }
        assert!(is_excepted("HUB.example:80", "hub.example", 80) && is_excepted("[2001:db8::1]:80", "2001:db8::1", 80));
        assert!(!is_excepted("hub.example:81", "hub.example", 80) && !is_excepted("", "hub.example", 80));
    }

    #[tokio::test]
    async fn what_is_near_is_known_by_its_address_or_its_name() {
        for host in [
            "127.0.0.1",
            "127.9.9.9",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.20",
            "169.254.7.7",
            "0.0.0.0",
            "100.64.0.1",
            "::1",
            "fe80::1",
            "fd00::1",
            "::ffff:192.168.1.1",
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "telemetry-hub.local",
        ] {
            assert!(is_near(host, 80).await, "{host}");
        }
        for host in
            ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2001:db8::1", "::ffff:8.8.8.8", "hub.invalid", "local", ""]
        {
            assert!(!is_near(host, 80).await, "{host}");
        }
    }
}

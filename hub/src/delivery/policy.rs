//! Which addresses a webhook may reach: the hub must not become a way into its own machine or network.
//!
//! | | `Lan` (default) | `Internet` |
//! |---|---|---|
//! | global unicast | yes | yes |
//! | private (10/8, 172.16/12, 192.168/16) and ULA | yes: Home Assistant and ntfy live there | no |
//! | loopback, unspecified, link-local (cloud metadata), multicast, broadcast, 100.64/10, reserved | no | no |
//! | NAT64, 6to4, Teredo, v4-compatible: IPv6 that becomes some IPv4 on the way | no | no |
//!
//! An IPv4-mapped address is judged as the IPv4 address it is. The allow-list beats all of it, except that the hub never calls
//! its own page: not by any address of this machine on which it listens.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;
use reqwest::Url;

use crate::model::webhook::WebhookKind;
use crate::reach;

/// How far webhooks may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// The internet and private networks.
    #[default]
    Lan,
    /// The internet only.
    Internet,
}

/// Where webhooks may go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policy {
    /// Allowed whatever the rest says.
    pub allow: Vec<IpNet>,
    /// What is allowed besides.
    pub mode: Mode,
    /// Where the hub itself listens for browsers.
    pub own: Option<SocketAddr>,
}

/// Why a URL is not called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not a URL.
    #[error("not a URL: {0}")]
    Malformed(String),
    /// Neither http nor https.
    #[error("only http and https URLs are called, not {0}:")]
    Scheme(String),
    /// Neither smtp nor smtps.
    #[error("a mail server is written as smtps://host or smtp://host, not {0}:")]
    MailScheme(String),
    /// A user name or a password of a mail server.
    #[error("an address with a user name or password is not accepted; put them into their fields")]
    MailUserInfo,
    /// More than a mail server.
    #[error("a mail server is a host, and a port where it is not the usual one, such as smtps://mail.example.org")]
    MailPath,
    /// A user name or a password: they would end up in logs and on pages.
    #[error("a URL with a user name or password is not accepted; put them into a header, such as Authorization")]
    UserInfo,
    /// The address is not to be reached.
    #[error("the address {ip} is not allowed for webhooks: it is {}. {}", what(.0), how(.0), ip = .0)]
    Address(IpAddr),
    /// The hub's own page.
    #[error("{0} is this hub itself: a webhook calls another program")]
    Own(SocketAddr),
    /// All addresses of the name are not to be reached.
    #[error("all addresses of {name} are refused: {first} is not allowed for webhooks, it is {}. {}", what(.first), how(.first))]
    Name {
        /// The name asked for.
        name: String,
        /// One of its addresses.
        first: IpAddr,
    },
    /// The name has no address.
    #[error("{0} has no address")]
    NoAddress(String),
}

impl Policy {
    /// Checks what can be known of a URL without asking anyone: for a new webhook, and again before each attempt.
    ///
    /// # Errors
    /// Why it would never be called. A name that resolves to refused addresses is noticed only at the attempt.
    pub fn check_url(&self, text: &str) -> Result<Url, Refused> {
        let url = Url::parse(text).map_err(|error| malformed(text, &error, WEB_ADDRESS))?;
        if url.port() == Some(0) {
            return Err(Refused::Malformed("nothing listens on port 0".to_owned()));
        }
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refused::Scheme(url.scheme().to_owned()));
        }
        // The parser takes the first part of the path for the host.
        if text
            .split_once(':')
            .is_some_and(|(_, rest)| rest.strip_prefix("//").is_some_and(|rest| rest.starts_with(['/', '\\'])))
        {
            return Err(Refused::Malformed(format!("there is no host behind `//`: {WEB_ADDRESS}")));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::UserInfo);
        }
        // The parser has turned every spelling (octal, hexadecimal, one number, full-width digits) into the plain one.
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or_default();
        literal(host).map_or(Ok(()), |ip| self.check(SocketAddr::new(ip, port)))?;
        Ok(url)
    }

    /// Checks what can be known of a mail server, as [`Self::check_url`] does.
    ///
    /// # Errors
    /// Why it would never be called.
    pub fn check_mail_server(&self, text: &str) -> Result<MailServer, Refused> {
        let server = MailServer::read(text)?;
        literal(&server.host).map_or(Ok(()), |ip| self.check(SocketAddr::new(ip, server.port)))?;
        Ok(server)
    }

    /// Checks the address of a webhook of a kind.
    ///
    /// # Errors
    /// Why it would never be called.
    pub fn check_address(&self, kind: WebhookKind, text: &str) -> Result<(), Refused> {
        if kind == WebhookKind::Email {
            return self.check_mail_server(text).map(drop);
        }
        self.check_url(text).map(drop)
    }

    /// Checks where a connection would go.
    ///
    /// # Errors
    /// Why not there.
    pub fn check(&self, to: SocketAddr) -> Result<(), Refused> {
        if self.is_own(to) {
            return Err(Refused::Own(to));
        }
        if self.allows(to.ip()) { Ok(()) } else { Err(Refused::Address(to.ip())) }
    }

    /// Whether the hub itself would answer there.
    fn is_own(&self, to: SocketAddr) -> bool {
        let ip = to.ip().to_canonical();
        self.own.is_some_and(|own| {
            let listens = own.ip().to_canonical() == ip
                || own.ip().is_unspecified() && (own.is_ipv6() || ip.is_ipv4()) && reach::is_own(ip);
            own.port() == to.port() && listens
        })
    }

    fn allows(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.allow.iter().any(|net| net.contains(&ip))
            || match ip {
                IpAddr::V4(ip) => self.allows_v4(ip),
                IpAddr::V6(ip) => self.allows_v6(ip),
            }
    }

    fn allows_v4(&self, ip: Ipv4Addr) -> bool {
        let [a, b, c, _] = ip.octets();
        match (a, b, c) {
            // Unspecified and "this network", loopback, link-local, multicast, reserved and broadcast.
            (0 | 127 | 224..=255, ..) | (169, 254, _) => false,
            // Carrier NAT: on some clouds it holds metadata services.
            (100, 64..=127, _) => false,
            // Protocol assignments, documentation, the dead 6to4 relays, benchmarking.
            (192, 0, 0 | 2) | (192, 88, 99) | (198, 51, 100) | (203, 0, 113) | (198, 18 | 19, _) => false,
            (10, ..) | (172, 16..=31, _) | (192, 168, _) => self.mode == Mode::Lan,
            _ => true,
        }
    }

    fn allows_v6(&self, ip: Ipv6Addr) -> bool {
        match ip.segments() {
            // Teredo, protocol assignments, documentation, 6to4.
            [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => false,
            // Global unicast. All else (loopback, v4-compatible, NAT64, link-local, multicast) lies outside it.
            [0x2000..=0x3fff, ..] => true,
            [0xfc00..=0xfdff, ..] => self.mode == Mode::Lan,
            _ => false,
        }
    }
}

/// Why webhooks do not go there.
fn what(ip: &IpAddr) -> &'static str {
    match ip.to_canonical() {
        ip if ip.is_loopback() || ip.is_unspecified() => "this machine itself",
        ip if ip.is_multicast() => "many machines at once (multicast)",
        IpAddr::V4(ip) if ip.is_link_local() => "link-local, where clouds keep credentials",
        IpAddr::V6(ip) if ip.is_unicast_link_local() => "link-local",
        IpAddr::V4(ip) if ip.is_private() => PRIVATE,
        IpAddr::V6(ip) if ip.is_unique_local() => PRIVATE,
        IpAddr::V4(ip) if matches!(ip.octets(), [100, 64..=127, ..]) => {
            "in 100.64.0.0/10, which providers, VPNs and clouds use for themselves"
        }
        IpAddr::V4(_) => "reserved",
        IpAddr::V6(_) => "reserved, or becomes another address on the way",
    }
}

const PRIVATE: &str = "in a private network, and the hub was started with --webhook-policy internet";

/// How to let webhooks go there.
fn how(ip: &IpAddr) -> String {
    format!("Where that is meant, start the hub with --webhook-allow {}", IpNet::from(*ip))
}

/// Where mail is handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    pub host: String,
    pub port: u16,
    /// From the first byte; otherwise by STARTTLS.
    pub is_tls: bool,
}

/// A receiver as a person writes it.
pub(super) const WEB_ADDRESS: &str = "https://example.org/hook";
/// A mail server as a person writes it.
pub(super) const MAIL_SERVER: &str = "smtps://mail.example.org";

/// Says what to write where the beginning is missing, for which the parser has words for programmers only.
pub(super) fn malformed(text: &str, error: &impl fmt::Display, example: &str) -> Refused {
    if text.contains("://") {
        return Refused::Malformed(error.to_string());
    }
    Refused::Malformed(format!("write it whole, with its beginning, such as {example}"))
}

impl MailServer {
    /// Reads `smtps://host:465` or `smtp://host:587`.
    ///
    /// # Errors
    /// What it lacks.
    pub fn read(text: &str) -> Result<Self, Refused> {
        let url = Url::parse(text).map_err(|error| malformed(text, &error, MAIL_SERVER))?;
        let (is_tls, usual) = match url.scheme() {
            "smtps" => (true, 465),
            "smtp" => (false, 587),
            other => return Err(Refused::MailScheme(other.to_owned())),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::MailUserInfo);
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(Refused::MailPath);
        }
        let port = url.port().unwrap_or(usual);
        if port == 0 {
            return Err(Refused::Malformed("nothing listens on port 0".to_owned()));
        }
        // Of schemes that it knows the parser turns every spelling of an address into the plain one.
        let as_known = Url::parse(&format!("http://{}/", url.host_str().unwrap_or_default()));
        let as_known = as_known.map_err(|error| Refused::Malformed(error.to_string()))?;
        let host = as_known.host_str().unwrap_or_default().to_owned();
        Ok(Self { host, port, is_tls })
    }
}

/// Whether an address is on the local network, where a person may allow to send without TLS.
#[must_use]
pub fn is_local(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_loopback() || ip.is_unicast_link_local(),
    }
}

/// The address a host part spells, `localhost` included: it never needs to be asked for.
fn literal(host: &str) -> Option<IpAddr> {
    let host = host.trim_end_matches('.');
    if host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost") {
        return Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

#[cfg(test)]
mod tests;

//! Reads the host name of a request, and decides which names are the hub's own. PURE.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{HeaderMap, StatusCode, Uri, header};

use crate::http::error::ApiError;
use crate::http::names::Names;

/// The one name a request asks for, as `host_of` gives it.
pub(in crate::http) fn name_of(uri: &Uri, headers: &HeaderMap) -> Result<String, ApiError> {
    let refused = |detail| ApiError::new(StatusCode::BAD_REQUEST, "no_host", detail);
    let mut named = headers.get_all(header::HOST).iter();
    let (first, second) = (named.next(), named.next());
    if second.is_some() {
        return Err(refused("the request has more than one `Host`"));
    }
    let first = first.map(|host| host.to_str().unwrap_or_default());
    let called = uri.authority().map(axum::http::uri::Authority::as_str);
    // Two different names in one request are an attempt to pass for another host.
    if let (Some(first), Some(called)) = (first, called)
        && !first.eq_ignore_ascii_case(called)
    {
        return Err(refused("the request names one host in its first line and another in `Host`"));
    }
    let name = called.or(first).ok_or_else(|| refused("the request has no `Host`"))?;
    host_of(name).ok_or_else(|| refused("`Host` is not a name or an address, with or without a port"))
}

/// Name and port as the client wrote them.
pub(in crate::http) fn called<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let named = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    uri.authority().map(|authority| authority.as_str()).or(named)
}

pub(in crate::http) fn is_own_host(names: &Names, name: &str) -> bool {
    let is = |own: &str| is_same_name(own, name);
    let hostname = names.hostname.as_deref().filter(|own| !own.is_empty());
    name.parse::<IpAddr>().is_ok()
        || is("localhost")
        || hostname.is_some_and(|own| is(own) || is(&format!("{own}.local")))
        || is_listed(names, name)
}

/// A name the operator gave.
pub(in crate::http) fn is_listed(names: &Names, name: &str) -> bool {
    names.listed.iter().any(|own| is_same_name(own, name))
}

fn is_same_name(own: &str, name: &str) -> bool {
    own.trim_end_matches('.').eq_ignore_ascii_case(name)
}

/// Whether a request comes from this machine by a name of it: a page that some name leads here has another.
pub(in crate::http) fn is_called_by_loopback(uri: &Uri, headers: &HeaderMap) -> bool {
    let name = called(uri, headers).and_then(host_of);
    name.is_some_and(|name| {
        name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
    })
}

/// Name or address without port, brackets, trailing dot, capitals; `None` for what no browser and no program writes there, even
/// where RFC 9110 (7.2) and RFC 3986 would let it pass: `name:`, `name..`, `%6c`, `[v1.x]`, a zone.
pub(in crate::http) fn host_of(authority: &str) -> Option<String> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (v6, port) = rest.split_once(']')?;
            v6.parse::<Ipv6Addr>().ok()?;
            (v6, port)
        }
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
    let is_host = authority.starts_with('[') || is_name(host.strip_suffix('.').unwrap_or(host));
    (is_port && is_host).then(|| host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase())
}

/// Whether a port stands behind a name or an address.
pub(in crate::http) fn has_port(authority: &str) -> bool {
    let behind = authority.rsplit_once(':').map(|(_, port)| port);
    behind.is_some_and(|port| !port.is_empty() && is_port(port)) && !authority.ends_with(']')
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// Whether this is a name of a host, or an IPv4 address: letters, digits, `-` and `_` between single dots.
fn is_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.len() <= 253 && text.split('.').all(|label| !label.is_empty() && label.bytes().all(is_letter))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn names() -> Names {
        Names {
            hostname: Some("Pi".to_owned()),
            listed: ["hub.example", "example.org"].map(str::to_owned).to_vec(),
            ..Names::default()
        }
    }

    fn headers(sent: &[(HeaderName, &'static str)]) -> HeaderMap {
        sent.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn only_own_names_are_answered() {
        let is_answered = |host: &'static str| host_of(host).is_some_and(|name| is_own_host(&names(), &name));
        for host in [
            "127.0.0.1:8080",
            "[::1]:8080",
            "[fe80::1]",
            "localhost",
            "LOCALHOST:1",
            "pi",
            "pi.local:8080",
            "hub.example.",
            "example.org:443",
        ] {
            assert!(is_answered(host), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil",
            "pi.evil",
            "",
            "[::1",
            "user@localhost",
            "[::1].evil.example",
            "[::1]evil.example:80",
            "[pi]",
            "127.0.0.1:evil.example",
            "localhost:80:evil.example",
            "::1",
            "localhost:",
            "localhost:x",
            "localhost:+80",
            "localhost:65536",
            "localhost:080080",
            "localhost..",
            ".localhost",
            "pi..local",
            "[::1].",
            "[::1]:",
            "[::1]:80:80",
            "[fe80::1%25eth0]",
            "[v1.fe80]",
            "[127.0.0.1]",
            "0x7f.1",
            "2130706433",
            "0177.0.0.1",
            "127.1",
            "%6cocalhost",
            "local host",
            "localhost, evil.example",
            "localhost\t",
            "localhost#evil.example",
            "localhost?evil.example",
            "localhost\\evil.example",
            "localhost@",
            "http://localhost",
            "127.0.0.1/",
            "example.org.evil.example",
        ] {
            assert!(!is_answered(host), "{host}");
        }
        let asked = |uri: &'static str, hosts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            hosts.iter().for_each(|host| {
                headers.append(header::HOST, HeaderValue::from_static(host));
            });
            name_of(&Uri::from_static(uri), &headers).ok()
        };
        assert_eq!(asked("http://Pi/", &["pi"]), Some("pi".to_owned()));
        assert_eq!(asked("http://evil.example/", &[]), Some("evil.example".to_owned()));
        assert_eq!(asked("http://localhost/", &["pi"]), None, "two names");
        assert_eq!(asked("/", &["pi", "pi"]), None, "twice");
        assert_eq!(asked("/", &[]), None);
    }

    #[test]
    fn this_machine_is_asked_by_its_loopback_names_only() {
        let is = |host: &'static str| is_called_by_loopback(&Uri::from_static("/"), &headers(&[(header::HOST, host)]));
        for host in ["localhost:8080", "127.0.0.1", "127.9.9.9:1", "[::1]:8080"] {
            assert!(is(host), "{host}");
        }
        for host in ["192.168.1.5", "pi.local", "example.org", "[::2]"] {
            assert!(!is(host), "{host}");
        }
    }
}

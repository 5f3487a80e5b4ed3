//! What may stand in front of the hub: TLS, a reverse proxy, and the path below which a proxy shows the hub. PURE.
//!
//! Anybody can claim anything in a header about where a request came from. So only proxies that the operator lists
//! (`--trusted-proxies`) are believed, and in a chain of addresses only those up to the first proxy that is not listed.
//! From anybody else these headers have one effect: the request does not count as one of this machine
//! ([`Peer::is_local`]).
//!
//! A proxy that cuts off its path (`/hub/` becomes `/`) needs no setting: the page finds its files by relative
//! addresses. Behind a proxy that passes the path on, the hub is served below the path of `--url`.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ipnet::IpNet;

use super::peer::Peer;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Whether the browser uses TLS: that of the hub itself, or of a proxy, as one that is trusted says or the browser does itself, whose
/// page has such an address. Who lies there gets a cookie that is sent to nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct Encrypted(pub bool);

impl<S: Sync> FromRequestParts<S> for Encrypted {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let says_so =
            parts.headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"));
        Ok(Self(says_so || parts.extensions.get::<Self>().is_some_and(|Self(encrypted)| *encrypted)))
    }
}

/// Proxies and path.
#[derive(Debug, Clone, Default)]
pub(in crate::http) struct Front {
    trusted: Vec<IpNet>,
    /// Without a slash at its end; empty at the root.
    path: String,
}

impl Front {
    /// `url`: of the page, as the operator says.
    pub(in crate::http) fn new(trusted: Vec<IpNet>, url: Option<&str>) -> Self {
        let url = url.and_then(|url| url.parse::<Uri>().ok());
        let path = url.map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default();
        Self { trusted, path }
    }

    /// Whether this is one of the proxies.
    pub(in crate::http) fn trusts(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.trusted.iter().any(|net| net.contains(&ip))
    }

    /// Rewrites a request as it would be without proxy and path, in any version of HTTP: its peer, its host name, its path.
    /// An answer instead where the path lacks its last slash: everything on the page would lie elsewhere.
    pub(in crate::http) fn receive<B>(
        &self,
        request: &mut Request<B>,
        from: SocketAddr,
        by_tls: bool,
    ) -> Option<Response> {
        let (mut peer, mut encrypted) = (from, by_tls);
        // HTTP/2 names the host in its first line alone.
        if let Some(called) = request.uri().authority().and_then(|called| HeaderValue::from_str(called.as_str()).ok()) {
            request.headers_mut().entry(header::HOST).or_insert(called);
        }
        if self.trusts(from.ip()) {
            let headers = request.headers_mut();
            peer = self.client(headers).map_or(from, |ip| SocketAddr::new(ip, 0));
            encrypted = last(headers, &PROTO).map_or(by_tls, |scheme| scheme.eq_ignore_ascii_case("https"));
            if let Some(host) = last(headers, &HOST).and_then(|host| HeaderValue::from_str(host).ok()) {
                headers.insert(header::HOST, host);
            }
        }
        request.extensions_mut().insert(Peer(peer));
        request.extensions_mut().insert(Encrypted(encrypted));
        match self.inside(request.uri()) {
            Inside::As(uri) => *request.uri_mut() = uri,
            Inside::Already => {}
            Inside::ButASlash => {
                let to = HeaderValue::from_str(&format!("{}/", self.path)).ok()?;
                return Some((StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, to)]).into_response());
            }
        }
        None
    }

    /// The last address before those of trusted proxies; each proxy appends who came to it.
    fn client(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let lines = headers.get_all(&FOR).into_iter().map(|value| value.to_str().unwrap_or_default());
        let listed: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
        let mut client = None;
        for listed in listed.into_iter().rev() {
            let Some(ip) = address(listed.trim()) else { break };
            client = Some(ip);
            if !self.trusts(ip) {
                break;
            }
        }
        client
    }

    fn inside(&self, uri: &Uri) -> Inside {
        let rest = uri.path().strip_prefix(self.path.as_str()).filter(|_| !self.path.is_empty());
        match rest {
            Some("") => Inside::ButASlash,
            Some(rest) if rest.starts_with('/') => {
                let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
                let mut parts = uri.clone().into_parts();
                parts.path_and_query = format!("{rest}{query}").parse::<PathAndQuery>().ok();
                Uri::from_parts(parts).map_or(Inside::Already, Inside::As)
            }
            Some(_) | None => Inside::Already,
        }
    }
}

enum Inside {
    Already,
    As(Uri),
    ButASlash,
}

/// What the nearest proxy said.
fn last<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let value = headers.get_all(name).into_iter().next_back()?.to_str().ok()?;
    value.rsplit(',').map(str::trim).next().filter(|value| !value.is_empty())
}

/// `192.0.2.1`, `2001:db8::1`, and both as some proxies write them: with a port, in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let ip = bare.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))?;
    Some(IpAddr::to_canonical(&ip))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn front() -> Front {
        Front::new(vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()], Some("https://example.org/hub/"))
    }

    fn received(from: &str, headers: &[(&'static str, &'static str)]) -> (IpAddr, bool, Option<HeaderValue>) {
        let mut request = Request::builder().uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(()).unwrap();
        assert!(front().receive(&mut request, SocketAddr::new(from.parse().unwrap(), 5), false).is_none());
        let Peer(peer) = request.extensions().get().unwrap();
        let Encrypted(encrypted) = request.extensions().get().unwrap();
        (peer.ip(), *encrypted, request.headers().get(header::HOST).cloned())
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_as_far_as_the_next_one() {
        let said: [(&str, &str); 4] = [
            ("host", "127.0.0.1:8080"),
            ("x-forwarded-for", "1.1.1.1, 192.0.2.7"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "example.org"),
        ];
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(
            received("192.168.1.1", &said),
            (ip("192.168.1.1"), false, Some(HeaderValue::from_static("127.0.0.1:8080")))
        );
        let believed = (ip("192.0.2.7"), true, Some(HeaderValue::from_static("example.org")));
        assert_eq!(received("10.1.1.1", &said), believed);
        assert_eq!(received("::ffff:10.1.1.1", &said), believed);
        for (list, client) in [
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.7:4711", "192.0.2.7"),
            ("9.9.9.9, [2001:db8::7]:80, 10.9.9.9", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("10.3.3.3, 10.9.9.9", "10.3.3.3"),
            ("9.9.9.9, nobody, 10.9.9.9", "10.9.9.9"),
            ("unknown", "10.1.1.1"),
            ("", "10.1.1.1"),
        ] {
            assert_eq!(received("10.1.1.1", &[("x-forwarded-for", list)]).0, ip(client), "{list}");
        }
        let twice = [("x-forwarded-for", "9.9.9.9"), ("x-forwarded-for", "192.0.2.7")];
        assert_eq!(received("10.1.1.1", &twice).0, ip("192.0.2.7"));
    }

    #[test]
    fn tls_of_the_hub_itself_counts_and_a_host_is_named_in_either_version_of_http() {
        let received = |from: [u8; 4], proto: &'static str| {
            let request = Request::builder().uri("https://attic.local:8080/").header("x-forwarded-proto", proto);
            let mut request = request.body(()).unwrap();
            assert!(front().receive(&mut request, SocketAddr::from((from, 5)), true).is_none());
            assert_eq!(request.headers()[header::HOST], "attic.local:8080");
            *request.extensions().get::<Encrypted>().unwrap()
        };
        assert_eq!(received([192, 168, 1, 1], "http"), Encrypted(true), "who is not trusted is not believed");
        assert_eq!(received([10, 0, 0, 1], "http"), Encrypted(false), "the browser went to the proxy without");
        assert_eq!(received([10, 0, 0, 1], ""), Encrypted(true));
    }

    #[test]
    fn a_path_of_the_proxy_is_taken_off_where_it_was_passed_on() {
        let at = |path: &'static str| {
            let mut request = Request::builder().uri(path).body(()).unwrap();
            let answer = front().receive(&mut request, SocketAddr::from(([10, 0, 0, 1], 5)), false);
            answer.map_or_else(
                || request.uri().to_string(),
                |answer| format!("to {}", answer.headers()[header::LOCATION].to_str().unwrap()),
            )
        };
        for (path, inside) in [
            ("/hub/", "/"),
            ("/hub/d/x?m=a", "/d/x?m=a"),
            ("/hub", "to /hub/"),
            ("/hubs/x", "/hubs/x"),
            ("/", "/"),
            ("/api/v1/hub", "/api/v1/hub"),
        ] {
            assert_eq!(at(path), inside);
        }
    }
}

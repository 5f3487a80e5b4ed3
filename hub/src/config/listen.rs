//! Addresses to listen on, as people write them: `0.0.0.0:8080`, `:8080`, `8080`, `localhost:8080`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::Deserialize;

/// Reads one; without a host it is every address of this machine.
pub(super) fn everywhere(text: &str) -> Result<SocketAddr, String> {
    on(Ipv4Addr::UNSPECIFIED.into(), text)
}

/// Reads one; without a host it is this machine alone.
///
/// # Errors
/// It is none, with what would be one.
pub fn at_home(text: &str) -> Result<SocketAddr, String> {
    on(Ipv4Addr::LOCALHOST.into(), text)
}

fn on(host: IpAddr, text: &str) -> Result<SocketAddr, String> {
    let text = text.trim();
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let bare = text.parse::<IpAddr>().or_else(|_| text.trim_matches(['[', ']']).parse());
    if let Ok(ip) = bare {
        return Err(format!("`{text}` has no port: write {}", SocketAddr::new(ip, 8080)));
    }
    let (name, port) = text.rsplit_once(':').unwrap_or(("", text));
    let host = match name {
        "" | "*" => host,
        "localhost" => Ipv4Addr::LOCALHOST.into(),
        _ => {
            return Err(format!(
                "`{text}` is not an address to listen on: write an IP address and a port, :8080 or 8080"
            ));
        }
    };
    let port = port.parse().map_err(|_| format!("`{port}` is not a port: a number from 0 to 65535"))?;
    Ok(SocketAddr::new(host, port))
}

/// The same in the TOML file, where a bare port may be a number.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "an address such as \"0.0.0.0:8080\", or a port")]
pub(super) enum Written {
    Port(u16),
    Text(String),
}

impl Written {
    pub(super) fn read(&self) -> Result<SocketAddr, String> {
        match self {
            Self::Port(port) => Ok(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), *port)),
            Self::Text(text) => everywhere(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_enough() {
        for text in ["8080", ":8080", "*:8080", "0.0.0.0:8080"] {
            assert_eq!(everywhere(text).map(|address| address.to_string()), Ok("0.0.0.0:8080".to_owned()), "{text}");
        }
        assert_eq!(at_home(":81").unwrap().to_string(), "127.0.0.1:81");
        assert_eq!(everywhere("localhost:82").unwrap().to_string(), "127.0.0.1:82");
        assert_eq!(everywhere("[::]:83").unwrap().to_string(), "[::]:83");
    }

    #[test]
    fn what_is_no_address_says_what_would_be_one() {
        for (text, hint) in [
            ("192.168.1.5", "write 192.168.1.5:8080"),
            ("::1", "write [::1]:8080"),
            ("attic:8080", "an IP address and a port"),
            (":80800", "from 0 to 65535"),
            ("", "is not a port"),
            ("http://0.0.0.0:80", "an IP address"),
        ] {
            let error = everywhere(text).unwrap_err();
            assert!(error.contains(hint), "{text}: {error}");
        }
    }
}

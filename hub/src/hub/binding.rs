//! Why an address cannot be listened on, and what would help.

use std::io;
use std::net::SocketAddr;

use crate::reach;
use crate::running::{self, Running};

/// What to say when `--http` or `--udp` cannot be bound.
pub(super) fn refused(flag: &str, address: SocketAddr, error: &io::Error) -> anyhow::Error {
    let (ip, port) = (address.ip(), address.port());
    let kind = error.kind();
    anyhow::anyhow!(if kind == io::ErrorKind::AddrInUse {
        let next = SocketAddr::new(ip, port.checked_add(1).unwrap_or(8081));
        let who = owner(flag, port);
        format!("port {port} is already in use{who}: stop that program, or choose another port: {flag} {next}")
    } else if kind == io::ErrorKind::AddrNotAvailable {
        let own: Vec<String> = reach::addresses().iter().map(ToString::to_string).collect();
        let own = if own.is_empty() { "none but its own loopback".to_owned() } else { own.join(", ") };
        format!("{flag} {address}: this machine does not have the address {ip}; it has {own}; 0.0.0.0:{port} means all")
    } else if kind == io::ErrorKind::PermissionDenied {
        format!("{flag} {address}: ports below 1024 need root; choose another: {flag} {}", SocketAddr::new(ip, 8080))
    } else {
        format!("{flag} {address}: {error}")
    })
}

fn owner(flag: &str, port: u16) -> String {
    let has = |running: &Running| port == if flag == "--udp" { running.udp.port() } else { running.http.port() };
    let hub = running::elsewhere().into_iter().find(|data| Running::of(data).as_ref().is_some_and(has));
    hub.map_or_else(String::new, |data| format!(" by the hub in {}", data.display()))
}

//! The settings of HTTP.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::bundle::agents::Agents;

/// What an operator may set about HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// Names the hub answers to, besides IP addresses, `localhost` and its own host name, and whose pages are its own: against
    /// DNS rebinding and requests of other sites.
    pub allowed_hosts: Vec<String>,
    /// Proxies whose word on who asks, by what name and how is taken.
    pub trusted_proxies: Vec<IpNet>,
    /// The machine's host name; it and `<hostname>.local` are answered to.
    pub hostname: Option<String>,
    /// Connections in all, but for a few of this machine itself: beyond it new ones are closed at once. Whoever shows neither
    /// session nor token has a quarter of them, the newest.
    pub connections: usize,
    /// Connections of one address; loopback is exempt, because a reverse proxy there carries everybody.
    pub connections_per_ip: usize,
    /// Live connections in all.
    pub sockets: usize,
    /// Longest wait for a live connection to take a message.
    pub stuck: Duration,
    /// SHA-256 of the text of one more admin token (`--admin-token-file`).
    pub admin_token: Option<[u8; 32]>,
    /// SHA-256 of the key that lies in the data directory while the hub runs, for commands on this machine.
    pub local_key: Option<[u8; 32]>,
    /// SHA-256 of a code that signs browsers in again and again, of a demo.
    pub login_code: Option<[u8; 32]>,
    /// Where the token of the setup link lies, until it is used.
    pub setup_file: Option<PathBuf>,
    /// Agents that devices get from here.
    pub agents: Agents,
    /// Whether flags or the file say how long readings are kept, so that it cannot be changed over HTTP.
    pub retention_configured: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            allowed_hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            hostname: None,
            connections: 4_096,
            connections_per_ip: 64,
            sockets: 10_000,
            stuck: Duration::from_secs(10),
            admin_token: None,
            local_key: None,
            login_code: None,
            setup_file: None,
            agents: Agents::default(),
            retention_configured: false,
        }
    }
}

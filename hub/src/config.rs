//! Where every knob of the hub comes from: flags win, then `TELEMETRY_HUB_*`, then the TOML file, then the defaults here.
//!
//! Zero configuration runs. An unknown key, a value out of range or a file that is not there is refused with the key and
//! the line; nothing is guessed.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use ipnet::IpNet;
use serde::Deserialize;

use crate::proto::command::JoinPolicy;

/// Flags of `serve`; each may come from the environment as well.
#[derive(Debug, Clone, Default, Args)]
pub struct Flags {
    /// TOML file with any of the keys below (dashes become underscores)
    #[arg(long, value_name = "FILE", env = "TELEMETRY_HUB_CONFIG")]
    pub config: Option<PathBuf>,
    /// Data directory, made if missing [default: ./telemetry-data]
    #[arg(long, value_name = "DIR", env = "TELEMETRY_HUB_DATA")]
    pub data: Option<PathBuf>,
    /// Address of the page, REST and the WebSocket [default: 0.0.0.0:8080]
    #[arg(long, value_name = "ADDR", env = "TELEMETRY_HUB_HTTP")]
    pub http: Option<SocketAddr>,
    /// Address for device agents [default: 0.0.0.0:5770]
    #[arg(long, value_name = "ADDR", env = "TELEMETRY_HUB_UDP")]
    pub udp: Option<SocketAddr>,
    /// File holding one admin API token to accept, for automation
    #[arg(long, value_name = "FILE", env = "TELEMETRY_HUB_ADMIN_TOKEN_FILE")]
    pub admin_token_file: Option<PathBuf>,
    /// Who may join; a join token always works unless closed [default: as last set on the page, at first click]
    #[arg(long, value_enum, env = "TELEMETRY_HUB_JOIN")]
    pub join: Option<Join>,
    /// Whether multicast probes are answered [default: on]
    #[arg(long, value_enum, env = "TELEMETRY_HUB_DISCOVERY")]
    pub discovery: Option<Switch>,
    /// Network that webhooks may reach although it is blocked by default, such as 127.0.0.0/8; repeatable
    #[arg(long, value_name = "CIDR", env = "TELEMETRY_HUB_WEBHOOK_ALLOW", value_delimiter = ',')]
    pub webhook_allow: Vec<IpNet>,
    /// Host name under which browsers reach the hub, beside its addresses and its own name; repeatable
    #[arg(long, value_name = "NAME", env = "TELEMETRY_HUB_HOSTS", value_delimiter = ',')]
    pub hosts: Vec<String>,
    /// URL of the page as receivers of webhooks see it, for links in alerts
    #[arg(long, value_name = "URL", env = "TELEMETRY_HUB_URL")]
    pub url: Option<String>,
    /// Folder of the agents that devices get from this hub, device-agent-<target> each [default: `agents` in the data
    /// directory, then beside this program]
    #[arg(long, value_name = "DIR", env = "TELEMETRY_HUB_AGENTS")]
    pub agents: Option<PathBuf>,
}

/// `--join`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Join {
    /// Nobody new
    Closed,
    /// Only with a join token
    Token,
    /// Devices ask, a person adopts them
    Click,
    /// Every device is adopted at once
    Open,
}

/// `on` or `off`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// Yes
    On,
    /// No
    Off,
}

/// The same keys in the TOML file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    data: Option<PathBuf>,
    http: Option<SocketAddr>,
    udp: Option<SocketAddr>,
    admin_token_file: Option<PathBuf>,
    join: Option<Join>,
    discovery: Option<Switch>,
    webhook_allow: Vec<IpNet>,
    hosts: Vec<String>,
    url: Option<String>,
    agents: Option<PathBuf>,
}

/// What the hub runs with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Data directory.
    pub data: PathBuf,
    /// HTTP address.
    pub http: SocketAddr,
    /// UDP address.
    pub udp: SocketAddr,
    /// File with an admin token.
    pub admin_token_file: Option<PathBuf>,
    /// Who may join; when nobody says, what was last set on the page, and at first by click.
    pub join: Option<JoinPolicy>,
    /// Whether multicast probes are answered.
    pub discovery: bool,
    /// Networks webhooks may reach.
    pub webhook_allow: Vec<IpNet>,
    /// Further host names of the page.
    pub hosts: Vec<String>,
    /// URL of the page in webhooks.
    pub url: Option<String>,
    /// Folder of the agents to hand out.
    pub agents: Option<PathBuf>,
}

/// Data directory without any configuration.
pub const DEFAULT_DATA: &str = "./telemetry-data";

impl Default for Config {
    fn default() -> Self {
        Self {
            data: DEFAULT_DATA.into(),
            http: SocketAddr::from(([0, 0, 0, 0], 8080)),
            udp: SocketAddr::from(([0, 0, 0, 0], 5770)),
            admin_token_file: None,
            join: None,
            discovery: true,
            webhook_allow: Vec::new(),
            hosts: Vec::new(),
            url: None,
            agents: None,
        }
    }
}

/// The configuration cannot be used; exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("--config {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what it should be; the text names key and line.
    #[error("{}: {text}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong, with line and column.
        text: String,
    },
}

impl Config {
    /// Puts flags, environment (already in `flags`), file and defaults together.
    ///
    /// # Errors
    /// The file is missing, or says something that is not understood.
    pub fn load(flags: Flags) -> Result<Self, Error> {
        let file = flags.config.as_deref().map(read).transpose()?.unwrap_or_default();
        let default = Self::default();
        let list = |flag: Vec<_>, file: Vec<_>| if flag.is_empty() { file } else { flag };
        Ok(Self {
            data: flags.data.or(file.data).unwrap_or(default.data),
            http: flags.http.or(file.http).unwrap_or(default.http),
            udp: flags.udp.or(file.udp).unwrap_or(default.udp),
            admin_token_file: flags.admin_token_file.or(file.admin_token_file),
            join: flags.join.or(file.join).map(Into::into),
            discovery: flags.discovery.or(file.discovery) != Some(Switch::Off),
            webhook_allow: list(flags.webhook_allow, file.webhook_allow),
            hosts: if flags.hosts.is_empty() { file.hosts } else { flags.hosts },
            url: flags.url.or(file.url),
            agents: flags.agents.or(file.agents),
        })
    }
}

impl From<Join> for JoinPolicy {
    fn from(join: Join) -> Self {
        match join {
            Join::Closed => Self::Closed,
            Join::Token => Self::Token,
            Join::Click => Self::Click,
            Join::Open => Self::Open,
        }
    }
}

fn read(path: &Path) -> Result<File, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Unreadable { path: path.to_owned(), source })?;
    toml::from_str(&text).map_err(|error| Error::File { path: path.to_owned(), text: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hub.toml");
        std::fs::write(&path, text).unwrap();
        (dir, path)
    }

    #[test]
    fn a_flag_beats_the_file_and_the_file_beats_the_default() {
        let (_dir, path) = file("http = \"127.0.0.1:1000\"\nudp = \"127.0.0.1:2000\"\njoin = \"closed\"\n");
        let http = Some("127.0.0.1:3000".parse().unwrap());
        let config = Config::load(Flags { config: Some(path), http, ..Flags::default() }).unwrap();
        assert_eq!((config.http.port(), config.udp.port()), (3000, 2000));
        assert_eq!((config.join, config.data), (Some(JoinPolicy::Closed), PathBuf::from(DEFAULT_DATA)));
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let (_dir, path) = file("http = \"127.0.0.1:1000\"\nhtpp = 3\n");
        let error = Config::load(Flags { config: Some(path), ..Flags::default() }).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("htpp"), "{error}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Config::load(Flags { config: Some("/nowhere/hub.toml".into()), ..Flags::default() }).unwrap_err();
        assert!(error.to_string().contains("/nowhere/hub.toml"), "{error}");
    }
}

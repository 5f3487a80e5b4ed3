//! All settings of the hub, and their precedence: flags win, then `TELEMETRY_HUB_*`, then the TOML file, then the
//! defaults here.
//!
//! The hub runs without any configuration. An unknown key, a value out of range or a missing file is refused, with the key and
//! the line; nothing is guessed.

mod address;
mod error;
mod flags;
mod keep;
pub mod listen;
mod mqtt;
mod scrape;
#[cfg(test)]
mod tests;
mod tls;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::Uri;
use ipnet::IpNet;
use serde::Deserialize;

pub use self::error::Error;
pub use self::flags::{Flags, Join, Reach, Switch, Tls};
use self::flags::{INGEST_QUEUE, ingest_queue, max_size, network, url};
pub use self::keep::Age;
use self::keep::Keep;
pub use self::mqtt::BrokerUrl;
pub use self::scrape::Scrape;
pub use self::tls::Served;
use crate::model::limits::Limits;
use crate::model::quantity;
use crate::model::retention::Retention;
use crate::model::unsaid::without_secrets;
use crate::proto::command::JoinPolicy;

/// The same keys in the TOML file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    data: Option<PathBuf>,
    http: Option<listen::Written>,
    udp: Option<listen::Written>,
    line_udp: Option<listen::Written>,
    line_tcp: Option<listen::Written>,
    line_allow: Vec<String>,
    mqtt: Option<String>,
    mqtt_password_file: Option<PathBuf>,
    mqtt_ca: Option<PathBuf>,
    mqtt_topics: Vec<String>,
    mqtt_publish: Option<String>,
    admin_token_file: Option<PathBuf>,
    join: Option<Join>,
    discovery: Option<Switch>,
    webhook_policy: Option<Reach>,
    webhook_allow: Vec<IpNet>,
    hosts: Vec<String>,
    url: Option<String>,
    trusted_proxies: Vec<String>,
    tls: Option<Tls>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    agents: Option<PathBuf>,
    max_size: Option<String>,
    max_devices: Option<NonZeroUsize>,
    max_series: Option<NonZeroUsize>,
    ingest_queue: Option<String>,
    commit_interval: Option<String>,
    keep: Option<Keep>,
    scrape: Vec<scrape::Written>,
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
    /// Where the line protocol comes by UDP, if it does.
    pub line_udp: Option<SocketAddr>,
    /// Where it comes by TCP.
    pub line_tcp: Option<SocketAddr>,
    /// Networks from which it may; this machine alone when there are none.
    pub line_allow: Vec<IpNet>,
    /// The broker of MQTT, if there is one.
    pub mqtt: Option<BrokerUrl>,
    /// File with the password for it.
    pub mqtt_password_file: Option<PathBuf>,
    /// The password itself.
    pub mqtt_password: Option<String>,
    /// File with the certificate of the authority that is trusted for it.
    pub mqtt_ca: Option<PathBuf>,
    /// Topics that are asked for; all when there are none.
    pub mqtt_topics: Vec<String>,
    /// Topic below which the hub publishes, if it is to.
    pub mqtt_publish: Option<String>,
    /// File with an admin token.
    pub admin_token_file: Option<PathBuf>,
    /// Who may join; when nobody says, what was last set on the page, and at first by click.
    pub join: Option<JoinPolicy>,
    /// Whether the hub answers devices that search for one on the network.
    pub discovery: bool,
    /// How far webhooks may reach.
    pub webhook_policy: Reach,
    /// Networks webhooks may reach besides.
    pub webhook_allow: Vec<IpNet>,
    /// Further host names of the page.
    pub hosts: Vec<String>,
    /// URL of the page as people open it.
    pub url: Option<String>,
    /// Reverse proxies that are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// How the page is served.
    pub served: Served,
    /// Folder of the agents to hand out.
    pub agents: Option<PathBuf>,
    /// Cap on the files of the database.
    pub max_size: Option<u64>,
    /// How many devices and series it takes.
    pub limits: Limits,
    /// Bytes of readings that may wait for the disk.
    pub ingest_queue: usize,
    /// How far commits of readings keep apart; as much as comes when nobody says.
    pub commit_interval: Option<Duration>,
    /// How long readings are kept; when nobody says, what was last set by the API, and at first for ever.
    pub keep: Option<Retention>,
    /// Pages of metrics that the hub asks for itself.
    pub scrape: Vec<Scrape>,
    /// A code that signs any number of browsers in for as long as the hub runs: the demo's.
    pub login_code: Option<String>,
}

/// Default data directory.
pub const DEFAULT_DATA: &str = "./telemetry-data";

impl Default for Config {
    fn default() -> Self {
        Self {
            data: DEFAULT_DATA.into(),
            http: SocketAddr::from(([0, 0, 0, 0], 8080)),
            udp: SocketAddr::from(([0, 0, 0, 0], 5770)),
            line_udp: None,
            line_tcp: None,
            line_allow: Vec::new(),
            mqtt: None,
            mqtt_password_file: None,
            mqtt_password: None,
            mqtt_ca: None,
            mqtt_topics: Vec::new(),
            mqtt_publish: None,
            admin_token_file: None,
            join: None,
            discovery: true,
            webhook_policy: Reach::default(),
            webhook_allow: Vec::new(),
            hosts: Vec::new(),
            url: None,
            trusted_proxies: Vec::new(),
            served: Served::Plain,
            agents: None,
            max_size: None,
            limits: Limits::default(),
            ingest_queue: INGEST_QUEUE,
            commit_interval: None,
            keep: None,
            scrape: Vec::new(),
            login_code: None,
        }
    }
}

impl Config {
    /// Names by which browsers reach the hub, beside its addresses and its own name: those listed, and that of its URL.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let url: Option<Uri> = self.url.as_deref().and_then(|url| url.parse().ok());
        let of_url = url.and_then(|url| url.host().map(str::to_owned));
        self.hosts.iter().cloned().chain(of_url).collect()
    }

    /// Puts flags, environment (already in `flags`), file and defaults together.
    ///
    /// # Errors
    /// The file is missing, or says something that is not understood.
    pub fn load(flags: Flags) -> Result<Self, Error> {
        let file = flags.config.as_deref().map(read).transpose()?.unwrap_or_default();
        let default = Self::default();
        let proxies = networks("trusted_proxies", &file.trusted_proxies)?;
        let line_allow = networks("line_allow", &file.line_allow)?;
        let mqtt_topics = file.mqtt_topics.iter().map(|text| mqtt::topic(text)).collect::<Result<_, _>>();
        let mqtt_topics = mqtt_topics.map_err(|text| Error::value("mqtt_topics", text))?;
        let mqtt = said("mqtt", flags.mqtt, file.mqtt, mqtt::broker)?;
        let config = Self {
            data: flags.data.or(file.data).unwrap_or(default.data),
            http: address("http", flags.http, file.http.as_ref(), default.http)?,
            udp: address("udp", flags.udp, file.udp.as_ref(), default.udp)?,
            line_udp: wanted("line_udp", flags.line_udp, file.line_udp.as_ref())?,
            line_tcp: wanted("line_tcp", flags.line_tcp, file.line_tcp.as_ref())?,
            line_allow: listed(flags.line_allow, line_allow),
            mqtt,
            mqtt_password_file: flags.mqtt_password_file.or(file.mqtt_password_file),
            mqtt_password: flags.mqtt_password,
            mqtt_ca: flags.mqtt_ca.or(file.mqtt_ca),
            mqtt_topics: listed(flags.mqtt_topics, mqtt_topics),
            mqtt_publish: said("mqtt_publish", flags.mqtt_publish, file.mqtt_publish, mqtt::prefix)?,
            admin_token_file: flags.admin_token_file.or(file.admin_token_file),
            join: flags.join.or(file.join).map(Into::into),
            discovery: flags.discovery.or(file.discovery) != Some(Switch::Off),
            webhook_policy: flags.webhook_policy.or(file.webhook_policy).unwrap_or_default(),
            webhook_allow: listed(flags.webhook_allow, file.webhook_allow),
            hosts: listed(flags.hosts, file.hosts),
            url: said("url", flags.url, file.url, url)?,
            trusted_proxies: listed(flags.trusted_proxies, proxies),
            served: tls::served(
                flags.tls.or(file.tls),
                flags.tls_cert.or(file.tls_cert),
                flags.tls_key.or(file.tls_key),
            )?,
            agents: flags.agents.or(file.agents),
            max_size: said("max_size", flags.max_size, file.max_size, max_size)?,
            limits: Limits {
                devices: flags.max_devices.or(file.max_devices).map_or(default.limits.devices, NonZeroUsize::get),
                series: flags.max_series.or(file.max_series).map_or(default.limits.series, NonZeroUsize::get),
            },
            ingest_queue: said("ingest_queue", flags.ingest_queue, file.ingest_queue, ingest_queue)?
                .unwrap_or(default.ingest_queue),
            commit_interval: said("commit_interval", flags.commit_interval, file.commit_interval, quantity::interval)?,
            keep: keep::kept([flags.keep_raw, flags.keep_minutes, flags.keep_hours, flags.keep_alerts], file.keep)?,
            scrape: scrape::scrapes(file.scrape)?,
            login_code: None,
        };
        config.needs_broker().map(|()| config)
    }

    /// What is said of a broker needs one.
    fn needs_broker(&self) -> Result<(), Error> {
        let said = [
            ("mqtt_password_file", self.mqtt_password_file.is_some()),
            ("mqtt_password", self.mqtt_password.as_ref().is_some_and(|text| !text.is_empty())),
            ("mqtt_ca", self.mqtt_ca.is_some()),
            ("mqtt_topics", !self.mqtt_topics.is_empty()),
            ("mqtt_publish", self.mqtt_publish.is_some()),
        ];
        match said.into_iter().find(|(_, is_said)| *is_said) {
            Some((key, _)) if self.mqtt.is_none() => {
                let text = "this is used with a broker alone: name it, such as `--mqtt mqtt://broker.local`, or leave this out";
                Err(Error::value(key, text))
            }
            _ => Ok(()),
        }
    }
}

/// What a flag says, else what the file does: its texts are read here, so that the key is named.
fn said<T>(
    key: &str,
    flag: Option<T>,
    file: Option<String>,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, Error> {
    match (flag, file) {
        (None, Some(text)) => read(&text).map(Some).map_err(|text| Error::value(key, text)),
        (flag, _) => Ok(flag),
    }
}

fn listed<T>(flags: Vec<T>, file: Vec<T>) -> Vec<T> {
    if flags.is_empty() { file } else { flags }
}

fn networks(key: &str, file: &[String]) -> Result<Vec<IpNet>, Error> {
    file.iter().map(|text| network(text)).collect::<Result<_, _>>().map_err(|text| Error::value(key, text))
}

fn wanted(key: &str, flag: Option<SocketAddr>, file: Option<&listen::Written>) -> Result<Option<SocketAddr>, Error> {
    let file = file.map(|written| written.read().map_err(|text| Error::value(key, text))).transpose()?;
    Ok(flag.or(file))
}

fn address(
    key: &str,
    flag: Option<SocketAddr>,
    file: Option<&listen::Written>,
    default: SocketAddr,
) -> Result<SocketAddr, Error> {
    match (flag, file) {
        (Some(flag), _) => Ok(flag),
        (None, Some(written)) => written.read().map_err(|text| Error::value(key, text)),
        (None, None) => Ok(default),
    }
}

/// The data directory that a file names, for commands beside the hub.
///
/// # Errors
/// The file is missing, or says something that is not understood.
pub fn data_in(file: &Path) -> Result<Option<PathBuf>, Error> {
    Ok(read(file)?.data)
}

fn read(path: &Path) -> Result<File, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Unreadable { path: path.to_owned(), source })?;
    toml::from_str(&text).map_err(|error| {
        let mut text = without_secrets(&error.to_string());
        for age in ["raw", "minutes", "hours", "alerts"] {
            if text.contains(&format!("unknown field `keep_{age}`")) {
                text.push_str(&format!("write `{age} = ...` below `[keep]`"));
            }
        }
        if text.contains("unknown field `log_format`") {
            text.push_str(
                "set it by `--log-format` or TELEMETRY_HUB_LOG_FORMAT: the log begins before this file is read",
            );
        }
        Error::File { path: path.to_owned(), text }
    })
}

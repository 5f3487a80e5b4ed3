//! The flags of `serve`: what each of them accepts, and the error for a text that it does not.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use axum::http::Uri;
use clap::{Args, ValueEnum};
use ipnet::IpNet;
use serde::Deserialize;

use super::address::{Address, port};
use super::keep::{Age, age};
use super::listen;
use super::mqtt::{BrokerUrl, broker, prefix, topic};
use crate::model::quantity;
use crate::model::unsaid::without_secrets;
use crate::proto::command::JoinPolicy;

/// Flags of `serve`; each may come from the environment as well.
#[derive(Debug, Clone, Default, Args)]
pub struct Flags {
    /// TOML file with any of the keys below (dashes become underscores; ages as `raw`, `minutes`, `hours` and `alerts` in `[keep]`)
    #[arg(long, value_name = "FILE", env = "TELEMETRY_HUB_CONFIG")]
    pub config: Option<PathBuf>,
    /// Data directory, created if missing [default: ./telemetry-data]
    #[arg(long, value_name = "DIR", env = "TELEMETRY_HUB_DATA")]
    pub data: Option<PathBuf>,
    /// Address or port of the page, REST and the WebSocket [default: 0.0.0.0:8080]
    #[arg(long, value_name = "ADDR", env = "TELEMETRY_HUB_HTTP", value_parser = listen::everywhere)]
    pub http: Option<SocketAddr>,
    /// Address or port for device agents [default: 0.0.0.0:5770]
    #[arg(long, value_name = "ADDR", env = "TELEMETRY_HUB_UDP", value_parser = listen::everywhere)]
    pub udp: Option<SocketAddr>,
    /// Address or port for InfluxDB's line protocol by UDP, without authentication [default: none]
    #[arg(long, value_name = "ADDR", env = "TELEMETRY_HUB_LINE_UDP", value_parser = listen::everywhere)]
    pub line_udp: Option<SocketAddr>,
    /// Address or port for InfluxDB's line protocol by TCP, without authentication [default: none]
    #[arg(long, value_name = "ADDR", env = "TELEMETRY_HUB_LINE_TCP", value_parser = listen::everywhere)]
    pub line_tcp: Option<SocketAddr>,
    /// Network from which those two take lines, such as 192.168.0.0/16; repeatable [default: this machine alone]
    #[arg(long, value_name = "CIDR", env = "TELEMETRY_HUB_LINE_ALLOW", value_delimiter = ',', value_parser = network)]
    pub line_allow: Vec<IpNet>,
    /// Broker of MQTT that the hub listens to, such as `mqtt://user@broker.local`; `mqtts://` is by TLS [default: none]
    #[arg(long, value_name = "URL", env = "TELEMETRY_HUB_MQTT", hide_env_values = true, value_parser = Address(broker))]
    pub mqtt: Option<BrokerUrl>,
    /// File holding the password for the broker
    #[arg(long, value_name = "FILE", env = "TELEMETRY_HUB_MQTT_PASSWORD_FILE")]
    pub mqtt_password_file: Option<PathBuf>,
    /// The password itself: for the environment, since others see the flags of programs
    #[arg(long, value_name = "TEXT", env = "TELEMETRY_HUB_MQTT_PASSWORD", hide = true, hide_env_values = true)]
    pub mqtt_password: Option<String>,
    /// PEM file with the certificate of the authority that the broker's certificate is from [default: those of this machine]
    #[arg(long, value_name = "FILE", env = "TELEMETRY_HUB_MQTT_CA")]
    pub mqtt_ca: Option<PathBuf>,
    /// Topic that the hub asks the broker for, with `+` and `#`; repeatable [default: #]
    #[arg(long, value_name = "TOPIC", env = "TELEMETRY_HUB_MQTT_TOPICS", value_delimiter = ',', value_parser = topic)]
    pub mqtt_topics: Vec<String>,
    /// Topic below which the hub publishes readings of devices with an agent, and its alerts, announced for Home Assistant, such as
    /// `telemetry` [default: nothing is published]
    #[arg(long, value_name = "TOPIC", env = "TELEMETRY_HUB_MQTT_PUBLISH", value_parser = prefix)]
    pub mqtt_publish: Option<String>,
    /// File holding one admin API token to accept, for automation
    #[arg(long, value_name = "FILE", env = "TELEMETRY_HUB_ADMIN_TOKEN_FILE")]
    pub admin_token_file: Option<PathBuf>,
    /// Which new devices may join; a join token always works unless closed [default: what the page says; `click` on a new hub]
    #[arg(long, value_enum, env = "TELEMETRY_HUB_JOIN")]
    pub join: Option<Join>,
    /// Whether the hub answers devices that search for one on the network [default: on]
    #[arg(long, value_enum, env = "TELEMETRY_HUB_DISCOVERY")]
    pub discovery: Option<Switch>,
    /// Networks that webhooks may call [default: lan]
    #[arg(long, value_enum, env = "TELEMETRY_HUB_WEBHOOK_POLICY")]
    pub webhook_policy: Option<Reach>,
    /// Network that webhooks may call although it is blocked by default, such as 127.0.0.0/8; repeatable
    #[arg(long, value_name = "CIDR", env = "TELEMETRY_HUB_WEBHOOK_ALLOW", value_delimiter = ',')]
    pub webhook_allow: Vec<IpNet>,
    /// Host name by which browsers reach the hub, in addition to its addresses and its own name; repeatable
    #[arg(long, value_name = "NAME", env = "TELEMETRY_HUB_HOSTS", value_delimiter = ',')]
    pub hosts: Vec<String>,
    /// URL of the page as people open it, such as `https://example.org/hub/`. Links in alerts begin with it, and its path is
    /// accepted in requests that a proxy passes on
    #[arg(long, value_name = "URL", env = "TELEMETRY_HUB_URL", hide_env_values = true, value_parser = Address(url))]
    pub url: Option<String>,
    /// Reverse proxy in front of the hub: its X-Forwarded-For, -Proto and -Host headers are trusted; repeatable
    #[arg(long, value_name = "CIDR", env = "TELEMETRY_HUB_TRUSTED_PROXIES", value_delimiter = ',', value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,
    /// Serve the page, REST and the WebSocket over TLS on the same port; plain HTTP is then redirected [default: off]
    #[arg(long, value_enum, env = "TELEMETRY_HUB_TLS")]
    pub tls: Option<Tls>,
    /// PEM file for `--tls files`: the hub's certificate first, then the intermediate certificates; read again when it changes
    #[arg(long, value_name = "FILE", env = "TELEMETRY_HUB_TLS_CERT")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of that certificate: PEM, not encrypted; read again when it changes
    #[arg(long, value_name = "FILE", env = "TELEMETRY_HUB_TLS_KEY")]
    pub tls_key: Option<PathBuf>,
    /// Folder with the agent programs that devices download from this hub, each file named device-agent-<target> [default: `agents` in
    /// the data directory, then beside this program]
    #[arg(long, value_name = "DIR", env = "TELEMETRY_HUB_AGENTS")]
    pub agents: Option<PathBuf>,
    /// Maximum size of the database with its log, at least 32MiB; the oldest readings are deleted first [default: none]
    #[arg(long, value_name = "SIZE", env = "TELEMETRY_HUB_MAX_SIZE", value_parser = max_size)]
    pub max_size: Option<u64>,
    /// Maximum number of devices, including blocked ones; existing devices are unaffected [default: 20000]
    #[arg(long, value_name = "N", env = "TELEMETRY_HUB_MAX_DEVICES")]
    pub max_devices: Option<NonZeroUsize>,
    /// Maximum number of series (one sensor of one device each); existing series are unaffected [default: 100000]
    #[arg(long, value_name = "N", env = "TELEMETRY_HUB_MAX_SERIES")]
    pub max_series: Option<NonZeroUsize>,
    /// Memory for readings that wait for the disk, at least 256KiB; when it is full, devices keep theirs and send them again
    /// [default: 16MiB]
    #[arg(long, value_name = "SIZE", env = "TELEMETRY_HUB_INGEST_QUEUE", value_parser = ingest_queue)]
    pub ingest_queue: Option<usize>,
    /// Time between writes to disk, up to 5s. Longer is kinder to memory cards, but live values and alerts come that much
    /// later [default: 20ms under load, else 100ms]
    #[arg(long, value_name = "TIME", env = "TELEMETRY_HUB_COMMIT_INTERVAL", value_parser = quantity::interval)]
    pub commit_interval: Option<Duration>,
    /// How long every reading is kept, such as 14d, 6w, 5y or forever [default: what the page says; `forever` on a new hub]
    #[arg(long, value_name = "AGE", env = "TELEMETRY_HUB_KEEP_RAW", value_parser = age)]
    pub keep_raw: Option<Age>,
    /// How long one-minute summaries are kept; they replace older readings
    #[arg(long, value_name = "AGE", env = "TELEMETRY_HUB_KEEP_MINUTES", value_parser = age)]
    pub keep_minutes: Option<Age>,
    /// How long hourly summaries are kept; they replace older one-minute summaries
    #[arg(long, value_name = "AGE", env = "TELEMETRY_HUB_KEEP_HOURS", value_parser = age)]
    pub keep_hours: Option<Age>,
    /// How long alerts that are over and their messages are kept [default: what the page says; `1y` on a new hub]
    #[arg(long, value_name = "AGE", env = "TELEMETRY_HUB_KEEP_ALERTS", value_parser = age)]
    pub keep_alerts: Option<Age>,
}

/// `10.0.0.0/8`, or one address.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let one = || text.parse().map(|ip: IpAddr| IpNet::from(ip.to_canonical()));
    text.parse()
        .or_else(|_| one())
        .map_err(|_| format!("`{text}` is neither a network such as 10.0.0.0/8 nor an address"))
}

/// Without a slash at its end.
pub(super) fn url(text: &str) -> Result<String, String> {
    let said = without_secrets(text);
    let wrong =
        || format!("`{said}` is not the URL of a page, such as https://hub.example or https://example.org/hub/");
    let url: Uri = text.parse().map_err(|_| wrong())?;
    let is_http = matches!(url.scheme_str(), Some("http" | "https"));
    let is_plain = url.query().is_none() && !text.contains(['#', '@']) && wire::text::unseen(text).is_none();
    port(&url)?;
    if is_http && is_plain && url.host().is_some_and(|host| !host.is_empty()) {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err(wrong())
    }
}

/// Smallest `--max-size`, in bytes: a journal, a log and some blocks fit.
const LEAST_SIZE: u64 = 32 << 20;

pub(super) fn max_size(text: &str) -> Result<u64, String> {
    let size = quantity::bytes(text)?;
    if size < LEAST_SIZE { Err(format!("`{text}` is too small: at least 32MiB")) } else { Ok(size) }
}

/// Default of `--ingest-queue`, in bytes: seven hundred thousand readings in batches of a hundred, which two cores store in a
/// seventh of a second.
pub(super) const INGEST_QUEUE: usize = 16 << 20;
/// Smallest `--ingest-queue`, in bytes: some of the largest batches fit.
const LEAST_QUEUE: usize = 256 << 10;

pub(super) fn ingest_queue(text: &str) -> Result<usize, String> {
    let size = usize::try_from(quantity::bytes(text)?).map_err(|_| format!("`{text}` is too large"))?;
    if size < LEAST_QUEUE { Err(format!("`{text}` is too small: at least 256KiB")) } else { Ok(size) }
}

/// `--join`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Join {
    /// No new devices
    Closed,
    /// Only with a join token
    Token,
    /// New devices wait until a person approves them
    Click,
    /// Every new device is added automatically
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

/// `--tls`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// Plain HTTP
    Off,
    /// TLS with the certificate of `--tls-cert` and `--tls-key`
    Files,
    /// TLS with a certificate authority that the hub makes for itself; browsers install it from `/ca.crt`
    Auto,
}

/// `--webhook-policy`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// The internet and private networks such as 192.168.0.0/16
    #[default]
    Lan,
    /// Only the internet
    Internet,
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

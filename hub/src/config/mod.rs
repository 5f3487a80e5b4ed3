//! Where every knob of the hub comes from: flags win, then `TELEMETRY_HUB_*`, then the TOML file, then the defaults here.
//!
//! Zero configuration runs. An unknown key, a value out of range or a file that is not there is refused with the key and
//! the line; nothing is guessed.

mod keep;
pub mod listen;

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::Uri;
use clap::{Args, ValueEnum};
use ipnet::IpNet;
use serde::Deserialize;

pub use self::keep::Age;
use self::keep::{Keep, age};
use crate::model::limits::Limits;
use crate::model::quantity;
use crate::model::retention::Retention;
use crate::proto::command::JoinPolicy;

/// Flags of `serve`; each may come from the environment as well.
#[derive(Debug, Clone, Default, Args)]
pub struct Flags {
    /// TOML file with any of the keys below (dashes become underscores)
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
    /// File holding one admin API token to accept, for automation
    #[arg(long, value_name = "FILE", env = "TELEMETRY_HUB_ADMIN_TOKEN_FILE")]
    pub admin_token_file: Option<PathBuf>,
    /// Who may join; a join token always works unless closed [default: as last set on the page, at first click]
    #[arg(long, value_enum, env = "TELEMETRY_HUB_JOIN")]
    pub join: Option<Join>,
    /// Whether the hub answers devices that search for one on the network [default: on]
    #[arg(long, value_enum, env = "TELEMETRY_HUB_DISCOVERY")]
    pub discovery: Option<Switch>,
    /// How far webhooks may reach [default: lan]
    #[arg(long, value_enum, env = "TELEMETRY_HUB_WEBHOOK_POLICY")]
    pub webhook_policy: Option<Reach>,
    /// Network that webhooks may reach although it is blocked by default, such as 127.0.0.0/8; repeatable
    #[arg(long, value_name = "CIDR", env = "TELEMETRY_HUB_WEBHOOK_ALLOW", value_delimiter = ',')]
    pub webhook_allow: Vec<IpNet>,
    /// Host name under which browsers reach the hub, beside its addresses and its own name; repeatable
    #[arg(long, value_name = "NAME", env = "TELEMETRY_HUB_HOSTS", value_delimiter = ',')]
    pub hosts: Vec<String>,
    /// URL of the page as people open it, such as `https://example.org/hub/`: for links in alerts, and below whose path the hub
    /// is found behind a proxy
    #[arg(long, value_name = "URL", env = "TELEMETRY_HUB_URL", value_parser = url)]
    pub url: Option<String>,
    /// Reverse proxy in front of the hub, whose X-Forwarded-For, -Proto and -Host are believed; repeatable
    #[arg(long, value_name = "CIDR", env = "TELEMETRY_HUB_TRUSTED_PROXIES", value_delimiter = ',', value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,
    /// Folder of the agents that devices get from this hub, device-agent-<target> each [default: `agents` in the data
    /// directory, then beside this program]
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
    /// How long every reading is kept, such as 14d, 6w, 5y or forever [default: as set on the page, at first forever]
    #[arg(long, value_name = "AGE", env = "TELEMETRY_HUB_KEEP_RAW", value_parser = age)]
    pub keep_raw: Option<Age>,
    /// How long one-minute summaries are kept, which replace older readings
    #[arg(long, value_name = "AGE", env = "TELEMETRY_HUB_KEEP_MINUTES", value_parser = age)]
    pub keep_minutes: Option<Age>,
    /// How long hourly summaries are kept, which replace older one-minute summaries
    #[arg(long, value_name = "AGE", env = "TELEMETRY_HUB_KEEP_HOURS", value_parser = age)]
    pub keep_hours: Option<Age>,
}

/// `10.0.0.0/8`, or one address.
fn network(text: &str) -> Result<IpNet, String> {
    let one = || text.parse().map(|ip: IpAddr| IpNet::from(ip.to_canonical()));
    text.parse().or_else(|_| one()).map_err(|_| format!("`{text}` is no network such as 10.0.0.0/8 and no address"))
}

/// Without a slash at its end.
fn url(text: &str) -> Result<String, String> {
    let wrong = || format!("`{text}` is no URL of a page such as https://hub.example or https://example.org/hub/");
    let url: Uri = text.parse().map_err(|_| wrong())?;
    let is_http = matches!(url.scheme_str(), Some("http" | "https"));
    let is_plain = url.query().is_none() && !text.contains(['#', '@']);
    if is_http && is_plain && url.host().is_some_and(|host| !host.is_empty()) {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err(wrong())
    }
}

/// Smallest cap: a journal, a log and some blocks fit.
const LEAST_SIZE: u64 = 32 << 20;

fn max_size(text: &str) -> Result<u64, String> {
    let size = quantity::bytes(text)?;
    if size < LEAST_SIZE { Err(format!("`{text}` is too small: at least 32MiB")) } else { Ok(size) }
}

/// Readings that wait for the disk: seven hundred thousand where a batch has a hundred, which two cores were seen to store
/// in a seventh of a second.
const INGEST_QUEUE: usize = 16 << 20;
/// Smallest queue: some of the largest batches fit.
const LEAST_QUEUE: usize = 256 << 10;

fn ingest_queue(text: &str) -> Result<usize, String> {
    let size = usize::try_from(quantity::bytes(text)?).map_err(|_| format!("`{text}` is too large"))?;
    if size < LEAST_QUEUE { Err(format!("`{text}` is too small: at least 256KiB")) } else { Ok(size) }
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

/// The same keys in the TOML file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    data: Option<PathBuf>,
    http: Option<listen::Written>,
    udp: Option<listen::Written>,
    admin_token_file: Option<PathBuf>,
    join: Option<Join>,
    discovery: Option<Switch>,
    webhook_policy: Option<Reach>,
    webhook_allow: Vec<IpNet>,
    hosts: Vec<String>,
    url: Option<String>,
    trusted_proxies: Vec<String>,
    agents: Option<PathBuf>,
    max_size: Option<String>,
    max_devices: Option<NonZeroUsize>,
    max_series: Option<NonZeroUsize>,
    ingest_queue: Option<String>,
    commit_interval: Option<String>,
    keep: Option<Keep>,
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
    /// A code that signs any number of browsers in for as long as the hub runs: the demo's.
    pub login_code: Option<String>,
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
            webhook_policy: Reach::default(),
            webhook_allow: Vec::new(),
            hosts: Vec::new(),
            url: None,
            trusted_proxies: Vec::new(),
            agents: None,
            max_size: None,
            limits: Limits::default(),
            ingest_queue: INGEST_QUEUE,
            commit_interval: None,
            keep: None,
            login_code: None,
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
    /// A value in the file, or what file and flags say together, cannot be.
    #[error("{key}: {text}")]
    Value {
        /// Which key.
        key: String,
        /// What is wrong.
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
            http: address("http", flags.http, file.http.as_ref(), default.http)?,
            udp: address("udp", flags.udp, file.udp.as_ref(), default.udp)?,
            admin_token_file: flags.admin_token_file.or(file.admin_token_file),
            join: flags.join.or(file.join).map(Into::into),
            discovery: flags.discovery.or(file.discovery) != Some(Switch::Off),
            webhook_policy: flags.webhook_policy.or(file.webhook_policy).unwrap_or_default(),
            webhook_allow: list(flags.webhook_allow, file.webhook_allow),
            hosts: if flags.hosts.is_empty() { file.hosts } else { flags.hosts },
            url: match (flags.url, file.url) {
                (None, Some(text)) => Some(url(&text).map_err(|text| Error::value("url", text))?),
                (flag, _) => flag,
            },
            trusted_proxies: if flags.trusted_proxies.is_empty() {
                let listed = file.trusted_proxies.iter().map(|text| network(text));
                listed.collect::<Result<_, _>>().map_err(|text| Error::value("trusted_proxies", text))?
            } else {
                flags.trusted_proxies
            },
            agents: flags.agents.or(file.agents),
            max_size: match (flags.max_size, file.max_size) {
                (None, Some(text)) => Some(max_size(&text).map_err(|text| Error::value("max_size", text))?),
                (flag, _) => flag,
            },
            limits: Limits {
                devices: flags.max_devices.or(file.max_devices).map_or(default.limits.devices, NonZeroUsize::get),
                series: flags.max_series.or(file.max_series).map_or(default.limits.series, NonZeroUsize::get),
            },
            ingest_queue: match (flags.ingest_queue, file.ingest_queue) {
                (Some(flag), _) => flag,
                (None, Some(text)) => ingest_queue(&text).map_err(|text| Error::value("ingest_queue", text))?,
                (None, None) => default.ingest_queue,
            },
            commit_interval: match (flags.commit_interval, file.commit_interval) {
                (None, Some(text)) => {
                    let interval = quantity::interval(&text);
                    Some(interval.map_err(|text| Error::value("commit_interval", text))?)
                }
                (flag, _) => flag,
            },
            keep: keep::kept([flags.keep_raw, flags.keep_minutes, flags.keep_hours], file.keep)?,
            login_code: None,
        })
    }
}

impl Error {
    fn value(key: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Value { key: key.into(), text: text.into() }
    }
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
    use crate::model::retention::Ages;

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
    fn every_flag_takes_its_value_from_the_command_line() {
        #[derive(clap::Parser)]
        struct Program {
            #[command(flatten)]
            flags: Flags,
        }
        let line = "hub --data d --http 127.0.0.1:1 --udp 127.0.0.1:2 --admin-token-file t --join token --discovery off \
            --webhook-policy internet --webhook-allow 127.0.0.0/8 --hosts a,b --url http://a/hub/ \
            --trusted-proxies 10.0.0.0/8,::1 --agents a --max-size 1GB --max-devices 3 --max-series 4 \
            --ingest-queue 1MiB --keep-raw 14d --keep-minutes 90d --keep-hours forever";
        let Program { flags } = clap::Parser::try_parse_from(line.split_whitespace()).unwrap();
        let config = Config::load(flags).unwrap();
        assert_eq!(config.url.as_deref(), Some("http://a/hub"));
        assert_eq!(config.trusted_proxies, ["10.0.0.0/8".parse().unwrap(), "::1/128".parse::<IpNet>().unwrap()]);
        let day = Duration::from_hours(24);
        assert_eq!(config.keep.unwrap().ages, Ages { raw: Some(14 * day), minutes: Some(90 * day), hours: None });
        assert_eq!((config.max_size, config.limits.series, config.ingest_queue), (Some(1_000_000_000), 4, 1 << 20));
    }

    #[test]
    fn what_is_no_url_of_a_page_and_no_network_is_refused_by_key() {
        for (text, hint) in [
            ("url = \"hub.example\"", "url: `hub.example` is no URL of a page such as https://"),
            ("url = \"ftp://hub.example/\"", "url: "),
            ("url = \"http://hub.example/?x\"", "url: "),
            ("url = \"http://me@hub.example/\"", "url: "),
            ("trusted_proxies = [\"nginx\"]", "trusted_proxies: `nginx` is no network such as 10.0.0.0/8"),
        ] {
            let (_dir, path) = file(text);
            let error = Config::load(Flags { config: Some(path), ..Flags::default() }).unwrap_err().to_string();
            assert!(error.contains(hint), "{error}");
        }
        let (_dir, path) = file("url = \"https://[::1]:8443/\"\ntrusted_proxies = [\"::ffff:10.0.0.1\"]");
        let config = Config::load(Flags { config: Some(path), ..Flags::default() }).unwrap();
        assert_eq!(config.url.as_deref(), Some("https://[::1]:8443"));
        assert_eq!(config.trusted_proxies, ["10.0.0.1/32".parse::<IpNet>().unwrap()]);
    }

    #[test]
    fn the_file_takes_a_port_as_text_or_number_and_names_what_is_neither() {
        let (_dir, path) = file("http = 8081\nudp = \":5771\"\n");
        let config = Config::load(Flags { config: Some(path), ..Flags::default() }).unwrap();
        assert_eq!((config.http.to_string().as_str(), config.udp.port()), ("0.0.0.0:8081", 5771));
        for (text, hint) in [("http = \"here\"", "http: "), ("udp = true", "an address such as")] {
            let (_dir, path) = file(text);
            let error = Config::load(Flags { config: Some(path), ..Flags::default() }).unwrap_err().to_string();
            assert!(error.contains(hint), "{error}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let (_dir, path) = file("http = \"127.0.0.1:1000\"\nhtpp = 3\n");
        let error = Config::load(Flags { config: Some(path), ..Flags::default() }).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("htpp"), "{error}");
    }

    #[test]
    fn ages_come_from_the_file_and_flags_win() {
        let (_dir, path) = file(
            "max_size = \"2GB\"\n[keep]\nraw = \"14d\"\nminutes = \"90d\"\nhours = \"5y\"\n[[keep.labels]]\nlabels = { site = \"lab\" }\nraw = \"1d\"\n",
        );
        let keep_raw = Some(age("30d").unwrap());
        let config = Config::load(Flags { config: Some(path), keep_raw, ..Flags::default() }).unwrap();
        let keep = config.keep.unwrap();
        let days = |days: u64| Some(Duration::from_hours(24 * days));
        assert_eq!((keep.ages.raw, keep.ages.minutes), (days(30), days(90)));
        assert_eq!((keep.by_label[0].ages.raw, config.max_size), (days(1), Some(2_000_000_000)));
        assert_eq!(Config::load(Flags::default()).unwrap().keep, None);
    }

    #[test]
    fn an_age_that_cannot_be_is_refused_with_its_key() {
        for (text, key) in [
            ("[keep]\nraw = \"soon\"\n", "keep.raw"),
            ("[keep]\nraw = \"9d\"\nminutes = \"2d\"\n", "keep.minutes"),
            ("[[keep.labels]]\nlabels = { a = \"b\" }\nhours = \"1\"\n", "keep.labels[0].hours"),
            (
                "[[keep.labels]]\nlabels = { a = \"b\" }\n[[keep.labels]]\nlabels = { a = \"b\", c = \"d\" }\n",
                "keep.labels[1]: never applies: `keep.labels[0]`",
            ),
            ("max_size = \"1MB\"\n", "max_size"),
            ("ingest_queue = \"1kB\"\n", "ingest_queue"),
            ("commit_interval = \"1m\"\n", "commit_interval"),
        ] {
            let (_dir, path) = file(text);
            let error = Config::load(Flags { config: Some(path), ..Flags::default() }).unwrap_err().to_string();
            assert!(error.starts_with(key), "{error}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Config::load(Flags { config: Some("/nowhere/hub.toml".into()), ..Flags::default() }).unwrap_err();
        assert!(error.to_string().contains("/nowhere/hub.toml"), "{error}");
    }
}

//! Settings of `device-agent run`: a TOML file, then `DEVICE_AGENT_*`, then flags; the later wins.
//!
//! Zero configuration runs: discovery finds the hub, the host's own sensors are read once a second. Every mistake names
//! the key and where it stands (`device-agent.toml:3`, `DEVICE_AGENT_INTERVAL`, `--interval`).

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use wire::handshake::JoinToken;
use wire::{SensorKind, SensorSpec};

use crate::deadband::Rule;
use crate::intake::{self, Address, Format, Naming, Source, line};
use crate::quantity;
use crate::spool::{Limits, Policy};

/// A setting that cannot be used; the text names the key and its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(pub String);

/// One place settings come from; what is absent leaves the place below standing.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Layer {
    /// `HOST:PORT` of the hub.
    pub hub: Option<String>,
    /// Join token, `thj1_...`.
    pub join_token: Option<String>,
    /// State folder.
    pub state: Option<PathBuf>,
    /// Name to show; the host name when absent.
    pub name: Option<String>,
    /// Time between samples, as text.
    pub interval: Option<String>,
    /// Labels of the device.
    pub labels: BTreeMap<String, String>,
    /// What to measure.
    pub sensors: SensorLayer,
    /// What is kept while the hub is away.
    pub spool: SpoolLayer,
    /// `[[file]]` tables.
    pub file: Vec<FileTable>,
    /// `[[exec]]` tables.
    pub exec: Vec<ExecTable>,
    /// `[[listen]]` tables.
    pub listen: Vec<ListenTable>,
    /// `[[sensor]]` tables.
    pub sensor: Vec<RuleTable>,
}

/// The `[sensors]` table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SensorLayer {
    /// Folder that stands for `/` when reading `/proc` and `/sys`.
    pub root: Option<PathBuf>,
    /// Sensors to leave out, by name; a trailing `*` matches any rest.
    pub skip: Option<Vec<String>>,
}

/// The `[spool]` table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpoolLayer {
    /// `drop-oldest`, `drop-newest` or `thin`.
    pub policy: Option<String>,
    /// Mebibytes on disk.
    pub disk_mib: Option<u64>,
}

/// A `[[file]]` table: a number, or JSON, in a file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileTable {
    /// Sensor name, or the start of it.
    pub name: String,
    /// Which file.
    pub path: PathBuf,
    /// `number` (the default), or `json` if there is a pointer, or `influx`.
    pub format: Option<String>,
    /// Which number in the JSON; empty for all.
    pub pointer: Option<String>,
    /// UCUM-like code.
    #[serde(default)]
    pub unit: String,
    /// `gauge`, `counter` or `state`.
    pub kind: Option<String>,
    /// Every value is multiplied with this.
    pub scale: Option<f64>,
    /// Time between readings, as text.
    pub interval: Option<String>,
}

/// An `[[exec]]` table: what a command prints.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecTable {
    /// Sensor name, or the start of it.
    pub name: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// As in `[[file]]`.
    pub format: Option<String>,
    /// As in `[[file]]`.
    pub pointer: Option<String>,
    /// UCUM-like code.
    #[serde(default)]
    pub unit: String,
    /// `gauge`, `counter` or `state`.
    pub kind: Option<String>,
    /// Every value is multiplied with this.
    pub scale: Option<f64>,
    /// Time between runs, as text.
    pub interval: Option<String>,
    /// How long a run may take, as text.
    pub timeout: Option<String>,
}

/// A `[[listen]]` table: line protocol from other programs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenTable {
    /// Loopback address and port.
    pub udp: Option<SocketAddr>,
    /// Path of a datagram socket.
    pub unix: Option<PathBuf>,
    /// Put before each name.
    #[serde(default)]
    pub prefix: String,
    /// Unit of timestamps: `ns` (the default), `us`, `ms` or `s`.
    pub precision: Option<String>,
}

/// A `[[sensor]]` table: how often the sensors of a name are told, and what they mean.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleTable {
    /// Name; a trailing `*` matches any rest.
    pub name: String,
    /// Changes up to this are not told.
    pub deadband: Option<f64>,
    /// Never more often than this.
    pub min_interval: Option<String>,
    /// Even without a change, at least this often.
    pub max_interval: Option<String>,
    /// UCUM-like code.
    pub unit: Option<String>,
    /// `gauge`, `counter` or `state`.
    pub kind: Option<String>,
}

/// Complete, checked settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `HOST:PORT` of the hub; discovery when absent.
    pub hub: Option<String>,
    /// Shows that the device may join, until it has joined.
    pub join_token: Option<JoinToken>,
    /// State folder.
    pub state: PathBuf,
    /// Name to show.
    pub name: String,
    /// Labels of the device.
    pub labels: Vec<(String, String)>,
    /// Time between samples.
    pub interval: Duration,
    /// Folder that stands for `/`.
    pub sensor_root: PathBuf,
    /// Sensors to leave out.
    pub skip: Vec<String>,
    /// How much is kept while the hub is away.
    pub spool: Limits,
    /// What gives way when that is full.
    pub policy: Policy,
    /// Sources besides the machine's own.
    pub sources: Vec<Source>,
    /// How often sensors are told; the first that matches holds.
    pub rules: Vec<Rule>,
}

/// Longest device name in bytes; the hub refuses longer ones.
const NAME_LIMIT: usize = 64;
/// Labels a device may carry, so that its Hello fits in one datagram.
const LABEL_LIMIT: usize = 8;

impl Layer {
    /// Reads a TOML file.
    ///
    /// # Errors
    /// [`Error`] naming the file and the line.
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(|error| Error(format!("{}: {error}", path.display())))?;
        Self::from_toml(&text).map_err(|(line, message)| Error(format!("{}:{line}: {message}", path.display())))
    }

    /// Reads TOML text; an error is the line and what is wrong with it.
    ///
    /// # Errors
    /// The line, counted from 1, and the reason.
    pub fn from_toml(text: &str) -> Result<Self, (usize, String)> {
        toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let line = 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
            (line, error.message().replace("unknown field", "unknown key").replace('\n', " "))
        })
    }

    /// Reads `DEVICE_AGENT_*` variables.
    ///
    /// # Errors
    /// [`Error`] naming an unknown variable, or one that cannot be read.
    pub fn from_variables(variables: impl Iterator<Item = (String, String)>) -> Result<Self, Error> {
        let mut layer = Self::default();
        for (name, value) in variables {
            match name.strip_prefix("DEVICE_AGENT_") {
                None | Some("CONFIG" | "LOG_FORMAT" | "LOG") => {}
                Some("HUB") => layer.hub = Some(value),
                Some("JOIN_TOKEN") => layer.join_token = Some(value),
                Some("STATE") => layer.state = Some(value.into()),
                Some("NAME") => layer.name = Some(value),
                Some("INTERVAL") => layer.interval = Some(value),
                Some("LABELS") => {
                    for label in value.split(',').filter(|label| !label.trim().is_empty()) {
                        let (key, value) = label_of(label.trim()).map_err(|why| Error(format!("{name}: {why}")))?;
                        layer.labels.insert(key, value);
                    }
                }
                Some("SENSOR_ROOT") => layer.sensors.root = Some(value.into()),
                Some(_) => return Err(Error(format!("{name}: unknown variable"))),
            }
        }
        Ok(layer)
    }

    /// This layer over `below`.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        let mut labels = below.labels;
        labels.extend(self.labels);
        Self {
            hub: self.hub.or(below.hub),
            join_token: self.join_token.or(below.join_token),
            state: self.state.or(below.state),
            name: self.name.or(below.name),
            interval: self.interval.or(below.interval),
            labels,
            sensors: SensorLayer {
                root: self.sensors.root.or(below.sensors.root),
                skip: self.sensors.skip.or(below.sensors.skip),
            },
            spool: SpoolLayer {
                policy: self.spool.policy.or(below.spool.policy),
                disk_mib: self.spool.disk_mib.or(below.spool.disk_mib),
            },
            // Tables stand in the file only.
            file: [below.file, self.file].concat(),
            exec: [below.exec, self.exec].concat(),
            listen: [below.listen, self.listen].concat(),
            sensor: [below.sensor, self.sensor].concat(),
        }
    }

    /// Checks every value and fills in the defaults. `place` turns a key into words that say where it was set.
    ///
    /// # Errors
    /// [`Error`] naming the key.
    pub fn settle(self, place: impl Fn(&str) -> String) -> Result<Settings, Error> {
        let wrong = |key: &str, why: &str| Error(format!("{}: {why}", place(key)));
        if let Some(hub) = &self.hub {
            check_host_port(hub).map_err(|why| wrong("hub", &why))?;
        }
        let join_token = match &self.join_token {
            Some(text) => {
                let token = text.trim().parse().map_err(|error| wrong("join_token", &format!("{error}")))?;
                Some(token)
            }
            None => None,
        };
        let interval =
            quantity::duration(self.interval.as_deref().unwrap_or("1s")).map_err(|why| wrong("interval", &why))?;
        if interval < Duration::from_millis(10) || interval > Duration::from_secs(86_400) {
            return Err(wrong("interval", "must be between 10ms and 1d"));
        }
        let name = self.name.unwrap_or_else(host_name);
        if name.is_empty() || name.len() > NAME_LIMIT || name.chars().any(char::is_control) {
            return Err(wrong("name", &format!("must be 1 to {NAME_LIMIT} bytes without control characters")));
        }
        if self.labels.len() > LABEL_LIMIT {
            return Err(wrong("labels", &format!("at most {LABEL_LIMIT} labels")));
        }
        for (key, value) in &self.labels {
            if key.is_empty()
                || key.len() > 32
                || value.len() > 64
                || key.chars().chain(value.chars()).any(char::is_control)
            {
                return Err(wrong(
                    "labels",
                    &format!("'{key}': 1 to 32 bytes of name, at most 64 of value, no control characters"),
                ));
            }
        }
        let policy = match &self.spool.policy {
            Some(policy) => policy.parse().map_err(|why: String| wrong("[spool] policy", &why))?,
            None => Policy::default(),
        };
        let mut spool = Limits::default();
        if let Some(mebibytes) = self.spool.disk_mib {
            if !(2..=65_536).contains(&mebibytes) {
                return Err(wrong("[spool] disk_mib", "must be from 2 to 65536"));
            }
            spool.disk = mebibytes << 20;
        }
        let sensor_root = self.sensors.root.unwrap_or_else(|| "/".into());
        let mut sources = vec![Source::OneWire(sensor_root.clone())];
        for table in self.file {
            let place = format!("[[file]] {}", table.name);
            sources.push(table.check(&sensor_root, interval).map_err(|why| wrong(&place, &why))?);
        }
        for table in self.exec {
            let place = format!("[[exec]] {}", table.name);
            sources.push(table.check(interval).map_err(|why| wrong(&place, &why))?);
        }
        for table in self.listen {
            sources.push(table.check().map_err(|why| wrong("[[listen]]", &why))?);
        }
        let mut rules = Vec::new();
        for table in self.sensor {
            let place = format!("[[sensor]] {}", table.name);
            rules.push(table.check().map_err(|why| wrong(&place, &why))?);
        }
        Ok(Settings {
            hub: self.hub,
            join_token,
            state: self.state.unwrap_or_else(crate::identity::default_folder),
            name,
            labels: self.labels.into_iter().collect(),
            interval,
            sensor_root,
            skip: self.sensors.skip.unwrap_or_default(),
            spool,
            policy,
            sources,
            rules,
        })
    }
}

impl FileTable {
    fn check(self, root: &Path, interval: Duration) -> Result<Source, String> {
        Ok(Source::File {
            path: intake::under(root, &self.path),
            format: format_of(self.format.as_deref(), self.pointer)?,
            naming: naming_of(self.name, self.unit, self.kind.as_deref(), self.scale)?,
            every: every_of(self.interval.as_deref(), interval)?,
        })
    }
}

impl ExecTable {
    fn check(self, interval: Duration) -> Result<Source, String> {
        if self.command.first().is_none_or(String::is_empty) {
            return Err("command: a list of program and arguments, such as [\"/usr/bin/sensor\", \"-n\"]".to_owned());
        }
        let timeout = quantity::duration(self.timeout.as_deref().unwrap_or("10s"))?;
        if timeout.is_zero() {
            return Err("timeout: must be longer than nothing".to_owned());
        }
        Ok(Source::Exec {
            command: self.command,
            format: format_of(self.format.as_deref(), self.pointer)?,
            naming: naming_of(self.name, self.unit, self.kind.as_deref(), self.scale)?,
            every: every_of(self.interval.as_deref(), interval)?,
            timeout,
        })
    }
}

impl ListenTable {
    fn check(self) -> Result<Source, String> {
        let address = match (self.udp, self.unix) {
            (Some(udp), None) if udp.ip().is_loopback() => Address::Udp(udp),
            (Some(udp), None) => return Err(format!("udp: {udp} is not a loopback address such as 127.0.0.1:8089")),
            (None, Some(path)) => Address::Unix(path),
            (None, None) | (Some(_), Some(_)) => return Err("either udp or unix says where".to_owned()),
        };
        let precision = match self.precision.as_deref() {
            None | Some("ns") => line::NANOSECONDS,
            Some("us") => 1_000,
            Some("ms") => 1_000_000,
            Some("s") => 1_000_000_000,
            Some(other) => return Err(format!("precision: '{other}' is none of ns, us, ms, s")),
        };
        Ok(Source::Listen { address, prefix: self.prefix, precision })
    }
}

impl RuleTable {
    fn check(self) -> Result<Rule, String> {
        let time = |key: &str, text: Option<String>| {
            text.map(|text| quantity::duration(&text).map_err(|why| format!("{key}: {why}"))).transpose()
        };
        let (min, max) = (time("min_interval", self.min_interval)?, time("max_interval", self.max_interval)?);
        if self.deadband.is_some_and(|deadband| !deadband.is_finite() || deadband < 0.0) {
            return Err("deadband: must be a number from 0 on".to_owned());
        }
        if let (Some(min), Some(max)) = (min, max) {
            if min > max {
                return Err("min_interval: is longer than max_interval".to_owned());
            }
        }
        if self.unit.as_ref().is_some_and(|unit| unit.len() > SensorSpec::UNIT_LIMIT) {
            return Err(format!("unit: at most {} bytes", SensorSpec::UNIT_LIMIT));
        }
        let kind = self.kind.as_deref().map(kind_of).transpose()?;
        Ok(Rule { name: self.name, deadband: self.deadband, min, max, unit: self.unit, kind })
    }
}

fn naming_of(name: String, unit: String, kind: Option<&str>, scale: Option<f64>) -> Result<Naming, String> {
    if name.is_empty() || name.len() > SensorSpec::NAME_LIMIT || name.chars().any(char::is_control) {
        return Err(format!("name: 1 to {} bytes without control characters", SensorSpec::NAME_LIMIT));
    }
    if unit.len() > SensorSpec::UNIT_LIMIT {
        return Err(format!("unit: at most {} bytes", SensorSpec::UNIT_LIMIT));
    }
    let scale = scale.unwrap_or(1.0);
    if !scale.is_finite() {
        return Err("scale: must be a number".to_owned());
    }
    Ok(Naming { name, unit, kind: kind.map_or(Ok(SensorKind::Gauge), kind_of)?, scale })
}

fn kind_of(text: &str) -> Result<SensorKind, String> {
    match text {
        "gauge" => Ok(SensorKind::Gauge),
        "counter" => Ok(SensorKind::Counter),
        "state" => Ok(SensorKind::State),
        other => Err(format!("kind: '{other}' is none of gauge, counter, state")),
    }
}

fn format_of(format: Option<&str>, pointer: Option<String>) -> Result<Format, String> {
    let pointer_ok = pointer.as_ref().is_none_or(|pointer| pointer.is_empty() || pointer.starts_with('/'));
    match (format, pointer) {
        _ if !pointer_ok => Err("pointer: begins with a slash, such as /sensors/0/value".to_owned()),
        (None | Some("json"), Some(pointer)) => Ok(Format::Json(pointer)),
        (None | Some("number"), None) => Ok(Format::Number),
        (Some("json"), None) => Ok(Format::Json(String::new())),
        (Some("influx"), None) => Ok(Format::Influx),
        (Some("number" | "influx"), Some(_)) => Err("pointer: goes with format \"json\" only".to_owned()),
        (Some(other), _) => Err(format!("format: '{other}' is none of number, json, influx")),
    }
}

fn every_of(text: Option<&str>, usual: Duration) -> Result<Duration, String> {
    let every = text.map_or(Ok(usual), quantity::duration).map_err(|why| format!("interval: {why}"))?;
    if every < Duration::from_millis(10) { Err("interval: must be at least 10ms".to_owned()) } else { Ok(every) }
}

/// Reads `key=value`.
///
/// # Errors
/// A text that says what was expected.
pub fn label_of(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("'{text}' is not a label such as room=attic")),
    }
}

/// Checks `HOST:PORT`, `[V6]:PORT`.
///
/// # Errors
/// A text that says what was expected.
pub fn check_host_port(text: &str) -> Result<(), String> {
    let expected = || format!("'{text}' is not HOST:PORT, such as hub.local:5770 or [fe80::1%eth0]:5770");
    let (host, port) = text.rsplit_once(':').ok_or_else(expected)?;
    let bare_v6 = host.contains(':') && !host.starts_with('[');
    let port_ok = port.parse::<u16>().is_ok_and(|port| port != 0);
    if host.is_empty() || bare_v6 || !port_ok { Err(expected()) } else { Ok(()) }
}

fn host_name() -> String {
    let read = |path| fs::read_to_string(path).ok().map(|name: String| name.trim().to_owned());
    read("/proc/sys/kernel/hostname")
        .or_else(|| read("/etc/hostname"))
        .filter(|name| !name.is_empty() && name.len() <= NAME_LIMIT)
        .unwrap_or_else(|| "device".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settle(layer: Layer) -> Result<Settings, Error> {
        layer.settle(|key| format!("--{key}"))
    }

    #[test]
    fn flags_win_over_variables_win_over_the_file() {
        let file =
            Layer::from_toml("name = 'file'\ninterval = '5s'\nhub = 'file:1'\n[labels]\nroom = 'attic'\n").unwrap();
        let variables = [("DEVICE_AGENT_NAME", "variable"), ("DEVICE_AGENT_HUB", "variable:2"), ("HOME", "/")];
        let variables =
            Layer::from_variables(variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))).unwrap();
        let flags = Layer { hub: Some("flag:3".into()), ..Layer::default() };
        let settings = settle(flags.over(variables).over(file)).unwrap();
        assert_eq!((settings.hub.as_deref(), &*settings.name), (Some("flag:3"), "variable"));
        assert_eq!(settings.interval, Duration::from_secs(5));
        assert_eq!(settings.labels, [("room".to_owned(), "attic".to_owned())]);
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let (line, message) = Layer::from_toml("name = 'a'\n\ninterwal = '1s'\n").unwrap_err();
        assert_eq!(line, 3);
        assert!(message.contains("unknown key `interwal`"), "{message}");
        let (line, message) = Layer::from_toml("[sensors]\nroot = '/'\nskipp = []\n").unwrap_err();
        assert_eq!(line, 3);
        assert!(message.contains("skipp"), "{message}");
        let (line, _) = Layer::from_toml("name = 'a'\nhub = = \n").unwrap_err();
        assert_eq!(line, 2);
        assert!(Layer::from_variables([("DEVICE_AGENT_HUBB".to_owned(), String::new())].into_iter()).is_err());
    }

    #[test]
    fn tables_become_sources_and_rules_and_a_mistake_in_one_is_named() {
        let text = "[sensors]\nroot = '/fix'\n[[file]]\nname = 'tank'\npath = '/run/t'\npointer = '/l'\nkind = 'counter'\n\
            [[exec]]\nname = 'x'\ncommand = ['true']\ntimeout = '2s'\n[[listen]]\nudp = '127.0.0.1:8089'\n\
            [[sensor]]\nname = 'temp.*'\ndeadband = 0.5\nmax_interval = '5m'\n";
        let settings = settle(Layer::from_toml(text).unwrap()).unwrap();
        assert_eq!((settings.sources.len(), settings.rules.len()), (4, 1));
        assert!(matches!(&settings.sources[1], Source::File { path, .. } if path == Path::new("/fix/run/t")));
        for (text, culprit) in [
            ("[[file]]\nname = 'a'\npath = 'b'\nkind = 'gage'\n", "[[file]] a: kind: 'gage'"),
            ("[[file]]\nname = 'a'\npath = 'b'\npointer = 'x'\n", "[[file]] a: pointer"),
            ("[[exec]]\nname = 'a'\ncommand = []\n", "[[exec]] a: command"),
            ("[[exec]]\nname = 'a'\ncommand = ['b']\ninterval = 'soon'\n", "[[exec]] a: interval"),
            ("[[listen]]\nudp = '0.0.0.0:8089'\n", "[[listen]]: udp"),
            ("[[listen]]\n", "[[listen]]: either"),
            ("[spool]\npolicy = 'drop'\n", "[spool] policy: 'drop'"),
            ("[spool]\ndisk_mib = 1\n", "[spool] disk_mib"),
            ("[[sensor]]\nname = 'a'\nmin_interval = '2s'\nmax_interval = '1s'\n", "[[sensor]] a: min_interval"),
        ] {
            let refused = settle(Layer::from_toml(text).unwrap()).unwrap_err();
            assert!(refused.0.contains(culprit), "{refused}");
        }
        let (line, message) = Layer::from_toml("[[exec]]\nname = 'a'\ncommand = ['b']\ntimeot = '1s'\n").unwrap_err();
        assert!(line == 4 && message.contains("timeot"), "{line}: {message}");
    }

    #[test]
    fn a_wrong_value_names_its_key() {
        for (layer, key) in [
            (Layer { hub: Some("nowhere".into()), ..Layer::default() }, "--hub"),
            (Layer { hub: Some("fe80::1:5770".into()), ..Layer::default() }, "--hub"),
            (Layer { interval: Some("fast".into()), ..Layer::default() }, "--interval"),
            (Layer { interval: Some("1ms".into()), ..Layer::default() }, "--interval"),
            (Layer { name: Some("x".repeat(65)), ..Layer::default() }, "--name"),
            (Layer { join_token: Some("thj1_no".into()), ..Layer::default() }, "--join_token"),
            (Layer { labels: [(String::new(), String::new())].into(), ..Layer::default() }, "--labels"),
        ] {
            assert!(settle(layer).is_err_and(|error| error.0.starts_with(key)), "{key}");
        }
        assert!(settle(Layer::default()).is_ok());
    }
}

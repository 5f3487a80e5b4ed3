//! Settings of `device-agent run`: a TOML file, then `DEVICE_AGENT_*`, then flags; the later wins.
//!
//! Zero configuration runs: discovery finds the hub, the host's own sensors are read once a second. Every mistake names
//! the key and where it stands (`device-agent.toml:3`, `DEVICE_AGENT_INTERVAL`, `--interval`).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use wire::handshake::JoinToken;

use crate::quantity;

/// A setting that cannot be used; the text names the key and its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(pub String);

/// One place settings come from; what is absent leaves the place below standing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
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
        Ok(Settings {
            hub: self.hub,
            join_token,
            state: self.state.unwrap_or_else(crate::identity::default_folder),
            name,
            labels: self.labels.into_iter().collect(),
            interval,
            sensor_root: self.sensors.root.unwrap_or_else(|| "/".into()),
            skip: self.sensors.skip.unwrap_or_default(),
        })
    }
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

//! Settings from one place (the file, the variables or the flags), and how one layer overrides another.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::place::line_of;
use super::table::{ExecTable, FileTable, ListenTable, RuleTable};
use super::{Error, Key, label_of};

/// One place settings come from; what is absent leaves the place below standing.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Layer {
    /// `HOST:PORT` of the hub.
    pub hub: Option<String>,
    /// The six words of the hub.
    pub hub_words: Option<String>,
    /// How hubs are searched.
    pub discovery: DiscoveryLayer,
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

/// The `[discovery]` table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiscoveryLayer {
    /// Names that are looked up, `HOST` or `HOST:PORT`; none for an empty list.
    pub names: Option<Vec<String>>,
}

/// The `[sensors]` table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SensorLayer {
    /// Folder that stands for `/` when reading `/proc` and `/sys`.
    pub root: Option<PathBuf>,
    /// Sensors to leave out, by name; a trailing `*` matches any rest.
    pub skip: Option<Vec<String>>,
    /// Network cards of containers and virtual machines to measure all the same; names as in `skip`.
    pub include: Option<Vec<String>>,
}

/// The `[spool]` table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpoolLayer {
    /// `drop-oldest`, `drop-newest` or `thin`.
    pub policy: Option<String>,
    /// Mebibytes on disk.
    pub disk_mib: Option<u64>,
    /// How long readings are kept, as text.
    pub keep_for: Option<String>,
}

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
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let at = error.span().map_or(0, |span| span.start);
            let message = error.message().replace(" field `", " key `").replace('\n', " ");
            // A message that names the key needs only the table.
            let names_key = message.contains(" key `");
            let key = Key::at(text, at).map(|key| if names_key { key.table_alone() } else { key }.to_string());
            let message = match key.filter(|key| !key.is_empty()) {
                Some(key) => format!("{key}: {message}"),
                None => message,
            };
            (line_of(text, at), message)
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
                Some("HUB_WORDS") => layer.hub_words = Some(value),
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
            hub_words: self.hub_words.or(below.hub_words),
            discovery: DiscoveryLayer { names: self.discovery.names.or(below.discovery.names) },
            join_token: self.join_token.or(below.join_token),
            state: self.state.or(below.state),
            name: self.name.or(below.name),
            interval: self.interval.or(below.interval),
            labels,
            sensors: SensorLayer {
                root: self.sensors.root.or(below.sensors.root),
                skip: self.sensors.skip.or(below.sensors.skip),
                include: self.sensors.include.or(below.sensors.include),
            },
            spool: SpoolLayer {
                policy: self.spool.policy.or(below.spool.policy),
                disk_mib: self.spool.disk_mib.or(below.spool.disk_mib),
                keep_for: self.spool.keep_for.or(below.spool.keep_for),
            },
            // Tables stand in the file only.
            file: [below.file, self.file].concat(),
            exec: [below.exec, self.exec].concat(),
            listen: [below.listen, self.listen].concat(),
            sensor: [below.sensor, self.sensor].concat(),
        }
    }
}

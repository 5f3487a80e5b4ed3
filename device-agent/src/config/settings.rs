//! Settings as the agent uses them: complete and checked.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wire::handshake::JoinToken;

use super::table::Wrong;
use super::{Error, Key, Layer, check_host_port, with_port};
use crate::deadband::Rule;
use crate::intake::Source;
use crate::quantity;
use crate::spool::{Limits, Policy};

/// Complete, checked settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `HOST:PORT` of the hub; discovery when absent.
    pub hub: Option<String>,
    /// The six words of the hub to join, as it shows them.
    pub hub_words: Option<String>,
    /// Names looked up where no hub is given, each with its port.
    pub hub_names: Vec<String>,
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
    /// Sensors to measure although they are left out by default.
    pub include: Vec<String>,
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
/// Names that are looked up by default: a network that gives one of them to the hub's machine (by DNS, DHCP or mDNS)
/// needs no other discovery.
const HUB_NAMES: [&str; 2] = ["telemetry-hub", "telemetry-hub.local"];
/// Most names that are looked up: each may occupy a thread for as long as the resolver takes.
const NAMES_LIMIT: usize = 4;
/// Shortest `keep_for`: with less, a hub that restarts would already cost readings.
const SHORTEST_AGE: Duration = Duration::from_secs(60);
const LONGEST_AGE: Duration = Duration::from_secs(3650 * 86_400);

/// Says of a wrong value where it was set.
struct Places<'a>(&'a dyn Fn(&Key) -> String);

impl Places<'_> {
    fn wrong(&self, key: &Key, why: &str) -> Error {
        Error(format!("{}: {why}", (self.0)(key)))
    }

    /// Of a key outside the tables.
    fn top(&self, name: &str, why: &str) -> Error {
        self.wrong(&Key::top(name), why)
    }

    /// Of a key in a table.
    fn within(&self, table: &str, name: &str, why: &str) -> Error {
        self.wrong(&Key::of(table, name), why)
    }

    /// The error of a key in one of several tables, which it names by number and label.
    fn one_of(&self, table: &str, number: usize, label: &str, (name, why): Wrong) -> Error {
        self.wrong(&Key::of_one(table, number, label, name), &why)
    }
}

impl Layer {
    /// Checks every value and fills in the defaults. `place` turns a key into words that say where it was set.
    ///
    /// # Errors
    /// [`Error`] naming the key.
    pub fn settle(mut self, place: impl Fn(&Key) -> String) -> Result<Settings, Error> {
        let at = Places(&place);
        let hub = self.hub.as_deref().map(|hub| with_port(hub.trim()));
        if let Some(hub) = &hub {
            check_host_port(hub).map_err(|why| at.top("hub", &why))?;
        }
        let hub_words =
            self.hub_words.as_deref().map(six_words).transpose().map_err(|why| at.top("hub_words", &why))?;
        let hub_names = self.hub_names(&at)?;
        let join_token = self.join_token.as_ref().map(|text| text.trim().parse::<JoinToken>()).transpose();
        let join_token = join_token.map_err(|error| at.top("join_token", &format!("{error}")))?;
        let interval = self.interval(&at)?;
        let name = self.name(&at)?;
        self.check_labels(&at)?;
        let (policy, spool) = self.spool(&at)?;
        let sensor_root = self.sensors.root.take().unwrap_or_else(|| "/".into());
        let sources = self.sources(&sensor_root, interval, &at)?;
        let mut rules = Vec::new();
        for (number, table) in self.sensor.into_iter().enumerate() {
            let label = table.name.clone();
            rules.push(table.check().map_err(|why| at.one_of("sensor", number, &label, why))?);
        }
        Ok(Settings {
            hub,
            hub_words,
            hub_names,
            join_token,
            state: self.state.unwrap_or_else(crate::identity::default_folder),
            name,
            labels: self.labels.into_iter().collect(),
            interval,
            sensor_root,
            skip: self.sensors.skip.unwrap_or_default(),
            include: self.sensors.include.unwrap_or_default(),
            spool,
            policy,
            sources,
            rules,
        })
    }

    /// Names that are looked up, each with its port.
    fn hub_names(&mut self, at: &Places<'_>) -> Result<Vec<String>, Error> {
        let names = self.discovery.names.take().unwrap_or_else(|| HUB_NAMES.map(str::to_owned).to_vec());
        let whole_names: Vec<String> = names.iter().map(|name| with_port(name)).collect();
        if names.len() > NAMES_LIMIT {
            return Err(at.within("discovery", "names", &format!("at most {NAMES_LIMIT} names")));
        }
        for (name, whole) in names.iter().zip(&whole_names) {
            if check_host_port(whole).is_err() || name.chars().any(|c| c.is_whitespace() || c.is_control()) {
                return Err(at.within("discovery", "names", &format!("'{name}' is not HOST or HOST:PORT")));
            }
        }
        Ok(whole_names)
    }

    /// Time between samples.
    fn interval(&self, at: &Places<'_>) -> Result<Duration, Error> {
        let text = self.interval.as_deref().unwrap_or("1s");
        let interval = quantity::duration(text).map_err(|why| at.top("interval", &why))?;
        if interval < Duration::from_millis(10) || interval > Duration::from_secs(86_400) {
            return Err(at.top("interval", "must be between 10ms and 1d"));
        }
        Ok(interval)
    }

    /// Name to show.
    fn name(&mut self, at: &Places<'_>) -> Result<String, Error> {
        let name = self.name.take().unwrap_or_else(host_name);
        if name.is_empty() || name.len() > NAME_LIMIT || wire::text::unseen(&name).is_some() {
            let why = format!("must be 1 to {NAME_LIMIT} bytes without invisible or control characters");
            return Err(at.top("name", &why));
        }
        Ok(name)
    }

    fn check_labels(&self, at: &Places<'_>) -> Result<(), Error> {
        if self.labels.len() > LABEL_LIMIT {
            return Err(at.within("labels", "", &format!("at most {LABEL_LIMIT} labels")));
        }
        for (key, value) in &self.labels {
            if key.is_empty()
                || key.len() > 32
                || value.len() > 64
                || [key, value].into_iter().any(|text| wire::text::unseen(text).is_some())
            {
                let why =
                    format!("'{key}': 1 to 32 bytes of name, at most 64 of value, no invisible or control characters");
                return Err(at.within("labels", key, &why));
            }
        }
        Ok(())
    }

    /// What is kept while the hub is away, and what gives way when that is full.
    fn spool(&self, at: &Places<'_>) -> Result<(Policy, Limits), Error> {
        let policy = match &self.spool.policy {
            Some(policy) => policy.parse().map_err(|why: String| at.within("spool", "policy", &why))?,
            None => Policy::default(),
        };
        let mut spool = Limits::default();
        if let Some(mebibytes) = self.spool.disk_mib {
            if !(2..=65_536).contains(&mebibytes) {
                return Err(at.within("spool", "disk_mib", "must be from 2 to 65536"));
            }
            spool.disk = mebibytes << 20;
        }
        if let Some(text) = &self.spool.keep_for {
            spool.age = quantity::duration(text).map_err(|why| at.within("spool", "keep_for", &why))?;
            if !(SHORTEST_AGE..=LONGEST_AGE).contains(&spool.age) {
                return Err(at.within("spool", "keep_for", "must be between 1m and 3650d"));
            }
        }
        Ok((policy, spool))
    }

    /// Sources besides the machine's own, in the order of their kinds.
    fn sources(&mut self, root: &Path, interval: Duration, at: &Places<'_>) -> Result<Vec<Source>, Error> {
        let mut sources = vec![Source::OneWire(root.to_owned())];
        for (number, table) in std::mem::take(&mut self.file).into_iter().enumerate() {
            let label = table.name.clone();
            let source = table.check(root, interval).and_then(|source| alone(source, &sources));
            sources.push(source.map_err(|why| at.one_of("file", number, &label, why))?);
        }
        for (number, table) in std::mem::take(&mut self.exec).into_iter().enumerate() {
            let label = table.name.clone();
            let source = table.check(interval).and_then(|source| alone(source, &sources));
            sources.push(source.map_err(|why| at.one_of("exec", number, &label, why))?);
        }
        for (number, table) in std::mem::take(&mut self.listen).into_iter().enumerate() {
            sources.push(table.check().map_err(|why| at.one_of("listen", number, "", why))?);
        }
        Ok(sources)
    }
}

/// Six words as a hub shows them, in one spelling.
fn six_words(text: &str) -> Result<String, String> {
    let words: Vec<String> =
        text.split([' ', '-', ',']).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    if words.len() != 6 {
        return Err(format!("'{text}' is not the six words that `telemetry-hub serve` and the hub's page show"));
    }
    if let Some(word) = words.iter().find(|word| !wire::Id::is_word(word)) {
        return Err(format!("'{word}' is not a word that a hub shows: is it mistyped?"));
    }
    Ok(words.join(" "))
}

/// A source whose sensor is called like none of those before it.
fn alone(source: Source, before: &[Source]) -> Result<Source, Wrong> {
    let same = |other: &&Source| other.name().is_some() && other.name() == source.name();
    match before.iter().find(same) {
        Some(other) => Err(("name", format!("the sensor of {} has this name: choose another", other.label()))),
        None => Ok(source),
    }
}

fn host_name() -> String {
    let read = |path| fs::read_to_string(path).ok().map(|name: String| name.trim().to_owned());
    read("/proc/sys/kernel/hostname")
        .or_else(|| read("/etc/hostname"))
        .filter(|name| !name.is_empty() && name.len() <= NAME_LIMIT)
        .unwrap_or_else(|| "device".to_owned())
}

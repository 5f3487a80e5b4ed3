//! Options that all commands have, and the start of the log.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use device_agent::config::{Key, Layer, Settings};
use lexopt::{Parser, ValueExt as _};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::failure::Failure;

/// Where the log goes: to stderr as long as somebody reads it. Who writes to it would panic over an error.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Log;

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let _ = std::io::stderr().lock().write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Options that every command has.
#[derive(Debug, Default)]
pub(crate) struct Common {
    pub(crate) layer: Layer,
    pub(crate) config: Option<PathBuf>,
    pub(crate) log: Option<LogFormat>,
    pub(crate) help: bool,
}

impl Common {
    /// Takes an option if it is one of these.
    pub(crate) fn take(&mut self, option: &str, parser: &mut Parser) -> Result<bool, Failure> {
        match option {
            "help" => self.help = true,
            "hub" => self.layer.hub = Some(text(parser)?),
            "hub-words" => self.layer.hub_words = Some(text(parser)?),
            "join-token" => self.layer.join_token = Some(text(parser)?),
            "state" => self.layer.state = Some(parser.value()?.into()),
            "name" => self.layer.name = Some(text(parser)?),
            "config" => self.config = Some(parser.value()?.into()),
            "label" => {
                let (key, value) = checked("--label", &text(parser)?, device_agent::config::label_of)?;
                self.layer.labels.insert(key, value);
            }
            "log-format" => self.log = Some(checked("--log-format", &text(parser)?, log_format)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Starts the log and settles the settings: flags over variables over the file.
    pub(crate) fn settle(self) -> Result<Settings, Failure> {
        self.start_log()?;
        self.settings()
    }

    /// Starts the log.
    pub(crate) fn start_log(&self) -> Result<(), Failure> {
        let format = match (self.log, std::env::var("DEVICE_AGENT_LOG_FORMAT")) {
            (Some(format), _) => format,
            (None, Ok(variable)) => checked("DEVICE_AGENT_LOG_FORMAT", &variable, log_format)?,
            (None, Err(_)) => LogFormat::default(),
        };
        // Levels, by module if need be. `EnvFilter` can do more, by a regex engine of 330 kB.
        let filter = match std::env::var("DEVICE_AGENT_LOG") {
            Ok(directives) => {
                directives.parse().map_err(|error| Failure::Usage(format!("DEVICE_AGENT_LOG: {error}")))?
            }
            Err(_) => Targets::new().with_default(LevelFilter::INFO),
        };
        let log = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_writer(|| Log).with_target(false);
        match format {
            LogFormat::Text => {
                log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).finish().with(filter).init()
            }
            LogFormat::Json => log.json().flatten_event(true).finish().with(filter).init(),
        }
        Ok(())
    }

    /// Settles the settings without a log.
    pub(crate) fn settings(self) -> Result<Settings, Failure> {
        let variables = std::env::vars_os().filter_map(|(name, value): (OsString, OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let variables = Layer::from_variables(variables)?;
        let config = self.config.or_else(|| std::env::var_os("DEVICE_AGENT_CONFIG").map(PathBuf::from));
        let config = config.or_else(installed_config);
        let file = match &config {
            Some(path) => Layer::from_file(path)?,
            None => Layer::default(),
        };
        let (flags, env) = (self.layer.clone(), variables.clone());
        let place = move |key: &Key| place_of(key, &flags, &env, config.as_deref());
        Ok(self.layer.over(variables).over(file).settle(place)?)
    }
}

/// The file an installed agent reads when nobody names one.
fn installed_config() -> Option<PathBuf> {
    let path = Path::new("/etc/device-agent.toml");
    path.exists().then(|| path.to_owned())
}

/// Says where a setting was made: as a flag, as a variable, or at a line of the file.
fn place_of(key: &Key, flags: &Layer, variables: &Layer, file: Option<&Path>) -> String {
    let set = |layer: &Layer| match (key.table.as_str(), key.name.as_str()) {
        ("", "hub") => layer.hub.is_some(),
        ("", "hub_words") => layer.hub_words.is_some(),
        ("", "join_token") => layer.join_token.is_some(),
        ("", "name") => layer.name.is_some(),
        ("", "interval") => layer.interval.is_some(),
        ("labels", "") => !layer.labels.is_empty(),
        ("labels", label) => layer.labels.contains_key(label),
        _ => false,
    };
    if set(flags) {
        return key.flag();
    }
    if set(variables) {
        let name = if key.table.is_empty() { &key.name } else { &key.table };
        return format!("DEVICE_AGENT_{}", name.to_uppercase());
    }
    let Some(file) = file else { return format!("default: {key}") };
    match std::fs::read_to_string(file).ok().and_then(|text| key.line_in(&text)) {
        Some(line) => format!("{}:{line}: {key}", file.display()),
        None => format!("{}: {key}", file.display()),
    }
}

/// The value of a flag that is text.
pub(crate) fn text(parser: &mut Parser) -> Result<String, Failure> {
    Ok(parser.value()?.string()?)
}

/// Reads a value; a mistake names the option.
pub(crate) fn checked<T>(option: &str, text: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Result<T, Failure> {
    read(text).map_err(|why| Failure::Usage(format!("{option}: {why}")))
}

/// Reads a whole number.
pub(crate) fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("'{text}' is not a whole number in range"))
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        other => Err(format!("'{other}' is not one of text, json")),
    }
}

//! Finds out which hub a command on this machine means: by the data directory that was named, or by the hub that runs.
//! No directory is created unless a command is meant to.

use std::io;
use std::path::{Path, PathBuf};

use super::out;
use super::outcome::Failure;
use crate::config::{self, DEFAULT_DATA};
use crate::model::audit::{Actor, ActorKind};
use crate::running::{self, Running};
use crate::store::{self, SecretKey, Store};

/// Where the data lies, for commands that look at it beside a running hub or before its first start.
#[derive(Debug, Clone, clap::Args)]
pub struct Data {
    /// Data directory of the hub [default: ./telemetry-data, else that of the hub that runs on this machine]
    #[arg(long, value_name = "DIR", env = "TELEMETRY_HUB_DATA")]
    data: Option<PathBuf>,
    /// TOML file of the hub, read for its data directory
    #[arg(long, value_name = "FILE", env = "TELEMETRY_HUB_CONFIG")]
    config: Option<PathBuf>,
}

impl Data {
    /// As a command names it whose directory is not a hub's yet.
    pub(super) const fn new(data: Option<PathBuf>, config: Option<PathBuf>) -> Self {
        Self { data, config }
    }

    /// The directory a person named, by flag, variable or file.
    fn named(&self) -> Result<Option<PathBuf>, config::Error> {
        match (&self.data, &self.config) {
            (Some(data), _) => Ok(Some(data.clone())),
            (None, Some(file)) => config::data_in(file),
            (None, None) => Ok(None),
        }
    }

    /// Where a hub is, or will be made: for commands that make one.
    pub(super) fn dir(&self) -> Result<PathBuf, Failure> {
        Ok(self.named()?.unwrap_or_else(|| DEFAULT_DATA.into()))
    }

    /// The directory of a hub that is there.
    pub(super) fn of_a_hub(&self) -> Result<PathBuf, Failure> {
        let named = self.named()?;
        let dir = named.as_deref().unwrap_or_else(|| Path::new(DEFAULT_DATA));
        if is_there(dir)? {
            return Ok(dir.to_owned());
        }
        let mut running = if named.is_some() { Vec::new() } else { running::elsewhere() };
        if running.len() == 1 {
            let found = running.remove(0);
            out::tell(format_args!("using the hub in {}", found.display()));
            return Ok(found);
        }
        let also: Vec<String> = running.iter().map(|dir| dir.display().to_string()).collect();
        let also = if also.is_empty() { String::new() } else { format!(" (running hubs: {})", also.join(", ")) };
        Err(Failure::Use(format!("no hub in {}; use --data DIR{also}", dir.display())))
    }

    /// Opens the hub that is there.
    pub(super) fn open(&self) -> Result<Store, Failure> {
        open(&self.of_a_hub()?)
    }

    /// Opens the hub that is there, or prepares the directory that a person named.
    pub(super) fn open_or_prepare(&self) -> Result<Store, Failure> {
        match self.named()? {
            Some(dir) => {
                check(&dir, &[])?;
                open(&dir)
            }
            None => self.open(),
        }
    }

    /// Hubs that run and are meant when their address is known: the one of the directory that a person named, else all.
    pub(super) fn candidates(&self) -> Result<Vec<(PathBuf, Running)>, Failure> {
        let dirs = match self.named()? {
            Some(dir) => vec![dir],
            None => std::iter::once(DEFAULT_DATA.into()).chain(running::elsewhere()).collect(),
        };
        let all = dirs.into_iter().filter_map(|dir| Running::of(&dir).map(|running| (dir, running)));
        let mut found: Vec<(PathBuf, Running)> = Vec::new();
        for (dir, running) in all {
            // One directory has many names; the key a hub leaves there is its own.
            if found.iter().all(|(_, known)| known.key != running.key) {
                found.push((dir, running));
            }
        }
        Ok(found)
    }

    /// The hub that runs, or why none can be asked.
    pub(super) fn running(&self) -> Result<(PathBuf, Running), Failure> {
        let dir = self.of_a_hub()?;
        match Running::of(&dir) {
            Some(running) => Ok((dir, running)),
            None => Err(Failure::Run(anyhow::anyhow!(asleep(&dir)))),
        }
    }
}

/// What to do about a hub that does not run.
pub(super) fn asleep(dir: &Path) -> String {
    let dir = dir.display();
    format!("the hub in {dir} is not running; start it: telemetry-hub serve --data {dir}")
}

/// Opens a data directory, also beside the hub that runs on it.
pub(super) fn open(dir: &Path) -> Result<Store, Failure> {
    let key = SecretKey::load_or_create(dir)?;
    let config = store::Config { dir: dir.to_owned(), actor: Some(actor()), ..Default::default() };
    Ok(Store::open_beside(&config, &key)?)
}

/// The person who gives a command, as the environment names them: whoever may read the data directory may use any name.
fn actor() -> Actor {
    let user = ["SUDO_USER", "USER"].into_iter().find_map(|name| std::env::var(name).ok());
    let who: String = user.unwrap_or_default().chars().filter(|c| !c.is_control()).take(64).collect();
    Actor { kind: ActorKind::Command, who, address: String::new() }
}

/// Whether a hub may be made in a folder: its mode will be 0700, and its files lie about in it, so it is not one in which
/// somebody keeps something else. What a hub is started with may be there before it.
pub(super) fn check(dir: &Path, beside: &[&PathBuf]) -> Result<(), Failure> {
    if is_there(dir)? || SecretKey::is_in(dir) {
        return Ok(());
    }
    let is_of_a_hub = |path: &Path| {
        let name = path.file_name().unwrap_or_default();
        let is = |end: &str| path.extension().is_some_and(|extension| extension == end);
        let is_hidden = name.as_encoded_bytes().starts_with(b".");
        name == "agents"
            || name == "tls"
            || name == "lost+found"
            || is("toml")
            || is("log")
            || is_hidden
            || beside.iter().any(|file| file.file_name() == Some(name))
            // Another program makes the hub at this very moment.
            || store::is_own_file(name)
    };
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let Some(other) = entries.map(|entry| entry.path()).find(|path| !is_of_a_hub(path)) else { return Ok(()) };
    let (dir, other) = (dir.display(), other.display());
    Err(Failure::Use(format!(
        "--data {dir}: has files that are not a hub's ({other}): choose an empty folder, such as {dir}/hub"
    )))
}

/// Whether there is a hub; one that is somebody else's is told from none.
fn is_there(dir: &Path) -> Result<bool, Failure> {
    match std::fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let text = format!("only its owner may read {}: sudo telemetry-hub ...", dir.display());
            Err(Failure::Run(anyhow::anyhow!(text)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            Err(Failure::Use(format!("--data {}: this is a file, not a directory", dir.display())))
        }
        _ => Ok(Store::is_in(dir)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_is_made_where_nobody_keeps_something_else() {
        let dir = tempfile::tempdir().unwrap();
        let check = || check(dir.path(), &[]).is_ok();
        assert!(check());
        // What a hub is started with, and what another program makes of it at this moment.
        for name in ["hub.toml", "agents", ".hidden", "secret.key.new", "telemetry.db.new"] {
            std::fs::write(dir.path().join(name), "").unwrap();
            assert!(check(), "{name}");
        }
        for name in ["holiday.jpg", "secret", "a.db"] {
            std::fs::write(dir.path().join(name), "").unwrap();
            assert!(!check(), "{name}");
            std::fs::remove_file(dir.path().join(name)).unwrap();
        }
    }
}

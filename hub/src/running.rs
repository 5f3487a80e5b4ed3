//! The file that a running hub leaves in its data directory: its addresses, and a key with which commands on this
//! machine may ask it.
//!
//! Everybody who can read the data directory (mode 0700) owns the hub anyway; the key saves them a token. It is valid
//! until this process ends. The file is removed at the end; if a killed hub leaves one behind it opens nothing, because
//! the next hub makes another key.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::reach::{self, Page};

const FILE: &str = "hub.running";
/// File that the hub holds open for as long as it runs (see `store::open`).
const LOCK: &str = "hub.lock";
/// Name of the program in the kernel's tables.
const PROGRAM: &str = "telemetry-hub";

/// A hub that runs, or ran until it was killed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Running {
    /// Where it listens for browsers.
    pub http: SocketAddr,
    /// Where it listens for devices.
    pub udp: SocketAddr,
    /// Whether it answers devices that search for a hub.
    #[serde(default = "on")]
    pub discovery: bool,
    /// Whether browsers use TLS.
    #[serde(default)]
    pub tls: bool,
    /// Names by which they have to call it, where its certificate is for no others.
    #[serde(default)]
    pub names: Vec<String>,
    /// Everything may be done with it.
    pub key: String,
}

/// A hub of before this was written says nothing.
const fn on() -> bool {
    true
}

impl Running {
    /// Leaves word; it is taken back when what is returned is dropped.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub(crate) fn leave(&self, data: &Path) -> io::Result<Word> {
        let path = data.join(FILE);
        let part = data.join(format!("{FILE}.part"));
        let mut file: File = File::options().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        let Self { http, udp, discovery, tls, names, key } = self;
        let names = names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
        write!(
            file,
            "http = \"{http}\"\nudp = \"{udp}\"\ndiscovery = {discovery}\ntls = {tls}\nnames = [{names}]\nkey = \"{key}\"\n"
        )?;
        fs::rename(&part, &path)?;
        Ok(Word(path))
    }

    /// Where browsers find it.
    #[must_use]
    pub(crate) fn links(&self) -> Vec<String> {
        let scheme = if self.tls { "https" } else { "http" };
        reach::links(Page { listen: self.http, scheme, names: &self.names }, reach::hostname().as_deref())
    }

    /// What the hub of a data directory left; `None` if none runs there, or it may not be read.
    #[must_use]
    pub(crate) fn of(data: &Path) -> Option<Self> {
        toml::from_str(&fs::read_to_string(data.join(FILE)).ok()?).ok()
    }
}

/// The file, for as long as the hub runs.
#[derive(Debug)]
pub(crate) struct Word(PathBuf);

impl Drop for Word {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// The hub that runs on a data directory, as far as this user may see.
#[must_use]
pub(crate) fn there(data: &Path) -> Option<Running> {
    let full = data.canonicalize().ok()?;
    elsewhere().contains(&full).then(|| Running::of(data)).flatten()
}

/// Data directories of the hubs that run on this machine, in this network, as far as this user may see.
#[must_use]
pub(crate) fn elsewhere() -> Vec<PathBuf> {
    let network = |process: &Path| fs::read_link(process.join("ns/net")).ok();
    let own = network(Path::new("/proc/self"));
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let mut found: Vec<PathBuf> = processes
        .flatten()
        .map(|entry| entry.path())
        .filter(|process| fs::read_to_string(process.join("comm")).is_ok_and(|name| name.trim_end() == PROGRAM))
        .filter(|process| network(process) == own)
        .filter_map(|process| {
            let files = fs::read_dir(process.join("fd")).ok()?.flatten();
            let lock = files.filter_map(|file| fs::read_link(file.path()).ok()).find(|path| path.ends_with(LOCK))?;
            lock.parent().map(Path::to_owned)
        })
        // One that is starting or ending cannot be asked.
        .filter(|data| Running::of(data).is_some())
        .collect();
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn word_is_for_its_owner_alone_and_goes_with_the_hub() {
        let dir = tempfile::tempdir().unwrap();
        let running = Running {
            http: "0.0.0.0:8080".parse().unwrap(),
            udp: "[::]:5770".parse().unwrap(),
            discovery: false,
            tls: true,
            names: vec!["hub.example".to_owned(), "attic".to_owned()],
            key: "secret".to_owned(),
        };
        let word = running.leave(dir.path()).unwrap();
        assert_eq!(Running::of(dir.path()), Some(running));
        let mode = fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(word);
        assert_eq!(Running::of(dir.path()), None);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

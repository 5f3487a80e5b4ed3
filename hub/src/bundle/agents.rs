//! Finds the agent programs that this hub hands out: `device-agent-<target>` in one of a few folders.
//!
//! They are looked up each time, so an agent that is put there while the hub runs is found. A file that is not an agent
//! for its target is refused here, before it reaches a device.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Target;
use super::elf::{self, Machine};

/// Largest program taken: agents are held to 4 MB, one with all of its debug information has some 35.
const MOST_BYTES: u64 = 64 << 20;

/// The folders, the first one that has an agent wins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Agents {
    folders: Vec<PathBuf>,
}

/// An agent cannot be handed out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// There is none.
    #[error(
        "there is no device-agent-{target} in {}: build it with `make agent` and copy it there from target/agent, or name \
         another place (--agents DIR, --agent FILE)",
        listed(folders)
    )]
    Missing {
        /// For this machine.
        target: Target,
        /// Looked for here.
        folders: Vec<PathBuf>,
    },
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// It is not what it should be.
    #[error("{} {why}", path.display())]
    Unfit {
        path: PathBuf,
        /// What it is.
        why: String,
    },
}

fn listed(folders: &[PathBuf]) -> String {
    let names: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
    names.join(" nor in ")
}

impl Agents {
    /// Agents in the folder that was named; else those in `agents` of the data directory, then beside this program.
    #[must_use]
    pub(crate) fn new(named: Option<PathBuf>, data: &Path) -> Self {
        let folders = match named {
            Some(folder) => vec![folder],
            None => {
                let program = std::env::current_exe().ok();
                let beside = program.as_deref().and_then(Path::parent).map(|folder| folder.join("agents"));
                [data.join("agents")].into_iter().chain(beside).collect()
            }
        };
        Self { folders }
    }

    /// The file of an agent, if there is one.
    #[must_use]
    pub(crate) fn path(&self, target: Target) -> Option<PathBuf> {
        let files = self.folders.iter().map(|folder| folder.join(format!("device-agent-{target}")));
        files.into_iter().find(|path| path.is_file())
    }

    /// The machines there are agents for.
    #[must_use]
    pub(crate) fn targets(&self) -> Vec<Target> {
        Target::ALL.into_iter().filter(|target| self.path(*target).is_some()).collect()
    }

    /// The program of an agent.
    ///
    /// # Errors
    /// There is none, it cannot be read, or it is for another machine.
    pub(crate) fn read(&self, target: Target) -> Result<Vec<u8>, Error> {
        let missing = || Error::Missing { target, folders: self.folders.clone() };
        read(&self.path(target).ok_or_else(missing)?, target)
    }
}

/// The program in a file somebody named.
///
/// # Errors
/// It cannot be read, or is for another machine.
pub(crate) fn read(path: &Path, target: Target) -> Result<Vec<u8>, Error> {
    let unreadable = |source| Error::Unreadable { path: path.to_owned(), source };
    let unfit = |why: String| Error::Unfit { path: path.to_owned(), why };
    let found = fs::metadata(path).map_err(unreadable)?;
    if !found.is_file() || found.len() > MOST_BYTES {
        return Err(unfit(format!("is not an agent: it must be a file of at most {} MiB", MOST_BYTES >> 20)));
    }
    let program = fs::read(path).map_err(unreadable)?;
    match elf::machine(&program) {
        Some(Machine::Known(found)) if found == target => Ok(program),
        Some(other) => Err(unfit(format!("is for {other}, not for {target}"))),
        None => Err(unfit("is not a program".to_owned())),
    }
}

/// Whether a program needs the device's own C library, which may be older than the one it was built with.
#[must_use]
pub(crate) fn is_dynamic(program: &[u8]) -> bool {
    elf::is_dynamic(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_agent_says_where_it_was_looked_for_and_what_to_do() {
        let agents = Agents::new(None, Path::new("/data"));
        let text = agents.read(Target::Aarch64).unwrap_err().to_string();
        for part in ["device-agent-aarch64", "/data/agents", "make agent", "--agent FILE"] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(agents.targets(), []);
    }

    #[test]
    fn an_agent_for_another_machine_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("device-agent-armhf");
        let program = fs::read("/proc/self/exe").unwrap();
        fs::write(&path, &program[..4_096]).unwrap();
        let agents = Agents::new(Some(dir.path().to_owned()), Path::new("/data"));
        let text = agents.read(Target::Armhf).unwrap_err().to_string();
        assert!(text.contains("device-agent-armhf is for") && text.contains("not for armhf"), "{text}");
        fs::write(&path, "hello").unwrap();
        assert!(agents.read(Target::Armhf).unwrap_err().to_string().contains("is not a program"));
    }
}

//! Puts the agent into a mounted root file system, for instance a memory card's: `telemetry-hub flash`.
//!
//! The result is that of `device-agent install --root`. Everything is checked before the first byte is written and
//! staged before the first file is visible, and the link that starts the service comes last: interrupted at any point,
//! the device boots as before, or with the whole agent. Links in the tree are followed as the device itself will follow
//! them, so none leads out of it.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};

use super::accounts::Accounts;
use super::elf::{self, Machine};
use super::place::{Failed, Placing};
use super::{CONFIG, OPENRC, OPENRC_SCRIPT, PROGRAM, Payload, SYSTEMD, SYSTEMD_UNIT, Target};

const SYSTEMD_WANTED: &str = "etc/systemd/system/multi-user.target.wants/device-agent.service";
const OPENRC_WANTED: &str = "etc/runlevels/default/device-agent";
const IDENTITY: &str = "var/lib/device-agent/identity";
/// Programs of which every system has at least one that is not a script: their header tells the machine.
const PROGRAMS: [&str; 4] = ["bin/sh", "sbin/init", "usr/bin/env", "bin/busybox"];
/// Links that are followed in a row; the kernel has the same limit.
const MOST_LINKS: usize = 40;

/// The program that starts services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manager {
    Systemd,
    OpenRc,
}

/// A root file system.
#[derive(Debug)]
pub(crate) struct Root {
    path: PathBuf,
    manager: Manager,
    /// For which machine it is, and which program says so.
    machine: Option<(Machine, &'static str)>,
}

/// Why nothing was put into it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// No root file system lies there, or not one that can be used; the text says what was looked for.
    #[error("{0}")]
    Unfit(String),
    /// A file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read { path: PathBuf, error: io::Error },
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] Failed),
}

/// What was found on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flashed {
    /// Another configuration was replaced.
    pub replaced_config: bool,
    /// There is an identity: the card was in a device before and stays the same device.
    pub keeps_identity: bool,
}

impl Root {
    /// Looks whether a root file system lies at a path. The running system's own is refused unless `force`.
    ///
    /// # Errors
    /// What it lacks.
    pub(crate) fn open(path: &Path, force: bool) -> Result<Self, Error> {
        let unfit = |text: String| Error::Unfit(format!("{} {text}", path.display()));
        let found = fs::metadata(path).map_err(|error| unfit(format!("cannot be opened: {error}")))?;
        if !force && fs::metadata("/").is_ok_and(|own| (own.dev(), own.ino()) == (found.dev(), found.ino())) {
            return Err(unfit(
                "is the system running on this machine: use `device-agent install` for it, or --force".to_owned(),
            ));
        }
        let mut root = Self { path: path.to_owned(), manager: Manager::Systemd, machine: None };
        let missing: Vec<_> = ["etc/passwd", "usr"].into_iter().filter(|path| !root.has(path)).collect();
        if !missing.is_empty() {
            let hint = if root.has("cmdline.txt") || root.has("config.txt") || root.has("loader") {
                ": it looks like the boot partition; mount the one beside it"
            } else {
                "; is the card mounted there?"
            };
            return Err(unfit(format!("is not a root file system: it has no {}{hint}", missing.join(" and no "))));
        }
        root.manager = if root.has("usr/lib/systemd/systemd") || root.has("lib/systemd/systemd") {
            Manager::Systemd
        } else if root.has("sbin/openrc-run") || root.has("usr/sbin/openrc-run") {
            Manager::OpenRc
        } else {
            return Err(unfit(
                "runs neither systemd nor OpenRC (looked for usr/lib/systemd/systemd and sbin/openrc-run): \
                 use `telemetry-hub bundle` and start `device-agent run` from its own start scripts"
                    .to_owned(),
            ));
        };
        root.machine = PROGRAMS.into_iter().find_map(|program| Some((root.machine_of(program)?, program)));
        Ok(root)
    }

    /// The machine it is for: the one its own programs are for. `wanted` has to be the same, if given.
    ///
    /// # Errors
    /// It is for another machine, for one that agents are not built for, or nothing tells.
    pub(crate) fn target(&self, wanted: Option<Target>) -> Result<Target, Error> {
        let root = self.path.display();
        match (self.machine, wanted) {
            (Some((Machine::Known(found), _)), None) => Ok(found),
            (Some((Machine::Known(found), _)), Some(wanted)) if found == wanted => Ok(found),
            (Some((found @ Machine::Known(_), program)), Some(wanted)) => {
                Err(Error::Unfit(format!("{root} is for {found}, not for {wanted}: its {program} says so")))
            }
            (Some((found @ Machine::Other(_), program)), _) => Err(Error::Unfit(format!(
                "{root} is for {found}: its {program} says so; agents are built for x86_64, aarch64 and armhf"
            ))),
            (None, Some(wanted)) => Ok(wanted),
            (None, None) => Err(Error::Unfit(format!(
                "nothing in {root} shows its machine type (looked at {}): set --target",
                PROGRAMS.join(", ")
            ))),
        }
    }

    /// Puts an agent into it, to start at the next boot. A configuration that says something else is kept, and nothing done,
    /// unless `force`.
    ///
    /// # Errors
    /// Nothing was changed then, but for a file system that fails between two renames.
    pub(crate) fn install(&self, payload: &Payload, force: bool) -> Result<Flashed, Error> {
        let config = payload.settings.toml();
        let found = self.read(CONFIG)?;
        let replaced_config = found.as_ref().is_some_and(|found| !config.is_empty() && *found != config);
        if replaced_config && !force {
            return Err(Error::Unfit(format!(
                "{} already exists with other settings: remove it, or replace it with --force",
                self.path.join(CONFIG).display()
            )));
        }
        let accounts = Accounts {
            passwd: self.read("etc/passwd")?.unwrap_or_default(),
            group: self.read("etc/group")?,
            shadow: self.read("etc/shadow")?,
        };
        let no_id = |_| Error::Unfit(format!("{} has no free system user id", self.path.display()));
        let (with_agent, group) = accounts.with_agent().map_err(no_id)?;

        let mut placing = Placing::default();
        let changed = |before: Option<&String>, after: Option<String>| after.filter(|after| before != Some(after));
        for (path, text) in [
            ("etc/group", changed(accounts.group.as_ref(), with_agent.group)),
            ("etc/passwd", changed(Some(&accounts.passwd), Some(with_agent.passwd))),
            ("etc/shadow", changed(accounts.shadow.as_ref(), with_agent.shadow)),
        ] {
            if let Some(text) = text {
                self.replace(&mut placing, path, &text)?;
            }
        }
        placing.file(&self.place(PROGRAM)?, &payload.program, 0o755, Some((0, 0)))?;
        if found.is_none() || replaced_config {
            // The join token is nobody's business but the agent's.
            placing.file(&self.place(CONFIG)?, config.as_bytes(), 0o640, Some((0, group)))?;
        }
        match self.manager {
            Manager::Systemd => {
                placing.file(&self.place(SYSTEMD_UNIT)?, SYSTEMD.as_bytes(), 0o644, Some((0, 0)))?;
                placing.link(&self.place(SYSTEMD_WANTED)?, "../device-agent.service")?;
            }
            Manager::OpenRc => {
                placing.file(&self.place(OPENRC_SCRIPT)?, OPENRC.as_bytes(), 0o755, Some((0, 0)))?;
                placing.link(&self.place(OPENRC_WANTED)?, "/etc/init.d/device-agent")?;
            }
        }
        placing.commit()?;
        Ok(Flashed { replaced_config, keeps_identity: self.has(IDENTITY) })
    }

    /// Stages the new text of a file of the system's own, with its owner and permissions.
    fn replace(&self, placing: &mut Placing, path: &str, text: &str) -> Result<(), Error> {
        let place = self.resolve(path, true).map_err(|error| self.unreadable(path, error))?;
        let before = fs::metadata(&place).ok();
        let mode = before.as_ref().map_or(0o644, |before| before.permissions().mode() & 0o7777);
        let owner = before.as_ref().map_or((0, 0), |before: &Metadata| (before.uid(), before.gid()));
        Ok(placing.file(&place, text.as_bytes(), mode, Some(owner))?)
    }

    fn read(&self, path: &str) -> Result<Option<String>, Error> {
        let text = self.regular(path).and_then(fs::read_to_string);
        match text {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.unreadable(path, error)),
        }
    }

    fn unreadable(&self, path: &str, error: io::Error) -> Error {
        Error::Read { path: self.path.join(path), error }
    }

    fn has(&self, path: &str) -> bool {
        self.resolve(path, true).is_ok_and(|path| path.exists())
    }

    fn machine_of(&self, program: &str) -> Option<Machine> {
        let path = self.regular(program).ok()?;
        let mut header = Vec::new();
        fs::File::open(path).ok()?.take(elf::HEADER as u64).read_to_end(&mut header).ok()?;
        elf::machine(&header)
    }

    /// Where a file lies that is to be read: a pipe would hang, and a device node do whatever the device does.
    fn regular(&self, path: &str) -> io::Result<PathBuf> {
        let place = self.resolve(path, true)?;
        if fs::metadata(&place)?.is_file() { Ok(place) } else { Err(io::Error::other("not a regular file")) }
    }

    /// Where a file is to lie: its folder with links followed, but not a link in its own place.
    fn place(&self, path: &str) -> Result<PathBuf, Error> {
        self.resolve(path, false).map_err(|error| self.unreadable(path, error))
    }

    /// A path in the tree, with links followed as if the tree were `/`. What does not exist is taken as it reads.
    fn resolve(&self, path: &str, follow_last: bool) -> io::Result<PathBuf> {
        let mut ahead: VecDeque<OsString> = parts(Path::new(path)).collect();
        let mut behind: Vec<OsString> = Vec::new();
        let mut links = 0;
        while let Some(part) = ahead.pop_front() {
            if part == ".." {
                behind.pop();
                continue;
            }
            let here = self.path.join(behind.iter().collect::<PathBuf>()).join(&part);
            let is_link = fs::symlink_metadata(&here).is_ok_and(|found| found.is_symlink());
            if !is_link || (ahead.is_empty() && !follow_last) {
                behind.push(part);
                continue;
            }
            links += 1;
            if links > MOST_LINKS {
                return Err(io::Error::other("too many links"));
            }
            let to = fs::read_link(&here)?;
            if to.is_absolute() {
                behind.clear();
            }
            for part in parts(&to).collect::<Vec<_>>().into_iter().rev() {
                ahead.push_front(part);
            }
        }
        Ok(self.path.join(behind.iter().collect::<PathBuf>()))
    }
}

/// The names in a path, with `..` among them.
fn parts(path: &Path) -> impl Iterator<Item = OsString> + '_ {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_as_the_device_follows_them_and_none_leads_out() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("usr/bin")).unwrap();
        fs::write(dir.path().join("usr/bin/dash"), "").unwrap();
        symlink("usr/bin", dir.path().join("bin")).unwrap();
        symlink("/bin/dash", dir.path().join("usr/bin/sh")).unwrap();
        symlink("../../../../../etc", dir.path().join("etc")).unwrap();
        symlink("loop", dir.path().join("loop")).unwrap();
        let root = Root { path: dir.path().to_owned(), manager: Manager::Systemd, machine: None };
        assert_eq!(root.resolve("bin/sh", true).unwrap(), dir.path().join("usr/bin/dash"));
        assert_eq!(root.resolve("bin/sh", false).unwrap(), dir.path().join("usr/bin/sh"));
        assert_eq!(root.resolve("bin/../../../x", true).unwrap(), dir.path().join("x"));
        assert!(root.resolve("loop", true).is_err());
        assert!(root.resolve("etc/passwd", true).is_err(), "a link to itself at the root of the tree");
    }
}

//! Puts files, links and the user into a root file system (this machine's, or a mounted one), and removes them.
//!
//! Only files are written, so that both kinds are treated alike. Each step looks first, and files that a person wrote stay.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::places::{CONFIG, PROGRAM, STATE, USER};
use super::tree::Tree;
use crate::command::failure::Failure;

/// The program that starts services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manager {
    Systemd,
    OpenRc,
}

/// Where to install.
pub(super) struct Target {
    pub(super) tree: Tree,
    /// The running machine, whose service manager is told.
    pub(super) live: bool,
    pub(super) manager: Manager,
}

impl Target {
    pub(super) fn find(root: Option<PathBuf>) -> Result<Self, Failure> {
        let live = root.is_none();
        let tree = Tree(root.unwrap_or_else(|| "/".into()));
        let root = tree.0.display();
        if live && !rustix::process::geteuid().is_root() {
            return Err(Failure::Failed("only root may do this: sudo device-agent ...".to_owned()));
        }
        let has = |path: &str| tree.has(path);
        if !has("etc/passwd") || !has("usr") {
            let text = format!("{root} is not a root file system: it has no etc/passwd or no usr");
            return Err(Failure::Failed(text));
        }
        let systemd =
            if live { has("run/systemd/system") } else { has("usr/lib/systemd/systemd") || has("lib/systemd/systemd") };
        let manager = if systemd {
            Manager::Systemd
        } else if has("sbin/openrc-run") || has("usr/sbin/openrc-run") {
            Manager::OpenRc
        } else {
            let text =
                format!("{root} runs neither systemd nor OpenRC: start `device-agent run` from its own start scripts");
            return Err(Failure::Failed(text));
        };
        Ok(Self { tree, live, manager })
    }

    /// What to call a file of it in a text.
    fn path(&self, path: &str) -> PathBuf {
        self.tree.0.join(path)
    }

    pub(super) fn failed(&self, what: &str, path: &str, error: &io::Error) -> Failure {
        Failure::Failed(format!("cannot {what} {}: {error}", self.path(path).display()))
    }

    /// Puts a file in place: the old one or the whole new one, whatever happens in between.
    pub(super) fn put(&self, path: &str, bytes: &[u8], mode: u32) -> Result<(), Failure> {
        let written = self.tree.place(path).and_then(|full| {
            if let Some(folder) = full.parent() {
                fs::create_dir_all(folder)?;
            }
            device_agent::durable::replace(&full, bytes)?;
            fs::set_permissions(&full, fs::Permissions::from_mode(mode))
        });
        written.map_err(|error| self.failed("write", path, &error))
    }

    pub(super) fn put_program(&self, binary: &Path) -> Result<(), Failure> {
        let bytes =
            fs::read(binary).map_err(|error| Failure::Failed(format!("cannot read {}: {error}", binary.display())))?;
        if !bytes.starts_with(b"\x7fELF") {
            return Err(Failure::Failed(format!("{} is not a program", binary.display())));
        }
        let place = self.tree.place(PROGRAM).map_err(|error| self.failed("read", PROGRAM, &error))?;
        let is_there = fs::symlink_metadata(&place).is_ok_and(|found| found.is_file());
        if is_there && fs::read(place).is_ok_and(|installed| installed == bytes) {
            return Ok(());
        }
        self.put(PROGRAM, &bytes, 0o755)
    }

    /// Refuses a configuration that says something else than `text`: a person may have changed it.
    pub(super) fn check_config(&self, text: &str) -> Result<(), Failure> {
        match self.config()? {
            Some(found) if !text.is_empty() && found != text => Err(Failure::Failed(format!(
                "{} already exists with other settings: edit it, or replace it with --replace-config",
                self.path(CONFIG).display()
            ))),
            Some(_) | None => Ok(()),
        }
    }

    /// Writes the configuration, or keeps the one that is there when `text` says nothing. Only root and the agent read it.
    pub(super) fn put_config(&self, text: &str) -> Result<(), Failure> {
        let found = self.config()?;
        if found.as_deref() != Some(text) && (found.is_none() || !text.is_empty()) {
            self.put(CONFIG, text.as_bytes(), 0o600)?;
        }
        // One that a bundle or a person put there is root's alone, and the service could not read it.
        let group = self.group().ok_or_else(|| Failure::Failed(format!("the group {USER} is missing")))?;
        let shared = self.tree.real(CONFIG).and_then(|path| {
            let found = fs::metadata(&path)?;
            let mode = found.permissions().mode() & 0o777;
            if mode & 0o004 != 0 || (found.gid() == group && mode & 0o040 != 0) {
                return Ok(());
            }
            chown(&path, None, Some(group))?;
            fs::set_permissions(&path, fs::Permissions::from_mode(mode | 0o040))
        });
        shared.map_err(|error| self.failed("give away", CONFIG, &error))
    }

    fn config(&self) -> Result<Option<String>, Failure> {
        match self.tree.read(CONFIG) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("read", CONFIG, &error)),
        }
    }

    pub(super) fn link(&self, to: &str, path: &str) -> Result<(), Failure> {
        let linked = self.tree.place(path).and_then(|full| {
            if fs::read_link(&full).is_ok_and(|found| found == Path::new(to)) {
                return Ok(());
            }
            if let Some(folder) = full.parent() {
                fs::create_dir_all(folder)?;
            }
            let _ = fs::remove_file(&full);
            symlink(to, &full)
        });
        linked.map_err(|error| self.failed("link", path, &error))
    }

    pub(super) fn remove(&self, path: &str) -> Result<(), Failure> {
        match self.tree.place(path).and_then(fs::remove_file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed("remove", path, &error)),
            _ => Ok(()),
        }
    }

    /// Adds the user by the machine's own tool; below a mounted root, whose tools cannot run here, by hand.
    pub(super) fn add_user(&self) -> Result<(), Failure> {
        if self.entry("etc/passwd").is_some() {
            return Ok(());
        }
        if self.live {
            let shadow = ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"];
            let with_useradd = [&shadow[..], &["--home-dir", "/var/lib/device-agent", USER]].concat();
            return run("useradd", &with_useradd).or_else(|why| {
                // BusyBox has other words for it.
                let group = run("addgroup", &["-S", USER]);
                group.and_then(|()| run("adduser", &["-S", "-D", "-H", "-G", USER, USER])).map_err(|_| why)
            });
        }
        let id = self.free_id().ok_or_else(|| Failure::Failed("no system user id is free".to_owned()))?;
        if self.entry("etc/group").is_none() {
            self.append("etc/group", &format!("{USER}:x:{id}:"))?;
        }
        let group = self.group().unwrap_or(id);
        self.append("etc/passwd", &format!("{USER}:x:{id}:{group}::/{STATE}:/usr/sbin/nologin"))?;
        if self.tree.has("etc/shadow") && self.entry("etc/shadow").is_none() {
            self.append("etc/shadow", &format!("{USER}:!:::::::"))?;
        }
        Ok(())
    }

    pub(super) fn remove_user(&self) -> Result<(), Failure> {
        if self.entry("etc/passwd").is_none() {
            return Ok(());
        }
        if self.live {
            return run("userdel", &[USER]).or_else(|why| run("deluser", &[USER]).map_err(|_| why));
        }
        for file in ["etc/passwd", "etc/group", "etc/shadow"] {
            if self.entry(file).is_some() {
                let text = self.tree.read(file).map_err(|error| self.failed("read", file, &error))?;
                let start = format!("{USER}:");
                let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with(&start)).collect();
                self.rewrite(file, &(kept.join("\n") + "\n"))?;
            }
        }
        Ok(())
    }

    /// The user's line in one of the files that have one for each.
    fn entry(&self, file: &str) -> Option<String> {
        let start = format!("{USER}:");
        self.tree.read(file).ok()?.lines().find(|line| line.starts_with(&start)).map(str::to_owned)
    }

    fn group(&self) -> Option<u32> {
        self.entry("etc/group")?.split(':').nth(2)?.parse().ok()
    }

    /// The highest system id that neither a user nor a group has.
    fn free_id(&self) -> Option<u32> {
        let ids = |file: &str| -> Vec<u32> {
            let text = self.tree.read(file).unwrap_or_default();
            text.lines().filter_map(|line| line.split(':').nth(2)?.parse().ok()).collect()
        };
        let taken = [ids("etc/passwd"), ids("etc/group")].concat();
        (100..1000).rev().find(|id| !taken.contains(id))
    }

    fn append(&self, file: &str, line: &str) -> Result<(), Failure> {
        let mut text = self.tree.read(file).unwrap_or_default();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        self.rewrite(file, &format!("{text}{line}\n"))
    }

    /// Replaces a file of the system's own, which keeps its permissions and its owner.
    fn rewrite(&self, file: &str, text: &str) -> Result<(), Failure> {
        let before = self.tree.real(file).and_then(fs::metadata).ok();
        let mode = before.as_ref().map_or(0o644, |before| before.permissions().mode());
        self.put(file, text.as_bytes(), mode & 0o777)?;
        let Some(before) = before else { return Ok(()) };
        let given = self.tree.place(file).and_then(|place| chown(place, Some(before.uid()), Some(before.gid())));
        given.map_err(|error| self.failed("give back", file, &error))
    }
}

/// Runs a program of the machine; what it complains about is the complaint.
pub(super) fn run(program: &str, arguments: &[&str]) -> Result<(), Failure> {
    let command = format!("{program} {}", arguments.join(" "));
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| Failure::Failed(format!("cannot run `{command}`: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
    Err(Failure::Failed(format!("`{command}` failed: {why}")))
}

//! `device-agent install` and `uninstall`: binary, user, configuration and service, on this machine or below a mounted root.
//!
//! Everything is a file put in place, so that both do the same; on the running machine the service manager is told as well.
//! Each step looks first: installing twice is installing once, and whatever a person wrote is left alone.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use lexopt::{Arg, Parser};

use super::{Common, Failure, print};

const HELP: &str = "\
Makes the agent a service that starts at boot: user, configuration, hardened systemd unit (OpenRC where there is no systemd).

Usage: device-agent install [options]

  --hub HOST:PORT      Written to /etc/device-agent.toml, as are the next three
  --join-token TOKEN   Lets the device join without a click (thj1_...)
  --name NAME          Name to show (default: the host name)
  --label KEY=VALUE    A label of the device; may be repeated
  --root DIR           Install into the root file system mounted here, and start nothing
  --binary FILE        The program to install (default: this one); for a root of another architecture
  --help               This text

Installing again replaces the program and the unit and keeps the configuration. The device's identity is made at its first
start, so that copies of an image become different devices.
";
const UNINSTALL_HELP: &str = "\
Stops the service and removes program, unit and user.

Usage: device-agent uninstall [--root DIR] [--purge]

  --purge              Remove the configuration, the device's identity and its unsent readings as well
";

const PROGRAM: &str = "usr/local/bin/device-agent";
const CONFIG: &str = "etc/device-agent.toml";
const STATE: &str = "var/lib/device-agent";
const USER: &str = "device-agent";
const SYSTEMD_UNIT: &str = "etc/systemd/system/device-agent.service";
const SYSTEMD_WANTED: &str = "etc/systemd/system/multi-user.target.wants/device-agent.service";
const OPENRC_SCRIPT: &str = "etc/init.d/device-agent";
const OPENRC_WANTED: &str = "etc/runlevels/default/device-agent";

const SYSTEMD: &str = "\
[Unit]
Description=Telemetry hub device agent
After=network.target

[Service]
ExecStart=/usr/local/bin/device-agent run --state /var/lib/device-agent
Restart=always
RestartSec=5
User=device-agent
StateDirectory=device-agent
StateDirectoryMode=0700
RuntimeDirectory=device-agent
UMask=0077
MemoryMax=64M
TasksMax=64
# It reads /proc and /sys, talks UDP, and writes its state folder: nothing else.
AmbientCapabilities=
CapabilityBoundingSet=
LockPersonality=yes
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=read-only
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectSystem=strict
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service

[Install]
WantedBy=multi-user.target
";
const OPENRC: &str = "\
#!/sbin/openrc-run
description=\"Telemetry hub device agent\"
command=/usr/local/bin/device-agent
command_args=\"run --state /var/lib/device-agent\"
command_user=\"device-agent:device-agent\"
supervisor=supervise-daemon
respawn_delay=5
umask=0077

depend() {
\tneed net
}

start_pre() {
\tcheckpath --directory --mode 0700 --owner device-agent:device-agent /var/lib/device-agent /run/device-agent
}
";

/// Who starts services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manager {
    Systemd,
    OpenRc,
}

/// Where to install.
struct Target {
    root: PathBuf,
    /// The running machine, whose service manager is told.
    live: bool,
    manager: Manager,
}

pub(super) fn install(mut parser: Parser) -> Result<(), Failure> {
    let mut common = Common::default();
    let (mut root, mut binary) = (None, None::<PathBuf>);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return print(HELP),
            Arg::Long("root") => root = Some(PathBuf::from(parser.value()?)),
            Arg::Long("binary") => binary = Some(parser.value()?.into()),
            Arg::Long(option @ ("hub" | "join-token" | "name" | "label")) => {
                let option = option.to_owned();
                common.take(&option, &mut parser)?;
            }
            other @ (Arg::Short(_) | Arg::Long(_) | Arg::Value(_)) => return Err(other.unexpected().into()),
        }
    }
    // Whatever the service would refuse is refused here, where somebody sees it.
    common.layer.clone().settle(|key| format!("--{}", key.replace('_', "-")))?;
    let config = config_of(&common)?;
    let target = Target::find(root)?;
    let binary = match binary {
        Some(binary) => binary,
        None => {
            std::env::current_exe().map_err(|error| Failure::Failed(format!("cannot find this program: {error}")))?
        }
    };

    target.put_program(&binary)?;
    target.add_user()?;
    target.put_config(&config)?;
    match target.manager {
        Manager::Systemd => {
            target.put(SYSTEMD_UNIT, SYSTEMD.as_bytes(), 0o644)?;
            target.link("../device-agent.service", SYSTEMD_WANTED)?;
        }
        Manager::OpenRc => {
            target.put(OPENRC_SCRIPT, OPENRC.as_bytes(), 0o755)?;
            target.link("/etc/init.d/device-agent", OPENRC_WANTED)?;
        }
    }
    if !target.live {
        return print(&format!("installed below {}; it starts at the next boot\n", target.root.display()));
    }
    match target.manager {
        Manager::Systemd => {
            run("systemctl", &["daemon-reload"])?;
            run("systemctl", &["restart", "device-agent.service"])?;
        }
        Manager::OpenRc => run("rc-service", &["device-agent", "restart"])?,
    }
    print("installed and started; `device-agent status --state /var/lib/device-agent` tells how it is doing\n")
}

pub(super) fn uninstall(mut parser: Parser) -> Result<(), Failure> {
    let (mut root, mut purge) = (None, false);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return print(UNINSTALL_HELP),
            Arg::Long("root") => root = Some(PathBuf::from(parser.value()?)),
            Arg::Long("purge") => purge = true,
            other @ (Arg::Short(_) | Arg::Long(_) | Arg::Value(_)) => return Err(other.unexpected().into()),
        }
    }
    let target = Target::find(root)?;
    let (script, wanted) = match target.manager {
        Manager::Systemd => (SYSTEMD_UNIT, SYSTEMD_WANTED),
        Manager::OpenRc => (OPENRC_SCRIPT, OPENRC_WANTED),
    };
    if target.live && target.path(script).exists() {
        match target.manager {
            Manager::Systemd => run("systemctl", &["stop", "device-agent.service"])?,
            Manager::OpenRc => run("rc-service", &["device-agent", "stop"])?,
        }
    }
    for file in [wanted, script, PROGRAM] {
        target.remove(file)?;
    }
    if target.live && target.manager == Manager::Systemd {
        run("systemctl", &["daemon-reload"])?;
    }
    if !purge {
        return print("uninstalled; configuration and state are kept, --purge removes them\n");
    }
    target.remove(CONFIG)?;
    match fs::remove_dir_all(target.path(STATE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(target.failed("remove", STATE, &error)),
        _ => target.remove_user().and_then(|()| print("uninstalled, nothing is left\n")),
    }
}

/// The configuration file that says what the flags say; empty when they say nothing.
fn config_of(common: &Common) -> Result<String, Failure> {
    let layer = &common.layer;
    let mut text = String::new();
    for (key, value) in [("hub", &layer.hub), ("join_token", &layer.join_token), ("name", &layer.name)] {
        if let Some(value) = value {
            text.push_str(&format!("{key} = {}\n", quoted(value)?));
        }
    }
    if !layer.labels.is_empty() {
        text.push_str("\n[labels]\n");
        for (key, value) in &layer.labels {
            text.push_str(&format!("{} = {}\n", quoted(key)?, quoted(value)?));
        }
    }
    Ok(text)
}

/// A TOML text; JSON's escapes are a part of TOML's.
fn quoted(text: &str) -> Result<String, Failure> {
    serde_json::to_string(text).map_err(|error| Failure::Failed(error.to_string()))
}

impl Target {
    fn find(root: Option<PathBuf>) -> Result<Self, Failure> {
        let live = root.is_none();
        let root = root.unwrap_or_else(|| "/".into());
        if live && !rustix::process::geteuid().is_root() {
            return Err(Failure::Failed("only root may do this: sudo device-agent ...".to_owned()));
        }
        let has = |path: &str| root.join(path).exists();
        if !has("etc/passwd") || !has("usr") {
            let text = format!("{} is no root file system: it has no etc/passwd or no usr", root.display());
            return Err(Failure::Failed(text));
        }
        let systemd =
            if live { has("run/systemd/system") } else { has("usr/lib/systemd/systemd") || has("lib/systemd/systemd") };
        let manager = if systemd {
            Manager::Systemd
        } else if has("sbin/openrc-run") || has("usr/sbin/openrc-run") {
            Manager::OpenRc
        } else {
            let text = format!(
                "{} runs neither systemd nor OpenRC: start `device-agent run` by its own means",
                root.display()
            );
            return Err(Failure::Failed(text));
        };
        Ok(Self { root, live, manager })
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    fn failed(&self, what: &str, path: &str, error: &io::Error) -> Failure {
        Failure::Failed(format!("cannot {what} {}: {error}", self.path(path).display()))
    }

    /// Puts a file in place: the old one or the whole new one, whatever happens in between.
    fn put(&self, path: &str, bytes: &[u8], mode: u32) -> Result<(), Failure> {
        let full = self.path(path);
        let written = (|| {
            if let Some(folder) = full.parent() {
                fs::create_dir_all(folder)?;
            }
            device_agent::durable::replace(&full, bytes)?;
            fs::set_permissions(&full, fs::Permissions::from_mode(mode))
        })();
        written.map_err(|error| self.failed("write", path, &error))
    }

    fn put_program(&self, binary: &Path) -> Result<(), Failure> {
        let bytes =
            fs::read(binary).map_err(|error| Failure::Failed(format!("cannot read {}: {error}", binary.display())))?;
        if !bytes.starts_with(b"\x7fELF") {
            return Err(Failure::Failed(format!("{} is no program", binary.display())));
        }
        if fs::read(self.path(PROGRAM)).is_ok_and(|installed| installed == bytes) {
            return Ok(());
        }
        self.put(PROGRAM, &bytes, 0o755)
    }

    /// Writes the configuration if there is none; one that a person may have changed is never replaced.
    fn put_config(&self, text: &str) -> Result<(), Failure> {
        match fs::read_to_string(self.path(CONFIG)) {
            Ok(found) if text.is_empty() || found == text => return Ok(()),
            Ok(_) => {
                let path = self.path(CONFIG);
                let text =
                    format!("{} is there and says something else: change it, or remove it first", path.display());
                return Err(Failure::Failed(text));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(self.failed("read", CONFIG, &error)),
        }
        // The join token is nobody's business but the agent's.
        self.put(CONFIG, text.as_bytes(), 0o640)?;
        let group = self.group().ok_or_else(|| Failure::Failed(format!("the group {USER} is missing")))?;
        chown(self.path(CONFIG), None, Some(group)).map_err(|error| self.failed("give away", CONFIG, &error))
    }

    fn link(&self, to: &str, path: &str) -> Result<(), Failure> {
        let full = self.path(path);
        if fs::read_link(&full).is_ok_and(|found| found == Path::new(to)) {
            return Ok(());
        }
        let linked = (|| {
            if let Some(folder) = full.parent() {
                fs::create_dir_all(folder)?;
            }
            let _ = fs::remove_file(&full);
            symlink(to, &full)
        })();
        linked.map_err(|error| self.failed("link", path, &error))
    }

    fn remove(&self, path: &str) -> Result<(), Failure> {
        match fs::remove_file(self.path(path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed("remove", path, &error)),
            _ => Ok(()),
        }
    }

    /// Adds the user by the machine's own tool; below a mounted root, whose tools cannot run here, by hand.
    fn add_user(&self) -> Result<(), Failure> {
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
        if self.path("etc/shadow").exists() && self.entry("etc/shadow").is_none() {
            self.append("etc/shadow", &format!("{USER}:!:::::::"))?;
        }
        Ok(())
    }

    fn remove_user(&self) -> Result<(), Failure> {
        if self.entry("etc/passwd").is_none() {
            return Ok(());
        }
        if self.live {
            return run("userdel", &[USER]).or_else(|why| run("deluser", &[USER]).map_err(|_| why));
        }
        for file in ["etc/passwd", "etc/group", "etc/shadow"] {
            if self.entry(file).is_some() {
                let text = fs::read_to_string(self.path(file)).map_err(|error| self.failed("read", file, &error))?;
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
        fs::read_to_string(self.path(file)).ok()?.lines().find(|line| line.starts_with(&start)).map(str::to_owned)
    }

    fn group(&self) -> Option<u32> {
        self.entry("etc/group")?.split(':').nth(2)?.parse().ok()
    }

    /// The highest system id that neither a user nor a group has.
    fn free_id(&self) -> Option<u32> {
        let ids = |file: &str| -> Vec<u32> {
            let text = fs::read_to_string(self.path(file)).unwrap_or_default();
            text.lines().filter_map(|line| line.split(':').nth(2)?.parse().ok()).collect()
        };
        let taken = [ids("etc/passwd"), ids("etc/group")].concat();
        (100..1000).rev().find(|id| !taken.contains(id))
    }

    fn append(&self, file: &str, line: &str) -> Result<(), Failure> {
        let mut text = fs::read_to_string(self.path(file)).unwrap_or_default();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        self.rewrite(file, &format!("{text}{line}\n"))
    }

    fn rewrite(&self, file: &str, text: &str) -> Result<(), Failure> {
        let mode = fs::metadata(self.path(file)).map_or(0o644, |found| found.permissions().mode());
        self.put(file, text.as_bytes(), mode & 0o777)
    }
}

/// Runs a program of the machine; what it complains about is the complaint.
fn run(program: &str, arguments: &[&str]) -> Result<(), Failure> {
    let command = format!("{program} {}", arguments.join(" "));
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| Failure::Failed(format!("cannot run `{command}`: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
    Err(Failure::Failed(format!("`{command}` failed: {why}")))
}

//! `device-agent install` and `uninstall`: binary, user, configuration and service, on this machine or below a mounted root.
//!
//! Installing only puts files in place, so it is the same on this machine and below a root; on this machine the service manager
//! is told as well. Each step looks first: installing twice does no more than once, and files that a person wrote stay.

mod places;
mod service;
mod target;
mod tree;

use std::fs;
use std::io;
use std::path::PathBuf;

use lexopt::{Arg, Parser};

use super::failure::{Failure, print};
use super::options::Common;
use places::{CONFIG, PROGRAM, STATE};
use target::{Manager, Target, run};

const HELP: &str = "\
Makes the agent a service that starts at boot: user, configuration, hardened systemd unit (OpenRC where there is no systemd).

Usage: device-agent install [options]

  --hub HOST[:PORT]    Written to /etc/device-agent.toml, as are the next three
  --hub-words WORDS    The six words that the hub shows: the device joins this hub and no other that answers
  --join-token TOKEN   Lets the device join without approval on the hub's page (thj1_...)
  --name NAME          Name to show (default: the host name)
  --label KEY=VALUE    A label of the device; may be repeated
  --root DIR           Install into the root file system mounted here, and start nothing
  --binary FILE        The program to install (default: this one); for a root of another architecture
  --replace-config     Replace an existing configuration with other settings
  --help               This text

Installing again replaces the program and the unit and keeps the configuration. The device's identity is made at its first
start, so that copies of an image become different devices.
";
const UNINSTALL_HELP: &str = "\
Stops the service and removes program, unit and user.

Usage: device-agent uninstall [--root DIR] [--purge]

  --purge              Remove the configuration, the device's identity and its unsent readings as well
";

const SYSTEMD_UNIT: &str = "etc/systemd/system/device-agent.service";
const SYSTEMD_WANTED: &str = "etc/systemd/system/multi-user.target.wants/device-agent.service";
const OPENRC_SCRIPT: &str = "etc/init.d/device-agent";
const OPENRC_WANTED: &str = "etc/runlevels/default/device-agent";

pub(super) fn install(mut parser: Parser) -> Result<(), Failure> {
    let mut common = Common::default();
    let (mut root, mut binary, mut replace_config) = (None, None::<PathBuf>, false);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return print(HELP),
            Arg::Long("root") => root = Some(PathBuf::from(parser.value()?)),
            Arg::Long("binary") => binary = Some(parser.value()?.into()),
            Arg::Long("replace-config") => replace_config = true,
            Arg::Long(option @ ("hub" | "hub-words" | "join-token" | "name" | "label")) => {
                let option = option.to_owned();
                common.take(&option, &mut parser)?;
            }
            other @ (Arg::Short(_) | Arg::Long(_) | Arg::Value(_)) => return Err(other.unexpected().into()),
        }
    }
    // Whatever the service would refuse is refused here, where somebody sees it.
    common.layer.clone().settle(device_agent::config::Key::flag)?;
    let config = config_of(&common)?;
    let target = Target::find(root)?;
    let binary = match binary {
        Some(binary) => binary,
        None => {
            std::env::current_exe().map_err(|error| Failure::Failed(format!("cannot find this program: {error}")))?
        }
    };

    if !replace_config {
        target.check_config(&config)?;
    }
    target.put_program(&binary)?;
    target.add_user()?;
    target.put_config(&config)?;
    match target.manager {
        Manager::Systemd => {
            target.put(SYSTEMD_UNIT, service::SYSTEMD.as_bytes(), 0o644)?;
            target.link("../device-agent.service", SYSTEMD_WANTED)?;
        }
        Manager::OpenRc => {
            target.put(OPENRC_SCRIPT, service::OPENRC.as_bytes(), 0o755)?;
            target.link("/etc/init.d/device-agent", OPENRC_WANTED)?;
        }
    }
    if !target.live {
        return print(&format!("installed below {}; it starts at the next boot\n", target.tree.0.display()));
    }
    match target.manager {
        Manager::Systemd => {
            run("systemctl", &["daemon-reload"])?;
            run("systemctl", &["restart", "device-agent.service"])?;
        }
        Manager::OpenRc => run("rc-service", &["device-agent", "restart"])?,
    }
    print("installed and started; `device-agent status --state /var/lib/device-agent` shows how it is doing\n")
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
    if target.live && target.tree.has(script) {
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
    match target.tree.place(STATE).and_then(fs::remove_dir_all) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(target.failed("remove", STATE, &error)),
        _ => target.remove_user().and_then(|()| print("uninstalled, nothing is left\n")),
    }
}

/// The configuration file that says what the flags say; empty when they say nothing.
fn config_of(common: &Common) -> Result<String, Failure> {
    let layer = &common.layer;
    let mut text = String::new();
    for (key, value) in
        [("hub", &layer.hub), ("hub_words", &layer.hub_words), ("join_token", &layer.join_token), ("name", &layer.name)]
    {
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

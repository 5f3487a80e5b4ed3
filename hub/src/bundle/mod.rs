//! A device agent ready to be installed: program, configuration and service for one kind of machine.
//!
//! ```text
//!   agents ──▶ Payload ──┬──▶ folder, tar.gz   the tree as it lies on the device
//!              Settings ─┤──▶ deb              the same as a Debian package
//!                        └──▶ root             into a mounted root file system: `flash`
//!   script: the same for a running device, by one pasted line
//! ```
//!
//! The service files are the agent's own (`device-agent/dist`), and the configuration reads as `device-agent install` would
//! have written it. A device's identity is in none of these: it is made at the first start, so that copies of an image become
//! different devices. The same payload gives the same bytes, whenever it is made.

mod accounts;
pub(crate) mod agents;
pub(crate) mod archive;
pub(crate) mod deb;
mod elf;
pub(crate) mod place;
pub(crate) mod root;
pub(crate) mod script;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use wire::handshake::JoinToken;

/// Where the program lies on a device.
pub(crate) const PROGRAM: &str = "usr/local/bin/device-agent";
/// Where its configuration lies.
pub(crate) const CONFIG: &str = "etc/device-agent.toml";
const SYSTEMD_UNIT: &str = "etc/systemd/system/device-agent.service";
const OPENRC_SCRIPT: &str = "etc/init.d/device-agent";
const SYSTEMD: &str = include_str!("../../../device-agent/dist/device-agent.service");
const OPENRC: &str = include_str!("../../../device-agent/dist/device-agent.openrc");

/// The agent's own limit: a longer name would be refused at its first start, when nobody looks.
const NAME_BYTES: usize = 64;
const LABELS: usize = 8;
const LABEL_KEY_BYTES: usize = 32;
const LABEL_VALUE_BYTES: usize = 64;

/// A kind of machine that agents are built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "lower")]
pub(crate) enum Target {
    /// 64 bit PCs.
    #[value(name = "x86_64", alias = "amd64")]
    X86_64,
    /// 64 bit ARM: a Raspberry Pi 3 and later with a 64 bit system.
    #[value(alias = "arm64")]
    Aarch64,
    /// 32 bit ARM with hardware floating point, from `ARMv7` on.
    Armhf,
}

impl Target {
    /// Every one of them.
    pub(crate) const ALL: [Self; 3] = [Self::X86_64, Self::Aarch64, Self::Armhf];

    /// What it is called in commands and file names.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
            Self::Armhf => "armhf",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Target {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|target| target.name() == text).ok_or(())
    }
}

/// What the agent is told: all of it may be absent.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// `HOST` or `HOST:PORT` of the hub; multicast finds it when absent.
    pub hub: Option<String>,
    /// Join token: the device joins without approval. A secret.
    pub join_token: Option<JoinToken>,
    /// Name of the device; its host name when absent.
    pub name: Option<String>,
    pub labels: BTreeMap<String, String>,
}

impl Settings {
    /// Checks what the agent would refuse at its start.
    ///
    /// # Errors
    /// The key, and what would be right.
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        if let Some(hub) = &self.hub {
            check_host_port(hub).map_err(|why| ("hub", why))?;
        }
        let plain = |text: &str| wire::text::unseen(text).is_none();
        if self.name.as_ref().is_some_and(|name| name.is_empty() || name.len() > NAME_BYTES || !plain(name)) {
            return Err(("name", format!("must be 1 to {NAME_BYTES} bytes without invisible or control characters")));
        }
        if self.labels.len() > LABELS {
            return Err(("label", format!("at most {LABELS} labels")));
        }
        for (key, value) in &self.labels {
            let lengths = (1..=LABEL_KEY_BYTES).contains(&key.len()) && value.len() <= LABEL_VALUE_BYTES;
            if !lengths || !plain(key) || !plain(value) {
                let text = format!(
                    "'{key}': 1 to {LABEL_KEY_BYTES} bytes of key, at most {LABEL_VALUE_BYTES} of value, no invisible or control characters"
                );
                return Err(("label", text));
            }
        }
        Ok(())
    }

    /// The text of `device-agent.toml`.
    #[must_use]
    pub(crate) fn toml(&self) -> String {
        let token = self.join_token.as_ref().map(JoinToken::to_string);
        let mut text = String::new();
        for (key, value) in [("hub", &self.hub), ("join_token", &token), ("name", &self.name)] {
            if let Some(value) = value {
                text.push_str(&format!("{key} = {}\n", quoted(value)));
            }
        }
        if !self.labels.is_empty() {
            text.push_str("\n[labels]\n");
            for (key, value) in &self.labels {
                text.push_str(&format!("{} = {}\n", quoted(key), quoted(value)));
            }
        }
        text
    }
}

/// Without the token.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("hub", &self.hub).field("name", &self.name).finish_non_exhaustive()
    }
}

/// `HOST`, `HOST:PORT`, `V6` or `[V6]:PORT`: without a port the agent takes that of hubs.
fn check_host_port(text: &str) -> Result<(), String> {
    let expected =
        || format!("'{text}' is not HOST or HOST:PORT, such as hub.local, 192.168.1.20:5770 or [fe80::1%eth0]:5770");
    let is_bare = !text.contains(':') || text.ends_with(']') || text.parse::<Ipv6Addr>().is_ok();
    let plain = !text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '/');
    let fits = match text.rsplit_once(':').filter(|_| !is_bare) {
        None => !text.is_empty() && (!text.contains(':') || !text.ends_with(']') || text.starts_with('[')),
        Some((host, port)) => {
            let bare_v6 = host.contains(':') && !host.starts_with('[');
            !host.is_empty() && !bare_v6 && port.parse::<u16>().is_ok_and(|port| port != 0)
        }
    };
    if fits && plain { Ok(()) } else { Err(expected()) }
}

/// A basic string of TOML. [`Settings::check`] has seen that there are no control characters in it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// One file of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File<'a> {
    /// From the root, without a leading slash.
    pub path: &'static str,
    /// Permission bits.
    pub mode: u32,
    /// What is in it.
    pub bytes: Cow<'a, [u8]>,
}

/// Everything a device gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Payload {
    pub target: Target,
    pub program: Vec<u8>,
    /// What it is told.
    pub settings: Settings,
}

impl Payload {
    /// The files as they lie on the device. Only root reads the configuration until `device-agent install` has made the
    /// agent's group, for there may be a token in it.
    #[must_use]
    pub(crate) fn files(&self) -> Vec<File<'_>> {
        vec![
            File { path: PROGRAM, mode: 0o755, bytes: Cow::Borrowed(&self.program) },
            File { path: CONFIG, mode: 0o600, bytes: Cow::Owned(self.settings.toml().into_bytes()) },
            File { path: SYSTEMD_UNIT, mode: 0o644, bytes: Cow::Borrowed(SYSTEMD.as_bytes()) },
            File { path: OPENRC_SCRIPT, mode: 0o755, bytes: Cow::Borrowed(OPENRC.as_bytes()) },
        ]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_passes_the_check_is_what_the_agent_takes_and_reads_back(
            name in prop::option::of("\\PC{0,40}|[a-z]{60,70}"),
            hub in prop::option::of("[a-z.\\[\\]:%0-9/]{0,12}(:[0-9]{1,6})?|[0-9a-f:]{2,9}"),
            labels in prop::collection::btree_map("\\PC{0,20}|[a-z]{30,34}", "\\PC{0,20}|[a-z]{60,66}", 0..10),
        ) {
            let settings = Settings { hub, name, labels, join_token: Some(JoinToken::new(7, [9; 16])) };
            let layer = device_agent::config::Layer {
                hub: settings.hub.clone(),
                name: settings.name.clone(),
                labels: settings.labels.clone(),
                join_token: settings.join_token.as_ref().map(JoinToken::to_string),
                ..Default::default()
            };
            let taken = layer.clone().settle(ToString::to_string).is_ok();
            prop_assert_eq!(settings.check().is_ok(), taken, "{:?} {:?}", settings, settings.check());
            if taken {
                let dir = tempfile::tempdir().unwrap();
                let path = dir.path().join("device-agent.toml");
                std::fs::write(&path, settings.toml()).unwrap();
                prop_assert_eq!(device_agent::config::Layer::from_file(&path).unwrap(), layer);
            }
        }
    }
}

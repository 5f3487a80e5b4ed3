//! Names and paths of an installed agent, below the root.

pub(super) const PROGRAM: &str = "usr/local/bin/device-agent";
pub(super) const CONFIG: &str = "etc/device-agent.toml";
pub(super) const STATE: &str = "var/lib/device-agent";
pub(super) const USER: &str = "device-agent";

//! The service files for systemd and `OpenRC`. They are files of their own, because the hub puts the same ones into
//! bundles and images.

/// A hardened unit: the agent reads /proc and /sys, talks UDP, and writes its state folder.
pub(super) const SYSTEMD: &str = include_str!("../../../dist/device-agent.service");
/// A script for `openrc-run`.
pub(super) const OPENRC: &str = include_str!("../../../dist/device-agent.openrc");

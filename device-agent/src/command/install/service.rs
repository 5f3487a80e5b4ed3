//! The service, as systemd and `OpenRC` want it written.

/// A hardened unit: the agent reads /proc and /sys, talks UDP, and writes its state folder.
pub(super) const SYSTEMD: &str = "\
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
/// A script for `openrc-run`.
pub(super) const OPENRC: &str = "\
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

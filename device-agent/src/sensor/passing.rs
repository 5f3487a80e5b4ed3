//! Recognises interfaces and mounts that containers and virtual machines create and remove by the dozen. Pure.
//!
//! Their names would fill the device's table and tell nothing new, because their traffic passes through the machine's own card. They are left out unless `[sensors] include` names them. A card that a person made is not among them (`wg0`,
//! `tun0`, `ppp0`, `br0`, `br-lan`, `vmbr0`, `bond0`, `eth0.7`, `wlan0`): one that comes under another name each time gives its
//! place to others after a day.

/// Whose cards begin so: Docker, Podman, LXC and Incus, Kubernetes and what connects its pods, libvirt, Proxmox.
const CARDS: [&str; 23] = [
    "antrea-",
    "cali",
    "cilium_",
    "cni",
    "docker",
    "flannel",
    "fwbr",
    "fwln",
    "fwpr",
    "genev_sys_",
    "incusbr",
    "kube-",
    "lxc",
    "lxdbr",
    "nerdctl",
    "nodelocaldns",
    "podman",
    "veth",
    "virbr",
    "vnet",
    "vxlan.calico",
    "vxlan_sys_",
    "weave",
];

/// Where containers keep what they mount.
const MOUNTS: [&str; 11] = [
    "/run/containerd/",
    "/run/containers/",
    "/run/docker/",
    "/run/k3s/",
    "/snap/",
    "/var/lib/containerd/",
    "/var/lib/containers/",
    "/var/lib/docker/",
    "/var/lib/kubelet/",
    "/var/lib/rancher/",
    "/var/snap/",
];

/// Whether a sensor of this name belongs to such a card.
pub(super) fn is_card(sensor: &str) -> bool {
    let Some(card) = sensor.strip_prefix("net.") else { return false };
    let card = card.split('.').next().unwrap_or_default();
    let hex = |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // `br-lan` is a router's bridge, `br-1f0c9a7b2d3e` Docker's.
    let is_bridge = card.strip_prefix("br-").is_some_and(|rest| hex(rest, 12));
    // `tap0` is somebody's tunnel, `tap100i0` a virtual machine of Proxmox, `tap1f0c9a7b-2d` one of OpenStack.
    let is_machine = card.strip_prefix("tap").is_some_and(|rest| {
        let of_proxmox = rest.split_once('i').is_some_and(|(machine, card)| digits(machine) && digits(card));
        of_proxmox || rest.split_once('-').is_some_and(|(start, end)| hex(start, 8) && hex(end, 2))
    });
    is_bridge || is_machine || CARDS.iter().any(|prefix| card.starts_with(prefix))
}

/// Whether a mount is one of a container's.
pub(super) fn is_mount(mount: &str, kind: &str) -> bool {
    (kind == "overlay" && mount != "/") || MOUNTS.iter().any(|folder| mount.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_containers_make_is_told_apart_from_what_people_make() {
        for card in [
            "veth1a2b3c4",
            "br-1f0c9a7b2d3e",
            "docker0",
            "docker_gwbridge",
            "cali0a1b2c3d4e5",
            "cni0",
            "flannel",
            "virbr0",
            "vnet12",
            "lxc1f2e3d",
            "lxcbr0",
            "fwbr100i0",
            "fwpr100p0",
            "fwln100i0",
            "tap100i0",
            "podman0",
            "kube-ipvs0",
            "nodelocaldns",
            "tap1f0c9a7b-2d",
        ] {
            assert!(is_card(&format!("net.{card}.rx_bytes")), "{card}");
        }
        for card in [
            "eth0", "br0", "br-lan", "br-guest", "vmbr0", "wg0", "tun0", "tap0", "ppp17", "bond0", "team0:1", "ve",
            "tap-vpn",
        ] {
            assert!(!is_card(&format!("net.{card}.rx_bytes")), "{card}");
        }
        assert!(!is_card("temp.veth") && !is_card("disk.docker.used_pct"));
    }

    #[test]
    fn mounts_of_containers_are_told_apart_from_disks() {
        assert!(is_mount("/var/lib/docker/overlay2/1f/merged", "overlay") && is_mount("/mnt/x", "overlay"));
        assert!(is_mount("/var/lib/kubelet/pods/1/volumes/a", "ext4"));
        assert!(!is_mount("/", "overlay") && !is_mount("/media/stick", "vfat") && !is_mount("/var/lib/docker", "ext4"));
    }
}

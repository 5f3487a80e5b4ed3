//! How full the file systems are, from `/proc/self/mountinfo` and `statvfs`.

use std::path::Path;

use rustix::io::Errno;

use super::{Error, Samples, name_part, passing, read};

/// File systems that hold people's data; everything else in the mount table is the kernel's or read-only.
const KINDS: [&str; 16] = [
    "bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "fuseblk", "jffs2", "nilfs2", "ntfs3", "overlay",
    "ubifs", "vfat", "xfs", "zfs",
];

/// Adds `disk.<mount>.used_pct` and `disk.<mount>.free_bytes`; `/` is called `root`.
pub(super) fn sample(root: &Path, samples: &mut Samples) -> Result<(), Error> {
    let text = read(root, "proc/self/mountinfo")?;
    let mut seen: Vec<&str> = Vec::new();
    for line in text.lines() {
        let Some((device, mount, kind)) = mount(line) else { continue };
        // The same file system mounted twice (bind mounts, containers) is one disk. `/` counts whatever it is.
        if seen.contains(&device) || !(KINDS.contains(&kind) || mount == "/") || passing::is_mount(mount, kind) {
            continue;
        }
        let path = root.join(unescape(mount).trim_start_matches('/'));
        let name = name_part(mount);
        let stats = match rustix::fs::statvfs(&path) {
            Ok(stats) if stats.f_blocks > 0 => stats,
            // Hidden below another mount, or from the agent.
            Ok(_) | Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => continue,
            Err(error) => {
                samples.fail(format!("disk.{name}.free_bytes"), Error::Read { path, why: error.to_string() });
                continue;
            }
        };
        seen.push(device);
        // As `df` does: what only root may use is neither used nor free.
        let used = stats.f_blocks.saturating_sub(stats.f_bfree) as f64;
        let usable = used + stats.f_bavail as f64;
        samples.gauge(format_args!("disk.{name}.used_pct"), "%", 100.0 * used / usable.max(1.0));
        samples.gauge(format_args!("disk.{name}.free_bytes"), "By", stats.f_bavail as f64 * stats.f_frsize as f64);
    }
    Ok(())
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw` gives device, mount point and kind.
fn mount(line: &str) -> Option<(&str, &str, &str)> {
    let (left, right) = line.split_once(" - ")?;
    let mut fields = left.split(' ');
    let device = fields.nth(2)?;
    let mount = fields.nth(1)?;
    Some((device, mount, right.split(' ').next()?))
}

/// The kernel writes a space in a path as `\040`.
fn unescape(mount: &str) -> String {
    mount.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
}

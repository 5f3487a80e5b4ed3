//! How full the file systems are, from `/proc/self/mountinfo` and `statvfs`.

use std::collections::{HashMap, HashSet};

use rustix::io::Errno;

use super::{Error, Files, Samples, name_part, passing};

/// File systems that hold people's data; everything else in the mount table is the kernel's or read-only.
const KINDS: [&str; 16] = [
    "bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "fuseblk", "jffs2", "nilfs2", "ntfs3", "overlay",
    "ubifs", "vfat", "xfs", "zfs",
];

/// A file system, and where it is mounted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Disk {
    /// Its mounts as the kernel lists them.
    pub(super) mounts: Vec<Place>,
}

/// Where a file system is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Number of the mount: another one at the same point has another.
    number: String,
    /// As the table writes it.
    point: String,
    /// The part of the sensors' names.
    name: String,
}

/// The file systems that are mounted.
///
/// The same one mounted twice (bind mounts, containers) is one. `/` counts whatever it is.
pub(super) fn list(files: &mut Files) -> Result<Vec<Disk>, Error> {
    let text = files.text("proc/self/mountinfo")?;
    let mounts = text.lines().filter_map(mount).filter(|mount| {
        (KINDS.contains(&mount.kind) || mount.point == "/") && !passing::is_mount(mount.point, mount.kind)
    });
    let mut mounts: Vec<Mount<'_>> = mounts.collect();
    // What is mounted later hides what was mounted at the same point before.
    mounts.reverse();
    let mut points = HashSet::new();
    mounts.retain(|mount| points.insert(mount.point));
    mounts.reverse();
    let mut names: HashMap<String, usize> = HashMap::new();
    for mount in &mounts {
        *names.entry(name_part(mount.point)).or_default() += 1;
    }
    let mut found: Vec<(&str, Disk)> = Vec::new();
    for Mount { number, device, point, .. } in mounts {
        let mut name = name_part(point);
        if names.get(&name).is_some_and(|count| *count > 1) {
            name = format!("{name}-{:08x}", crc32c::crc32c(point.as_bytes()));
        }
        let place = Place { number: number.to_owned(), point: point.to_owned(), name };
        match found.iter_mut().find(|(known, _)| *known == device) {
            Some((_, disk)) => disk.mounts.push(place),
            None => found.push((device, Disk { mounts: vec![place] })),
        }
    }
    Ok(found.into_iter().map(|(_, disk)| disk).collect())
}

/// Adds `disk.<mount>.used_pct` and `disk.<mount>.free_bytes` by the first mount that can be reached; `/` is called `root`.
pub(super) fn sample(disk: &Disk, files: &Files, samples: &mut Samples) {
    for Place { point, name, .. } in &disk.mounts {
        let path = files.folder().join(unescape(point).trim_start_matches('/'));
        let stats = match rustix::fs::statvfs(&path) {
            Ok(stats) if stats.f_blocks > 0 => stats,
            // Hidden below another mount, or from the agent.
            Ok(_) | Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => continue,
            Err(error) => {
                let path = files.named(unescape(point).trim_start_matches('/'));
                samples.fail(format!("disk.{name}.free_bytes"), Error::Read { path, why: error.to_string() });
                continue;
            }
        };
        // As `df` does: what only root may use is neither used nor free.
        let used = stats.f_blocks.saturating_sub(stats.f_bfree) as f64;
        let usable = used + stats.f_bavail as f64;
        samples.gauge(format_args!("disk.{name}.used_pct"), "%", 100.0 * used / usable.max(1.0));
        samples.gauge(format_args!("disk.{name}.free_bytes"), "By", stats.f_bavail as f64 * stats.f_frsize as f64);
        return;
    }
}

impl Disk {
    /// What to call it where something is wrong with it.
    pub(super) fn point(&self) -> String {
        self.mounts.first().map_or_else(String::new, |mount| unescape(&mount.point))
    }
}

/// A line of the mount table.
struct Mount<'a> {
    number: &'a str,
    device: &'a str,
    point: &'a str,
    kind: &'a str,
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw` has number, device, mount point and kind.
fn mount(line: &str) -> Option<Mount<'_>> {
    let (left, right) = line.split_once(" - ")?;
    let mut fields = left.split(' ');
    let number = fields.next()?;
    let device = fields.nth(1)?;
    let point = fields.nth(1)?;
    Some(Mount { number, device, point, kind: right.split(' ').next()? })
}

/// The kernel writes a space in a path as `\040`.
fn unescape(mount: &str) -> String {
    mount.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
}

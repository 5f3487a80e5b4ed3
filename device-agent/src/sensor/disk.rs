//! How full the file systems are, from `/proc/self/mountinfo` and `statvfs`.

use std::collections::HashSet;
use std::path::Path;

use rustix::fs::StatVfs;
use rustix::io::Errno;
use wire::SensorSpec;

use super::origin::Origin;
use super::register::{Present, Register};
use super::spelling::apart;
use super::{Class, Error, Files, Samples, cut_part, name_part, passing};

/// File systems that hold people's data; everything else in the mount table is the kernel's or read-only.
const KINDS: [&str; 16] = [
    "bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "fuseblk", "jffs2", "nilfs2", "ntfs3", "overlay",
    "ubifs", "vfat", "xfs", "zfs",
];

/// A file system, and where it is mounted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Disk {
    /// Its mounts as the kernel lists them.
    pub(super) mounts: Vec<MountPoint>,
}

/// Where a file system is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MountPoint {
    /// Number of the mount: another one at the same point has another.
    number: String,
    /// As the table writes it.
    point: String,
    /// The part of the sensors' names; see [`name`].
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
    let mut found: Vec<(&str, Disk)> = Vec::new();
    for Mount { number, device, point, .. } in mounts {
        let place = MountPoint { number: number.to_owned(), point: point.to_owned(), name: String::new() };
        match found.iter_mut().find(|(known, _)| *known == device) {
            Some((_, disk)) => disk.mounts.push(place),
            None => found.push((device, Disk { mounts: vec![place] })),
        }
    }
    Ok(found.into_iter().map(|(_, disk)| disk).collect())
}

/// Gives each mount the name that its path has, and no other path ever had.
pub(super) fn name(disks: &mut [Disk], register: &mut Register, earlier: &[String]) {
    let mut places: Vec<&mut MountPoint> = disks.iter_mut().flat_map(|disk| &mut disk.mounts).collect();
    // The root of all comes before `/root`.
    places.sort_by_key(|place| place.point != "/");
    let present: Vec<Present> = places.iter().map(|place| present(&place.point, earlier)).collect();
    let is_root = places.first().is_some_and(|place| place.point == "/");
    register.name(Class::Disk, present.get(..usize::from(is_root)).unwrap_or_default());
    for (place, word) in places.into_iter().zip(register.name(Class::Disk, &present)) {
        place.name = word.word;
    }
}

fn present(point: &str, earlier: &[String]) -> Present {
    let mut base = cut_part(point);
    if base.is_empty() {
        Class::Disk.unnamed().clone_into(&mut base);
    }
    let name = name_part(point);
    let was = |name: &str| earlier.contains(&format!("disk.{name}.used_pct"));
    // So earlier versions told those apart that were there at the same time.
    let apart = apart(&base, point, SensorSpec::NAME_LIMIT);
    let cut =
        if was(&apart) { Some(apart.clone()) } else { Some(name).filter(|name| !name.is_empty() && *name != base) };
    let shared = was(&apart) || (cut.is_some() && !was(&base));
    Present { base, before: None, cut, origin: Origin::named(point), shared, is_unread: false }
}

/// Adds `disk.<mount>.used_pct` and `disk.<mount>.free_bytes` by the first mount that can be reached; `/` is called `root`.
pub(super) fn sample(disk: &Disk, files: &Files, samples: &mut Samples) {
    measure(disk, files, samples, |path| rustix::fs::statvfs(path));
}

fn measure(disk: &Disk, files: &Files, samples: &mut Samples, ask: impl Fn(&Path) -> rustix::io::Result<StatVfs>) {
    let mut denied = None;
    for MountPoint { point, name, .. } in &disk.mounts {
        let path = files.folder().join(unescape(point).trim_start_matches('/'));
        let stats = match ask(&path) {
            Ok(stats) if stats.f_blocks > 0 => stats,
            // Hidden below another mount.
            Ok(_) | Err(Errno::NOENT | Errno::NOTDIR) => continue,
            // Hidden from the agent; perhaps the same is mounted elsewhere as well.
            Err(error @ Errno::ACCESS) => {
                denied.get_or_insert((name, error));
                continue;
            }
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
    if let Some((name, error)) = denied {
        samples.leave_out(&format!("disk.{name}.used_pct"), format!("left out: {}", std::io::Error::from(error)));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_that_the_agent_may_not_reach_is_said_unless_it_is_measured_elsewhere() {
        let place = |point: &str| MountPoint { number: String::new(), point: point.to_owned(), name: name_part(point) };
        let disk = Disk { mounts: ["/hidden", "/root/private", "/data"].map(place).into() };
        let files = Files::new(Path::new("/"), "");
        let told = |reached: &str| {
            let mut samples = Samples::default();
            measure(&disk, &files, &mut samples, |path| match path.to_str() {
                Some("/hidden") => Err(Errno::NOENT),
                Some(path) if path == reached => rustix::fs::statvfs("/"),
                _ => Err(Errno::ACCESS),
            });
            (samples.iter().count(), samples.left_out)
        };
        assert_eq!(told("/data"), (2, Vec::new()));
        let (count, left_out) = told("/nowhere");
        assert!(count == 0 && left_out.len() == 1 && left_out[0].0 == "disk.root_private.used_pct", "{left_out:?}");
        assert!(left_out[0].1.contains("Permission denied"));
    }
}

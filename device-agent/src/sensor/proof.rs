//! Checks that the folder of a device still belongs to the same thing: the kernel numbers its devices, and gives the number of a
//! removed one to another later.
//!
//! A file is opened again by its path, which does not say whose it is. So the name in its folder and the link to its device have to
//! be what they were; without such a link, the folder itself has to be the same one.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::number::LONGEST_NUMBER;
use super::open::Open;

/// The link of a folder to the device that it is of. (With a slash behind it, it would be followed.)
const DEVICE: &str = "device";

/// What a folder was when it was described.
#[derive(Debug, Clone)]
pub(super) struct Proof {
    own: Thing,
    /// Of the folder as it was found good last: which it is, and when it changed. As long as that stays nothing else is read.
    state: Option<(u64, u64, i64, i64)>,
}

/// What a folder says of itself.
#[derive(Debug, Clone, PartialEq)]
struct Thing {
    /// Its number in the file system, where it does not say which device it is of.
    folder: Option<(u64, u64)>,
    /// The device that it is of.
    device: Option<PathBuf>,
    /// What it calls itself.
    words: [Option<Vec<u8>>; 2],
}

impl PartialEq for Proof {
    /// Whether both are of the same thing.
    fn eq(&self, other: &Self) -> bool {
        self.own == other.own
    }
}

impl Proof {
    /// Of what the folder is now.
    pub(super) fn of(folder: &Path) -> Self {
        let number = fs::metadata(folder).map_or((0, 0), |about| (about.dev(), about.ino()));
        Self { own: Thing::of(folder, number), state: None }
    }

    /// Whether the folder is that of the same thing as then.
    pub(super) fn holds(&mut self, folder: &Path) -> bool {
        let Ok(about) = fs::metadata(folder) else { return false };
        let state = Some((about.dev(), about.ino(), about.ctime(), about.ctime_nsec()));
        if self.state == state {
            return true;
        }
        let is_same = self.own == Thing::of(folder, (about.dev(), about.ino()));
        if is_same {
            self.state = state;
        }
        is_same
    }
}

impl Thing {
    fn of(folder: &Path, number: (u64, u64)) -> Self {
        let link = folder.join(DEVICE);
        let device = if link.is_symlink() { fs::canonicalize(link).ok() } else { None };
        let words = ["name", "type"].map(|file| word(&folder.join(file)));
        Self { folder: device.is_none().then_some(number), device, words }
    }
}

/// What is in a file of one word; nothing if it would have to be waited for.
fn word(path: &Path) -> Option<Vec<u8>> {
    let mut buffer = [0; LONGEST_NUMBER];
    let mut open = Open::new(path, None).ok().filter(|open| !open.is_stream())?;
    let (length, _) = open.read(&mut buffer, Duration::ZERO).ok()??;
    buffer.get(..length).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn chip(root: &Path, at: &str, name: &str, device: Option<&str>) {
        fs::create_dir_all(root.join(at)).unwrap();
        fs::write(root.join(at).join("name"), name).unwrap();
        if let Some(device) = device {
            fs::create_dir_all(root.join(device)).unwrap();
            symlink(root.join(device), root.join(at).join(DEVICE)).unwrap();
        }
    }

    #[test]
    fn a_folder_that_comes_again_is_the_same_thing_only_if_it_says_so() {
        let root = tempfile::tempdir().unwrap();
        let (root, folder) = (root.path(), root.path().join("hwmon0"));
        chip(root, "hwmon0", "nvme", Some("pci1"));
        let mut proof = Proof::of(&folder);
        fs::write(folder.join("other"), "").unwrap();
        assert!(proof.holds(&folder) && proof.holds(&folder));
        fs::remove_file(folder.join("other")).unwrap();
        assert!(proof.holds(&folder), "other names in it are no matter");
        for (name, device, same) in [
            ("nvme", Some("pci1"), true),
            ("nvme", Some("pci2"), false),
            ("jc42", Some("pci1"), false),
            ("nvme", None, false),
            ("nvme", Some("pci1"), true),
        ] {
            fs::remove_dir_all(&folder).unwrap();
            assert!(!proof.holds(&folder));
            chip(root, "hwmon0", name, device);
            assert_eq!(proof.holds(&folder), same, "{name} {device:?}");
        }
        chip(root, "hwmon1", "nvme", None);
        chip(root, "hwmon2", "nvme", None);
        let folder = root.join("hwmon1");
        let mut proof = Proof::of(&folder);
        assert!(proof.holds(&folder));
        fs::rename(&folder, root.join("away")).unwrap();
        fs::rename(root.join("hwmon2"), &folder).unwrap();
        assert!(!proof.holds(&folder), "nothing says that it is the same");
    }
}

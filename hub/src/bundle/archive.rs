//! A payload as `tar.gz`, byte for byte the same each time. PURE.
//!
//! Folders are left out: unpacked at `/`, they would give the device's own `/etc` and `/usr` other permissions.

use std::io::{self, Write as _};

use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

use super::{File, Payload};

/// Time of every file in an archive, 2000-01-01: always the same, and late enough that no unpacker warns about it.
pub(super) const TIME: u64 = 946_684_800;

/// The tree of a payload, to be unpacked at the root of a device.
///
/// # Errors
/// None in memory but what the writers may say in principle.
pub(crate) fn tar_gz(payload: &Payload) -> io::Result<Vec<u8>> {
    let mut tar = Builder::new(Vec::new());
    for file in payload.files() {
        put_file(&mut tar, file.path, &file)?;
    }
    gzip(&tar.into_inner()?)
}

/// Adds a file under a name.
pub(super) fn put_file(tar: &mut Builder<Vec<u8>>, name: &str, file: &File<'_>) -> io::Result<()> {
    tar.append(&header(EntryType::Regular, name, file.mode, file.bytes.len())?, &*file.bytes)
}

/// Adds a folder under a name that ends in a slash.
pub(super) fn put_folder(tar: &mut Builder<Vec<u8>>, name: &str) -> io::Result<()> {
    tar.append(&header(EntryType::Directory, name, 0o755, 0)?, io::empty())
}

fn header(kind: EntryType, name: &str, mode: u32, size: usize) -> io::Result<Header> {
    let mut header = Header::new_gnu();
    // As it reads: the crate would take the `./` away that every name in a Debian package begins with.
    let room = header.as_mut_bytes().get_mut(..name.len()).filter(|_| name.len() < 100);
    room.ok_or(io::ErrorKind::InvalidFilename)?.copy_from_slice(name.as_bytes());
    header.set_size(size as u64);
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_mtime(TIME);
    header.set_uid(0);
    header.set_gid(0);
    header.set_username("root")?;
    header.set_groupname("root")?;
    header.set_cksum();
    Ok(header)
}

/// Compresses, without a time or a name in the header.
pub(super) fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut writer = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
    writer.write_all(bytes)?;
    writer.finish()
}

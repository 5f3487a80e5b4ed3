//! A number, JSON or lines in a file that another program writes.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::content::Content;
use super::text::MOST_BYTES;

pub(super) fn read(path: &Path) -> Result<Content, String> {
    let told = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    // Without O_NONBLOCK, opening a pipe that nobody writes to would never return.
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path).map_err(|why| told(&why))?;
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(told(&"not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|why| told(&why))?;
    let is_cut = bytes.len() > MOST_BYTES;
    bytes.truncate(MOST_BYTES);
    Ok(Content { bytes, is_cut })
}

//! A number, or JSON, in a file that another program writes.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::{Format, MOST_BYTES, Measured, Naming, numbers};

pub(super) fn read(path: &Path, format: &Format, naming: &Naming) -> Result<Vec<Measured>, String> {
    let told = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    // Without O_NONBLOCK, opening a pipe that nobody writes to would never return.
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path).map_err(|why| told(&why))?;
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(told(&"not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(MOST_BYTES as u64).read_to_end(&mut bytes).map_err(|why| told(&why))?;
    numbers(&String::from_utf8_lossy(&bytes), format, naming).map_err(|why| told(&why))
}

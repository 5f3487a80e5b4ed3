//! The SHA-256 of a backup, stored behind the database in its file. SQLite reads only as far as its own header says.
//!
//! The sum detects damage on a memory stick or on the way. A person who changes the file on purpose can write a new sum. What such a
//! file can contain is bounded by the schema, which is compared ([`crate::store::sqlite::file::migrate::is_as_made`]).

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use ring::digest;

/// Before the 32 bytes of the sum.
const MARK: [u8; 16] = *b"\ntelemetry-hub\0\x01";
const BYTES: u64 = MARK.len() as u64 + 32;

/// Writes it behind what is there.
pub(in crate::store) fn append(file: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).append(true).open(file)?;
    let length = file.metadata()?.len();
    let sum = sum(&mut file, length)?;
    file.write_all(&[&MARK[..], sum.as_ref()].concat())
}

/// Whether a file has one that is right.
pub(in crate::store) fn is_right(file: &Path) -> io::Result<bool> {
    let mut file = File::open(file)?;
    let Some(length) = file.metadata()?.len().checked_sub(BYTES) else { return Ok(false) };
    let found = sum(&mut file, length)?;
    let mut trailer = Vec::new();
    file.take(BYTES).read_to_end(&mut trailer)?;
    Ok(trailer.strip_prefix(&MARK) == Some(found.as_ref()))
}

/// Of the first bytes; leaves the file behind them.
fn sum(file: &mut File, length: u64) -> io::Result<digest::Digest> {
    file.seek(SeekFrom::Start(0))?;
    let mut context = digest::Context::new(&digest::SHA256);
    let (mut bytes, mut left) = (vec![0; 1 << 16], length);
    while left > 0 {
        let most = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = file.read(&mut bytes[..most])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        context.update(&bytes[..read]);
        left -= read as u64;
    }
    Ok(context.finish())
}

//! A file as a source: a number, JSON or lines that another program writes.
//!
//! While a program overwrites its file, the file may be empty or end in half a number. So a file that was written a
//! moment ago and ends in the middle of a line is read again until it stays the same. A program that pauses in the
//! middle of a number cannot be told from one that writes no line end; one that writes another file and renames it is
//! always read correctly.

use std::fs::{Metadata, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use super::content::Content;
use super::text::MOST_BYTES;
use crate::clock;

/// A file written less than this ago may still be in the middle of being written.
const LATELY: Duration = Duration::from_secs(2);
/// How long a file has to stay unchanged.
const STAYS: Duration = Duration::from_millis(20);
/// How often a file is read again at most: for three quarters of a second.
const MOST_READ: usize = 25;

/// If a file system always says that a file was written just now, this many equal reads are enough, if no other was ever seen: a file
/// that is written over all the time looks alike for a while, too, where its writer keeps step with these reads.
const ENOUGH: usize = 12;

/// Which file it is, how long, and when it was written.
type State = (u64, u64, i64, i64);

/// What is in a file now, and how that was before and after, where it may be half of what is being written.
type Look = (Content, Option<[State; 2]>);

/// What is in a file.
///
/// # Errors
/// It cannot be read, is no file, or does not stay as it is: a text that names it.
pub(super) fn read(path: &Path) -> Result<Content, String> {
    let said = || format!("{}: it is written to all the time: write beside it and rename", path.display());
    // Never in step with a writer: each wait is another one, up to twice as long.
    let wait = |n: usize| std::thread::sleep(STAYS + STAYS * ((n * 7 % 10) as u32) / 10);
    settled(|| look(path), wait)?.ok_or_else(said)
}

/// What is there once it stays as it is; nothing if it does not.
fn settled(mut look: impl FnMut() -> Result<Look, String>, wait: impl Fn(usize)) -> Result<Option<Content>, String> {
    let (mut content, mut half) = look()?;
    let mut always_alike = true;
    for n in 0..MOST_READ {
        let Some(before) = half else { return Ok(Some(content)) };
        wait(n);
        let (next, next_half) = look()?;
        let is_same = next_half == Some(before) && before[0] == before[1];
        always_alike &= next.bytes == content.bytes;
        (content, half) = (next, next_half);
        if is_same || always_alike && n + 1 >= ENOUGH {
            return Ok(Some(content));
        }
    }
    Ok(None)
}

fn look(path: &Path) -> Result<Look, String> {
    let told = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    // Without O_NONBLOCK, opening a pipe that nobody writes to would never return.
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let mut file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path).map_err(|why| told(&why))?;
    let about = file.metadata().map_err(|why| told(&why))?;
    if !about.is_file() {
        return Err(told(&"not a regular file"));
    }
    let mut bytes = Vec::new();
    (&mut file).take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|why| told(&why))?;
    let written = about.mtime() * 1_000 + about.mtime_nsec() / 1_000_000;
    let is_late = clock::now().unix.0.abs_diff(written) <= LATELY.as_millis() as u64;
    let is_cut = bytes.len() > MOST_BYTES;
    bytes.truncate(MOST_BYTES);
    let may_be_half = is_late && !is_cut && bytes.last() != Some(&b'\n');
    let state = |about: &Metadata| (about.ino(), about.size(), about.mtime(), about.mtime_nsec());
    let after = file.metadata().map_err(|why| told(&why))?;
    let half = may_be_half.then(|| [state(&about), state(&after)]);
    Ok((Content { bytes, is_cut }, half))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// What comes of texts that are there one after the other, each written at a time, the last for ever.
    fn after(looks: &[(&str, i64)]) -> Option<String> {
        let mut looks = looks.iter().chain(looks.last().into_iter().cycle());
        let mut look = || {
            let (text, written) = looks.next().unwrap();
            let state = (1, text.len() as u64, *written, 0);
            let half = (!text.ends_with('\n')).then_some([state, state]);
            Ok((Content { bytes: text.as_bytes().to_vec(), is_cut: false }, half))
        };
        let content = settled(&mut look, |_| {}).unwrap()?;
        Some(String::from_utf8(content.bytes).unwrap())
    }

    #[test]
    fn what_may_be_half_of_a_file_is_read_again_until_it_stays() {
        for (looks, text) in [
            (&[("123456\n", 1)][..], "123456\n"),
            (&[("", 1), ("123", 2), ("123456\n", 3)], "123456\n"),
            (&[("123", 1), ("123", 2), ("123456", 3)], "123456"),
            (&[("123", 1)], "123"),
            (&[("", 1)], ""),
        ] {
            assert_eq!(after(looks).as_deref(), Some(text), "{looks:?}");
        }
        let never: Vec<(String, i64)> = (0..99).map(|at| ("7".repeat(at % 2 + 1), at as i64)).collect();
        let never: Vec<(&str, i64)> = never.iter().map(|(text, at)| (&**text, *at)).collect();
        assert_eq!(after(&never), None);
        // Written over all the time, by a writer that keeps step with the reads for a while.
        let stepping: Vec<(&str, i64)> = (0..99).map(|at| (if at % 8 == 3 { "123456" } else { "123" }, at)).collect();
        assert_eq!(after(&stepping), None);
        // Some file systems say of every file that it was written just now.
        let now: Vec<(&str, i64)> = (0..99).map(|at| ("123", at)).collect();
        assert_eq!(after(&now).as_deref(), Some("123"));
    }

    #[test]
    fn a_file_that_was_written_lately_without_an_end_of_a_line_may_be_half() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("level");
        for (text, may_be_half) in [("123", true), ("", true), ("12 C\n", false)] {
            fs::write(&path, text).unwrap();
            assert_eq!(look(&path).unwrap().1.is_some(), may_be_half, "{text}");
            assert_eq!(read(&path).unwrap().bytes, text.as_bytes());
        }
        fs::write(&path, "123").unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(1_000_000_000)).unwrap();
        assert_eq!(look(&path).unwrap().1, None);
    }
}

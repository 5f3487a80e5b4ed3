//! Reads the passphrase of a backup from a file or another program. A command line would show it to everybody on the
//! machine.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use super::outcome::Failure;

/// Shortest passphrase, in characters: fewer are guessed by a machine within an afternoon.
const SHORTEST: usize = 8;
/// Longest file that is read, in bytes.
const LONGEST: u64 = 4_096;

/// Where it is.
#[derive(Debug, clap::Args)]
pub(super) struct PassphraseFile {
    /// File whose first line is the passphrase of the backup, `-` for standard input. Such a backup is in the format of
    /// age: `age --decrypt` opens it too
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl PassphraseFile {
    /// What it says; nothing where none is named.
    pub(super) fn read(&self) -> Result<Option<String>, Failure> {
        let Some(path) = &self.passphrase_file else { return Ok(None) };
        let said = |what: &str| Failure::Use(format!("--passphrase-file {}: {what}", path.display()));
        let mut text = String::new();
        let read = if path.as_os_str() == "-" {
            std::io::stdin().lock().take(LONGEST).read_to_string(&mut text)
        } else {
            File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text))
        };
        read.map_err(|error| said(&error.to_string()))?;
        let passphrase = text.lines().next().unwrap_or_default();
        if passphrase.chars().count() < SHORTEST {
            return Err(said(&format!("its first line has to have at least {SHORTEST} characters")));
        }
        Ok(Some(passphrase.to_owned()))
    }
}

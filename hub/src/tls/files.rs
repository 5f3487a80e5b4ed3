//! `--tls files`: a certificate that another program renews.
//!
//! Both files are looked at every few seconds, because the other program renames them into place at any time, one after
//! the other. Files that are not a pair (half written, or from two renewals) do not replace the pair in use.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::pair::{Pair, Wrong};
use super::shown::{Shown, moment};
use crate::clock::Clock;
use crate::model::UnixMillis;

/// Time between two looks at the files.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(3);
/// Largest file: a chain of a hundred certificates.
const LARGEST: u64 = 1 << 20;
/// How long before its end a certificate that was not renewed is reported.
const SOON_MS: i64 = 7 * 86_400_000;

/// The two files, and what they held when they were looked at last.
#[derive(Debug)]
pub(super) struct Files {
    certificate: PathBuf,
    key: PathBuf,
    seen: [Vec<u8>; 2],
    /// What was wrong at the last look: told when it still is at the next.
    suspected: Option<String>,
}

impl Files {
    /// Reads them for the first time.
    pub(super) fn open(certificate: PathBuf, key: PathBuf) -> anyhow::Result<(Self, Pair)> {
        let mut files = Self { certificate, key, seen: Default::default(), suspected: None };
        files.seen = files.contents().map_err(anyhow::Error::msg)?;
        let pair = files.pair().map_err(anyhow::Error::msg)?;
        Ok((files, pair))
    }

    fn contents(&self) -> Result<[Vec<u8>; 2], String> {
        Ok([read("--tls-cert", &self.certificate)?, read("--tls-key", &self.key)?])
    }

    fn pair(&self) -> Result<Pair, String> {
        let [certificate, key] = &self.seen;
        let (first, second) = (self.certificate.display(), self.key.display());
        Pair::read(certificate, key).map_err(|wrong| match wrong {
            Wrong::Certificate(text) => format!("--tls-cert {first}: {text}"),
            Wrong::Key(text) => format!("--tls-key {second}: {text}"),
            Wrong::Both => format!("--tls-key {second}: this key does not belong to the first certificate in {first}; the hub's own certificate has to be the first"),
        })
    }

    /// Looks whether they changed; a new pair is in use from here on.
    pub(super) fn look(&mut self, shown: &Shown, clock: Clock) {
        let found = match self.contents() {
            Ok(found) if found == self.seen && self.suspected.is_none() => {
                return self.tell_of_age(shown, clock.wall());
            }
            Ok(found) => {
                self.seen = found;
                self.pair()
            }
            Err(error) => Err(error),
        };
        match found {
            Ok(pair) => {
                let until = moment(pair.life.ends_at);
                tracing::info!(file = %self.certificate.display(), %until, "the certificate is another, valid until {until}");
                self.suspected = None;
                shown.show(pair);
                self.tell_of_age(shown, clock.wall());
            }
            // One look may fall between two renames.
            Err(text) if self.suspected.as_ref() == Some(&text) => {
                shown.trouble(format!("{text}; the one before stays in use"))
            }
            Err(text) => self.suspected = Some(text),
        }
    }

    /// What is wrong with its times, told once.
    pub(super) fn tell_of_age(&self, shown: &Shown, now: UnixMillis) {
        let life = shown.life();
        let file = self.certificate.display();
        let text = if life.ends_at <= now {
            format!("--tls-cert {file}: this certificate expired on {}: browsers refuse it", moment(life.ends_at))
        } else if life.starts_at > now {
            format!(
                "--tls-cert {file}: this certificate is valid from {} on: browsers refuse it until then",
                moment(life.starts_at)
            )
        } else if life.ends_at.since(now) < SOON_MS {
            format!("--tls-cert {file}: this certificate expires on {} and was not renewed yet", moment(life.ends_at))
        } else {
            return shown.well();
        };
        shown.trouble(text);
    }
}

fn read(flag: &str, path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes));
    file.map(|_| bytes).map_err(|error| format!("{flag} {}: {error}", path.display()))
}

//! The device's identity: the state folder, its lock, the key made at the first start, the boot count, the pinned hub.
//!
//! ```text
//! <state>/lock         held while an agent runs: two agents on one identity would use the same batch numbers twice
//! <state>/identity     key, boot count, machine hint, check sum; mode 0600; replaced as a whole
//! <state>/start        number of the newest start, drawn at random: tells a copy of this folder from it
//! <state>/sensors      names and numbers of sensors, see [`crate::sensor::SensorTable`]
//! <state>/spool/       unacknowledged batches, see [`crate::spool`]
//! <state>/hub.pub      the hub this device belongs to, pinned at the first confirmed session
//! <state>/reserve      room for the identity file when the disk is full
//! ```
//!
//! Promises:
//! - The boot count is on disk *before* it is used, so that an epoch and a handshake counter never come twice. A full disk
//!   does not prevent that, nor the start: the space reserved for it is released then.
//! - A folder copied to another machine (a cloned image) gets an identity of its own; the copy stays as
//!   `identity.cloned` and `spool.cloned`; pin and sensor table stay, because they describe the hub and the software.
//! - A damaged file is never overwritten: it is set aside, the log says so, and the device starts with a new key.

#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock, statfs};
use serde::{Deserialize, Serialize};
use wire::handshake::Start;
use wire::{DeviceId, Epoch, Id, KeyPair, PublicKey};

use crate::durable;

/// Two blocks of any file system: the identity file's own, and one for its name. Not zeros, which some do not store.
const RESERVE: [u8; 8192] = [0x5a; 8192];

/// Why there is no usable state folder.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder cannot be made or written.
    #[error("state folder {} cannot be used: {source}; choose another with --state", .folder.display())]
    Folder {
        folder: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// Another agent runs on this folder.
    #[error("state folder {}: another device-agent is using it", .0.display())]
    Locked(PathBuf),
    /// No key could be made.
    #[error(transparent)]
    NoRandomness(#[from] wire::NoRandomness),
}

/// What happened to the identity at this start; each but the first is worth telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Read from the file.
    Kept,
    /// Made now: first start on this folder.
    Made,
    /// Made now, because the folder was copied from another machine.
    Cloned {
        /// Where the copied identity lies.
        aside: PathBuf,
    },
    /// Made now, because the file could not be read.
    Damaged {
        /// Where the damaged file lies.
        aside: PathBuf,
    },
}

/// The identity file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    secret: String,
    public: String,
    boot: u32,
    machine: String,
    check: u32,
}

impl Stored {
    fn check_of(&self) -> u32 {
        let sum = crc32c::crc32c(self.secret.as_bytes());
        let sum = crc32c::crc32c_append(sum, self.public.as_bytes());
        let sum = crc32c::crc32c_append(sum, &self.boot.to_le_bytes());
        crc32c::crc32c_append(sum, self.machine.as_bytes())
    }

    fn keys(&self) -> Option<KeyPair> {
        let secret = wire::from_base32(&self.secret)?.try_into().ok()?;
        let public = wire::from_base32(&self.public)?.try_into().ok()?;
        Some(KeyPair { public: PublicKey(public), secret })
    }
}

/// What the device remembers of its hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin {
    /// The hub's key.
    pub hub: PublicKey,
    /// Number of the token it joined with; 0 for none. Another token given at a start lifts the pin.
    pub token: u64,
    /// Where the hub was last; only a hint.
    pub address: Option<SocketAddr>,
}

/// The state folder, locked, with the identity in it.
#[derive(Debug)]
pub struct Identity {
    folder: PathBuf,
    keys: KeyPair,
    boot: u32,
    machine: String,
    origin: Origin,
    /// Held for its lock.
    _lock: Lock,
}

impl Identity {
    /// Opens the state folder and its identity, making both when there are none.
    ///
    /// # Errors
    /// [`Error`] when the folder is unusable or another agent holds it.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        Self::open_on(folder, &machine_hint(Path::new("/")))
    }

    /// [`Identity::open`] on a machine with this hint.
    ///
    /// # Errors
    /// As [`Identity::open`].
    pub fn open_on(folder: &Path, machine: &str) -> Result<Self, Error> {
        let failed = |source| Error::Folder { folder: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        let lock = lock(folder)?;
        let path = folder.join("identity");

        let read = match fs::read(&path) {
            Ok(bytes) => Some(read_identity(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        let (kept, origin) = match read {
            Some(Some((keys, boot, hint))) if hint == machine => (Some((keys, boot)), Origin::Kept),
            Some(Some(_)) => {
                // First, so that a crash in between repeats it: readings of another device are not ours to send.
                let spool = folder.join("spool");
                if spool.exists() {
                    durable::set_aside(&spool, "cloned").map_err(failed)?;
                }
                (None, Origin::Cloned { aside: durable::set_aside(&path, "cloned").map_err(failed)? })
            }
            Some(None) => (None, Origin::Damaged { aside: durable::set_aside(&path, "damaged").map_err(failed)? }),
            None => (None, Origin::Made),
        };
        let (keys, boot) = match kept {
            Some(kept) => kept,
            None => (KeyPair::generate()?, 0),
        };
        let identity = Self { folder: folder.to_owned(), keys, boot, machine: machine.to_owned(), origin, _lock: lock };
        if identity.origin != Origin::Kept {
            identity.store().map_err(failed)?;
        }
        Ok(identity)
    }

    /// Begins a new epoch above `used`: the boot count goes up, on disk first.
    ///
    /// `used` is the highest epoch that lies in the spool: after a damaged identity file the count starts again, and must
    /// not reach numbers that batches on disk have already.
    ///
    /// # Errors
    /// [`Error::Folder`] when it could not be written; the epoch was then not begun.
    pub fn begin_epoch(&mut self, used: Epoch) -> Result<Epoch, Error> {
        self.boot = self.boot.max(used.0).saturating_add(1);
        self.store().map_err(|source| Error::Folder { folder: self.folder.clone(), source })?;
        self.reserve();
        Ok(Epoch(self.boot))
    }

    /// Begins above an epoch at the next start: the hub knows of later starts than this folder does.
    ///
    /// # Errors
    /// [`Error::Folder`] when it could not be written.
    pub fn skip_to(&mut self, epoch: Epoch) -> Result<(), Error> {
        self.boot = self.boot.max(epoch.0);
        self.store().map_err(|source| Error::Folder { folder: self.folder.clone(), source })
    }

    /// Draws the number of this start and keeps it for the next. Where it cannot be kept the start goes on all the same.
    #[must_use]
    pub fn draw_start(&self, random: u64) -> Start {
        let path = self.folder.join("start");
        let before = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let drawn = (1..=u16::MAX).contains(&(random as u16)).then_some(random as u16);
        let number = drawn.filter(|number| *number != before).unwrap_or(if before == 1 { 2 } else { 1 });
        let _ = durable::replace(&path, format!("{number}\n").as_bytes());
        Start { number, before }
    }

    /// The key pair.
    #[must_use]
    pub const fn keys(&self) -> &KeyPair {
        &self.keys
    }

    /// How often it was started, with what was skipped.
    #[must_use]
    pub const fn boot(&self) -> u32 {
        self.boot
    }

    /// The device's id.
    #[must_use]
    pub fn id(&self) -> DeviceId {
        Id::of(&self.keys.public)
    }

    /// What happened to the identity at this start.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The state folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether the folder lies in memory and is gone after a reboot, and with it the identity.
    #[must_use]
    pub fn is_volatile(&self) -> bool {
        const TMPFS: u64 = 0x0102_1994;
        const RAMFS: u64 = 0x8584_58f6;
        statfs(&self.folder).is_ok_and(|stats| {
            let kind = u64::try_from(stats.f_type).unwrap_or(0);
            kind == TMPFS || kind == RAMFS
        })
    }

    /// The hub this device belongs to, if it has joined one.
    #[must_use]
    pub fn pinned_hub(&self) -> Option<Pin> {
        let text = fs::read_to_string(self.folder.join("hub.pub")).ok()?;
        let mut fields = text.split_whitespace();
        let bytes = wire::from_base32(fields.next()?)?;
        Some(Pin {
            hub: PublicKey(bytes.try_into().ok()?),
            token: fields.next().and_then(|token| token.parse().ok()).unwrap_or(0),
            address: fields.next().and_then(|address| address.parse().ok()),
        })
    }

    /// Pins the hub: from here on the device talks to no other.
    ///
    /// # Errors
    /// [`Error::Folder`] when it could not be written.
    pub fn pin_hub(&self, pin: &Pin) -> Result<(), Error> {
        let address = pin.address.map_or_else(String::new, |address| address.to_string());
        let text = format!("{} {} {address}\n", wire::base32(&pin.hub.0), pin.token);
        durable::replace(&self.folder.join("hub.pub"), text.as_bytes())
            .map_err(|source| Error::Folder { folder: self.folder.clone(), source })
    }

    fn store(&self) -> io::Result<()> {
        let mut stored = Stored {
            secret: wire::base32(&self.keys.secret),
            public: wire::base32(&self.keys.public.0),
            boot: self.boot,
            machine: self.machine.clone(),
            check: 0,
        };
        stored.check = stored.check_of();
        let bytes = serde_json::to_vec(&stored).map_err(io::Error::other)?;
        let path = self.folder.join("identity");
        match durable::replace(&path, &bytes) {
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                fs::remove_file(self.folder.join("reserve"))?;
                durable::replace(&path, &bytes)
            }
            written => written,
        }
    }

    /// Sets room aside for the next time; a disk that has none now is tried again at the next start.
    fn reserve(&self) {
        let path = self.folder.join("reserve");
        if fs::metadata(&path).map_or(0, |found| found.len()) < RESERVE.len() as u64 {
            let _ = durable::replace(&path, &RESERVE);
        }
    }
}

/// The right to a state folder, given back when dropped: also where a copy of the file is open still, as in a command that hangs
/// at its start.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

fn lock(folder: &Path) -> Result<Lock, Error> {
    let failed = |source| Error::Folder { folder: folder.to_owned(), source };
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(folder.join("lock"))
        .map_err(failed)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Lock(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::Locked(folder.to_owned())),
        Err(error) => Err(failed(error.into())),
    }
}

fn read_identity(bytes: &[u8]) -> Option<(KeyPair, u32, String)> {
    let stored: Stored = serde_json::from_slice(bytes).ok()?;
    if stored.check != stored.check_of() {
        return None;
    }
    Some((stored.keys()?, stored.boot, stored.machine))
}

/// What tells this machine from a copy of it: its machine-id and the hardware address of its first real network card.
///
/// Both, because images are often flashed with a machine-id in them, and containers share the host's card.
#[must_use]
pub fn machine_hint(root: &Path) -> String {
    let machine_id = fs::read_to_string(root.join("etc/machine-id")).unwrap_or_default();
    let mut cards: Vec<String> = fs::read_dir(root.join("sys/class/net"))
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        // Bridges, tunnels and veth pairs have no device behind them, and their addresses change at each boot.
        .filter(|card| card.path().join("device").exists())
        .filter_map(|card| fs::read_to_string(card.path().join("address")).ok())
        .map(|address| address.trim().to_owned())
        .collect();
    cards.sort_unstable();
    let text = format!("{}|{}", machine_id.trim(), cards.first().map_or("", String::as_str));
    format!("{:08x}{:08x}", crc32c::crc32c(text.as_bytes()), crc32c::crc32c_append(0x5eed, text.as_bytes()))
}

/// What is said of another machine with this identity, and what is to be done.
#[must_use]
pub fn claimed_words(other: &str, goes_on: bool, folder: &str) -> String {
    if goes_on {
        return format!(
            "another machine at {other} uses this device's identity, the hub refuses its readings; stop its agent, delete {folder}/identity there, start it and adopt it as a separate device"
        );
    }
    format!(
        "this identity is in use by another machine at {other}; the hub refuses readings of this one, which are kept here; if this is the copy, stop the agent, delete {folder}/identity, start it and adopt it as a separate device"
    )
}

/// Where state lies when nobody says: the system's folder if there is one and we may write it, else the user's.
#[must_use]
pub fn default_folder() -> PathBuf {
    let system = PathBuf::from("/var/lib/device-agent");
    if rustix::fs::access(&system, rustix::fs::Access::WRITE_OK).is_ok() {
        return system;
    }
    let home = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state")));
    home.map_or(system, |home| home.join("device-agent"))
}

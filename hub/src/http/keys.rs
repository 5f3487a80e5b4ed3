//! The secrets with which credentials are compared, and how often wrong ones may be tried.

use std::path::PathBuf;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::http::shares::throttle::{Codes, Lines, Throttle};
use crate::password::Passwords;
use crate::store::Store;

/// The parts of the hub that let people and programs in, and end their access.
#[derive(Debug)]
pub(in crate::http) struct Keys {
    /// Users, sessions and tokens.
    pub(in crate::http) store: Store,
    pub(in crate::http) clock: Clock,
    /// SHA-256 of the text of one more admin token (`--admin-token-file`).
    pub(in crate::http) admin_token: Option<[u8; 32]>,
    /// SHA-256 of the key that lies in the data directory while the hub runs, for commands on this machine.
    pub(in crate::http) local_key: Option<[u8; 32]>,
    /// SHA-256 of a code that signs browsers in again and again, of a demo.
    pub(in crate::http) login_code: Option<[u8; 32]>,
    /// Where the token of the setup link lies, until it is used.
    pub(in crate::http) setup_file: Option<PathBuf>,
    /// The machine's host name, by which authenticator apps tell one hub from another.
    pub(in crate::http) hostname: Option<String>,
    /// Password hashes, few at a time.
    pub(in crate::http) passwords: Passwords,
    /// Attempts to sign in.
    pub(in crate::http) attempts: Throttle,
    /// Wrong codes beside right passwords, by user.
    pub(in crate::http) codes: Codes,
    /// Bounds what the log says of wrong attempts.
    pub(in crate::http) attempt_lines: Lines,
    /// Told when sessions or tokens were ended: live connections look whether theirs is among them.
    pub(in crate::http) access_ended: watch::Sender<()>,
}

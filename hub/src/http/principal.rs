//! The caller of a request, once known. PURE.

use crate::ingest::newcomers::Maker;
use crate::model::access::{Scope, Session};
use crate::model::view::View;

/// The caller of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Principal {
    /// What they may do.
    pub scope: Scope,
    /// Of which devices.
    pub view: View,
    /// How they are known.
    pub by: By,
    /// Row number of the user, if it is one.
    pub user: Option<u64>,
}

impl Principal {
    /// The user of a session, by the hash of its cookie.
    #[must_use]
    pub(super) const fn of(session: &Session, hash: [u8; 32]) -> Self {
        Self { scope: session.role.scope(), view: View::ALL, by: By::Session(hash), user: Some(session.user) }
    }

    /// A program.
    pub(in crate::http) const fn program(scope: Scope, view: View, by: By) -> Self {
        Self { scope, view, by, user: None }
    }
}

/// How somebody is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum By {
    /// A session, by the hash of its cookie.
    Session([u8; 32]),
    /// A stored token, by number.
    Token(u64),
    /// The token of `--admin-token-file`.
    File,
    /// The key in the data directory: a command on this machine.
    Key,
}

impl From<By> for Maker {
    fn from(by: By) -> Self {
        match by {
            By::Session(hash) => Self::Session(hash),
            By::Token(number) => Self::Token(number),
            By::File => Self::File,
            By::Key => Self::Key,
        }
    }
}

//! How the door is: connected or not, and what went wrong last.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use super::client::Version;
use crate::model::UnixMillis;

/// How it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// Since when, and by which version.
    pub connected: Option<(UnixMillis, Version)>,
    /// Where the broker is.
    pub peer: Option<SocketAddr>,
    /// What ended the last connection or kept the last try from being one, and when.
    pub error: Option<(UnixMillis, String)>,
}

/// The same for those who look and those who know.
#[derive(Debug, Default)]
pub(crate) struct Standing(Mutex<State>);

impl Standing {
    pub(super) fn reached(&self, peer: Option<SocketAddr>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).peer = peer;
    }

    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).peer
    }

    pub(super) fn connected(&self, now: UnixMillis, version: Version) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.connected = Some((now, version));
    }

    pub(super) fn lost(&self, now: UnixMillis, why: String) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (state.connected, state.error) = (None, Some((now, why)));
    }

    /// As it is now.
    pub(crate) fn state(&self) -> State {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
